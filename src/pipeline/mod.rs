//! From keys to acknowledged documents: the one path that everything takes.
//!
//! `intake` turns touches into keys, `queue` holds them until a worker takes a batch, `write` builds and sends it, and
//! each key's `receipt` is told what became of it, by the `report` of its batch. Nobody else writes documents.

pub mod budget;
pub mod fleet;
pub mod hold;
pub mod intake;
pub mod queue;
pub mod receipt;
pub mod record;
pub mod report;
pub mod settings;
pub mod worker;
pub mod write;

pub use budget::Budget;
pub use fleet::{Fleet, Generation};
pub use queue::{Lane, Queue};
pub use receipt::{Ending, Fate, Receipt};
pub use settings::PipelineSettings;

//! The only module that talks to Elasticsearch (or OpenSearch, which takes nearly the same calls).
//!
//! [`Elastic`] is the client; each other file holds what can be asked of it: writing batches (`bulk`), the fate of each
//! written document (`outcome`), indexes and what stands before and behind them (`index`, `template`, `alias`),
//! reading documents back (`document`, `scan`, `highest`), and the note that ties a cluster to its source (`state`).
//!
//! Nothing here retries, waits, splits or counts: an error says which of these is right ([`ElasticError::verdict`]), the
//! caller does it. No message from here holds a row's content.

mod alias;
mod bulk;
mod client;
mod document;
mod error;
mod fault;
mod highest;
mod index;
mod node;
mod outcome;
mod path;
mod product;
mod scan;
mod settings;
mod state;
mod template;

pub use alias::{Behind, PointAlias};
pub use client::Elastic;
pub use document::{Document, DocumentId, Mark, Stored};
pub use error::{ElasticError, Verdict};
pub use index::{Created, GC_DELETES, IndexPlan, Made, Origin, generation_settings};
pub use outcome::Outcome;
pub use product::{Distribution, Product};
pub use scan::Scan;
pub use settings::{Auth, ElasticSettings};
pub use state::STATE_INDEX;

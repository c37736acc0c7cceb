//! highwater's own schema in Postgres: everything that must survive a crash. Only this module writes to Postgres.

pub mod capture;
pub mod claim;
pub mod clock;
pub mod cut;
pub mod dead;
pub mod document;
pub mod error;
pub mod generation;
pub mod grant;
pub mod identity;
pub mod job;
pub mod lease;
mod lock;
pub mod migrate;
pub mod parked;
pub mod rights;
pub mod settle;
pub mod status;
pub mod unused;
pub mod watermark;

pub use claim::{Claim, Touch};
pub use error::LedgerError;
pub use generation::GenerationRow;
pub use settle::Settlement;

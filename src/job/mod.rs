//! Work that outlives a daemon, and what must be done from time to time.
//!
//! `walker` goes through jobs over many keys, `retry` through what was parked and deletes to repeat, `bring_up` makes
//! new generations live, `keeper` renews the lease and watches capture and, by `lineage`, that database and cluster belong
//! together; `clock` moves time on. Each loop looks at the
//! ledger and is the same after a restart; several daemons share the work.

pub mod apply;
pub mod bring_up;
pub mod clock;
pub mod inspect;
pub mod keeper;
pub mod lineage;
pub mod retry;
pub mod settings;
mod side_by_side;
mod tally;
pub mod verify;
pub mod walker;

pub use settings::{CaptureMode, JobSettings};

use crate::ledger::LedgerError;
use crate::source::SourceError;

/// A step that failed; it is tried again at the loop's next turn.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Elastic(#[from] crate::elastic::ElasticError),
    #[error(transparent)]
    Fleet(#[from] crate::pipeline::fleet::FleetError),
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The database was set back, or is a copy.
    #[error(
        "the cluster knows of a later state of this database than the database itself: it was restored, or is a copy. \
         Run `highwater adopt` if it is to feed the index from now on"
    )]
    Ahead,
    /// The rest of a batch has to wait.
    #[error("{0}")]
    Waiting(String),
}

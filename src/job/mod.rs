//! Work that outlives a daemon, and what must be done from time to time.
//!
//! `walker` goes through jobs over many keys, `retry` through what was parked and deletes to repeat, `bring_up` makes
//! new generations live, `keeper` renews the lease and watches capture and, by `lineage`, that database and cluster belong
//! together; `clock` moves time on. Each loop looks at the ledger and is the same after a restart; several daemons share
//! the work. `look` and `trial` hold definitions against database and cluster, `owner` says whose a name is, and `apply` puts in place what they ask of the
//! database.

pub mod apply;
pub mod bring_up;
pub mod clock;
pub mod inspect;
pub mod keeper;
pub mod lineage;
pub mod look;
pub mod owner;
pub mod retry;
pub mod rights;
pub mod settings;
mod side_by_side;
mod tally;
pub mod trial;
pub mod verify;
pub mod walker;

pub use settings::{CaptureMode, JobSettings};

use crate::error::remedy_of;
use crate::ledger::LedgerError;
use crate::pipeline::fleet::FleetError;
use crate::pipeline::hold::Wait;
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
    Fleet(#[from] FleetError),
    #[error("Postgres: {}", crate::error::message(.0))]
    Postgres(#[from] sqlx::Error),
    /// The database was set back, or is a copy.
    #[error(
        "the cluster knows of a later state of this database than the database itself: it was restored, or is a copy. \
         Run `highwater adopt` if it is to feed the index from now on"
    )]
    Ahead,
    /// The name is another database's.
    #[error("alias {alias} points to {index}, which another database keeps in step")]
    Kept { alias: String, index: String },
    /// Searches do not find what is kept in step.
    #[error("alias {alias} points to {}, not to {index}, which is kept in step here", behind.join(" and "))]
    Displaced {
        alias: String,
        index: String,
        behind: Vec<String>,
    },
    #[error("an index, not an alias, is called {0}, and searches go to it")]
    Occupied(String),
    /// The rest of a batch has to wait.
    #[error("{0}")]
    Waiting(String),
}

impl JobError {
    /// What is waited for then.
    #[must_use]
    pub fn wait(&self) -> Wait {
        match self {
            Self::Elastic(_) | Self::Ahead | Self::Kept { .. } | Self::Displaced { .. } | Self::Occupied(_) => {
                Wait::for_elasticsearch(self.to_string())
            }
            Self::Ledger(_) | Self::Source(_) | Self::Fleet(_) | Self::Postgres(_) | Self::Waiting(_) => {
                Wait::for_postgres(self.to_string())
            }
        }
    }

    /// What a person does about it, where there is something to do: a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Ledger(error) | Self::Fleet(FleetError::Ledger(error)) => Some(error.remedy()),
            Self::Source(SourceError::Postgres(error))
            | Self::Fleet(FleetError::Catalog(error))
            | Self::Postgres(error) => Some(remedy_of(error)),
            Self::Elastic(error) => Some(error.remedy().to_owned()),
            Self::Kept { .. } => Some(
                "give the definition another name; or, where this database takes the other's place, stop the other's daemon and run `highwater adopt`"
                    .to_owned(),
            ),
            Self::Displaced { index, .. } => Some(format!(
                "point it back to {index} (POST _aliases); or, where another database has taken over, stop this daemon"
            )),
            Self::Occupied(_) => Some("delete it, or give the definition another name".to_owned()),
            Self::Source(_) | Self::Ahead | Self::Waiting(_) => None,
        }
    }
}

//! Failures of the ledger, each with what a person does about it.

use crate::error::{message, remedy_of};

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("Postgres: {}", message(.0))]
    Postgres(#[from] sqlx::Error),
    #[error("migrating the ledger: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The ledger was never made in this database.
    #[error("this database holds no ledger yet")]
    Absent,
    /// The ledger was made by a newer program.
    #[error("{0}")]
    Refused(String),
}

impl LedgerError {
    /// What to do, as a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Absent => "run `highwater apply`, or set `capture: { mode: manage }` and an `owner_url`".to_owned(),
            Self::Migrate(_) => "let `owner_url` be a role that may create schema `highwater`".to_owned(),
            Self::Refused(_) => "see the message".to_owned(),
            Self::Postgres(error) => remedy_of(error),
        }
    }
}

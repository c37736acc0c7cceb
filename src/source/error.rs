//! What can go wrong while reading, and what that means for the batch: one total match.

use crate::key::Key;

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The server or the connection fails.
    #[error("Postgres: {}", crate::error::message(.0))]
    Postgres(#[source] sqlx::Error),
    /// The set of live generations is not the one the batch was planned for.
    #[error("the ledger is at revision {found}, the batch was planned for {planned}")]
    Revision { planned: i64, found: i64 },
    /// A table is not the one that was planned for: dropped, renamed or made anew.
    #[error("the tables have changed since they were planned for")]
    Tables,
    /// The database is not the one of the ledger, or has gone back in time.
    #[error("{0}")]
    Lineage(String),
    /// The timeline changed: a standby was promoted.
    #[error("the database is on another timeline than before")]
    Promoted,
    /// The snapshot belongs to a transaction with an id of its own, so that its position does not order.
    #[error("the snapshot's transaction owns a transaction id")]
    Unclean,
    /// The batch needs more memory than one may take.
    #[error("the batch exceeds {limit} bytes")]
    TooLarge { limit: usize },
    /// A key that does not fit its columns' types, so that no row can have it.
    #[error("a key does not fit the columns")]
    Key(Key),
}

/// What a failed read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something in the batch's rows: halve it, down to the one key that is a dead letter.
    Bisect,
    /// The same again later; it passes by itself.
    Retry,
    /// What was planned no longer holds: plan anew.
    Replan,
    /// A person must look.
    Stop,
}

impl From<sqlx::Error> for SourceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Postgres(error)
    }
}

impl SourceError {
    /// What to do; `single` when the batch holds one key only.
    #[must_use]
    pub fn verdict(&self, single: bool) -> Verdict {
        match self {
            Self::Postgres(error) => of_postgres(error, single),
            Self::Revision { .. } | Self::Tables | Self::Promoted => Verdict::Replan,
            Self::Lineage(_) => Verdict::Stop,
            Self::Unclean => Verdict::Retry,
            Self::TooLarge { .. } | Self::Key(_) => Verdict::Bisect,
        }
    }

    /// The reason as it may be kept in a dead letter: never a row's content, which Postgres' message could quote.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Postgres(sqlx::Error::Database(error)) => {
                format!(
                    "Postgres refuses to compute it (SQLSTATE {})",
                    error.code().as_deref().unwrap_or("unknown")
                )
            }
            other => other.to_string(),
        }
    }
}

fn of_postgres(error: &sqlx::Error, single: bool) -> Verdict {
    let sqlx::Error::Database(error) = error else {
        return Verdict::Retry;
    };
    let code = error.code().unwrap_or_default();
    match code.as_bytes() {
        // Data exceptions, constraint violations and raised exceptions come from a row.
        [b'2', b'2' | b'3', ..] | b"P0001" => Verdict::Bisect,
        // A single key that runs into the statement timeout would do so again; with several, it is the load.
        b"57014" if single => Verdict::Bisect,
        // Syntax error or access rule violation: a column or right is gone.
        [b'4', b'2', ..] => Verdict::Replan,
        _ => Verdict::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_never_a_document_s_fault() {
        assert_eq!(
            SourceError::from(sqlx::Error::PoolTimedOut).verdict(true),
            Verdict::Retry
        );
        assert_eq!(
            SourceError::from(sqlx::Error::WorkerCrashed).verdict(true),
            Verdict::Retry
        );
        let silence = std::io::Error::from(std::io::ErrorKind::TimedOut);
        assert_eq!(
            SourceError::from(sqlx::Error::Io(silence)).verdict(true),
            Verdict::Retry
        );
    }
}

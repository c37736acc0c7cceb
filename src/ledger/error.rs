//! Failures of the ledger, each with what a person does about it.

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("Postgres: {0}")]
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

/// What to do about an error of Postgres, for one who just set things up.
#[must_use]
pub fn remedy_of(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there: check host and port in postgres.url, and that Postgres runs"
        }
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => {
            "no answer: check host and port in postgres.url, and firewalls on the way"
        }
        sqlx::Error::Io(_) => "the host cannot be reached: check its name in postgres.url",
        sqlx::Error::Tls(_) => "check sslmode in postgres.url, and postgres.ca_file",
        sqlx::Error::Configuration(_) => "postgres.url is postgres://user:password@host:port/database",
        sqlx::Error::PoolTimedOut => "all connections are in use or none can be made: check postgres.max_connections",
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01" | "28000") => "check user and password in postgres.url, and pg_hba.conf on the server",
            Some("3D000") => "the database does not exist: check its name in postgres.url",
            Some("42501") => "the role lacks a right: run `highwater apply` with an owner_url, or grant it",
            Some("53300") => {
                "the server takes no more connections: raise its max_connections or lower postgres.max_connections"
            }
            Some("3F000" | "42P01") => "run `highwater apply` first",
            _ => "see the message of the server",
        },
        _ => "see the message",
    };
    text.to_owned()
}

//! How Postgres is reached, and how long it may take.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Connections to the database that holds the application's tables and the ledger.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database?sslmode=…`, of the role that `run` uses.
    pub url: SecretString,
    /// The same for a role that may create triggers: used by `apply` and `uninstall` only, `url` where absent.
    pub owner_url: Option<SecretString>,
    /// PEM file of the authority that signed the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// Connections of one daemon at most. Claims, builders and jobs hold one each at their defaults, which is under
    /// ten; the rest is for the page and the commands, and Postgres' own default is 100 for everyone.
    pub max_connections: u32,
    /// Until a connection stands. A server that answers at all does so within a second.
    pub connect_timeout: Duration,
    /// For one statement. The longest is the build of a large batch, well under ten seconds; a snapshot held for over
    /// a minute is thrown away anyway, and holds back the application's vacuum meanwhile. After it and `connect_timeout`
    /// together, a server that says nothing at all is given up.
    pub statement_timeout: Duration,
    /// For a lock. We take ACCESS SHARE only, which waits for a migration alone; to give up early and try again keeps
    /// the application's statements from queueing behind ours.
    pub lock_timeout: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            url: SecretString::from(""),
            owner_url: None,
            ca_file: None,
            max_connections: 32,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_mins(1),
            lock_timeout: Duration::from_millis(300),
        }
    }
}

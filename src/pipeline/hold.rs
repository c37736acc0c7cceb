//! Why a generation takes no writes for now, and which server has to come to it.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    Elasticsearch,
}

/// What is waited for, as a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub server: Server,
    pub reason: String,
}

impl Wait {
    pub fn for_postgres(reason: impl Into<String>) -> Self {
        Self {
            server: Server::Postgres,
            reason: reason.into(),
        }
    }

    pub fn for_elasticsearch(reason: impl Into<String>) -> Self {
        Self {
            server: Server::Elasticsearch,
            reason: reason.into(),
        }
    }
}

/// A generation that takes no writes for now, or not all of them.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Until then it is not tried.
    pub until: Instant,
    pub wait: Wait,
    /// When it took everything for the last time, as far as anyone knows.
    pub since: DateTime<Utc>,
    pub(super) attempts: u32,
}

impl fmt::Display for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(formatter, "{} (since {since})", self.wait.reason)
    }
}

//! Whether a daemon runs on a database, told by the marks that each writes to the ledger again and again.

use std::time::Duration;

use sqlx::PgConnection;

use crate::config::Config;
use crate::ledger::LedgerError;
use crate::ledger::watermark::{self, Seen};

/// How long no mark may have been written by a daemon that runs: some of its turns may be slow.
#[must_use]
pub fn patience(config: &Config) -> Duration {
    (config.job.watermark_every * 5).max(Duration::from_secs(5))
}

/// Whether the last mark is of a daemon that may still run.
#[must_use]
pub fn is_recent(seen: Option<Seen>, config: &Config) -> bool {
    seen.is_some_and(|seen| seen.ago < patience(config))
}

/// Waits until it is certain: for another mark, or until the last one is too old.
///
/// # Errors
/// Those of the connection.
pub async fn is_certain(connection: &mut PgConnection, config: &Config) -> Result<bool, LedgerError> {
    let first = watermark::seen(connection).await?;
    let mut seen = first;
    while is_recent(seen, config) {
        if seen.map(|seen| seen.at) != first.map(|first| first.at) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen = watermark::seen(connection).await?;
    }
    Ok(false)
}

//! Capture is on lease: triggers log only while some daemon renews it, so that a daemon that is gone does not fill the
//! disk. Whoever renews a lease that had run out must treat everything as possibly missed.

use std::time::Duration;

use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Row};

use super::error::LedgerError;

/// Renews the lease for `lease` and `max_touches` more touches. Returns whether it had lapsed: then the source is marked
/// suspect before the lease runs again, and transactions that may have seen it lapsed must end before a sweep starts.
///
/// # Errors
/// Those of the connection.
pub async fn renew(pool: &PgPool, lease: Duration, max_touches: u64) -> Result<bool, LedgerError> {
    let row = sqlx::query(
        "SELECT coalesce(pg_sequence_last_value('highwater.capture_until'), 0) < extract(epoch FROM clock_timestamp()) \
         OR coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0) >= coalesce(pg_sequence_last_value('highwater.touch_until'), 0)",
    )
    .fetch_one(pool)
    .await?;
    let lapsed: bool = row.try_get(0)?;
    if lapsed {
        sqlx::query("UPDATE highwater.source SET suspect_since = coalesce(suspect_since, now())")
            .execute(pool)
            .await?;
    }
    sqlx::query(
        "SELECT setval('highwater.capture_until', extract(epoch FROM clock_timestamp())::bigint + $1), \
         setval('highwater.touch_until', coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0) + $2)",
    )
    .bind(i64::try_from(lease.as_secs()).unwrap_or(i64::MAX / 4))
    .bind(i64::try_from(max_touches).unwrap_or(i64::MAX / 4))
    .execute(pool)
    .await?;
    Ok(lapsed)
}

/// Starts the lease of a ledger that never had one: nothing was captured before, so nothing was missed.
///
/// # Errors
/// Those of the connection.
pub async fn start(owner: &mut PgConnection, lease: Duration, max_touches: u64) -> Result<(), LedgerError> {
    sqlx::query(
        "SELECT setval('highwater.capture_until', extract(epoch FROM clock_timestamp())::bigint + $1), \
         setval('highwater.touch_until', $2) WHERE pg_sequence_last_value('highwater.capture_until') IS NULL",
    )
    .bind(i64::try_from(lease.as_secs()).unwrap_or(i64::MAX / 4))
    .bind(i64::try_from(max_touches).unwrap_or(i64::MAX / 4))
    .execute(owner)
    .await?;
    Ok(())
}

/// Whether triggers log now.
///
/// # Errors
/// Those of the connection.
pub async fn runs(pool: &PgPool) -> Result<bool, LedgerError> {
    let row = sqlx::query(
        "SELECT coalesce(pg_sequence_last_value('highwater.capture_until'), 0) > extract(epoch FROM clock_timestamp()) \
         AND coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0) < coalesce(pg_sequence_last_value('highwater.touch_until'), 0)",
    )
    .fetch_one(pool)
    .await?;
    Ok(row.try_get(0)?)
}

/// A transaction number that every transaction running now is below.
///
/// # Errors
/// Those of the connection.
pub async fn running_before(pool: &PgPool) -> Result<String, LedgerError> {
    // A number of our own is above all that were given out before.
    Ok(sqlx::query("SELECT pg_current_xact_id()::text")
        .fetch_one(pool)
        .await?
        .try_get(0)?)
}

/// Whether every transaction below `mark` has ended.
///
/// # Errors
/// Those of the connection.
pub async fn have_ended(pool: &PgPool, mark: &str) -> Result<bool, LedgerError> {
    Ok(
        sqlx::query("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8")
            .bind(mark)
            .fetch_one(pool)
            .await?
            .try_get(0)?,
    )
}

/// Since when changes may have been missed, if so.
///
/// # Errors
/// Those of the connection.
pub async fn suspect(pool: &PgPool) -> Result<bool, LedgerError> {
    Ok(sqlx::query("SELECT suspect_since IS NOT NULL FROM highwater.source")
        .fetch_one(pool)
        .await?
        .try_get(0)?)
}

/// Queues a sweep of every fed generation and takes the suspicion away, in one commit.
///
/// # Errors
/// Those of the connection.
pub async fn sweep_everything(pool: &PgPool) -> Result<(), LedgerError> {
    sqlx::query(
        "WITH swept AS (INSERT INTO highwater.job (generation, kind) SELECT id, 'sweep' FROM highwater.generation WHERE state <> 'retired') \
         UPDATE highwater.source SET suspect_since = NULL",
    )
    .execute(pool)
    .await?;
    Ok(())
}

//! What this source is: epoch, lineage, the highest position handed out, and the nonce that ties it to a cluster.

use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Postgres, Row, Transaction};

use super::error::LedgerError;
use super::lock;
use crate::draft::Version;

/// Records the highest version built so far: a later snapshot below it means that the database went back.
///
/// # Errors
/// Those of the connection.
pub async fn record_highest(pool: &PgPool, version: Version) -> Result<(), LedgerError> {
    sqlx::query("UPDATE highwater.source SET highest_position = $1 WHERE epoch = $2 AND highest_position < $1")
        .bind(version.position())
        .bind(version.epoch())
        .execute(pool)
        .await?;
    Ok(())
}

/// Whether the database is on another timeline than when it was last confirmed.
///
/// # Errors
/// Those of the connection.
pub async fn is_on_another_timeline(pool: &PgPool) -> Result<bool, LedgerError> {
    Ok(sqlx::query(
        "SELECT timeline <> substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) FROM highwater.source",
    )
    .fetch_one(pool)
    .await?
    .try_get(0)?)
}

/// Answers a promotion: a new epoch above `seen`, the new timeline, everything suspect. Returns the epoch; `None` when
/// another daemon has done it already.
///
/// # Errors
/// Those of the connection.
pub async fn follow_timeline(pool: &PgPool, seen: i32) -> Result<Option<i32>, LedgerError> {
    let row = sqlx::query(
        "UPDATE highwater.source SET epoch = greatest(epoch, $1) + 1, highest_position = 0, revision = revision + 1, suspect_since = coalesce(suspect_since, now()), \
         timeline = substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) \
         WHERE timeline <> substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) RETURNING epoch",
    )
    .bind(seen)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Makes this database the source from now on, whatever it was: a new epoch above `seen`, its own lineage, all suspect.
///
/// # Errors
/// Those of the connection.
pub async fn adopt(connection: &mut PgConnection, seen: i32) -> Result<i32, LedgerError> {
    let row = sqlx::query(
        "UPDATE highwater.source SET epoch = greatest(epoch, $1) + 1, highest_position = 0, revision = revision + 1, suspect_since = now(), \
         nonce = 0, confirmed_nonce = 0, \
         system_identifier = (SELECT system_identifier::text FROM pg_control_system()), \
         database_oid = (SELECT oid FROM pg_database WHERE datname = current_database()), \
         timeline = substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) RETURNING epoch",
    )
    .bind(seen)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// This ledger's name towards Elasticsearch, and its nonces.
#[derive(Clone, Debug)]
pub struct Nonce {
    pub source: String,
    /// Committed here.
    pub current: i64,
    /// Known to have reached the cluster.
    pub confirmed: i64,
}

/// This ledger's name towards Elasticsearch; empty where there is no ledger.
///
/// # Errors
/// Those of the connection; of a ledger that the role may not read.
pub async fn name(connection: &mut PgConnection) -> Result<String, LedgerError> {
    let there = sqlx::query("SELECT to_regclass('highwater.source') IS NOT NULL");
    if !there.fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(String::new());
    }
    let name = sqlx::query("SELECT id::text FROM highwater.source");
    Ok(name.fetch_one(connection).await?.try_get(0)?)
}

/// Lets one daemon at a time compare nonces: `None` while another does. Held until the transaction ends.
///
/// # Errors
/// Those of the connection.
pub async fn lock_nonce(pool: &PgPool) -> Result<Option<Transaction<'static, Postgres>>, LedgerError> {
    let question = sqlx::query("SELECT pg_try_advisory_xact_lock(hashtextextended('highwater.nonce', 0))");
    lock::held(pool.begin().await?, question).await
}

/// Reads the nonces.
///
/// # Errors
/// Those of the connection.
pub async fn nonce(pool: &PgPool) -> Result<Nonce, LedgerError> {
    let row = sqlx::query("SELECT id::text, nonce, confirmed_nonce FROM highwater.source")
        .fetch_one(pool)
        .await?;
    Ok(Nonce {
        source: row.try_get(0)?,
        current: row.try_get(1)?,
        confirmed: row.try_get(2)?,
    })
}

/// Commits the next nonce and returns it.
///
/// # Errors
/// Those of the connection.
pub async fn next_nonce(pool: &PgPool) -> Result<i64, LedgerError> {
    Ok(
        sqlx::query("UPDATE highwater.source SET nonce = nonce + 1 RETURNING nonce")
            .fetch_one(pool)
            .await?
            .try_get(0)?,
    )
}

/// Notes that a nonce has reached the cluster.
///
/// # Errors
/// Those of the connection.
pub async fn confirm_nonce(pool: &PgPool, nonce: i64) -> Result<(), LedgerError> {
    sqlx::query("UPDATE highwater.source SET confirmed_nonce = greatest(confirmed_nonce, $1)")
        .bind(nonce)
        .execute(pool)
        .await?;
    Ok(())
}

/// Marks everything as possibly missed.
///
/// # Errors
/// Those of the connection.
pub async fn suspect_everything(pool: &PgPool) -> Result<(), LedgerError> {
    sqlx::query("UPDATE highwater.source SET suspect_since = coalesce(suspect_since, now())")
        .execute(pool)
        .await?;
    Ok(())
}

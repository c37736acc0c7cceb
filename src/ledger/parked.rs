//! Keys and deletes that wait in the ledger, taken the way touches are: locked until they are settled.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Row, Transaction};

use super::claim::BEGIN;
use super::error::LedgerError;
use crate::draft::{Delete, Version};
use crate::key::Key;

/// A parked key as it was taken.
#[derive(Clone, Debug)]
pub struct Parked {
    pub key: Key,
    pub serial: i64,
    pub at: DateTime<Utc>,
    pub reason: String,
    /// Routings under which copies may stand.
    pub copies: Vec<String>,
}

/// Takes keys that are due, of one generation.
///
/// # Errors
/// Those of the connection.
pub async fn take(
    pool: &PgPool,
    generation: i32,
    limit: u32,
) -> Result<Option<(Transaction<'static, Postgres>, Vec<Parked>)>, LedgerError> {
    let due = sqlx::query("SELECT EXISTS (SELECT FROM highwater.parked WHERE due_at <= now() AND generation = $1)");
    if !due.bind(generation).fetch_one(pool).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    let mut transaction = pool.begin_with(BEGIN).await?;
    let rows = sqlx::query(
        "SELECT key, serial, at, reason, copies FROM highwater.parked WHERE due_at <= now() AND generation = $1 \
         ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
    )
    .bind(generation)
    .bind(i64::from(limit))
    .fetch_all(&mut *transaction)
    .await?;
    let mut parked = Vec::with_capacity(rows.len());
    for row in rows {
        parked.push(Parked {
            key: Key::from_text(row.try_get(0)?),
            serial: row.try_get(1)?,
            at: row.try_get(2)?,
            reason: row.try_get(3)?,
            copies: row.try_get(4)?,
        });
    }
    Ok(Some((transaction, parked)))
}

/// Forgets what waits for generations that are no longer fed; nobody would ever take it.
///
/// # Errors
/// Those of the connection.
pub async fn forget_retired(pool: &PgPool) -> Result<(), LedgerError> {
    sqlx::query(
        "WITH retired AS (SELECT id FROM highwater.generation WHERE state = 'retired'), \
         parked AS (DELETE FROM highwater.parked WHERE (generation, key) IN (SELECT generation, key FROM highwater.parked \
             WHERE generation IN (SELECT id FROM retired) FOR UPDATE SKIP LOCKED)), \
         deletes AS (DELETE FROM highwater.repeated_delete WHERE (generation, key, version, routing) IN (SELECT generation, key, version, routing \
             FROM highwater.repeated_delete WHERE generation IN (SELECT id FROM retired) FOR UPDATE SKIP LOCKED)) \
         UPDATE highwater.job SET state = 'done', finished_at = now(), touched = NULL \
         WHERE state <> 'done' AND generation IN (SELECT id FROM retired)",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes deletes whose repetition is due, of one generation.
///
/// # Errors
/// Those of the connection.
pub async fn take_deletes(pool: &PgPool, generation: i32, limit: u32) -> Result<Option<DueDeletes>, LedgerError> {
    let due =
        sqlx::query("SELECT EXISTS (SELECT FROM highwater.repeated_delete WHERE due_at <= now() AND generation = $1)");
    if !due.bind(generation).fetch_one(pool).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    let mut transaction = pool.begin_with(BEGIN).await?;
    let rows = sqlx::query(
        "DELETE FROM highwater.repeated_delete WHERE (generation, key, version, routing) IN (SELECT generation, key, version, routing \
         FROM highwater.repeated_delete WHERE due_at <= now() AND generation = $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING key, version, nullif(routing, '')",
    )
    .bind(generation)
    .bind(i64::from(limit))
    .fetch_all(&mut *transaction)
    .await?;
    let mut deletes = Vec::with_capacity(rows.len());
    for row in rows {
        let delete = Delete {
            version: Version(row.try_get(1)?),
            routing: row.try_get(2)?,
        };
        deletes.push((Key::from_text(row.try_get(0)?), delete));
    }
    Ok(Some(DueDeletes { transaction, deletes }))
}

/// Deletes taken out; commit when they are acknowledged, drop otherwise.
pub struct DueDeletes {
    pub transaction: Transaction<'static, Postgres>,
    pub deletes: Vec<(Key, Delete)>,
}

//! Takes touches out of the log: locked, not deleted, until what they stand for is acknowledged.
//!
//! The claim's transaction stays open while documents are built and written; a crash rolls it back and the touches are
//! there for the next daemon. Rows are taken as they are, wherever they stand: ids are given out in another order than
//! transactions commit in, so nothing is read by "greater than the last one".

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use sqlx::types::Json;
use sqlx::{Postgres, Row, Transaction};

use super::error::LedgerError;
use crate::copies::Copies;
use crate::key::Key;

/// One row of the log.
#[derive(Clone, Debug)]
pub struct Touch {
    pub id: i64,
    /// The writing transaction, as text: xid8 has no type of its own here.
    pub xid: String,
    pub at: DateTime<Utc>,
    /// The layout of `columns`.
    pub capture: Option<i32>,
    /// Values; absent for a marker: anything in the table may have changed.
    pub columns: Option<Vec<Option<String>>>,
    /// Numbers of the layout's compared columns that differ, from 1; absent where anything may.
    pub changed: Option<Vec<i16>>,
    /// The document of this generation whose key is in `columns`, and no other.
    pub generation: Option<i32>,
    /// Of such a document: routings under which copies may stand.
    pub copies: Option<Vec<String>>,
}

/// Touches under way.
pub struct Claim {
    pub transaction: Transaction<'static, Postgres>,
    pub touches: Vec<Touch>,
}

/// Which end of the log to take from. Order carries no meaning; under a backlog, the newest must not wait for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Oldest,
    Newest,
}

/// The commit that removes touches may be lost in a crash: they would be there again. So it need not wait for the disk.
pub(super) const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off; \
    SET LOCAL idle_in_transaction_session_timeout = '5min'";

/// Takes at most `limit` touches that nobody else has taken; `None` when there are none.
///
/// # Errors
/// Those of the connection.
pub async fn claim(pool: &PgPool, limit: u32, end: End) -> Result<Option<Claim>, LedgerError> {
    if !any(pool).await? {
        return Ok(None);
    }
    let mut transaction = pool.begin_with(BEGIN).await?;
    let sql = match end {
        End::Oldest => {
            "SELECT id, xid::text, at, capture, columns, changed, generation, copies FROM highwater.touch ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"
        }
        End::Newest => {
            "SELECT id, xid::text, at, capture, columns, changed, generation, copies FROM highwater.touch ORDER BY id DESC LIMIT $1 FOR UPDATE SKIP LOCKED"
        }
    };
    let rows = sqlx::query(sql)
        .bind(i64::from(limit))
        .fetch_all(&mut *transaction)
        .await?;
    if rows.is_empty() {
        transaction.rollback().await?;
        return Ok(None);
    }
    let touches = rows.iter().map(touch).collect::<Result<_, _>>()?;
    Ok(Some(Claim { transaction, touches }))
}

/// Whether there is anything in the log: the cheap question of an idle daemon.
async fn any(pool: &PgPool) -> Result<bool, LedgerError> {
    Ok(sqlx::query("SELECT EXISTS (SELECT FROM highwater.touch)")
        .fetch_one(pool)
        .await?
        .try_get(0)?)
}

pub(super) fn touch(row: &sqlx::postgres::PgRow) -> Result<Touch, sqlx::Error> {
    Ok(Touch {
        id: row.try_get(0)?,
        xid: row.try_get(1)?,
        at: row.try_get(2)?,
        capture: row.try_get(3)?,
        columns: row.try_get(4)?,
        changed: row.try_get(5)?,
        generation: row.try_get(6)?,
        copies: row.try_get(7)?,
    })
}

/// Logs touches of single documents: their key's text, whatever the key's columns, and where else copies may stand.
///
/// # Errors
/// Those of the connection.
pub async fn touch_documents(pool: &PgPool, generation: i32, keys: &[Key], copies: &Copies) -> Result<(), LedgerError> {
    let listed = keys.iter().map(|key| Json(copies.listed(key)));
    sqlx::query(
        "INSERT INTO highwater.touch (generation, columns, copies) SELECT $1, ARRAY[key], ARRAY(SELECT jsonb_array_elements_text(copies)) \
         FROM unnest($2::text[], $3::jsonb[]) AS keys(key, copies)",
    )
    .bind(generation)
    .bind(keys.iter().map(Key::as_str).collect::<Vec<_>>())
    .bind(listed.collect::<Vec<_>>())
    .execute(pool)
    .await?;
    Ok(())
}

/// How many touches wait, at most `most` counted.
///
/// # Errors
/// Those of the connection.
pub async fn waiting(pool: &PgPool, most: i64) -> Result<i64, LedgerError> {
    let counted = sqlx::query("SELECT count(*) FROM (SELECT FROM highwater.touch LIMIT $1) AS counted").bind(most);
    Ok(counted.fetch_one(pool).await?.try_get(0)?)
}

/// What has committed by now; `None` while rows are still to be touched whose moments have passed by the clock.
///
/// # Errors
/// Those of the connection.
pub async fn committed(pool: &PgPool) -> Result<Option<String>, LedgerError> {
    let committed = sqlx::query("SELECT pg_current_snapshot()::text FROM highwater.clock WHERE touched >= at");
    let row = committed.fetch_optional(pool).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Whether everything that was touched in `committed` has settled, as far as a generation is concerned.
///
/// # Errors
/// Those of the connection.
pub async fn has_settled(pool: &PgPool, generation: i32, committed: &str) -> Result<bool, LedgerError> {
    let row = sqlx::query(
        "SELECT NOT EXISTS (SELECT FROM highwater.touch WHERE pg_visible_in_snapshot(xid, $2::text::pg_snapshot)) \
         AND NOT EXISTS (SELECT FROM highwater.parked WHERE generation = $1) \
         AND NOT EXISTS (SELECT FROM highwater.job WHERE generation = $1 AND state <> 'done' AND kind <> 'verify')",
    )
    .bind(generation)
    .bind(committed)
    .fetch_one(pool)
    .await?;
    Ok(row.try_get(0)?)
}

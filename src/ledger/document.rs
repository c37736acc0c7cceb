//! What the ledger knows of one document.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgPool;

use super::claim::{Touch, touch};
use super::error::LedgerError;

/// Everything that says why a document is as it is.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Reason, attempts, since when.
    pub dead: Option<(String, i32, DateTime<Utc>)>,
    /// Reason, attempts, since when.
    pub parked: Option<(String, i32, DateTime<Utc>)>,
    /// Open jobs over the index: kind, since when, documents done and expected.
    pub jobs: Vec<(String, DateTime<Utc>, i64, i64)>,
}

/// What is known of the document with this key in a generation.
///
/// # Errors
/// Those of the connection.
pub async fn known(pool: &PgPool, generation: i32, key: &str) -> Result<Known, LedgerError> {
    let trouble = |sql: &'static str| async move {
        let row = sqlx::query(sql).bind(generation).bind(key).fetch_optional(pool).await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .transpose()
            .map_err(|error: sqlx::Error| LedgerError::from(error))
    };
    let dead =
        trouble("SELECT reason, attempts, first_at FROM highwater.dead WHERE generation = $1 AND key = $2").await?;
    let parked =
        trouble("SELECT reason, attempts, at FROM highwater.parked WHERE generation = $1 AND key = $2").await?;
    let rows = sqlx::query(
        "SELECT kind, at, done, total FROM highwater.job WHERE generation = $1 AND state <> 'done' ORDER BY at",
    );
    let rows = rows.bind(generation).fetch_all(pool).await?;
    let job = |row: &sqlx::postgres::PgRow| -> Result<_, sqlx::Error> {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
    };
    Ok(Known {
        dead,
        parked,
        jobs: rows.iter().map(job).collect::<Result<_, _>>()?,
    })
}

/// The oldest touches in the log, those that are being worked on among them; nothing is taken.
///
/// # Errors
/// Those of the connection.
pub async fn touches(pool: &PgPool, limit: i64) -> Result<Vec<Touch>, LedgerError> {
    let rows = sqlx::query(
        "SELECT id, xid::text, at, capture, columns, changed, generation, copies FROM highwater.touch ORDER BY at, id LIMIT $1",
    );
    let rows = rows.bind(limit).fetch_all(pool).await?;
    Ok(rows.iter().map(touch).collect::<Result<_, _>>()?)
}

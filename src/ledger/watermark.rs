//! How far every table's changes have come, looked at once in a while.
//!
//! At `as_of`, every change that had committed and is stamped before `last_touched` was acknowledged. The clock is read
//! before the look's own snapshot, so that what commits in between is later than `as_of`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Row};

use super::error::LedgerError;

/// One table's mark.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Watermark {
    pub table: String,
    pub last_touched: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
}

/// Looks and writes. Unsettled are touches, locked ones included, and the oldest of what is parked or expanded, which
/// stands for any table.
///
/// # Errors
/// Those of the connection.
pub async fn look(pool: &PgPool) -> Result<(), LedgerError> {
    let now: DateTime<Utc> = sqlx::query("SELECT clock_timestamp()")
        .fetch_one(pool)
        .await?
        .try_get(0)?;
    sqlx::query(
        "WITH elsewhere AS (SELECT least((SELECT min(at) FROM highwater.parked), \
             (SELECT min(job.at) FROM highwater.job AS job JOIN highwater.generation AS generation ON generation.id = job.generation \
              WHERE job.state <> 'done' AND job.kind <> 'verify' AND generation.state <> 'retired')) AS at), \
         unsettled AS (SELECT capture, min(at) AS at FROM highwater.touch GROUP BY capture), \
         marks AS (SELECT format('%s.%s', current.schema_name, current.table_name) AS table_name, \
             least($1, min(unsettled.at), (SELECT at FROM elsewhere)) AS last_touched \
             FROM highwater.capture AS current LEFT JOIN highwater.capture AS any_layout ON any_layout.table_oid = current.table_oid \
             LEFT JOIN unsettled ON unsettled.capture = any_layout.id OR unsettled.capture IS NULL WHERE current.current GROUP BY 1) \
         INSERT INTO highwater.watermark AS watermark (table_name, last_touched, as_of) SELECT table_name, last_touched, $1 FROM marks ORDER BY table_name \
         ON CONFLICT (table_name) DO UPDATE SET last_touched = excluded.last_touched, as_of = excluded.as_of WHERE watermark.as_of < excluded.as_of",
    )
    .bind(now)
    .execute(pool)
    .await?;
    Ok(())
}

/// When a daemon last wrote its marks, which it does every second or so, and how long ago that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub at: DateTime<Utc>,
    pub ago: Duration,
}

/// The last sign of any daemon; none where there never was one.
///
/// # Errors
/// Those of the connection.
pub async fn seen(connection: &mut PgConnection) -> Result<Option<Seen>, LedgerError> {
    let row = sqlx::query("SELECT max(as_of), clock_timestamp() FROM highwater.watermark")
        .fetch_one(connection)
        .await?;
    let (at, now): (Option<DateTime<Utc>>, DateTime<Utc>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(at.map(|at| Seen {
        at,
        ago: (now - at).to_std().unwrap_or_default(),
    }))
}

/// The marks as last written.
///
/// # Errors
/// Those of the connection.
pub async fn all(pool: &PgPool) -> Result<Vec<Watermark>, LedgerError> {
    let rows = sqlx::query("SELECT table_name, last_touched, as_of FROM highwater.watermark ORDER BY table_name")
        .fetch_all(pool)
        .await?;
    let mark = |row: &sqlx::postgres::PgRow| -> Result<Watermark, sqlx::Error> {
        Ok(Watermark {
            table: row.try_get(0)?,
            last_touched: row.try_get(1)?,
            as_of: row.try_get(2)?,
        })
    };
    Ok(rows.iter().map(mark).collect::<Result<_, _>>()?)
}

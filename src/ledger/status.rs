//! The state of every index, for `status`, `/readyz` and metrics: one statement over the ledger.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgPool;

use super::error::LedgerError;
use super::watermark::{self, Watermark};

/// All there is to say.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    pub revision: i64,
    pub epoch: i32,
    /// Changes may have been missed; a sweep is to come.
    pub suspect: bool,
    /// Counted up to 100,000.
    pub touches_waiting: i64,
    pub indexes: Vec<IndexStatus>,
    pub watermarks: Vec<Watermark>,
}

/// One fed generation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct IndexStatus {
    pub index: String,
    pub generation: String,
    /// `building` or `live`; `unfit` where the database does not fit the definition, which the ledger does not know.
    pub state: String,
    /// Why it is unfit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
    /// Open jobs, and how far they are, in documents; the total is an estimate.
    pub jobs: i64,
    /// All is built, and looked at once more before the alias moves.
    pub verifying: bool,
    pub documents_done: i64,
    pub documents_total: i64,
    pub parked: i64,
    /// Why the oldest parked key waits.
    pub parked_reason: Option<String>,
    /// When it was touched.
    pub parked_since: Option<DateTime<Utc>>,
    pub dead: i64,
}

/// Reads the state.
///
/// # Errors
/// Those of the connection.
pub async fn read(pool: &PgPool) -> Result<Status, LedgerError> {
    let source = sqlx::query("SELECT revision, epoch, suspect_since IS NOT NULL FROM highwater.source")
        .fetch_one(pool)
        .await?;
    let rows = sqlx::query(
        "SELECT generation.index_name, format('%s-%s', generation.index_name, lpad(generation.number::text, 6, '0')), generation.state, \
         job.open, job.done, job.total, job.verifying, parked.parked, parked.reason, parked.since, dead.dead \
         FROM highwater.generation AS generation \
         CROSS JOIN LATERAL (SELECT count(*) AS open, coalesce(sum(done), 0)::bigint AS done, coalesce(sum(greatest(total, done)), 0)::bigint AS total, \
             coalesce(bool_and(kind = 'verify'), false) AS verifying \
             FROM highwater.job WHERE job.generation = generation.id AND job.state <> 'done') AS job \
         CROSS JOIN LATERAL (SELECT count(*) AS parked, (array_agg(reason ORDER BY at))[1] AS reason, min(at) AS since FROM highwater.parked WHERE parked.generation = generation.id) AS parked \
         CROSS JOIN LATERAL (SELECT count(*) AS dead FROM highwater.dead WHERE dead.generation = generation.id) AS dead \
         WHERE generation.state <> 'retired' ORDER BY generation.index_name, generation.number",
    )
    .fetch_all(pool)
    .await?;
    let index = |row: &sqlx::postgres::PgRow| -> Result<IndexStatus, sqlx::Error> {
        Ok(IndexStatus {
            index: row.try_get(0)?,
            generation: row.try_get(1)?,
            state: row.try_get(2)?,
            unfit: None,
            jobs: row.try_get(3)?,
            documents_done: row.try_get(4)?,
            documents_total: row.try_get(5)?,
            verifying: row.try_get(6)?,
            parked: row.try_get(7)?,
            parked_reason: row.try_get(8)?,
            parked_since: row.try_get(9)?,
            dead: row.try_get(10)?,
        })
    };
    Ok(Status {
        revision: source.try_get(0)?,
        epoch: source.try_get(1)?,
        suspect: source.try_get(2)?,
        touches_waiting: super::claim::waiting(pool, 100_000).await?,
        indexes: rows.iter().map(index).collect::<Result<_, _>>()?,
        watermarks: watermark::all(pool).await?,
    })
}

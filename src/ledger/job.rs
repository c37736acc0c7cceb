//! Work over many keys, cut into ranges that are claimed like touches: locked while worked on, gone when done.

use std::time::Duration;

use sqlx::postgres::PgPool;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Row, Transaction};

use super::claim::BEGIN;
use super::error::LedgerError;
use super::lock;
use crate::key::Key;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every root, by ranges.
    Backfill,
    /// The same, then every id in the index.
    Sweep,
    /// The roots that touched rows reach.
    Expansion,
    /// Every document against its rows, before the alias moves to the index.
    Verify,
}

impl Kind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backfill => "backfill",
            Self::Sweep => "sweep",
            Self::Expansion => "expansion",
            Self::Verify => "verify",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "expansion" => Self::Expansion,
            "sweep" => Self::Sweep,
            "verify" => Self::Verify,
            _ => Self::Backfill,
        }
    }
}

/// Touched rows that are followed up from one place.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The layout they were logged in.
    pub layout: i32,
    /// Where their table stands in the documents: the name of a way up.
    pub place: String,
    /// Each one's values.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A job to be.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub generation: i32,
    pub kind: Kind,
    pub touched: Option<Touched>,
}

/// A job under way.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: i64,
    pub generation: i32,
    pub kind: Kind,
    pub touched: Option<Touched>,
    pub running: bool,
}

impl NewJob {
    /// Adds it, unless one of the same generation that covers it has not been cut into ranges yet.
    pub(super) async fn insert(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let touched = self.touched.as_ref();
        sqlx::query(
            "INSERT INTO highwater.job (generation, kind, capture, place, touched) SELECT $1, $2, $3, $4, $5 WHERE $3::int IS NOT NULL OR NOT EXISTS \
             (SELECT FROM highwater.job WHERE generation = $1 AND state = 'waiting' AND kind IN ($2, 'sweep') FOR UPDATE)",
        )
        .bind(self.generation)
        .bind(self.kind.as_str())
        .bind(touched.map(|touched| touched.layout))
        .bind(touched.map(|touched| touched.place.as_str()))
        .bind(touched.map(|touched| Json(&touched.rows)))
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Adds a job of this kind, unless the generation ever had one.
///
/// # Errors
/// Those of the connection.
pub async fn add_once(pool: &PgPool, generation: i32, kind: Kind) -> Result<(), LedgerError> {
    let mut transaction = pool.begin().await?;
    super::generation::lock_set(&mut transaction).await?;
    sqlx::query(
        "INSERT INTO highwater.job (generation, kind) SELECT $1, $2 \
         WHERE NOT EXISTS (SELECT FROM highwater.job WHERE generation = $1 AND kind = $2)",
    )
    .bind(generation)
    .bind(kind.as_str())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Jobs of one generation that are not done, oldest first.
///
/// # Errors
/// Those of the connection.
pub async fn open(pool: &PgPool) -> Result<Vec<Job>, LedgerError> {
    let rows = sqlx::query(
        "SELECT job.id, job.generation, job.kind, job.capture, job.place, job.touched, job.state = 'running' FROM highwater.job AS job \
         JOIN highwater.generation AS generation ON generation.id = job.generation \
         WHERE job.state <> 'done' AND generation.state <> 'retired' ORDER BY job.id",
    )
    .fetch_all(pool)
    .await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let (layout, place): (Option<i32>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
        let rows: Option<Json<Vec<Vec<Option<String>>>>> = row.try_get(5)?;
        let touched = layout.zip(place).zip(rows);
        jobs.push(Job {
            id: row.try_get(0)?,
            generation: row.try_get(1)?,
            kind: Kind::parse(row.try_get(2)?),
            touched: touched.map(|((layout, place), Json(rows))| Touched { layout, place, rows }),
            running: row.try_get(6)?,
        });
    }
    Ok(jobs)
}

/// Whether nobody works at the job's row: what was at it is over, or was lost with its connection.
///
/// # Errors
/// Those of the connection.
pub async fn is_untaken(pool: &PgPool, job: i64) -> Result<bool, LedgerError> {
    let free = sqlx::query("SELECT FROM highwater.job WHERE id = $1 FOR UPDATE SKIP LOCKED");
    Ok(free.bind(job).fetch_optional(pool).await?.is_some())
}

/// One range under way; dropped, it is free again.
pub struct ClaimedRange {
    pub transaction: Transaction<'static, Postgres>,
    pub job: i64,
    pub number: i32,
    pub low: Option<Key>,
    pub high: Option<Key>,
}

/// Takes a range that nobody else has; `None` when all are taken or done.
///
/// # Errors
/// Those of the connection.
pub async fn take_range(pool: &PgPool, job: i64) -> Result<Option<ClaimedRange>, LedgerError> {
    let mut transaction = pool.begin_with(BEGIN).await?;
    let row = sqlx::query(
        "SELECT number, low, high FROM highwater.range WHERE job = $1 ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .bind(job)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        transaction.rollback().await?;
        return Ok(None);
    };
    let key = |text: Option<&str>| text.map(Key::from_text);
    let (number, low, high) = (row.try_get(0)?, key(row.try_get(1)?), key(row.try_get(2)?));
    Ok(Some(ClaimedRange {
        transaction,
        job,
        number,
        low,
        high,
    }))
}

/// Notes a range as done, `documents` acknowledged; part of the claim's own transaction.
///
/// # Errors
/// Those of the connection.
pub async fn finish_range(
    connection: &mut PgConnection,
    job: i64,
    number: i32,
    documents: i64,
) -> Result<(), LedgerError> {
    sqlx::query("DELETE FROM highwater.range WHERE job = $1 AND number = $2")
        .bind(job)
        .bind(number)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE highwater.job SET done = done + $2 WHERE id = $1")
        .bind(job)
        .bind(documents)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether ranges of the job are left, taken ones included.
///
/// # Errors
/// Those of the connection.
pub async fn has_ranges(pool: &PgPool, job: i64) -> Result<bool, LedgerError> {
    Ok(
        sqlx::query("SELECT EXISTS (SELECT FROM highwater.range WHERE job = $1)")
            .bind(job)
            .fetch_one(pool)
            .await?
            .try_get(0)?,
    )
}

/// Takes a whole job for one walker: locked until the transaction ends, so that a crash frees it.
///
/// # Errors
/// Those of the connection.
pub async fn take_whole(pool: &PgPool, job: i64) -> Result<Option<Transaction<'static, Postgres>>, LedgerError> {
    let transaction = pool.begin_with("BEGIN; SET LOCAL statement_timeout = 0").await?;
    let question = sqlx::query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('highwater.job', $1)) AND EXISTS (SELECT FROM highwater.job WHERE id = $1 AND state <> 'done')",
    );
    lock::held(transaction, question.bind(job)).await
}

/// Notes that a job goes through about `total` documents, from the first.
///
/// # Errors
/// Those of the connection.
pub async fn begin(pool: &PgPool, job: i64, total: u64) -> Result<(), LedgerError> {
    sqlx::query("UPDATE highwater.job SET state = 'running', total = $2, done = 0 WHERE id = $1")
        .bind(job)
        .bind(i64::try_from(total).unwrap_or(i64::MAX))
        .execute(pool)
        .await?;
    Ok(())
}

/// Notes that so many more documents are done.
///
/// # Errors
/// Those of the connection.
pub async fn progress(pool: &PgPool, job: i64, documents: u64) -> Result<(), LedgerError> {
    sqlx::query("UPDATE highwater.job SET done = done + $2 WHERE id = $1")
        .bind(job)
        .bind(i64::try_from(documents).unwrap_or(i64::MAX))
        .execute(pool)
        .await?;
    Ok(())
}

/// Marks a job done.
///
/// # Errors
/// Those of the connection.
pub async fn finish(pool: &PgPool, job: i64) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE highwater.job SET state = 'done', finished_at = now(), touched = NULL, total = done WHERE id = $1",
    )
    .bind(job)
    .execute(pool)
    .await?;
    Ok(())
}

/// Whether the generation has work that must be done before it can be called complete.
///
/// # Errors
/// Those of the connection.
pub async fn is_behind(pool: &PgPool, generation: i32) -> Result<bool, LedgerError> {
    Ok(
        sqlx::query("SELECT EXISTS (SELECT FROM highwater.job WHERE generation = $1 AND state <> 'done')")
            .bind(generation)
            .fetch_one(pool)
            .await?
            .try_get(0)?,
    )
}

/// Whether the generation was verified.
///
/// # Errors
/// Those of the connection.
pub async fn was_verified(pool: &PgPool, generation: i32) -> Result<bool, LedgerError> {
    Ok(sqlx::query(
        "SELECT EXISTS (SELECT FROM highwater.job WHERE generation = $1 AND kind = 'verify' AND state = 'done')",
    )
    .bind(generation)
    .fetch_one(pool)
    .await?
    .try_get(0)?)
}

/// Forgets jobs that have been done for `kept`; not those by which a generation that is being built is known to have
/// been filled.
///
/// # Errors
/// Those of the connection.
pub async fn forget_done(pool: &PgPool, kept: Duration) -> Result<(), LedgerError> {
    sqlx::query(
        "DELETE FROM highwater.job AS job USING highwater.generation AS generation WHERE generation.id = job.generation \
         AND job.state = 'done' AND job.finished_at <= now() - $1 * interval '1 second' \
         AND (job.kind = 'expansion' OR generation.state <> 'building')",
    )
    .bind(kept.as_secs_f64())
    .execute(pool)
    .await?;
    Ok(())
}

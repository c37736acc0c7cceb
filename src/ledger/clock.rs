//! Time, as documents see it. `highwater.clock()` is a row of the ledger, so that a document stays a function of its
//! snapshot: it is moved on by a commit, and then the rows are touched whose moments have passed.
//!
//! In two transactions. A row that is committed while the clock is moved is in one of two positions. Whoever sees it later
//! than the rows to touch were read sees the clock as well, which had been moved before; and if it came earlier, it was
//! among them. In one transaction there would be a third: a row too late to be touched, built by the old clock.

use sqlx::postgres::PgPool;
use sqlx::postgres::types::Oid;
use sqlx::types::chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::error::LedgerError;
use super::job::{Kind, NewJob};
use crate::catalog::quote;
use crate::plan::Due;
use crate::plan::capture::TEXT_SETTINGS;

/// What is fed, as far as time is concerned.
#[derive(Debug, Default)]
pub struct Timed<'a> {
    pub revision: i64,
    pub dues: Vec<&'a Due>,
    /// Generations of which it is not known: all their documents are looked at.
    pub unplanned: Vec<i32>,
}

/// Whether the clock has something to do: a moment has come, a walk was broken off, or it has not moved for a minute.
/// (Else the first definition with `due` would find everything that ever came due.)
///
/// # Errors
/// Those of the connection; of a column that is gone.
pub async fn is_due(pool: &PgPool, dues: &[&Due]) -> Result<bool, LedgerError> {
    let any = dues.iter().fold(String::new(), |any, due| {
        any + " OR coalesce(" + &due.has_come("clock.at", "now()") + ", false)"
    });
    let sql = format!(
        "SELECT clock.touched < clock.at OR clock.at < now() - interval '1 minute'{any} FROM highwater.clock AS clock"
    );
    Ok(sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await?.try_get(0)?)
}

/// Moves the clock to the server's; never back. Not while another daemon is at it.
///
/// # Errors
/// Those of the connection.
pub async fn advance(pool: &PgPool) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE highwater.clock SET at = clock_timestamp() WHERE at < clock_timestamp() \
         AND singleton IN (SELECT singleton FROM highwater.clock FOR UPDATE SKIP LOCKED)",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Whether nobody is at the clock.
///
/// # Errors
/// Those of the connection.
pub async fn is_untaken(pool: &PgPool) -> Result<bool, LedgerError> {
    let free = sqlx::query("SELECT FROM highwater.clock FOR UPDATE SKIP LOCKED");
    Ok(free.fetch_optional(pool).await?.is_some())
}

/// Touches the rows whose moments have passed since this was last done, each once, however many daemons ask.
///
/// # Errors
/// Those of the connection; [`LedgerError::Refused`] when the set of indexes is another one: it may have other columns.
pub async fn touch_passed(pool: &PgPool, timed: &Timed<'_>) -> Result<(), LedgerError> {
    // After a long stop there may be more rows than any other statement may take.
    let mut transaction = pool
        .begin_with(AssertSqlSafe(format!(
            "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL row_security = off; SET LOCAL search_path = pg_catalog; \
             SET LOCAL synchronous_commit = off; SET LOCAL {}",
            TEXT_SETTINGS.join("; SET LOCAL ")
        )))
        .await?;
    let clock = sqlx::query("SELECT touched, at FROM highwater.clock WHERE touched < at FOR UPDATE SKIP LOCKED");
    let Some(row) = clock.fetch_optional(&mut *transaction).await? else {
        return Ok(()); // another daemon is at it, or has been
    };
    let passed: (DateTime<Utc>, DateTime<Utc>) = (row.try_get(0)?, row.try_get(1)?);
    let revision: i64 = sqlx::query("SELECT revision FROM highwater.source")
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
    if revision != timed.revision {
        return Err(LedgerError::Refused(format!(
            "the set of indexes has moved on to revision {revision}"
        )));
    }
    for due in &timed.dues {
        touch_rows(&mut transaction, due, passed).await?;
    }
    for generation in &timed.unplanned {
        let job = NewJob {
            generation: *generation,
            kind: Kind::Sweep,
            touched: None,
        };
        job.insert(&mut transaction).await?;
    }
    sqlx::query("UPDATE highwater.clock SET touched = $1")
        .bind(passed.1)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// As the table's triggers would, had an update changed this column.
async fn touch_rows(
    connection: &mut PgConnection,
    due: &Due,
    (after, upto): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), LedgerError> {
    let row = sqlx::query("SELECT id, columns, compared FROM highwater.capture WHERE table_oid = $1 AND current")
        .bind(Oid(due.table.oid))
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else {
        return Err(LedgerError::Refused(format!("{} is not captured yet", due.table.sql)));
    };
    let (layout, columns, compared): (i32, Vec<String>, Vec<String>) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let logged: Vec<String> = columns
        .iter()
        .map(|column| format!("r.{}::text", quote(column)))
        .collect();
    let position = compared.iter().position(|column| *column == due.column);
    let changed: Option<Vec<i16>> = position.and_then(|at| Some(vec![i16::try_from(at + 1).ok()?]));
    let sql = format!(
        "INSERT INTO highwater.touch (capture, columns, changed) SELECT $3, ARRAY[{}], $4 FROM {}",
        logged.join(", "),
        due.rows("$1::timestamptz", "$2::timestamptz")
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(after)
        .bind(upto)
        .bind(layout)
        .bind(changed)
        .execute(connection)
        .await?;
    Ok(())
}

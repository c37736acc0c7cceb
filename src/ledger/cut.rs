//! Parts the rows of a job into ranges of keys.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::error::LedgerError;
use crate::key::Key;
use crate::plan::Plan;

/// Cuts a waiting job into ranges of about `size` keys; the first and the last are open. One daemon does it; the others
/// find it done.
///
/// # Errors
/// Those of the statements.
pub async fn cut(pool: &PgPool, job: i64, plan: &Plan, size: u32) -> Result<(), LedgerError> {
    // Walks the whole key once: on a large table longer than any other statement may take.
    let mut transaction = pool.begin_with("BEGIN; SET LOCAL statement_timeout = 0").await?;
    let waiting = sqlx::query("SELECT FROM highwater.job WHERE id = $1 AND state = 'waiting' FOR UPDATE")
        .bind(job)
        .fetch_optional(&mut *transaction)
        .await?;
    if waiting.is_none() {
        return Ok(());
    }
    let (keys, total) = bounds(&mut transaction, plan, i64::from(size)).await?;
    let bounds: Vec<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    let lows: Vec<Option<&str>> = std::iter::once(None)
        .chain(bounds.iter().map(|bound| Some(bound.as_str())))
        .collect();
    let highs: Vec<Option<&str>> = bounds
        .iter()
        .map(|bound| Some(bound.as_str()))
        .chain(std::iter::once(None))
        .collect();
    sqlx::query("INSERT INTO highwater.range (job, number, low, high) SELECT $1, number, low, high FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS cut(low, high, number)")
        .bind(job)
        .bind(&lows)
        .bind(&highs)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE highwater.job SET state = 'running', total = $2 WHERE id = $1")
        .bind(job)
        .bind(total)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// The keys that part a root's rows into ranges of `size`, and how many rows there are: all ranges are full but the last.
///
/// # Errors
/// Those of the connection.
pub async fn bounds(connection: &mut PgConnection, plan: &Plan, size: i64) -> Result<(Vec<Key>, i64), LedgerError> {
    let rows = sqlx::query(AssertSqlSafe(plan.cut_sql()))
        .bind(size)
        .fetch_all(&mut *connection)
        .await?;
    let parts = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<Vec<Vec<String>>, _>>()?;
    let mut rest = sqlx::query(AssertSqlSafe(plan.rest_sql(!parts.is_empty())));
    for part in parts.last().into_iter().flatten() {
        rest = rest.bind(part);
    }
    let rest: i64 = rest.fetch_one(connection).await?.try_get(0)?;
    let full = i64::try_from(parts.len()).unwrap_or(i64::MAX).saturating_mul(size);
    let keys = parts
        .iter()
        .map(|parts| Key::from_parts(parts.iter().map(String::as_str)));
    Ok((keys.collect(), full.saturating_add(rest)))
}

//! Dead letters: kept until they are retried with success, dropped by a person, or overtaken by a newer build.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgPool;

use super::error::LedgerError;

/// One dead letter.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DeadLetter {
    pub index: String,
    pub generation: i32,
    pub key: String,
    pub reason: String,
    pub attempts: i32,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

/// Dead letters of an index, or of all.
///
/// # Errors
/// Those of the connection.
pub async fn list(pool: &PgPool, index: Option<&str>, limit: i64) -> Result<Vec<DeadLetter>, LedgerError> {
    let rows = sqlx::query(
        "SELECT generation.index_name, dead.generation, dead.key, dead.reason, dead.attempts, dead.first_at, dead.last_at \
         FROM highwater.dead AS dead JOIN highwater.generation AS generation ON generation.id = dead.generation \
         WHERE generation.state <> 'retired' AND ($1::text IS NULL OR generation.index_name = $1) ORDER BY dead.last_at DESC, dead.key LIMIT $2",
    )
    .bind(index)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    let letter = |row: &sqlx::postgres::PgRow| -> Result<DeadLetter, sqlx::Error> {
        Ok(DeadLetter {
            index: row.try_get(0)?,
            generation: row.try_get(1)?,
            key: row.try_get(2)?,
            reason: row.try_get(3)?,
            attempts: row.try_get(4)?,
            first_at: row.try_get(5)?,
            last_at: row.try_get(6)?,
        })
    };
    Ok(rows.iter().map(letter).collect::<Result<_, _>>()?)
}

/// Touches the documents of these dead letters; a successful build removes the letter. Returns how many.
///
/// # Errors
/// Those of the connection.
pub async fn retry(pool: &PgPool, index: Option<&str>, keys: &[String]) -> Result<u64, LedgerError> {
    let done = sqlx::query(
        "INSERT INTO highwater.touch (generation, columns, copies) SELECT dead.generation, ARRAY[dead.key], dead.copies FROM highwater.dead AS dead \
         JOIN highwater.generation AS generation ON generation.id = dead.generation WHERE generation.state <> 'retired' \
         AND ($1::text IS NULL OR generation.index_name = $1) AND (cardinality($2::text[]) = 0 OR dead.key = ANY($2))",
    )
    .bind(index)
    .bind(keys)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets dead letters without a try. Returns how many.
///
/// # Errors
/// Those of the connection.
pub async fn drop_letters(pool: &PgPool, index: &str, keys: &[String]) -> Result<u64, LedgerError> {
    let done = sqlx::query(
        "DELETE FROM highwater.dead AS dead USING highwater.generation AS generation WHERE generation.id = dead.generation \
         AND generation.index_name = $1 AND dead.key = ANY($2)",
    )
    .bind(index)
    .bind(keys)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

//! Which concrete indexes are fed, by which definitions; and the revision that numbers that set.
//!
//! Every change of the set raises the revision in the same commit. A batch reads the revision in its own snapshot, so
//! that a daemon with an older list sends nothing.

use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Row};

use super::error::LedgerError;
use super::job::{Kind, NewJob};

/// One row, not retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRow {
    pub id: i32,
    pub index: String,
    pub number: i32,
    pub definition: String,
    pub hash: String,
    /// Behind the alias.
    pub live: bool,
    /// Its index was made, for it alone.
    pub made: bool,
}

impl GenerationRow {
    /// The concrete index: `books-000001`.
    #[must_use]
    pub fn concrete(&self) -> String {
        format!("{}-{:06}", self.index, self.number)
    }
}

/// The revision and the generations that are fed under it, as one statement sees them.
///
/// # Errors
/// [`LedgerError::Absent`] where there is no ledger.
pub async fn fed(connection: &mut PgConnection) -> Result<(i64, Vec<GenerationRow>), LedgerError> {
    let rows = sqlx::query(
        "SELECT source.revision, generation.id, generation.index_name, generation.number, generation.definition, generation.definition_hash, \
         generation.state = 'live' AS live, generation.made FROM highwater.source AS source \
         LEFT JOIN highwater.generation AS generation ON generation.state <> 'retired' ORDER BY generation.id",
    )
    .fetch_all(connection)
    .await
    .map_err(absent)?;
    let mut revision = 0;
    let mut generations = Vec::new();
    for row in rows {
        revision = row.try_get(0)?;
        if let Some(id) = row.try_get::<Option<i32>, _>(1)? {
            generations.push(GenerationRow {
                id,
                index: row.try_get(2)?,
                number: row.try_get(3)?,
                definition: row.try_get(4)?,
                hash: row.try_get(5)?,
                live: row.try_get(6)?,
                made: row.try_get(7)?,
            });
        }
    }
    Ok((revision, generations))
}

fn absent(error: sqlx::Error) -> LedgerError {
    match &error {
        sqlx::Error::Database(database) if matches!(database.code().as_deref(), Some("42P01" | "3F000")) => {
            LedgerError::Absent
        }
        _ => LedgerError::Postgres(error),
    }
}

/// Takes the lock under which the set of generations and the capture is changed; held until the transaction ends.
///
/// # Errors
/// Those of the connection.
pub async fn lock_set(connection: &mut PgConnection) -> Result<(), LedgerError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('highwater.generation', 0))")
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether nobody else applies or mends now; nobody does then until [`unlock_capture`], or the connection's end. What
/// one installs for a definition that it has not added yet, another one would take back.
///
/// # Errors
/// Those of the connection.
pub async fn lock_capture(owner: &mut PgConnection) -> Result<bool, LedgerError> {
    Ok(
        sqlx::query("SELECT pg_try_advisory_lock(hashtextextended('highwater.capture', 0))")
            .fetch_one(owner)
            .await?
            .try_get(0)?,
    )
}

/// Lets others apply and mend again.
///
/// # Errors
/// Those of the connection.
pub async fn unlock_capture(owner: &mut PgConnection) -> Result<(), LedgerError> {
    sqlx::query("SELECT pg_advisory_unlock(hashtextextended('highwater.capture', 0))")
        .execute(owner)
        .await?;
    Ok(())
}

/// Whether the newest fed generation of that index was made from this definition.
///
/// # Errors
/// Those of the connection.
pub async fn is_newest(connection: &mut PgConnection, index: &str, hash: &str) -> Result<bool, LedgerError> {
    let newest = sqlx::query(
        "SELECT definition_hash FROM highwater.generation WHERE index_name = $1 AND state <> 'retired' ORDER BY number DESC LIMIT 1",
    );
    let newest: Option<String> = newest
        .bind(index)
        .fetch_optional(connection)
        .await?
        .map(|row| row.try_get(0))
        .transpose()?;
    Ok(newest.as_deref() == Some(hash))
}

/// Adds a generation to be built, unless the newest fed one of that index has this definition already. Returns whether
/// it was added.
///
/// # Errors
/// Those of the connection.
pub async fn add(
    connection: &mut PgConnection,
    index: &str,
    definition: &str,
    hash: &str,
) -> Result<bool, LedgerError> {
    if is_newest(connection, index, hash).await? {
        return Ok(false);
    }
    // A generation still being built by an older definition is overtaken.
    sqlx::query("UPDATE highwater.generation SET state = 'retired' WHERE index_name = $1 AND state = 'building'")
        .bind(index)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO highwater.generation (index_name, number, definition, definition_hash) \
         SELECT $1, coalesce(max(number), 0) + 1, $2, $3 FROM highwater.generation WHERE index_name = $1",
    )
    .bind(index)
    .bind(definition)
    .bind(hash)
    .execute(&mut *connection)
    .await?;
    raise(connection).await?;
    Ok(true)
}

/// Marks a generation live and those it replaces retired.
///
/// # Errors
/// Those of the connection.
pub async fn promote(connection: &mut PgConnection, id: i32) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE highwater.generation AS old SET state = 'retired' FROM highwater.generation AS new \
         WHERE new.id = $1 AND old.index_name = new.index_name AND old.id <> new.id AND old.state = 'live'",
    )
    .bind(id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE highwater.generation SET state = 'live' WHERE id = $1 AND state = 'building'")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    raise(connection).await
}

/// Whether the generation's index was made.
///
/// # Errors
/// Those of the connection.
pub async fn is_made(pool: &PgPool, id: i32) -> Result<bool, LedgerError> {
    let made = sqlx::query("SELECT EXISTS (SELECT FROM highwater.generation WHERE id = $1 AND made)");
    Ok(made.bind(id).fetch_one(pool).await?.try_get(0)?)
}

/// Notes that the generation's index was made, and asks for its backfill.
///
/// # Errors
/// Those of the connection.
pub async fn make(pool: &PgPool, id: i32) -> Result<(), LedgerError> {
    let mut transaction = pool.begin().await?;
    lock_set(&mut transaction).await?;
    let made =
        sqlx::query("UPDATE highwater.generation SET made = true WHERE id = $1 AND NOT made AND state <> 'retired'");
    if made.bind(id).execute(&mut *transaction).await?.rows_affected() == 1 {
        let backfill = NewJob {
            generation: id,
            kind: Kind::Backfill,
            touched: None,
        };
        backfill.insert(&mut transaction).await?;
        raise(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// A generation whose index is gone, or somebody else's, is replaced by another of the same definition: its number is
/// never used again. `made` is what is known of it; nothing is done where that has changed.
///
/// # Errors
/// Those of the connection.
pub async fn replace(pool: &PgPool, id: i32, made: bool) -> Result<(), LedgerError> {
    let mut transaction = pool.begin().await?;
    lock_set(&mut transaction).await?;
    let row = sqlx::query("UPDATE highwater.generation SET state = 'retired' WHERE id = $1 AND made = $2 AND state <> 'retired' RETURNING index_name, definition, definition_hash")
        .bind(id)
        .bind(made)
        .fetch_optional(&mut *transaction)
        .await?;
    if let Some(row) = row {
        let (index, definition, hash): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        // A newer definition that is being built already takes its place.
        let newer =
            sqlx::query("SELECT FROM highwater.generation WHERE index_name = $1 AND id > $2 AND state <> 'retired'");
        let newer = newer.bind(&index).bind(id);
        if newer.fetch_optional(&mut *transaction).await?.is_none() {
            add(&mut transaction, &index, &definition, &hash).await?;
        }
        raise(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn raise(connection: &mut PgConnection) -> Result<(), LedgerError> {
    sqlx::query("UPDATE highwater.source SET revision = revision + 1")
        .execute(connection)
        .await?;
    Ok(())
}

/// The revision in force.
///
/// # Errors
/// Those of the connection.
pub async fn revision(pool: &PgPool) -> Result<i64, LedgerError> {
    Ok(sqlx::query("SELECT revision FROM highwater.source")
        .fetch_one(pool)
        .await?
        .try_get(0)?)
}

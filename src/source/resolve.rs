//! Runs a fan-out: from touched rows to the keys of the documents that show them.

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::key::Key;
use crate::plan::fanout::Statement;

use super::connect::Postgres;
use super::error::SourceError;
use super::fetch::bind;

/// Columns of values, one vector a column: `columns[c][row]`.
pub type Columns = Vec<Vec<Option<String>>>;

/// The next `limit` keys in key order, behind `after`.
///
/// # Errors
/// Those of the statement.
pub async fn roots(
    postgres: &Postgres,
    connection: &mut PgConnection,
    statement: &Statement,
    touched: &Columns,
    after: Option<&Key>,
    key_columns: usize,
    limit: i64,
) -> Result<Vec<Key>, SourceError> {
    let mut arguments = PgArguments::default();
    for column in touched {
        bind(&mut arguments, column)?;
    }
    bind(&mut arguments, limit)?;
    let sql = match after {
        None => &statement.first,
        Some(key) => {
            for part in key.parts(key_columns).ok_or_else(|| SourceError::Key(key.clone()))? {
                bind(&mut arguments, part.into_owned())?;
            }
            &statement.next
        }
    };
    let asked = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments).fetch_all(connection);
    let rows = postgres.within(asked).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let parts: Vec<String> = row.try_get(0)?;
        keys.push(Key::from_parts(parts.iter().map(String::as_str)));
    }
    Ok(keys)
}

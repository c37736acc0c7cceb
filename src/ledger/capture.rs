//! Installs what a plan captures, and tells whether it is still as installed.

use std::collections::{BTreeMap, HashMap};

use sqlx::postgres::PgPool;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::error::LedgerError;
use crate::plan::{Capture, PlannedTable};

/// The order of columns that a touch was logged in.
#[derive(Clone, Debug)]
pub struct Layout {
    pub table_oid: u32,
    pub columns: Vec<String>,
    pub key_columns: usize,
    /// Columns that are compared at an update; touches number them from 1.
    pub compared: Vec<String>,
}

/// Layouts by number: few, and never changed once made.
///
/// # Errors
/// Those of the connection.
pub async fn layouts(pool: &PgPool) -> Result<HashMap<i32, Layout>, LedgerError> {
    let rows = sqlx::query("SELECT id, table_oid, columns, key_columns, compared FROM highwater.capture")
        .fetch_all(pool)
        .await?;
    let mut layouts = HashMap::with_capacity(rows.len());
    for row in rows {
        let key_columns = usize::try_from(row.try_get::<i32, _>(3)?).unwrap_or_default();
        layouts.insert(
            row.try_get(0)?,
            Layout {
                table_oid: row.try_get::<Oid, _>(1)?.0,
                columns: row.try_get(2)?,
                key_columns,
                compared: row.try_get(4)?,
            },
        );
    }
    Ok(layouts)
}

/// Puts the triggers of one table in place, unless they are already what is wanted. Returns whether anything changed.
///
/// The table is locked against writers meanwhile: replacing a function does not wait for open transactions, and what
/// they then change would go unlogged. Waiting is short, so that nobody queues behind us; on a timeout the caller tries
/// again.
///
/// # Errors
/// Missing rights, or a lock that was not free in time (SQLSTATE 55P03).
pub async fn install(owner: &mut PgConnection, capture: &Capture) -> Result<bool, LedgerError> {
    let before = look(owner, capture).await?;
    if before == Look::AsWanted {
        return Ok(false);
    }
    let mut transaction = owner.begin_with("BEGIN; SET LOCAL lock_timeout = '1s'").await?;
    for table in tables(capture) {
        let lock = format!("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE", table.sql);
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *transaction).await?;
    }
    sqlx::query("UPDATE highwater.capture SET current = false WHERE table_oid = $1 AND current")
        .bind(Oid(capture.table.oid))
        .execute(&mut *transaction)
        .await?;
    let layout: i32 = sqlx::query(
        "INSERT INTO highwater.capture (table_oid, schema_name, table_name, columns, key_columns, compared, body) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(Oid(capture.table.oid))
    .bind(&capture.schema)
    .bind(&capture.name)
    .bind(&capture.columns)
    .bind(i32::try_from(capture.key_columns).unwrap_or_default())
    .bind(capture.used.columns.iter().collect::<Vec<_>>())
    .bind(body(capture))
    .fetch_one(&mut *transaction)
    .await?
    .try_get(0)?;
    sqlx::raw_sql(AssertSqlSafe(capture.function_sql(layout)))
        .execute(&mut *transaction)
        .await?;
    let revoke = format!("REVOKE ALL ON FUNCTION {}() FROM PUBLIC", capture.function());
    sqlx::raw_sql(AssertSqlSafe(revoke)).execute(&mut *transaction).await?;
    for table in tables(capture) {
        for statement in capture.trigger_sql(table) {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
        }
    }
    let state = state(&mut transaction, capture).await?;
    sqlx::query("UPDATE highwater.capture SET installed = $1 WHERE id = $2")
        .bind(state)
        .bind(layout)
        .execute(&mut *transaction)
        .await?;
    if before == Look::Drifted {
        sqlx::query("UPDATE highwater.source SET suspect_since = coalesce(suspect_since, now())")
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Whether the table's capture covers `capture` and is untouched since it was installed. It may log more: for a
/// definition that was applied after `capture` was planned, or one that is no longer fed.
///
/// # Errors
/// Those of the connection.
pub async fn installed(connection: &mut PgConnection, capture: &Capture) -> Result<bool, LedgerError> {
    let found = look(connection, capture).await?;
    Ok(matches!(found, Look::AsWanted | Look::More))
}

/// Whether the table's capture is exactly `capture`: to install it would change nothing.
///
/// # Errors
/// Those of the connection.
pub async fn as_wanted(connection: &mut PgConnection, capture: &Capture) -> Result<bool, LedgerError> {
    Ok(look(connection, capture).await? == Look::AsWanted)
}

/// What is found in place of a capture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    AsWanted,
    /// All that is wanted, and untouched, but not that alone.
    More,
    /// Nothing, or for other columns: whoever needs these is not live yet.
    Otherwise,
    /// Not as it was left: triggers were off or are gone, partitions came or went, columns were rewritten as another
    /// type. Something may have changed without being logged.
    Drifted,
}

async fn look(connection: &mut PgConnection, capture: &Capture) -> Result<Look, LedgerError> {
    // In one statement: what another process installs in between would be told from what it noted.
    let sql = format!(
        "SELECT body, installed, key_columns, columns, compared, {STATE} FROM highwater.capture WHERE table_oid = $3 AND current"
    );
    let row = with_state(sqlx::query(AssertSqlSafe(sql)), capture)
        .bind(Oid(capture.table.oid))
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(Look::Otherwise) };
    let (body, installed, now): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(5)?);
    let (function, kept) = body.rsplit_once(KEPT).unwrap_or((&body, "{}"));
    let kept: Kept = serde_json::from_str(kept).unwrap_or_default();
    let logged = Layout {
        table_oid: capture.table.oid,
        columns: row.try_get(3)?,
        key_columns: usize::try_from(row.try_get::<i32, _>(2)?).unwrap_or_default(),
        compared: row.try_get(4)?,
    };
    Ok(if kept.retyped(capture) || installed != now {
        Look::Drifted
    } else if function == capture.function_sql(0) {
        Look::AsWanted
    } else if kept.covers(&logged, capture) {
        Look::More
    } else {
        Look::Otherwise
    })
}

/// Stands between the function's text and what else is kept to tell drift.
const KEPT: &str = "\n-- kept: ";

/// What a capture is compared by, beside what it logs.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Kept {
    /// Whether a change of any column is logged.
    any: bool,
    types: BTreeMap<String, String>,
}

impl Kept {
    fn retyped(&self, wanted: &Capture) -> bool {
        let mut types = wanted.types.iter();
        types.any(|(name, now)| self.types.get(name).is_some_and(|then| then != now))
    }

    /// Whether what is logged, and when, is all that `wanted` asks for.
    fn covers(&self, logged: &Layout, wanted: &Capture) -> bool {
        let key = |columns: &[String], count: usize| columns.get(..count).map(<[String]>::to_vec);
        let compared = |column: &String| logged.compared.contains(column);
        let used = self.any || (!wanted.used.any && wanted.used.columns.iter().all(compared));
        used && key(&logged.columns, logged.key_columns) == key(&wanted.columns, wanted.key_columns)
            && wanted.columns.iter().all(|column| logged.columns.contains(column))
    }
}

fn body(capture: &Capture) -> String {
    let kept = Kept {
        any: capture.used.any,
        types: capture.types.clone(),
    };
    let kept = serde_json::to_string(&kept).unwrap_or_default(); // names and types are always JSON
    format!("{}{KEPT}{kept}", capture.function_sql(0))
}

/// The versions of the catalog rows of triggers and function: disabled and enabled again between two looks still shows.
const STATE: &str = "coalesce((SELECT string_agg(concat_ws(':', relid, tgname, t.xmin, tgenabled), ' ' ORDER BY relid, tgname) FROM unnest($1) AS tables(relid) \
    LEFT JOIN pg_trigger AS t ON tgrelid = relid AND tgname LIKE 'highwater\\_%' AND NOT tgisinternal), '') || ' / ' || \
    coalesce((SELECT xmin::text FROM pg_proc WHERE oid = to_regprocedure($2)), '')";

async fn state(connection: &mut PgConnection, capture: &Capture) -> Result<String, LedgerError> {
    let query = sqlx::query(AssertSqlSafe(format!("SELECT {STATE}")));
    Ok(with_state(query, capture).fetch_one(connection).await?.try_get(0)?)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds what [`STATE`] asks for.
fn with_state<'q>(query: Query<'q>, capture: &Capture) -> Query<'q> {
    let oids: Vec<Oid> = tables(capture).map(|table| Oid(table.oid)).collect();
    query.bind(oids).bind(format!("{}()", capture.function()))
}

/// Those that get triggers.
pub fn tables(capture: &Capture) -> impl Iterator<Item = &PlannedTable> {
    std::iter::once(&capture.table).chain(&capture.leaves)
}

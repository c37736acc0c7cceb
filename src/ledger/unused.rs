//! Tables that are captured and that nothing needs any more: their triggers go.

use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::error::LedgerError;
use crate::plan::Capture;

/// A captured table that no definition uses.
#[derive(Clone, Debug)]
pub struct Unused {
    pub table_oid: u32,
    /// As it was called when it was captured; it may be gone.
    pub name: String,
}

/// Everything that is captured beside `wanted`.
///
/// # Errors
/// Those of the connection.
pub async fn unused(connection: &mut PgConnection, wanted: &[Capture]) -> Result<Vec<Unused>, LedgerError> {
    let wanted: Vec<Oid> = wanted.iter().map(|capture| Oid(capture.table.oid)).collect();
    let rows = sqlx::query(
        "SELECT table_oid, format('%s.%s', schema_name, table_name) FROM highwater.capture WHERE current AND table_oid <> ALL($1) ORDER BY 2",
    )
    .bind(wanted)
    .fetch_all(connection)
    .await?;
    let mut unused = Vec::with_capacity(rows.len());
    for row in rows {
        unused.push(Unused {
            table_oid: row.try_get::<Oid, _>(0)?.0,
            name: row.try_get(1)?,
        });
    }
    Ok(unused)
}

/// Takes the triggers of one table and of its partitions away, with their function. What they logged stays readable.
///
/// # Errors
/// Missing rights, or a lock that was not free in time (SQLSTATE 55P03): nothing is changed then.
pub async fn remove(owner: &mut PgConnection, unused: &Unused) -> Result<(), LedgerError> {
    let function = format!("highwater.capture_{}()", unused.table_oid);
    let mut transaction = owner.begin_with("BEGIN; SET LOCAL lock_timeout = '1s'").await?;
    let triggers = sqlx::query(
        "SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger \
         WHERE tgfoid = to_regprocedure($1) AND NOT tgisinternal ORDER BY tgrelid, tgname",
    )
    .bind(&function)
    .fetch_all(&mut *transaction)
    .await?;
    for trigger in triggers {
        let sql: String = trigger.try_get(0)?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    }
    let drop = format!("DROP FUNCTION IF EXISTS {function}");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *transaction).await?;
    sqlx::query("UPDATE highwater.capture SET current = false WHERE table_oid = $1 AND current")
        .bind(Oid(unused.table_oid))
        .execute(&mut *transaction)
        .await?;
    sqlx::query("DELETE FROM highwater.watermark WHERE table_name = $1")
        .bind(&unused.name)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

//! What the daemon's role needs of the ledger, where it is not the owner.

use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::error::LedgerError;
use crate::catalog::quote;

/// Lets the role use the ledger.
///
/// # Errors
/// A role that does not exist.
pub async fn grant(owner: &mut PgConnection, role: &str) -> Result<(), LedgerError> {
    let current: String = sqlx::query("SELECT current_user::text")
        .fetch_one(&mut *owner)
        .await?
        .try_get(0)?;
    if current != role {
        sqlx::raw_sql(AssertSqlSafe(sql(role))).execute(owner).await?;
    }
    Ok(())
}

/// The statements that do so.
#[must_use]
pub fn sql(role: &str) -> String {
    let role = quote(role);
    format!(
        "GRANT USAGE ON SCHEMA highwater TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA highwater TO {role}; \
         GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA highwater TO {role}"
    )
}

/// The catalog tells it of any role. Where the schema is closed, what is in it need not be named.
const LACKING: &str = "
WITH ledger AS (SELECT oid, has_schema_privilege($1::name, oid, 'usage') AS usable FROM pg_namespace WHERE nspname = 'highwater'),
parts AS (
    SELECT c.relname::text AS name, CASE c.relkind
        WHEN 'S' THEN has_sequence_privilege($1::name, c.oid, 'usage') AND has_sequence_privilege($1::name, c.oid, 'select')
                  AND has_sequence_privilege($1::name, c.oid, 'update')
        ELSE has_table_privilege($1::name, c.oid, 'select') AND has_table_privilege($1::name, c.oid, 'insert')
         AND has_table_privilege($1::name, c.oid, 'update') AND has_table_privilege($1::name, c.oid, 'delete') END AS usable
    FROM pg_class c JOIN ledger ON ledger.oid = c.relnamespace WHERE c.relkind IN ('r', 'S'))
SELECT 'schema highwater' FROM ledger WHERE NOT usable
UNION ALL (SELECT 'highwater.' || name FROM parts WHERE NOT usable AND EXISTS (SELECT FROM ledger WHERE usable) ORDER BY name)";

/// What of the ledger the role may not use; nothing where there is no ledger yet.
///
/// # Errors
/// Those of the connection, and a role that does not exist.
pub async fn lacking(connection: &mut PgConnection, role: &str) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(LACKING).bind(role).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

//! What a role may not do that puts ledger and triggers in place, asked before anything is made: what fails halfway leaves
//! the rest behind, and tells of the first table alone.

use sqlx::postgres::types::Oid;
use sqlx::{PgConnection, Row};

/// Of the schema.
#[derive(Debug)]
pub struct Schema {
    /// Who asks.
    pub role: String,
    /// The database, quoted.
    pub database: String,
    /// Whether the role may make schemas in it.
    pub creates: bool,
    /// Whose schema `highwater` is, and whether the role may act as that one; nothing where there is none yet.
    pub owner: Option<(String, bool)>,
}

/// A role, and tables of its own.
#[derive(Debug)]
pub struct Owner {
    pub name: String,
    pub superuser: bool,
    /// Quoted, with schema, in the order of their names.
    pub tables: Vec<String>,
}

/// Who asks, and what is there.
///
/// # Errors
/// Those of the connection.
pub async fn schema(connection: &mut PgConnection) -> Result<Schema, sqlx::Error> {
    let row = sqlx::query(
        "SELECT current_user::text, quote_ident(current_database()::text), has_database_privilege(current_database(), 'create'), \
         pg_get_userbyid(nspowner)::text, pg_has_role(nspowner, 'usage') \
         FROM (SELECT) AS one LEFT JOIN pg_namespace ON nspname = 'highwater'",
    )
    .fetch_one(connection)
    .await?;
    let owner: (Option<String>, Option<bool>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(Schema {
        role: row.try_get(0)?,
        database: row.try_get(1)?,
        creates: row.try_get(2)?,
        owner: owner.0.zip(owner.1),
    })
}

/// Those of the tables whose owner the role may not act as: only who may can make triggers that fire ALWAYS.
///
/// # Errors
/// Those of the connection.
pub async fn foreign(connection: &mut PgConnection, tables: &[u32]) -> Result<Vec<Owner>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT pg_get_userbyid(relowner)::text, coalesce(bool_or(rolsuper), false), \
         array_agg(format('%I.%I', nspname, relname) ORDER BY nspname, relname) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_roles r ON r.oid = relowner \
         WHERE c.oid = ANY($1) AND NOT pg_has_role(relowner, 'usage') GROUP BY relowner ORDER BY 1",
    )
    .bind(tables.iter().copied().map(Oid).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let owner = |row: &sqlx::postgres::PgRow| {
        Ok(Owner {
            name: row.try_get(0)?,
            superuser: row.try_get(1)?,
            tables: row.try_get(2)?,
        })
    };
    rows.iter().map(owner).collect()
}

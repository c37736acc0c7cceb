//! Makes the ledger, and brings an older one up to date. Acts with the owner's rights.

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::error::LedgerError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the ledger to this program's version. Safe to run at any time, by several at once.
///
/// # Errors
/// Missing rights, or a ledger made by a newer program.
pub async fn migrate(owner: &mut PgConnection) -> Result<(), LedgerError> {
    let mut migrator = Migrator {
        migrations: MIGRATIONS.migrations.clone(),
        ..Migrator::DEFAULT
    };
    // The application's own `_sqlx_migrations` stays untouched.
    migrator.dangerous_set_table_name("highwater._migrations");
    // Even `IF NOT EXISTS` asks for the right to create one.
    if !has_schema(owner).await? {
        migrator.create_schema("highwater");
    }
    // Not `run`: its generic connection keeps the future from being sent between threads.
    migrator.run_direct(None, &mut *owner, false).await?;
    sqlx::query(
        "INSERT INTO highwater.source (system_identifier, database_oid, timeline) \
         SELECT system_identifier::text, (SELECT oid FROM pg_database WHERE datname = current_database()), \
         substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) FROM pg_control_system() ON CONFLICT DO NOTHING",
    )
    .execute(owner)
    .await?;
    Ok(())
}

/// Whether the ledger is there, and is this program's.
///
/// # Errors
/// Those of the connection, and missing rights.
pub async fn is_current(connection: &mut PgConnection) -> Result<bool, LedgerError> {
    if !exists(connection).await? {
        return Ok(false);
    }
    let newest: Option<i64> = sqlx::query("SELECT max(version) FROM highwater._migrations WHERE success")
        .fetch_one(connection)
        .await?
        .try_get(0)?;
    Ok(newest == MIGRATIONS.migrations.iter().map(|migration| migration.version).max())
}

/// Whether the ledger is there.
///
/// # Errors
/// Those of the connection.
pub async fn exists(connection: &mut PgConnection) -> Result<bool, LedgerError> {
    let row = sqlx::query("SELECT to_regclass('highwater.source') IS NOT NULL")
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

async fn has_schema(owner: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT to_regnamespace('highwater') IS NOT NULL")
        .fetch_one(owner)
        .await?;
    row.try_get(0)
}

/// Takes everything away: triggers, functions, ledger. Nothing of highwater stays in the database.
///
/// # Errors
/// Missing rights; tables that are locked for longer than the lock timeout, so that it can be run again.
pub async fn uninstall(owner: &mut PgConnection) -> Result<(), LedgerError> {
    if !exists(owner).await? {
        return Ok(());
    }
    // One table a transaction, so that no more than one is locked at a time.
    let triggers = sqlx::query(
        "SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger \
         WHERE tgname IN ('highwater_insert', 'highwater_update', 'highwater_delete', 'highwater_truncate') AND NOT tgisinternal ORDER BY tgrelid",
    )
    .fetch_all(&mut *owner)
    .await?;
    for trigger in triggers {
        let sql: String = trigger.try_get(0)?;
        let mut transaction = owner.begin_with("BEGIN; SET LOCAL lock_timeout = '1s'").await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    sqlx::raw_sql("DROP SCHEMA highwater CASCADE").execute(owner).await?;
    Ok(())
}

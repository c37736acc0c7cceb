//! The one transaction a batch is built in: locks first, then the snapshot, then proof that it is the right database.
//!
//! Locks are taken before the snapshot, since a table rewritten or truncated in between would look empty and every
//! document of the batch would be deleted. Every setting that can change a document is set here, for this transaction.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Row, Transaction};

use crate::draft::Version;
use crate::plan::{Plan, PlannedTable};

use super::connect;
use super::error::SourceError;

/// An open snapshot and where it stands.
pub struct Snapshot {
    pub transaction: Transaction<'static, Postgres>,
    pub version: Version,
    /// When it was taken, by this machine's clock.
    pub taken: std::time::Instant,
}

/// What must still be so: the set of generations the work was planned for, and the tables it reads.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    pub revision: i64,
    pub tables: &'a [PlannedTable],
}

const SETTINGS: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL row_security = off; SET LOCAL search_path = pg_catalog; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; \
    SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL lc_monetary = 'C'; \
    SET LOCAL idle_in_transaction_session_timeout = '2min'";

const POSITION: &str = concat!(
    "SELECT source.epoch, source.revision, source.highest_position, source.system_identifier, source.database_oid, source.timeline, \
    pg_snapshot_xmax(snapshot)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(snapshot)) AS position, \
    pg_current_xact_id_if_assigned() IS NULL AS clean, \
    (SELECT system_identifier::text FROM pg_control_system()) AS system_now, \
    (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_now, \
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline_now, \
    (SELECT array_agg(to_regclass(name)::oid::bigint ORDER BY at) FROM unnest($1::text[]) WITH ORDINALITY AS names(name, at)) AS oids, \
    (SELECT array_agg(",
    shape!("to_regclass(name)"),
    " ORDER BY at) \
        FROM unnest($1::text[]) WITH ORDINALITY AS names(name, at)) AS shapes \
    FROM highwater.source AS source, pg_current_snapshot() AS snapshot"
);

/// Opens a snapshot over the tables of a plan.
///
/// # Errors
/// Those of the connection, and every way in which it is not the database the plan was made for.
pub async fn open(
    pool: &PgPool,
    expected: Expected<'_>,
    lock_timeout: std::time::Duration,
) -> Result<Snapshot, SourceError> {
    let tables: Vec<&str> = expected.tables.iter().map(|table| table.sql.as_str()).collect();
    // Apart from BEGIN: a lock that is not free in time fails the statement, and a connection that failed in its BEGIN
    // would go back to the pool within an aborted transaction.
    let mut transaction = pool.begin_with(SETTINGS).await?;
    let lock = format!(
        "SET LOCAL lock_timeout = '{}ms'; LOCK TABLE {} IN ACCESS SHARE MODE",
        lock_timeout.as_millis(),
        tables.join(", ")
    );
    transaction.execute(AssertSqlSafe(lock)).await?;
    let taken = std::time::Instant::now();
    let version = position(&mut transaction, expected, &tables).await?;
    Ok(Snapshot {
        transaction,
        version,
        taken,
    })
}

async fn position(
    connection: &mut PgConnection,
    expected: Expected<'_>,
    names: &[&str],
) -> Result<Version, SourceError> {
    let row = sqlx::query(POSITION).bind(names).fetch_one(connection).await?;
    let (epoch, revision, position): (i32, i64, i64) = (
        row.try_get("epoch")?,
        row.try_get("revision")?,
        row.try_get("position")?,
    );
    let (system, system_now): (String, String) = (row.try_get("system_identifier")?, row.try_get("system_now")?);
    let (database, database_now): (i64, i64) = (row.try_get("database_oid")?, row.try_get("database_now")?);
    if system != system_now || database != database_now {
        return Err(SourceError::Lineage(
            "this database is not the one its ledger was made for: it is a copy or was restored from a dump. Run `highwater adopt` if it is to feed the index from now on".to_owned(),
        ));
    }
    if row.try_get::<String, _>("timeline")? != row.try_get::<String, _>("timeline_now")? {
        return Err(SourceError::Promoted);
    }
    if position < row.try_get::<i64, _>("highest_position")? {
        return Err(SourceError::Lineage(
            "the database has gone back in time: its storage was restored. Run `highwater adopt` to go on from here"
                .to_owned(),
        ));
    }
    if !row.try_get::<bool, _>("clean")? {
        return Err(SourceError::Unclean);
    }
    if revision != expected.revision {
        return Err(SourceError::Revision {
            planned: expected.revision,
            found: revision,
        });
    }
    let oids: Option<Vec<Option<i64>>> = row.try_get("oids")?;
    let same = oids
        .unwrap_or_default()
        .iter()
        .zip(expected.tables)
        .all(|(found, planned)| *found == Some(i64::from(planned.oid)));
    // A column of another type would be read by the wrong form, and every document called unfit.
    let shapes: Option<Vec<Option<String>>> = row.try_get("shapes")?;
    let shaped = shapes
        .unwrap_or_default()
        .iter()
        .zip(expected.tables)
        .all(|(found, planned)| found.as_deref().unwrap_or_default() == planned.shape);
    if !same || !shaped {
        return Err(SourceError::Tables);
    }
    Ok(Version::new(epoch, position))
}

/// Commits something durable after the snapshot and before anything is sent: a crash of Postgres cannot take back what
/// was read. `local`, as a standby's confirmation adds nothing to that.
///
/// # Errors
/// Those of the connection.
pub async fn fence(pool: &PgPool) -> Result<(), SourceError> {
    let mut connection = pool.acquire().await?;
    // Statements sent together are one transaction, which an error ends; a BEGIN would outlast it.
    connection
        .execute("SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'highwater', '')")
        .await?;
    Ok(())
}

/// Kept out of the main pool, so that a fence never waits for the batches that wait for it.
pub fn fence_pool(main: &PgPool) -> PgPool {
    connect::pool(main.options().get_acquire_timeout())
        .max_connections(2)
        .connect_lazy_with(main.connect_options().as_ref().clone())
}

impl Expected<'_> {
    /// What a plan expects at a revision.
    #[must_use]
    pub fn of(plan: &Plan, revision: i64) -> Expected<'_> {
        Expected {
            revision,
            tables: &plan.tables,
        }
    }
}

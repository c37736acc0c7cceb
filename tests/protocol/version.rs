//! A document's version is the position of its snapshot: whoever sees more has the higher one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use highwater::plan::PlannedTable;
use highwater::source::Postgres;
use highwater::source::snapshot::{self, Expected};
use sqlx::{AssertSqlSafe, Row};
use tokio::task::JoinSet;

use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key); create table written (token bigint)";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n";

const READERS: usize = 3;
const SNAPSHOTS: usize = 800;

/// A world whose definition is in the ledger, without a daemon.
async fn applied(schema: &str) -> World {
    let world = World::new(schema, DEFINITION).await;
    assert!(
        world
            .program(&["apply", "--yes"])
            .output()
            .expect("it runs")
            .status
            .success()
    );
    world
}

/// What one snapshot saw: its version, how many rows, and their sum.
type Seen = (i64, i64, i64);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_more_has_the_higher_version() {
    let world = Arc::new(applied(SCHEMA).await);
    let (over, token) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(1)));
    let mut writers = JoinSet::new();
    for kind in 0..12 {
        writers.spawn(write(world.clone(), kind, over.clone(), token.clone()));
    }
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read(world.clone()));
    }
    let mut seen: Vec<Seen> = readers.join_all().await.concat();
    over.store(true, Ordering::Relaxed);
    writers.join_all().await;

    seen.sort_unstable();
    let grown = seen.windows(2).filter(|pair| pair[0].1 < pair[1].1).count();
    assert!(
        grown > SNAPSHOTS / 4,
        "too little was written between snapshots: {grown}"
    );
    for pair in seen.windows(2) {
        let (lower, higher) = (pair[0], pair[1]);
        assert!(
            lower.1 <= higher.1,
            "a snapshot that sees more has the lower version: {pair:?}"
        );
        if lower.0 == higher.0 || lower.1 == higher.1 {
            assert_eq!(
                (lower.1, lower.2),
                (higher.1, higher.2),
                "snapshots of one version see different rows"
            );
        }
    }
}

/// What a snapshot of the one table expects.
async fn tables(world: &World) -> (i64, [PlannedTable; 1]) {
    let row = sqlx::query("select 'public.written'::regclass::oid::bigint, (select revision from highwater.source)")
        .fetch_one(&world.pool)
        .await
        .expect("Postgres answers");
    let catalog = highwater::source::catalog::read_catalog(&mut world.database.connect().await)
        .await
        .expect("a catalog");
    let table = PlannedTable {
        oid: u32::try_from(row.get::<i64, _>(0)).expect("an oid"),
        sql: "public.written".to_owned(),
        shape: catalog.find(None, "written").expect("the table").shape.clone(),
    };
    (row.get(1), [table])
}

async fn read(world: Arc<World>) -> Vec<Seen> {
    let postgres = Postgres::new(&world.config().postgres).expect("a pool");
    let (revision, tables) = tables(&world).await;
    let expected = Expected {
        revision,
        tables: &tables,
    };
    let mut seen = Vec::with_capacity(SNAPSHOTS);
    while seen.len() < SNAPSHOTS {
        let mut snapshot = snapshot::open(postgres.pool(), expected, std::time::Duration::from_secs(5))
            .await
            .expect("a snapshot");
        let row = sqlx::query("select count(*), coalesce(sum(token), 0)::bigint from public.written")
            .fetch_one(&mut *snapshot.transaction)
            .await
            .expect("rows");
        seen.push((snapshot.version.0, row.get(0), row.get(1)));
        snapshot.transaction.rollback().await.expect("goodbye");
    }
    seen
}

/// Transactions of every kind; each that commits leaves one row of its own.
async fn write(world: Arc<World>, kind: usize, over: Arc<AtomicBool>, token: Arc<AtomicI64>) {
    let mut connection = world.database.connect().await;
    let name = format!("{}_{kind}", world.database.name());
    let mut round = kind;
    while !over.load(Ordering::Relaxed) {
        round += 1;
        let row = format!(
            "insert into written values ({})",
            token.fetch_add(1, Ordering::Relaxed).wrapping_mul(2_654_435_761) % 1_000_003
        );
        let wait = format!("select pg_sleep({})", (round * 7 % 11) as f64 / 1000.0);
        let statements = match (kind + round / 3) % 6 {
            0 => row,
            1 => format!("begin; {row}; {wait}; commit"),
            2 => format!(
                "begin; savepoint a; {row}; savepoint b; insert into written values (-1); rollback to b; {wait}; release a; commit"
            ),
            3 => format!("begin; {row}; {wait}; rollback"),
            4 => format!("begin; {row}; prepare transaction '{name}'; {wait}; commit prepared '{name}'"),
            _ => format!(
                "begin; select pg_current_xact_id(); {wait}; {row}; savepoint a; insert into written values (-1); rollback to a; commit"
            ),
        };
        for statement in statements.split("; ") {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap_or_else(|error| panic!("{error}: {statement}"));
        }
        if kind < 6 {
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_not_rewritten_under_a_snapshot() {
    let world = applied(&format!("{SCHEMA}; insert into written select generate_series(1, 10)")).await;
    let postgres = Postgres::new(&world.config().postgres).expect("a pool");
    let (revision, tables) = tables(&world).await;
    let expected = Expected {
        revision,
        tables: &tables,
    };
    let mut snapshot = snapshot::open(postgres.pool(), expected, std::time::Duration::from_secs(5))
        .await
        .expect("a snapshot");
    // Rewritten after the snapshot was taken, the table would look empty to it.
    let rewrite = "set lock_timeout = '100ms'; alter table written alter token type numeric";
    let refused = sqlx::raw_sql(rewrite)
        .execute(&mut world.database.connect().await)
        .await;
    let rows: i64 = sqlx::query("select count(*) from public.written")
        .fetch_one(&mut *snapshot.transaction)
        .await
        .expect("rows")
        .get(0);
    assert_eq!(rows, 10);
    assert!(refused.is_err(), "the lock is the snapshot's");
    snapshot.transaction.rollback().await.expect("goodbye");
}

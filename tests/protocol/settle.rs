//! Claims are settled in another order than their documents were written in.

use highwater::draft::Version;
use highwater::key::Key;
use highwater::ledger::Settlement;
use highwater::ledger::settle::Death;
use sqlx::Row;

use crate::support::world::World;

const SCHEMA: &str = "create table item (id bigint primary key, price int, quantity int); \
    insert into item select g, 100, g from generate_series(1, 20) g";
const DEFINITION: &str =
    "index: '{index}'\ntable: item\nfields:\n  id: long\n  each: { sql: price / quantity, type: integer }\n";

/// Key and version of every dead letter.
async fn dead(world: &World) -> Vec<(String, i64)> {
    let rows = sqlx::query("select key, version from highwater.dead order by key")
        .fetch_all(&world.pool)
        .await
        .expect("Postgres answers");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn commit(world: &World, settlement: Settlement) {
    let transaction = world.pool.begin().await.expect("a transaction");
    settlement.commit(transaction).await.expect("a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_settled_after_a_newer_success_does_not_stay() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    // Document 5 is written from a newer snapshot, and that is settled: there was no letter to remove.
    let late = Settlement {
        dead: vec![Death {
            generation: 1,
            key: Key::from_text("5"),
            version: Version(1),
            reason: "long ago".to_owned(),
            copies: Vec::new(),
        }],
        ..Settlement::default()
    };
    commit(&world, late).await;
    world.settled().await;
    assert_eq!(dead(&world).await, []);

    // A letter that is true stays, and the confirmation asks for no other one.
    world.run("update item set quantity = 0 where id = 7").await;
    world.settled().await;
    let letters = dead(&world).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_of_an_older_snapshot_takes_no_letter_away() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.run("update item set quantity = 0 where id = 7").await;
    world.settled().await;
    running.stop().await;
    let before = dead(&world).await;
    assert_eq!(before.len(), 1, "{before:?}");
    let late = Settlement {
        written: vec![(1, Key::from_text("7"), Version(1))],
        ..Settlement::default()
    };
    commit(&world, late).await;
    assert_eq!(dead(&world).await, before);
}

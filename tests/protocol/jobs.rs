//! What waits in the ledger: each index by itself, and nothing for ever.

use std::time::Duration;

use elasticsearch::http::Method;
use serde_json::json;

use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    insert into book select g, 'Title ' || g from generate_series(1, 50) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_hangs_keeps_no_other_s_parked_keys_waiting() {
    // A claim stays open for as long as its index hangs, and longer than this test may take.
    let world = World::with(SCHEMA, &[DEFINITION, DEFINITION], "touch_log:\n  close_after: 1h\n").await;
    let running = world.start().await;
    world.settled().await;
    let (status, answer) = world
        .ask(
            Method::Put,
            &format!("/{}-000001/_settings", world.index),
            Some(json!({ "index.blocks.write": true })),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let others = format!(
        "(select id from highwater.generation where index_name = '{}-2')",
        world.index
    );
    for keys in [1..=20, 21..=40] {
        let (first, last) = (keys.start(), keys.end());
        world
            .run(&format!(
                "insert into highwater.parked (generation, key, at, reason) \
                 select id, key::text, now(), 'a test' from highwater.generation, generate_series({first}, {last}) key"
            ))
            .await;
        world
            .until(&format!(
                "not exists (select from highwater.parked where generation = {others})"
            ))
            .await;
    }
    let left: i64 = sqlx::query_scalar("select count(*) from highwater.parked")
        .fetch_one(&world.pool)
        .await
        .expect("a number");
    assert_eq!(left, 40, "the other index takes no writes");
    running.abort().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_are_done_go_after_a_while() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    world
        .until("(select array_agg(kind order by kind) = '{backfill,verify}' and bool_and(state = 'done') from highwater.job)")
        .await;
    let mut config = world.config();
    config.job.jobs_kept = Duration::ZERO;
    let running = world.start_with(config);
    world.until("not exists (select from highwater.job)").await;
    running.stop().await;
    // What a generation is filled by must be known until it is live.
    world.configure(&[&DEFINITION.replace("title: text", "title: keyword")], "");
    let mut config = world.config();
    config.job.jobs_kept = Duration::ZERO;
    let running = world.start_with(config);
    world
        .until("exists (select from highwater.generation where number = 2 and state = 'live') and not exists (select from highwater.job)")
        .await;
    running.stop().await;
}

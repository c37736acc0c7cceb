//! Database and cluster belong together, or the daemon stops before it writes anything; and which of the two went back is
//! told by the note in the cluster.

use std::time::Duration;

use elasticsearch::http::Method;
use highwater::config::Config;
use highwater::daemon::DaemonError;
use highwater::draft::Version;
use serde_json::json;
use sqlx::Row;

use crate::support::proxy::{self, Proxy};
use crate::support::world::{Running, World};

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    insert into book select g, 'Title ' || g from generate_series(1, 100) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";

/// As a database looks that came up on another timeline than it had.
const ON_ANOTHER_TIMELINE: &str = "update highwater.source set timeline = 'FFFFFFFF'";

/// A ledger of an earlier moment than the cluster knows of.
const SET_BACK: &str = "update highwater.source set nonce = 1, confirmed_nonce = 1";

/// The configuration with a note as often as that.
fn noting_every(world: &World, period: Duration) -> Config {
    let mut config = world.config();
    config.job.nonce_every = period;
    config
}

/// A daemon until its index is live and the cluster has its fourth note; its last one.
async fn noted(world: &World) {
    let running = world.start_with(noting_every(world, Duration::from_millis(50)));
    world.live().await;
    world.settled().await;
    world.until("(select confirmed_nonce > 3 from highwater.source)").await;
    running.stop().await;
}

/// Why a daemon ended by itself.
async fn ends(running: Running) -> String {
    let ended = tokio::time::timeout(Duration::from_secs(30), running.outcome()).await;
    match ended.expect("it takes notice").expect_err("it stops by itself") {
        DaemonError::Fatal(why) => why,
        other => panic!("{other}"),
    }
}

async fn epoch(world: &World) -> i32 {
    sqlx::query("select epoch from highwater.source")
        .fetch_one(&world.pool)
        .await
        .expect("Postgres answers")
        .get(0)
}

/// Puts a document into the index as another life of this source may have: built at `version`.
async fn left_behind(world: &World, id: u32, version: Version) {
    let mark = json!({ "key": id.to_string(), "hash": "", "version": version.0, "encoder": 1, "revision": 1 });
    let path = format!(
        "/{}-000001/_doc/{id}?version={}&version_type=external_gte",
        world.index, version.0
    );
    let body = json!({ "id": id, "title": "of another life", "_highwater": mark });
    let answer = world.ask(Method::Put, &path, Some(body)).await;
    assert!(matches!(answer.0, 200 | 201), "{answer:?}");
}

/// Replaces the cluster's note, or takes it away.
async fn set_note(world: &World, nonce: Option<i64>) {
    let source: String = sqlx::query("select id::text from highwater.source")
        .fetch_one(&world.pool)
        .await
        .expect("Postgres answers")
        .get(0);
    let path = format!("/highwater-state/_doc/{source}");
    let answer = match nonce {
        Some(nonce) => {
            let note = json!({ "nonce": nonce.to_string() });
            world.ask(Method::Put, &path, Some(note)).await
        }
        None => world.ask(Method::Delete, &path, None).await,
    };
    assert!(matches!(answer.0, 200 | 201), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_begins_an_epoch_above_the_index_and_sweeps() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    // Commits that the standby never received, and an epoch that this ledger does not know of.
    left_behind(&world, 500, Version::new(6, 1)).await;
    left_behind(&world, 7, Version::new(1, i64::MAX >> 16)).await;
    world
        .run(&format!(
            "{ON_ANOTHER_TIMELINE}; update book set title = 'of the new primary' where id = 1"
        ))
        .await;
    world.until("(select epoch > 1 from highwater.source)").await;
    assert_eq!(epoch(&world).await, 7, "one above the index's");
    world
        .until("exists (select from highwater.job where kind = 'sweep')")
        .await;
    world.assert_in_step(TRUTH, "after the promotion").await;
    world.run("update book set title = 'and on' where id = 2").await;
    world.assert_in_step(TRUTH, "the daemon goes on").await;
    assert_eq!(epoch(&world).await, 7, "answered once");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_comes_while_the_cluster_is_away_is_answered_afterwards() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let proxy = Proxy::before(&proxy::target(world.elastic_url())).await;
    let through = proxy.through(world.elastic_url());
    let quick = "pipeline:\n  retry_max: 300ms\n";
    world.configure_for(&world.database.url(), &through, &[DEFINITION], quick);
    let daemon = world.start_program();
    world.live().await;
    world.settled().await;
    proxy.refuse();
    world
        .run(&format!(
            "{ON_ANOTHER_TIMELINE}; update book set title = 'of the new primary' where id = 1"
        ))
        .await;
    world.said("the timeline cannot be looked at").await;
    assert_eq!(epoch(&world).await, 1, "nothing is known of the cluster yet");
    proxy.resume();
    world.until("(select epoch = 2 from highwater.source)").await;
    world.assert_in_step(TRUTH, "after the promotion").await;
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_on_another_timeline_is_no_promotion() {
    let world = World::new(SCHEMA, DEFINITION).await;
    noted(&world).await;
    let running = world.start_with(noting_every(&world, Duration::from_hours(1)));
    world.until("(select confirmed_nonce > 4 from highwater.source)").await; // at the start
    world
        .run(&format!(
            "{SET_BACK}; {ON_ANOTHER_TIMELINE}; update book set title = 'of a copy' where id = 1"
        ))
        .await;
    let why = ends(running).await;
    assert!(why.contains("highwater adopt"), "{why}");
    assert_eq!(epoch(&world).await, 1, "the timeline was answered");
    assert_eq!(world.document("1").await, Some(json!({ "id": 1, "title": "Title 1" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_stops_before_it_writes_anything_until_it_is_adopted() {
    let world = World::new(SCHEMA, DEFINITION).await;
    noted(&world).await;
    world
        .run(&format!("{SET_BACK}; update book set title = 'of a copy' where id = 1"))
        .await;
    for timeline in ["", ON_ANOTHER_TIMELINE] {
        world.run(timeline).await;
        let why = ends(world.start_with(world.config())).await;
        assert!(why.contains("highwater adopt"), "{why}");
        assert_eq!(world.document("1").await, Some(json!({ "id": 1, "title": "Title 1" })));
        assert_eq!(epoch(&world).await, 1);
    }
    let said = world.program(&["adopt", "--yes"]).output().expect("it runs");
    assert!(said.status.success(), "{said:?}");
    assert_eq!(epoch(&world).await, 2);
    let running = world.start().await;
    world.assert_in_step(TRUTH, "after the adoption").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_went_back_is_swept() {
    let world = World::new(SCHEMA, DEFINITION).await;
    noted(&world).await;
    for (note, lost) in [(Some(2), 5), (None, 6)] {
        set_note(&world, note).await;
        let path = format!("/{}-000001/_doc/{lost}", world.index);
        assert_eq!(world.ask(Method::Delete, &path, None).await.0, 200);
        let sweeps = "(select count(*) from highwater.job where kind = 'sweep')";
        let before: i64 = sqlx::query(sqlx::AssertSqlSafe(format!("select {sweeps}")))
            .fetch_one(&world.pool)
            .await
            .expect("Postgres answers")
            .get(0);
        let running = world.start_with(world.config());
        world.until(&format!("{sweeps} > {before}")).await;
        world.assert_in_step(TRUTH, "after the sweep").await;
        running.stop().await;
    }
    assert_eq!(epoch(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_cluster_waits_for_its_note() {
    let world = World::new(SCHEMA, DEFINITION).await;
    noted(&world).await;
    let proxy = Proxy::before(&proxy::target(world.elastic_url())).await;
    let through = proxy.through(world.elastic_url());
    world.configure_for(&world.database.url(), &through, &[DEFINITION], "");
    proxy.refuse();
    world.run("update book set title = 'meanwhile' where id = 1").await;
    let daemon = world.start_program();
    world.said("nothing is written yet").await;
    world.said("cannot be reached").await;
    proxy.resume();
    world.assert_in_step(TRUTH, "once the cluster is there").await;
    daemon.kill();
}

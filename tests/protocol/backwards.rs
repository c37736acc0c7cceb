//! A document never goes back in time, whoever delivers what, however late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use elasticsearch::http::Method;
use highwater::copies::Copies;
use highwater::daemon::DaemonError;
use highwater::draft::{Drafts, Op, Version};
use highwater::elastic::{Elastic, Outcome};
use highwater::job::apply;
use highwater::key::Key;
use highwater::pipeline::{Fleet, Generation};
use highwater::source::build::{Builder, Scope};
use highwater::source::error::Verdict;
use highwater::source::{Postgres, SourceError, snapshot};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::own::Own;
use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    insert into book select g, 'Title ' || g from generate_series(1, 100) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";

/// A builder as the daemon has them, on any connection.
fn builder(postgres: &Postgres) -> Builder {
    Builder::new(
        postgres,
        &snapshot::fence_pool(postgres.pool()),
        16_000_000,
        256_000_000,
    )
}

/// What a stalled worker holds: documents built from an older snapshot, not yet sent.
struct Stalled {
    elastic: Elastic,
    generation: Arc<Generation>,
    drafts: Drafts,
}

impl Stalled {
    async fn with(world: &World, keys: &[&str]) -> Self {
        let config = world.config();
        let postgres = Postgres::new(&config.postgres).expect("a pool");
        let fleet = Fleet::read(&postgres).await.expect("a fleet");
        let (generation, plan) = fleet.plans().next().expect("one generation");
        let keys: Vec<Key> = keys.iter().map(|key| Key::from_text(key)).collect();
        let built = builder(&postgres)
            .build(plan, Scope::Keys(&keys, &Copies::default()), fleet.revision)
            .await
            .expect("a build");
        Self {
            elastic: Elastic::connect(&config.elastic).expect("a client"),
            generation: generation.clone(),
            drafts: built.drafts,
        }
    }

    async fn deliver(&self) -> Vec<Outcome> {
        self.elastic
            .bulk(&self.generation.concrete, &self.drafts)
            .await
            .expect("an answer")
    }
}

fn superseded(outcomes: &[Outcome], than: Version) -> bool {
    outcomes
        .iter()
        .all(|outcome| matches!(outcome, Outcome::Superseded { stored: Some(stored) } if *stored > than))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_build_delivered_late_changes_nothing() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    let stalled = Stalled::with(&world, &["1", "2", "500"]).await; // 500 has no row: a delete
    world
        .run("update book set title = 'new'; delete from book where id = 2; insert into book values (500, 'born')")
        .await;
    world.assert_in_step(TRUTH, "after the change").await;
    let outcomes = stalled.deliver().await;
    assert!(superseded(&outcomes, stalled.drafts.version), "{outcomes:?}");
    world.assert_in_step(TRUTH, "after the late delivery").await;
    assert_eq!(world.document("2").await, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_content_in_the_index_is_as_good_as_written() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    let stored = world
        .ask(Method::Get, &format!("/{}/_doc/1", world.index), None)
        .await
        .1;
    let version = stored["_version"].as_i64().expect("a version") + 1_000_000; // as of another daemon, far ahead
    let path = format!("/{}-000001/_doc/1?version={version}&version_type=external", world.index);
    let answer = world
        .ask(Method::Put, &path, Some(json!({ "id": 1, "title": "newer" })))
        .await;
    assert_eq!(answer.0, 200, "{answer:?}");
    world.run("update book set title = 'older' where id = 1").await;
    world.settled().await;
    assert_eq!(world.document("1").await, Some(json!({ "id": 1, "title": "newer" })));
    world.until("not exists (select from highwater.dead)").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_later_epoch_stop_the_daemon() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    let later = Version::new(2, 1).0;
    let path = format!("/{}-000001/_doc/1?version={later}&version_type=external", world.index);
    let answer = world
        .ask(Method::Put, &path, Some(json!({ "id": 1, "title": "of another" })))
        .await;
    assert_eq!(answer.0, 200, "{answer:?}");
    world.run("update book set title = 'of a zombie' where id = 1").await;
    let ended = tokio::time::timeout(Duration::from_secs(20), running.outcome()).await;
    let error = ended.expect("it takes notice").expect_err("it stops by itself");
    assert!(
        matches!(&error, DaemonError::Fatal(why) if why.contains("later epoch")),
        "{error}"
    );
    world.until("(select count(*) from highwater.touch) = 1").await; // nothing is taken for done
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_planned_for_another_set_of_indexes_is_not_built() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    let postgres = Postgres::new(&world.config().postgres).expect("a pool");
    let fleet = Fleet::read(&postgres).await.expect("a fleet");
    let (_, plan) = fleet.plans().next().expect("one generation");
    let keys = [Key::from_text("1")];
    let mut builder = builder(&postgres);
    builder
        .build(plan, Scope::Keys(&keys, &Copies::default()), fleet.revision)
        .await
        .expect("as planned");
    world.run("update highwater.source set revision = revision + 1").await;
    let error = builder
        .build(plan, Scope::Keys(&keys, &Copies::default()), fleet.revision)
        .await
        .expect_err("another set");
    assert!(matches!(error, SourceError::Revision { .. }), "{error}");
    assert_eq!(error.verdict(true), Verdict::Replan);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_hidden_by_a_policy_are_never_deletes() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let role = format!("{}_reader", world.database.name());
    world
        .run(&format!("create role {role} login; grant select on book to {role}"))
        .await;
    let mut url: url::Url = world.database.url().parse().expect("a URL");
    url.set_username(&role).expect("a user");
    let mut config = world.config();
    let mut owner = world.database.connect().await;
    apply::apply(&mut owner, &config.definitions, &role, &config.job)
        .await
        .expect("it is applied");
    config.postgres.url = url.as_str().into();
    let postgres = Postgres::new(&config.postgres).expect("a pool");
    let fleet = Fleet::read(&postgres).await.expect("a fleet");
    let (_, plan) = fleet.plans().next().expect("one generation");
    let keys = [Key::from_text("1"), Key::from_text("2")];
    let mut builder = builder(&postgres);
    let built = builder
        .build(plan, Scope::Keys(&keys, &Copies::default()), fleet.revision)
        .await
        .expect("without a policy");
    assert!(built.drafts.items.iter().all(|draft| draft.op == Op::Index));
    world
        .run("alter table book enable row level security; create policy half on book using (id > 50)")
        .await;
    let error = builder
        .build(plan, Scope::Keys(&keys, &Copies::default()), fleet.revision)
        .await
        .expect_err("hidden rows");
    assert_eq!(error.verdict(true), Verdict::Replan, "{error}");
    world.run(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_forgotten_at_a_restart_is_repeated() {
    let mut own = Own::start(&["elasticsearch"]).await;
    let world = World::at((None, own.elastic()), SCHEMA, &[DEFINITION], "").await;
    let mut config = world.config();
    config.job.delete_repeat_after = Duration::from_mins(10);
    let running = world.start_with(config);
    world.live().await;
    let stalled = Stalled::with(&world, &["7"]).await;
    world.run("delete from book where id = 7").await;
    world.settled().await;
    let flushed = world
        .ask(Method::Post, &format!("/{}/_flush?force=true", world.index), None)
        .await;
    assert_eq!(flushed.0, 200, "{flushed:?}");
    own.kill("elasticsearch").await;
    own.up(&["elasticsearch"]).await;

    let outcomes = stalled.deliver().await;
    assert_eq!(outcomes, [Outcome::Indexed], "the delete's version was to be forgotten");
    assert!(
        world.document("7").await.is_some(),
        "the stalled write brought the document back"
    );
    world.run("update highwater.repeated_delete set due_at = now()").await;
    world.until("not exists (select from highwater.repeated_delete)").await;
    assert_eq!(world.document("7").await, None, "the repeated delete takes it away");
    world.assert_in_step(TRUTH, "after the repeated delete").await;
    running.stop().await;
    drop(world); // while its server is there
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_on_one_database_stay_in_step() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let (first, second) = (world.start_with(world.config()), world.start_with(world.config()));
    world.live().await;
    writes(&world, 4, 150).await;
    world.assert_in_step(TRUTH, "two daemons").await;
    first.abort().await;
    writes(&world, 2, 50).await;
    world.assert_in_step(TRUTH, "after one of them is gone").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_index_is_built_anew_under_writes() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let running = world.start().await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, over) = (world.clone(), over.clone());
        async move {
            while !over.load(Ordering::Relaxed) {
                writes(&world, 1, 20).await;
            }
        }
    });
    let stalled = Stalled::with(&world, &["3", "100000"]).await;
    let dropped = stalled.generation.concrete.clone();
    let answer = world.ask(Method::Delete, &format!("/{dropped}"), None).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    world
        .until("exists (select from highwater.generation where number = 2 and state = 'live')")
        .await;
    over.store(true, Ordering::Relaxed);
    writer.await.expect("no panic");
    world.assert_in_step(TRUTH, "the next generation").await;

    assert_eq!(
        stalled.deliver().await,
        [Outcome::IndexMissing, Outcome::IndexMissing],
        "a late write and a late delete"
    );
    assert_eq!(world.ask(Method::Head, &format!("/{dropped}"), None).await.0, 404);
    let alias = world
        .ask(Method::Get, &format!("/_alias/{}", world.index), None)
        .await
        .1;
    let behind = json!({ format!("{}-000002", world.index): { "aliases": { world.index.clone(): {} } } });
    assert_eq!(alias, behind);
    running.stop().await;
}

/// Inserts, updates and deletes, several at a time.
async fn writes(world: &Arc<World>, writers: usize, each: usize) {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let world = world.clone();
        tasks.spawn(async move {
            for round in 0..each {
                let id = (round * 7 + writer * 13) % 120 + 1;
                let statement = match round % 3 {
                    0 => format!("update book set title = 'w{writer} r{round}' where id = {id}"),
                    1 => format!("delete from book where id = {id}"),
                    _ => format!("insert into book values ({id}, 'again') on conflict (id) do update set title = book.title || '.'"),
                };
                world.run(&statement).await;
            }
        });
    }
    tasks.join_all().await;
}

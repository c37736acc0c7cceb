//! The daemon is killed, the servers are: afterwards everything is in step, and nobody had to do anything.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use tokio::task::JoinHandle;

use crate::support::own::Own;
use crate::support::proxy::{self, Proxy};
use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    create table review (id bigint primary key, book_id bigint references book on delete cascade, stars int); \
    insert into book select g, 'Title ' || g from generate_series(1, 6000) g; \
    insert into review select g, g % 6000 + 1, g % 5 from generate_series(1, 9000) g; \
    create index on review (book_id)";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n  reviews: { many: review, order: id, fields: { stars: byte } }\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title, 'reviews', \
    coalesce((select json_agg(json_build_object('stars', stars) order by review.id) from review where book_id = book.id), '[]')) from book";

/// Short waits, so that no time is lost once a server is back.
const PATIENT: &str = "pipeline:\n  retry_max: 500ms\n";

/// A writer that goes on whatever happens to its connections.
struct Writer {
    over: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Writer {
    fn start(world: &World) -> Self {
        let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (pool, told, count) = (world.pool.clone(), over.clone(), written.clone());
        let task = tokio::spawn(async move {
            let mut round = 0_usize;
            while !told.load(Ordering::Relaxed) {
                round += 1;
                let id = round * 37 % 6000 + 1;
                let statement = match round % 5 {
                    0 => format!("delete from book where id = {id}"),
                    1 => format!(
                        "update review set stars = stars + 1, book_id = (select id from book where id >= {id} limit 1) where id = {id}"
                    ),
                    2 => format!(
                        "insert into book values ({}, 'more {round}') on conflict do nothing",
                        6000 + id % 900
                    ),
                    3 => format!(
                        "begin; update book set title = 'both {round}' where id between {id} and {id} + 20; delete from review where id = {id} + 1; commit"
                    ),
                    _ => format!("update book set title = 'one {round}' where id = {id}"),
                };
                // While the server is away, statements fail; what was not committed was not written.
                if sqlx::raw_sql(AssertSqlSafe(statement)).execute(&pool).await.is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        });
        Self { over, written, task }
    }

    /// Waits until so many more statements were committed.
    async fn goes_on(&self, more: usize) {
        let (started, before) = (Instant::now(), self.written.load(Ordering::Relaxed));
        while self.written.load(Ordering::Relaxed) < before + more {
            assert!(started.elapsed() < Duration::from_secs(30), "the writer is stuck");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_backfilling() {
    let world = World::with(SCHEMA, &[DEFINITION], "jobs:\n  backfill_range: 100\n").await;
    for killed in 1..=3 {
        let daemon = world.start_program();
        world
            .until(&format!("(select done >= {} from highwater.job)", killed * 600))
            .await;
        daemon.kill();
        world.until("(select state = 'running' from highwater.job)").await; // killed in the middle
        world.run(&format!("delete from book where id % 100 = {killed}; update book set title = title || '!' where id % 100 = {killed} + 50")).await;
    }
    let daemon = world.start_program();
    world.live().await;
    world.assert_in_step(TRUTH, "after three kills while backfilling").await;
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_writes() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let mut daemon = world.start_program();
    world.live().await;
    let writer = Writer::start(&world);
    for _ in 0..3 {
        writer.goes_on(120).await;
        daemon.kill();
        writer.goes_on(20).await;
        daemon = world.start_program();
    }
    writer.stop().await;
    world.assert_in_step(TRUTH, "after three kills under writes").await;
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_elasticsearch_is_away() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let proxy = Proxy::before(&proxy::target(world.elastic_url())).await;
    let through = proxy.through(world.elastic_url());
    world.configure_for(&world.database.url(), &through, &[DEFINITION], PATIENT);
    let daemon = world.start_program();
    world.live().await;
    world.settled().await;
    proxy.refuse();
    world
        .run("update book set title = 'meanwhile' where id between 10 and 20; delete from book where id = 30")
        .await;
    world.said("cannot be reached").await;
    daemon.kill(); // has read the touches, and could not write
    proxy.resume();
    let daemon = world.start_program();
    world
        .assert_in_step(TRUTH, "after a kill while nothing could be written")
        .await;
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_loses_nothing() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let mut daemon = world.start_program();
    world.live().await;
    let writer = Writer::start(&world);
    writer.goes_on(100).await;
    let asked = Instant::now();
    let sent = Command::new("kill")
        .args(["-TERM", &daemon.0.id().to_string()])
        .status();
    assert!(sent.expect("a signal").success());
    let code = loop {
        if let Some(status) = daemon.0.try_wait().expect("it is our child") {
            break status.code();
        }
        assert!(asked.elapsed() < Duration::from_secs(25), "it does not stop");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(code, Some(0), "{}", world.log());
    writer.goes_on(20).await;
    writer.stop().await;
    let daemon = world.start_program();
    world.assert_in_step(TRUTH, "after an orderly stop and a start").await;
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_are_waited_for() {
    let mut own = Own::start(&["postgres", "elasticsearch"]).await;
    let world = World::at((own.postgres(), own.elastic()), SCHEMA, &[DEFINITION], PATIENT).await;
    let mut daemon = world.start_program();
    world.live().await;
    let writer = Writer::start(&world);
    writer.goes_on(50).await;

    own.kill("elasticsearch").await;
    writer.goes_on(200).await;
    world.said("cannot be reached").await;
    own.up(&["elasticsearch"]).await;
    writer.goes_on(20).await;
    world.until("not exists (select from highwater.parked)").await;

    own.kill("postgres").await;
    for task in [
        "the touch log cannot be claimed",
        "a job has to wait",
        "what was parked has to wait",
        "housekeeping has to wait",
    ] {
        world.said(task).await;
    }
    own.up(&["postgres"]).await;
    writer.goes_on(50).await;
    writer.stop().await;
    world.assert_in_step(TRUTH, "after both servers were killed").await;
    let ended = daemon.0.try_wait().expect("it is our child");
    assert_eq!(ended, None, "it stayed up: {}", world.log());
    daemon.kill();
}

//! Rows that cannot be built, documents that are refused, servers that take no writes or fall silent: nothing else
//! stops, nothing is lost, and it is said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use elasticsearch::http::Method;
use highwater::source::Postgres;
use serde_json::{Value, json};
use sqlx::Row;

use crate::elastic::fake::Fake;
use crate::support::proxy::{self, Proxy};
use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    insert into book select g, 'Title ' || g from generate_series(1, 200) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";

/// Key and reason of every dead letter.
async fn dead(world: &World) -> BTreeMap<String, String> {
    let rows = sqlx::query("select key, reason from highwater.dead")
        .fetch_all(&world.pool)
        .await
        .expect("Postgres answers");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_that_cannot_be_computed_stops_no_other() {
    let world = World::new(
        "create table item (id bigint primary key, price int, quantity int, secret text); \
         insert into item select g, 100, g, 'confidential' from generate_series(1, 2000) g",
        "index: '{index}'\ntable: item\nfields:\n  id: long\n  each: { sql: price / quantity, type: integer }\n",
    )
    .await;
    let truth = "select id::text, json_build_object('id', id, 'each', price / quantity) from item where quantity <> 0";
    let running = world.start().await;
    // Updated together, so that they are built together.
    world
        .run("update item set quantity = case id when 777 then 0 else id % 10 + 1 end")
        .await;
    world.settled().await;
    let letters = dead(&world).await;
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["777"], "{letters:?}");
    assert!(
        letters["777"].contains("22012") && !letters["777"].contains("confidential"),
        "{letters:?}"
    );
    let mut truth_now = world.truth(truth).await;
    truth_now.insert("777".to_owned(), json!({ "id": 777, "each": 0 })); // as it was before
    crate::support::world::assert_same(&truth_now, &world.documents().await, "all others");

    // Also where the row is found by a range: a generation of another definition.
    running.stop().await;
    world.configure(
        &["index: '{index}'\ntable: item\nfields:\n  id: long\n  each: { sql: price / quantity, type: long }\n"],
        "",
    );
    let running = world.start_with(world.config());
    world
        .until("exists (select from highwater.generation where number = 2 and state = 'live')")
        .await;
    world.settled().await;
    assert_eq!(dead_of(&world, 2).await, ["777"]);

    world.run("alter table item disable trigger all").await; // mended behind everyone's back
    world.run("update item set quantity = 4 where id = 777").await;
    world
        .run(
            "alter table item enable always trigger highwater_insert, enable always trigger highwater_update, \
             enable always trigger highwater_delete, enable always trigger highwater_truncate",
        )
        .await;
    let said = world
        .program(&["dead", "retry", &world.index])
        .output()
        .expect("it runs");
    assert!(said.status.success(), "{said:?}");
    world.assert_in_step(truth, "after the retry").await;
    assert!(dead_of(&world, 2).await.is_empty());
    running.stop().await;
}

async fn dead_of(world: &World, number: i32) -> Vec<String> {
    let rows = sqlx::query(
        "select key from highwater.dead join highwater.generation on generation.id = dead.generation where number = $1",
    )
    .bind(number)
    .fetch_all(&world.pool)
    .await
    .expect("Postgres answers");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_and_outsized_documents_are_dead_letters() {
    let world = World::with(
        "create table note (id bigint primary key, tag text, body text); \
         insert into note select g, 'tag', 'body' from generate_series(1, 300) g; \
         insert into note values (1001, repeat('sesame', 6000), 'body')",
        &["index: '{index}'\ntable: note\nfields:\n  id: long\n  tag: keyword\n  body: text\n"],
        "pipeline:\n  max_document_bytes: 100kB\n",
    )
    .await;
    let truth = "select id::text, json_build_object('id', id, 'tag', tag, 'body', body) from note where id < 1000";
    let running = world.start().await;
    world
        .run("insert into note values (1002, 'tag', repeat('barley', 20000)); update note set body = body || '!'")
        .await;
    world.settled().await;
    let letters = dead(&world).await;
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["1001", "1002"], "{letters:?}");
    assert!(letters["1001"].contains("tag"), "names the field: {letters:?}");
    assert!(letters["1002"].contains("max_document_bytes"), "{letters:?}");
    let all = format!("{letters:?}");
    assert!(!all.contains("sesame") && !all.contains("barley"), "row content: {all}");
    crate::support::world::assert_same(&world.truth(truth).await, &world.documents().await, "all others");
    world
        .run("update note set tag = 'tag' where id = 1001; delete from note where id = 1002")
        .await;
    world.settled().await;
    assert!(
        dead(&world).await.is_empty(),
        "a newer build, or a delete, ends the letter"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_one_snapshot() {
    let world = Arc::new(
        World::new(
            "create table account (id bigint primary key, balance int); \
             create table pot (id bigint primary key, account_id bigint references account, amount int); \
             insert into account values (1, 1000); insert into pot select g, 1, 0 from generate_series(1, 5) g",
            "index: '{index}'\ntable: account\nfields:\n  balance: integer\n  pots: { many: pot, order: id, fields: { amount: integer } }\n",
        )
        .await,
    );
    let running = world.start().await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, over) = (world.clone(), over.clone());
        async move {
            let mut round = 0_u32;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                let pot = round % 5 + 1;
                world
                    .run(&format!(
                        "begin; update account set balance = balance - 10 where id = 1; update pot set amount = amount + 10 where id = {pot}; commit; \
                         begin; update pot set amount = amount - 5 where id = {pot}; update account set balance = balance + 5 where id = 1; commit"
                    ))
                    .await;
            }
        }
    });
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 60 {
        let document = world.document("1").await.expect("it is there throughout");
        let number = |value: &Value| value.as_i64().expect("a number");
        let pots: i64 = document["pots"]
            .as_array()
            .expect("pots")
            .iter()
            .map(|pot| number(&pot["amount"]))
            .sum();
        assert_eq!(number(&document["balance"]) + pots, 1000, "{document}");
        seen.insert(document.to_string());
    }
    over.store(true, Ordering::Relaxed);
    writer.await.expect("no panic");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_takes_no_writes_waits_alone() {
    let world = World::with(
        SCHEMA,
        &[DEFINITION, DEFINITION],
        "touch_log:\n  close_after: 1s\npipeline:\n  retry_max: 500ms\n",
    )
    .await;
    let other = format!("{}-2", world.index);
    let daemon = world.start_program();
    world.live().await;
    world.run("delete from book where id = 200").await;
    world.settled().await;
    block(&world, true).await;
    // A repeated delete of the one does not stand before those of the other.
    world.run("update highwater.repeated_delete set due_at = now()").await;
    world
        .until(
            "(select array_agg(index_name) from highwater.repeated_delete \
             join highwater.generation on generation.id = generation) = array[(select min(index_name) from highwater.generation)]",
        )
        .await;
    for round in 0..5 {
        world
            .run(&format!(
                "update book set title = 'blocked {round}' where id = {}",
                round + 1
            ))
            .await;
    }
    world
        .until("(select count(*) from highwater.parked) = 5 and not exists (select from highwater.touch)")
        .await;
    let parked: String = sqlx::query("select min(reason) from highwater.parked")
        .fetch_one(&world.pool)
        .await
        .expect("Postgres answers")
        .get(0);
    assert!(parked.contains("takes no writes"), "{parked}");
    assert!(world.log().contains("takes no writes"), "{}", world.log());
    let truth = world.truth(TRUTH).await;
    crate::support::world::assert_same(&truth, &world.documents_of(&other).await, "the other index");
    world.run("update book set title = 'later' where id = 9").await;
    world.until("(select count(*) from highwater.parked) = 6").await;
    let truth = world.truth(TRUTH).await;
    crate::support::world::assert_same(&truth, &world.documents_of(&other).await, "the other index, still");
    block(&world, false).await;
    world.assert_in_step(TRUTH, "writable again").await;
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_too_busy_says_so_and_since_when() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let fake = Fake::before(world.elastic_url()).await;
    world.configure_for(&world.database.url(), fake.url.as_str(), &[DEFINITION], "");
    let running = world.start().await;
    world.settled().await;
    running.waits_for_nothing().await;
    fake.busy(true);
    let before = chrono::Utc::now();
    world.run("update book set title = 'queued' where id = 1").await;
    running
        .waits_for("elasticsearch", "does not take everything: status 429")
        .await;
    running.waits_for("elasticsearch", "(since 20").await;
    let page = running.page("/v1/status").await.expect("a page");
    let index = &page["status"]["indexes"][0];
    assert!(
        index["waiting"]
            .as_str()
            .is_some_and(|why| why.contains("es_rejected_execution_exception")),
        "{page}"
    );
    let since = index["waiting_since"]
        .as_str()
        .expect("since when")
        .parse::<chrono::DateTime<chrono::Utc>>();
    assert!(since.expect("a moment") >= before, "{page}");
    fake.busy(false);
    running.waits_for_nothing().await;
    world.assert_in_step(TRUTH, "no longer busy").await;
    running.stop().await;
}

async fn block(world: &World, blocked: bool) {
    let answer = world
        .ask(
            Method::Put,
            &format!("/{}-000001/_settings", world.index),
            Some(json!({ "index.blocks.write": blocked })),
        )
        .await;
    assert_eq!(answer.0, 200, "{answer:?}");
}

/// Writes until told to stop; says how many.
fn busy(world: &Arc<World>, over: &Arc<AtomicBool>) -> tokio::task::JoinHandle<usize> {
    let (world, over) = (world.clone(), over.clone());
    tokio::spawn(async move {
        let mut round = 0_usize;
        while !over.load(Ordering::Relaxed) {
            round += 1;
            let id = round * 17 % 250 + 1;
            let statement = match round % 4 {
                0 => format!("delete from book where id = {id}"),
                _ => format!(
                    "insert into book values ({id}, 'round {round}') on conflict (id) do update set title = excluded.title"
                ),
            };
            world.run(&statement).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        round
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_silent_connections_to_elasticsearch_cost_time_only() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let proxy = Proxy::before(&proxy::target(world.elastic_url())).await;
    world.configure_for(
        &world.database.url(),
        &proxy.through(world.elastic_url()),
        &[DEFINITION],
        "pipeline:\n  retry_max: 300ms\ntouch_log:\n  close_after: 2s\n",
    );
    let mut config = world.config();
    config.elastic.request_timeout = Duration::from_secs(1);
    troubled(&world, config, &proxy, ("elasticsearch", "did not answer within")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_silent_connections_to_postgres_cost_time_only() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let proxy = Proxy::before(&proxy::target(&world.database.url())).await;
    world.configure_for(
        &proxy.through(&world.database.url()),
        world.elastic_url(),
        &[DEFINITION],
        "pipeline:\n  retry_max: 300ms\ntouch_log:\n  close_after: 2s\n",
    );
    troubled(&world, impatient(&world), &proxy, ("postgres", "timed out")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_lost_while_every_index_waits_are_taken_again() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let proxy = Proxy::before(&proxy::target(world.elastic_url())).await;
    world.configure_for(
        &world.database.url(),
        &proxy.through(world.elastic_url()),
        &[DEFINITION],
        "pipeline:\n  retry_max: 500ms\ntouch_log:\n  close_after: 500ms\n  claims: 1\n",
    );
    let running = world.start().await;
    world.settled().await;
    proxy.refuse();
    world
        .run("update book set title = 'claimed, and lost' where id = 1")
        .await;
    // Every claim dies before it can be settled or parked, until nothing is left in the queue to try with: the first one's
    // keys are dropped when their turn comes, and the next ones have to wait that long, too.
    let lost = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where application_name = 'highwater' and datname = current_database() and state = 'idle in transaction'";
    let (mut claims, started) = (0, std::time::Instant::now());
    while claims < 5 {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "nothing is claimed any more"
        );
        let ended: i64 = sqlx::query(lost)
            .fetch_one(&world.pool)
            .await
            .expect("Postgres answers")
            .get(0);
        claims += ended;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.until("not exists (select from highwater.parked)").await;
    proxy.resume();
    world.assert_in_step(TRUTH, "after all claims were lost").await;
    running.stop().await;
}

/// Connections are cut in mid-flight, answers held back, and for a while nobody is let in: each until the daemon says so.
async fn troubled(
    world: &Arc<World>,
    config: highwater::config::Config,
    proxy: &Proxy,
    (server, silence): (&str, &str),
) {
    let running = world.start_with(config);
    world.live().await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = busy(world, &over);
    for _ in 0..8 {
        proxy.cut_and_return().await;
    }
    running.waits_for_nothing().await;
    proxy.hold();
    running.waits_for(server, silence).await;
    proxy.cut(); // what was held is lost
    proxy.resume();
    running.waits_for_nothing().await;
    proxy.hold_something().await;
    proxy.resume(); // what was held arrives
    proxy.refuse();
    running.waits_for(server, "").await;
    proxy.resume();
    over.store(true, Ordering::Relaxed);
    assert!(writer.await.expect("no panic") > 100, "too little was written");
    world.assert_in_step(TRUTH, "after the trouble").await;
    running.stop().await;
}

/// A configuration by which a server of Postgres that is silent is given up after two seconds.
fn impatient(world: &World) -> highwater::config::Config {
    let mut config = world.config();
    config.postgres.connect_timeout = Duration::from_secs(1);
    config.postgres.statement_timeout = Duration::from_secs(1);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_connections_to_postgres_are_given_up() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let proxy = Proxy::before(&proxy::target(&world.database.url())).await;
    world.configure_for(
        &proxy.through(&world.database.url()),
        world.elastic_url(),
        &[DEFINITION],
        "pipeline:\n  retry_max: 300ms\ntouch_log:\n  close_after: 2s\n",
    );
    let running = world.start_with(impatient(&world));
    world.live().await;
    world.settled().await;
    // While nothing is under way, and then in the middle of things.
    proxy.forget().await;
    world
        .run("update book set title = 'after a silence' where id % 2 = 0; delete from book where id = 7")
        .await;
    world.assert_in_step(TRUTH, "after the first silence").await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = busy(&world, &over);
    for _ in 0..3 {
        let logged = "coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0)";
        let before: i64 = sqlx::query(sqlx::AssertSqlSafe(format!("select {logged}")))
            .fetch_one(&world.pool)
            .await
            .expect("Postgres answers")
            .get(0);
        proxy.forget().await;
        world.until(&format!("{logged} > {before} + 50")).await; // the application goes on
        world
            .until("not exists (select from highwater.touch where at < now() - interval '2 seconds')")
            .await;
    }
    over.store(true, Ordering::Relaxed);
    writer.await.expect("no panic");
    world.assert_in_step(TRUTH, "after three silences").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_given_up_does_not_come_back() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let proxy = Proxy::before(&proxy::target(&world.database.url())).await;
    world.configure_for(
        &proxy.through(&world.database.url()),
        world.elastic_url(),
        &[DEFINITION],
        "",
    );
    let postgres = Postgres::new(&impatient(&world).postgres).expect("a pool");
    let mut connection = postgres.pool().acquire().await.expect("a connection");
    proxy.forget().await;
    let asked = sqlx::query("select 1").execute(&mut *connection);
    let error = postgres.within(asked).await.expect_err("nobody is there");
    assert!(matches!(error, sqlx::Error::Io(_)), "{error}");
    drop(connection);
    let started = std::time::Instant::now();
    while postgres.pool().size() > 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "it is kept for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked = sqlx::query("select 1").execute(postgres.pool());
    postgres.within(asked).await.expect("another connection answers");
}

//! The application never waits for the daemon, and is rid of it when it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Row;

use crate::support::world::World;

const SCHEMA: &str = "create table publisher (id bigint primary key, name text); \
    create table book (id bigint primary key, title text, publisher_id bigint references publisher); \
    insert into publisher select g, 'Publisher ' || g from generate_series(1, 10) g; \
    insert into book select g, 'Title ' || g, g % 10 + 1 from generate_series(1, 500) g; \
    create index on book (publisher_id)";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n  publisher: { one: publisher, fields: { name: keyword } }\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title, \
    'publisher', (select json_build_object('name', name) from publisher where id = publisher_id)) from book";

/// Locks of the daemon on relations of the application, other than those of a plain read.
const STRONG: &str = "select distinct relation.relname || ' ' || held.mode from pg_locks as held \
    join pg_stat_activity as activity on activity.pid = held.pid and activity.application_name = 'highwater' and activity.datname = current_database() \
    join pg_class as relation on relation.oid = held.relation \
    join pg_namespace as schema on schema.oid = relation.relnamespace \
    where schema.nspname not in ('highwater', 'pg_catalog', 'pg_toast') and held.mode <> 'AccessShareLock' \
    and held.database = (select oid from pg_database where datname = current_database())";

/// How many relations of the application the daemon reads at the moment.
const READ: &str = "select count(*) from pg_locks as held \
    join pg_stat_activity as activity on activity.pid = held.pid and activity.application_name = 'highwater' and activity.datname = current_database() \
    where held.mode = 'AccessShareLock' and held.relation in ('public.book'::regclass, 'public.publisher'::regclass)";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_above_access_share_is_held_on_application_tables() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let running = world.start().await;
    let over = Arc::new(AtomicBool::new(false));
    let sampler = tokio::spawn({
        let (world, over) = (world.clone(), over.clone());
        async move {
            let (mut strong, mut reads) = (Vec::new(), 0);
            while !over.load(Ordering::Relaxed) {
                let rows = sqlx::query(STRONG).fetch_all(&world.pool).await.expect("locks");
                strong.extend(rows.iter().map(|row| row.get::<String, _>(0)));
                let row = sqlx::query(READ).fetch_one(&world.pool).await.expect("locks");
                reads += row.get::<i64, _>(0);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (strong, reads)
        }
    });
    for round in 0..150 {
        let id = round * 7 % 500 + 1;
        world
            .run(&format!(
                "update book set title = 'round {round}', publisher_id = {id} % 10 + 1 where id = {id}; \
                 update publisher set name = 'name {round}' where id = {id} % 10 + 1; \
                 delete from book where id = {id} + 3; insert into book values (1000 + {round}, 'new', 1)"
            ))
            .await;
    }
    world
        .run("truncate book; insert into book select g, 'again', 1 from generate_series(1, 700) g")
        .await;
    world.assert_in_step(TRUTH, "the workload").await;
    over.store(true, Ordering::Relaxed);
    let (strong, reads) = sampler.await.expect("no panic");
    assert_eq!(strong, Vec::<String>::new());
    assert!(reads > 20, "the daemon was not seen at work: {reads}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstall_leaves_nothing_and_disturbs_nobody() {
    let world = Arc::new(World::new(SCHEMA, DEFINITION).await);
    let objects = "select (select count(*) from pg_trigger) + (select count(*) from pg_proc) + (select count(*) from pg_class) \
        + (select count(*) from pg_namespace where nspname !~ '^pg_(toast_)?temp') + (select count(*) from pg_type) \
        + (select count(*) from pg_event_trigger) + (select count(*) from pg_publication)";
    let count = async || -> i64 {
        sqlx::query(objects)
            .fetch_one(&world.pool)
            .await
            .expect("a count")
            .get(0)
    };
    let before = count().await;
    let running = world.start().await;
    world.settled().await;
    assert!(count().await > before);
    running.stop().await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, over) = (world.clone(), over.clone());
        async move {
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                // `run` panics when a statement fails.
                world
                    .run(&format!("begin; update book set title = 'round {round}' where id = 1; update publisher set name = 'n' where id = 2; commit"))
                    .await;
            }
            round
        }
    });
    let said = world.program(&["uninstall", "--yes"]).output().expect("it runs");
    assert!(said.status.success(), "{said:?}");
    over.store(true, Ordering::Relaxed);
    assert!(writer.await.expect("no statement fails") > 5);
    assert_eq!(count().await, before, "something is left");
    world
        .run("update book set title = 'free'; delete from book where id = 2")
        .await;
}

//! The alias moves to an index that holds what the rows say, and to no other.

use elasticsearch::http::Method;
use serde_json::json;

use crate::support::world::{World, assert_same};

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    insert into book select g, 'Title ' || g from generate_series(1, 1500) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";

/// Lets the daemon wait before its look at a new generation, for as long as somebody else has the lock.
const HELD: &str = "create function hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(4711); return new; end $$; \
    create trigger hold before insert on highwater.job for each row when (new.kind = 'verify') execute function hold()";
const WAITS: &str = "exists (select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted \
    and database = (select oid from pg_database where datname = current_database()))";

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_sound_before_its_alias_moves_to_it() {
    let world = World::new(SCHEMA, DEFINITION).await;
    assert!(world.program(&["apply", "--yes"]).status().expect("it runs").success());
    sqlx::raw_sql(HELD).execute(&world.pool).await.expect("a trigger");
    let mut held = world.pool.begin().await.expect("a transaction");
    sqlx::raw_sql("select pg_advisory_xact_lock(4711)")
        .execute(&mut *held)
        .await
        .expect("a lock");
    let running = world.start_with(world.config());
    world
        .until(&format!(
            "{WAITS} or exists (select from highwater.generation where state = 'live')"
        ))
        .await;
    let concrete = format!("{}-000001", world.index);
    for (method, path, body) in [
        (Method::Delete, "_doc/3", None),
        (Method::Put, "_doc/5", Some(json!({ "id": 5, "title": "forged" }))),
        // As if highwater had written it: what it says of itself stays.
        (
            Method::Post,
            "_update/1234",
            Some(json!({ "doc": { "title": "forged" } })),
        ),
        (
            Method::Put,
            "_doc/9999",
            Some(json!({ "id": 9999, "title": "of no row" })),
        ),
    ] {
        let (status, answer) = world.ask(method, &format!("/{concrete}/{path}"), body).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
    }
    world
        .run("update book set title = 'meanwhile' where id = 8; delete from book where id = 9")
        .await;
    held.rollback().await.expect("the lock is free");
    world.live().await;
    assert_same(
        &world.truth(TRUTH).await,
        &world.documents().await,
        "once the alias is there",
    );
    running.stop().await;
}

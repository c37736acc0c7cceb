//! Documents with a routing stand where their row says, and nowhere else: whoever searches another tenant's shard finds
//! nothing of theirs.

use std::time::Duration;

use elasticsearch::http::Method;
use serde_json::{Value, json};

use crate::support::world::World;

const SCHEMA: &str = "create table tenant_book (id bigint primary key, tenant text, title text, quantity int default 1); \
    insert into tenant_book select g, 'a', 'Title ' || g from generate_series(1, 20) g";

/// On enough shards for tenants to be apart.
const DEFINITION: &str = "index: '{index}'\ntable: tenant_book\nrouting: tenant\nsettings: { number_of_shards: 8, number_of_replicas: 0 }\n\
    fields:\n  id: long\n  title: text\n  share: { sql: 100 / quantity, type: integer }\n";

/// Tenants that fall on four shards of eight.
const APART: [&str; 4] = ["a", "b", "c", "d"];

/// `id@routing title`, of everything that any search of the index finds.
async fn standing(world: &World) -> Vec<String> {
    let found: Value = serde_json::from_str(&world.search_all(&world.index).await).expect("JSON");
    let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("nothing").to_owned();
    let mut all: Vec<String> = hits
        .iter()
        .map(|hit| {
            format!(
                "{}@{} {}",
                text(&hit["_id"]),
                text(&hit["_routing"]),
                text(&hit["_source"]["title"])
            )
        })
        .collect();
    all.sort();
    all
}

/// What the rows say should stand.
async fn wanted(world: &World) -> Vec<String> {
    let mut rows: Vec<String> = sqlx::query_scalar(
        "select id || '@' || tenant || ' ' || title from tenant_book where tenant <> '' and quantity <> 0",
    )
    .fetch_all(&world.pool)
    .await
    .expect("Postgres answers");
    rows.sort();
    rows
}

async fn assert_in_place(world: &World, context: &str) {
    world.settled().await;
    assert_eq!(standing(world).await, wanted(world).await, "{context}");
}

/// Puts a copy of document `id` under a routing, as a writer did long ago.
async fn put_copy(world: &World, id: &str, routing: &str, version: i64) -> u16 {
    let path = format!(
        "/{}-000001/_doc/{id}?routing={routing}&version={version}&version_type=external_gte&refresh=true",
        world.index
    );
    let mark = json!({ "key": id, "hash": "old", "version": version, "encoder": 2, "revision": 1 });
    let copy = json!({ "id": 1, "title": "old", "share": 100, "_highwater": mark });
    world.ask(Method::Put, &path, Some(copy)).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_moves_leaves_no_copy_behind() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_place(&world, "at first").await;
    let (_, mapping) = world
        .ask(Method::Get, &format!("/{}/_mapping", world.index), None)
        .await;
    let mapping = &mapping[format!("{}-000001", world.index)]["mappings"];
    assert_eq!(mapping["_routing"]["required"], true, "{mapping}");

    for tenant in APART {
        world
            .run(&format!("update tenant_book set tenant = '{tenant}' where id <= 3"))
            .await;
        assert_in_place(&world, tenant).await;
    }
    world.run("update tenant_book set title = 'Stays' where id = 5").await;
    world
        .run("update tenant_book set id = id + 100, tenant = 'b' where id = 6")
        .await;
    world.run("delete from tenant_book where id in (1, 7)").await;
    world
        .run("begin; update tenant_book set tenant = 'c' where id = 8; delete from tenant_book where id = 8; commit")
        .await;
    assert_in_place(&world, "after renames and deletes").await;
    running.stop().await;

    // What waits in the log is built once, and says all the places that were passed.
    for tenant in ["b", "c", "d"] {
        world
            .run(&format!(
                "update tenant_book set tenant = '{tenant}' where id between 10 and 12"
            ))
            .await;
    }
    world
        .run("update tenant_book set tenant = 'd' where id = 13; delete from tenant_book where id in (2, 13)")
        .await;
    world.run("insert into tenant_book values (13, 'c', 'Again')").await;
    let running = world.start().await;
    assert_in_place(&world, "after a stop").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_shard_what_is_deleted_there_is_not_what_moved_there() {
    let definition = DEFINITION.replace("number_of_shards: 8", "number_of_shards: 1");
    let world = World::new(SCHEMA, &definition).await;
    let running = world.start().await;
    for tenant in APART {
        world.run(&format!("update tenant_book set tenant = '{tenant}'")).await;
        assert_in_place(&world, tenant).await;
    }
    world.run("update highwater.repeated_delete set due_at = now()").await;
    world.until("not exists (select from highwater.repeated_delete)").await;
    assert_in_place(&world, "after the deletes were repeated").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_of_a_copy_is_repeated_where_it_stood() {
    // Forgotten at once, instead of after a restart.
    let definition = DEFINITION.replace("settings: {", "settings: { index.gc_deletes: 0s,");
    let world = World::new(SCHEMA, &definition).await;
    let mut config = world.config();
    config.job.delete_repeat_after = Duration::from_mins(10);
    let running = world.start_with(config);
    world.live().await;
    world
        .run("update tenant_book set tenant = 'b' where id = 1; delete from tenant_book where id = 2")
        .await;
    assert_in_place(&world, "after the move").await;
    for id in ["1", "2"] {
        // A writer that has stalled since before the move.
        while put_copy(&world, id, "a", 2).await == 409 {
            world.search_all(&world.index).await; // refreshes, which forgets
        }
    }
    assert_eq!(standing(&world).await.len(), 21, "two copies, beside 19 documents");
    world.run("update highwater.repeated_delete set due_at = now()").await;
    world.until("not exists (select from highwater.repeated_delete)").await;
    assert_in_place(&world, "after the repetition").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_copies_are_found_and_deleted() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    // One that is gone, and nobody was told; one that belongs to `a`; each under four routings.
    world
        .run("delete from tenant_book where id = 1; delete from highwater.touch")
        .await;
    for tenant in APART {
        put_copy(&world, "1", tenant, 1).await;
        if tenant != "a" {
            assert_eq!(
                put_copy(&world, "2", tenant, 1).await,
                201,
                "{tenant} is on a shard of its own"
            );
        }
    }
    assert_eq!(standing(&world).await.len(), 19 + 4 + 3);
    let shown = world.program(&["show", &world.index, "2"]).output().expect("it runs");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("holds the same") && shown.contains("under routing \"d\""),
        "{shown}"
    );
    let shown = world.program(&["show", &world.index, "1"]).output().expect("it runs");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("still holds one"), "{shown}");

    let verify = world.program(&["verify", "--repair"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&verify.stdout).into_owned();
    assert!(said.contains("2 differences") && said.contains("2: Extra"), "{said}");
    assert_eq!(verify.status.code(), Some(65), "{said}");
    let running = world.start_with(world.config());
    assert_in_place(&world, "after the repair").await;
    let verify = world.program(&["verify"]).output().expect("it runs");
    assert!(verify.status.success(), "{verify:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_moved_unseen_are_found_by_a_sweep() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    // Nobody has renewed the lease for long: the triggers log nothing.
    world.run("select setval('highwater.capture_until', 0)").await;
    world
        .run("update tenant_book set tenant = 'b' where id <= 4; delete from tenant_book where id between 5 and 8")
        .await;
    let running = world.start().await;
    world
        .until("exists (select from highwater.job where kind = 'sweep' and state = 'done')")
        .await;
    assert_in_place(&world, "after the sweep").await;

    world
        .run("begin; truncate tenant_book; insert into tenant_book select g, 'c', 'New ' || g from generate_series(1, 5) g; commit")
        .await;
    world
        .until("(select count(*) from highwater.job where kind = 'sweep' and state = 'done') = 2")
        .await;
    assert_in_place(&world, "after the truncation").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_cannot_be_written_or_built_is_not_forgotten() {
    let more = "pipeline:\n  retry_max: 300ms\ntouch_log:\n  close_after: 1s\n";
    let world = World::with(SCHEMA, &[DEFINITION], more).await;
    let running = world.start().await;
    world.settled().await;
    let block = |blocked: bool| {
        (
            format!("/{}-000001/_settings", world.index),
            json!({ "index.blocks.write": blocked }),
        )
    };
    let (path, settings) = block(true);
    world.ask(Method::Put, &path, Some(settings)).await;
    world
        .run("update tenant_book set tenant = 'b' where id = 1; delete from tenant_book where id = 2")
        .await;
    world
        .until("(select count(*) from highwater.parked where copies = '{a,b}' or copies = '{a}') = 2")
        .await;
    let (path, settings) = block(false);
    world.ask(Method::Put, &path, Some(settings)).await;
    assert_in_place(&world, "after the block").await;

    // Neither the new document nor its place can be read: the letter keeps where the old one is.
    world
        .run("update tenant_book set tenant = 'c', quantity = 0 where id = 3")
        .await;
    world.settled().await;
    world
        .until("(select copies from highwater.dead where key = '3') = '{a,c}'")
        .await;
    world.run("update tenant_book set quantity = 1 where id = 3").await;
    // The letter's end is a commit that also touches its old places: what settles afterwards is the whole of it.
    world.until("not exists (select from highwater.dead)").await;
    assert_in_place(&world, "after it could be built").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_routing_has_no_document() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world
        .run("update tenant_book set tenant = null where id = 1; update tenant_book set tenant = '' where id = 2")
        .await;
    assert_in_place(&world, "without").await;
    let reasons: Vec<String> = sqlx::query_scalar("select reason from highwater.dead order by key")
        .fetch_all(&world.pool)
        .await
        .expect("Postgres answers");
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(
        reasons[0].starts_with("column tenant of \"public\".\"tenant_book\" is null or empty"),
        "{reasons:?}"
    );
    world.run("update tenant_book set tenant = 'd' where id <= 2").await;
    world.until("not exists (select from highwater.dead)").await;
    assert_in_place(&world, "with one again").await;
    running.stop().await;
}

//! The plainest way through: a table, an index, a change, a delete.

use serde_json::json;

use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text, price numeric); \
    insert into book select g, 'Title ' || g, g * 1.10 from generate_series(1, 100) g";

const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n  price: double\n";

const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title, 'price', price) from book";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_indexed_and_followed() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.assert_in_step(TRUTH, "after the backfill").await;
    world.run("update book set title = 'changed' where id = 7; delete from book where id = 8; insert into book values (1000, 'new', 1)").await;
    world.assert_in_step(TRUTH, "after changes").await;
    assert_eq!(
        world.document("7").await,
        Some(json!({ "id": 7, "title": "changed", "price": 7.70 }))
    );
    assert_eq!(world.document("8").await, None);
    running.stop().await;
}

//! After a lapse nothing tells which rows have changed: a sweep finds what is different, and what should be gone.

use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text, deleted_at timestamptz); \
    insert into book select g, 'Title ' || g from generate_series(1, 60) g";

const DEFINITION: &str =
    "index: '{index}'\ntable: book\nwhere: deleted_at is null\nfields:\n  id: long\n  title: text\n";

const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book where deleted_at is null";

#[tokio::test(flavor = "multi_thread")]
async fn what_left_the_filter_while_nothing_was_logged_leaves_the_index() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    // Nobody has renewed the lease for long: the triggers log nothing.
    world.run("select setval('highwater.capture_until', 0)").await;
    world
        .run(
            "update book set deleted_at = now() where id <= 10; delete from book where id between 11 and 20; \
             update book set title = 'changed' where id between 21 and 30; insert into book values (100, 'new')",
        )
        .await;
    let logged = world
        .truth("select 'touches', to_json(count(*)) from highwater.touch")
        .await;
    assert_eq!(logged["touches"], 0);
    let running = world.start().await;
    world
        .until("exists (select from highwater.job where kind = 'sweep' and state = 'done')")
        .await;
    world.assert_in_step(TRUTH, "after the sweep").await;
    running.stop().await;
}

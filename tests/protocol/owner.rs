//! One name is one database's: a second one does not take it by accident, and whoever loses it takes notice.

use elasticsearch::http::Method;
use serde_json::json;

use crate::support::world::{World, assert_same};

const SCHEMA: &str = "create table book (id bigint primary key, title text); \
    insert into book select g, 'Title ' || g from generate_series(1, 100) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";

/// A world of other rows, with an index of the same name.
async fn another(first: &World) -> World {
    let definition = DEFINITION.replace("{index}", &first.index);
    World::new(
        "create table book (id bigint primary key, title text); insert into book values (7, 'Of the other')",
        &definition,
    )
    .await
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_database_does_not_take_the_name_of_a_first() {
    let first = World::new(SCHEMA, DEFINITION).await;
    let of_first = first.start().await;
    first.live().await;
    first.settled().await;
    first.until("(select confirmed_nonce > 0 from highwater.source)").await;

    let second = another(&first).await;
    let checked = second.program(&["check"]).output().expect("the program runs");
    assert_eq!(checked.status.code(), Some(78), "{}", said(&checked));
    assert!(
        said(&checked).contains("-000001, which another database keeps in step"),
        "{}",
        said(&checked)
    );
    let of_second = second.start_program();
    second.said("which another database keeps in step").await;
    // Its touches are for an index of the very name that the first one's has. Where they were written they are settled.
    second.run("insert into book values (1000, 'Of the other, too')").await;
    tokio::select! {
        () = second.said("was not made yet") => {}
        () = second.until("not exists (select from highwater.touch)") => {}
    }
    assert_same(
        &first.truth(TRUTH).await,
        &first.documents().await,
        "searches go to the first",
    );
    of_second.kill();
    of_first.stop().await;

    let adopted = second.program(&["adopt", "--yes"]).output().expect("the program runs");
    assert_eq!(adopted.status.code(), Some(0), "{}", said(&adopted));
    let of_second = second.start().await;
    second.live().await;
    second.settled().await;
    assert_same(
        &second.truth(TRUTH).await,
        &second.documents_of(&first.index).await,
        "the second was told to take its place",
    );
    let of_first = first.start_with(first.config());
    of_first
        .waits_for("elasticsearch", "-000001, which is kept in step here")
        .await;
    of_first.stop().await;
    of_second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_was_deleted_is_put_back() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.live().await;
    let index = &world.index;
    let (status, answer) = world
        .ask(Method::Delete, &format!("/{index}-000001/_alias/{index}"), None)
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_same(&world.truth(TRUTH).await, &world.documents().await, "by the alias");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_definition_passes_over_a_name_that_is_taken() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.live().await;
    let (status, answer) = world
        .ask(Method::Put, &format!("/{}-000002", world.index), Some(json!({})))
        .await;
    assert_eq!(status, 200, "{answer}");
    world.configure(&["index: '{index}'\ntable: book\nfields:\n  title: text\n"], "");
    let applied = world.program(&["apply", "--yes"]).output().expect("the program runs");
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    world
        .until("exists (select from highwater.generation where number = 3 and state = 'live')")
        .await;
    let truth = "select id::text, json_build_object('title', title) from book";
    assert_same(
        &world.truth(truth).await,
        &world.documents().await,
        "as the definition says",
    );
    running.stop().await;
}

//! `verify`: what it counts, what it leaves out of a long list, and what it waits for; dead letters as the log tells of
//! them.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use elasticsearch::http::Method;

use crate::support::world::{Program, World};

const SCHEMA: &str = "create table book (id bigint primary key, title text, price numeric); \
    insert into book select g, 'Book ' || g, case when g = 100 then 'NaN' else g::numeric end from generate_series(1, 100) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n  price: double\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_counts_everything_and_lists_the_first() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start_program();
    world.live().await;
    world
        .said("1 document kept aside as dead letters: see `highwater dead list`")
        .await;
    running.kill();

    for id in 1..=64 {
        let path = format!("/{}-000001/_doc/{id}", world.index);
        let (status, answer) = world.ask(Method::Delete, &path, None).await;
        assert_eq!(status, 200, "{answer}");
    }
    let output = world.program(&["verify"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(65), "{said}");
    let counts = "100 documents compared, 1 dead letter among them (see `highwater dead list`), 64 differences";
    assert!(said.contains(counts), "{said}");
    assert_eq!(said.matches(": Missing").count(), 20, "{said}");
    assert!(said.ends_with("  and 44 more\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_comparison_waits_for_is_said() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    running.stop().await;
    world
        .run("update book set title = 'nobody writes it' where id = 7")
        .await;
    let mut verify = Program(
        world
            .program(&["verify"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts"),
    );
    let heard = BufReader::new(verify.0.stderr.take().expect("a pipe"));
    let line = tokio::task::spawn_blocking(move || heard.lines().next())
        .await
        .expect("no panic");
    let line = line.expect("a line").expect("text");
    assert!(line.starts_with("changes on their way are waited for"), "{line}");
    verify.kill();
}

//! Whether a daemon runs: told by `status` and `healthcheck`, and minded by `uninstall`.

use std::process::Output;
use std::time::{Duration, Instant};

use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); insert into book select g, 'Book ' || g from generate_series(1, 400) g";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";

fn run(world: &World, verb: &[&str]) -> Output {
    world.program(verb).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Asks for the status until it says so.
async fn status_says(world: &World, what: &str) -> String {
    let started = Instant::now();
    loop {
        let told = said(&run(world, &["status"]));
        if told.contains(what) {
            return told;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "never said: {what}\n{told}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_runs_is_told_from_one_that_is_gone() {
    let world = World::new(SCHEMA, DEFINITION).await;
    assert_eq!(run(&world, &["apply", "--yes"]).status.code(), Some(0));
    assert!(said(&run(&world, &["status"])).contains("no daemon has run yet"));
    let unwell = run(&world, &["healthcheck"]);
    assert_eq!(unwell.status.code(), Some(69));
    let complained = said(&unwell);
    assert!(
        complained.contains("no daemon answers at 127.0.0.1:0 (http.listen)") && complained.contains("remedy: start"),
        "{complained}"
    );

    let running = world.start().await;
    world.settled().await;
    world.until("exists (select from highwater.watermark)").await;
    let told = said(&run(&world, &["status"]));
    assert!(
        !told.contains("no daemon") && told.contains("IN STEP UP TO (UTC)"),
        "{told}"
    );
    let refused = run(&world, &["uninstall", "--yes"]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(
        said(&refused).contains("a daemon runs on this database"),
        "{}",
        said(&refused)
    );
    world.until("to_regclass('highwater.touch') is not null").await;

    running.stop().await;
    let told = status_says(&world, "no daemon runs: the last sign of one is of 20").await;
    assert!(told.contains(" UTC; start `highwater run`"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&said(&run(&world, &["status", "--json"]))).expect("JSON");
    assert_eq!(json["daemon"]["running"], false, "{json}");
    let gone = run(&world, &["uninstall", "--yes"]);
    assert_eq!(gone.status.code(), Some(0), "{}", said(&gone));
    world.until("to_regnamespace('highwater') is null").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_has_just_ended_does_not_stop_uninstall() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    let gone = run(&world, &["uninstall", "--yes"]);
    assert_eq!(gone.status.code(), Some(0), "{}", said(&gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_longer_fits_is_told_without_a_daemon() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    world.run("alter table book drop column title").await;
    let told = said(&run(&world, &["status"]));
    assert!(
        told.contains("unfit") && told.contains("has no column \"title\""),
        "{told}"
    );
    let json: serde_json::Value = serde_json::from_str(&said(&run(&world, &["status", "--json"]))).expect("JSON");
    assert_eq!(json["indexes"][0]["state"], "unfit", "{json}");
}

/// How many documents there are is counted, not estimated by what a range holds.
#[tokio::test]
async fn the_rows_of_a_job_are_counted() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let mut connection = world.database.connect().await;
    let catalog = highwater::source::catalog::read_catalog(&mut connection)
        .await
        .expect("a catalog");
    let plan = highwater::plan::Plan::new(&world.config().definitions[0], &catalog).expect("a plan");
    for (size, bounds) in [(2000, 0), (400, 1), (150, 2)] {
        let (keys, total) = highwater::ledger::cut::bounds(&mut connection, &plan, size)
            .await
            .expect("bounds");
        assert_eq!((keys.len(), total), (bounds, 400), "by {size}");
    }
}

//! Definitions that nobody wrote, over schemas that nobody made: each document as highwater builds it is what one plain
//! statement says, and each that a change alters is among those that its touches reach.
//!
//! A case is a schema (`schema`, `kind`), rows (`rows`), a definition (`tree`, grown by `grow` and `related` over the ways of `link`
//! with the SQL of `expression`) and changes (`change`), all of one seed (`dice`). `yaml` writes the definition as a
//! person would and `truth` as SQL; `bench` runs both. A case that fails is made smaller by `shrink`, and its text (`case`)
//! is kept under `kept/`, where it is run every time.

mod bench;
mod case;
mod change;
mod dice;
mod expression;
mod grow;
mod kind;
mod link;
mod related;
mod rows;
mod schema;
mod shrink;
mod tree;
mod truth;
mod yaml;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bench::{Bench, Failure};
use case::{Case, Script};

use crate::support::exact::assert_in_step;
use crate::support::world::World;

/// Side by side, each with a database of its own.
const WORKERS: usize = 2;

/// `HIGHWATER_ORACLE_SEED` repeats a run, `HIGHWATER_ORACLE_CASES` makes it longer.
#[tokio::test(flavor = "multi_thread")]
async fn generated_definitions_come_to_what_one_statement_says() {
    let seed = number("HIGHWATER_ORACLE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 20);
    let cases = number("HIGHWATER_ORACLE_CASES").unwrap_or(200);
    println!("HIGHWATER_ORACLE_SEED={seed} HIGHWATER_ORACLE_CASES={cases}");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let next = next.clone();
            tokio::spawn(async move {
                let mut bench = Bench::new().await;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if number >= cases {
                        return;
                    }
                    let case = Case::random(seed.wrapping_add(number));
                    if let Err(failure) = bench.run(&case.script()).await {
                        report(&mut bench, seed.wrapping_add(number), case, failure).await;
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no case fails");
    }
}

/// Cases that failed once, each by a fault of its own; and those that a mutant of `tests/mutants` must not survive.
#[tokio::test(flavor = "multi_thread")]
async fn kept_cases_come_to_what_one_statement_says() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder("tests/oracle/kept"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut bench = Bench::new().await;
    for file in files {
        let script = Script::kept(&file);
        if let Err(failure) = bench.run(&script).await {
            panic!("{}: {failure:?}", file.display());
        }
    }
}

/// The same by way of Elasticsearch.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_keeps_kept_cases_in_step() {
    for name in [
        "aggregate-over-some-rows",
        "join-of-two-columns",
        "rows-that-are-gone",
        "tree-of-texts-in-another-collation",
    ] {
        let script = Script::kept(&folder("tests/oracle/kept").join(format!("{name}.case")));
        let world = World::new(&format!("{};\n{}", script.schema, script.rows), &script.definition).await;
        let running = world.start().await;
        assert_in_step(&world, &script.truth, name).await;
        for (at, statements) in script.changes.iter().enumerate() {
            world.run(&statements.join(";\n")).await;
            assert_in_step(&world, &script.truth, &format!("{name}, change {at}")).await;
        }
        running.stop().await;
    }
}

/// Makes the case as small as it gets, and ends the test with it.
async fn report(bench: &mut Bench, seed: u64, case: Case, failure: Failure) {
    println!("HIGHWATER_ORACLE_SEED={seed} HIGHWATER_ORACLE_CASES=1 fails; making it smaller: {failure:?}");
    write(seed, &case);
    let (mut case, mut failure) = (case, failure);
    // After a success the list is another, and what stands at the same place is tried next.
    let (mut at, mut found) = (0, false);
    loop {
        let Some(other) = shrink::smaller(&case).into_iter().nth(at) else {
            if !found {
                break;
            }
            (at, found) = (0, false);
            continue;
        };
        match bench.run(&other.script()).await {
            Err(same) if same.is_like(&failure) => (case, failure, found) = (other, same, true),
            _ => at += 1,
        }
    }
    let file = write(seed, &case);
    let (Failure::Broken(shown)
    | Failure::Refused(shown)
    | Failure::Unbuilt(shown)
    | Failure::Differs(shown)
    | Failure::Unreached(shown)) = &failure;
    let text = case.script().text();
    panic!(
        "HIGHWATER_ORACLE_SEED={seed} HIGHWATER_ORACLE_CASES=1 fails, also with this ({}); keep it in tests/oracle/kept:\n{text}\n{}: {shown}",
        file.display(),
        format!("{failure:?}").split('(').next().unwrap_or_default()
    );
}

fn write(seed: u64, case: &Case) -> PathBuf {
    let folder = folder("target/oracle");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(format!("{seed}.case"));
    std::fs::write(&file, case.script().text()).expect("a file");
    file
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

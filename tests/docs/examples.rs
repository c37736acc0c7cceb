//! `examples/`: each is run as it stands, and its documents are those of its `document.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use highwater::config::Config;
use serde_json::value::RawValue;

use crate::support::exact::{canonical, found_in};
use crate::support::world::World;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The configuration as it is there; definitions in the order of their files.
fn configuration(example: &Path) -> Config {
    Config::load(&example.join("highwater.yaml"), &|name| match name {
        "DATABASE_URL" => Some("postgres://localhost/example".to_owned()),
        "ELASTICSEARCH_URL" => Some("http://localhost:9200".to_owned()),
        _ => None,
    })
    .unwrap_or_else(|mistakes| panic!("{}: {mistakes}", example.display()))
}

async fn run(name: &str) {
    let example = folder().join(name);
    let config = configuration(&example);
    let texts: Vec<String> = config
        .definitions
        .iter()
        .map(|definition| {
            definition
                .text
                .replacen(&format!("index: {}", definition.index), "index: '{index}'", 1)
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let tables = [example.join("schema.sql"), example.join("data.sql")].map(|file| read(&file));
    let world = World::with(&tables.concat(), &texts, "").await;
    let checked = world.program(&["check"]).output().expect("the program runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains(" 0 warnings"),
        "{name}: {said}"
    );
    let running = world.start().await;
    world.settled().await;
    let expected: BTreeMap<String, BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(&read(&example.join("document.json"))).expect("documents by index and id");
    let mut wrong = String::new();
    for (at, definition) in config.definitions.iter().enumerate() {
        let index = if at == 0 {
            world.index.clone()
        } else {
            format!("{}-{}", world.index, at + 1)
        };
        let found = found_in(&world, &index).await;
        let documents = expected.get(&definition.index).into_iter().flatten();
        let documents: BTreeMap<_, _> = documents
            .map(|(id, text)| (id.clone(), canonical(text.get())))
            .collect();
        if documents != found {
            writeln!(wrong, "{} holds\n{found:?}\nand not\n{documents:?}", definition.index).expect("text");
        }
    }
    assert!(wrong.is_empty(), "{name}: {wrong}");
    let verified = world.program(&["verify"]).output().expect("the program runs");
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    running.stop().await;
}

macro_rules! examples {
    ($($name:ident),*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            run(stringify!($name)).await;
        })*

        #[test]
        fn every_example_is_run() {
            let entries = std::fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
            let mut there: Vec<String> = entries
                .filter(|path| path.is_dir())
                .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
                .collect();
            let mut run = [$(stringify!($name)),*];
            (there.sort(), run.sort_unstable());
            assert_eq!(there, run);
        }
    };
}

examples!(books, shop, jobs, cms, tickets, events);

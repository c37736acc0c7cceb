//! `import pgsync`: what it writes is run as it is, and the documents are those that PGSync would have made.

use std::process::Output;

use serde_json::json;

use super::TABLES;
use crate::support::world::World;

const ROWS: &str = r#"
insert into house values (1, 'Harbour Press', 'de', true), (2, 'Inland', 'fr', false);
insert into book values
    ('978-1', 1, 'High Water', 'Wet.', 320, 12.50, '2020-02-29', '{sea,novel}', '{"size": {"cm": [20.5, 13]}, "paper": "grey"}', '\x00', 'calm'),
    ('978-2', null, 'Low Water', null, 0, null, null, null, null, null, null);
insert into writer values (1, 'Ann', '1970-01-01'), (2, 'Bo', null);
insert into book_writer values ('978-1', 1), ('978-1', 2);
insert into shelf values (1, 'Sea'), (2, 'New');
insert into book_shelf values ('978-1', 1), ('978-1', 2);
insert into rating values (1, '978-1', 4);
insert into loan values ('978-1', 1, '2024-01-01'), ('978-1', 2, null);
"#;

const SCHEMA: &str = r#"[
  {
    "database": "bookshop",
    "index": "${IMPORTED}",
    "setting": { "analysis": { "analyzer": { "whole": { "type": "custom", "tokenizer": "keyword", "filter": ["lowercase"] } } } },
    "plugins": ["Hero"],
    "nodes": {
      "table": "book",
      "columns": ["isbn", "title", "pages", "price", "out_on", "tags", "extra->size->cm->0", "extra#>>{paper}"],
      "transform": {
        "rename": { "isbn": "code", "extra_size_cm_0": "height" },
        "replace": { "isbn": { "-": "" } },
        "concat": { "columns": ["code", "title", "pages"], "destination": "line", "delimiter": " / " },
        "mapping": { "title": { "type": "text", "analyzer": "whole" }, "height": { "type": "float" }, "writers": { "type": "nested" } }
      },
      "children": [
        { "table": "house", "label": "publisher", "columns": ["name", "active"],
          "relationship": { "variant": "object", "type": "one_to_one", "foreign_key": { "child": ["id"], "parent": ["house_id"] } },
          "transform": { "rename": { "name": "publisher_name" },
                         "concat": { "columns": ["publisher_name", "active"], "destination": "both", "delimiter": "|" } } },
        { "table": "writer", "label": "writers", "columns": ["name", "born"],
          "relationship": { "variant": "object", "type": "one_to_many", "through_tables": ["book_writer"] } },
        { "table": "shelf", "label": "shelves", "columns": ["name"],
          "relationship": { "variant": "scalar", "type": "one_to_many", "through_tables": ["book_shelf"] } },
        { "table": "rating", "columns": ["stars"], "relationship": { "variant": "scalar", "type": "one_to_one" } },
        { "table": "house_card", "base_tables": ["house"], "primary_key": ["id"], "columns": ["card"], "label": "card",
          "relationship": { "variant": "scalar", "type": "one_to_one", "foreign_key": { "child": ["id"], "parent": ["house_id"] } } }
      ]
    }
  },
  { "database": "bookshop", "index": "${IMPORTED}-2", "nodes": { "table": "loan" } }
]"#;

fn run(world: &World, arguments: &[&str]) -> Output {
    let mut program = world.program(arguments);
    program.env("IMPORTED", &world.index);
    program.output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A world with the schema beside its configuration; the paths of both, and of the definitions.
async fn with_schema(schema: &str) -> (World, String, String) {
    let world = World::with(&format!("{TABLES}{ROWS}"), &[], "").await;
    let folder = world.config_file().parent().expect("a folder").to_owned();
    let file = folder.join("schema.json");
    std::fs::write(&file, schema).expect("a file");
    let path = |path: std::path::PathBuf| path.to_str().expect("a path").to_owned();
    (world, path(file), path(folder.join("indexes")))
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_what_they_were() {
    let (world, file, indexes) = with_schema(SCHEMA).await;
    let imported = run(&world, &["import", "pgsync", &file, "-o", &indexes]);
    let told = text(&imported.stderr);
    assert_eq!(imported.status.code(), Some(0), "{told}");
    assert!(told.contains("[0].plugins[0]: left out: the plugin Hero"), "{told}");
    let checked = run(&world, &["check"]);
    let said = text(&checked.stdout);
    assert!(checked.status.success() && said.contains("\n0 mistakes,"), "{said}");
    let applied = run(&world, &["apply", "--yes"]);
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    let running = world.start().await;
    world.settled().await;
    assert_eq!(world.document("978-1").await, Some(full()));
    assert_eq!(world.document("978-2").await, Some(empty()));
    let loans = world.documents_of(&format!("{}-2", world.index)).await;
    assert_eq!(loans.keys().collect::<Vec<_>>(), ["978-1,1", "978-1,2"]);
    // By way of a view, too.
    world.run("update house set name = 'Harbour' where id = 1").await;
    world.settled().await;
    assert_eq!(
        world.document("978-1").await.expect("it is there")["card"],
        "Harbour (de)"
    );
    let verified = run(&world, &["verify"]);
    let said = text(&verified.stdout);
    assert!(verified.status.success() && said.contains(" 0 differences"), "{said}");
    running.stop().await;
}

fn full() -> serde_json::Value {
    json!({
        "code": "9781", "title": "High Water", "pages": 320, "price": 12.50, "out_on": "2020-02-29", "tags": ["sea", "novel"],
        "height": 20.5, "extra_paper": "grey", "line": "9781 / High Water / 320",
        "publisher": { "publisher_name": "Harbour Press", "active": true, "both": "Harbour Press|True" },
        "writers": [{ "name": "Ann", "born": "1970-01-01" }, { "name": "Bo", "born": null }],
        "shelves": ["Sea", "New"], "rating": 4, "card": "Harbour Press (de)",
    })
}

fn empty() -> serde_json::Value {
    json!({
        "code": "9782", "title": "Low Water", "pages": 0, "price": null, "out_on": null, "tags": null,
        "height": null, "extra_paper": null, "line": "9782 / Low Water",
        "publisher": null, "writers": [], "shelves": [], "rating": null, "card": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_folder_it_is_printed() {
    let (world, file, indexes) = with_schema(SCHEMA).await;
    let printed = run(&world, &["import", "pgsync", &file]);
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let definitions = text(&printed.stdout);
    let parts: Vec<&str> = definitions.split("---\n").collect();
    assert_eq!(parts.len(), 2, "{definitions}");
    let written = run(&world, &["import", "pgsync", &file, "--output", &indexes]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    for (part, name) in parts.iter().zip([world.index.clone(), format!("{}-2", world.index)]) {
        let file = std::path::Path::new(&indexes).join(format!("{name}.yaml"));
        assert_eq!(std::fs::read_to_string(file).expect("a definition"), *part);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_said() {
    let (world, file, indexes) = with_schema(SCHEMA).await;
    let there = std::path::Path::new(&indexes).join(format!("{}-2.yaml", world.index));
    std::fs::create_dir_all(&indexes).expect("a folder");
    std::fs::write(&there, "mine").expect("a file");
    let taken = run(&world, &["import", "pgsync", &file, "-o", &indexes]);
    assert_eq!(taken.status.code(), Some(64), "{}", text(&taken.stderr));
    assert_eq!(std::fs::read_to_string(&there).expect("a file"), "mine");
    assert_eq!(
        std::fs::read_dir(&indexes).expect("a folder").count(),
        1,
        "all of them or none"
    );
    assert_eq!(
        run(&world, &["import", "pgsync", "nowhere.json"]).status.code(),
        Some(64)
    );
    assert_eq!(run(&world, &["import", "elsewhere", &file]).status.code(), Some(64));
    let schema = r#"[
        { "database": "a", "index": "x", "nodes": { "table": "bok" } },
        { "database": "b", "index": "x", "nodes": { "table": "book_stars", "primary_key": ["isbn"] } },
        { "database": "c", "index": "Y", "nodes": { "table": "house" } }
    ]"#;
    std::fs::write(&file, schema).expect("a file");
    let wrong = run(&world, &["import", "pgsync", &file]);
    let told = text(&wrong.stderr);
    assert_eq!(
        (wrong.status.code(), text(&wrong.stdout)),
        (Some(78), String::new()),
        "{told}"
    );
    for said in [
        "there is no table public.bok",
        "[1].index: the index x a second time",
        "how rows of rating lead to those of the view book_stars is not to be told",
        "[2].index: `Y` has capital letters",
        "4 mistakes in 1 file",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
}

//! Each key by itself: what it becomes, or what is said in its place.

use serde_json::{Value, json};

use super::{catalog, translated};

/// A schema with one document: `document` over the usual one, `root` over its node.
fn schema(document: &Value, root: &Value) -> String {
    let mut whole = json!({ "database": "d", "index": "books" });
    let mut node = json!({ "table": "book", "columns": ["isbn"] });
    merge(&mut node, root);
    merge(&mut whole, document);
    whole["nodes"] = node;
    json!([whole]).to_string()
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().expect("an object") {
        into[key] = value.clone();
    }
}

fn child(node: &Value, relationship: &Value) -> Value {
    let mut child = json!({ "relationship": { "variant": "object", "type": "one_to_one" } });
    merge(&mut child["relationship"], relationship);
    merge(&mut child, node);
    json!({ "children": [child] })
}

fn card() -> Value {
    json!({ "table": "house_card", "base_tables": ["house"], "primary_key": ["id"], "columns": ["card"] })
}

/// What is written has `lines`, and what is told has `said`; nothing is told where nothing is expected.
struct Case {
    document: Value,
    root: Value,
    lines: &'static [&'static str],
    said: &'static [&'static str],
}

fn of_document(document: Value, lines: &'static [&'static str], said: &'static [&'static str]) -> Case {
    Case {
        document,
        root: json!({}),
        lines,
        said,
    }
}

fn of_node(root: Value, lines: &'static [&'static str], said: &'static [&'static str]) -> Case {
    Case {
        document: json!({}),
        root,
        lines,
        said,
    }
}

async fn assert_all(cases: Vec<Case>) {
    let catalog = catalog().await;
    for Case {
        document,
        root,
        lines,
        said,
    } in cases
    {
        let schema = schema(&document, &root);
        let definition = translated(&catalog, &schema).remove(0);
        for line in lines {
            let has = definition.text.lines().any(|written| written.trim() == *line);
            assert!(has, "{line}\n{schema}\n{}\n{}", definition.text, definition.remarks);
        }
        let told = definition.remarks.to_string();
        for what in said {
            assert!(told.contains(what), "{what}\n{schema}\n{told}\n{}", definition.text);
        }
        assert_eq!(definition.remarks.0.len(), said.len(), "{schema}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_document() {
    assert_all(vec![
        of_document(json!({}), &["index: books", "table: book", "# database: d, which the configuration names (postgres.url)"], &[]),
        of_document(json!({ "index": null }), &["index: d"], &[]),
        of_document(json!({ "pipeline": "enrich" }), &["pipeline: enrich"], &[]),
        of_document(json!({ "routing": "isbn" }), &["routing: isbn"], &[]),
        of_document(
            json!({ "routing": "title" }),
            &[],
            &["[0].routing: left out: routing: title\n  remedy: it is no column of the root"],
        ),
        of_document(
            json!({ "setting": { "number_of_replicas": 0, "index.refresh_interval": "5s", "mapping": { "total_fields": { "limit": 2000 } } } }),
            &["number_of_replicas: 0", "index.refresh_interval: \"5s\"", "mapping: { total_fields: { limit: 2000 } }"],
            &[],
        ),
        of_document(
            json!({ "mapping": { "isbn": { "type": "keyword" } } }),
            &["isbn: keyword"],
            &[],
        ),
        of_document(
            json!({ "mapping": { "dynamic_templates": [], "_source": { "enabled": true }, "properties": { "isbn": { "type": "keyword" } } } }),
            &["isbn: keyword"],
            &["left out: dynamic_templates: []", "left out: _source: {\"enabled\":true}"],
        ),
        of_document(
            json!({ "mappings": { "properties": {} } }),
            &[],
            &["[0].mappings: left out: mappings: {\"properties\":{}}\n  remedy: it has no effect in PGSync either"],
        ),
        of_document(
            json!({ "plugins": ["Hero", "Villain"] }),
            &[],
            &["[0].plugins[0]: left out: the plugin Hero", "[0].plugins[1]: left out: the plugin Villain"],
        ),
        of_document(
            json!({ "plugin": ["Hero"] }),
            &[],
            &["[0].plugin: unknown key, left out: plugin: [\"Hero\"]\n  remedy: if `plugins` is meant"],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_node() {
    assert_all(vec![
        of_node(
            json!({ "schema": "forum", "table": "post", "columns": ["id"] }),
            &["table: forum.post", "id: integer"],
            &[],
        ),
        of_node(
            json!({ "columns": [] }),
            &[
                "isbn: { type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }",
                "out_on: date",
                "extra: { type: object, enabled: false }",
                "# left out: cover: binary content; write binary to have it in the document",
            ],
            &["left out: cover", "extra is JSON"],
        ),
        of_node(
            json!({ "columns": ["isbn", "nowhere"] }),
            &[],
            &["[0].nodes.columns[1]: left out: nowhere: "],
        ),
        of_node(
            json!({ "columns": ["isbn", "isbn"] }),
            &[],
            &["[0].nodes.columns[1]: left out: isbn a second time"],
        ),
        of_node(
            json!({ "label": "volume" }),
            &[],
            &["[0].nodes.label: left out: label: volume"],
        ),
        of_node(json!({ "primary_key": ["isbn"] }), &[], &[]),
        of_node(
            json!({ "primary_key": ["title"] }),
            &[],
            &["[0].nodes.primary_key: left out: primary_key: title\n  remedy: of a table PGSync takes the primary key"],
        ),
        of_node(
            json!({ "base_tables": ["house"] }),
            &[],
            &["[0].nodes.base_tables: left out: base_tables: house\n  remedy: book is no view"],
        ),
        of_node(
            json!({ "relationship": { "type": "one_to_one" } }),
            &[],
            &["left out: relationship: {\"type\":\"one_to_one\"}\n  remedy: the root is related to nothing"],
        ),
        of_node(
            json!({ "watch_columns": ["title"], "colunms": [] }),
            &[],
            &[
                "unknown key, left out: watch_columns: [\"title\"]",
                "colunms: []\n  remedy: if `columns` is meant",
            ],
        ),
        of_node(
            json!({ "table": "loan", "columns": ["number"] }),
            &["number: integer"],
            &["the ids are another: PGSync joins isbn, number with `|`"],
        ),
    ])
    .await;
}

/// Of the JSON among the columns.
const JSON: &str = "extra_a is JSON";

#[tokio::test(flavor = "multi_thread")]
async fn of_a_transform() {
    let transform = |transform: Value| json!({ "columns": ["isbn", "title", "pages", "tags", "mood", "extra->a"], "transform": transform });
    assert_all(vec![
        // Any text is a word, and an empty one is none.
        of_node(
            transform(json!({ "concat": { "columns": ["isbn", " ", ""], "destination": "isbn" } })),
            &[r#"isbn: { sql: "concat_ws('', nullif(\"isbn\", ''), ' ')", type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }"#],
            &["` ` is no field here: the word itself stands in isbn", JSON],
        ),
        // What is left out is no word either.
        of_node(
            json!({ "columns": ["isbn", "cover"], "transform": { "concat": { "columns": ["cover", "isbn"], "destination": "x" } } }),
            &[],
            &["left out: cover", "left out: concat of cover, isbn to x"],
        ),
        of_node(
            transform(json!({ "rename": { "isbn": "code" } })),
            &["code: { column: isbn, type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }"],
            &[JSON],
        ),
        of_node(transform(json!({ "rename": { "isbm": "code" } })), &[], &["[0].nodes.transform.rename.isbm: left out: rename of isbm", JSON]),
        of_node(transform(json!({ "rename": { "extra_a": { "x": "y" } } })), &[], &["left out: rename within extra_a: {\"x\":\"y\"}", JSON]),
        of_node(transform(json!({ "rename": { "isbn": "title" } })), &[], &["left out: title a second time", JSON]),
        of_node(
            transform(json!({ "replace": { "title": { "'": "\"" } } })),
            &[r#"title: { sql: "replace(\"title\", '''', '\"')", type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }"#],
            &[JSON],
        ),
        of_node(transform(json!({ "replace": { "pages": { "1": "2" }, "tags": { "a": "b" } } })), &["pages: integer"], &["left out: replace in pages", "left out: replace in tags", JSON]),
        of_node(transform(json!({ "replace": { "titel": { "1": "2" } } })), &[], &["left out: replace of titel", JSON]),
        of_node(
            transform(json!({ "replace": { "extra_a": { "1": "2" } } })),
            &[r#"extra_a: { sql: "replace(\"extra\" #>> '{\"a\"}', '1', '2')", type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }"#],
            &[],
        ),
        of_node(
            transform(json!({ "concat": { "columns": ["isbn", "pages"], "destination": "both", "delimiter": ", " } })),
            &[r#"both: { sql: "concat_ws(', ', nullif(\"isbn\", ''), nullif(\"pages\", 0))", type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }"#],
            &[JSON],
        ),
        of_node(
            transform(json!({ "concat": { "columns": ["isbn", "none"], "destination": "isbn" } })),
            &[r#"isbn: { sql: "concat_ws('', nullif(\"isbn\", ''), 'none')", type: text, fields: { keyword: { type: keyword, ignore_above: 256 } } }"#],
            &["`none` is no field here: the word itself stands in isbn", JSON],
        ),
        of_node(transform(json!({ "concat": { "columns": ["tags"], "destination": "all" } })), &[], &["left out: concat of tags to all", JSON]),
        of_node(transform(json!({ "mapping": { "mood": { "type": "keyword" }, "extra_a": { "type": "long" } } })), &["mood: keyword", "extra_a: { column: extra, path: a, type: long }"], &[]),
        of_node(transform(json!({ "mapping": { "slug": { "type": "keyword" } } })), &[], &["left out: mapping of slug: {\"type\":\"keyword\"}", JSON]),
        of_node(transform(json!({ "move": { "column": "isbn" } })), &[], &["left out: move: {\"column\":\"isbn\"}", JSON]),
        of_node(transform(json!({ "remane": {} })), &[], &["unknown key, left out: remane: {}\n  remedy: if `rename` is meant", JSON]),
    ])
    .await;
}

/// A view that stands in the tree twice is declared once.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_view_in_two_places() {
    let relationship = json!({ "foreign_key": { "parent": ["house_id"], "child": ["id"] } });
    let mut root = child(&card(), &relationship);
    let again = child(&card(), &relationship)["children"].take();
    let children = root["children"].as_array_mut().expect("a list");
    children.extend(again.as_array().expect("a list").clone());
    children[1]["label"] = json!("again");
    let definition = translated(&catalog().await, &schema(&json!({}), &root)).remove(0);
    assert_eq!(definition.text.matches("key: [id]").count(), 1, "{}", definition.text);
    assert_eq!(
        definition.text.matches("one: house_card").count(),
        2,
        "{}",
        definition.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_relationship() {
    let house = json!({ "table": "house", "columns": ["id"] });
    let writer = json!({ "table": "writer", "columns": ["id"] });
    let through = json!({ "type": "one_to_many", "through_tables": ["book_writer"] });
    assert_all(vec![
        of_node(child(&house, &json!({})), &["house:", "one: house", "id: integer"], &[]),
        // The other way round than `many` has it.
        of_node(
            child(&house, &json!({ "type": "one_to_many" })),
            &["many: house", "join: { house_id: id }"],
            &[],
        ),
        of_node(
            child(
                &house,
                &json!({ "foreign_key": { "parent": "pages", "child": ["id"] } }),
            ),
            &["join: { pages: id }"],
            &[],
        ),
        of_node(child(&writer, &through), &["many: writer", "through: book_writer"], &[]),
        of_node(
            child(
                &writer,
                &json!({ "through_tables": ["book_writer"], "foreign_key": { "parent": ["isbn"], "child": ["id"] } }),
            ),
            &["many: writer"],
            &[
                "left out: foreign_key: {\"parent\":[\"isbn\"],\"child\":[\"id\"]}",
                "writer: one_to_one by way of a table is a list",
            ],
        ),
        of_node(
            child(&json!({ "table": "loan", "columns": ["day"] }), &json!({})),
            &["one: loan", "join: { isbn: isbn }"],
            &["one_to_one, and no unique index of loan on isbn"],
        ),
        of_node(
            child(&json!({ "table": "town", "columns": ["id"] }), &json!({})),
            &[],
            &["left out: town: no foreign key joins \"book\" and \"town\""],
        ),
        of_node(
            child(&json!({ "table": "townn" }), &json!({})),
            &[],
            &["there is no table public.townn"],
        ),
        of_node(
            child(
                &json!({ "table": "writer", "columns": ["id"], "label": "isbn" }),
                &through,
            ),
            &["isbn:", "many: writer"],
            &["left out: what else is called isbn"],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_scalar() {
    let house = json!({ "table": "house", "columns": ["id"] });
    assert_all(vec![
        of_node(child(&house, &json!({ "variant": "scalar" })), &["one: house", "value: { column: id, type: integer }"], &[]),
        of_node(
            child(&json!({ "table": "house", "columns": ["id", "name"] }), &json!({ "variant": "scalar" })),
            &[],
            &["left out: name of a scalar"],
        ),
        of_node(
            child(
                &json!({ "table": "house", "columns": ["id"], "children": [
                    { "table": "house", "label": "again", "relationship": { "variant": "object", "type": "one_to_one" } }
                ] }),
                &json!({ "variant": "scalar" }),
            ),
            &[],
            &["[0].nodes.children[0].children[0]: left out: the child house of a scalar"],
        ),
        of_node(
            child(
                &json!({ "table": "house", "columns": ["id"], "transform": {
                    "rename": { "id": "x" }, "replace": { "id": { "1": "2" } }, "mapping": { "id": { "type": "long" }, "y": { "type": "text" } },
                    "concat": { "columns": ["id"], "destination": "z" }
                } }),
                &json!({ "variant": "scalar", "foreign_key": { "parent": ["house_id"], "child": ["id"], "on": 1 } }),
            ),
            &["value: { column: id, type: long }"],
            &[
                "left out: rename of id, in a scalar",
                "left out: replace of id, in a scalar",
                "left out: mapping of y, in a scalar",
                "left out: concat of z, in a scalar",
                "unknown key, left out: on: 1",
            ],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_view() {
    assert_all(vec![
        of_node(
            child(
                &card(),
                &json!({ "foreign_key": { "parent": ["house_id"], "child": ["id"] } }),
            ),
            &["house_card:", "key: [id]", "house: { id: id }"],
            &["ways from its tables to house_card are guessed"],
        ),
        // By a column beside the key, which leads there as well.
        of_node(
            json!({ "table": "house", "columns": ["id"], "children": [{
                "table": "book_card", "base_tables": ["book", "house"], "primary_key": ["isbn"], "columns": ["title"],
                "relationship": { "variant": "object", "type": "one_to_many",
                    "foreign_key": { "parent": ["id"], "child": ["house_id"] } }
            }] }),
            &[
                "book: { isbn: isbn, house_id: house_id }",
                "house: { id: book.house_id }",
                "join: { id: house_id }",
            ],
            &["ways from its tables to book_card are guessed"],
        ),
        // Two tables have its key: nothing says which of them leads there.
        of_node(
            json!({ "table": "flat", "columns": ["id"], "children": [{
                "table": "town_card", "base_tables": ["town", "nation"], "primary_key": ["id"], "columns": ["name"],
                "relationship": { "variant": "object", "type": "one_to_one",
                    "foreign_key": { "parent": ["town_id"], "child": ["id"] } }
            }] }),
            &[],
            &["left out: town_card\n  remedy: how rows of nation, town lead to those of the view"],
        ),
        // Its declaration stays, for who mends it.
        of_node(
            child(
                &card(),
                &json!({ "foreign_key": { "parent": ["nowhere"], "child": ["id"] } }),
            ),
            &[],
            &[
                "ways from its tables to house_card are guessed",
                "left out: house_card: ",
            ],
        ),
        of_node(
            child(
                &json!({ "table": "house_card", "columns": ["card"] }),
                &json!({ "foreign_key": { "parent": ["house_id"], "child": ["id"] } }),
            ),
            &[],
            &["left out: house_card\n  remedy: the view house_card without `primary_key`"],
        ),
    ])
    .await;
}

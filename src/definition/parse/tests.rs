//! Golden trees and golden messages, and the rules that neither shows.

use proptest::prelude::*;

use super::Definition;
use crate::definition::{Content, FieldKind, RelationKind};

const BOOKS: &str = include_str!("samples/books.yaml");

fn tree(text: &str) -> Definition {
    Definition::parse("books.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn told(text: &str) -> String {
    Definition::parse("books.yaml", text).map_or_else(|mistakes| mistakes.to_string(), |_| "nothing".to_owned())
}

/// What is wrong with one field.
fn field(line: &str) -> String {
    told(&format!("index: books\ntable: book\nfields:\n  {line}\n"))
}

#[test]
fn the_whole_language() {
    let definition = tree(BOOKS);
    assert_eq!(definition.text, BOOKS);
    insta::assert_debug_snapshot!(Definition {
        text: "…".to_owned(),
        ..definition
    });
}

#[test]
fn every_mistake_at_once() {
    insta::assert_snapshot!(told(include_str!("samples/mistakes.yaml")));
}

#[test]
fn mistakes_of_fields() {
    let lines = [
        "title:",
        "title: [text]",
        "title: string",
        "title: { analyzer: english }",
        "title: { type: timestamptz }",
        "title: { typ: text }",
        "title: strng",
        "title: keywrd",
        "title: { type: text, fields: { raw: { type: keywrd } } }",
        "title: { mapping: { type: of_a_plugin } }",
        "title: { mapping: { type: varchar } }",
        "title: { type: Text Field }",
        "title: { colum: name, type: text }",
        "title: { type: text, were: x }",
        "title: { type: text, ordr: x }",
        "title: { type: text, trough: x }",
        "title: { type: text, where: x }",
        "title: { type: text, boost: 1, mapping: { boost: 2 } }",
        "title: { type: text, boost: 0.12345678901234567890 }",
        "title: { sql: '', type: text }",
        "title: { sql: upper(title), column: name, type: text }",
        "title: { column: author.name, type: text }",
        "title: { column: a..b, type: text }",
        "'': text",
        "a.b: text",
        "_highwater: text",
        "_id: keyword",
        "n: { count: review }",
        "n: { count: review, order: id, by: x, type: integer }",
        "n: { count: review, distinct: true, type: integer }",
        "n: { min: price, type: double }",
        "n: { max: edition.price, distinct: true, type: double }",
        "n: { sum: a..b, type: double }",
        "n: { avg: [review, stars], type: double }",
        "n: { count: review, sum: review.stars, type: double }",
        "n: { count: review, were: not spam, type: integer }",
        "a: { group: { lat: latitude, b.c: text } }",
        "a: { constant: , type: keyword }",
        "a: { constant: x }",
        "a: { constant: x, column: b, type: keyword }",
        "a: { value: x, type: keyword }",
        "a: { constnat: x, type: keyword }",
        "a: { column: b, path: a..b, type: keyword }",
        "a: { column: b, path: [a, b], type: keyword }",
        "a: { type: keyword, missing: dropped }",
        "a: { type: keyword, mising: drop }",
        "a: { many: b, value: { column: c, type: keyword, missing: drop } }",
        "a: { pipeline: enrich, type: keyword }",
        "a: { pipeline: false, type: keyword }",
        "a: { pipeline: true }",
        "a: { group: {} }",
        "a: { type: geo_point, group: {} }",
        "a: { type: geo_point, group: { lat: [a], lon: { column: b, type: double }, z: a.b.c } }",
        "a: { type: geo_pint, group: { lat: a, lon: b } }",
        "a: { group: { b: text }, analyzer: english }",
        "a: { type: geo_point, grup: { lat: a, lon: b } }",
        "a: { group: { b: text }, column: c }",
        "a: { switch: kind, cases: {} }",
        "a: { switch: kind, join: { b: id } }",
        "a: { switch: kind, caess: { A: { one: b, fields: { c: text } } } }",
        "a: { switch: kind, cases: { A: { many: b, fields: { c: text } }, B: { one: b, required: true, fields: { c: text } } } }",
        "a: { switch: kind, cases: { A: { one: b, fields: { c: text } }, B: { one: b, fields: { c: keyword } } } }",
        "a: { switch: kind, cases: { A: { one: b, fields: { c: text } }, B: { one: b, value: c, type: text } } }",
        "a: { switch: kind, cases: { A: { one: b, value: d, type: long }, B: { one: b, value: c, type: text } } }",
        "a: { switch: kind, cast: int, join: { b: id }, cases: { A: { one: b, value: d, type: long } } }",
        "a: { one: b, cast: text, value: d, type: long }",
        "a: { ancestors: b, join: { c: id }, cast: text, value: d, type: long }",
    ];
    insta::assert_snapshot!(lines.map(|line| format!("{line}\n{}\n", field(line))).join("\n"));
}

#[test]
fn mistakes_of_relations() {
    let lines = [
        "a: { one: author }",
        "a: { many: author, feilds: { id: long }, ordr: id }",
        "a: { many: author, thru: b, fields: { id: long } }",
        "a: { many: author, zebra: 1, fields: { id: long } }",
        "a: { many: author, one: author, fields: { id: long } }",
        "a: { many: author, fields: {} }",
        "a: { many: author, type: keyword, fields: { id: long } }",
        "a: { many: author, value: name }",
        "a: { many: author, value: name, type: keyword, thrugh: b }",
        "a: { many: author, value: { type: keyword } }",
        "a: { many: author, by: code, distinct: true, value: name, type: keyword }",
        "a: { many: author, by: [code], value: name, type: keyword }",
        "a: { many: author, by: a.b.c, value: name, type: keyword }",
        "a: { many: author, by: code, type: nested, fields: { id: long } }",
        "a: { many: author, distinct: true, fields: { id: long } }",
        "a: { many: author, distinkt: true, value: name, type: keyword }",
        "a: { one: author, by: code, distinct: true, value: name, type: keyword }",
        "a: { one: author, limit: 5, fields: { id: long } }",
        "a: { many: author, limit: 0, required: true, fields: { id: long } }",
        "a: { one: author, required: yes, fields: { id: long } }",
        "a: { ancestors: author, order: id, depth: 1000, value: name, type: keyword }",
        "a: { many: a.b.c, fields: { id: long } }",
        "a: { many: author, order: name down, fields: { id: long } }",
        "a: { many: author, order: 'name, id', fields: { id: long } }",
        "a: { many: author, through: book_author, order: book.id, fields: { id: long } }",
        "a: { many: author, join: id, fields: { id: long } }",
        "a: { many: author, join: { id: }, fields: { id: long } }",
        "a: { many: author, through: [{ tabel: x }], fields: { id: long } }",
        "a: { many: author, mapping: { properties: {} }, fields: { id: long } }",
    ];
    insta::assert_snapshot!(lines.map(|line| format!("{line}\n{}\n", field(line))).join("\n"));
}

#[test]
fn mistakes_at_the_top() {
    let texts = [
        "",
        "books\n",
        "index: books\n",
        "index: Books\ntable: [book]\nfields: text\n",
        "index: -books\ntable: book\ndue: [publish_at]\nmissing: no\nrouting: tenant\npipeline: [x]\nfields: { id: long }\n",
        "index: books-000001\ntable: book\nkey: [id, id]\nfeilds: {}\nfields: { id: long }\n",
        "index: books\ntable: book\ntables: { author: deleted, publisher: { were: x } }\nsettings: 5\nfields: {id: long}\n",
        "index: books\ntable: book\nwhere:\nfields: { id: long, id: text }\n",
        "index: books\ntable: book\nviews: { a: { tables: { b: { c: d } } }, b: { key: id }, c.d.e: { key: id, tables: {} } }\nfields: { id: long }\n",
        "index: books\ntable: book\nviews: { a: { key: id, tabels: x, tables: { b: c, d: { e: [f] }, g: {}, h: { i: j, k: l.m }, n: [{ o: p.q }] } } }\nfields: { id: long }\n",
    ];
    insta::assert_snapshot!(texts.map(|text| format!("{text}==\n{}\n", told(text))).join("\n"));
}

#[test]
fn index_names_follow_elasticsearch() {
    let name = |name: &str| told(&format!("index: '{name}'\ntable: book\nfields: {{ id: long }}\n"));
    for good in [
        "books",
        "a",
        "1",
        "books-2024",
        "bücher",
        "books_v2.1",
        ".hidden",
        "books-00001",
    ] {
        assert_eq!(name(good), "nothing", "{good}");
    }
    for bad in [
        "..", ".", "Books", "a/b", "a*", "a?", "a\"", "a<", "a>", "a|", "a b", "a,b", "a#b", "a:b", "-a", "_a", "+a",
    ] {
        assert!(name(bad).contains("books.yaml:1:8 index: `"), "{bad}: {}", name(bad));
    }
    let bad = name("Big Fixtures: A");
    assert!(bad.contains("has capital letters and holds ' ', ':', which"), "{bad}");
    assert_eq!(name(&"a".repeat(200)), "nothing");
    assert!(name(&"a".repeat(201)).contains("201 bytes"));
}

/// A slip in one of our keys is refused; none of Elasticsearch's parameters may be taken for one.
#[test]
fn parameters_of_elasticsearch_pass() {
    let parameters = "analyzer boost coerce copy_to depth_limit dims doc_values dynamic eager_global_ordinals \
        element_type enabled fielddata fielddata_frequency_filter fields format ignore_above ignore_malformed \
        ignore_z_value include_in_all include_in_parent include_in_root index index_options index_phrases \
        index_prefixes inference_id lang locale max_input_length max_shingle_size meta metric_type metrics \
        default_metric model_settings norms null_value on_script_error orientation path points_only \
        position_increment_gap positive_score_impact precision preserve_position_increments preserve_separators \
        properties relations scaling_factor script search_analyzer search_inference_id search_quote_analyzer \
        similarity split_queries_on_whitespace store strategy subobjects synthetic_source_keep term_vector \
        time_series_dimension time_series_metric tree contexts rules chunking_settings";
    for parameter in parameters.split_whitespace() {
        assert_eq!(
            field(&format!("a: {{ type: text, {parameter}: {{}} }}")),
            "nothing",
            "{parameter}"
        );
    }
    let slip = field("a: { column: extra, pth: b.c, type: keyword }");
    assert!(
        slip.contains("unknown key `pth`") && slip.contains("did you mean `path`?"),
        "{slip}"
    );
    for ours in ["value", "order", "limit", "colum", "count"] {
        assert_eq!(
            field(&format!("a: {{ type: text, mapping: {{ {ours}: 1 }} }}")),
            "nothing",
            "{ours}"
        );
    }
}

#[test]
fn words_of_old_yaml_are_names() {
    let definition =
        tree("index: books\ntable: book\nfields: { no: long, on: text, y: { type: keyword }, null: text }\n");
    assert_eq!(definition.fields.keys().collect::<Vec<_>>(), ["no", "on", "y", "null"]);
}

#[test]
fn values_below_a_column_follow_the_core_schema() {
    let definition = tree(
        "index: b\ntable: t\nfields: { a: { type: date, format: 0755, index: false, meta: { a: no, b: 1.0 } } }\n",
    );
    let FieldKind::Column { mapping, .. } = &definition.fields["a"].kind else {
        panic!()
    };
    let written = r#"{"type":"date","format":"0755","index":false,"meta":{"a":"no","b":1.0}}"#;
    assert_eq!(serde_json::to_string(mapping).unwrap(), written);
}

#[test]
fn nesting_ends_at_a_clear_mistake() {
    let nested = |levels: usize| {
        let open = "a: { many: t, fields: { ".repeat(levels);
        format!(
            "index: i\ntable: t\nfields: {{ {open} id: long {} }}\n",
            "} } ".repeat(levels)
        )
    };
    assert_eq!(told(&nested(super::MAX_LEVELS)), "nothing");
    assert!(told(&nested(super::MAX_LEVELS + 1)).contains("more than 32 relations in one another"));
    assert!(told(&nested(5_000)).contains("more than 128 levels of nesting"));
}

#[test]
fn names_of_any_content() {
    let text = r#"
index: i
table: '"odd.schema"."Table ""x"""'
fields:
  a: { column: 'First Name', type: text }
  b: { column: '"dot.ted"', type: text }
  c: { many: 'it''s', order: '"x y.z" desc nulls last', value: 'Ω"', type: text }
"#;
    let definition = tree(text);
    assert_eq!(definition.table.schema.as_deref(), Some("odd.schema"));
    assert_eq!(definition.table.name, r#"Table "x""#);
    let FieldKind::Column { column, .. } = &definition.fields["b"].kind else {
        panic!()
    };
    assert_eq!(column.column, "dot.ted");
    let FieldKind::Relation(relation) = &definition.fields["c"].kind else {
        panic!()
    };
    assert_eq!(
        (relation.kind, relation.table.name.as_str()),
        (RelationKind::Many, "it's")
    );
    let order = &relation.order[0];
    assert_eq!(
        (order.column.column.as_str(), order.descending, order.nulls_first),
        ("x y.z", true, Some(false))
    );
    let Content::Value(value) = &relation.content else {
        panic!()
    };
    let FieldKind::Column { column, .. } = &value.kind else {
        panic!()
    };
    assert_eq!(column.column, "Ω\"");
}

proptest! {
    #[test]
    fn no_definition_panics(
        lines in prop::collection::vec("( {0,6})(index|table|fields|a|many|one|through|order|value|where|join|key|settings|tables)(: |:)([a-z.\"]{0,6}|\\[[a-z, ]{0,5}\\]|\\{[a-z]{0,4}: [a-z0-9.]{0,4}\\}|null)", 0..12),
    ) {
        let _ = Definition::parse("a.yaml", &lines.join("\n"));
    }

    /// A sound definition of which parts are missing, doubled or something else.
    #[test]
    fn no_damaged_definition_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, "[a-z:{}\\[\\]\"'.,# \n-]{0,4}"), 1..6),
    ) {
        let mut text: Vec<char> = include_str!("samples/books.yaml").chars().collect();
        for (at, length, other) in damage {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, other.chars());
        }
        let _ = Definition::parse("a.yaml", &text.into_iter().collect::<String>());
    }
}

#[test]
fn types_of_multi_fields_may_be_written_short() {
    let text =
        "index: i\ntable: t\nfields:\n  title: { type: text, fields: { raw: keyword, words: { type: text } } }\n";
    let definition = Definition::parse("i.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let written = serde_json::json!({ "raw": { "type": "keyword" }, "words": { "type": "text" } });
    assert_eq!(definition.fields["title"].mapping()["fields"], written);
}

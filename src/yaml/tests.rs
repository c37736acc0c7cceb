//! What is read, what is refused, and that no text makes the reader panic.

use proptest::prelude::*;
use serde_json::json;

use super::{Node, NodeKind, Reader, nearest};
use crate::mistake::Mistakes;

fn mistakes(text: &str) -> String {
    Node::parse("file.yaml", text).map_or_else(|mistakes| mistakes.to_string(), |node| format!("{node:?}"))
}

fn value(text: &str) -> serde_json::Value {
    let mut mistakes = Mistakes::default();
    let value = Node::parse("file.yaml", text).unwrap().to_value(&mut mistakes);
    assert_eq!(mistakes, Mistakes::default());
    value
}

#[test]
fn places_have_line_column_and_path() {
    let node = Node::parse("a.yaml", "fields:\n  tags:\n    - {name: ü, type: x}\n").unwrap();
    let NodeKind::Mapping(root) = &node.kind else { panic!() };
    let NodeKind::Mapping(fields) = &root[0].1.kind else {
        panic!()
    };
    assert_eq!(fields[0].0.place.to_string(), "a.yaml:2:3 fields.tags");
    let NodeKind::Sequence(items) = &fields[0].1.kind else {
        panic!()
    };
    let NodeKind::Mapping(entries) = &items[0].kind else {
        panic!()
    };
    assert_eq!(entries[1].0.place.to_string(), "a.yaml:3:17 fields.tags[0].type");
    assert_eq!(entries[1].1.place.to_string(), "a.yaml:3:23 fields.tags[0].type");
}

#[test]
fn empty_files_are_empty_mappings() {
    for text in ["", "\n", "# only a comment\n", "---\n", "~\n"] {
        assert_eq!(
            Node::parse("a.yaml", text).unwrap().kind,
            NodeKind::Mapping(Vec::new()),
            "{text:?}"
        );
    }
}

#[test]
fn what_is_refused() {
    let texts = [
        "a: 1\nb: {c: 1, c: 2}\na: 3\nd: &x 1\ne: !!str 2\n",
        "a: &x 1\nb: *x\n",
        "a: 1\n---\nb: 1\n",
        "{a: 1}: 2\n",
        "a: b: c\n",
        "a:\n\t- b\n",
        "a: [1, 2\n",
        "a: 'b\n",
    ];
    let told = texts.map(|text| format!("{text}==\n{}\n", mistakes(text))).join("\n");
    insta::assert_snapshot!(told);
    assert!(mistakes(&"[".repeat(200)).contains("more than 128 levels"));
    assert!(mistakes(&"- ".repeat(100_000)).contains("more than 128 levels"));
}

#[test]
fn values_follow_the_core_schema() {
    let text = "[true, False, yes, no, on, off, ~, null, 0, 7, -7, +7, 0755, 0o17, 0xFF, 1.50, .5, 1e3, '7', 1_000, 12:30, .inf]";
    assert_eq!(
        value(text),
        json!([
            true, false, "yes", "no", "on", "off", null, null, 0, 7, -7, 7, "0755", 15, 255, 1.5, 0.5, 1000.0, "7",
            "1_000", "12:30", ".inf"
        ])
    );
    assert_eq!(
        value("a: 18446744073709551615\nb: -9223372036854775808").to_string(),
        r#"{"a":18446744073709551615,"b":-9223372036854775808}"#
    );
    assert_eq!(value("text: |\n  true\n"), json!({"text": "true\n"}));
}

#[test]
fn numbers_that_would_change_are_refused() {
    for text in [
        "18446744073709551616",
        "0.1234567890123456789",
        "1e999",
        "0xFFFFFFFFFFFFFFFFF",
    ] {
        let mut mistakes = Mistakes::default();
        Node::parse("a.yaml", &format!("a: {text}"))
            .unwrap()
            .to_value(&mut mistakes);
        assert_eq!(mistakes.0.len(), 1, "{text}");
    }
}

#[test]
fn the_reader_reports_what_it_does_not_know() {
    let node = Node::parse(
        "a.yaml",
        "limt: 5\nflag: yes\nzebra: 1\nsize: 1.5\nname:\nlist: {a: 1}\n",
    )
    .unwrap();
    let mut mistakes = Mistakes::default();
    let mut reader = Reader::new(&node, &mut mistakes).unwrap();
    assert_eq!(reader.number::<u32>("limit", "from 1", &mut mistakes), None);
    assert_eq!(reader.boolean("flag", &mut mistakes), None);
    assert_eq!(reader.number::<u32>("size", "from 0 to 10", &mut mistakes), None);
    assert_eq!(reader.string("name", &mut mistakes), None);
    assert_eq!(reader.strings("list", &mut mistakes), None);
    reader.finish(&mut mistakes);
    insta::assert_snapshot!(mistakes.in_file_order());
}

#[test]
fn near_words() {
    let known = ["where", "order", "through", "many", "sql", "one"];
    for (slip, word) in [
        ("were", "where"),
        ("ordr", "order"),
        ("trough", "through"),
        ("mnay", "many"),
        ("slq", "sql"),
    ] {
        assert_eq!(nearest(slip, &known), Some(word));
    }
    for other in ["meta", "type", "store", "path", "dims"] {
        assert_eq!(nearest(other, &known), None);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-\\[\\]{}:,#&*!|>'\"%@`?~ \t\n\ra-c0-9.eEüx]{0,80}") {
        let mut mistakes = Mistakes::default();
        if let Some(node) = Node::read("a.yaml", &text, &mut mistakes) {
            node.to_value(&mut mistakes);
        }
    }

    #[test]
    fn no_unicode_panics(text in any::<String>()) {
        let _ = Node::parse("a.yaml", &text);
    }

    #[test]
    fn floats_are_exact(number in any::<f64>()) {
        prop_assume!(number.is_finite());
        let written = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(value(&format!("a: {written}"))["a"].as_f64().unwrap().to_bits(), number.to_bits());
    }
}

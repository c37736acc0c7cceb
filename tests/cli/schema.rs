//! `schema`: what it prints takes every file of this repository, and knows the keys that the parser knows, no more and no
//! fewer.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use highwater::definition::Definition;
use serde_json::Value;

use crate::docs::snippet::snippets;
use crate::plan::golden::DEFINITIONS;
use crate::support::schema::faults;

fn printed(of: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_highwater"))
        .args(["--config", "nowhere.yaml", "schema", of])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn every_configuration_fits() {
    let schema = printed("config");
    for file in ["config/highwater.yaml", "demo/config/highwater.yaml"] {
        assert_eq!(faults(&schema, &yaml(&read(file))), [""; 0], "{file}");
    }
    // With all that is commented out taken in.
    let sample = read("config/highwater.yaml");
    let mut all = String::new();
    for line in sample.lines() {
        let bare = line.trim_start().trim_start_matches('#');
        let key = bare.trim_start().split(':').next().unwrap_or_default();
        let is_key = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte));
        if line.trim_start().starts_with('#') && is_key && bare.contains(':') {
            let within = if line.starts_with(' ') { "  " } else { "" };
            all.push_str(&format!("{within}{}\n", bare.strip_prefix(' ').unwrap_or(bare)));
        } else if !line.trim_start().starts_with('#') {
            all.push_str(&format!("{line}\n"));
        }
    }
    assert_eq!(faults(&schema, &yaml(&all)), [""; 0], "{all}");
}

#[test]
fn slips_in_a_configuration_are_found() {
    let schema = printed("config");
    for wrong in [
        "postgrs: {}",
        "postgres: { urls: x }",
        "touch_log: { claims: 65 }",
        "touch_log: { claims: many }",
        "log: { level: loud }",
        "pipeline: { body_bytes: [1] }",
        "elasticsearch: { url: { a: b } }",
    ] {
        assert_ne!(faults(&schema, &yaml(wrong)), [""; 0], "{wrong}");
    }
}

#[test]
fn every_definition_fits() {
    let schema = printed("definition");
    let mut texts: Vec<String> = DEFINITIONS.map(str::to_owned).into();
    for file in [
        "config/indexes/books.yaml",
        "demo/config/indexes/sections.yaml",
        "src/definition/parse/samples/books.yaml",
    ] {
        texts.push(read(file));
    }
    let page = read("docs/DEFINITION.md");
    texts.extend(snippets(&page).iter().map(|snippet| snippet.definition("i")));
    for text in texts {
        Definition::parse("a.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(faults(&schema, &yaml(&text)), [""; 0], "{text}");
    }
}

/// A field in a definition, of which the parser is asked for the keys it knows.
fn known(field: &str, extra: &str) -> BTreeSet<String> {
    let text = format!("index: i\ntable: t\nfields:\n  f: {{ {field}, {extra} }}\n");
    listed(&text)
}

/// The keys that the parser lists beside one that it does not know.
fn listed(text: &str) -> BTreeSet<String> {
    let mistakes = Definition::parse("a.yaml", text).expect_err("an unknown key");
    let found = mistakes
        .0
        .iter()
        .find_map(|mistake| mistake.remedy.strip_prefix("the keys here are "));
    let found = found.unwrap_or_else(|| panic!("no keys are listed: {mistakes}"));
    found.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

fn keys(schema: &Value) -> BTreeSet<String> {
    let properties = schema["properties"].as_object().expect("properties");
    let allowed = properties.iter().filter(|(_, schema)| **schema != Value::Bool(false));
    allowed.map(|(key, _)| key.clone()).collect()
}

const NONE: &str = "zzzzzzzz: 1";

#[test]
fn the_parser_knows_the_same_keys() {
    let schema = printed("definition");
    assert_eq!(
        listed(&format!("index: i\ntable: t\nfields: {{ a: text }}\n{NONE}\n")),
        keys(&schema)
    );
    let definitions = &schema["definitions"];
    let hop = listed(&format!(
        "index: i\ntable: t\nfields:\n  f: {{ many: a, through: {{ table: b, {NONE} }}, value: c, type: text }}\n"
    ));
    assert_eq!(hop, keys(&definitions["hop"]));
    for form in ["one", "many", "ancestors"] {
        let mut known = known(&format!("{form}: a, fields: {{ b: text }}"), NONE);
        known.remove("value");
        if form == "ancestors" {
            known.remove("cast"); // known, and refused with a remedy
        }
        assert_eq!(known, keys(&definitions[format!("{form}-objects")]), "{form}");
        // Beside a bare value any parameter of Elasticsearch's may stand, so the parser has no list: each key is tried.
        for key in keys(&definitions[format!("{form}-values")]) {
            let value = match key.as_str() {
                "limit" | "depth" => "1",
                "required" | "distinct" => "true",
                "cast" => "text, join: { a: b }",
                "missing" => "drop",
                "join" => "{ a: b }",
                "fields" => "{ raw: { type: keyword } }",
                "mapping" => "{ boost: 1 }",
                _ => "a",
            };
            let written =
                [("value", "c"), ("type", "text"), (form, "a")].map(|(other, value)| (other, value.to_owned()));
            let mut pairs: Vec<(&str, String)> = written.into_iter().filter(|(other, _)| *other != key).collect();
            pairs.push((
                &key,
                if key == "type" {
                    "text".to_owned()
                } else {
                    value.to_owned()
                },
            ));
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            let text = format!("index: i\ntable: t\nfields:\n  f: {{ {} }}\n", pairs.join(", "));
            assert!(Definition::parse("a.yaml", &text).is_ok(), "{text}");
        }
    }
}

#[test]
fn slips_in_a_definition_are_found() {
    let schema = printed("definition");
    for wrong in [
        "f: { many: a, wehre: x, fields: { b: text } }",
        "f: { many: a, depth: 3, fields: { b: text } }",
        "f: { many: a }",
        "f: { many: a, depth: 1, value: b, type: text }",
        "f: { type: text, where: x }",
        "f: { column: a }",
        "f: { one: a, type: long, fields: { b: text } }",
        "f: [text]",
        "f: { ancestors: a, order: b, value: c, type: text }",
    ] {
        let text = format!("index: i\ntable: t\nfields:\n  {wrong}\n");
        assert!(Definition::parse("a.yaml", &text).is_err(), "{text}");
        assert_ne!(faults(&schema, &yaml(&text)), [""; 0], "{text}");
    }
}

//! The JSON Schema of the configuration, made by reading an empty one and noting what is asked for. What a key means is
//! said in the sample's own comments.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::asked::{Asked, Key, Kind};
use super::section::Around;
use crate::mistake::Mistakes;
use crate::yaml::Node;

const SAMPLE: &str = include_str!("../../config/highwater.yaml");

/// The schema, in the form that editors read.
#[must_use]
pub fn schema() -> Value {
    let mut properties = Map::new();
    for key in asked() {
        let described = describe(&key);
        if key.section.is_empty() {
            properties.insert(key.name.to_owned(), described);
            continue;
        }
        let section = properties.entry(key.section).or_insert_with(|| section(key.section));
        section["properties"][key.name] = described;
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The configuration of highwater",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "definitions": {
            "scalar": { "type": ["string", "number", "boolean", "null"] },
            "reference": {
                "description": "Taken from the environment: ${NAME}, or ${NAME:-default}",
                "type": "string",
                "pattern": "\\$\\{"
            }
        }
    })
}

/// Reads an empty configuration, far from any file.
fn asked() -> Vec<Key> {
    let asked = Asked::default();
    let around = Around {
        env: &|_| None,
        file: "".into(),
        directory: Path::new("/dev/null").to_owned(),
        asked: Some(&asked),
    };
    let mut mistakes = Mistakes::default();
    if let Some(root) = Node::read("", "", &mut mistakes) {
        let noted = (&mut mistakes, &mut Vec::new());
        super::read(Path::new(""), &root, &around, super::indexes::load, noted);
    }
    asked.keys()
}

fn section(name: &str) -> Value {
    let mut section = json!({ "type": ["object", "null"], "additionalProperties": false, "properties": {} });
    if let Some(meaning) = meaning("", name) {
        section["description"] = meaning.into();
    }
    section
}

fn describe(key: &Key) -> Value {
    let scalar = json!({ "$ref": "#/definitions/scalar" });
    let or_reference = |value: Value| json!({ "anyOf": [value, { "$ref": "#/definitions/reference" }] });
    let number = |text: &String| text.parse::<u64>().unwrap_or_default();
    let mut described = match &key.kind {
        Kind::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
        Kind::List => json!({ "anyOf": [scalar, { "type": "array", "items": scalar }] }),
        Kind::Map => json!({ "type": ["object", "null"], "additionalProperties": scalar }),
        Kind::Boolean => or_reference(json!({ "type": ["boolean", "null"] })),
        Kind::Count(least, most) => or_reference(json!({
            "type": ["integer", "null"], "minimum": number(least), "maximum": number(most)
        })),
        Kind::Duration | Kind::Bytes => json!({ "type": ["string", "null"] }),
        Kind::Choice(words) => or_reference(json!({ "enum": words })),
    };
    if let Some(meaning) = meaning(key.section, key.name) {
        described["description"] = meaning.into();
    }
    if let Some(default) = &key.default {
        described["default"] = match key.kind {
            Kind::Count(..) | Kind::Boolean => serde_json::from_str(default).unwrap_or_default(),
            _ => default.as_str().into(),
        };
    }
    described
}

/// What the sample says behind a key, or in the lines before it.
fn meaning(section: &str, name: &str) -> Option<String> {
    let (mut within, mut before) = ("", String::new());
    for line in SAMPLE.lines() {
        let Some((nested, written, behind)) = key_of(line) else {
            match line.trim_start().strip_prefix("# ") {
                Some(prose) if before.is_empty() => before.push_str(prose),
                Some(prose) => before = format!("{before} {prose}"),
                None => before.clear(),
            }
            continue;
        };
        if !nested {
            within = written;
        }
        let found = if nested { (within, written) } else { ("", written) };
        if found == (section, name) {
            let said = behind
                .map(str::to_owned)
                .or(Some(before).filter(|text| !text.is_empty()));
            return said;
        }
        before.clear();
    }
    None
}

/// Whether a line of the sample has a key within a section, its name, and the comment behind it; commented keys count.
fn key_of(line: &str) -> Option<(bool, &str, Option<&str>)> {
    let bare = line.trim_start_matches([' ', '#']);
    let depth = line.len() - bare.len();
    let (name, rest) = bare.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !is_name || !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    let nested = if line.starts_with('#') { depth > 2 } else { depth > 0 };
    let behind = rest.split_once("  # ").map(|(_, comment)| comment.trim());
    Some((nested, name, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_kinds_defaults_and_meanings() {
        let schema = schema();
        let key = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
        let claims = key("/properties/touch_log/properties/claims");
        assert_eq!(
            (&claims["default"], &claims["description"]),
            (&json!(4), &json!("open at a time"))
        );
        assert_eq!(claims["anyOf"][0]["maximum"], 64);
        let level = key("/properties/log/properties/level");
        assert_eq!(
            level["anyOf"][0]["enum"],
            json!(["error", "warn", "info", "debug", "trace"])
        );
        assert_eq!(level["default"], "info");
        assert_eq!(key("/properties/pipeline/properties/retry_min/default"), "100ms");
        assert_eq!(key("/properties/feeds/description"), "Where changes come from.");
        assert_eq!(key("/properties/postgres/properties/url_file/type/0"), "string");
    }

    /// The sample shows every key, and so says what it means.
    #[test]
    fn the_sample_shows_every_key() {
        let unsaid: Vec<String> = asked()
            .iter()
            .filter(|key| !SAMPLE.contains(key.name))
            .map(|key| format!("{}.{}", key.section, key.name))
            .collect();
        assert_eq!(unsaid, [""; 0]);
    }
}

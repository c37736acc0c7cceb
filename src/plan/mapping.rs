//! The explicit mapping: what a definition says, and the field that verify reads.

use serde_json::{Map, Value, json};

use crate::definition::{Definition, Field, Fields};

/// The field beside the user's own: key, content hash, version, encoder and revision of the build.
pub const MARK: &str = "_highwater";

/// The mapping of an index, strict at every level.
pub fn of(definition: &Definition, hash: &str) -> Value {
    let mut properties = properties(&definition.fields);
    properties.insert(
        MARK.to_owned(),
        json!({ "properties": {
            "key": { "type": "keyword", "index": false },
            "hash": { "type": "keyword", "index": false },
            "version": { "type": "long", "index": false },
            "encoder": { "type": "integer", "index": false },
            "revision": { "type": "long", "index": false },
        }}),
    );
    json!({ "dynamic": "strict", "_meta": { "highwater": { "definition": hash } }, "properties": properties })
}

fn properties(fields: &Fields) -> Map<String, Value> {
    fields
        .iter()
        .map(|(name, field)| (name.clone(), of_field(field)))
        .collect()
}

fn of_field(field: &Field) -> Value {
    let mut mapping = field.mapping().clone();
    if let Some(fields) = field.fields() {
        mapping.insert("properties".to_owned(), Value::Object(properties(fields)));
    }
    Value::Object(mapping)
}

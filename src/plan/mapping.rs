//! The explicit mapping: what a definition says, and the field that verify reads.

use serde_json::{Map, Value, json};

use crate::definition::{Content, Definition, FieldKind, Fields};

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
        .map(|(name, field)| (name.clone(), field_mapping(&field.kind)))
        .collect()
}

fn field_mapping(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Column { mapping, .. } | FieldKind::Sql { mapping, .. } => Value::Object(mapping.clone()),
        FieldKind::Relation(relation) => match &relation.content {
            Content::Value(field) => field_mapping(&field.kind),
            Content::Fields(fields) => {
                let mut mapping = relation.mapping.clone();
                mapping.insert("properties".to_owned(), Value::Object(properties(fields)));
                Value::Object(mapping)
            }
        },
    }
}

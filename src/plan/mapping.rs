//! The explicit mapping: what a definition says, and the field that verify reads.
//!
//! It is strict at every level, but for objects keyed by a column: which keys there will be is for the rows to say.
//! Such an object is dynamic, and a template gives each key the mapping that the definition says.

use serde_json::{Map, Value, json};

use crate::definition::{Definition, Field, FieldKind, Fields};
use crate::mistake::Mistakes;

/// The field beside the user's own: key, content hash, version, encoder and revision of the build.
pub const MARK: &str = "_highwater";

/// The mapping of a definition's index, with these fields of it; `hash` tells what it was made from.
#[must_use]
pub fn of(definition: &Definition, fields: &Fields, hash: &str) -> Value {
    let mut templates = Vec::new();
    let mut properties = properties(fields, "", &mut templates);
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
    let mut mapping =
        json!({ "dynamic": "strict", "_meta": { "highwater": { "definition": hash } }, "properties": properties });
    if definition.routing.is_some() {
        // A write without one would make a copy that nobody finds again.
        mapping["_routing"] = json!({ "required": true });
    }
    if !templates.is_empty() {
        mapping["dynamic_templates"] = Value::Array(templates);
    }
    mapping
}

/// Elasticsearch's own limit, where the settings name none.
const TOTAL_FIELDS: u64 = 1000;

/// Whether the index would have more fields than it may: objects and multi-fields count, and so does the mark.
#[must_use]
pub fn oversized(definition: &Definition) -> Mistakes {
    let mut mistakes = Mistakes::default();
    let most = limit(&definition.settings);
    let fields = count(&of(definition, &definition.fields, ""));
    if let Some(most) = most.filter(|most| fields > *most) {
        mistakes.add(
            &definition.place,
            format!("the index would have {fields} fields, and may have {most} (objects, multi-fields and the {MARK} record count)"),
            "leave out fields that nobody searches, keep attributes in one `flattened` field, or raise \
             `settings: { index.mapping.total_fields.limit: … }`",
        );
    }
    mistakes
}

/// `index.mapping.total_fields.limit`; nothing where it is no number.
fn limit(settings: &Map<String, Value>) -> Option<u64> {
    match setting(settings, "mapping.total_fields.limit") {
        None => Some(TOTAL_FIELDS),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    }
}

/// A setting in any of its spellings: with or without `index`, in one key or in several.
pub fn setting(settings: &Map<String, Value>, path: &str) -> Option<Value> {
    fn find(settings: &Map<String, Value>, path: &str) -> Option<Value> {
        settings
            .iter()
            .find_map(|(key, value)| match path.strip_prefix(key.as_str())? {
                "" => Some(value.clone()),
                rest => find(value.as_object()?, rest.strip_prefix('.')?),
            })
    }
    find(settings, path).or_else(|| find(settings, &format!("index.{path}")))
}

/// Every field beneath a mapping, at any depth.
fn count(mapping: &Value) -> u64 {
    let beneath = ["properties", "fields"]
        .into_iter()
        .filter_map(|key| mapping.get(key)?.as_object());
    beneath.flat_map(Map::values).map(|field| 1 + count(field)).sum()
}

fn properties(fields: &Fields, above: &str, templates: &mut Vec<Value>) -> Map<String, Value> {
    let of = |(name, field): (&String, &Field)| (name.clone(), of_field(field, &format!("{above}{name}"), templates));
    fields.iter().map(of).collect()
}

fn of_field(field: &Field, path: &str, templates: &mut Vec<Value>) -> Value {
    if is_keyed(field) {
        return keyed(field, path, templates);
    }
    let mut mapping = field.mapping().clone();
    if let Some(fields) = field.fields() {
        let properties = properties(fields, &format!("{path}."), templates);
        mapping.insert("properties".to_owned(), Value::Object(properties));
    }
    Value::Object(mapping)
}

fn is_keyed(field: &Field) -> bool {
    matches!(&field.kind, FieldKind::Relation(relation) if relation.by.is_some())
}

/// `flattened` holds any keys; otherwise what is said of the field holds for each of them.
fn keyed(field: &Field, path: &str, templates: &mut Vec<Value>) -> Value {
    let mapping = field.mapping().clone();
    if mapping.get("type").is_some_and(|kind| kind == "flattened") {
        return Value::Object(mapping);
    }
    let below = format!("{path}.*");
    let (mut object, each) = match field.fields() {
        None => (Map::new(), mapping),
        Some(fields) => {
            let properties = properties(fields, &format!("{below}."), templates);
            let each = json!({ "type": "object", "dynamic": "strict", "properties": properties });
            (mapping, each.as_object().cloned().unwrap_or_default())
        }
    };
    // Behind those of keyed objects further down, whose paths fit this one as well.
    templates.push(json!({ path: { "path_match": below, "mapping": each } }));
    object.insert("type".to_owned(), "object".into());
    object.insert("dynamic".to_owned(), true.into());
    Value::Object(object)
}

//! What a relation embeds: objects of fields, or bare values. Only a bare value takes parameters of Elasticsearch's beside
//! the relation's keys.

use super::parameter::parameters;
use super::{Scope, field, fields, object};
use crate::definition::{Content, Field, FieldKind, Mapping, Missing};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Node, NodeKind, Reader, expected, nearest};

/// What is embedded, and the parameters of the object around it.
pub(super) fn content(
    key: &Key,
    mut reader: Reader<'_>,
    scope: &Scope<'_>,
    keyed: bool,
    mistakes: &mut Mistakes,
) -> Option<(Content, Mapping)> {
    match (reader.take("value"), reader.has("fields")) {
        (Some(node), _) => {
            value(key, node, reader, scope, mistakes).map(|value| (Content::Value(value), Mapping::new()))
        }
        (None, true) => {
            let fields = reader.take("fields").and_then(|node| fields(node, scope, mistakes));
            let mapping = object_parameters(reader, keyed, mistakes);
            Some((Content::Fields(fields?), mapping))
        }
        (None, false) => {
            for known in ["fields", "type", "mapping"] {
                reader.take(known);
            }
            // A slip in `fields` or `value` explains their absence.
            if !reader
                .keys()
                .any(|written| nearest(&written.text, &["fields", "value"]).is_some())
            {
                mistakes.add(
                    &key.place,
                    "a relation that embeds nothing",
                    "add `fields:` for objects, or `value: COLUMN` with a `type:` for bare values",
                );
            }
            reader.finish(mistakes);
            None
        }
    }
}

/// The bare value: `value: name, type: keyword`, or `value: { sql: …, type: … }`.
fn value(key: &Key, node: &Node, beside: Reader<'_>, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Field> {
    if matches!(node.kind, NodeKind::Mapping(_)) {
        let own = Reader::new(node, mistakes)?;
        let named = own.has("column") || own.has("sql");
        beside.finish(mistakes);
        if !named {
            mistakes.add(&node.place, "a `value` without `column` or `sql`", "add one of the two");
            return None;
        }
        let key = Key {
            text: key.text.clone(),
            place: node.place.clone(),
        };
        let kind = field::value(&key, own, scope, mistakes)?;
        return Some(Field {
            place: node.place.clone(),
            missing: Missing::Keep,
            kind,
        });
    }
    let column = field::column(node, scope, mistakes);
    let mapping = parameters(&key.place, beside, mistakes);
    Some(Field {
        place: node.place.clone(),
        missing: Missing::Keep,
        kind: FieldKind::Column {
            column: column?,
            path: Vec::new(),
            mapping: mapping?,
        },
    })
}

/// `type: nested` or `object`, and `mapping:` for the rest; an object keyed by a column may be `flattened` instead.
pub(super) fn object_parameters(mut reader: Reader<'_>, keyed: bool, mistakes: &mut Mistakes) -> Mapping {
    let (kind, other) = if keyed {
        ("`object` or `flattened`", "flattened")
    } else {
        ("`nested` or `object`", "nested")
    };
    let mapping_node = reader.take("mapping");
    let mut mapping = mapping_node.and_then(|node| object(node, mistakes)).unwrap_or_default();
    if let Some(node) = reader.take("type") {
        match node.text() {
            Some(text) if text == "object" || text == other => {
                if mapping.insert("type".to_owned(), text.into()).is_some() {
                    mistakes.add(&node.place, "`type` is also under `mapping:`", "keep one of the two");
                }
            }
            _ => expected(
                node,
                kind,
                "a relation with `fields:` is an object; for bare values write `value: COLUMN`",
                mistakes,
            ),
        }
    }
    if let Some(node) = mapping_node.filter(|_| mapping.contains_key("properties")) {
        mistakes.add(
            &node.place,
            "`properties` beside `fields:`",
            "leave it out: it follows from `fields:`",
        );
    }
    reader.finish(mistakes);
    mapping
}

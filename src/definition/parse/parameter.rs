//! What of a field goes to the mapping: its type and every key that is not ours.
//!
//! On a column every key that is not ours is Elasticsearch's and passes through, whatever its type. That leaves one
//! trap: a slip in one of our keys would pass through too, and Elasticsearch would name it without a place. So what
//! comes near one of our keys is refused, and `mapping: {…}` passes everything on unseen.

use serde_json::Value;

use super::{ROUTING, key, kind, misplaced, object};
use crate::definition::Mapping;
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Node, Reader, excerpt, expected};

/// `title: text`.
pub(super) fn shorthand(field: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Mapping> {
    if node.is_null() {
        kind::missing(field, &node.place, mistakes);
        return None;
    }
    let Some(text) = node.text() else {
        expected(
            node,
            "a type or a mapping",
            "write `name: text`, or `name: { type: text, … }`",
            mistakes,
        );
        return None;
    };
    let mapping = Mapping::from_iter([("type".to_owned(), Value::String(text.to_owned()))]);
    kind::check(field, &mapping, &node.place, mistakes).then_some(mapping)
}

/// What is left, as parameters that Elasticsearch gets: `mapping:` unseen, all else held against our own keys.
pub(super) fn parameters(place: &Place, mut reader: Reader<'_>, mistakes: &mut Mistakes) -> Option<Mapping> {
    let mut mapping = reader
        .take("mapping")
        .and_then(|node| object(node, mistakes))
        .unwrap_or_default();
    let passed_unseen = mapping.contains_key("type");
    let mut type_place = place.clone();
    let mut meant_type = false;
    for (written, node) in reader.rest() {
        let text = written.text.as_str();
        if text == "missing" {
            misplaced(written, "stands with the value", "write it with the field", mistakes);
        } else if text == "due" {
            let remedy = "write it at the top, or beside `one:` or `many:`, wherever the moments' rows are named";
            misplaced(written, "belongs to the document or to a relation", remedy, mistakes);
        } else if text == "routing" {
            misplaced(written, "belongs to the document as a whole", ROUTING, mistakes);
        } else if key::OF_RELATIONS.contains(&text) {
            let remedy = "begin the field with `one:` or `many:`, or with `constant:` for a value that never changes; a \
                          parameter of Elasticsearch's with this name goes under `mapping:`";
            misplaced(written, "belongs to a relation, and this is a column", remedy, mistakes);
        } else if let Some(near) = key::slip_of(text) {
            meant_type |= near == "type";
            let remedy = format!("did you mean `{near}`? A parameter of Elasticsearch's goes under `mapping:`");
            mistakes.add(&written.place, format!("unknown key `{}`", excerpt(text)), remedy);
        } else if mapping.contains_key(text) {
            misplaced(written, "is also under `mapping:`", "keep one of the two", mistakes);
        } else {
            if text == "type" {
                type_place = node.place.clone();
            }
            let mut value = node.to_value(mistakes);
            if matches!(text, "fields" | "properties") {
                write_types_out(&mut value);
                kind::check_beneath(&value, &node.place, mistakes);
            }
            mapping.insert(text.to_owned(), value);
        }
    }
    let name = place.path.rsplit('.').next().unwrap_or_default();
    let sound = meant_type
        || if passed_unseen {
            kind::check_unseen(&mapping, &type_place, mistakes)
        } else {
            kind::check(name, &mapping, &type_place, mistakes)
        };
    sound.then_some(mapping)
}

/// `fields: { raw: keyword }`, as fields of ours are written: Elasticsearch wants `{ type: keyword }`.
fn write_types_out(fields: &mut Value) {
    for field in fields.as_object_mut().into_iter().flat_map(Mapping::values_mut) {
        if let Value::String(kind) = field {
            let kind = std::mem::take(kind);
            *field = serde_json::json!({ "type": kind });
        }
    }
}

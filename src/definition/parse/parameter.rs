//! What of a field goes to the mapping: its type and every key that is not ours.
//!
//! On a column every key that is not ours is Elasticsearch's and passes through, whatever its type. That leaves one
//! trap: a slip in one of our keys would pass through too, and Elasticsearch would name it without a place. So what
//! comes near one of our keys is refused, and `mapping: {…}` passes everything on unseen.

use serde_json::Value;

use super::{ROUTING, misplaced, object};
use crate::definition::Mapping;
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Node, Reader, excerpt, expected, nearest};

/// Keys that only a relation has.
const OF_RELATIONS: [&str; 10] = [
    "through", "join", "where", "order", "limit", "required", "depth", "value", "by", "distinct",
];

/// What a slip on a column may have meant.
const OURS: [&str; 28] = [
    "type",
    "fields",
    "mapping",
    "column",
    "sql",
    "one",
    "many",
    "ancestors",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "group",
    "through",
    "join",
    "where",
    "order",
    "limit",
    "required",
    "depth",
    "value",
    "distinct",
    "constant",
    "missing",
    "switch",
    "cases",
    "cast",
];

const TYPES: &str = "`text` (words to search), `keyword` (whole values), `long`, `double`, `boolean`, `date`, `object`";

/// Words for types that are not Elasticsearch's, and what people mean by them.
const FOREIGN_TYPES: [(&str, &str); 18] = [
    ("string", "`text` for words to search, `keyword` for whole values"),
    ("varchar", "`text` for words to search, `keyword` for whole values"),
    ("char", "`keyword`"),
    ("uuid", "`keyword`"),
    ("enum", "`keyword`"),
    ("int", "`integer`"),
    ("int4", "`integer`"),
    ("int8", "`long`"),
    ("bigint", "`long`"),
    ("smallint", "`short`"),
    ("bool", "`boolean`"),
    ("number", "`long` or `double`"),
    ("numeric", "`scaled_float` with a `scaling_factor`, or `double`"),
    ("decimal", "`scaled_float` with a `scaling_factor`, or `double`"),
    ("timestamp", "`date`"),
    ("timestamptz", "`date`"),
    ("datetime", "`date`"),
    ("jsonb", "`flattened`, or `object` with `properties`"),
];

/// `title: text`.
pub(super) fn shorthand(field: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Mapping> {
    if node.is_null() {
        no_type(field, &node.place, mistakes);
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
    typed(field, &mapping, &node.place, mistakes).then_some(mapping)
}

/// What is left, as parameters that Elasticsearch gets: `mapping:` unseen, all else held against our own keys.
pub(super) fn parameters(place: &Place, mut reader: Reader<'_>, mistakes: &mut Mistakes) -> Option<Mapping> {
    let mut mapping = reader
        .take("mapping")
        .and_then(|node| object(node, mistakes))
        .unwrap_or_default();
    let mut type_place = place.clone();
    let mut meant_type = false;
    for (key, node) in reader.rest() {
        let text = key.text.as_str();
        if text == "missing" {
            misplaced(key, "stands with the value", "write it with the field", mistakes);
        } else if text == "due" {
            let remedy = "write it at the top, or beside `one:` or `many:`, wherever the moments' rows are named";
            misplaced(key, "belongs to the document or to a relation", remedy, mistakes);
        } else if text == "routing" {
            misplaced(key, "belongs to the document as a whole", ROUTING, mistakes);
        } else if OF_RELATIONS.contains(&text) {
            let remedy = "begin the field with `one:` or `many:`, or with `constant:` for a value that never changes; a \
                          parameter of Elasticsearch's with this name goes under `mapping:`";
            misplaced(key, "belongs to a relation, and this is a column", remedy, mistakes);
        } else if let Some(near) = nearest(text, &OURS).filter(|near| *near != text) {
            meant_type |= near == "type";
            let remedy = format!("did you mean `{near}`? A parameter of Elasticsearch's goes under `mapping:`");
            mistakes.add(&key.place, format!("unknown key `{}`", excerpt(text)), remedy);
        } else if mapping.contains_key(text) {
            misplaced(key, "is also under `mapping:`", "keep one of the two", mistakes);
        } else {
            if text == "type" {
                type_place = node.place.clone();
            }
            let mut value = node.to_value(mistakes);
            if matches!(text, "fields" | "properties") {
                write_types_out(&mut value);
            }
            mapping.insert(text.to_owned(), value);
        }
    }
    let name = place.path.rsplit('.').next().unwrap_or_default();
    let sound = meant_type || typed(name, &mapping, &type_place, mistakes);
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

/// Whether there is a type, and a possible one.
fn typed(field: &str, mapping: &Mapping, place: &Place, mistakes: &mut Mistakes) -> bool {
    match mapping.get("type") {
        None | Some(Value::Null) => {
            no_type(field, place, mistakes);
            false
        }
        Some(Value::String(name))
            if name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"0123456789_-".contains(&byte)) =>
        {
            let foreign = FOREIGN_TYPES.iter().find(|(foreign, _)| foreign == name);
            if let Some((_, meant)) = foreign {
                mistakes.add(
                    place,
                    format!("`{name}` is no type of Elasticsearch's"),
                    format!("write {meant}"),
                );
            }
            foreign.is_none()
        }
        Some(other) => {
            let found = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            mistakes.add(
                place,
                format!("`{}` is no type of Elasticsearch's", excerpt(&found)),
                format!("common ones are {TYPES}"),
            );
            false
        }
    }
}

fn no_type(field: &str, place: &Place, mistakes: &mut Mistakes) {
    let remedy = format!("say how Elasticsearch is to index it; common types are {TYPES}");
    mistakes.add(place, format!("the field `{}` has no type", excerpt(field)), remedy);
}

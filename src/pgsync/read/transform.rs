//! `transform`: what becomes of a node's values, and what is said of their types.

use indexmap::IndexMap;
use serde_json::Value;

use crate::mistake::{Mistake, Mistakes};
use crate::pgsync::remark::json;
use crate::pgsync::schema::{Concat, Properties, Replace, Text, Transform};
use crate::yaml::{Node, NodeKind, expected};

use super::part::{Object, text};

pub fn read(mut object: Object<'_>, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> Transform {
    let replace = object.object("replace", mistakes);
    let rename = object.object("rename", mistakes);
    let transform = Transform {
        replace: replace
            .map(|object| replaces(object, remarks, mistakes))
            .unwrap_or_default(),
        rename: rename
            .map(|object| renames(object, remarks, mistakes))
            .unwrap_or_default(),
        concat: concats(object.take("concat"), remarks, mistakes),
        mapping: object
            .take("mapping")
            .map(|node| typed(node, mistakes))
            .unwrap_or_default(),
    };
    if let Some(node) = object.take("move") {
        remarks.push(Mistake {
            place: node.place.clone(),
            found: format!("left out: move: {}", json(node)),
            remedy: "PGSync knows the word and moves nothing; a field of another place is written where it belongs"
                .to_owned(),
        });
    }
    object.finish(remarks);
    transform
}

fn replaces(object: Object<'_>, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> IndexMap<String, Replace> {
    let mut all = IndexMap::new();
    for (key, node) in object.entries() {
        let Some(object) = Object::of(node, mistakes) else {
            continue;
        };
        let pairs: Option<Vec<(String, String)>> = object
            .entries()
            .map(|(search, node)| match &node.kind {
                NodeKind::Scalar { text, quoted: true } if !search.text.is_empty() => {
                    Some((search.text.clone(), text.clone()))
                }
                _ => None,
            })
            .collect();
        let Some(pairs) = pairs else {
            remarks.push(within(node, "replace", &key.text));
            continue;
        };
        let place = key.place.clone();
        all.insert(key.text.clone(), Replace { place, pairs });
    }
    all
}

fn renames(object: Object<'_>, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> IndexMap<String, Text> {
    let mut all = IndexMap::new();
    for (key, node) in object.entries() {
        if matches!(node.kind, NodeKind::Mapping(_)) {
            remarks.push(within(node, "rename", &key.text));
        } else if let Some(name) = text(node, mistakes) {
            all.insert(key.text.clone(), name);
        }
    }
    all
}

/// PGSync goes into values of JSON, and into children by way of their parent.
fn within(node: &Node, transform: &str, name: &str) -> Mistake {
    Mistake {
        place: node.place.clone(),
        found: format!("left out: {transform} within {name}: {}", json(node)),
        remedy:
            "for a child, say it in the child's own `transform`; for what is within a JSON column, name the parts as \
                 columns of their own (`column->key`)"
                .to_owned(),
    }
}

fn concats(node: Option<&Node>, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> Vec<Concat> {
    let Some(node) = node else { return Vec::new() };
    let items = match &node.kind {
        NodeKind::Sequence(items) => items.as_slice(),
        NodeKind::Mapping(_) | NodeKind::Scalar { .. } => std::slice::from_ref(node),
    };
    items
        .iter()
        .filter_map(|item| concat(item, remarks, mistakes))
        .collect()
}

fn concat(item: &Node, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> Option<Concat> {
    let mut object = Object::of(item, mistakes)?;
    let remedy = "PGSync wants the fields it joins, and the name of the new one";
    let columns = object.required("columns", remedy, mistakes);
    let columns = columns.map(|node| words(node, mistakes));
    let destination = object.required("destination", remedy, mistakes);
    let destination = destination.and_then(|node| text(node, mistakes));
    let delimiter = object.take("delimiter").and_then(|node| word(node, mistakes));
    object.finish(remarks);
    Some(Concat {
        place: item.place.clone(),
        columns: columns?,
        destination: destination?.text,
        delimiter: delimiter.unwrap_or_default(),
    })
}

/// Any texts, blank ones too.
fn words(node: &Node, mistakes: &mut Mistakes) -> Vec<String> {
    let NodeKind::Sequence(items) = &node.kind else {
        expected(node, "a list of texts", "write `[\"a\", \"b\"]`", mistakes);
        return Vec::new();
    };
    items.iter().filter_map(|item| word(item, mistakes)).collect()
}

fn word(node: &Node, mistakes: &mut Mistakes) -> Option<String> {
    if let NodeKind::Scalar { text, quoted: true } = &node.kind {
        return Some(text.clone());
    }
    expected(node, "a text", "write it in double quotes", mistakes);
    None
}

/// Types of a node's fields, which PGSync wants each to name.
fn typed(node: &Node, mistakes: &mut Mistakes) -> Properties {
    let properties = properties(node, mistakes);
    for (name, (mapping, place)) in &properties {
        if !mapping.get("type").is_some_and(Value::is_string) {
            let found = format!("the mapping of {name} has no `type`");
            mistakes.add(place, found, "write Elasticsearch's type, which PGSync wants as well");
        }
    }
    properties
}

/// Parameters by the names of fields.
pub fn properties(node: &Node, mistakes: &mut Mistakes) -> Properties {
    let Some(object) = Object::of(node, mistakes) else {
        return Properties::new();
    };
    let mut all = Properties::new();
    for (key, node) in object.entries() {
        match node.to_value(mistakes) {
            Value::Object(mapping) => {
                all.insert(key.text.clone(), (mapping, key.place.clone()));
            }
            _ => expected(
                node,
                "an object",
                "write the field's type and parameters, `{ \"type\": … }`",
                mistakes,
            ),
        }
    }
    all
}

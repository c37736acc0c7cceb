//! One document: an index, and the node its rows come from.

use serde_json::{Map, Value};

use crate::mistake::{Mistake, Mistakes};
use crate::pgsync::remark::json;
use crate::pgsync::schema::{self, Document, Properties};
use crate::yaml::{Node, NodeKind, expected};

use super::part::Object;
use super::transform::properties;
use super::{node, variable};

pub fn read(item: &Node, env: &impl Fn(&str) -> Option<String>, mistakes: &mut Mistakes) -> Option<Document> {
    let mut object = Object::of(item, mistakes)?;
    let mut remarks = Vec::new();
    let mut named = |key, mistakes: &mut Mistakes| {
        let text = object.text(key, mistakes)?;
        Some(variable::substituted(text, env, mistakes))
    };
    let database = named("database", mistakes);
    let index = named("index", mistakes).or_else(|| database.clone());
    let pipeline = named("pipeline", mistakes);
    let routing = named("routing", mistakes);
    if !object.has("database") {
        mistakes.add(&item.place, "there is no `database`", "name it, as PGSync wants it");
    }
    let setting = setting(&mut object, mistakes);
    let mapping = mapping(&mut object, &mut remarks, mistakes);
    if let Some(node) = object.take("mappings") {
        remarks.push(Mistake {
            place: node.place.clone(),
            found: format!("left out: mappings: {}", json(node)),
            remedy: "it has no effect in PGSync either; what is meant goes to the fields' types".to_owned(),
        });
    }
    plugins(&mut object, &mut remarks, mistakes);
    let root = root(&mut object, mistakes);
    object.finish(&mut remarks);
    Some(Document {
        index: index?,
        database: database?,
        pipeline: pipeline.map(|pipeline| pipeline.text),
        routing,
        setting,
        mapping,
        root: root?,
        remarks,
    })
}

fn root(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Option<schema::Node> {
    let nodes = object.required("nodes", "write the root's node, `{ \"table\": … }`", mistakes)?;
    if matches!(nodes.kind, NodeKind::Sequence(_)) {
        let remedy = "write the one node without the list, as PGSync does from version 2 on";
        mistakes.add(&nodes.place, "`nodes` is a list, as version 1 of PGSync had it", remedy);
        return None;
    }
    let (mut root, relationship) = node::read(nodes, mistakes)?;
    if let Some(relationship) = relationship {
        root.remarks.push(Mistake {
            place: relationship.place.clone(),
            found: format!("left out: relationship: {}", json(relationship)),
            remedy: "the root is related to nothing; PGSync passes over it as well".to_owned(),
        });
    }
    Some(root)
}

fn setting(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Map<String, Value> {
    let Some(node) = object.take("setting") else {
        return Map::new();
    };
    let Value::Object(setting) = node.to_value(mistakes) else {
        expected(node, "an object", "write the index's settings, `{ … }`", mistakes);
        return Map::new();
    };
    setting
}

/// The fields' properties; with `dynamic_templates`, `mapping` is the index's whole mapping and they stand within it.
fn mapping(object: &mut Object<'_>, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> Option<Properties> {
    let node = object.take("mapping")?;
    let mut whole = Object::of(node, mistakes)?;
    if whole.take("dynamic_templates").is_none() {
        return Some(properties(node, mistakes));
    }
    let NodeKind::Mapping(entries) = &node.kind else {
        return None;
    };
    for (key, value) in entries.iter().filter(|(key, _)| key.text != "properties") {
        remarks.push(Mistake {
            place: key.place.clone(),
            found: format!("left out: {}: {}", key.text, json(value)),
            remedy: "an index of highwater's has no fields but those of its definition, each with its own type"
                .to_owned(),
        });
    }
    let properties_node = whole.take("properties")?;
    Some(properties(properties_node, mistakes))
}

fn plugins(object: &mut Object<'_>, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) {
    for plugin in object.texts("plugins", mistakes).unwrap_or_default() {
        remarks.push(Mistake {
            place: plugin.place,
            found: format!("left out: the plugin {}, code that changes documents", plugin.text),
            remedy:
                "say what it does in fields with `sql:`, in a `where:`, or in an ingest pipeline of Elasticsearch's"
                    .to_owned(),
        });
    }
}

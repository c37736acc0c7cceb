//! One node: a table and its columns, and the nodes below.

use crate::mistake::{Mistake, Mistakes, Place};
use crate::pgsync::schema::{Child, Node, Text};
use crate::yaml;
use crate::yaml::{NodeKind, expected};

use super::part::Object;
use super::{column, relationship, transform};

/// What PGSync takes where a node names none, whatever its parent names.
const SCHEMA: &str = "public";

/// A node, and its relationship as it is written.
pub fn read<'a>(node: &'a yaml::Node, mistakes: &mut Mistakes) -> Option<(Node, Option<&'a yaml::Node>)> {
    let mut object = Object::of(node, mistakes)?;
    let mut remarks = Vec::new();
    let table = object.required("table", "name the node's table", mistakes);
    let table = table.and_then(|node| super::part::text(node, mistakes));
    let schema = object.text("schema", mistakes);
    let columns = object.texts("columns", mistakes).unwrap_or_default();
    let columns = columns.iter().filter_map(|text| column::read(text, mistakes)).collect();
    let label = object.text("label", mistakes);
    let primary_key = named(&mut object, "primary_key", mistakes);
    let base_tables = named(&mut object, "base_tables", mistakes);
    let transform = object.object("transform", mistakes);
    let transform = transform.map(|object| transform::read(object, &mut remarks, mistakes));
    let relationship = object.take("relationship");
    let children = children(&mut object, mistakes);
    object.finish(&mut remarks);
    let node = Node {
        place: node.place.clone(),
        table: table?,
        schema: schema.map_or_else(|| SCHEMA.to_owned(), |schema| schema.text),
        columns,
        label,
        primary_key,
        base_tables,
        transform: transform.unwrap_or_default(),
        children,
        remarks,
    };
    Some((node, relationship))
}

/// A list of names that is not empty.
fn named(object: &mut Object<'_>, key: &'static str, mistakes: &mut Mistakes) -> Option<(Vec<String>, Place)> {
    let node = object.take(key)?;
    let names: Vec<Text> = super::part::texts(node, mistakes);
    let names: Vec<String> = names.into_iter().map(|name| name.text).collect();
    (!names.is_empty()).then(|| (names, node.place.clone()))
}

fn children(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Vec<Child> {
    let Some(list) = object.take("children") else {
        return Vec::new();
    };
    let NodeKind::Sequence(items) = &list.kind else {
        expected(list, "a list of nodes", "write `[ { \"table\": … } ]`", mistakes);
        return Vec::new();
    };
    items.iter().filter_map(|item| child(item, mistakes)).collect()
}

fn child(item: &yaml::Node, mistakes: &mut Mistakes) -> Option<Child> {
    let (mut node, written) = read(item, mistakes)?;
    let Some(written) = written else {
        let remedy = "say how it is related: `{ \"variant\": \"object\", \"type\": \"one_to_many\" }`";
        mistakes.add(&item.place, "a child without `relationship`", remedy);
        return None;
    };
    let relationship = relationship::read(written, &mut node.remarks, mistakes)?;
    if relationship.is_scalar && !node.children.is_empty() {
        for child in std::mem::take(&mut node.children) {
            node.remarks.push(Mistake {
                place: child.node.place,
                found: format!("left out: the child {} of a scalar", child.node.table.text),
                remedy: "PGSync shows nothing of it either; make the parent an `object` to have it".to_owned(),
            });
        }
    }
    Some(Child { node, relationship })
}

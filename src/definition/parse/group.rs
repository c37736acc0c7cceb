//! Groups: an object of fields of the same row, or one value of Elasticsearch's made of several columns.

use serde_json::Value;

use super::content::object_parameters;
use super::parameter::parameters;
use super::{Scope, column, field, fields, sql};
use crate::definition::{ColumnName, Field, FieldKind, Fields, Group, Mapping, Missing};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Node, NodeKind, Reader, expected};

pub(super) fn read(key: &Key, mut reader: Reader<'_>, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Group> {
    let single = is_single(&reader);
    let node = reader.take("group")?;
    let scope = Scope {
        top: false,
        ..scope.clone()
    };
    if single {
        let fields = members(node, &scope, mistakes);
        let mapping = parameters(&key.place, reader, mistakes);
        return Some(Group {
            fields: fields?,
            mapping: mapping?,
            single,
        });
    }
    let fields = fields(node, &scope, mistakes);
    let mapping = object_parameters(reader, false, mistakes);
    Some(Group {
        fields: fields?,
        mapping,
        single,
    })
}

/// Whether a type is written that is not an object's.
fn is_single(reader: &Reader<'_>) -> bool {
    let beneath = |node: &Node| match node.to_value(&mut Mistakes::default()) {
        Value::Object(mapping) => mapping.get("type").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    let written = reader.peek("type").and_then(Node::text).map(str::to_owned);
    let kind = written.or_else(|| reader.peek("mapping").and_then(beneath));
    kind.is_some_and(|kind| kind != "object" && kind != "nested")
}

/// `lat: latitude`, or `lat: { sql: … }`: values without types of their own.
fn members(node: &Node, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Fields> {
    let entries = Reader::new(node, mistakes)?.rest();
    if entries.is_empty() {
        let remedy = "name its members and their columns, such as `{ lat: latitude, lon: longitude }`";
        mistakes.add(&node.place, "a group without members", remedy);
    }
    let mut members = Fields::new();
    for (key, node) in entries {
        if let Some(kind) = member(key, node, scope, mistakes) {
            let place = key.place.clone();
            let missing = Missing::Drop;
            members.insert(key.text.clone(), Field { place, missing, kind });
        }
    }
    Some(members)
}

fn member(key: &Key, node: &Node, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<FieldKind> {
    let mapping = Mapping::new();
    if let Some(text) = node.text() {
        let column = column::column(text, &node.place, scope, mistakes)?;
        return Some(FieldKind::Column {
            column,
            path: Vec::new(),
            mapping,
        });
    }
    if !matches!(node.kind, NodeKind::Mapping(_)) {
        let remedy = "write `member: column`, or `member: { sql: … }`";
        expected(node, "the name of a column", remedy, mistakes);
        return None;
    }
    let mut reader = Reader::new(node, mistakes)?;
    if let Some(node) = reader.take("sql") {
        reader.finish(mistakes);
        return sql(node, mistakes).map(|sql| FieldKind::Sql { sql, mapping });
    }
    let path = field::path(&mut reader, mistakes);
    let column = match reader.take("column") {
        Some(node) => field::column(node, scope, mistakes)?,
        None => ColumnName {
            table: None,
            column: key.text.clone(),
        },
    };
    reader.finish(mistakes);
    Some(FieldKind::Column { column, path, mapping })
}

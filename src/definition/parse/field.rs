//! One field: which of its forms it takes, and the forms that are values of the row itself.

use super::name::parts;
use super::parameter::{parameters, shorthand};
use super::{Scope, aggregate, column as columns, group, key as keys, missing, relation, sql, switch};
use crate::definition::{ColumnName, Field, FieldKind};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Node, NodeKind, Reader, expected};

/// A field; `None` when it could not be made out, which has been noted.
pub(super) fn read(key: &Key, node: &Node, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Field> {
    let place = key.place.clone();
    if !matches!(node.kind, NodeKind::Mapping(_)) {
        let mapping = shorthand(&key.text, node, mistakes)?;
        let column = ColumnName {
            table: None,
            column: key.text.clone(),
        };
        return Some(Field {
            place,
            missing: scope.missing,
            kind: FieldKind::Column {
                column,
                path: Vec::new(),
                mapping,
            },
        });
    }
    let mut reader = Reader::new(node, mistakes)?;
    let missing = missing(&mut reader, mistakes).unwrap_or(scope.missing);
    let scope = &Scope {
        missing,
        ..scope.clone()
    };
    let written = reader.keys().map(|key| key.text.as_str());
    let forms = written
        .filter_map(|text| keys::FORMS.into_iter().find(|form| *form == text))
        .collect::<Vec<_>>();
    if let [first, second, ..] = forms.as_slice() {
        let at = reader.place_of(second).unwrap_or(&place);
        mistakes.add(
            at,
            format!("`{first}` and `{second}` in one field"),
            "make it two fields, or drop one of the two",
        );
        return None;
    }
    let kind = match forms.first() {
        Some(&form @ ("one" | "many" | "ancestors")) => {
            FieldKind::Relation(Box::new(relation::read(form, key, reader, scope, mistakes)?))
        }
        Some(&form @ ("count" | "sum" | "avg" | "min" | "max")) => {
            FieldKind::Relation(Box::new(aggregate::read(form, key, reader, scope, mistakes)?))
        }
        Some(&"pipeline") => filled(key, reader, mistakes)?,
        Some(&"switch") => FieldKind::Switch(Box::new(switch::read(key, reader, scope, mistakes)?)),
        Some(&"group") => FieldKind::Group(group::read(key, reader, scope, mistakes)?),
        _ => value(key, reader, scope, mistakes)?,
    };
    Some(Field { place, missing, kind })
}

/// A field that highwater leaves to the pipeline.
fn filled(key: &Key, mut reader: Reader<'_>, mistakes: &mut Mistakes) -> Option<FieldKind> {
    let place = reader.place_of("pipeline").unwrap_or(&key.place).clone();
    if reader.boolean("pipeline", mistakes) == Some(false) {
        let remedy = "write `pipeline: true` for a field that the pipeline writes, or leave the key out";
        mistakes.add(&place, "`pipeline: false` says nothing", remedy);
    }
    let mapping = parameters(&key.place, reader, mistakes)?;
    Some(FieldKind::Filled { mapping })
}

/// A column, an expression or a constant, with all that is left to read as its parameters.
pub(super) fn value(
    key: &Key,
    mut reader: Reader<'_>,
    scope: &Scope<'_>,
    mistakes: &mut Mistakes,
) -> Option<FieldKind> {
    if reader.has("sql") {
        let sql = reader.take("sql").and_then(|node| sql(node, mistakes));
        let mapping = parameters(&key.place, reader, mistakes);
        return Some(FieldKind::Sql {
            sql: sql?,
            mapping: mapping?,
        });
    }
    if let Some(node) = reader.take("constant") {
        let value = node.to_value(mistakes);
        if value.is_null() {
            let remedy = "write a value; to leave the field out of the documents, leave it out here";
            expected(node, "a value", remedy, mistakes);
        }
        let mapping = parameters(&key.place, reader, mistakes)?;
        let json = value.to_string();
        return Some(FieldKind::Constant { json, mapping });
    }
    let is_column = reader.has("column");
    // Without a column, `path` is a parameter of Elasticsearch's (of an alias).
    let path = if is_column {
        path(&mut reader, mistakes)
    } else {
        Vec::new()
    };
    let column = if is_column {
        reader.take("column").and_then(|node| column(node, scope, mistakes))
    } else {
        Some(ColumnName {
            table: None,
            column: key.text.clone(),
        })
    };
    let mapping = parameters(&key.place, reader, mistakes);
    Some(FieldKind::Column {
        column: column?,
        path,
        mapping: mapping?,
    })
}

/// The way within a JSON value.
pub(super) fn path(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(node) = reader.take("path") else {
        return Vec::new();
    };
    let parts = node.text().and_then(parts);
    if parts.is_none() {
        let remedy = "write keys and array positions with dots between, such as `size.0.height`; a key that holds a dot \
                      goes in double quotes";
        expected(node, "a path", remedy, mistakes);
    }
    parts.unwrap_or_default()
}

/// A column written as a value.
pub(super) fn column(node: &Node, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<ColumnName> {
    if let Some(text) = node.text() {
        return columns::column(text, &node.place, scope, mistakes);
    }
    expected(
        node,
        "the name of a column",
        "write it, quoted if it reads as nothing (`null`, `~`)",
        mistakes,
    );
    None
}

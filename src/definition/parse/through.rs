//! The way to a relation's table: joins, and the tables on the way.

use super::{name, required, sql};
use crate::definition::{Hop, Join, TableName};
use crate::mistake::Mistakes;
use crate::yaml::{Node, NodeKind, Reader, expected};

/// The tables on the way, nearest first.
pub(super) fn through(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Vec<Hop> {
    let Some(node) = reader.take("through") else {
        return Vec::new();
    };
    match &node.kind {
        NodeKind::Sequence(items) if !items.is_empty() => items.iter().filter_map(|item| hop(item, mistakes)).collect(),
        NodeKind::Sequence(_) => {
            mistakes.add(
                &node.place,
                "an empty `through`",
                "leave it out, or name the tables on the way",
            );
            Vec::new()
        }
        _ => hop(node, mistakes).into_iter().collect(),
    }
}

fn hop(node: &Node, mistakes: &mut Mistakes) -> Option<Hop> {
    if !matches!(node.kind, NodeKind::Mapping(_)) {
        return name::table(node, mistakes).map(|table| Hop {
            table,
            join: None,
            filter: None,
        });
    }
    let mut reader = Reader::new(node, mistakes)?;
    let table: Option<TableName> = required(&mut reader, "table", "`table:`, the table on the way", mistakes)
        .and_then(|node| name::table(node, mistakes));
    let join = join(&mut reader, mistakes);
    let filter = reader.take("where").and_then(|node| sql(node, mistakes));
    reader.finish(mistakes);
    Some(Hop {
        table: table?,
        join,
        filter,
    })
}

/// `join:`, and how its columns are compared.
pub(super) fn join(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Option<Join> {
    let join = reader.take("join").and_then(|node| pairs(node, mistakes));
    let cast = reader.take("cast");
    if let Some(node) = cast.filter(|node| node.text() != Some("text")) {
        let remedy = "write `cast: text` to compare columns of unequal types by their text, or leave it out";
        expected(node, "`text`", remedy, mistakes);
    }
    if let (Some(node), None) = (cast, &join) {
        let remedy =
            "write `join: { this_column: related_column }` as well: no foreign key has columns of unequal types";
        mistakes.add(&node.place, "a `cast` without a `join`", remedy);
    }
    join.map(|join| Join {
        as_text: cast.is_some(),
        ..join
    })
}

/// `{ this_column: related_column }`.
fn pairs(node: &Node, mistakes: &mut Mistakes) -> Option<Join> {
    let remedy = "write `join: { this_column: related_column }`";
    let NodeKind::Mapping(entries) = &node.kind else {
        expected(node, "a mapping from column to column", remedy, mistakes);
        return None;
    };
    if entries.is_empty() {
        mistakes.add(
            &node.place,
            "a `join` without columns",
            format!("{remedy}, or leave it out"),
        );
    }
    let mut pairs = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match value.text().filter(|text| !text.is_empty() && !key.text.is_empty()) {
            Some(text) => pairs.push((key.text.clone(), text.to_owned())),
            None => expected(value, "the name of a column", remedy, mistakes),
        }
    }
    Some(Join {
        pairs,
        as_text: false,
        place: node.place.clone(),
    })
}

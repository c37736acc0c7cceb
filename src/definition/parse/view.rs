//! `views`: by name, the key of each, and the tables beneath it.

use super::name;
use crate::definition::{Beneath, TableName, View};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Node, NodeKind, Reader, expected};

const REMEDY: &str = "write `{ column of the table: column of the view }` for the rows of the view that its rows lead to, or \
    `{ column of the table: table.column }` for those of another table here";

/// Every view that is declared.
pub(super) fn views(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Vec<View> {
    let entries = reader.nested("views", mistakes).map(Reader::rest).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(key, node)| view(key, node, mistakes))
        .collect()
}

fn view(key: &Key, node: &Node, mistakes: &mut Mistakes) -> Option<View> {
    let name = named(key, mistakes);
    let mut reader = Reader::new(node, mistakes)?;
    let columns = if reader.has("key") {
        super::row_key(&mut reader, mistakes)
    } else {
        let remedy = "`key:`, the columns that tell the view's rows apart";
        super::required(&mut reader, "key", remedy, mistakes);
        None
    };
    let remedy = "`tables:` with every table that the view reads, such as `book: { id: id }`";
    let tables = super::required(&mut reader, "tables", remedy, mistakes);
    let entries = tables.and_then(|node| Reader::new(node, mistakes)).map(Reader::rest);
    reader.finish(mistakes);
    let mut beneath = Vec::new();
    for (key, node) in entries? {
        let Some(table) = named(key, mistakes) else { continue };
        let items = match &node.kind {
            NodeKind::Sequence(items) => items.as_slice(),
            NodeKind::Scalar { .. } | NodeKind::Mapping(_) => std::slice::from_ref(node),
        };
        for item in items {
            beneath.extend(self::beneath(&table, item, mistakes));
        }
    }
    Some(View {
        name: name?,
        key: columns?,
        tables: beneath,
    })
}

fn named(key: &Key, mistakes: &mut Mistakes) -> Option<TableName> {
    let (schema, name) = name::parts_of_table(&key.text, &key.place, mistakes)?;
    Some(TableName {
        schema,
        name,
        place: key.place.clone(),
    })
}

/// Where a table's rows lead to, and by which columns.
fn beneath(table: &TableName, node: &Node, mistakes: &mut Mistakes) -> Option<Beneath> {
    let NodeKind::Mapping(entries) = &node.kind else {
        expected(node, "a mapping from column to column", REMEDY, mistakes);
        return None;
    };
    let (mut columns, mut targets) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        let mut parts = value.text().and_then(name::parts).unwrap_or_default();
        let column = parts.pop();
        let target = match (parts.pop(), parts.pop()) {
            (None, _) => None,
            (Some(name), schema) => Some((schema, name)),
        };
        let Some(column) = column.filter(|_| parts.is_empty()) else {
            expected(value, "the name of a column", REMEDY, mistakes);
            return None;
        };
        columns.push((key.text.clone(), column));
        targets.push(target);
    }
    if columns.is_empty() || targets.iter().any(|target| *target != targets[0]) {
        mistakes.add(&node.place, "columns that do not lead to rows of one kind", REMEDY);
        return None;
    }
    let to = targets.swap_remove(0).map(|(schema, name)| TableName {
        schema,
        name,
        place: node.place.clone(),
    });
    Some(Beneath {
        table: table.clone(),
        to,
        columns,
        place: node.place.clone(),
    })
}

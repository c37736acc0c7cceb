//! Relations: rows of another table, embedded. Their keys are a closed set; only a bare `value` takes parameters of
//! Elasticsearch's beside them.

use super::{DEFAULT_DEPTH, MAX_DEPTH, MAX_LEVELS, Scope, field, fields, later, name, object, sql};
use crate::definition::{Content, Field, FieldKind, Hop, Join, Mapping, Order, Relation, RelationKind, TableName};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Node, NodeKind, Reader, expected, nearest};

/// Keys that do not go with a form, and why.
const MISPLACED: [(&str, &str, &str); 9] = [
    (
        "one",
        "limit",
        "a `one` is at most one row; leave `limit` out, or write `many:`",
    ),
    ("one", "depth", "`depth` is for `ancestors:`"),
    (
        "many",
        "required",
        "`required` is for `one:`; filter the root with `where:`",
    ),
    ("many", "depth", "`depth` is for `ancestors:`; use `limit:`"),
    ("ancestors", "limit", "use `depth:`"),
    ("ancestors", "order", "leave it out: ancestors come topmost first"),
    ("ancestors", "through", "leave it out: ancestors are rows of one table"),
    ("ancestors", "required", "`required` is for `one:`"),
    ("ancestors", "by", "leave it out: ancestors come topmost first"),
];

/// The relation that begins with `form`.
pub(super) fn read(
    form: &'static str,
    key: &Key,
    mut reader: Reader<'_>,
    around: &Scope<'_>,
    mistakes: &mut Mistakes,
) -> Option<Relation> {
    if around.level == MAX_LEVELS {
        let found = format!("more than {MAX_LEVELS} relations in one another");
        mistakes.add(&key.place, found, "flatten the tree");
        return None;
    }
    let table = reader.take(form).and_then(|node| name::table(node, mistakes));
    refuse_misplaced(form, &mut reader, mistakes);
    later(
        &mut reader,
        &["by", "distinct", "missing", "due", "routing", "pipeline"],
        mistakes,
    );
    let join = reader.take("join").and_then(|node| join(node, mistakes));
    let filter = reader.take("where").and_then(|node| sql(node, mistakes));
    let through = if form == "ancestors" {
        Vec::new()
    } else {
        through(&mut reader, mistakes)
    };
    let passed = through.iter().map(|hop| &hop.table).collect();
    let scope = Scope {
        level: around.level + 1,
        table: table.as_ref(),
        through: passed,
    };
    let order = if form == "ancestors" {
        Vec::new()
    } else {
        order(&mut reader, &scope, mistakes)
    };
    let rows = rows(form, &mut reader, mistakes);
    let (content, mapping) = content(key, reader, &scope, mistakes)?;
    Some(Relation {
        kind: rows.kind,
        table: table?,
        through,
        join,
        filter,
        order,
        limit: rows.limit,
        required: rows.required,
        content,
        mapping,
    })
}

/// How many rows a relation embeds.
struct Rows {
    kind: RelationKind,
    limit: Option<u32>,
    required: bool,
}

fn rows(form: &str, reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Rows {
    let (mut limit, mut required) = (None, false);
    let kind = match form {
        "one" => {
            required = reader.boolean("required", mistakes).unwrap_or(false);
            RelationKind::One
        }
        "many" => {
            limit = bounded(reader, "limit", u32::MAX, "from 1", mistakes);
            RelationKind::Many
        }
        _ => {
            let depth = bounded(reader, "depth", MAX_DEPTH, &format!("from 1 to {MAX_DEPTH}"), mistakes);
            RelationKind::Ancestors {
                depth: depth.unwrap_or(DEFAULT_DEPTH),
            }
        }
    };
    Rows { kind, limit, required }
}

fn refuse_misplaced(form: &str, reader: &mut Reader<'_>, mistakes: &mut Mistakes) {
    for (_, key, remedy) in MISPLACED.iter().filter(|(of, ..)| *of == form) {
        if let Some(place) = reader.place_of(key) {
            mistakes.add(place, format!("`{key}` does not go with `{form}`"), *remedy);
            reader.discard(key);
        }
    }
}

/// What is embedded, and the parameters of the object around it.
fn content(
    key: &Key,
    mut reader: Reader<'_>,
    scope: &Scope<'_>,
    mistakes: &mut Mistakes,
) -> Option<(Content, Mapping)> {
    match (reader.take("value"), reader.has("fields")) {
        (Some(node), _) => {
            value(key, node, reader, scope, mistakes).map(|value| (Content::Value(value), Mapping::new()))
        }
        (None, true) => {
            let fields = reader.take("fields").and_then(|node| fields(node, scope, mistakes));
            let mapping = object_parameters(reader, mistakes);
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
            kind,
        });
    }
    let column = field::column(node, scope, mistakes);
    let mapping = field::parameters(&key.place, beside, mistakes);
    Some(Field {
        place: node.place.clone(),
        kind: FieldKind::Column {
            column: column?,
            mapping: mapping?,
        },
    })
}

/// `type: nested` or `object`, and `mapping:` for the rest.
fn object_parameters(mut reader: Reader<'_>, mistakes: &mut Mistakes) -> Mapping {
    let mapping_node = reader.take("mapping");
    let mut mapping = mapping_node.and_then(|node| object(node, mistakes)).unwrap_or_default();
    if let Some(node) = reader.take("type") {
        match node.text() {
            Some(text @ ("nested" | "object")) => {
                if mapping.insert("type".to_owned(), text.into()).is_some() {
                    mistakes.add(&node.place, "`type` is also under `mapping:`", "keep one of the two");
                }
            }
            _ => expected(
                node,
                "`nested` or `object`",
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

/// The tables on the way, nearest first.
fn through(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Vec<Hop> {
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
    let table: Option<TableName> = super::required(&mut reader, "table", "`table:`, the table on the way", mistakes)
        .and_then(|node| name::table(node, mistakes));
    let join = reader.take("join").and_then(|node| join(node, mistakes));
    let filter = reader.take("where").and_then(|node| sql(node, mistakes));
    reader.finish(mistakes);
    Some(Hop {
        table: table?,
        join,
        filter,
    })
}

/// `{ this_column: related_column }`.
fn join(node: &Node, mistakes: &mut Mistakes) -> Option<Join> {
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
        place: node.place.clone(),
    })
}

fn order(reader: &mut Reader<'_>, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Vec<Order> {
    let terms = reader.strings("order", mistakes).unwrap_or_default();
    terms
        .into_iter()
        .filter_map(|(text, place)| name::order(&text, place, scope, mistakes))
        .collect()
}

/// A whole number from 1 to `most`.
fn bounded(reader: &mut Reader<'_>, key: &'static str, most: u32, range: &str, mistakes: &mut Mistakes) -> Option<u32> {
    let node = reader.take(key)?;
    let number = node
        .text()
        .and_then(|text| text.parse().ok())
        .filter(|number| (1..=most).contains(number));
    if number.is_none() {
        expected(
            node,
            &format!("a whole number {range}"),
            "write one, or leave the key out",
            mistakes,
        );
    }
    number
}

//! Relations: rows of another table, embedded. Their keys are a closed set.

use super::content::content;
use super::through::{join, through};
use super::{DEFAULT_DEPTH, MAX_DEPTH, MAX_LEVELS, Scope, column, due, name, refuse_routing, sql};
use crate::definition::{By, Order, Relation, RelationKind, TableName};
use crate::mistake::Mistakes;
use crate::yaml::{Key, Reader, expected};

/// Keys that do not go with a form, and why.
const MISPLACED: [(&str, &str, &str); 13] = [
    (
        "one",
        "limit",
        "a `one` is at most one row; leave `limit` out, or write `many:`",
    ),
    ("one", "depth", "`depth` is for `ancestors:`"),
    ("one", "by", "`by` is for `many:`: one row has no need of a key"),
    ("one", "distinct", "leave it out: a `one` is at most one row"),
    (
        "many",
        "required",
        "`required` is for `one:`; filter the root with `where:`",
    ),
    ("many", "depth", "`depth` is for `ancestors:`; use `limit:`"),
    ("ancestors", "limit", "use `depth:`"),
    ("ancestors", "order", "leave it out: ancestors come topmost first"),
    ("ancestors", "through", "leave it out: ancestors are rows of one table"),
    (
        "ancestors",
        "cast",
        "leave it out: a tree's rows are joined by columns of one type",
    ),
    ("ancestors", "required", "`required` is for `one:`"),
    ("ancestors", "by", "leave it out: ancestors come topmost first"),
    ("ancestors", "distinct", "leave it out: no row is its own ancestor"),
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
    refuse_routing(&mut reader, mistakes);
    let join = join(&mut reader, mistakes);
    let filter = reader.take("where").and_then(|node| sql(node, mistakes));
    let through = if form == "ancestors" {
        Vec::new()
    } else {
        through(&mut reader, mistakes)
    };
    let passed = through.iter().map(|hop| &hop.table).collect();
    let scope = Scope {
        level: around.level + 1,
        top: false,
        missing: around.missing,
        table: table.as_ref(),
        through: passed,
    };
    let order = if form == "ancestors" {
        Vec::new()
    } else {
        order(&mut reader, &scope, mistakes)
    };
    let due = due::due(&mut reader, &scope, mistakes);
    let rows = rows(form, &mut reader, mistakes);
    let by = by(form, &mut reader, table.as_ref(), mistakes);
    let distinct = distinct(form, by.is_some(), &mut reader, mistakes);
    let (content, mapping) = content(key, reader, &scope, by.is_some(), mistakes)?;
    Some(Relation {
        kind: rows.kind,
        table: table?,
        through,
        join,
        filter,
        due,
        order,
        by,
        distinct,
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

fn by(form: &str, reader: &mut Reader<'_>, table: Option<&TableName>, mistakes: &mut Mistakes) -> Option<By> {
    if form != "many" {
        return None;
    }
    reader.take("by").and_then(|node| column::by(node, table, mistakes))
}

/// Whether each value is written once; only bare values in a list can be repeated.
fn distinct(form: &str, keyed: bool, reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> bool {
    if form != "many" {
        return false;
    }
    let place = reader.place_of("distinct").cloned();
    let is_distinct = reader.boolean("distinct", mistakes).unwrap_or(false);
    let is_list = reader.has("value") && !keyed;
    if let Some(place) = place.filter(|_| is_distinct && !is_list) {
        let remedy = "leave it out: only a list of bare values (`value:`, without `by:`) can repeat one";
        mistakes.add(&place, "`distinct` over objects", remedy);
    }
    is_distinct
}

fn refuse_misplaced(form: &str, reader: &mut Reader<'_>, mistakes: &mut Mistakes) {
    for (_, key, remedy) in MISPLACED.iter().filter(|(of, ..)| *of == form) {
        if let Some(place) = reader.place_of(key) {
            mistakes.add(place, format!("`{key}` does not go with `{form}`"), *remedy);
            reader.discard(key);
        }
    }
}

fn order(reader: &mut Reader<'_>, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Vec<Order> {
    let terms = reader.strings("order", mistakes).unwrap_or_default();
    terms
        .into_iter()
        .filter_map(|(text, place)| column::order(&text, place, scope, mistakes))
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

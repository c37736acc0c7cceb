//! From the YAML text of a definition to its tree. Every mistake is gathered before any is returned, and nothing here
//! looks at a database: whether tables and columns exist is for `crate::plan`.
//!
//! This file reads the top of the tree; `field` its columns, `group` those put together, `relation` its relations, of
//! which `through` is the way and `content` what they embed; `aggregate` those of which one value is computed, `switch`
//! those to one of several tables; `view` is what views are made of. `parameter` is what goes to the mapping, `kind` the
//! type in it, `key` the keys that are ours, `name` what names may be, and `column` what names a column, of which `due` are
//! some.

mod aggregate;
mod column;
mod content;
mod due;
mod field;
mod group;
mod key;
mod kind;
mod name;
mod parameter;
mod relation;
mod switch;
mod through;
mod view;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Definition, Fields, Missing, Routing, Sql, TableName};
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Key, Node, NodeKind, Reader, expected, nearest};

/// How many relations may be nested in one another. Real documents stop at five or six; a limit keeps a generated
/// file from producing statements that no one can read or run.
pub const MAX_LEVELS: usize = 32;

/// Levels of `ancestors` where `depth` is not written: more than any tree that people tend by hand, and few enough
/// that a cycle in the data costs little.
pub const DEFAULT_DEPTH: u32 = 32;

/// The deepest `depth` that may be written: each level is one more step of the recursive statement for every row.
pub const MAX_DEPTH: u32 = 100;

/// What to do where `routing` stands anywhere but at the top.
const ROUTING: &str = "write it at the top: a document has one place, by a column of its own row";

impl Definition {
    /// Reads one definition; `file` is the name that places show.
    ///
    /// # Errors
    /// Every mistake of the text, in file order: of YAML itself, unknown keys, values of the wrong kind, impossible
    /// names, and what is not supported yet.
    pub fn parse(file: &str, text: &str) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let definition = Self::read(file, text, &mut mistakes).filter(|definition| !definition.index.is_empty());
        match definition {
            Some(definition) => mistakes.in_file_order().or(definition),
            None => Err(mistakes.in_file_order()),
        }
    }

    /// The same, as far as it can be made out, for a reader that goes on to say what else is wrong: what has mistakes is
    /// never run. The index is empty where its name could not be read.
    pub fn read(file: &str, text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        Node::read(file, text, mistakes).and_then(|root| read(&root, text, mistakes))
    }
}

/// Where a name is used: what it may refer to, and how deep in the tree.
#[derive(Clone)]
struct Scope<'a> {
    /// Relations around this place.
    level: usize,
    /// The fields are those of the document itself.
    top: bool,
    /// What is said around this place of values that are null.
    missing: Missing,
    /// The table whose rows are read, where its name could be made out.
    table: Option<&'a TableName>,
    /// The tables passed on the way to it, whose columns may be named too.
    through: Vec<&'a TableName>,
}

fn read(root: &Node, text: &str, mistakes: &mut Mistakes) -> Option<Definition> {
    if matches!(&root.kind, NodeKind::Mapping(entries) if entries.is_empty()) {
        mistakes.add(
            &root.place,
            "the definition is empty",
            "write at least `index:`, `table:` and `fields:`",
        );
        return None;
    }
    let mut reader = Reader::new(root, mistakes)?;
    let index = required(
        &mut reader,
        "index",
        "`index: books`, the alias that readers will use",
        mistakes,
    )
    .and_then(|node| name::index(node, mistakes));
    let table = required(&mut reader, "table", "`table: book` or `table: schema.book`", mistakes)
        .and_then(|node| name::table(node, mistakes));
    let key = row_key(&mut reader, mistakes);
    let filter = reader.take("where").and_then(|node| sql(node, mistakes));
    let pipeline = reader.string("pipeline", mistakes);
    let settings = reader
        .take("settings")
        .and_then(|node| object(node, mistakes))
        .unwrap_or_default();
    let tables = tables(&mut reader, mistakes);
    let views = view::views(&mut reader, mistakes);
    let scope = Scope {
        level: 0,
        top: true,
        missing: missing(&mut reader, mistakes).unwrap_or_default(),
        table: table.as_ref(),
        through: Vec::new(),
    };
    let due = due::due(&mut reader, &scope, mistakes);
    let routing = reader.take("routing").and_then(|node| routing(node, &scope, mistakes));
    let fields = required(
        &mut reader,
        "fields",
        "`fields:` with one line for each, such as `title: text`",
        mistakes,
    )
    .and_then(|node| fields(node, &scope, mistakes));
    reader.finish(mistakes);
    let (index, place) = index.unwrap_or_else(|| (String::new(), root.place.clone()));
    Some(Definition {
        index,
        table: table?,
        key,
        filter,
        due,
        routing,
        pipeline,
        settings,
        tables,
        views,
        fields: fields?,
        text: text.to_owned(),
        place,
    })
}

fn required<'a>(reader: &mut Reader<'a>, key: &'static str, remedy: &str, mistakes: &mut Mistakes) -> Option<&'a Node> {
    let node = reader.take(key);
    // A slip in the key explains its absence, and is reported as an unknown key.
    if node.is_none() && !reader.keys().any(|written| nearest(&written.text, &[key]).is_some()) {
        // At the top it is the file as a whole that lacks the key.
        let place = match reader.place() {
            place if place.path.is_empty() => Place {
                file: place.file.clone(),
                ..Place::default()
            },
            place => place.clone(),
        };
        mistakes.add(&place, format!("`{key}` is missing"), format!("add {remedy}"));
    }
    node
}

fn row_key(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    let columns = reader.strings("key", mistakes)?;
    for (position, (column, place)) in columns.iter().enumerate() {
        if columns[..position].iter().any(|(earlier, _)| earlier == column) {
            mistakes.add(
                place,
                format!("`{column}` is in the key twice"),
                "name each column of the key once",
            );
        }
    }
    Some(columns.into_iter().map(|(column, _)| column).collect())
}

/// A column of the root's own.
fn routing(node: &Node, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Routing> {
    let name = field::column(node, scope, mistakes)?;
    Some(Routing {
        column: name.column,
        place: node.place.clone(),
    })
}

/// The default filters, by table.
fn tables(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> IndexMap<(Option<String>, String), Sql> {
    let mut tables = IndexMap::new();
    let entries = reader.nested("tables", mistakes).map(Reader::rest).unwrap_or_default();
    for (key, node) in entries {
        let table = name::parts_of_table(&key.text, &key.place, mistakes);
        let Some(mut reader) = Reader::new(node, mistakes) else {
            continue;
        };
        let filter = required(
            &mut reader,
            "where",
            "`where:`, what holds at every use of the table",
            mistakes,
        )
        .and_then(|node| sql(node, mistakes));
        reader.finish(mistakes);
        if let (Some(table), Some(filter)) = (table, filter)
            && tables.insert(table, filter).is_some()
        {
            let found = format!("`{}` names a table that has a filter already", key.text);
            mistakes.add(&key.place, found, "join the two with `and`");
        }
    }
    tables
}

/// The fields of a document or of an embedded object.
fn fields(node: &Node, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Fields> {
    let entries = Reader::new(node, mistakes)?.rest();
    if entries.is_empty() {
        mistakes.add(
            &node.place,
            "no fields",
            "add one line for each field, such as `title: text`",
        );
    }
    let mut fields = Fields::new();
    for (key, node) in entries {
        name::field(key, scope.top, mistakes);
        if let Some(field) = field::read(key, node, scope, mistakes) {
            fields.insert(key.text.clone(), field);
        }
    }
    Some(fields)
}

/// What is to become of null.
fn missing(reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Option<Missing> {
    let node = reader.take("missing")?;
    match node.text() {
        Some("keep") => Some(Missing::Keep),
        Some("drop") => Some(Missing::Drop),
        _ => {
            let remedy = "`keep` writes what is missing as null, `drop` leaves the field out";
            expected(node, "`keep` or `drop`", remedy, mistakes);
            None
        }
    }
}

/// An expression; its text is kept as written.
fn sql(node: &Node, mistakes: &mut Mistakes) -> Option<Sql> {
    let text = node.text().filter(|text| !text.trim().is_empty());
    if text.is_none() {
        let remedy = "write it as one text, quoted if it holds `: ` or ` #`; leave the key out for none";
        expected(node, "an SQL expression", remedy, mistakes);
    }
    Some(Sql {
        text: text?.to_owned(),
        place: node.place.clone(),
    })
}

/// A mapping that passes through.
fn object(node: &Node, mistakes: &mut Mistakes) -> Option<Map<String, Value>> {
    match node.to_value(mistakes) {
        Value::Object(object) => Some(object),
        Value::Null => Some(Map::new()),
        _ => {
            expected(
                node,
                "a mapping",
                "write `key: value` pairs, as Elasticsearch has them",
                mistakes,
            );
            None
        }
    }
}

/// Takes a `routing` that stands below the top.
fn refuse_routing(reader: &mut Reader<'_>, mistakes: &mut Mistakes) {
    if let Some(place) = reader.place_of("routing") {
        mistakes.add(place, "`routing` belongs to the document as a whole", ROUTING);
        reader.discard("routing");
    }
}

/// Notes a key that has no meaning in this place but has one elsewhere.
fn misplaced(key: &Key, found: &str, remedy: &str, mistakes: &mut Mistakes) {
    mistakes.add(&key.place, format!("`{}` {found}", key.text), remedy);
}

#[cfg(test)]
mod tests;

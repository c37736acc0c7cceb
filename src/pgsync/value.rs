//! What a column gives: where its value is taken from, what it is in SQL's text, and of which type it is.

use crate::catalog::{Column, Table, Wire, literal, quote};
use crate::definition::Mapping;
use crate::mistake::Place;
use crate::plan::sketch::name;
use crate::plan::sketch::tree::Source;

use super::fields::Origin;
use super::mapping::{dynamic, kept, string};
use super::schema::{self, Node, Replace};
use super::translate::Walk;

/// What is selected for an entry of `columns`.
pub struct Taken {
    pub source: Option<Source>,
    pub origin: Origin,
    /// The same as SQL gives it, for `replace`; nothing where it is no text.
    pub text: Option<String>,
    pub part: Option<Part>,
    pub mapping: Result<Mapping, String>,
}

/// A value as `concat` joins it: Python's form of it, nothing where Python takes it for false.
#[derive(Clone)]
pub struct Part {
    pub sql: String,
    /// A number whose digits Python writes in its own way: 12.5 for 12.50.
    pub is_fraction: bool,
}

impl Part {
    pub fn of(sql: String) -> Self {
        Self {
            sql,
            is_fraction: false,
        }
    }

    pub fn of_text(text: &str) -> Self {
        Self::of(format!("nullif({text}, '')"))
    }
}

/// Those that are named; all of the table's where none is.
pub fn columns(node: &Node, table: &Table) -> Vec<schema::Column> {
    if !node.columns.is_empty() {
        return node.columns.clone();
    }
    let whole = |name: &String| schema::Column {
        place: node.place.clone(),
        field: name.clone(),
        name: name.clone(),
        path: Vec::new(),
        as_text: false,
        remark: None,
    };
    table.columns.keys().map(whole).collect()
}

pub fn taken(written: &schema::Column, table: &Table) -> Taken {
    let column = table.columns.get(&written.name);
    if written.path.is_empty() {
        return Taken {
            source: None,
            origin: Origin::Column(name::part(&written.name)),
            text: column.and_then(text),
            part: column.and_then(part),
            // What the table does not have, the planner tells.
            mapping: column.map_or_else(|| Ok(string()), dynamic),
        };
    }
    let text = format!("{} #>> {}", quote(&written.name), way(&written.path));
    let path: Vec<String> = written.path.iter().map(|key| name::part(key)).collect();
    let (source, mapping) = if written.as_text {
        (Source::Sql(text.clone()), string())
    } else {
        let column = name::part(&written.name);
        (
            Source::Path {
                column,
                path: path.join("."),
            },
            kept(),
        )
    };
    Taken {
        source: Some(source),
        origin: Origin::Other,
        part: Some(Part::of_text(&text)),
        text: Some(text),
        mapping: Ok(mapping),
    }
}

/// The keys as an array of Postgres'.
fn way(path: &[String]) -> String {
    let key = |key: &String| format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
    let keys: Vec<String> = path.iter().map(key).collect();
    literal(&format!("{{{}}}", keys.join(","))).trim().to_owned()
}

/// A value that JSON has as a string, as that string.
fn text(column: &Column) -> Option<String> {
    let name = quote(&column.name);
    let is_plain = matches!(column.type_oid, 25 | 1043);
    match column.wire {
        Wire::Text if is_plain => Some(name),
        Wire::Text | Wire::Uuid | Wire::Date | Wire::Time | Wire::Timestamp | Wire::Timestamptz | Wire::Range(_) => {
            Some(format!("to_json({name}) #>> '{{}}'"))
        }
        _ => None,
    }
}

fn part(column: &Column) -> Option<Part> {
    let name = quote(&column.name);
    match column.wire {
        Wire::Int2 | Wire::Int4 | Wire::Int8 => Some(Part::of(format!("nullif({name}, 0)"))),
        Wire::Numeric | Wire::Float4 | Wire::Float8 => Some(Part {
            sql: format!("nullif({name}, 0)"),
            is_fraction: true,
        }),
        Wire::Bool => Some(Part::of(format!("case when {name} then 'True' end"))),
        _ => text(column).map(|text| Part::of_text(&text)),
    }
}

pub fn replaced(taken: &Taken, replace: &Replace) -> Option<Taken> {
    let text = taken.text.clone()?;
    let sql = replace.pairs.iter().fold(text, |sql, (search, put)| {
        format!("replace({sql}, {}, {})", literal(search).trim(), literal(put).trim())
    });
    Some(Taken {
        source: Some(Source::Sql(sql.clone())),
        origin: Origin::Other,
        part: Some(Part::of_text(&sql)),
        text: Some(sql),
        mapping: Ok(string()),
    })
}

/// Told of JSON without a type.
pub fn unsearched(walk: &mut Walk<'_>, place: &Place, field: &str) -> String {
    walk.remarks.say(
        place,
        format!("{field} is JSON, and not searched, since what is in it is not known"),
        "write `type: flattened`, `object` with `properties`, or a value's type: PGSync left it to Elasticsearch",
    )
}

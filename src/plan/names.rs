//! Small pieces of SQL text: lists, casts, arrays bound as text.

use crate::catalog::{Column, quote};

/// Joined by `, `.
pub fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// `alias."a", alias."b"`.
pub fn of<'a>(alias: &str, columns: impl IntoIterator<Item = &'a String>) -> String {
    list(columns.into_iter().map(|column| format!("{alias}.{}", quote(column))))
}

/// `c1, c2`: the columns of an intermediate result.
pub fn positions(count: usize) -> String {
    list((1..=count).map(|at| format!("c{at}")))
}

/// The type to cast a value's text to: type modifiers are left out, or `varchar(3)` would cut the value.
pub fn cast(column: &Column) -> String {
    match column.type_oid {
        16 => "bool",
        20 => "int8",
        21 => "int2",
        23 => "int4",
        25 => "text",
        1042 => "bpchar",
        1043 => "varchar",
        1700 => "numeric",
        2950 => "uuid",
        1082 => "date",
        1114 => "timestamp",
        1184 => "timestamptz",
        _ => return without_modifier(&column.type_name),
    }
    .to_owned()
}

fn without_modifier(type_name: &str) -> String {
    match (type_name.starts_with('"'), type_name.find('('), type_name.find(')')) {
        (false, Some(open), Some(close)) => format!("{}{}", &type_name[..open], &type_name[close + 1..]),
        _ => type_name.to_owned(),
    }
}

/// `unnest($1::text[]::T1[], …) AS alias(c1, …)`: one row a bound tuple.
pub fn unnest<'a>(columns: impl Iterator<Item = &'a Column>, alias: &str) -> String {
    let casts: Vec<String> = columns.map(cast).collect();
    format!("unnest({}) AS {alias}({})", bound(&casts), positions(casts.len()))
}

/// The same, numbered, for statements that people's own tables and expressions stand in: no name here is one of theirs.
pub fn numbered<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let casts: Vec<String> = columns.map(cast).collect();
    let named = list((0..casts.len()).map(key_column));
    format!("unnest({}) WITH ORDINALITY AS {KEY}({named}, {ORDINAL})", bound(&casts))
}

/// The alias of [`numbered`] keys.
pub const KEY: &str = "\"highwater key\"";
/// The column that numbers them.
pub const ORDINAL: &str = "\"highwater ordinal\"";

/// The column of their part `at`.
pub fn key_column(at: usize) -> String {
    format!("\"highwater key {}\"", at + 1)
}

fn bound(casts: &[String]) -> String {
    let arrays = casts.iter().enumerate();
    list(arrays.map(|(at, cast)| format!("${}::text[]::{cast}[]", at + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_go_and_the_rest_stays() {
        assert_eq!(without_modifier("interval(3)"), "interval");
        assert_eq!(without_modifier("bit varying(8)[]"), "bit varying[]");
        assert_eq!(without_modifier("\"odd(type)\""), "\"odd(type)\"");
    }
}

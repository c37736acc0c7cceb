//! What names columns: beside their own table's name, in a path, in an `order`.

use super::Scope;
use super::name::parts;
use crate::definition::{By, ColumnName, Order, TableName};
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Node, excerpt, expected};

/// `a.b.c`: tables on the way, and perhaps a column behind them.
pub(super) fn path(node: &Node, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    let parts = node.text().and_then(parts);
    if parts.is_none() {
        let remedy = "write the tables on the way with dots between, nearest first, and a column behind them where one is \
                      needed: `edition.printing.price`";
        expected(node, "a path", remedy, mistakes);
    }
    parts
}

/// The column of a `by`, whose table may also be one that the related row points at.
pub(super) fn by(node: &Node, own: Option<&TableName>, mistakes: &mut Mistakes) -> Option<By> {
    let mut parts = node.text().and_then(parts).unwrap_or_default().into_iter();
    let (table, column) = match (parts.next(), parts.next(), parts.next()) {
        (Some(column), None, None) => (None, column),
        (Some(table), Some(column), None) => (Some(table), column),
        _ => {
            let remedy =
                "write `column`, or `table.column` for a table in `through` or one that the related row points at";
            expected(node, "the name of a column", remedy, mistakes);
            return None;
        }
    };
    let table = table.filter(|table| own.is_none_or(|own| own.name != *table));
    Some(By {
        column: ColumnName { table, column },
        place: node.place.clone(),
    })
}

/// `column`, or `table.column` of a table passed on the way.
pub(super) fn column(text: &str, place: &Place, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<ColumnName> {
    let mut parts = parts(text).unwrap_or_default().into_iter();
    let (table, column) = match (parts.next(), parts.next(), parts.next()) {
        (Some(column), None, None) => return Some(ColumnName { table: None, column }),
        (Some(table), Some(column), None) => (table, column),
        _ => {
            let remedy = "write `column`, or `table.column` for a table in `through`; a name that holds a dot goes in \
                          double quotes";
            mistakes.add(place, format!("`{}` is no name of a column", excerpt(text)), remedy);
            return None;
        }
    };
    if scope.through.iter().any(|through| through.name == table) {
        return Some(ColumnName {
            table: Some(table),
            column,
        });
    }
    match scope.table {
        // A table of unknown name has been reported; its columns get the benefit of the doubt.
        Some(own) if own.name != table => {
            let remedy = match scope.through.as_slice() {
                [] => format!(
                    "columns here are those of `{}`; others need a relation of their own",
                    own.name
                ),
                through => {
                    let names = through
                        .iter()
                        .map(|table| format!("`{}`", table.name))
                        .collect::<Vec<_>>();
                    format!("columns here are those of `{}` and of {}", own.name, names.join(", "))
                }
            };
            mistakes.add(
                place,
                format!(
                    "`{}` names the table `{}`, which is not passed here",
                    excerpt(text),
                    excerpt(&table)
                ),
                remedy,
            );
            None
        }
        _ => Some(ColumnName { table: None, column }),
    }
}

/// `column [asc|desc] [nulls first|nulls last]`.
pub(super) fn order(text: &str, place: &Place, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Option<Order> {
    let (name, words) = first_word(text.trim());
    let words = words.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    let (descending, nulls) = match words.as_slice() {
        ["desc", nulls @ ..] => (true, nulls),
        ["asc", nulls @ ..] | nulls => (false, nulls),
    };
    let nulls_first = match nulls {
        [] => None,
        ["nulls", "first"] => Some(true),
        ["nulls", "last"] => Some(false),
        _ => {
            let remedy = if text.contains(',') {
                "write several terms as a list: `[a desc, b]`"
            } else {
                "write `column`, then `asc` or `desc`, then `nulls first` or `nulls last`; order by an expression \
                 through a generated column"
            };
            mistakes.add(place, format!("`{}` is no order", excerpt(text)), remedy);
            return None;
        }
    };
    let column = column(name, place, scope, mistakes)?;
    Some(Order {
        column,
        descending,
        nulls_first,
        place: place.clone(),
    })
}

/// Up to the first space outside double quotes, and the rest.
fn first_word(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|char: char| {
        quoted ^= char == '"';
        !quoted && char.is_whitespace()
    });
    text.split_at(end.unwrap_or(text.len()))
}

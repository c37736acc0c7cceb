//! The text of a relation's statement in each of its forms, and of a table within one.

use crate::catalog::{Column, Table, quote};
use crate::definition::Sql;

use super::lookup::{Edge, Tree};
use super::names::{self, KEY, ORDINAL};
use super::select::SelectList;

/// The rows above, which no table of a person's is called.
const UP: &str = "\"highwater up\"";

/// A table in FROM, with the filters and expressions that belong to its row alone in a scope of their own.
pub fn source(table: &Table, alias: &str, filters: &[Sql], expressions: &[(String, Sql)]) -> String {
    if filters.is_empty() && expressions.is_empty() {
        return format!("{} AS {}", table.sql(), quote(alias));
    }
    let mut columns = format!("{}.*", quote(&table.name));
    for (name, sql) in expressions {
        columns.push_str(&format!(", (\n{}\n) AS {}", sql.text, quote(name)));
    }
    let mut text = format!("(SELECT {columns} FROM {} AS {}", table.sql(), quote(&table.name));
    for (position, filter) in filters.iter().enumerate() {
        text.push_str(if position == 0 { " WHERE " } else { " AND " });
        text.push_str(&format!("(\n{}\n)", filter.text));
    }
    format!("{text}) AS {}", quote(alias))
}

/// `"a"."x" = b.y AND …`.
pub fn equal(alias: &str, columns: &[String], other: impl Fn(usize) -> String) -> String {
    let pairs = columns.iter().enumerate();
    pairs
        .map(|(at, column)| format!("{}.{} = {}", quote(alias), quote(column), other(at)))
        .collect::<Vec<_>>()
        .join(" AND ")
}

/// Joins the rows of a table for which `on` holds. Where an index serves, row by row (OFFSET 0): how many rows are
/// looked up is not known when Postgres plans this, and it would rather read a whole table.
pub fn joined(table: &Table, alias: &str, on: &str, indexed: bool) -> String {
    let (name, alias) = (table.sql(), quote(alias));
    if indexed {
        format!("CROSS JOIN LATERAL (SELECT {alias}.* FROM {name} AS {alias} WHERE {on} OFFSET 0) AS {alias}")
    } else {
        format!("JOIN {name} AS {alias} ON {on}")
    }
}

/// Part `at` of the linking values.
fn linking(at: usize) -> String {
    format!("{KEY}.{}", names::key_column(at))
}

/// A statement under way.
pub struct Parts<'a> {
    pub list: &'a SelectList,
    /// FROM, without the key's unnest.
    pub from: String,
    /// The table that carries the link columns.
    pub first: &'a str,
    pub edge: &'a Edge<'a>,
    /// Conditions beyond the link.
    pub conditions: Vec<String>,
    /// One row for each linking value, over all of its rows.
    pub grouped: bool,
    /// ORDER BY terms, when the statement sorts or limits.
    pub order: Option<String>,
}

impl Parts<'_> {
    /// The linking values are those of rows above, and so is their type: a wider integer need not fit the column here.
    fn link_columns(&self) -> impl Iterator<Item = &Column> {
        self.edge
            .upper_columns
            .iter()
            .map(|name| &self.edge.upper.columns[name])
    }

    /// Keyed by value: `= any($1)`.
    pub fn by_value(&self) -> String {
        let cast = names::cast(&self.edge.upper.columns[&self.edge.upper_columns[0]]);
        let link = format!("{}.{}", quote(self.first), quote(&self.edge.lower_columns[0]));
        let key = format!("{link} = any($1::text[]::{cast}[])");
        format!(
            "SELECT {} FROM {} WHERE {}{}{}",
            self.list.expressions.join(", "),
            self.from,
            self.with_conditions(&key),
            self.grouped(&link),
            self.ordered("")
        )
    }

    /// Keyed by the ordinal of the bound tuple, which is the first column.
    pub fn by_ordinal(&self) -> String {
        let keys = names::numbered(self.link_columns());
        let on = self.edge.on_lower(self.first, linking);
        format!(
            "SELECT {KEY}.{ORDINAL}, {} FROM {keys} CROSS JOIN {} WHERE {}{}{}",
            self.list.expressions.join(", "),
            self.from,
            self.with_conditions(&on),
            self.grouped(&format!("{KEY}.{ORDINAL}")),
            self.ordered(&format!("{KEY}.{ORDINAL}, "))
        )
    }

    /// Keyed by ordinal, at most `limit` rows each: the first column is the ordinal, the last one the rank.
    pub fn limited(&self, limit: u32) -> String {
        let keys = names::numbered(self.link_columns());
        let on = self.edge.on_lower(self.first, linking);
        let order = self.order.clone().unwrap_or_else(|| "1".to_owned());
        format!(
            "SELECT {KEY}.{ORDINAL}, {}, s.rank FROM {keys} CROSS JOIN LATERAL (SELECT {}, row_number() OVER (ORDER BY {order}) AS rank FROM {} \
             WHERE {} ORDER BY {order} LIMIT {limit}) AS s",
            self.selected_outside(),
            self.named(),
            self.from,
            self.with_conditions(&on)
        )
    }

    /// Rows above in a tree: the first column is the ordinal, the last one the height above the linked row.
    pub fn ancestors(&self, tree: &Tree) -> String {
        let keys = names::numbered(self.link_columns());
        let columns: Vec<&String> = self.edge.lower_columns.iter().chain(&tree.child_columns).collect();
        let carried = |alias: &str| {
            names::list(
                columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| format!("{}.{} AS u{at}", quote(alias), quote(column))),
            )
        };
        let width = self.edge.lower_columns.len();
        let indexed = self.edge.lower.is_indexed(&self.edge.lower_columns);
        let up = |other: &dyn Fn(usize) -> String| {
            joined(
                self.edge.lower,
                "t",
                &equal("t", &self.edge.lower_columns, other),
                indexed,
            )
        };
        let (start, step) = (up(&linking), up(&|at| format!("up.u{}", width + at)));
        let back = equal(self.first, &self.edge.lower_columns, |at| format!("{UP}.u{at}"));
        // OFFSET 0: as in `joined`.
        format!(
            "WITH RECURSIVE {UP} AS (SELECT {KEY}.{ORDINAL} AS n, 1 AS height, {} FROM {keys} {start} \
             UNION ALL SELECT up.n, up.height + 1, {} FROM {UP} AS up {step} WHERE up.height < {}) \
             SELECT {UP}.n, {}, {UP}.height FROM {UP} CROSS JOIN LATERAL (SELECT {} FROM {} WHERE {} OFFSET 0) AS s",
            carried("t"),
            carried("t"),
            tree.depth,
            self.selected_outside(),
            self.named(),
            self.from,
            self.with_conditions(&back)
        )
    }

    /// The selected expressions, named to be selected again around this statement.
    fn named(&self) -> String {
        let expressions = self.list.expressions.iter().enumerate();
        names::list(expressions.map(|(at, expression)| format!("{expression} AS e{at}")))
    }

    fn selected_outside(&self) -> String {
        names::list((0..self.list.expressions.len()).map(|at| format!("s.e{at}")))
    }

    fn with_conditions(&self, key: &str) -> String {
        std::iter::once(key.to_owned())
            .chain(self.conditions.iter().map(|condition| format!("(\n{condition}\n)")))
            .collect::<Vec<_>>()
            .join(" AND ")
    }

    fn grouped(&self, link: &str) -> String {
        if self.grouped {
            format!(" GROUP BY {link}")
        } else {
            String::new()
        }
    }

    fn ordered(&self, before: &str) -> String {
        self.order
            .as_ref()
            .map(|order| format!(" ORDER BY {before}{order}"))
            .unwrap_or_default()
    }
}

//! How the columns of a join are compared in SQL.

use crate::catalog::{Column, literal, quote};

use super::join::{Edge, Given};

impl Edge<'_> {
    /// The condition that a row of the lower table, called `alias`, has the linking values `other`, which have the types
    /// of the upper table's columns.
    pub fn on_lower(&self, alias: &str, other: impl Fn(usize) -> String) -> String {
        let columns = self.lower_columns.iter().map(|name| &self.lower.columns[name]);
        self.on(columns, alias, other)
    }

    /// The condition that a row of the upper table, called `alias`, has the linking values `other`, which have the types
    /// of the lower table's columns, and is one of those meant.
    pub fn on_upper(&self, alias: &str, other: impl Fn(usize) -> String) -> String {
        let columns = self.upper_columns.iter().map(|name| &self.upper.columns[name]);
        let on = self.on(columns, alias, other);
        match self.is_given(alias) {
            Some(given) => format!("{on} AND {given}"),
            None => on,
        }
    }

    /// Of a view, what else holds of the rows meant, given what their first column is among: Postgres takes this into the
    /// view, where indexes are, and no condition of a join.
    pub fn within_view(&self, alias: &str, values: &str) -> Option<String> {
        let column = self.upper_columns.first()?;
        let is_taken = self.upper.view.is_some() && !self.as_text;
        is_taken.then(|| format!("{}.{} = any (ARRAY({values}))", quote(alias), quote(column)))
    }

    /// Whether an index serves a lookup of rows of the upper table.
    pub fn upper_is_indexed(&self) -> bool {
        let with_given: Vec<String> = self
            .upper_columns
            .iter()
            .chain(self.given.iter().map(|given| &given.column))
            .cloned()
            .collect();
        self.upper.is_indexed(&self.upper_columns) || self.upper.is_indexed(&with_given)
    }

    /// The condition that a row of the upper table is one of those meant.
    pub fn is_given(&self, alias: &str) -> Option<String> {
        let Given { column, value } = self.given.as_ref()?;
        let (name, column) = (
            format!("{}.{}", quote(alias), quote(column)),
            &self.upper.columns[column],
        );
        Some(match column.type_oid {
            19 | 25 | 1042 | 1043 => format!("{name} = {}", literal(value)),
            20 | 21 | 23 if value.parse::<i64>().is_ok() => format!("{name} = {value}"),
            _ => format!("{name}::text = {}", literal(value)),
        })
    }

    fn on<'a>(
        &self,
        columns: impl Iterator<Item = &'a Column>,
        alias: &str,
        other: impl Fn(usize) -> String,
    ) -> String {
        let pair = |(at, column): (usize, &Column)| {
            let name = format!("{}.{}", quote(alias), quote(&column.name));
            if self.as_text {
                is_text(column, &name, &format!("{}::text", other(at)))
            } else {
                format!("{name} = {}", other(at))
            }
        };
        columns.enumerate().map(pair).collect::<Vec<_>>().join(" AND ")
    }
}

/// Whether a column's text is this one, in a way that an index on the column serves.
fn is_text(column: &Column, name: &str, text: &str) -> String {
    match column.type_oid {
        25 | 1043 => format!("{name} = {text}"),
        20 | 21 | 23 => format!(
            "{name} = CASE WHEN {text} ~ '^(0|-?[1-9][0-9]{{0,18}})$' THEN \
             CASE WHEN {text}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN {text}::int8 END END"
        ),
        2950 => format!(
            "{name} = CASE WHEN {text} ~ '^[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}$' THEN {text}::uuid END"
        ),
        _ => format!("{name}::text = {text}"),
    }
}

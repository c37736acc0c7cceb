//! The key of each row, where a relation is an object keyed by a column.

use crate::catalog::{Wire, quote};
use crate::definition::By;
use crate::plan::lookup::Stop;
use crate::plan::{names, statement};

use super::Walk;
use super::scope::{Named, Scope};

/// What a table joined for its key alone is called, and the key in it: expressions of a person's stand beside it, and no
/// name of theirs may become ambiguous.
const ASIDE: &str = "\"highwater by\"";

impl<'c> Walk<'c, '_> {
    /// Position of the text that keys a row.
    pub fn key_of(&mut self, scope: &mut Scope<'c>, by: &By) -> Option<usize> {
        let beside = |table: &String| scope.beside.iter().any(|named| named.table.name == *table);
        if let Some(table) = by.column.table.as_ref().filter(|table| !beside(table)) {
            return self.key_aside(scope, by, table);
        }
        let (named, column) = self.column(scope, &by.column, &by.place)?;
        Some(scope.list.as_text(&named.alias, column))
    }

    /// The same, of a table that is neither the related one nor on the way to it: the related row points at it.
    fn key_aside(&mut self, scope: &mut Scope<'c>, by: &By, table: &str) -> Option<usize> {
        let defaults = &self.definition.tables;
        let Stop { edge, filters } = self.lookup.aside(scope.own.table, table, &by.place, defaults)?;
        let (table, column) = (edge.lower, &by.column.column);
        if !self.lookup.column(table, column, &by.place) {
            return None;
        }
        self.advise_way(&edge, &by.place);
        for column in &edge.upper_columns {
            self.uses.column(scope.own.place, column);
        }
        let path = scope.path.iter().cloned().chain([edge.clone()]).collect();
        let name = format!("{} by {}", scope.dotted, table.name);
        let named = Named {
            alias: table.name.clone(),
            table,
            place: self.stand(table, name, path, &table.primary_key),
        };
        self.uses.column(named.place, column);
        filters
            .iter()
            .for_each(|filter| self.expression(&named, &[], filter, true));
        let link = |at: usize| format!("highwater by {}", at + 1);
        let links = edge.lower_columns.iter().enumerate();
        let selected = names::list(links.map(|(at, column)| format!("{} AS {}", quote(column), quote(&link(at)))));
        let aliases: Vec<String> = (0..edge.lower_columns.len()).map(link).collect();
        let on = statement::equal("highwater by", &aliases, |at| {
            format!("{}.{}", quote(&scope.own.alias), quote(&edge.upper_columns[at]))
        });
        let source = statement::source(table, &table.name, &filters, &[]);
        scope.aside = Some(format!(
            " JOIN (SELECT {}::text AS {ASIDE}, {selected} FROM {source}) AS {ASIDE} ON {on}",
            quote(column)
        ));
        Some(scope.list.add(format!("{ASIDE}.{ASIDE}"), Wire::Text))
    }
}

//! The order of a relation's rows: the terms as written, and what makes them total.

use crate::catalog::{Column, Wire, quote};
use crate::definition::{Order, Relation};
use crate::plan::SortColumn;
use crate::plan::select::SelectList;

use super::Walk;
use super::scope::{Named, Scope};

/// One term of an ORDER BY; without a column, the row's whole text.
pub struct Term<'c> {
    alias: String,
    column: Option<&'c Column>,
    descending: bool,
    nulls_first: bool,
}

impl<'c, 'd> Walk<'c, 'd> {
    /// The order as written, and the keys of every table on the way, so that there are no ties.
    pub fn order(&mut self, scope: &Scope<'c, 'd>, relation: &Relation) -> Vec<Term<'c>> {
        let mut terms: Vec<Term<'c>> = Vec::new();
        for order in &relation.order {
            if let Some((named, column)) = self.column(scope, &order.column, &order.place) {
                terms.push(Term::written(named.alias, column, order));
            }
        }
        for Named { alias, table, .. } in scope.tables().rev() {
            let tie = |column| Term {
                alias: alias.clone(),
                column,
                descending: false,
                nulls_first: false,
            };
            terms.extend(table.primary_key.iter().map(|column| tie(Some(&table.columns[column]))));
            if table.primary_key.is_empty() {
                terms.push(tie(None));
            }
        }
        terms
    }
}

impl<'c> Term<'c> {
    fn written(alias: String, column: &'c Column, order: &Order) -> Self {
        Self {
            alias,
            column: Some(column),
            descending: order.descending,
            nulls_first: order.nulls_first.unwrap_or(order.descending),
        }
    }

    pub fn sql(&self) -> String {
        let value = match self.column {
            Some(column) => format!("{}.{}", quote(&self.alias), quote(&column.name)),
            None => format!("{}::text COLLATE \"C\"", quote(&self.alias)),
        };
        let direction = if self.descending { " DESC" } else { "" };
        let nulls = if self.nulls_first == self.descending {
            ""
        } else if self.nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        };
        format!("{value}{direction}{nulls}")
    }
}

/// The order as select positions, when every term sorts by its bytes.
pub fn by_worker(list: &mut SelectList, terms: &[Term<'_>]) -> Option<Vec<SortColumn>> {
    if !terms.iter().all(|term| term.column.is_some_and(sorts_by_bytes)) {
        return None;
    }
    let columns = terms.iter().filter_map(|term| {
        let at = list.value(&term.alias, term.column?);
        Some(SortColumn {
            at,
            descending: term.descending,
            nulls_first: term.nulls_first,
        })
    });
    Some(columns.collect())
}

fn sorts_by_bytes(column: &Column) -> bool {
    match column.wire {
        Wire::Bool
        | Wire::Int2
        | Wire::Int4
        | Wire::Int8
        | Wire::Uuid
        | Wire::Bytea
        | Wire::Date
        | Wire::Timestamp
        | Wire::Timestamptz => true,
        Wire::Text => column.collation_c && column.type_oid != 1042,
        _ => false,
    }
}

//! The order of a relation's rows: the terms as written, and what makes them total.

use crate::catalog::{Column, Wire, quote};
use crate::definition::{Content, FieldKind, Relation};
use crate::plan::select::SelectList;
use crate::plan::{SortColumn, Source};

use super::Walk;
use super::scope::{Named, Scope};

/// One term of an ORDER BY.
pub struct Term<'c> {
    /// What is compared.
    value: String,
    /// The column that it is, and its table's alias.
    column: Option<(String, &'c Column)>,
    descending: bool,
    nulls_first: bool,
}

impl<'c> Walk<'c, '_> {
    /// The order as written, and the keys of every table on the way, so that there are no ties. A view's key is somebody's
    /// word.
    pub fn order(&mut self, scope: &Scope<'c>, relation: &Relation) -> Vec<Term<'c>> {
        let mut terms: Vec<Term<'c>> = Vec::new();
        for order in &relation.order {
            if let Some((named, column)) = self.column(scope, &order.column, &order.place) {
                terms.push(Term {
                    descending: order.descending,
                    nulls_first: order.nulls_first.unwrap_or(order.descending),
                    ..Term::of(named.alias, column)
                });
            }
        }
        if relation.distinct {
            terms.extend(self.value(scope, relation));
        }
        for Named { alias, table, .. } in scope.tables().rev() {
            let key = table.primary_key.iter();
            terms.extend(key.map(|column| Term::of(alias.clone(), &table.columns[column])));
            if table.primary_key.is_empty() || table.view.is_some() {
                // The row, which a column of its name would hide.
                terms.push(Term::text(&format!("({}.*)", quote(alias))));
            }
        }
        terms
    }

    /// A bare value itself.
    fn value(&mut self, scope: &Scope<'c>, relation: &Relation) -> Option<Term<'c>> {
        let Content::Value(field) = &relation.content else {
            return None;
        };
        if let FieldKind::Column { column, path, .. } = &field.kind
            && path.is_empty()
        {
            let (named, column) = self.column(scope, column, &field.place)?;
            if column.has_order() {
                return Some(Term::of(named.alias, column));
            }
        }
        match scope.segments.first()?.first()?.source {
            Source::Selected(at) => Some(Term::text(&format!("({})", scope.list.expression(at)?))),
            Source::Constant(_) | Source::Object(_) | Source::Single { .. } => None,
        }
    }
}

impl<'c> Term<'c> {
    /// A column, upward, with Postgres' own place for nulls.
    fn of(alias: String, column: &'c Column) -> Self {
        Self {
            value: format!("{}.{}", quote(&alias), quote(&column.name)),
            column: Some((alias, column)),
            descending: false,
            nulls_first: false,
        }
    }

    /// The text of anything.
    fn text(value: &str) -> Self {
        Self {
            value: format!("{value}::text COLLATE \"C\""),
            column: None,
            descending: false,
            nulls_first: false,
        }
    }

    pub fn sql(&self) -> String {
        let direction = if self.descending { " DESC" } else { "" };
        let nulls = if self.nulls_first == self.descending {
            ""
        } else if self.nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        };
        format!("{}{direction}{nulls}", self.value)
    }
}

/// The order as select positions, when every term sorts by its bytes; what stands in it twice decides nothing the second
/// time.
pub fn by_worker(list: &mut SelectList, terms: &[Term<'_>]) -> Option<Vec<SortColumn>> {
    let sortable = |term: &Term<'_>| term.column.as_ref().is_some_and(|(_, column)| sorts_by_bytes(column));
    if !terms.iter().all(sortable) {
        return None;
    }
    let mut columns: Vec<SortColumn> = Vec::new();
    for term in terms {
        let (alias, column) = term.column.as_ref()?;
        let at = list.value(alias, column, "");
        if columns.iter().all(|known| known.at != at) {
            columns.push(SortColumn {
                at,
                descending: term.descending,
                nulls_first: term.nulls_first,
            });
        }
    }
    Some(columns)
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
        | Wire::Time
        | Wire::Timestamp
        | Wire::Timestamptz => true,
        Wire::Text => column.collation_c && column.type_oid != 1042,
        _ => false,
    }
}

//! A level while its fields are read: which tables they may name, and what its statement selects for them.

use crate::catalog::{Column, Table, Wire, literal, quote};
use crate::definition::{ColumnName, Due, Field, FieldKind, Missing, Sql};
use crate::mistake::Place;
use crate::plan::due::is_moment;
use crate::plan::select::SelectList;
use crate::plan::uses::{Path, UseId};
use crate::plan::{Expression, Output, PlannedTable, Source, names, render};

use super::Walk;

/// A table that expressions and columns may name: as it is called in the statement, and its place in the tree.
#[derive(Clone)]
pub struct Named<'c> {
    pub alias: String,
    pub table: &'c Table,
    pub place: UseId,
}

pub struct Scope<'c> {
    /// The level's number.
    pub position: usize,
    pub own: Named<'c>,
    /// Junctions, nearest to the level above first.
    pub beside: Vec<Named<'c>>,
    /// JOIN of a table that the own row points at, for the column of a `by`.
    pub aside: Option<String>,
    pub path: Path<'c>,
    pub dotted: String,
    pub list: SelectList,
    /// User expressions, computed in the table's own scope.
    pub expressions: Vec<(String, Sql)>,
    /// What a row writes by itself; the first are its own fields.
    pub segments: Vec<Vec<Output>>,
    /// The numbers of their levels.
    pub children: Vec<usize>,
}

impl<'c> Scope<'c> {
    /// Every table of the statement, from the level above down to its own.
    pub fn tables(&self) -> impl DoubleEndedIterator<Item = &Named<'c>> {
        self.beside.iter().chain(std::iter::once(&self.own))
    }

    /// The table that is joined to the level above.
    pub fn first(&self) -> &Named<'c> {
        self.beside.first().unwrap_or(&self.own)
    }

    /// Whether an expression names a junction, so that the own row alone does not give its value.
    pub fn reaches_beside(&self, sql: &Sql) -> bool {
        self.beside.iter().any(|named| mentions(&sql.text, &named.table.name))
    }

    /// The table that a column's name means; otherwise which ones it might.
    fn find(&self, table: Option<&str>) -> Result<&Named<'c>, String> {
        let Some(wanted) = table else {
            return Ok(&self.own);
        };
        let called = |named: &&Named<'_>| named.alias == wanted || named.table.name == wanted;
        let own = (self.own.table.name == wanted).then_some(&self.own);
        self.beside.iter().find(called).or(own).ok_or_else(|| {
            let known: Vec<&str> = self.beside.iter().map(|named| named.alias.as_str()).collect();
            if known.is_empty() {
                "only a relation with through: has others".to_owned()
            } else {
                format!("known here: {}", known.join(", "))
            }
        })
    }
}

impl<'c> Walk<'c, '_> {
    /// A column or an expression; a bare value has no prefix.
    pub fn output(&mut self, scope: &mut Scope<'c>, field: &Field, prefix: String, path: String) -> Option<Output> {
        let (source, origin) = match &field.kind {
            FieldKind::Column {
                column,
                path: within,
                mapping,
            } => {
                let (named, column) = self.column(scope, column, &field.place)?;
                let at = if within.is_empty() {
                    // Bare values in a `flattened` field stand under the keys of an object: they need not be one.
                    if !(prefix.is_empty() && render::field_type(mapping) == "flattened") {
                        self.fit(named.table, column, field, &path);
                    }
                    scope.list.value(&named.alias, column, render::field_type(mapping))
                } else {
                    self.within(scope, &named, column, within, &field.place)?
                };
                let origin = format!("column {} of {}", column.name, named.table.name);
                (Source::Selected(at), origin)
            }
            FieldKind::Sql { sql, mapping } => {
                let at = self.computed(scope, sql, render::expression(render::field_type(mapping)));
                (
                    Source::Selected(at),
                    format!("an expression over {}", scope.own.table.name),
                )
            }
            FieldKind::Constant { json, .. } => (Source::Constant(json.clone()), "a constant".to_owned()),
            // Not ours, or more than a value.
            FieldKind::Filled { .. } | FieldKind::Group(_) | FieldKind::Relation(_) | FieldKind::Switch(_) => {
                return None;
            }
        };
        Some(Output {
            // Among bare values, a null keeps its place.
            drop: field.missing == Missing::Drop && !prefix.is_empty(),
            prefix,
            source,
            path,
            origin,
        })
    }

    /// Columns whose moments touch their rows; noted before expressions are, which may read the clock then.
    pub fn due(&mut self, scope: &Scope<'c>, dues: &[Due]) {
        for due in dues {
            let Some((named, column)) = self.column(scope, &due.column, &due.place) else {
                continue;
            };
            if named.table.view.is_some() {
                self.lookup.mistakes.add(
                    &due.place,
                    format!("{:?} is a view, whose rows cannot be touched", named.table.name),
                    "say due: where the table that holds the moments is used itself",
                );
            } else if is_moment(column) {
                self.uses.due(named.place, &column.name);
                self.advise_due(named.table, &column.name, &due.place);
            } else {
                self.lookup.mistakes.add(
                    &due.place,
                    format!(
                        "column {:?} of {:?} is of type {}, which holds no moment",
                        column.name, named.table.name, column.type_name
                    ),
                    "name a column of type timestamptz, timestamp or date",
                );
            }
        }
    }

    /// Position of what a path within a JSON value leads to.
    fn within(
        &mut self,
        scope: &mut Scope<'c>,
        named: &Named<'c>,
        column: &Column,
        path: &[String],
        place: &Place,
    ) -> Option<usize> {
        if !matches!(column.wire, Wire::Json | Wire::Jsonb) {
            self.lookup.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} is {}, and `path` leads nowhere in it",
                    column.name, named.table.name, column.type_name
                ),
                "a path leads into json or jsonb; for other types use sql:",
            );
            return None;
        }
        let keys = names::list(path.iter().map(|key| literal(key)));
        let (alias, name) = (quote(&named.alias), quote(&column.name));
        Some(
            scope
                .list
                .add(format!("{alias}.{name} #> ARRAY[{keys}]::text[]"), column.wire),
        )
    }

    /// The column that is meant, of which the level's documents depend from now on.
    pub fn column(&mut self, scope: &Scope<'c>, name: &ColumnName, place: &Place) -> Option<(Named<'c>, &'c Column)> {
        let named = match scope.find(name.table.as_deref()) {
            Ok(named) => named,
            Err(remedy) => {
                let wanted = name.table.as_deref().unwrap_or_default();
                let found = format!("{wanted:?} is not a table of this relation");
                self.lookup.mistakes.add(place, found, remedy);
                return None;
            }
        };
        if !self.lookup.column(named.table, &name.column, place) {
            return None;
        }
        self.uses.column(named.place, &name.column);
        Some((named.clone(), &named.table.columns[&name.column]))
    }

    /// Position of an expression's value: computed in the scope of its own row, unless it names a junction.
    fn computed(&mut self, scope: &mut Scope<'c>, sql: &Sql, wire: Wire) -> usize {
        if scope.reaches_beside(sql) {
            self.expression(&scope.own, &scope.beside, sql, false);
            return scope.list.add(format!("to_json((\n{}\n))", sql.text), wire);
        }
        self.expression(&scope.own, &[], sql, false);
        let column = format!("highwater {}", scope.expressions.len() + 1);
        let expression = format!("to_json({}.{})", quote(&scope.own.alias), quote(&column));
        scope.expressions.push((column, sql.clone()));
        scope.list.add(expression, wire)
    }

    /// Notes an expression over a row of `own`, which may read any column of it and of those `beside`.
    pub fn expression(&mut self, own: &Named<'c>, beside: &[Named<'c>], sql: &Sql, boolean: bool) {
        for named in beside.iter().chain([own]) {
            self.uses.any_column(named.place);
        }
        let timed = beside.iter().chain([own]).any(|named| self.uses.is_timed(named.place));
        self.expressions.push(Expression {
            timed,
            table: PlannedTable::of(own.table),
            sql: sql.clone(),
            boolean,
            beside: beside.iter().map(|named| PlannedTable::of(named.table)).collect(),
        });
    }
}

/// Whether an expression names a table, as in `book_author.role`.
fn mentions(expression: &str, table: &str) -> bool {
    expression.contains(&format!("{table}.")) || expression.contains(&format!("{}.", quote(table)))
}

/// `,"name":`, as it stands in the document.
pub fn prefix(name: &str) -> String {
    format!(",{}:", serde_json::Value::from(name))
}

/// The path of a field below another; a bare value has no name of its own.
pub fn below(above: &str, name: &str) -> String {
    match (above.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => above.to_owned(),
        (false, false) => format!("{above}.{name}"),
    }
}

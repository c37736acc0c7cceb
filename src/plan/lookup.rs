//! Finds what a definition names in the catalog, and notes what is not there: tables and columns here, the joins between
//! two tables in `join`, the tables on a relation's way in `stop`, the tables beneath a view in `view`.

mod compare;
mod join;
mod stop;
mod view;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Column, Table, TableKind};
use crate::definition::TableName;
use crate::mistake::{Mistakes, Place};

pub use join::{Edge, Given, MAX_JOIN, Tree, Wanted, candidates};
pub use stop::Stop;
pub use view::{Beneath, Seen, declared};

pub struct Lookup<'c> {
    catalog: &'c Catalog,
    pub mistakes: Mistakes,
}

impl<'c> Lookup<'c> {
    pub fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            mistakes: Mistakes::default(),
        }
    }

    /// The table of this name, readable and of a kind that has rows of its own.
    pub fn table(&mut self, name: &TableName) -> Option<&'c Table> {
        let written = written(name);
        let Some(table) = self.catalog.find(name.schema.as_deref(), &name.name) else {
            let names: Vec<String> = self
                .catalog
                .tables
                .iter()
                .map(|table| display(self.catalog, table))
                .collect();
            let remedy = match nearest(&written, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}? Names are taken literally, case included"),
                None => "check the name, its schema, and that the role may see it".to_owned(),
            };
            self.mistakes
                .add(&name.place, format!("there is no table {written:?}"), remedy);
            return None;
        };
        if !table.readable {
            self.mistakes.add(
                &name.place,
                format!("the role may not read table {written:?}"),
                format!("run: GRANT SELECT ON {} TO the role in postgres.url", table.sql()),
            );
        }
        if table.row_security {
            self.mistakes.add(
                &name.place,
                format!("row-level security hides rows of {written:?} from the role, and hidden rows would be deleted from the index"),
                "give the role BYPASSRLS (ALTER ROLE … BYPASSRLS), or use a role that owns the table",
            );
        }
        if table.subscribed {
            self.mistakes.add(
                &name.place,
                format!("a subscription writes to {written:?}, and what logical replication applies fires no triggers: its changes would be missed"),
                "let highwater read the database that publishes the table, or take the table out of the subscription",
            );
        }
        if let Some(column) = table.columns.keys().find(|column| column.starts_with("highwater ")) {
            self.mistakes.add(
                &name.place,
                format!("column {column:?} of {written:?} is called like what the statements here add to the table's columns"),
                "rename it: no column of a table that is read may begin with \"highwater \"",
            );
        }
        self.captured(table, &written, &name.place);
        Some(table)
    }

    /// The table of this name, of which all there is to say has been said.
    pub fn known(&self, name: &TableName) -> Option<&'c Table> {
        self.catalog.find(name.schema.as_deref(), &name.name)
    }

    /// Whether every change of the table's rows can be seen; notes what cannot.
    fn captured(&mut self, table: &Table, written: &str, place: &Place) {
        let called = |oid: &u32| self.catalog.by_oid(*oid).map(|table| display(self.catalog, table));
        let elsewhere = |oid: &&u32| {
            self.catalog
                .by_oid(**oid)
                .is_some_and(|leaf| leaf.kind == TableKind::Foreign)
        };
        let (found, remedy) = match table.kind {
            TableKind::View if table.primary_key.is_empty() => {
                let tables: BTreeSet<String> = self.catalog.beneath(table).0.iter().filter_map(called).collect();
                let lines: Vec<String> = tables
                    .iter()
                    .map(|table| format!("{table}: {{ column: key column }}"))
                    .collect();
                (
                    format!("{written:?} is a view, which has no key, and no triggers see its rows change"),
                    format!(
                        "say what it is made of, at the top: views: {{ {written}: {{ key: …, tables: {{ {} }} }} }}, or use these tables themselves",
                        lines.join(", ")
                    ),
                )
            }
            TableKind::MaterializedView | TableKind::Foreign => (
                format!(
                    "{written:?} is a materialized view or foreign table, whose rows change without a trigger's notice"
                ),
                "use the tables it is made of, or a plain view of them".to_owned(),
            ),
            TableKind::Table | TableKind::Partitioned | TableKind::View => {
                if let Some(leaf) = table.leaves.iter().find(elsewhere).and_then(called) {
                    (
                        format!(
                            "the foreign table {leaf:?} is a part of {written:?}, and its rows change without a trigger's notice"
                        ),
                        format!("take it out of the table: ALTER TABLE … DETACH PARTITION {leaf}, or … NO INHERIT"),
                    )
                } else if let Some(parent) = table.parents.first().and_then(called) {
                    (
                        format!(
                            "{written:?} is a part of {parent:?}, and statements that name that table change its rows without firing its triggers"
                        ),
                        format!("use {parent:?}, with a where: that tells these rows apart"),
                    )
                } else {
                    return;
                }
            }
        };
        self.mistakes.add(place, found, remedy);
    }

    /// The tables that hold its rows beside it.
    pub fn leaves(&self, table: &Table) -> Vec<&'c Table> {
        table
            .leaves
            .iter()
            .filter_map(|leaf| self.catalog.by_oid(*leaf))
            .collect()
    }

    /// Whether `column` is a column of `table`; notes it otherwise.
    pub fn column(&mut self, table: &Table, column: &str, place: &Place) -> bool {
        if table.columns.contains_key(column) {
            return true;
        }
        let remedy = match nearest(column, table.columns.keys().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!(
                "it has: {}",
                table.columns.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        };
        self.mistakes.add(
            place,
            format!("table {:?} has no column {column:?}", table.name),
            remedy,
        );
        false
    }

    /// Whether rows can be found by the column: an extension's type may call equal what differs in its bytes, as citext
    /// does, and its operators are not where ours are looked up.
    pub fn own_type(&mut self, table: &Table, column: &Column, place: &Place) -> bool {
        if column.foreign {
            self.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} is of an extension's type ({}), by which rows are not found",
                    column.name, table.name, column.type_name
                ),
                "use a column of one of Postgres' own types; a generated column can hold the value as text",
            );
        }
        !column.foreign
    }

    /// Whether triggers see the column's value: a virtual generated column is not computed in what they are given.
    pub fn logged(&mut self, table: &Table, column: &Column, place: &Place) -> bool {
        if column.virtual_base.is_some() {
            self.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} is a virtual generated column, whose values triggers do not see",
                    column.name, table.name
                ),
                "make it STORED, or use a column of its own",
            );
        }
        column.virtual_base.is_none()
    }
}

/// The name as a person wrote it.
fn written(name: &TableName) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    }
}

fn display(catalog: &Catalog, table: &Table) -> String {
    let plain = catalog
        .find(None, &table.name)
        .is_some_and(|found| found.oid == table.oid);
    if plain {
        table.name.clone()
    } else {
        format!("{}.{}", table.schema, table.name)
    }
}

/// The most similar of `names`, when it is similar enough to have been meant.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

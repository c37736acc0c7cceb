//! Finds what a definition names in the catalog, and notes what is not there: tables and columns here, the joins between
//! two tables in `join`, the tables on a relation's way in `stop`.

mod compare;
mod join;
mod stop;

use crate::catalog::{Catalog, Column, Table, TableKind};
use crate::definition::TableName;
use crate::mistake::{Mistakes, Place};

pub use join::{Edge, Given, MAX_JOIN, Tree, Wanted, candidates};
pub use stop::Stop;

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
        if matches!(
            table.kind,
            TableKind::View | TableKind::MaterializedView | TableKind::Foreign
        ) {
            self.mistakes.add(
                &name.place,
                format!("{written:?} is a view or foreign table, which cannot be captured"),
                "use the tables it is made of",
            );
        }
        Some(table)
    }

    /// The table of this name, of which all there is to say has been said.
    pub fn known(&self, name: &TableName) -> Option<&'c Table> {
        self.catalog.find(name.schema.as_deref(), &name.name)
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

//! The level of the documents themselves: their key, their filter, and the statement that reads them by keys.

use crate::catalog::{Column, Table, TableKind, quote};
use crate::definition::Sql;
use crate::plan::capture::settled_text;
use crate::plan::keys::{ROOT, by_keys};
use crate::plan::select::SelectList;
use crate::plan::{Level, Link, Rank, Routing, Select, Shape, statement};

use super::Walk;
use super::scope::{Named, Scope};

impl<'c> Walk<'c, '_> {
    /// The key's columns, as far as they are known.
    pub fn key(&mut self, root: &'c Table) -> Vec<String> {
        let place = &self.definition.table.place;
        let key = self.definition.key.as_ref().unwrap_or(&root.primary_key);
        if self.definition.key.is_some() {
            self.check_key(root, key);
        } else if key.is_empty() && root.kind != TableKind::View && root.kind != TableKind::MaterializedView {
            let (found, remedy) = if root.inherited {
                let found = format!("tables inherit from {:?}, and their rows may repeat its key", root.name);
                (
                    found,
                    "name columns that tell all of these rows apart with: key: [column, …]",
                )
            } else {
                let found = format!("table {:?} has no primary key", root.name);
                (found, "add one, or name unique columns with: key: [column, …]")
            };
            self.lookup.mistakes.add(place, found, remedy);
        }
        let known: Vec<&Column> = key.iter().filter_map(|column| root.columns.get(column)).collect();
        for column in &known {
            self.lookup.own_type(root, column, place);
        }
        known.into_iter().map(|column| column.name.clone()).collect()
    }

    /// A key that a person chose tells rows apart, and every row has one.
    fn check_key(&mut self, root: &Table, key: &[String]) {
        let place = &self.definition.table.place;
        let known: Vec<bool> = key
            .iter()
            .map(|column| self.lookup.column(root, column, place))
            .collect();
        if root.kind == TableKind::View {
            return;
        }
        if !root.inherited && known.iter().all(|known| *known) && !root.is_unique(key) {
            self.lookup.mistakes.add(
                place,
                "the key is not unique",
                "name the columns of a primary key or unique index",
            );
        }
        let nullable = |column: &&String| root.columns.get(*column).is_some_and(|column| !column.not_null);
        if let Some(column) = key.iter().find(nullable) {
            self.lookup.mistakes.add(
                place,
                format!("the key column {column:?} may be null, and a row without a key has no document"),
                format!(
                    "run: ALTER TABLE {} ALTER COLUMN {} SET NOT NULL, or choose other columns",
                    root.sql(),
                    quote(column)
                ),
            );
        }
    }

    /// The documents' own level; what routes them.
    pub fn root(&mut self, root: &'c Table, key: &[String]) -> Option<Routing> {
        let own = Named {
            alias: ROOT.to_owned(),
            table: root,
            place: self.stand(root, String::new(), Vec::new(), key),
        };
        let mut scope = self.open(own, Vec::new(), Vec::new(), String::new(), SelectList::default());
        let key_positions = key
            .iter()
            .map(|column| scope.list.text(ROOT, &root.columns[column]))
            .collect();
        let routing = self.routing(&mut scope);
        self.due(&scope, &self.definition.due);
        let filters: Vec<Sql> = self.definition.filter.clone().into_iter().collect();
        filters
            .iter()
            .for_each(|filter| self.expression(&scope.own, &[], filter, true));
        let hanging = self.own_fields(&mut scope, &self.definition.fields);
        let parts = self.parts(&mut scope, hanging);
        let from = statement::source(root, ROOT, &filters, &scope.expressions);
        let head = format!("SELECT {} FROM {from} WHERE ", scope.list.expressions.join(", "));
        self.levels[scope.position] = Some(Level {
            path: String::new(),
            parent: None,
            prefix: String::new(),
            shape: Shape::Root,
            bare: false,
            select: Select {
                sql: format!("{head}{}", by_keys(root, key)),
                head,
                tail: String::new(),
                wires: scope.list.wires(None),
            },
            key: None,
            distinct: None,
            segments: scope.segments,
            parts,
            link: Link::Key(key_positions),
            parent_link: Vec::new(),
            order: Rank::Arrival,
            children: scope.children,
            required: false,
            drop: false,
        });
        routing
    }

    /// The routing column: found by like a join column, so that its old value is known where a row moves.
    fn routing(&mut self, scope: &mut Scope<'c>) -> Option<Routing> {
        let wanted = self.definition.routing.as_ref()?;
        let (root, place) = (scope.own.table, &wanted.place);
        if !self.lookup.column(root, &wanted.column, place) {
            return None;
        }
        if root.view.is_some() {
            self.lookup.mistakes.add(
                place,
                format!(
                    "{:?} is a view, of whose rows no trigger knows the old values",
                    root.name
                ),
                "route documents of a table; what the view adds can hang on it as a relation",
            );
        }
        if root.columns[&wanted.column].virtual_base.is_some() {
            self.lookup.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} is computed when it is read, and its old value is not known to a trigger",
                    wanted.column, root.name
                ),
                "have it STORED, or route by a column that is",
            );
        }
        if !settled_text(root, &wanted.column) {
            self.lookup.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} is of type {}, whose text depends on settings",
                    wanted.column, root.name, root.columns[&wanted.column].type_name
                ),
                "route by a text, an integer, a uuid, a boolean, a numeric or an enum",
            );
        }
        self.lookup.own_type(root, &root.columns[&wanted.column], place);
        self.uses.column(scope.own.place, &wanted.column);
        self.uses.logged(scope.own.place, &wanted.column);
        Some(Routing {
            column: wanted.column.clone(),
            at: scope.list.as_text(ROOT, &root.columns[&wanted.column]),
        })
    }
}

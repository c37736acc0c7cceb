//! The level of the documents themselves: their key, their filter, and the statement that reads them by keys.

use crate::catalog::{Column, Table, TableKind, quote};
use crate::definition::Sql;
use crate::plan::keys::{ROOT, by_keys};
use crate::plan::select::SelectList;
use crate::plan::{Level, Link, Rank, Select, Shape, statement};

use super::Walk;
use super::scope::Named;

impl<'c> Walk<'c, '_> {
    /// The key's columns, as far as they are known.
    pub fn key(&mut self, root: &'c Table) -> Vec<String> {
        let place = &self.definition.table.place;
        let key = self.definition.key.as_ref().unwrap_or(&root.primary_key);
        if self.definition.key.is_some() {
            self.check_key(root, key);
        } else if key.is_empty() {
            self.lookup.mistakes.add(
                place,
                format!("table {:?} has no primary key", root.name),
                "add one, or name unique columns with: key: [column, …]",
            );
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
        if known.iter().all(|known| *known) && !root.is_unique(key) {
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

    pub fn root(&mut self, root: &'c Table, key: &[String]) {
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
    }
}

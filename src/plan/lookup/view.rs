//! Views as a definition declares them: what they are made of, held against what they read.
//!
//! Nothing tells when a view's row changes but the rows beneath it, so that every table it reads must be known, with the
//! columns by which its rows lead to the view's. That they do is the word of whoever wrote it; that none is missing,
//! and that the view gives the same rows for the same tables, is looked at here.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::catalog::{Catalog, Column, Table, TableKind};
use crate::definition::{self, Definition};
use crate::mistake::Place;

use super::{Lookup, display, written};

/// A view and the tables it is made of.
pub struct Seen<'c> {
    pub view: &'c Table,
    /// The views that it reads.
    pub inner: Vec<&'c Table>,
    pub beneath: Vec<Beneath<'c>>,
    /// How often it reads each of them, by table.
    pub reads: Vec<u32>,
}

/// How a table's rows lead to a view's.
#[derive(Clone)]
pub struct Beneath<'c> {
    pub table: &'c Table,
    /// The table beneath the view that they lead to; to the view itself where absent.
    pub to: Option<&'c Table>,
    /// The table's column, and the one there that has the same value.
    pub columns: Vec<(String, String)>,
    pub place: Place,
}

impl Beneath<'_> {
    /// The table's columns that have the values of these columns there, if all of them do.
    pub fn columns_for(&self, wanted: &[String]) -> Option<Vec<String>> {
        let own = |wanted: &String| {
            let found = self.columns.iter().find(|(_, there)| there == wanted);
            found.map(|(own, _)| own.clone())
        };
        wanted.iter().map(own).collect()
    }
}

/// The catalog with the keys that are declared for its views.
pub fn declared<'a>(definition: &Definition, catalog: &'a Catalog) -> Cow<'a, Catalog> {
    let mut catalog = Cow::Borrowed(catalog);
    for view in &definition.views {
        let found = catalog.find(view.name.schema.as_deref(), &view.name.name);
        let Some(oid) = found
            .filter(|table| table.kind == TableKind::View)
            .map(|table| table.oid)
        else {
            continue;
        };
        let tables = &mut catalog.to_mut().tables;
        if let Some(table) = tables.iter_mut().find(|table| table.oid == oid) {
            let known = view.key.iter().filter(|column| table.columns.contains_key(*column));
            table.primary_key = known.cloned().collect();
        }
    }
    catalog
}

impl<'c> Lookup<'c> {
    /// The views that are declared, as far as they are sound.
    pub fn views(&mut self, views: &[definition::View]) -> Vec<Seen<'c>> {
        views.iter().filter_map(|view| self.view(view)).collect()
    }

    fn view(&mut self, declared: &definition::View) -> Option<Seen<'c>> {
        let place = &declared.name.place;
        let known = self.catalog.find(declared.name.schema.as_deref(), &declared.name.name);
        if known.is_some_and(|table| matches!(table.kind, TableKind::Table | TableKind::Partitioned)) {
            let found = format!("{:?} is a table, not a view", written(&declared.name));
            self.mistakes.add(
                place,
                found,
                "leave it out here: a table has triggers and a key of its own",
            );
            return None;
        }
        for column in known.iter().flat_map(|_| &declared.key) {
            self.column(known?, column, place);
        }
        let view = self.table(&declared.name)?;
        for column in declared.key.iter().filter_map(|column| view.columns.get(column)) {
            self.own_type(view, column, place);
        }
        let tables = declared.tables.iter();
        let beneath: Vec<Beneath<'c>> = tables.filter_map(|beneath| self.beneath(view, beneath)).collect();
        let (reads, inner) = self.catalog.beneath(view);
        if beneath.len() == declared.tables.len() {
            self.complete(view, &beneath, &reads, place);
        }
        for view in inner.iter().chain([&view]) {
            if let Some(unsteady) = view.view.as_ref().and_then(|view| view.unsteady.as_ref()) {
                self.mistakes.add(
                    place,
                    format!(
                        "the view {:?} uses {unsteady}, by which its rows change although no row of its tables has",
                        view.name
                    ),
                    "take it out of the view: what is to change with time needs a column that says so",
                );
            }
        }
        let all_lead = beneath.iter().all(|one| leads(one, &beneath, beneath.len()));
        all_lead.then_some(Seen {
            view,
            inner,
            beneath,
            reads,
        })
    }

    fn beneath(&mut self, view: &Table, declared: &definition::Beneath) -> Option<Beneath<'c>> {
        let table = self.table(&declared.table)?;
        let place = &declared.place;
        if table.view.is_some() {
            let found = format!("{:?} is itself a view", table.name);
            self.mistakes
                .add(place, found, "name the tables that it reads, in its place");
            return None;
        }
        let to = match &declared.to {
            Some(to) => Some(self.table(to)?),
            None => None,
        };
        let there = to.unwrap_or(view);
        let mut fine = true;
        for (own, column) in &declared.columns {
            fine &= self.column(table, own, place) & self.column(there, column, place);
        }
        if fine && to.is_some() {
            let (own, column): (Vec<String>, Vec<String>) = declared.columns.iter().cloned().unzip();
            fine = self.comparable(there, table, &(column, own), false, place);
        } else if fine {
            let pairs = declared.columns.iter();
            fine = pairs.fold(true, |fine, (own, column)| {
                self.same(table, &table.columns[own], view, &view.columns[column], place) && fine
            });
        }
        fine.then(|| Beneath {
            table,
            to,
            columns: declared.columns.clone(),
            place: place.clone(),
        })
    }

    /// Whether equal values of two columns have equal texts, and every value of the table's fits the view's: what is logged
    /// of a row's column stands for the view's.
    fn same(&mut self, table: &Table, own: &Column, view: &Table, of_view: &Column, place: &Place) -> bool {
        let fits = matches!(
            (own.type_oid, of_view.type_oid),
            (21, 23 | 20) | (23, 20) | (25, 1043) | (1043, 25) // integers to wider ones, texts
        );
        let fits = fits || own.type_oid == of_view.type_oid;
        if !fits {
            self.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} ({}) is said to be column {:?} of {:?} ({})",
                    own.name, table.name, own.type_name, of_view.name, view.name, of_view.type_name
                ),
                "name columns of one type; cast it in the view",
            );
        }
        fits && self.logged(table, own, place)
    }

    /// Whether the tables beneath the view are those that it reads, and each leads to rows of the view.
    fn complete(&mut self, view: &Table, beneath: &[Beneath<'_>], reads: &[u32], place: &Place) {
        let name = |oid: u32| match self.catalog.by_oid(oid) {
            Some(table) => display(self.catalog, table),
            None => "a table of the system".to_owned(),
        };
        let listed = |oid: &u32| beneath.iter().any(|beneath| beneath.table.oid == *oid);
        let missing: BTreeSet<String> = reads.iter().filter(|oid| !listed(oid)).map(|oid| name(*oid)).collect();
        let missing: Vec<String> = missing.into_iter().collect();
        if !missing.is_empty() {
            self.mistakes.add(
                place,
                format!(
                    "the view {:?} also reads {}, whose changes would be missed",
                    view.name,
                    missing.join(", ")
                ),
                "list each under tables:, with the columns by which its rows lead to the view's",
            );
        }
        for beneath in beneath.iter().filter(|beneath| !reads.contains(&beneath.table.oid)) {
            self.mistakes.add(
                &beneath.place,
                format!("the view {:?} does not read {:?}", view.name, beneath.table.name),
                "leave it out",
            );
        }
        for beneath in beneath.iter().filter(|one| !leads(one, beneath, beneath.len())) {
            self.mistakes.add(
                &beneath.place,
                format!("rows of {:?} lead to no row of the view", beneath.table.name),
                "in the end, each table leads to columns of the view",
            );
        }
    }
}

/// Whether a table's rows lead to the view in the end, by way of so many others at most.
fn leads(one: &Beneath<'_>, all: &[Beneath<'_>], most: usize) -> bool {
    let Some(to) = one.to else { return true };
    let next = |other: &&Beneath<'_>| other.table.oid == to.oid;
    most > 0 && all.iter().filter(next).any(|other| leads(other, all, most - 1))
}

//! What a view is made of. PGSync is told the tables beneath it, and what a changed row there leads to is told by its
//! foreign keys to the database; here the definition says it, by columns.
//!
//! Columns of one name are taken to be one another's, and foreign keys to be what the view joins by. The view's text may
//! say otherwise, so that each such declaration is one to look over.

use crate::catalog::{Table, TableKind};
use crate::mistake::{Mistake, Place};
use crate::plan::sketch::name;
use crate::plan::sketch::tree::{Pairs, ViewOutline};

use super::schema::Node;
use super::translate::Walk;

impl<'c> Walk<'c> {
    /// Declares a view whose rows are found by these columns.
    pub fn declare(&mut self, node: &Node, view: &'c Table, sought: &[String]) -> Result<(), Mistake> {
        let place = node.base_tables.as_ref().map_or(&node.place, |(_, place)| place);
        let failed = |found: String, remedy: &str| Mistake {
            place: place.clone(),
            found,
            remedy: remedy.to_owned(),
        };
        let name = name::table(self.catalog, view);
        let Some((key, _)) = &node.primary_key else {
            let remedy = "add `primary_key`, the columns that tell its rows apart, and import the file again";
            return Err(failed(format!("the view {name} without `primary_key`"), remedy));
        };
        let beneath = self.beneath(view);
        let Some(tables) = ways(view, key, sought, &beneath) else {
            let names: Vec<String> = beneath.iter().map(|table| name::table(self.catalog, table)).collect();
            return Err(failed(
                format!(
                    "how rows of {} lead to those of the view {name} is not to be told",
                    names.join(", ")
                ),
                "write the view into the definition by hand, with `views:`, or have the tables themselves in the tree",
            ));
        };
        let tables = tables
            .into_iter()
            .map(|(table, to, pairs)| (name::table(self.catalog, table), self.prefixed(to, pairs)))
            .collect();
        let remark = self.looked_over(place, &name);
        self.merge(ViewOutline {
            name,
            remarks: vec![remark],
            key: key.clone(),
            tables,
        });
        Ok(())
    }

    fn looked_over(&mut self, place: &Place, view: &str) -> String {
        self.remarks.say(
            place,
            format!("the ways from its tables to {view} are guessed from names and foreign keys"),
            "hold them against the view's text: rows that lead elsewhere leave documents as they were",
        )
    }

    /// The tables that a view reads, each once.
    fn beneath(&self, view: &Table) -> Vec<&'c Table> {
        let (mut oids, _) = self.catalog.beneath(view);
        oids.sort_unstable();
        oids.dedup();
        oids.into_iter().filter_map(|oid| self.catalog.by_oid(oid)).collect()
    }

    fn prefixed(&self, to: Option<&Table>, pairs: Pairs) -> Pairs {
        let there = to
            .map(|table| format!("{}.", name::table(self.catalog, table)))
            .unwrap_or_default();
        let pair = |(own, other): (String, String)| (own, format!("{there}{}", name::part(&other)));
        pairs.into_iter().map(pair).collect()
    }

    /// A view that stands in the tree twice is declared once, for all columns that its rows are found by.
    fn merge(&mut self, declared: ViewOutline) {
        let Some(known) = self.views.iter_mut().find(|view| view.name == declared.name) else {
            return self.views.push(declared);
        };
        known.remarks.extend(declared.remarks);
        for (table, pairs) in declared.tables {
            match known.tables.iter_mut().find(|(known, _)| *known == table) {
                Some((_, known)) => {
                    let more: Pairs = pairs.into_iter().filter(|pair| !known.contains(pair)).collect();
                    known.extend(more);
                }
                None => known.tables.push((table, pairs)),
            }
        }
    }
}

/// A table beneath a view, the table that its rows lead to (the view itself where there is none), and by which columns.
type Way<'c> = (&'c Table, Option<&'c Table>, Pairs);

/// How each table's rows lead to the view's. One of them has the view's key for its own; the others lead there by the only
/// foreign key between them and one that does.
fn ways<'c>(view: &Table, key: &[String], sought: &[String], beneath: &[&'c Table]) -> Option<Vec<Way<'c>>> {
    let is_table = |table: &&Table| matches!(table.kind, TableKind::Table | TableKind::Partitioned);
    let mut wanted: Vec<String> = key.to_vec();
    wanted.extend(sought.iter().filter(|column| !key.contains(column)).cloned());
    let mut has_key = beneath
        .iter()
        .filter(|table| table.primary_key == *key && shares(view, table, &wanted));
    let (first, None) = (has_key.next()?, has_key.next()) else {
        return None;
    };
    let same = wanted.iter().map(|column| (column.clone(), column.clone()));
    let mut ways: Vec<Way<'c>> = vec![(first, None, same.collect())];
    while ways.len() < beneath.len() {
        let next = beneath
            .iter()
            .filter(|table| is_table(table) && ways.iter().all(|(known, ..)| known.oid != table.oid))
            .find_map(|table| {
                ways.iter()
                    .find_map(|(known, ..)| Some((*table, Some(*known), only(table, known)?)))
            });
        ways.push(next?);
    }
    Some(ways)
}

/// Whether columns of these names are in both, of one type.
fn shares(view: &Table, table: &Table, columns: &[String]) -> bool {
    let kind = |table: &Table, column: &String| table.columns.get(column).map(|column| column.type_oid);
    columns
        .iter()
        .all(|column| kind(view, column).is_some() && kind(view, column) == kind(table, column))
}

/// The columns of the only foreign key between two tables.
fn only(from: &Table, to: &Table) -> Option<Pairs> {
    let zipped = |own: &[String], there: &[String]| own.iter().cloned().zip(there.iter().cloned()).collect();
    let out = from.foreign_keys.iter().filter(|key| key.target == to.oid);
    let out = out.map(|key| zipped(&key.columns, &key.target_columns));
    let back = to.foreign_keys.iter().filter(|key| key.target == from.oid);
    let mut found = out.chain(back.map(|key| zipped(&key.target_columns, &key.columns)));
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

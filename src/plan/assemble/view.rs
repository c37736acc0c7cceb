//! What stands beneath a view: a change of a row there leads to documents as one of the view's own rows would.
//!
//! The view itself is not asked which rows those are: after the change it may no longer hold them. What is asked are the
//! columns of the changed row, as they were and as they are.

use crate::catalog::Table;
use crate::plan::PlannedTable;
use crate::plan::lookup::{Beneath, Edge, Seen};
use crate::plan::uses::Path;

use super::Walk;

impl<'c> Walk<'c, '_> {
    /// Has the tables beneath a view stand where it does.
    pub fn stand_beneath(&mut self, view: &'c Table, name: &str, path: &Path<'c>, key: &[String]) {
        let Some(seen) = self.views.iter().find(|seen| seen.view.oid == view.oid) else {
            return; // its mistakes are noted
        };
        let views: Vec<PlannedTable> = seen
            .inner
            .iter()
            .chain([&seen.view])
            .map(|view| PlannedTable::of(view))
            .collect();
        let mut found = Vec::new();
        for (at, beneath) in seen.beneath.iter().enumerate() {
            match paths(seen, at, path, key) {
                Ok(paths) => found.extend(paths.into_iter().map(|path| (beneath.table, path))),
                Err(lacking) => self.lookup.mistakes.add(
                    &lacking.place,
                    format!(
                        "{} finds rows of {:?} by {}, and a change of {:?} does not tell which values those were",
                        if name.is_empty() { "the index" } else { name },
                        view.name,
                        path.last().map_or(key, |edge| &edge.lower_columns).join(", "),
                        lacking.table.name,
                    ),
                    "add its columns that have these values, or lead it to another table here that has them, such as: { book_id: book.id }",
                ),
            }
        }
        for (table, path) in found {
            let label = format!("{name} in {} from {}", view.name, table.name);
            let place = self.stand(table, label.trim_start().to_owned(), path, &table.primary_key);
            self.uses.any_column(place);
            self.uses.read_through(place, &views);
        }
        self.tables.extend(views.into_iter().map(|view| (view.oid, view)));
    }

    /// A table that a view reads twice may have rows that come into it in two ways.
    pub fn advise_views(&mut self) {
        for seen in &self.views {
            for beneath in &seen.beneath {
                let ways = seen
                    .beneath
                    .iter()
                    .filter(|other| other.table.oid == beneath.table.oid)
                    .count();
                let readings = seen.reads.iter().filter(|oid| **oid == beneath.table.oid).count();
                if readings > ways {
                    self.warnings.add(
                        &beneath.place,
                        format!(
                            "{:?} reads {:?} {readings} times, and {ways} of these ways is told",
                            seen.view.name, beneath.table.name
                        ),
                        "if its rows come into the view by other columns as well, write a list: [{ … }, { … }]",
                    );
                }
            }
        }
    }
}

/// The paths down to a table beneath a view, in the place of one that ends at the view; or at the root, where that is a view.
fn paths<'c, 's>(
    seen: &'s Seen<'c>,
    at: usize,
    path: &Path<'c>,
    key: &[String],
) -> Result<Vec<Path<'c>>, &'s Beneath<'c>> {
    let (last, before) = match path.split_last() {
        Some((last, before)) => (last.clone(), before),
        // The view's rows are the documents.
        None => (between(seen.view, key, seen.view, key), &[][..]),
    };
    let ways = ways(seen, &[at], &last)?;
    Ok(ways
        .into_iter()
        .map(|way| before.iter().cloned().chain(way).collect())
        .collect())
}

/// The edges that end a path to the view, ending at a table beneath it, for each way from there to the view that goes
/// nowhere twice; otherwise the table on the way that does not have the columns by which the view's rows are found.
///
/// `passed` is the way so far, by positions beneath the view, upward.
fn ways<'c, 's>(seen: &'s Seen<'c>, passed: &[usize], above: &Edge<'c>) -> Result<Vec<Path<'c>>, &'s Beneath<'c>> {
    let beneath = &seen.beneath[passed[passed.len() - 1]];
    let Some(to) = beneath.to else {
        let ending = Edge {
            lower: beneath.table,
            lower_columns: beneath.columns_for(&above.lower_columns).ok_or(beneath)?,
            ..above.clone()
        };
        return Ok(vec![vec![ending]]);
    };
    let (own, there): (Vec<String>, Vec<String>) = beneath.columns.iter().cloned().unzip();
    let mut all = Vec::new();
    let next = |at: &usize| seen.beneath[*at].table.oid == to.oid && !passed.contains(at);
    for at in (0..seen.beneath.len()).filter(next) {
        for mut way in ways(seen, &[passed, &[at]].concat(), above)? {
            way.push(between(to, &there, beneath.table, &own));
            all.push(way);
        }
    }
    Ok(all)
}

fn between<'c>(upper: &'c Table, upper_columns: &[String], lower: &'c Table, lower_columns: &[String]) -> Edge<'c> {
    Edge {
        upper,
        upper_columns: upper_columns.to_vec(),
        lower,
        lower_columns: lower_columns.to_vec(),
        as_text: false,
        given: None,
        tree: None,
    }
}

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
        let wanted = path.last().map_or(key, |edge| edge.lower_columns.as_slice());
        let above = path.last().map_or_else(
            || Edge {
                upper: view,
                upper_columns: key.to_vec(),
                lower: view,
                lower_columns: key.to_vec(),
                as_text: false,
                given: None,
                tree: None,
            },
            Edge::clone,
        );
        let before = &path[..path.len().saturating_sub(1)];
        let mut found = Vec::new();
        for (at, beneath) in seen.beneath.iter().enumerate() {
            match ways(seen, &[at], wanted, &above) {
                Ok(ways) => {
                    let paths = ways.into_iter().map(|way| before.iter().cloned().chain(way).collect::<Path<'c>>());
                    found.extend(paths.map(|path| (beneath.table, path)));
                }
                Err(lacking) => self.lookup.mistakes.add(
                    &lacking.place,
                    format!(
                        "{} finds rows of {:?} by {}, and a change of {:?} does not tell which values those were",
                        if name.is_empty() { "the index" } else { name },
                        view.name,
                        wanted.join(", "),
                        lacking.table.name,
                    ),
                    "add its columns that have these values, or lead it to another table here that has them, such as: { book_id: book.id }",
                ),
            }
        }
        self.advise_readings(view);
        let seen = self.views.iter().find(|seen| seen.view.oid == view.oid);
        let views: Vec<PlannedTable> = seen
            .into_iter()
            .flat_map(|seen| seen.inner.iter().copied().chain([seen.view]))
            .map(PlannedTable::of)
            .collect();
        for (table, path) in found {
            let label = [name, "in", &view.name].into_iter().filter(|part| !part.is_empty());
            let label = format!("{} from {}", label.collect::<Vec<_>>().join(" "), table.name);
            let place = self.stand(table, label, path, &table.primary_key);
            self.uses.any_column(place);
            self.uses.read_through(place, &views);
        }
        self.tables.extend(views.into_iter().map(|view| (view.oid, view)));
    }

    /// A table that the view reads twice may have rows that come into it in two ways.
    fn advise_readings(&mut self, view: &Table) {
        let Some(seen) = self.views.iter().find(|seen| seen.view.oid == view.oid) else {
            return;
        };
        for beneath in &seen.beneath {
            let same = |other: &&Beneath<'_>| other.table.oid == beneath.table.oid;
            let ways = seen.beneath.iter().filter(same).count();
            let readings = seen.reads.iter().filter(|oid| **oid == beneath.table.oid).count();
            if readings > ways && !self.warnings.0.iter().any(|known| known.place == beneath.place) {
                self.warnings.add(
                    &beneath.place,
                    format!(
                        "{:?} reads {:?} {readings} times, and {ways} of these ways is told",
                        view.name, beneath.table.name
                    ),
                    "if its rows come into the view by other columns as well, write a list: [{ … }, { … }]",
                );
            }
        }
    }
}

/// The edges that end a path to the view, ending at a table beneath it, for each way from there to the view that goes
/// nowhere twice; otherwise the table on the way that does not have the columns by which the view's rows are found.
///
/// `passed` is the way so far, by positions beneath the view, upward.
fn ways<'c, 's>(
    seen: &'s Seen<'c>,
    passed: &[usize],
    wanted: &[String],
    above: &Edge<'c>,
) -> Result<Vec<Path<'c>>, &'s Beneath<'c>> {
    let beneath = &seen.beneath[passed[passed.len() - 1]];
    let Some(to) = beneath.to else {
        let columns = beneath.columns_for(wanted).ok_or(beneath)?;
        let ending = Edge {
            lower: beneath.table,
            lower_columns: columns,
            ..above.clone()
        };
        return Ok(vec![vec![ending]]);
    };
    let (own, there): (Vec<String>, Vec<String>) = beneath.columns.iter().cloned().unzip();
    let onward = Edge {
        upper: to,
        upper_columns: there,
        lower: beneath.table,
        lower_columns: own,
        as_text: false,
        given: None,
        tree: None,
    };
    let mut all = Vec::new();
    let next = |at: &usize| seen.beneath[*at].table.oid == to.oid && !passed.contains(at);
    for at in (0..seen.beneath.len()).filter(next) {
        for mut way in ways(seen, &[passed, &[at]].concat(), wanted, above)? {
            way.push(onward.clone());
            all.push(way);
        }
    }
    Ok(all)
}

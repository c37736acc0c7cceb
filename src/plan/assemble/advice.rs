//! What `check` says of a relation beyond mistakes: it would work, and slowly or not for every document.

use crate::catalog::{Table, TableKind, quote};
use crate::definition::{Relation, RelationKind};
use crate::mistake::Place;
use crate::plan::lookup::{Edge, Stop};
use crate::plan::names;

use super::Walk;

impl<'c> Walk<'c, '_> {
    pub fn advise(&mut self, relation: &Relation, place: &Place, stops: &[Stop<'c>]) {
        for Stop { edge, .. } in stops {
            self.advise_way(edge, place);
        }
        let Some(Stop { edge: last, .. }) = stops.last() else {
            return;
        };
        if relation.kind == RelationKind::One
            && relation.limit.is_none()
            && relation.order.is_empty()
            && !last.lower.is_unique(&last.lower_columns)
        {
            self.warnings.add(
                place,
                format!(
                    "{} may have several rows for one, which makes the document a dead letter",
                    last.lower.sql()
                ),
                "add order: to take the first, or use many:",
            );
        }
        let nested = relation.mapping.get("type").is_some_and(|kind| kind == "nested");
        if relation.kind == RelationKind::Many && nested && relation.limit.is_none() {
            self.warnings.add(
                place,
                "a nested array without limit: can exceed Elasticsearch's 10,000 nested objects",
                "add limit:",
            );
        }
    }

    pub fn advise_way(&mut self, edge: &Edge<'c>, place: &Place) {
        self.advise_index(edge.lower, &edge.lower_columns, place);
        if !edge.upper_is_indexed() {
            let given = edge.given.iter().map(|given| &given.column);
            let columns: Vec<String> = given.chain(&edge.upper_columns).cloned().collect();
            self.advise_index(edge.upper, &columns, place);
        }
    }

    pub fn advise_due(&mut self, table: &Table, column: &str, place: &Place) {
        if !table.is_indexed(&[column.to_owned()]) {
            let column = quote(column);
            self.warnings.add(
                place,
                format!(
                    "no index serves {column} of {}: each look for moments that have come reads the whole table, and \
                     documents follow later than within a second",
                    table.sql()
                ),
                format!("run: CREATE INDEX CONCURRENTLY ON {} ({column})", table.sql()),
            );
        }
    }

    fn advise_index(&mut self, table: &Table, columns: &[String], place: &Place) {
        // An index of a partitioned table is one of its partitions as well; one of an inherited table is its own alone.
        let heirs = if table.inherited {
            self.lookup.leaves(table)
        } else {
            Vec::new()
        };
        for table in heirs.into_iter().chain([table]) {
            self.advise_own_index(table, columns, place);
        }
    }

    fn advise_own_index(&mut self, table: &Table, columns: &[String], place: &Place) {
        if matches!(table.kind, TableKind::Table | TableKind::Partitioned) && !table.is_indexed(columns) {
            let columns = names::list(columns.iter().map(|column| quote(column)));
            self.warnings.add(
                place,
                format!(
                    "no index serves the way over {} ({columns}): each lookup reads the whole table",
                    table.sql()
                ),
                format!("run: CREATE INDEX CONCURRENTLY ON {} ({columns})", table.sql()),
            );
        }
    }
}

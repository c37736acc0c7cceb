//! From a touched row up to the documents that show it, in SQL, when the touch is read.
//!
//! What a row was before it moved is in the touch itself. Filters, orders and limits are left out: a row that leaves a
//! filter must still be followed. `climb` writes the statements.

mod climb;

use crate::catalog::{Table, quote};

use super::lookup::Edge;
use super::names;
use super::uses::{Use, Used, Uses};
use climb::{Climb, Known};

/// One way up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fanout {
    /// Where the table stands in the documents; the first place where there are several that are reached alike.
    pub name: String,
    /// The touched table.
    pub table: u32,
    /// What documents show of it there.
    pub used: Used,
    /// Logged columns to bind, as arrays of text, in this order.
    pub needs: Vec<String>,
    /// The column that routes the touched rows' documents, where they are the documents' own rows.
    pub routing: Option<String>,
    /// The needed values are the root's key themselves.
    pub direct: bool,
    /// Root keys by the needed columns. See [`Fanout`]'s statements below.
    pub by_columns: Statement,
    /// Root keys by the touched rows' own keys, where only those are known.
    pub by_key: Option<Statement>,
}

/// Root keys in key order: arrays of the known columns are bound first, then the greatest number of rows wanted; the
/// second form goes on after a key, whose texts are bound last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub first: String,
    pub next: String,
}

impl Fanout {
    /// Whether documents show any of a row's columns at these 1-based positions in `compared`, which all are that were
    /// compared: another one may have changed as well.
    #[must_use]
    pub fn shows(&self, compared: &[String], changed: &[i16]) -> bool {
        let shown = |column: &String| match compared.iter().position(|known| known == column) {
            Some(at) => changed.iter().any(|position| usize::try_from(*position) == Ok(at + 1)),
            None => true,
        };
        self.used.any || self.used.columns.iter().any(shown)
    }

    fn reaches_like(&self, other: &Self) -> bool {
        (
            self.table,
            &self.needs,
            &self.routing,
            self.direct,
            &self.by_columns,
            &self.by_key,
        ) == (
            other.table,
            &other.needs,
            &other.routing,
            other.direct,
            &other.by_columns,
            &other.by_key,
        )
    }
}

/// Every way from a table to the root, in the order of the tree.
pub fn all(root: &Table, key: &[String], routing: Option<&str>, uses: &Uses<'_>) -> Vec<Fanout> {
    let mut fanouts: Vec<Fanout> = Vec::new();
    for place in uses.iter() {
        let fanout = match place.path.last() {
            None => of_root(root, key, routing, place),
            Some(last) => of_path(root, key, place, last),
        };
        match fanouts.iter_mut().find(|known| known.reaches_like(&fanout)) {
            Some(known) => known.used.add(&fanout.used),
            None => fanouts.push(fanout),
        }
    }
    fanouts
}

fn of_root(root: &Table, key: &[String], routing: Option<&str>, place: &Use<'_>) -> Fanout {
    let known = names::list(key.iter().map(|column| quote(column)));
    Fanout {
        name: place.name.clone(),
        table: root.oid,
        used: place.used.clone(),
        needs: key.to_vec(),
        routing: routing.map(str::to_owned),
        direct: true,
        by_columns: Statement {
            first: known.clone(),
            next: known,
        },
        by_key: None,
    }
}

fn of_path(root: &Table, key: &[String], place: &Use<'_>, last: &Edge<'_>) -> Fanout {
    let climb = Climb {
        root,
        key,
        path: &place.path,
        last,
    };
    let own_key = Some(&last.lower.primary_key).filter(|key| !key.is_empty());
    Fanout {
        name: place.name.clone(),
        table: place.table.oid,
        used: place.used.clone(),
        needs: last.lower_columns.clone(),
        routing: None,
        direct: place.path.len() == 1 && is_direct(last, key),
        by_columns: climb.statement(Known::Link),
        by_key: own_key.map(|key| climb.statement(Known::Key(key))),
    }
}

/// The child's columns hold the root's key, in the same types: nothing needs to be looked up.
fn is_direct(edge: &Edge<'_>, key: &[String]) -> bool {
    let same =
        |(upper, lower): (&String, &String)| edge.upper.columns[upper].type_oid == edge.lower.columns[lower].type_oid;
    edge.tree.is_none()
        && edge.given.is_none()
        && edge.upper_columns == key
        && edge.upper_columns.iter().zip(&edge.lower_columns).all(same)
}

//! From a touched row up to the documents that show it, in SQL, when the touch is read.
//!
//! One step an edge, over the rows as they are now; what a row was before it moved is in the touch itself. Filters,
//! orders and limits are left out: a row that leaves a filter must still be followed.

use crate::catalog::{Catalog, Table, quote};

use super::level::Edge;
use super::names;
use super::statement::lookup;
use super::uses::{Path, Used, Uses};

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
        (self.table, &self.needs, self.direct, &self.by_columns, &self.by_key)
            == (
                other.table,
                &other.needs,
                other.direct,
                &other.by_columns,
                &other.by_key,
            )
    }
}

/// Every way from a table to the root, in the order of the tree.
pub fn all(root: &Table, key: &[String], uses: &Uses<'_>, catalog: &Catalog) -> Vec<Fanout> {
    let mut fanouts: Vec<Fanout> = Vec::new();
    for place in uses.iter() {
        let fanout = match place.path.last() {
            None => of_root(root, key, place.used.clone()),
            Some(last) => Fanout {
                name: place.name.clone(),
                table: place.table.oid,
                used: place.used.clone(),
                needs: last.lower_columns.clone(),
                direct: place.path.len() == 1 && is_direct(last, key),
                by_columns: Statement {
                    first: sql(root, key, &place.path, None, false),
                    next: sql(root, key, &place.path, None, true),
                },
                by_key: primary_key(catalog, last).map(|columns| Statement {
                    first: sql(root, key, &place.path, Some(columns), false),
                    next: sql(root, key, &place.path, Some(columns), true),
                }),
            },
        };
        match fanouts.iter_mut().find(|known| known.reaches_like(&fanout)) {
            Some(known) => known.used.add(&fanout.used),
            None => fanouts.push(fanout),
        }
    }
    fanouts
}

fn of_root(root: &Table, key: &[String], used: Used) -> Fanout {
    let known = names::list(key.iter().map(|column| quote(column)));
    Fanout {
        name: String::new(),
        table: root.oid,
        used,
        needs: key.to_vec(),
        direct: true,
        by_columns: Statement {
            first: known.clone(),
            next: known,
        },
        by_key: None,
    }
}

fn primary_key<'c>(catalog: &'c Catalog, edge: &Edge<'_>) -> Option<&'c [String]> {
    catalog
        .by_oid(edge.lower.oid)
        .map(|table| table.primary_key.as_slice())
        .filter(|key| !key.is_empty())
}

/// The child's columns hold the root's key, in the same types: nothing needs to be looked up.
fn is_direct(edge: &Edge<'_>, key: &[String]) -> bool {
    let same =
        |(upper, lower): (&String, &String)| edge.upper.columns[upper].type_oid == edge.lower.columns[lower].type_oid;
    edge.tree.is_none() && edge.upper_columns == key && edge.upper_columns.iter().zip(&edge.lower_columns).all(same)
}

fn sql(root: &Table, key: &[String], path: &Path<'_>, by_key: Option<&[String]>, next: bool) -> String {
    let Some(last) = path.last() else { return String::new() };
    let touched = match by_key {
        None => {
            let columns = last.lower_columns.iter().map(|column| &last.lower.columns[column]);
            format!("SELECT DISTINCT * FROM {}", names::unnest(columns, "touched"))
        }
        Some(columns) => {
            let keys = names::unnest(columns.iter().map(|column| &last.lower.columns[column]), "touched");
            let on = names::list(columns.iter().map(|column| format!("r.{}", quote(column))));
            let found = names::list(last.lower_columns.iter().map(|column| format!("r.{}", quote(column))));
            format!(
                "SELECT DISTINCT {found} FROM {} AS r WHERE ({on}) IN (SELECT * FROM {keys})",
                last.lower.sql()
            )
        }
    };
    let mut steps = vec![format!("{} AS ({touched})", named("s0", last.lower_columns.len()))];
    let mut below = "s0".to_owned();
    for (at, edge) in path
        .iter()
        .enumerate()
        .rev()
        .map(|(position, edge)| (path.len() - position, edge))
    {
        if let Some(tree) = &edge.tree {
            let carried = names::list((1..=edge.lower_columns.len()).map(|column| format!("c{column}")));
            let children = names::list(edge.lower_columns.iter().map(|column| format!("r.{}", quote(column))));
            steps.push(format!(
                "d{at}({carried}, level) AS (SELECT {carried}, 1 FROM {below} UNION SELECT {children}, d.level + 1 FROM d{at} AS d {} WHERE d.level < {})",
                joined(edge.lower, &tree.child_columns, "d"),
                tree.depth
            ));
            below = format!("d{at}");
        }
        let above: &[String] = if at == path.len() {
            key
        } else {
            &path[path.len() - at - 1].lower_columns
        };
        let found = names::list(above.iter().map(|column| format!("r.{}", quote(column))));
        steps.push(format!(
            "{} AS (SELECT DISTINCT {found} FROM {below} AS s {})",
            named(&format!("s{at}"), above.len()),
            joined(edge.upper, &edge.upper_columns, "s")
        ));
        below = format!("s{at}");
    }
    let bound = by_key.map_or(last.lower_columns.len(), <[String]>::len);
    let carried = names::list((1..=key.len()).map(|column| format!("c{column}")));
    let texts = names::list((1..=key.len()).map(|column| format!("c{column}::text")));
    let after = if next {
        let low = names::list(
            key.iter()
                .enumerate()
                .map(|(at, column)| format!("${}::text::{}", bound + 2 + at, names::cast(&root.columns[column]))),
        );
        format!(" WHERE ({carried}) > ({low})")
    } else {
        String::new()
    };
    format!(
        "WITH RECURSIVE {} SELECT ARRAY[{texts}] FROM {below}{after} ORDER BY {carried} LIMIT ${}::bigint",
        steps.join(", "),
        bound + 1
    )
}

fn named(name: &str, columns: usize) -> String {
    format!(
        "{name}({})",
        names::list((1..=columns).map(|column| format!("c{column}")))
    )
}

/// Joins the rows of `table` whose columns are those known as `other`.
fn joined(table: &Table, columns: &[String], other: &str) -> String {
    lookup(table, "r", columns, |at| format!("{other}.c{}", at + 1))
}

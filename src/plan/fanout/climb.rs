//! The statement that climbs from touched rows to root keys: one step an edge, over the rows as they are now.

use crate::catalog::{Column, Table, quote};
use crate::plan::lookup::{Edge, Tree};
use crate::plan::names;
use crate::plan::statement::{equal, joined};

use super::Statement;

/// What is known of the touched rows, and bound.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// The columns by which rows above find them.
    Link,
    /// Their own key alone.
    Key(&'a [String]),
}

/// A way up, from the last edge of a path to its first, and to the root's key.
pub struct Climb<'a> {
    pub root: &'a Table,
    pub key: &'a [String],
    pub path: &'a [Edge<'a>],
    pub last: &'a Edge<'a>,
}

impl Climb<'_> {
    pub fn statement(&self, known: Known<'_>) -> Statement {
        let bound = match known {
            Known::Link => self.last.lower_columns.len(),
            Known::Key(key) => key.len(),
        };
        let (steps, top) = self.steps(known);
        let keys = names::positions(self.key.len());
        let texts = names::list((1..=self.key.len()).map(|at| format!("c{at}::text")));
        let sql = |after: &str| {
            format!(
                "WITH RECURSIVE {} SELECT ARRAY[{texts}] FROM {top}{after} ORDER BY {keys} LIMIT ${}::bigint",
                steps.join(", "),
                bound + 1
            )
        };
        let low = self.key.iter().enumerate().map(|(at, column)| {
            let cast = names::cast(&self.root.columns[column]);
            format!("${}::text::{cast}", bound + 2 + at)
        });
        Statement {
            first: sql(""),
            next: sql(&format!(" WHERE ({keys}) > ({})", names::list(low))),
        }
    }

    /// Every step as an item of WITH, and the name of the last one, which gives root keys.
    fn steps(&self, known: Known<'_>) -> (Vec<String>, String) {
        let start = named("s0", self.last.lower_columns.len());
        let mut steps = vec![format!("{start} AS ({})", self.touched(known))];
        let mut below = "s0".to_owned();
        let above = self.path.iter().rev().skip(1).map(|edge| edge.lower_columns.as_slice());
        for (at, (edge, above)) in (1..).zip(self.path.iter().rev().zip(above.chain([self.key]))) {
            if let Some(tree) = &edge.tree {
                steps.push(descendants(at, edge, tree, &below));
                below = format!("d{at}");
            }
            let name = named(&format!("s{at}"), above.len());
            if self.is_known(edge, above) {
                steps.push(format!("{name} AS ({})", self.as_keys(&below)));
                below = format!("s{at}");
                continue;
            }
            let mut on = edge.on_upper("r", |at| format!("s.c{}", at + 1));
            if let Some(within) = edge.within_view("r", &format!("SELECT c1 FROM {below}")) {
                on = format!("{on} AND {within}");
            }
            steps.push(format!(
                "{name} AS (SELECT DISTINCT {} FROM {below} AS s {})",
                names::of("r", above),
                joined(edge.upper, "r", &on, edge.upper_is_indexed())
            ));
            below = format!("s{at}");
        }
        (steps, below)
    }

    /// Whether the keys of a view's rows are known without asking it: what changed may have taken the rows away.
    fn is_known(&self, edge: &Edge<'_>, above: &[String]) -> bool {
        self.root.view.is_some()
            && edge.upper.oid == self.root.oid
            && above == self.key
            && edge.upper_columns == self.key
    }

    /// Root keys, from values that are logged as other types of the same text.
    fn as_keys(&self, below: &str) -> String {
        let casts = (1..).zip(self.key).map(|(at, column)| {
            let cast = names::cast(&self.root.columns[column]);
            format!("c{at}::{cast}")
        });
        let known = (1..=self.key.len()).map(|at| format!("c{at} IS NOT NULL"));
        let known: Vec<String> = known.collect();
        format!(
            "SELECT DISTINCT {} FROM {below} WHERE {}",
            names::list(casts),
            known.join(" AND ")
        )
    }

    /// The linking columns of the touched rows, from what is bound.
    fn touched(&self, known: Known<'_>) -> String {
        let Edge {
            lower, lower_columns, ..
        } = self.last;
        let bound = |columns: &[String]| names::unnest(columns.iter().map(|column| &lower.columns[column]), "touched");
        match known {
            Known::Link => format!("SELECT DISTINCT * FROM {}", bound(lower_columns)),
            Known::Key(key) => format!(
                "SELECT DISTINCT {} FROM {} AS r WHERE ({}) IN (SELECT * FROM {})",
                names::of("r", lower_columns),
                lower.sql(),
                names::of("r", key),
                bound(key)
            ),
        }
    }
}

/// Rows of a tree stand for everything below them as well. A recursive query must not change a collation under way, and
/// what it begins with may have any: bound values have the default, a column its own.
fn descendants(at: usize, edge: &Edge<'_>, tree: &Tree, below: &str) -> String {
    let carried = || edge.lower_columns.iter().map(|name| &edge.lower.columns[name]);
    let start = carried()
        .enumerate()
        .map(|(at, column)| format!("c{}{}", at + 1, collation(column)));
    let next = carried().map(|column| format!("r.{}{}", quote(&column.name), collation(column)));
    format!(
        "d{at}({}, level) AS (SELECT {}, 1 FROM {below} UNION SELECT {}, d.level + 1 FROM d{at} AS d {} WHERE d.level < {})",
        names::positions(edge.lower_columns.len()),
        names::list(start),
        names::list(next),
        joined(
            edge.lower,
            "r",
            &equal("r", &tree.child_columns, |at| format!("d.c{}", at + 1)),
            edge.lower.is_indexed(&tree.child_columns)
        ),
        tree.depth
    )
}

/// Of texts, the default one: they are only compared for equality.
fn collation(column: &Column) -> &'static str {
    match column.type_oid {
        19 | 25 | 1042 | 1043 => " COLLATE pg_catalog.\"default\"",
        _ => "",
    }
}

/// `name(c1, c2)`.
fn named(name: &str, columns: usize) -> String {
    format!("{name}({})", names::positions(columns))
}

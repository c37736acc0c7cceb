//! Resolving one relation: its tables, the joins between them, and the edges by which a change is followed upward.

use crate::catalog::{Catalog, Column, Table, TableKind};
use crate::definition::{Hop, Join, Relation, RelationKind, Sql, TableName};
use crate::mistake::{Mistakes, Place};

/// `upper`'s columns equal `lower`'s: rows of `lower` appear in documents beneath rows of `upper`.
#[derive(Clone, Debug)]
pub struct Edge<'c> {
    pub upper: &'c Table,
    pub upper_columns: Vec<String>,
    pub lower: &'c Table,
    pub lower_columns: Vec<String>,
    /// For ancestors: `lower` rows also stand for everything below them in their own tree.
    pub tree: Option<Tree>,
}

/// A self-referencing table: rows whose `child_columns` equal another row's `lower_columns` are its children.
#[derive(Clone, Debug)]
pub struct Tree {
    pub child_columns: Vec<String>,
    pub depth: u32,
}

/// Columns of one join, at most: a row's linking values are kept in an array of this size.
pub const MAX_JOIN: usize = 8;

/// A relation's tables, nearest first; the related table is the last.
pub struct Resolved<'c> {
    pub stops: Vec<Stop<'c>>,
}

/// One table on the way, and how it is joined to the one before it.
pub struct Stop<'c> {
    pub edge: Edge<'c>,
    /// Filters over this table's own row.
    pub filters: Vec<Sql>,
}

/// Finds names in the catalog, and joins between tables; notes what does not resolve.
pub struct Resolver<'c> {
    pub catalog: &'c Catalog,
    pub mistakes: Mistakes,
}

impl<'c> Resolver<'c> {
    /// The table of this name, readable and of a kind that has rows of its own.
    pub fn table(&mut self, name: &TableName) -> Option<&'c Table> {
        let written = written(name);
        let Some(table) = self.catalog.find(name.schema.as_deref(), &name.name) else {
            let names: Vec<String> = self
                .catalog
                .tables
                .iter()
                .map(|table| display(self.catalog, table))
                .collect();
            let remedy = match nearest(&written, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}? Names are taken literally, case included"),
                None => "check the name, its schema, and that the role may see it".to_owned(),
            };
            self.mistakes
                .add(&name.place, format!("there is no table {written:?}"), remedy);
            return None;
        };
        if !table.readable {
            self.mistakes.add(
                &name.place,
                format!("the role may not read table {written:?}"),
                format!("run: GRANT SELECT ON {} TO the role in postgres.url", table.sql()),
            );
        }
        if table.row_security {
            self.mistakes.add(
                &name.place,
                format!("row-level security hides rows of {written:?} from the role, and hidden rows would be deleted from the index"),
                "give the role BYPASSRLS (ALTER ROLE … BYPASSRLS), or use a role that owns the table",
            );
        }
        if table.subscribed {
            self.mistakes.add(
                &name.place,
                format!("a subscription writes to {written:?}, and what logical replication applies fires no triggers: its changes would be missed"),
                "let highwater read the database that publishes the table, or take the table out of the subscription",
            );
        }
        if matches!(
            table.kind,
            TableKind::View | TableKind::MaterializedView | TableKind::Foreign
        ) {
            self.mistakes.add(
                &name.place,
                format!("{written:?} is a view or foreign table, which cannot be captured"),
                "use the tables it is made of",
            );
        }
        Some(table)
    }

    /// Whether `column` is a column of `table`; notes it otherwise.
    pub fn column(&mut self, table: &Table, column: &str, place: &Place) -> bool {
        if table.columns.contains_key(column) {
            return true;
        }
        let remedy = match nearest(column, table.columns.keys().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!(
                "it has: {}",
                table.columns.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        };
        self.mistakes.add(
            place,
            format!("table {:?} has no column {column:?}", table.name),
            remedy,
        );
        false
    }

    /// Resolves a relation that hangs on rows of `above`.
    pub fn relation(
        &mut self,
        above: &'c Table,
        relation: &Relation,
        defaults: &indexmap::IndexMap<String, Sql>,
    ) -> Option<Resolved<'c>> {
        if let RelationKind::Ancestors { depth } = relation.kind {
            return self.ancestors(above, relation, depth, defaults);
        }
        let last = Hop {
            table: relation.table.clone(),
            join: None,
            filter: relation.filter.clone(),
        };
        let mut stops: Vec<Stop<'c>> = Vec::new();
        let mut join = relation.join.as_ref();
        let mut upper = above;
        for (position, hop) in relation.through.iter().chain(std::iter::once(&last)).enumerate() {
            let lower = self.table(&hop.table)?;
            let wanted = match (relation.kind, relation.through.is_empty()) {
                (RelationKind::One, true) if relation.order.is_empty() => Wanted::One,
                (RelationKind::One, true) => Wanted::First,
                _ => Wanted::Many,
            };
            let edge = self.join(
                upper,
                lower,
                join,
                wanted,
                position == 0 || join.is_some(),
                &hop.table.place,
            )?;
            let mut filters: Vec<Sql> = defaults.get(&written(&hop.table)).cloned().into_iter().collect();
            filters.extend(hop.filter.clone());
            stops.push(Stop { edge, filters });
            upper = lower;
            join = hop.join.as_ref();
        }
        Some(Resolved { stops })
    }

    fn ancestors(
        &mut self,
        above: &'c Table,
        relation: &Relation,
        depth: u32,
        defaults: &indexmap::IndexMap<String, Sql>,
    ) -> Option<Resolved<'c>> {
        let lower = self.table(&relation.table)?;
        let own = self.join(
            lower,
            lower,
            relation.join.as_ref(),
            Wanted::One,
            true,
            &relation.table.place,
        )?;
        let first = if above.oid == lower.oid {
            own.clone()
        } else {
            self.join(above, lower, None, Wanted::One, true, &relation.table.place)?
        };
        if first.lower_columns != own.lower_columns {
            self.mistakes.add(
                &relation.table.place,
                format!(
                    "the way to {:?} and the way up in it end at different columns",
                    lower.name
                ),
                "both must end at the same columns, usually the primary key",
            );
            return None;
        }
        let tree = Some(Tree {
            child_columns: own.upper_columns,
            depth,
        });
        let mut filters: Vec<Sql> = defaults.get(&written(&relation.table)).cloned().into_iter().collect();
        filters.extend(relation.filter.clone());
        Some(Resolved {
            stops: vec![Stop {
                edge: Edge { tree, ..first },
                filters,
            }],
        })
    }

    /// Whether rows can be found by the column: an extension's type may call equal what differs in its bytes, as citext
    /// does, and its operators are not where ours are looked up.
    pub fn own_type(&mut self, table: &Table, column: &Column, place: &Place) -> bool {
        if column.foreign {
            self.mistakes.add(
                place,
                format!(
                    "column {:?} of {:?} is of an extension's type ({}), by which rows are not found",
                    column.name, table.name, column.type_name
                ),
                "use a column of one of Postgres' own types; a generated column can hold the value as text",
            );
        }
        !column.foreign
    }

    /// Whether the columns can be compared; notes it otherwise.
    fn comparable(
        &mut self,
        upper: &Table,
        lower: &Table,
        (above, below): (&[String], &[String]),
        place: &Place,
    ) -> bool {
        let mut fine = true;
        for (above, below) in above.iter().zip(below) {
            let (one, other) = (&upper.columns[above], &lower.columns[below]);
            fine &= self.own_type(upper, one, place) && self.own_type(lower, other, place);
            if kind(one) != kind(other) {
                fine = false;
                self.mistakes.add(
                    place,
                    format!(
                        "column {above:?} of {:?} ({}) and column {below:?} of {:?} ({}) cannot be compared",
                        upper.name, one.type_name, lower.name, other.type_name
                    ),
                    "join columns of one type; a generated column can hold the value in the other's type",
                );
            }
        }
        fine
    }

    /// The join as written, or the only foreign key that fits.
    fn join(
        &mut self,
        upper: &'c Table,
        lower: &'c Table,
        join: Option<&Join>,
        wanted: Wanted,
        first: bool,
        place: &Place,
    ) -> Option<Edge<'c>> {
        if let Some(join) = join {
            let fine = join.pairs.iter().fold(true, |fine, (above, below)| {
                let above = self.column(upper, above, &join.place);
                self.column(lower, below, &join.place) && above && fine
            });
            if join.pairs.len() > MAX_JOIN {
                let found = format!("a join of {} columns", join.pairs.len());
                self.mistakes
                    .add(&join.place, found, format!("at most {MAX_JOIN} are followed"));
                return None;
            }
            let (upper_columns, lower_columns): Columns = join.pairs.iter().cloned().unzip();
            let fine = fine && self.comparable(upper, lower, (&upper_columns, &lower_columns), &join.place);
            return fine.then_some(Edge {
                upper,
                upper_columns,
                lower,
                lower_columns,
                tree: None,
            });
        }
        let mut choices = candidates(upper, lower, wanted, first);
        match choices.len() {
            1 => {
                let (upper_columns, lower_columns) = choices.pop()?;
                let fine = self.comparable(upper, lower, (&upper_columns, &lower_columns), place);
                fine.then_some(Edge {
                    upper,
                    upper_columns,
                    lower,
                    lower_columns,
                    tree: None,
                })
            }
            0 => {
                self.mistakes.add(
                    place,
                    format!("no foreign key joins {:?} and {:?}", upper.name, lower.name),
                    format!(
                        "say how: join: {{ column of {}: column of {} }}",
                        upper.name, lower.name
                    ),
                );
                None
            }
            _ => {
                let choices: Vec<String> = choices
                    .iter()
                    .map(|choice| format!("join: {}", braces(choice)))
                    .collect();
                self.mistakes.add(
                    place,
                    format!(
                        "{} foreign keys join {:?} and {:?}",
                        choices.len(),
                        upper.name,
                        lower.name
                    ),
                    format!("choose one: {}", choices.join("  or  ")),
                );
                None
            }
        }
    }
}

type Columns = (Vec<String>, Vec<String>);

/// Types whose values `=` compares whatever the session's settings are; each of its own kind with itself.
fn kind(column: &Column) -> (u32, u32) {
    match column.type_oid {
        20 | 21 | 23 | 26 | 700 | 701 | 1700 => (1, 0), // numbers
        19 | 25 | 1042 | 1043 => (2, 0),                // texts
        1082 | 1114 => (3, 0),                          // dates, and timestamps without a zone
        other => (0, other),
    }
}

/// How many rows a join is to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    One,
    /// One of several, by an order.
    First,
    Many,
}

/// Foreign keys that could be meant, as (upper's columns, lower's columns).
fn candidates(upper: &Table, lower: &Table, wanted: Wanted, first: bool) -> Vec<Columns> {
    let down = || {
        let keys = upper.foreign_keys.iter().filter(|key| key.target == lower.oid);
        keys.map(|key| (key.columns.clone(), key.target_columns.clone()))
    };
    let up = || {
        let keys = lower.foreign_keys.iter().filter(|key| key.target == upper.oid);
        keys.map(|key| (key.target_columns.clone(), key.columns.clone()))
    };
    let mut found: Vec<Columns> = match (wanted, first) {
        // An object: this row points at it, or it points here and is unique, or is the first in its order.
        (Wanted::One | Wanted::First, _) => {
            let pointing: Vec<Columns> = down().collect();
            if pointing.is_empty() {
                up().filter(|(_, columns)| wanted == Wanted::First || is_unique(lower, columns))
                    .collect()
            } else {
                pointing
            }
        }
        // An array: its rows point here.
        (Wanted::Many, true) => up().collect(),
        // Beyond a junction, either side may hold the key.
        (Wanted::Many, false) => down().chain(up()).collect(),
    };
    found.dedup();
    found
}

/// Whether at most one row can have given values in these columns.
pub fn is_unique(table: &Table, columns: &[String]) -> bool {
    let covered = |key: &[String]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
    covered(&table.primary_key) || table.unique.iter().any(|key| covered(key))
}

/// Whether an index serves a lookup by these columns.
pub fn is_indexed(table: &Table, columns: &[String]) -> bool {
    table.indexes.iter().any(|index| {
        index.len() >= columns.len() && columns.iter().all(|column| index[..columns.len()].contains(column))
    })
}

/// The name as a person wrote it.
pub fn written(name: &TableName) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    }
}

fn display(catalog: &Catalog, table: &Table) -> String {
    let plain = catalog
        .find(None, &table.name)
        .is_some_and(|found| found.oid == table.oid);
    if plain {
        table.name.clone()
    } else {
        format!("{}.{}", table.schema, table.name)
    }
}

fn braces((upper, lower): &Columns) -> String {
    let pairs: Vec<String> = upper
        .iter()
        .zip(lower)
        .map(|(above, below)| format!("{above}: {below}"))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// The most similar of `names`, when it is similar enough to have been meant.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

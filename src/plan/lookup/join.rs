//! The join between two tables: as written, or the only foreign key that can be meant.

use crate::catalog::{Column, Table};
use crate::definition::Join;
use crate::mistake::Place;

use super::{Lookup, display};

/// `upper`'s columns equal `lower`'s: rows of `lower` appear in documents beneath rows of `upper`.
#[derive(Clone, Debug)]
pub struct Edge<'c> {
    pub upper: &'c Table,
    pub upper_columns: Vec<String>,
    pub lower: &'c Table,
    pub lower_columns: Vec<String>,
    /// The columns are compared by their text.
    pub as_text: bool,
    /// Of `upper`, only rows with this value in this column.
    pub given: Option<Given>,
    /// For ancestors: `lower` rows also stand for everything below them in their own tree.
    pub tree: Option<Tree>,
}

/// A column's value that says that a row is one of those meant.
#[derive(Clone, Debug)]
pub struct Given {
    pub column: String,
    pub value: String,
}

/// A self-referencing table: rows whose `child_columns` equal another row's `lower_columns` are its children.
#[derive(Clone, Debug)]
pub struct Tree {
    pub child_columns: Vec<String>,
    pub depth: u32,
}

/// Columns of one join, at most: a row's linking values are kept in an array of this size.
pub const MAX_JOIN: usize = 8;

/// How many rows a join is to find, and where.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// An object: this row points at it, or it points here and is unique.
    One,
    /// The same, where it may be one of several, by an order.
    First,
    /// The same, of a table that is named alone, without a word on how many.
    Aside,
    /// An array: its rows point here.
    Many,
    /// A value over them.
    All,
    /// Rows beyond a junction: either side may hold the key.
    Beyond,
}

/// Columns of both sides, the upper table's first.
pub type Columns = (Vec<String>, Vec<String>);

impl<'c> Lookup<'c> {
    pub fn join(
        &mut self,
        upper: &'c Table,
        lower: &'c Table,
        join: Option<&Join>,
        wanted: Wanted,
        place: &Place,
    ) -> Option<Edge<'c>> {
        let (columns, place) = match join {
            Some(join) => (self.as_written(upper, lower, join)?, &join.place),
            None => (self.by_foreign_key(upper, lower, wanted, place)?, place),
        };
        let as_text = join.is_some_and(|join| join.as_text);
        let fine = self.comparable(upper, lower, &columns, as_text, place);
        let (upper_columns, lower_columns) = columns;
        fine.then_some(Edge {
            upper,
            upper_columns,
            lower,
            lower_columns,
            as_text,
            given: None,
            tree: None,
        })
    }

    fn as_written(&mut self, upper: &Table, lower: &Table, join: &Join) -> Option<Columns> {
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
        fine.then(|| join.pairs.iter().cloned().unzip())
    }

    fn by_foreign_key(&mut self, upper: &Table, lower: &Table, wanted: Wanted, place: &Place) -> Option<Columns> {
        let mut choices = candidates(upper, lower, wanted);
        if choices.len() == 1 {
            return choices.pop();
        }
        let between = format!("{:?} and {:?}", upper.name, lower.name);
        if choices.is_empty() && wanted == Wanted::One && !candidates(upper, lower, Wanted::Many).is_empty() {
            self.mistakes.add(
                place,
                format!("many rows of {:?} may belong to one of {:?}", lower.name, upper.name),
                format!(
                    "write `many: {}`, or add order: to take the first",
                    display(self.catalog, lower)
                ),
            );
        } else if choices.is_empty() {
            self.mistakes.add(
                place,
                format!("no foreign key joins {between}"),
                self.unjoined(upper, lower, wanted),
            );
        } else {
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| format!("join: {}", braces(choice)))
                .collect();
            self.mistakes.add(
                place,
                format!("{} foreign keys join {between}", choices.len()),
                format!("choose one: {}", choices.join("  or  ")),
            );
        }
        None
    }

    /// What to write where no foreign key joins two tables: a table between them that has keys to both, or the columns.
    fn unjoined(&self, upper: &Table, lower: &Table, wanted: Wanted) -> String {
        let join = format!(
            "say how: join: {{ column of {}: column of {} }}",
            upper.name, lower.name
        );
        let way = |between: &Table| match wanted {
            Wanted::One | Wanted::First | Wanted::Many => Some(format!("through: {}", display(self.catalog, between))),
            Wanted::All => Some(display(self.catalog, between)),
            Wanted::Aside | Wanted::Beyond => None,
        };
        let between = self.catalog.tables.iter().filter(|table| joins(table, upper, lower));
        let ways: Vec<String> = between.filter_map(way).collect();
        match (ways.as_slice(), wanted) {
            ([], _) => join,
            (ways, Wanted::All) => format!(
                "name the table between them first, as in `{}.{}`",
                ways.join("` or `"),
                display(self.catalog, lower)
            ),
            (ways, _) => format!("name the table between them: {}; or {join}", ways.join("  or  ")),
        }
    }

    /// Whether the columns can be compared; notes it otherwise.
    pub fn comparable(
        &mut self,
        upper: &Table,
        lower: &Table,
        (above, below): &Columns,
        as_text: bool,
        place: &Place,
    ) -> bool {
        let mut fine = true;
        for (above, below) in above.iter().zip(below) {
            let (one, other) = (&upper.columns[above], &lower.columns[below]);
            fine &= self.own_type(upper, one, place) && self.own_type(lower, other, place);
            fine &= self.logged(lower, other, place);
            if !as_text && kind(one) != kind(other) {
                fine = false;
                self.mistakes.add(
                    place,
                    format!(
                        "column {above:?} of {:?} ({}) and column {below:?} of {:?} ({}) cannot be compared",
                        upper.name, one.type_name, lower.name, other.type_name
                    ),
                    "join columns of one type, or compare their texts with cast: text",
                );
            }
        }
        fine
    }
}

/// Types whose values `=` compares whatever the session's settings are; each of its own kind with itself.
fn kind(column: &Column) -> (u32, u32) {
    match column.type_oid {
        20 | 21 | 23 | 26 | 700 | 701 | 1700 => (1, 0), // numbers
        19 | 25 | 1042 | 1043 => (2, 0),                // texts
        1082 | 1114 => (3, 0),                          // dates, and timestamps without a zone
        other => (0, other),
    }
}

/// Whether a table has a foreign key to each of two, or two where they are one.
fn joins(between: &Table, upper: &Table, lower: &Table) -> bool {
    let keys_to = |table: &Table| {
        between
            .foreign_keys
            .iter()
            .filter(|key| key.target == table.oid)
            .count()
    };
    let enough = if upper.oid == lower.oid { 2 } else { 1 };
    between.oid != upper.oid && between.oid != lower.oid && keys_to(upper) >= enough && keys_to(lower) >= enough
}

/// Foreign keys that could be meant.
pub fn candidates(upper: &Table, lower: &Table, wanted: Wanted) -> Vec<Columns> {
    let down = || {
        let keys = upper.foreign_keys.iter().filter(|key| key.target == lower.oid);
        keys.map(|key| (key.columns.clone(), key.target_columns.clone()))
    };
    let up = || {
        let keys = lower.foreign_keys.iter().filter(|key| key.target == upper.oid);
        keys.map(|key| (key.target_columns.clone(), key.columns.clone()))
    };
    let mut found: Vec<Columns> = match wanted {
        Wanted::One | Wanted::First | Wanted::Aside => {
            let pointing: Vec<Columns> = down().collect();
            if pointing.is_empty() {
                up().filter(|(_, columns)| wanted == Wanted::First || lower.is_unique(columns))
                    .collect()
            } else {
                pointing
            }
        }
        Wanted::Many | Wanted::All => up().collect(),
        Wanted::Beyond => down().chain(up()).collect(),
    };
    found.dedup();
    found
}

fn braces((upper, lower): &Columns) -> String {
    let pairs: Vec<String> = upper
        .iter()
        .zip(lower)
        .map(|(above, below)| format!("{above}: {below}"))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

//! The tables around a row, found by foreign keys of both sides: those it points at, those that point at it, and those
//! beyond a junction.

use std::collections::HashSet;

use crate::catalog::{Catalog, ForeignKey, Table, TableKind};
use crate::definition::Mapping;
use crate::plan::lookup::Wanted;

use super::join::{pairs, undecided};
use super::name;
use super::sheet::Sheet;
use super::tree::{Content, Entry, Hop, Object, Related};

/// Rows of a to-many that are embedded, by how many relations it lies within: fewer where they multiply.
const LIMITS: [u32; 4] = [50, 10, 5, 3];

/// A foreign key, by the table that has it and its columns.
type Known<'c> = (u32, &'c [String]);

/// What is to be embedded.
struct Target<'t, 'c> {
    table: &'c Table,
    /// Names for the field, the best first.
    wanted: &'t [String],
    came: &'t [Known<'c>],
    /// Columns that say nothing here: those that hold the key of the row above.
    hidden: &'t [String],
}

pub struct Walk<'c> {
    catalog: &'c Catalog,
    depth: usize,
    /// Partitions and heirs, which speak through their table.
    leaves: HashSet<u32>,
}

/// A table on the way down, and the foreign keys by which it was reached.
struct Place<'p, 'c> {
    table: &'c Table,
    /// The tables above, the root first.
    above: Vec<&'c Table>,
    came: &'p [Known<'c>],
}

impl<'c> Walk<'c> {
    pub fn new(catalog: &'c Catalog, depth: usize) -> Self {
        let parted = catalog
            .tables
            .iter()
            .filter(|table| table.kind == TableKind::Partitioned || table.inherited);
        Self {
            catalog,
            depth,
            leaves: parted.flat_map(|table| table.leaves.iter().copied()).collect(),
        }
    }

    pub fn root(&self, table: &'c Table) -> Object {
        let mut sheet = Sheet::new(true);
        sheet.columns(table, &[], None);
        let place = Place {
            table,
            above: Vec::new(),
            came: &[],
        };
        self.relations(&place, &mut sheet);
        sheet.object
    }

    /// Everything around a row, as far as the depth allows.
    fn relations(&self, place: &Place<'_, 'c>, sheet: &mut Sheet) {
        let pointing = place.table.foreign_keys.iter();
        let pointing = pointing.filter(|key| !place.came.contains(&(place.table.oid, &key.columns)));
        let pointed: Vec<_> = self
            .pointing_at(place.table)
            .filter(|(child, key)| !place.came.contains(&(child.oid, &key.columns)))
            .collect();
        for key in pointing {
            self.one(place, key, sheet);
        }
        for (child, key) in pointed {
            match self.junction(child, key) {
                Some(other) => self.beyond(place, child, key, other, sheet),
                None => self.many(place, child, key, sheet),
            }
        }
    }

    /// Foreign keys of other tables, and of the table itself, that point here.
    fn pointing_at(&self, table: &'c Table) -> impl Iterator<Item = (&'c Table, &'c ForeignKey)> {
        let tables = self
            .catalog
            .tables
            .iter()
            .filter(|child| !self.leaves.contains(&child.oid));
        tables.flat_map(move |child| {
            let keys = child.foreign_keys.iter().filter(|key| key.target == table.oid);
            keys.map(move |key| (child, key))
        })
    }

    /// A row that this one points at.
    fn one(&self, place: &Place<'_, 'c>, key: &'c ForeignKey, sheet: &mut Sheet) {
        let Some(target) = self.catalog.by_oid(key.target) else {
            let columns = key.columns.join(", ");
            sheet.object.entries.push(Entry::Left(format!(
                "what {columns} points at: the role cannot see that table"
            )));
            return;
        };
        let by_column = key.columns.join("_");
        let pairs = pairs(&key.columns, &key.target_columns);
        let join = undecided(place.table, target, Wanted::One, pairs);
        let alone = join.is_empty() && target.oid != place.table.oid;
        let stem = name::of_key(&key.columns).or(alone.then_some(target.name.as_str()));
        let beside = format!("{by_column}_{}", target.name);
        let wanted: Vec<String> = stem.map(str::to_owned).into_iter().chain([beside]).collect();
        let came = [(place.table.oid, key.columns.as_slice())];
        let target_row = Target {
            table: target,
            wanted: &wanted,
            came: &came,
            hidden: &[],
        };
        self.embed(place, &target_row, sheet, |object| Related {
            form: "one",
            table: name::table(self.catalog, target),
            join,
            content: Content::Fields(object),
            ..Related::default()
        });
    }

    /// Rows that point at this one.
    fn many(&self, place: &Place<'_, 'c>, child: &'c Table, key: &'c ForeignKey, sheet: &mut Sheet) {
        let single = child.is_unique(&key.columns);
        let pairs = pairs(&key.target_columns, &key.columns);
        let wanted = if single { Wanted::One } else { Wanted::Many };
        let join = undecided(place.table, child, wanted, pairs);
        let beside = format!("{}_by_{}", child.name, key.columns.join("_"));
        let alone = (join.is_empty() && child.oid != place.table.oid).then(|| child.name.clone());
        let names_wanted: Vec<String> = alone.into_iter().chain([beside]).collect();
        let came = [(child.oid, key.columns.as_slice())];
        let limit = (!single).then(|| limit(place));
        let target = Target {
            table: child,
            wanted: &names_wanted,
            came: &came,
            hidden: &key.columns,
        };
        self.embed(place, &target, sheet, |object| Related {
            form: if single { "one" } else { "many" },
            table: name::table(self.catalog, child),
            join,
            limit,
            mapping: if single { Mapping::new() } else { nested() },
            content: Content::Fields(object),
            ..Related::default()
        });
    }

    /// Rows beyond a junction, with what the junction says of each.
    fn beyond(
        &self,
        place: &Place<'_, 'c>,
        through: &'c Table,
        here: &'c ForeignKey,
        there: &'c ForeignKey,
        sheet: &mut Sheet,
    ) {
        let Some(other) = self.catalog.by_oid(there.target) else {
            return;
        };
        let join = undecided(
            place.table,
            through,
            Wanted::Many,
            pairs(&here.target_columns, &here.columns),
        );
        let onward = undecided(
            through,
            other,
            Wanted::Beyond,
            pairs(&there.columns, &there.target_columns),
        );
        let alone = join.is_empty() && other.oid != place.table.oid;
        let wanted = names_beyond(other, through, there, alone);
        let came = [
            (through.oid, here.columns.as_slice()),
            (through.oid, there.columns.as_slice()),
        ];
        let limit = limit(place);
        let target = Target {
            table: other,
            wanted: &wanted,
            came: &came,
            hidden: &[],
        };
        self.embed(place, &target, sheet, |object| {
            let known: Vec<String> = here.columns.iter().chain(&there.columns).cloned().collect();
            let mut sheet = Sheet::around(object);
            sheet.columns(through, &known, Some(&through.name));
            Related {
                form: "many",
                table: name::table(self.catalog, other),
                join,
                through: Some(Hop {
                    table: name::table(self.catalog, through),
                    join: onward,
                }),
                limit: Some(limit),
                mapping: nested(),
                content: Content::Fields(sheet.object),
                ..Related::default()
            }
        });
    }

    /// Adds a relation, or why there is none.
    fn embed(
        &self,
        place: &Place<'_, 'c>,
        target: &Target<'_, 'c>,
        sheet: &mut Sheet,
        related: impl FnOnce(Object) -> Related,
    ) {
        let table = target.table;
        if let Some(why) = self.refusal(place, table) {
            let first = target.wanted.first().map_or("", String::as_str);
            let table = name::table(self.catalog, table);
            let left = format!("{first} (table {table}): {why}");
            sheet.object.entries.push(Entry::Left(left));
            return;
        }
        let mut inner = Sheet::new(false);
        inner.columns(table, target.hidden, None);
        if table.oid == place.table.oid {
            let round = format!(
                "what else lies around {0} within {0}, or it would go on for ever",
                table.name
            );
            inner.object.entries.push(Entry::Left(round));
        } else {
            let place = Place {
                table,
                above: place.above.iter().copied().chain([place.table]).collect(),
                came: target.came,
            };
            self.relations(&place, &mut inner);
        }
        sheet.object.entries.push(Entry::Relation {
            name: sheet.names.take(target.wanted),
            relation: Box::new(related(inner.object)),
        });
    }

    fn refusal(&self, place: &Place<'_, 'c>, table: &Table) -> Option<String> {
        if place.above.len() >= self.depth {
            Some(format!("deeper than --depth {}", self.depth))
        } else if place.above.iter().any(|above| above.oid == table.oid) {
            Some("it is embedded above already, and would go round in a circle".to_owned())
        } else if !table.readable {
            Some("the role may not read it".to_owned())
        } else if table.row_security {
            Some("row-level security hides rows of it from the role".to_owned())
        } else {
            None
        }
    }

    /// The other key of a table that does nothing but join two, to which nothing points.
    fn junction(&self, table: &'c Table, key: &ForeignKey) -> Option<&'c ForeignKey> {
        let [one, two] = table.foreign_keys.as_slice() else {
            return None;
        };
        let other = if one == key { two } else { one };
        let both: Vec<String> = one.columns.iter().chain(&two.columns).cloned().collect();
        let joins = one != two
            && table.is_unique(&both)
            && !table.is_unique(&one.columns)
            && !table.is_unique(&two.columns)
            && self.pointing_at(table).next().is_none();
        joins.then_some(other)
    }
}

/// Names for what lies beyond a junction, the best first; its own where nothing else could be meant.
fn names_beyond(other: &Table, through: &Table, there: &ForeignKey, alone: bool) -> [String; 2] {
    if alone {
        return [other.name.clone(), format!("{}_by_{}", other.name, through.name)];
    }
    let apart = there.columns.join("_");
    [
        format!("{}_by_{apart}", through.name),
        format!("{}_by_{}_{apart}", other.name, through.name),
    ]
}

fn nested() -> Mapping {
    Mapping::from_iter([("type".to_owned(), "nested".into())])
}

fn limit(place: &Place<'_, '_>) -> u32 {
    LIMITS[place.above.len().min(LIMITS.len() - 1)]
}

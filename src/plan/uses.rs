//! Where a definition uses a table, and what of it: gathered while it is planned.
//!
//! A table may stand at several places of the tree, with other columns at each. What its triggers log is the sum over
//! all of them; which documents a changed row reaches is asked of each by itself.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use crate::catalog::{Catalog, Table};

use super::capture::{self, Capture};
use super::lookup::Edge;
use super::{Due, PlannedTable};

/// A way from the root to a table, as edges downward.
pub type Path<'c> = Vec<Edge<'c>>;

/// Which columns' changes matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Used by name.
    pub columns: IndexSet<String>,
    /// Any other as well: an SQL expression reads the row.
    pub any: bool,
}

/// One place of the tree where a table stands.
pub struct Use<'c> {
    pub table: &'c Table,
    /// Dotted field names from the top, and the table's own name where it is only passed through.
    pub name: String,
    /// Empty for the root.
    pub path: Path<'c>,
    pub used: Used,
    key: Vec<String>,
    logged: IndexSet<String>,
    due: IndexSet<String>,
    /// The views that its rows are read through, where it stands beneath one.
    views: Vec<PlannedTable>,
}

/// A place, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseId(usize);

/// All places, the root first.
#[derive(Default)]
pub struct Uses<'c>(Vec<Use<'c>>);

impl<'c> Uses<'c> {
    /// Notes a place. `key` tells the table's rows apart, and a touched row is found from above by its last edge.
    pub fn add(&mut self, table: &'c Table, name: String, path: Path<'c>, key: &[String]) -> UseId {
        let id = UseId(self.0.len());
        let logged = path.last().map(|edge| edge.lower_columns.iter().cloned().collect());
        let below = path.last().and_then(|edge| edge.tree.clone());
        self.0.push(Use {
            table,
            name,
            path,
            used: Used::default(),
            key: key.to_vec(),
            logged: logged.unwrap_or_default(),
            due: IndexSet::new(),
            views: Vec::new(),
        });
        let columns: Vec<String> = key.iter().chain(&self.0[id.0].logged).cloned().collect();
        let tree = below.into_iter().flat_map(|tree| tree.child_columns);
        columns
            .into_iter()
            .chain(tree)
            .for_each(|column| self.column(id, &column));
        id
    }

    /// What is shown there depends on this column.
    pub fn column(&mut self, id: UseId, column: &str) {
        let place = &mut self.0[id.0];
        let base = place.table.columns.get(column);
        match base.and_then(|column| column.virtual_base.as_ref()) {
            // Not computed in transition tables: what it is made of changes with it.
            Some(base) => place.used.columns.extend(base.iter().cloned()),
            None => {
                place.used.columns.insert(column.to_owned());
            }
        }
    }

    /// A touch of a row there says what this column held.
    pub fn logged(&mut self, id: UseId, column: &str) {
        self.0[id.0].logged.insert(column.to_owned());
    }

    /// What is shown there depends on whether this column's moment has passed.
    pub fn due(&mut self, id: UseId, column: &str) {
        self.column(id, column);
        self.0[id.0].due.insert(column.to_owned());
    }

    pub fn is_timed(&self, id: UseId) -> bool {
        !self.0[id.0].due.is_empty()
    }

    /// Each column with moments once.
    pub fn dues(&self) -> Vec<Due> {
        let mut dues = Vec::new();
        for place in &self.0 {
            for column in &place.due {
                let due = Due::new(place.table, &place.table.columns[column]);
                if !dues.contains(&due) {
                    dues.push(due);
                }
            }
        }
        dues
    }

    /// What is shown there may depend on any column.
    pub fn any_column(&mut self, id: UseId) {
        self.0[id.0].used.any = true;
    }

    /// What is shown there comes by way of these views.
    pub fn read_through(&mut self, id: UseId, views: &[PlannedTable]) {
        self.0[id.0].views = views.to_vec();
    }

    /// Places of tables with rows of their own.
    pub fn iter(&self) -> impl Iterator<Item = &Use<'c>> {
        self.0.iter().filter(|place| place.table.view.is_none())
    }

    /// The captures, the root's first.
    pub fn captures(&self, catalog: &Catalog) -> Vec<Capture> {
        let root = self.0.first().map(|place| place.table.oid);
        let mut by_table: BTreeMap<u32, Vec<&Use<'c>>> = BTreeMap::new();
        for place in self.iter() {
            by_table.entry(place.table.oid).or_default().push(place);
        }
        let mut captures: Vec<Capture> = by_table.into_values().map(|places| capture(&places, catalog)).collect();
        captures.sort_by_key(|capture| (Some(capture.table.oid) != root, capture.table.oid));
        captures
    }
}

impl Used {
    pub fn add(&mut self, other: &Self) {
        self.columns.extend(other.columns.iter().cloned());
        self.any |= other.any;
    }
}

/// What serves all places of one table.
fn capture(places: &[&Use<'_>], catalog: &Catalog) -> Capture {
    let table = places[0].table;
    let key = &places[0].key;
    let logged = places.iter().flat_map(|place| &place.logged);
    let columns: IndexSet<&String> = key.iter().chain(logged).collect();
    let mut used = Used::default();
    places.iter().for_each(|place| used.add(&place.used));
    let types = table
        .columns
        .values()
        .filter(|column| used.any || used.columns.contains(&column.name));
    // A view with another text shows other rows, as a column of another type does.
    let views = places.iter().flat_map(|place| &place.views);
    let views = views.map(|view| (view.sql.clone(), view.shape.clone()));
    let leaves = table.leaves.iter().filter_map(|leaf| catalog.by_oid(*leaf));
    Capture {
        table: PlannedTable::of(table),
        schema: table.schema.clone(),
        name: table.name.clone(),
        leaves: leaves.map(PlannedTable::of).collect(),
        needs_settings: columns.iter().any(|column| !capture::settled_text(table, column)),
        types: types
            .map(|column| (column.name.clone(), column.type_name.clone()))
            .chain(views)
            .collect(),
        columns: columns.into_iter().cloned().collect(),
        key_columns: key.len(),
        used,
    }
}

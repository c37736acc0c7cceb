//! The tables on a relation's way: each is a stop, nearest first, and the related table is the last.

use indexmap::IndexMap;

use crate::catalog::Table;
use crate::definition::{Content, Hop, Relation, RelationKind, Sql, TableName};
use crate::mistake::Place;

use super::Lookup;
use super::join::{Edge, Tree, Wanted};

/// One table on the way, and how it is joined to the one before it.
pub struct Stop<'c> {
    pub edge: Edge<'c>,
    /// Filters over this table's own row.
    pub filters: Vec<Sql>,
}

/// Filters that hold at every use of a table, by its schema, where that is written, and its name.
type Defaults = IndexMap<(Option<String>, String), Sql>;

impl<'c> Lookup<'c> {
    /// The way of a relation that hangs on rows of `above`.
    pub fn stops(&mut self, above: &'c Table, relation: &Relation, defaults: &Defaults) -> Option<Vec<Stop<'c>>> {
        if let RelationKind::Ancestors { depth } = relation.kind {
            let edge = self.ancestors(above, relation, depth)?;
            let filters = filters(&relation.table, relation.filter.as_ref(), defaults);
            return Some(vec![Stop { edge, filters }]);
        }
        let mut stops: Vec<Stop<'c>> = Vec::new();
        let mut join = relation.join.as_ref();
        let mut upper = Some(above);
        let hops = self.hops(relation);
        for (number, hop) in hops.iter().enumerate() {
            let is_aggregate = relation.kind == RelationKind::Aggregate;
            if is_aggregate && upper.is_some_and(|upper| self.is_column(upper, &hop.table)) {
                return None;
            }
            let lower = self.table(&hop.table);
            let wanted = match relation.kind {
                _ if number > 0 => Wanted::Beyond,
                RelationKind::One if !relation.through.is_empty() => Wanted::Many,
                RelationKind::One if relation.order.is_empty() => Wanted::One,
                RelationKind::One => Wanted::First,
                RelationKind::Many | RelationKind::Ancestors { .. } => Wanted::Many,
                RelationKind::Aggregate => Wanted::All,
            };
            let both = upper.zip(lower);
            let edge = both.and_then(|(upper, lower)| self.join(upper, lower, join, wanted, &hop.table.place));
            let filters = filters(&hop.table, hop.filter.as_ref(), defaults);
            stops.extend(edge.map(|edge| Stop { edge, filters }));
            upper = lower; // what stands behind a table that is not there is looked at as well
            join = hop.join.as_ref();
        }
        (stops.len() == hops.len()).then_some(stops)
    }

    /// The way from a row to one that it points at, of a table named alone.
    pub fn aside(&mut self, above: &'c Table, name: &str, place: &Place, defaults: &Defaults) -> Option<Stop<'c>> {
        let table = TableName {
            schema: None,
            name: name.to_owned(),
            place: place.clone(),
        };
        let lower = self.table(&table)?;
        let edge = self.join(above, lower, None, Wanted::Aside, place)?;
        let filters = filters(&table, None, defaults);
        Some(Stop { edge, filters })
    }

    /// The tables on the way, with the related one.
    fn hops(&self, relation: &Relation) -> Vec<Hop> {
        let to = |table| Hop {
            table,
            join: None,
            filter: None,
        };
        let mut hops = relation.through.clone();
        match &relation.content {
            Content::Computed(aggregate) => {
                let tables = self.along(&aggregate.tables, &relation.table.place);
                hops.extend(tables.into_iter().map(to));
            }
            Content::Fields(_) | Content::Value(_) => hops.push(to(relation.table.clone())),
        }
        if let Some(last) = hops.last_mut() {
            last.filter.clone_from(&relation.filter);
        }
        hops
    }

    /// Whether a count's path ends with a column, which it does not need; notes it.
    fn is_column(&mut self, upper: &Table, name: &TableName) -> bool {
        let found =
            self.catalog.find(name.schema.as_deref(), &name.name).is_none() && upper.columns.contains_key(&name.name);
        if found {
            let column = &name.name;
            self.mistakes.add(
                &name.place,
                format!("{column:?} is a column of {:?}, and a count is of rows", upper.name),
                format!("leave it out; to count rows that have it, add where: {column} is not null; to count different values, distinct: true"),
            );
        }
        found
    }

    /// The tables that a path names: what is no table and a schema belongs to the name behind it.
    fn along(&self, names: &[String], place: &Place) -> Vec<TableName> {
        let mut tables = Vec::new();
        let mut names = names.iter().peekable();
        while let Some(name) = names.next() {
            let is_schema = self.catalog.find(None, name).is_none()
                && self.catalog.tables.iter().any(|table| table.schema == *name);
            let schema = Some(name).filter(|_| is_schema && names.peek().is_some());
            let name = if schema.is_some() { names.next() } else { Some(name) };
            tables.extend(name.map(|name| TableName {
                schema: schema.cloned(),
                name: name.clone(),
                place: place.clone(),
            }));
        }
        tables
    }

    /// The way to a row and on, up the table's own tree.
    fn ancestors(&mut self, above: &'c Table, relation: &Relation, depth: u32) -> Option<Edge<'c>> {
        let place = &relation.table.place;
        let lower = self.table(&relation.table)?;
        if lower.view.is_some() {
            self.mistakes.add(
                place,
                format!("`ancestors` over {:?}, a view", lower.name),
                "name the table that holds the tree",
            );
            return None;
        }
        let own = self.join(lower, lower, relation.join.as_ref(), Wanted::Aside, place)?;
        let first = if above.oid == lower.oid {
            own.clone()
        } else {
            self.join(above, lower, None, Wanted::Aside, place)?
        };
        if first.lower_columns != own.lower_columns {
            self.mistakes.add(
                place,
                format!(
                    "the way to {:?} and the way up in it end at different columns",
                    lower.name
                ),
                "both must end at the same columns, usually the primary key",
            );
            return None;
        }
        let tree = Tree {
            child_columns: own.upper_columns,
            depth,
        };
        Some(Edge {
            tree: Some(tree),
            ..first
        })
    }
}

fn filters(table: &TableName, filter: Option<&Sql>, defaults: &Defaults) -> Vec<Sql> {
    let default = defaults.get(&(table.schema.clone(), table.name.clone()));
    default.into_iter().chain(filter).cloned().collect()
}

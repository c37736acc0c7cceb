//! The tables on a relation's way: each is a stop, nearest first, and the related table is the last.

use indexmap::IndexMap;

use crate::catalog::Table;
use crate::definition::{Hop, Relation, RelationKind, Sql, TableName};

use super::join::{Edge, Tree, Wanted};
use super::{Lookup, written};

/// One table on the way, and how it is joined to the one before it.
pub struct Stop<'c> {
    pub edge: Edge<'c>,
    /// Filters over this table's own row.
    pub filters: Vec<Sql>,
}

/// Filters that hold at every use of a table, by its name as written.
type Defaults = IndexMap<String, Sql>;

impl<'c> Lookup<'c> {
    /// The way of a relation that hangs on rows of `above`.
    pub fn stops(&mut self, above: &'c Table, relation: &Relation, defaults: &Defaults) -> Option<Vec<Stop<'c>>> {
        if let RelationKind::Ancestors { depth } = relation.kind {
            let edge = self.ancestors(above, relation, depth)?;
            let filters = filters(&relation.table, relation.filter.as_ref(), defaults);
            return Some(vec![Stop { edge, filters }]);
        }
        let last = Hop {
            table: relation.table.clone(),
            join: None,
            filter: relation.filter.clone(),
        };
        let mut stops: Vec<Stop<'c>> = Vec::new();
        let mut join = relation.join.as_ref();
        let mut upper = above;
        for hop in relation.through.iter().chain([&last]) {
            let lower = self.table(&hop.table)?;
            let wanted = match relation.kind {
                _ if !stops.is_empty() => Wanted::Beyond,
                RelationKind::One if !relation.through.is_empty() => Wanted::Many,
                RelationKind::One if relation.order.is_empty() => Wanted::One,
                RelationKind::One => Wanted::First,
                RelationKind::Many | RelationKind::Ancestors { .. } => Wanted::Many,
            };
            let edge = self.join(upper, lower, join, wanted, &hop.table.place)?;
            let filters = filters(&hop.table, hop.filter.as_ref(), defaults);
            stops.push(Stop { edge, filters });
            upper = lower;
            join = hop.join.as_ref();
        }
        Some(stops)
    }

    /// The way to a row and on, up the table's own tree.
    fn ancestors(&mut self, above: &'c Table, relation: &Relation, depth: u32) -> Option<Edge<'c>> {
        let place = &relation.table.place;
        let lower = self.table(&relation.table)?;
        let own = self.join(lower, lower, relation.join.as_ref(), Wanted::One, place)?;
        let first = if above.oid == lower.oid {
            own.clone()
        } else {
            self.join(above, lower, None, Wanted::One, place)?
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
    let default = defaults.get(&written(table));
    default.into_iter().chain(filter).cloned().collect()
}

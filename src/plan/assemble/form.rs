//! The form of a relation's statement: how its rows say what they hang on, and who sorts them.

use crate::catalog::{Column, Wire};
use crate::definition::{Relation, RelationKind};
use crate::plan::lookup::{Edge, Tree};
use crate::plan::select::SelectList;
use crate::plan::statement::Parts;
use crate::plan::{Link, Rank, SortColumn};

use super::order::{self, Term};

pub enum Form<'a> {
    /// Each row carries the value by which it hangs on the one above.
    ByValue,
    /// Each row carries the number of the linking values, as they were bound.
    ByOrdinal,
    /// By ordinal, at most so many rows each; behind the selected columns comes the rank.
    Limited(u32),
    /// By ordinal, the rows above in a tree; behind the selected columns comes the height.
    Ancestors(&'a Tree),
}

impl<'a> Form<'a> {
    /// The form of a relation that hangs by `edge` on the level above.
    pub fn of(relation: &Relation, edge: &'a Edge<'_>) -> Self {
        let is_first = relation.kind == RelationKind::One && !relation.order.is_empty();
        // Which rows repeat a value is found out here, and only then how many there are.
        let limit = relation.limit.filter(|_| !relation.distinct);
        match (&edge.tree, limit.or(is_first.then_some(1))) {
            (Some(tree), _) => Self::Ancestors(tree),
            (None, Some(limit)) => Self::Limited(limit),
            (None, None) if links_by_value(edge) => Self::ByValue,
            (None, None) => Self::ByOrdinal,
        }
    }

    pub fn sql(&self, parts: &Parts<'_>) -> String {
        match self {
            Self::ByValue => parts.by_value(),
            Self::ByOrdinal => parts.by_ordinal(),
            Self::Limited(limit) => parts.limited(*limit),
            Self::Ancestors(tree) => parts.ancestors(tree),
        }
    }

    /// Columns before the selected ones: the ordinal.
    pub fn leading(&self) -> &'static [Wire] {
        match self {
            Self::ByValue => &[],
            Self::ByOrdinal | Self::Limited(_) | Self::Ancestors(_) => &[Wire::Int8],
        }
    }

    /// The column behind the selected ones, by which the worker sorts.
    pub fn trailing(&self) -> Option<Wire> {
        match self {
            Self::ByValue | Self::ByOrdinal => None,
            Self::Limited(_) => Some(Wire::Int8),
            Self::Ancestors(_) => Some(Wire::Int4),
        }
    }

    /// How rows of one parent are ordered; what the worker sorts by is added to the list.
    pub fn rank(&self, relation: &Relation, terms: &[Term<'_>], list: &mut SelectList) -> Rank {
        let by_trailing = |descending| {
            Rank::Worker(vec![SortColumn {
                at: list.width(),
                descending,
                nulls_first: false,
            }])
        };
        match self {
            Self::Limited(_) => by_trailing(false),
            Self::Ancestors(_) => by_trailing(true),
            Self::ByValue | Self::ByOrdinal if matches!(relation.kind, RelationKind::One | RelationKind::Aggregate) => {
                Rank::Worker(Vec::new())
            }
            Self::ByValue | Self::ByOrdinal => order::by_worker(list, terms).map_or(Rank::Arrival, Rank::Worker),
        }
    }

    /// Whether the statement sorts: to find the first rows, or since only Postgres can.
    pub fn sorts(&self, rank: &Rank) -> bool {
        matches!(self, Self::Limited(_)) || *rank == Rank::Arrival
    }

    /// How a row says which parent it belongs to; a linking value is added to the list.
    pub fn link(&self, edge: &Edge<'_>, alias: &str, list: &mut SelectList) -> Link {
        match self {
            Self::ByValue => Link::Value(list.text(alias, &edge.lower.columns[&edge.lower_columns[0]])),
            Self::ByOrdinal | Self::Limited(_) | Self::Ancestors(_) => Link::Ordinal(0),
        }
    }
}

/// Whether the text of the linking value says all: one column, the same kind of value on both sides.
fn links_by_value(edge: &Edge<'_>) -> bool {
    let ([upper], [lower]) = (edge.upper_columns.as_slice(), edge.lower_columns.as_slice()) else {
        return false;
    };
    if edge.as_text {
        return false;
    }
    let family = |column: &Column| match column.wire {
        Wire::Int2 | Wire::Int4 | Wire::Int8 => Some(0),
        Wire::Uuid => Some(1),
        Wire::Text if column.byte_equal && column.type_oid != 1042 => Some(2),
        _ => None,
    };
    let (upper, lower) = (family(&edge.upper.columns[upper]), family(&edge.lower.columns[lower]));
    upper.is_some() && upper == lower
}

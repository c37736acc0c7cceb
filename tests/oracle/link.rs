//! Ways from one table to the next: foreign keys both ways, references that no key enforces, and columns that happen to
//! be of one kind.

use super::dice::Dice;
use super::schema::{Foreign, Schema};
use super::tree::{Pairs, Stop};

/// How many rows a join is to find, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    One,
    /// By an order.
    First,
    Many,
    /// Behind another table.
    Beyond,
}

#[derive(Clone, Debug)]
pub struct Link {
    pub table: usize,
    pub pairs: Pairs,
    /// At most one row.
    pub single: bool,
}

/// All links from a table, those by references first.
pub fn all(schema: &Schema, from: usize) -> Vec<Link> {
    let mut links: Vec<Link> = schema.tables[from].foreign.iter().map(down).collect();
    for (at, table) in schema.tables.iter().enumerate() {
        for foreign in table.foreign.iter().filter(|foreign| foreign.target == from) {
            links.push(Link {
                table: at,
                pairs: up(foreign),
                single: table.is_unique(&foreign.columns),
            });
        }
    }
    links
}

fn down(foreign: &Foreign) -> Link {
    let pairs = foreign
        .columns
        .iter()
        .cloned()
        .zip(foreign.target_columns.iter().cloned());
    Link {
        table: foreign.target,
        pairs: pairs.collect(),
        single: true,
    }
}

fn up(foreign: &Foreign) -> Pairs {
    let pairs = foreign
        .target_columns
        .iter()
        .cloned()
        .zip(foreign.columns.iter().cloned());
    pairs.collect()
}

/// A link by columns that nothing but their kind connects.
pub fn loose(dice: &mut Dice, schema: &Schema, from: usize) -> Option<Link> {
    let table = dice.below(schema.tables.len());
    let (above, below) = (&schema.tables[from], &schema.tables[table]);
    let mut found = Vec::new();
    for upper in &above.columns {
        let fitting = below.columns.iter().filter(|lower| upper.kind.joins(lower.kind));
        found.extend(fitting.map(|lower| (upper.name.clone(), lower.name.clone())));
    }
    let pair = dice.any(&found)?.clone();
    Some(Link {
        table,
        single: below.is_unique(std::slice::from_ref(&pair.1)),
        pairs: vec![pair],
    })
}

/// A stop by this link; the join is written out wherever the documentation does not promise that it is found.
pub fn stop(dice: &mut Dice, schema: &Schema, from: usize, link: &Link, wanted: Wanted) -> Stop {
    let found = inferred(schema, from, link.table, wanted);
    let sure = found.as_slice() == std::slice::from_ref(&link.pairs);
    Stop {
        table: link.table,
        pairs: link.pairs.clone(),
        as_text: false,
        written: !sure || dice.chance(25),
        filter: None,
    }
}

/// The joins that may be meant where none is written.
pub fn inferred(schema: &Schema, from: usize, to: usize, wanted: Wanted) -> Vec<Pairs> {
    let enforced = |table: usize, target: usize| {
        let seen = !schema.tables[table].is_view() && !schema.tables[target].is_view();
        let keys = schema.tables[table].foreign.iter().filter(move |_| seen);
        keys.filter(move |foreign| foreign.enforced && foreign.target == target)
    };
    let pointing: Vec<Pairs> = enforced(from, to).map(|foreign| down(foreign).pairs).collect();
    let back: Vec<Pairs> = enforced(to, from).map(up).collect();
    match wanted {
        Wanted::One | Wanted::First if !pointing.is_empty() => pointing,
        Wanted::One => {
            let unique = enforced(to, from).filter(|foreign| schema.tables[to].is_unique(&foreign.columns));
            unique.map(up).collect()
        }
        Wanted::First | Wanted::Many => back,
        Wanted::Beyond => [pointing, back].concat(),
    }
}

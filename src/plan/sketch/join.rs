//! Joins, where the foreign keys do not say all.

use crate::catalog::Table;
use crate::plan::lookup::{Wanted, candidates};

use super::tree::Pairs;

pub fn pairs(above: &[String], below: &[String]) -> Pairs {
    above.iter().cloned().zip(below.iter().cloned()).collect()
}

/// The join where it must be written: the foreign keys allow none, another, or more than this one.
pub fn undecided(upper: &Table, lower: &Table, wanted: Wanted, join: Pairs) -> Pairs {
    let found = candidates(upper, lower, wanted);
    let decided = matches!(found.as_slice(), [(above, below)] if pairs(above, below) == join);
    if decided { Pairs::new() } else { join }
}

//! The keys of a field, in one place: those that say which form it takes, those of relations, and what a slip may have meant.

use crate::yaml::nearest;

/// The keys that say which form a field takes.
pub(super) const FORMS: [&str; 14] = [
    "one",
    "many",
    "ancestors",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "group",
    "switch",
    "column",
    "sql",
    "constant",
    "pipeline",
];

/// Keys that only a relation has.
pub(super) const OF_RELATIONS: [&str; 10] = [
    "through", "join", "where", "order", "limit", "required", "depth", "value", "by", "distinct",
];

/// Keys that stand beside others.
const BESIDE: [&str; 7] = ["type", "fields", "mapping", "missing", "cases", "cast", "path"];

/// The key that a word on a column comes near to without being it. Any word of a letter or two is near to `by`.
pub(super) fn slip_of(word: &str) -> Option<&'static str> {
    let all: Vec<&'static str> = BESIDE.into_iter().chain(FORMS).chain(OF_RELATIONS).collect();
    let known = all.contains(&word);
    let long: Vec<&'static str> = all.into_iter().filter(|key| key.len() > 2).collect();
    nearest(word, &long).filter(|_| !known)
}

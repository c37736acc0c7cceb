//! Where copies of documents may stand, beside the place where they belong now.
//!
//! In an index with routing, one id under two routings is two documents wherever the two fall on different shards. A row
//! that moves leaves one behind, and nothing but the row's old values says where it is.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::key::Key;

/// Routings, by the document's key. Takes no memory while there is none.
#[derive(Clone, Debug, Default)]
pub struct Copies(HashMap<Key, BTreeSet<String>>);

impl Copies {
    /// Notes that a copy may stand under this routing.
    pub fn add(&mut self, key: &Key, routing: &str) {
        // To Elasticsearch an empty routing is none, and so no document has it.
        if !routing.is_empty() {
            self.0.entry(key.clone()).or_default().insert(routing.to_owned());
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (key, routings) in other.0 {
            self.0.entry(key).or_default().extend(routings);
        }
    }

    /// Hands over what is known of a key.
    pub fn pass(&mut self, key: &Key, other: &mut Self) {
        if let Some((key, routings)) = self.0.remove_entry(key) {
            other.0.entry(key).or_default().extend(routings);
        }
    }

    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// The routings of a key, in order.
    pub fn of(&self, key: &Key) -> impl Iterator<Item = &str> {
        self.0.get(key).into_iter().flatten().map(String::as_str)
    }

    /// The same, to be kept.
    #[must_use]
    pub fn listed(&self, key: &Key) -> Vec<String> {
        self.of(key).map(str::to_owned).collect()
    }
}

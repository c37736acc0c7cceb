//! Which documents stand on one side alone, told without keeping any: sums of hashes, in buckets.
//!
//! What is added and taken away again leaves no trace, in whatever order. The ids of a bucket that is not even in the
//! end are looked at; that it comes out even by chance happens once in 2⁶⁴ times.

use xxhash_rust::xxh3::xxh3_128;

use crate::elastic::Stored;

/// Ids added on one side and taken away on the other.
pub struct Tally(Vec<u64>);

/// Half a megabyte. A million documents put sixteen ids into each.
const BUCKETS: usize = 1 << 16;

impl Default for Tally {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl Tally {
    pub fn add(&mut self, stored: &Stored) {
        let (bucket, hash) = place(stored);
        self.0[bucket] = self.0[bucket].wrapping_add(hash);
    }

    pub fn take(&mut self, stored: &Stored) {
        let (bucket, hash) = place(stored);
        self.0[bucket] = self.0[bucket].wrapping_sub(hash);
    }

    /// Whether both sides had the same ids.
    pub fn is_even(&self) -> bool {
        self.0.iter().all(|sum| *sum == 0)
    }

    /// Whether this document may stand on one side alone.
    pub fn doubts(&self, stored: &Stored) -> bool {
        self.0[place(stored).0] != 0
    }
}

/// An id and its routing, which are a document's name together.
fn place(stored: &Stored) -> (usize, u64) {
    let hash = match &stored.routing {
        None => xxh3_128(stored.id.as_bytes()),
        Some(routing) => xxh3_128(format!("{} {}{routing}", stored.id.len(), stored.id).as_bytes()),
    };
    ((hash >> 112) as usize, hash as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Version;

    #[test]
    fn what_stands_on_one_side_alone_is_doubted() {
        let mut tally = Tally::default();
        let stored = |id: usize, routing: Option<&str>| Stored {
            id: id.to_string(),
            routing: routing.map(str::to_owned),
            version: Version(1),
            mark: None,
        };
        (0..10_000).for_each(|id| tally.add(&stored(id, None)));
        (0..10_000).rev().for_each(|id| tally.take(&stored(id, None)));
        assert!(tally.is_even());
        tally.take(&stored(10_001, None));
        tally.add(&stored(7, None));
        assert!(!tally.is_even() && tally.doubts(&stored(10_001, None)) && tally.doubts(&stored(7, None)));
        let others = (0..10_000).filter(|id| tally.doubts(&stored(*id, None))).count();
        assert!(others < 20, "{others} are doubted for two");
        let mut tally = Tally::default();
        tally.add(&stored(1, Some("a")));
        tally.take(&stored(1, Some("b")));
        assert!(tally.doubts(&stored(1, Some("a"))) && tally.doubts(&stored(1, Some("b"))));
    }
}

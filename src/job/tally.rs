//! Which ids stand on one side alone, told without keeping any: sums of hashes, in buckets.
//!
//! What is added and taken away again leaves no trace, in whatever order. The ids of a bucket that is not even in the
//! end are looked at; that it comes out even by chance happens once in 2⁶⁴ times.

use xxhash_rust::xxh3::xxh3_128;

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
    pub fn add(&mut self, id: &str) {
        let (bucket, hash) = place(id);
        self.0[bucket] = self.0[bucket].wrapping_add(hash);
    }

    pub fn take(&mut self, id: &str) {
        let (bucket, hash) = place(id);
        self.0[bucket] = self.0[bucket].wrapping_sub(hash);
    }

    /// Whether both sides had the same ids.
    pub fn is_even(&self) -> bool {
        self.0.iter().all(|sum| *sum == 0)
    }

    /// Whether this id may stand on one side alone.
    pub fn doubts(&self, id: &str) -> bool {
        self.0[place(id).0] != 0
    }
}

fn place(id: &str) -> (usize, u64) {
    let hash = xxh3_128(id.as_bytes());
    ((hash >> 112) as usize, hash as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_on_one_side_alone_is_doubted() {
        let mut tally = Tally::default();
        (0..10_000).for_each(|id| tally.add(&id.to_string()));
        (0..10_000).rev().for_each(|id| tally.take(&id.to_string()));
        assert!(tally.is_even());
        tally.take("10001");
        tally.add("7");
        assert!(!tally.is_even() && tally.doubts("10001") && tally.doubts("7"));
        let others = (0..10_000).filter(|id| tally.doubts(&id.to_string())).count();
        assert!(others < 20, "{others} are doubted for two");
    }
}

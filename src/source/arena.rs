//! Rows of one batch, encoded on arrival and kept as bytes: no value is held as anything else.
//!
//! A level's rows stand as fragments in one buffer, found by the number of the value that links them to a row above.
//! Buffers are emptied and used again, so that a worker that has warmed up allocates nothing a row.

use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Stands for "nothing is wrong with this row".
pub const NO_REASON: u32 = u32::MAX;

/// Stands for "no linking value": a null.
pub const NO_LINK: u32 = u32::MAX;

/// Distinct linking values, numbered as they come.
#[derive(Default)]
pub struct Links {
    bytes: Vec<u8>,
    /// Where each value's parts stand; `parts` of them a value.
    spans: Vec<(u32, u32)>,
    parts: usize,
    numbers: HashTable<u32>,
    /// What [`Self::find`] found last.
    last: u32,
    hasher: hashbrown::DefaultHashBuilder,
}

impl Links {
    /// Forgets everything; values will have so many parts.
    pub fn reset(&mut self, parts: usize) {
        self.bytes.clear();
        self.spans.clear();
        self.numbers.clear();
        self.last = 0;
        self.parts = parts;
    }

    /// How many distinct values there are.
    pub fn count(&self) -> usize {
        self.spans.len().checked_div(self.parts).unwrap_or_default()
    }

    /// The text of one part of a value.
    pub fn part(&self, number: usize, part: usize) -> &[u8] {
        let (start, end) = self.spans[number * self.parts + part];
        &self.bytes[start as usize..end as usize]
    }

    /// One part of every value, for binding. Linking values are texts that Postgres sent, and so UTF-8.
    pub fn texts(&self, part: usize) -> Vec<&str> {
        (0..self.count())
            .map(|number| std::str::from_utf8(self.part(number, part)).unwrap_or_default())
            .collect()
    }

    /// The number of a value whose parts are these ranges of `source`, added where it is new.
    pub fn number(&mut self, source: &[u8], parts: &[(u32, u32)]) -> u32 {
        let hash = self.hash(source, parts);
        let Self {
            bytes,
            spans,
            parts: width,
            numbers,
            hasher,
            ..
        } = self;
        let equal = |known: &u32| {
            let at = *known as usize * *width;
            spans[at..at + *width]
                .iter()
                .zip(parts)
                .all(|(known, new)| slice(bytes, *known) == slice(source, *new))
        };
        if let Some(known) = numbers.find(hash, equal) {
            return *known;
        }
        let number = count(spans.len() / *width);
        for part in parts {
            let start = count(bytes.len());
            bytes.extend_from_slice(slice(source, *part));
            spans.push((start, count(bytes.len())));
        }
        let rehash = |known: &u32| {
            let at = *known as usize * *width;
            hash_of(hasher, bytes, &spans[at..at + *width])
        };
        numbers.insert_unique(hash, number, rehash);
        number
    }

    /// The number of a single-part value, if it is known. Rows of one value often come one after another.
    pub fn find(&mut self, value: &[u8]) -> Option<u32> {
        if !self.spans.is_empty() && self.part(self.last as usize, 0) == value {
            return Some(self.last);
        }
        let hash = self.hash(value, &[(0, count(value.len()))]);
        let found = self
            .numbers
            .find(hash, |known| self.part(*known as usize, 0) == value)
            .copied();
        self.last = found.unwrap_or(self.last);
        found
    }

    fn hash(&self, source: &[u8], parts: &[(u32, u32)]) -> u64 {
        hash_of(&self.hasher, source, parts)
    }
}

fn hash_of(hasher: &hashbrown::DefaultHashBuilder, source: &[u8], parts: &[(u32, u32)]) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut state = hasher.build_hasher();
    for part in parts {
        slice(source, *part).hash(&mut state);
    }
    state.finish()
}

fn slice(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    &bytes[start as usize..end as usize]
}

/// Buffers are bounded far below 4 GiB; see the batch limit in `fetch`.
#[expect(clippy::cast_possible_truncation, reason = "a batch is bounded far below 4 GiB")]
pub fn count(length: usize) -> u32 {
    debug_assert!(u32::try_from(length).is_ok());
    length as u32
}

/// One row.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Number of the linking value in the level's [`Links`]; for the root, its place among the keys.
    pub link: u32,
    pub sort: (u32, u32),
    pub fragment: (u32, u32),
    /// Where the row's key ends in its fragment; where that begins, for a row without one.
    pub key_end: u32,
    /// First of the row's own in [`Rows::numbers`].
    pub numbers: u32,
    /// Position of the reason in [`Rows::unfit`], when the row cannot be encoded.
    pub unfit: u32,
}

/// The rows of one level.
#[derive(Default)]
pub struct Rows {
    pub bytes: Vec<u8>,
    pub sort: Vec<u8>,
    pub entries: Vec<Entry>,
    /// For each row, where its segments end in `bytes`, but for the last one, and then its linking values, one a child
    /// level.
    pub numbers: Vec<u32>,
    pub unfit: Vec<String>,
    /// Where each link's entries begin, once sorted; one more than there are links.
    starts: Vec<u32>,
    /// Positions of rows kept, by their bytes, while one link's are looked through.
    seen: HashTable<u32>,
    hasher: hashbrown::DefaultHashBuilder,
}

impl Rows {
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.sort.clear();
        self.entries.clear();
        self.numbers.clear();
        self.unfit.clear();
        self.starts.clear();
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.sort.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Bytes in use or kept for later.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.sort.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Groups the rows by link, ordered within each; rows of equal order stay as they came. Of rows with the same bytes
    /// the first stays, where `distinct` says so, and no more rows than it says.
    pub fn sort(&mut self, links: usize, distinct: Option<u32>) {
        let Self { sort, entries, .. } = self;
        entries.sort_by(|left, right| {
            left.link
                .cmp(&right.link)
                .then_with(|| slice(sort, left.sort).cmp(slice(sort, right.sort)))
        });
        if let Some(most) = distinct {
            self.keep_distinct(most as usize);
        }
        let Self { entries, starts, .. } = self;
        starts.resize(links + 1, 0);
        for entry in entries.iter() {
            starts[entry.link as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
    }

    fn keep_distinct(&mut self, most: usize) {
        let Self {
            bytes,
            entries,
            seen,
            hasher,
            ..
        } = self;
        let (mut kept, mut first) = (0, 0);
        for at in 0..entries.len() {
            let entry = entries[at];
            if kept == first || entries[first].link != entry.link {
                seen.clear();
                first = kept;
            }
            let hash = hash_of(hasher, bytes, &[entry.fragment]);
            let same = |known: &u32| slice(bytes, entries[*known as usize].fragment) == slice(bytes, entry.fragment);
            // A row that cannot be encoded stands for itself: it is the document's end.
            if kept - first == most || entry.unfit == NO_REASON && seen.find(hash, same).is_some() {
                continue;
            }
            let rehash = |known: &u32| hash_of(hasher, bytes, &[entries[*known as usize].fragment]);
            seen.insert_unique(hash, count(kept), rehash);
            entries[kept] = entry;
            kept += 1;
        }
        entries.truncate(kept);
    }

    /// The rows of one link, in order.
    pub fn of(&self, link: u32) -> &[Entry] {
        if link == NO_LINK {
            return &[];
        }
        let (start, end) = (self.starts[link as usize], self.starts[link as usize + 1]);
        &self.entries[start as usize..end as usize]
    }

    /// One of a row's `segments`.
    pub fn segment(&self, entry: &Entry, at: usize, segments: usize) -> &[u8] {
        let end = |at: usize| self.numbers[entry.numbers as usize + at];
        let start = if at == 0 { entry.key_end } else { end(at - 1) };
        let end = if at + 1 == segments { entry.fragment.1 } else { end(at) };
        slice(&self.bytes, (start, end))
    }

    /// The row's linking value for a child level.
    pub fn child_link(&self, entry: &Entry, child: usize, segments: usize) -> u32 {
        self.numbers[entry.numbers as usize + segments - 1 + child]
    }

    /// `"key":`, of a row that has one.
    pub fn key(&self, entry: &Entry) -> &[u8] {
        slice(&self.bytes, (entry.fragment.0, entry.key_end))
    }
}

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

    /// The number of a single-part value, if it is known. Rows of one value often come one after another, and values in
    /// the order of the rows that they were taken from.
    pub fn find(&mut self, value: &[u8]) -> Option<u32> {
        for next in [self.last, self.last + 1] {
            if (next as usize) < self.count() && self.part(next as usize, 0) == value {
                self.last = next;
                return Some(next);
            }
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
    /// The entries as they came, once sorted.
    arrived: Vec<Entry>,
    /// Where each link's entries begin, once sorted; two more than there are links.
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
        let entries = self.entries.capacity() + self.arrived.capacity();
        self.bytes.capacity() + self.sort.capacity() + entries * size_of::<Entry>()
    }

    /// Groups the rows by link, ordered within each; rows of equal order stay as they came. Of rows with the same bytes
    /// the first stays, where `distinct` says so, and no more rows than it says.
    pub fn sort(&mut self, links: usize, distinct: Option<u32>) {
        self.group(links);
        let Self {
            sort, entries, starts, ..
        } = self;
        for bounds in starts[..=links].windows(2) {
            let same_link = &mut entries[bounds[0] as usize..bounds[1] as usize];
            same_link.sort_by(|left, right| slice(sort, left.sort).cmp(slice(sort, right.sort)));
        }
        if let Some(most) = distinct {
            self.keep_distinct(most as usize);
            self.group(links);
        }
    }

    /// Brings rows of one link together, in the order they came in: a counting sort, as links are small numbers.
    fn group(&mut self, links: usize) {
        let Self {
            entries,
            arrived,
            starts,
            ..
        } = self;
        std::mem::swap(entries, arrived);
        starts.clear();
        starts.resize(links + 2, 0);
        for entry in arrived.iter() {
            starts[entry.link as usize + 2] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        entries.clear();
        entries.extend_from_slice(arrived); // room: each is written over
        for entry in arrived.iter() {
            // Where the next one of its link goes; past the last, that is where the link after it begins.
            let place = &mut starts[entry.link as usize + 1];
            entries[*place as usize] = *entry;
            *place += 1;
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

    /// `,"key":`, of a row that has one.
    pub fn key(&self, entry: &Entry) -> &[u8] {
        slice(&self.bytes, (entry.fragment.0, entry.key_end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as they come: what each hangs on, what it sorts by, what it writes.
    fn sorted(rows: &[(u32, &str, &str)], links: usize, distinct: Option<u32>) -> Vec<Vec<String>> {
        let mut found = Rows::default();
        for (link, sort, fragment) in rows {
            let push = |bytes: &mut Vec<u8>, text: &str| {
                let start = count(bytes.len());
                bytes.extend_from_slice(text.as_bytes());
                (start, count(bytes.len()))
            };
            let fragment = push(&mut found.bytes, fragment);
            found.entries.push(Entry {
                link: *link,
                sort: push(&mut found.sort, sort),
                fragment,
                key_end: fragment.0,
                numbers: 0,
                unfit: NO_REASON,
            });
        }
        found.sort(links, distinct);
        let text = |entry: &Entry| String::from_utf8_lossy(slice(&found.bytes, entry.fragment)).into_owned();
        let links = 0..count(links);
        links.map(|link| found.of(link).iter().map(text).collect()).collect()
    }

    #[test]
    fn rows_of_one_link_stand_together_in_order() {
        let rows = [
            (2, "b", "one"),
            (0, "", "two"),
            (2, "a", "three"),
            (0, "", "four"),
            (2, "b", "five"),
        ];
        assert_eq!(
            sorted(&rows, 4, None),
            [vec!["two", "four"], vec![], vec!["three", "one", "five"], vec![]]
        );
        assert_eq!(sorted(&[], 1, None), [Vec::<String>::new()]);
    }

    #[test]
    fn rows_of_the_same_bytes_are_one_where_that_is_wanted() {
        let rows = [
            (1, "c", "x"),
            (0, "a", "x"),
            (1, "a", "y"),
            (1, "b", "x"),
            (1, "d", "z"),
        ];
        assert_eq!(sorted(&rows, 2, Some(9)), [vec!["x"], vec!["y", "x", "z"]]);
        assert_eq!(sorted(&rows, 2, Some(2)), [vec!["x"], vec!["y", "x"]]);
    }
}

//! What a build hands to a write: documents and deletes with their versions, as one bulk body.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::key::Key;

/// The position of a build's snapshot: `epoch << 48 | v << 1`. Greater means: sees every commit the smaller one saw, and
/// more. Between any two positions there is room for one more number, see [`Version::before`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl Version {
    /// Bits of the snapshot position; the epoch stands above them.
    pub const POSITION_BITS: u32 = 48;

    /// The version of a snapshot at `position` (`xmax − |xip|`) in this `epoch`.
    #[must_use]
    pub fn new(epoch: i32, position: i64) -> Self {
        Self(i64::from(epoch) << Self::POSITION_BITS | position << 1)
    }

    /// Above what every earlier snapshot gives, and below this: for deleting a document where it no longer belongs. Two
    /// routings may fall on one shard, where they are one document: such a delete, whenever it comes, takes away an older
    /// copy and never what this snapshot gave.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// How often the source was found to be another or to have gone back.
    #[must_use]
    pub fn epoch(self) -> i32 {
        i32::try_from(self.0 >> Self::POSITION_BITS).unwrap_or(i32::MAX)
    }

    /// `xmax − |xip|` of the snapshot.
    #[must_use]
    pub fn position(self) -> i64 {
        (self.0 & ((1 << Self::POSITION_BITS) - 1)) >> 1
    }
}

/// What a draft does to its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes the whole document.
    Index,
    /// Deletes it: no row of that key is a document.
    Delete,
}

/// One document or delete, a span of its batch's bulk body. A document that has moved has several, side by side.
#[derive(Clone, Debug)]
pub struct Draft {
    pub key: Key,
    /// Elasticsearch's `_id`.
    pub id: Arc<str>,
    /// Elasticsearch's `_routing`, where the index has any.
    pub routing: Option<String>,
    /// The batch's, or the one before it for a delete of a copy.
    pub version: Version,
    pub op: Op,
    /// Where the action line, and for [`Op::Index`] the source line, stand in the body, newlines included.
    pub span: Range<usize>,
}

/// Drafts of one snapshot, as newline-delimited JSON for `POST /{index}/_bulk`; the lines name no index.
///
/// An action line is `{"index":{"_id":"…","version":…,"version_type":"external_gte"}}` or the same with `delete`, and
/// with `"routing":"…"` in an index that has routing.
#[derive(Clone, Debug)]
pub struct Drafts {
    pub version: Version,
    pub body: Bytes,
    pub items: Vec<Draft>,
}

impl Drafts {
    /// The drafts as bodies of at most `bytes` each, or one draft where that alone is more; nothing is copied.
    #[must_use]
    pub fn bodies(&self, bytes: usize) -> Vec<Self> {
        let mut bodies = Vec::new();
        let mut first = 0;
        while first < self.items.len() {
            let start = self.items[first].span.start;
            let fits = self.items[first..]
                .iter()
                .take_while(|draft| draft.span.end - start <= bytes)
                .count()
                .max(1);
            bodies.push(self.slice(first..first + fits));
            first += fits;
        }
        bodies
    }

    /// The drafts at these positions, which stand side by side in the body.
    #[must_use]
    pub fn slice(&self, positions: Range<usize>) -> Self {
        let items = &self.items[positions];
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Self {
                version: self.version,
                body: Bytes::new(),
                items: Vec::new(),
            };
        };
        let start = first.span.start;
        let moved = |draft: &Draft| Draft {
            span: draft.span.start - start..draft.span.end - start,
            ..draft.clone()
        };
        Self {
            version: self.version,
            body: self.body.slice(start..last.span.end),
            items: items.iter().map(moved).collect(),
        }
    }

    /// The bulk body of the drafts at these positions alone, for sending again what was not settled.
    #[must_use]
    pub fn subset(&self, positions: &[usize]) -> Self {
        let mut body = Vec::with_capacity(positions.iter().map(|&at| self.items[at].span.len()).sum());
        let items = positions
            .iter()
            .map(|&at| {
                let draft = &self.items[at];
                let start = body.len();
                body.extend_from_slice(&self.body[draft.span.clone()]);
                Draft {
                    span: start..body.len(),
                    ..draft.clone()
                }
            })
            .collect();
        Self {
            version: self.version,
            body: body.into(),
            items,
        }
    }
}

/// A delete that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    pub routing: Option<String>,
    pub version: Version,
}

/// A document that cannot be built, and why, in words that hold no row content.
#[derive(Clone, Debug)]
pub struct Unfit {
    pub key: Key,
    pub reason: String,
}

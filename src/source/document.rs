//! Puts documents together out of encoded rows, by copying.

use crate::plan::{Level, Part, Plan, Shape};

use super::arena::{Entry, NO_LINK};
use super::fetch::Batch;
use super::output::enclose;

/// Whether an object has all it requires.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Here,
    Lacking,
}

/// Puts rows together, downward.
pub struct Assembly<'a> {
    pub plan: &'a Plan,
    pub batch: &'a Batch,
}

impl Assembly<'_> {
    /// Appends a row's fields and those of everything that hangs on it, a comma before each.
    pub fn fields(&self, position: usize, entry: &Entry, out: &mut Vec<u8>) -> Result<Presence, String> {
        let rows = &self.batch.rows[position];
        if let Some(reason) = rows.unfit.get(entry.unfit as usize) {
            return Err(reason.clone());
        }
        self.body(position, entry, 0, &self.plan.levels[position].parts, out)
    }

    /// A segment of the row's own, and the parts that follow it.
    fn body(
        &self,
        position: usize,
        entry: &Entry,
        segment: usize,
        parts: &[Part],
        out: &mut Vec<u8>,
    ) -> Result<Presence, String> {
        let segments = self.plan.levels[position].segments.len();
        out.extend_from_slice(self.batch.rows[position].segment(entry, segment, segments));
        for part in parts {
            let before = out.len();
            let presence = match part {
                Part::Level(child) => self.child(position, entry, *child, before, out)?,
                Part::Switch(cases) => {
                    let rows = &self.batch.rows[position];
                    let applies = |case: &&usize| rows.child_link(entry, **case, segments) != NO_LINK;
                    let case = cases.iter().find(applies).or(cases.first());
                    // Where none applies, any of them has no row.
                    let case = case.copied().unwrap_or_default();
                    self.child(position, entry, case, before, out)?
                }
                Part::Group { prefix, segment, parts } => {
                    out.extend_from_slice(prefix.as_bytes());
                    let start = out.len();
                    let presence = self.body(position, entry, *segment, parts, out)?;
                    enclose([b'{', b'}'], start, out);
                    presence
                }
            };
            if presence == Presence::Lacking {
                return Ok(Presence::Lacking);
            }
        }
        Ok(Presence::Here)
    }

    /// What hangs on a row by a relation; left out from `before` on where it is null and wanted so.
    fn child(
        &self,
        position: usize,
        entry: &Entry,
        child: usize,
        before: usize,
        out: &mut Vec<u8>,
    ) -> Result<Presence, String> {
        let own = &self.plan.levels[position];
        let link = self.batch.rows[position].child_link(entry, child, own.segments.len());
        let child = own.children[child];
        let level = &self.plan.levels[child];
        let related = self.batch.rows[child].of(link);
        out.extend_from_slice(level.prefix.as_bytes());
        let value = out.len();
        let presence = match level.shape {
            Shape::Root => Presence::Here,
            Shape::Many => self.array(child, level, related, out)?,
            Shape::Keyed { first } => self.keyed(child, level, related, first, out)?,
            Shape::One { .. } => self.one(child, level, related, "null", out)?,
            Shape::Computed { absent } => self.one(child, level, related, absent, out)?,
        };
        if level.drop && &out[value..] == b"null" {
            out.truncate(before);
        }
        Ok(presence)
    }

    /// At most one row; `absent` where there is none.
    fn one(
        &self,
        position: usize,
        level: &Level,
        related: &[Entry],
        absent: &str,
        out: &mut Vec<u8>,
    ) -> Result<Presence, String> {
        if related.len() > 1 {
            return Err(format!(
                "field {}: `one` found {} rows; add order: to take the first, or use many:",
                level.path,
                related.len()
            ));
        }
        let start = out.len();
        if let Some(entry) = related.first() {
            if self.value(position, level, entry, out)? == Presence::Here {
                return Ok(Presence::Here);
            }
            out.truncate(start);
        }
        out.extend_from_slice(absent.as_bytes());
        Ok(if level.required {
            Presence::Lacking
        } else {
            Presence::Here
        })
    }

    fn array(&self, position: usize, level: &Level, related: &[Entry], out: &mut Vec<u8>) -> Result<Presence, String> {
        let first = out.len();
        for entry in related {
            let start = out.len();
            out.push(b',');
            if self.value(position, level, entry, out)? == Presence::Lacking {
                out.truncate(start);
            }
        }
        enclose([b'[', b']'], first, out);
        Ok(Presence::Here)
    }

    /// Rows of one key stand together, the first of them in order before the others.
    fn keyed(
        &self,
        position: usize,
        level: &Level,
        related: &[Entry],
        takes_first: bool,
        out: &mut Vec<u8>,
    ) -> Result<Presence, String> {
        let rows = &self.batch.rows[position];
        let first = out.len();
        let mut last: &[u8] = b"";
        for entry in related {
            let key = rows.key(entry);
            if key == last && takes_first {
                continue;
            }
            if key == last {
                return Err(format!(
                    "field {}: `by` found several rows with one key; add order: to take the first",
                    level.path
                ));
            }
            last = key;
            let start = out.len();
            out.extend_from_slice(key);
            if self.value(position, level, entry, out)? == Presence::Lacking {
                out.truncate(start);
            }
        }
        enclose([b'{', b'}'], first, out);
        Ok(Presence::Here)
    }

    fn value(&self, position: usize, level: &Level, entry: &Entry, out: &mut Vec<u8>) -> Result<Presence, String> {
        if level.bare {
            return self.fields(position, entry, out);
        }
        let start = out.len();
        let presence = self.fields(position, entry, out)?;
        enclose([b'{', b'}'], start, out);
        Ok(presence)
    }
}

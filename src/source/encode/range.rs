//! Ranges as Elasticsearch has them: `{"gte":1,"lt":5}`, an end that is open left out, `null` for an empty one.
//!
//! The wire form (`range_send` in Postgres' `rangetypes.c`) is a byte of flags, then the lower and the upper bound as far
//! as they exist, each behind its length.

use crate::catalog::Wire;

use super::array::Values;
use super::{Unfit, encode};

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_OPEN: u8 = 0x08;
const UPPER_OPEN: u8 = 0x10;

/// Appends a range between values of the form `bound`.
pub(super) fn push(bound: Wire, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let (flags, rest) = bytes.split_first().ok_or(Unfit::Malformed)?;
    if flags & EMPTY != 0 {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let mut rest = Values(rest);
    let mut object = Object::open(out);
    if flags & LOWER_OPEN == 0 {
        let value = rest.value()?.ok_or(Unfit::Malformed)?;
        object.bound(
            if flags & LOWER_INCLUSIVE == 0 { "gt" } else { "gte" },
            bound,
            value,
            true,
        )?;
    }
    if flags & UPPER_OPEN == 0 {
        let value = rest.value()?.ok_or(Unfit::Malformed)?;
        object.bound(
            if flags & UPPER_INCLUSIVE == 0 { "lt" } else { "lte" },
            bound,
            value,
            false,
        )?;
    }
    object.close();
    if rest.0.is_empty() {
        Ok(())
    } else {
        Err(Unfit::Malformed)
    }
}

/// A range under way.
pub(super) struct Object<'o> {
    pub out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    pub fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Appends the name of a bound; its value is the caller's to append.
    pub fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub fn close(self) {
        self.out.push(b'}');
    }

    /// A bound; one that is infinite outward is an open end, as nothing that Elasticsearch holds lies beyond.
    fn bound(&mut self, name: &str, wire: Wire, bytes: &[u8], lower: bool) -> Result<(), Unfit> {
        let (before, first) = (self.out.len(), self.first);
        self.name(name);
        match encode(wire, bytes, self.out) {
            Err(Unfit::Infinite) if is_negative(wire, bytes) == lower => {
                self.out.truncate(before);
                self.first = first;
                Ok(())
            }
            other => other,
        }
    }
}

/// Of an infinite value: the sign is the first bit, except that `numeric` has a word for it.
fn is_negative(wire: Wire, bytes: &[u8]) -> bool {
    let sign = bytes.get(if wire == Wire::Numeric { 4 } else { 0 }).copied();
    match wire {
        Wire::Numeric => sign == Some(0xF0),
        _ => sign.is_some_and(|byte| byte & 0x80 != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bound: Wire, flags: u8, bounds: &[&[u8]]) -> Result<String, Unfit> {
        let mut bytes = vec![flags];
        for bound in bounds {
            bytes.extend(i32::try_from(bound.len()).expect("short").to_be_bytes());
            bytes.extend(*bound);
        }
        let mut out = Vec::new();
        push(bound, &bytes, &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn open_ends_are_left_out() {
        let (one, five) = (1_i32.to_be_bytes(), 5_i32.to_be_bytes());
        assert_eq!(
            json(Wire::Int4, LOWER_INCLUSIVE, &[&one, &five]).as_deref(),
            Ok("{\"gte\":1,\"lt\":5}")
        );
        assert_eq!(
            json(Wire::Int4, LOWER_OPEN | UPPER_INCLUSIVE, &[&five]).as_deref(),
            Ok("{\"lte\":5}")
        );
        assert_eq!(json(Wire::Int4, LOWER_OPEN | UPPER_OPEN, &[]).as_deref(), Ok("{}"));
        assert_eq!(json(Wire::Int4, EMPTY, &[]).as_deref(), Ok("null"));
    }

    #[test]
    fn infinity_is_an_open_end_where_it_lies_outward() {
        let (first, last, day) = (i32::MIN.to_be_bytes(), i32::MAX.to_be_bytes(), 0_i32.to_be_bytes());
        assert_eq!(
            json(Wire::Date, LOWER_INCLUSIVE, &[&first, &day]).as_deref(),
            Ok("{\"lt\":\"2000-01-01\"}")
        );
        assert_eq!(
            json(Wire::Date, 0, &[&day, &last]).as_deref(),
            Ok("{\"gt\":\"2000-01-01\"}")
        );
        assert_eq!(
            json(Wire::Date, LOWER_OPEN | UPPER_INCLUSIVE, &[&first]),
            Err(Unfit::Infinite)
        );
        let (below, above) = ([0, 0, 0, 0, 0xF0, 0, 0, 0], [0, 0, 0, 0, 0xD0, 0, 0, 0]);
        assert_eq!(json(Wire::Numeric, 0, &[&below, &above]).as_deref(), Ok("{}"));
        assert_eq!(json(Wire::Numeric, 0, &[&above, &below]), Err(Unfit::Infinite));
    }

    #[test]
    fn what_is_no_range_is_malformed() {
        assert_eq!(json(Wire::Int4, 0, &[]), Err(Unfit::Malformed));
        assert_eq!(
            json(Wire::Int4, LOWER_OPEN | UPPER_OPEN, &[&[0]]),
            Err(Unfit::Malformed)
        );
        assert_eq!(push(Wire::Int4, &[], &mut Vec::new()), Err(Unfit::Malformed));
    }
}

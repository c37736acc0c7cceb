//! Arrays: as nested JSON arrays, each value in the form of its own type.
//!
//! The wire form (`array_send` in Postgres' `arrayfuncs.c`) is the number of dimensions, a flag for nulls, the type of
//! the values; for each dimension its length and the number of its first value, which JSON has no place for; then the
//! values in row-major order, each behind its length, -1 for a null. An empty array has no dimensions.

use crate::catalog::Wire;

use super::{Unfit, encode};

/// As Postgres has it (`MAXDIM`).
const MOST_DIMENSIONS: usize = 6;

/// Appends an array of values of the form `item`.
pub(super) fn push(item: Wire, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let mut rest = Values(bytes);
    let dimensions = usize::try_from(rest.integer()?).map_err(|_| Unfit::Malformed)?;
    let (_flags, _type) = (rest.integer()?, rest.integer()?);
    if dimensions == 0 {
        out.extend_from_slice(b"[]");
        return Ok(());
    }
    let mut lengths = [0_i32; MOST_DIMENSIONS];
    for length in lengths.get_mut(..dimensions).ok_or(Unfit::Malformed)? {
        *length = rest
            .integer()
            .ok()
            .filter(|length| *length > 0)
            .ok_or(Unfit::Malformed)?;
        rest.integer()?; // the number of the first value
    }
    dimension(item, &lengths[..dimensions], &mut rest, out)?;
    if rest.0.is_empty() {
        Ok(())
    } else {
        Err(Unfit::Malformed)
    }
}

fn dimension(item: Wire, lengths: &[i32], rest: &mut Values<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Some((length, inner)) = lengths.split_first() else {
        let Some(bytes) = rest.value()? else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        return encode(item, bytes, out);
    };
    out.push(b'[');
    for position in 0..*length {
        if position > 0 {
            out.push(b',');
        }
        dimension(item, inner, rest, out)?;
    }
    out.push(b']');
    Ok(())
}

/// What is left to read of a value made of others.
pub(super) struct Values<'b>(pub &'b [u8]);

impl<'b> Values<'b> {
    /// The next four bytes.
    pub fn integer(&mut self) -> Result<i32, Unfit> {
        let (integer, rest) = self.0.split_first_chunk::<4>().ok_or(Unfit::Malformed)?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*integer))
    }

    /// The next value, behind its length; `None` for a null.
    pub fn value(&mut self) -> Result<Option<&'b [u8]>, Unfit> {
        let length = self.integer()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Unfit::Malformed)?;
        let (value, rest) = self.0.split_at_checked(length).ok_or(Unfit::Malformed)?;
        self.0 = rest;
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(integers: &[i32]) -> Vec<u8> {
        integers.iter().flat_map(|integer| integer.to_be_bytes()).collect()
    }

    fn json(integers: &[i32]) -> Result<String, Unfit> {
        let mut out = Vec::new();
        push(Wire::Int4, &bytes(integers), &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn dimensions_are_nested() {
        assert_eq!(json(&[0, 0, 23]).as_deref(), Ok("[]"));
        assert_eq!(json(&[1, 1, 23, 2, 1, 4, 7, -1]).as_deref(), Ok("[7,null]"));
        assert_eq!(
            json(&[2, 0, 23, 2, 1, 2, 1, 4, 1, 4, 2, 4, 3, 4, 4]).as_deref(),
            Ok("[[1,2],[3,4]]")
        );
    }

    #[test]
    fn what_is_no_array_is_malformed() {
        for wrong in [
            &[1, 0][..],
            &[7, 0, 23],
            &[-1, 0, 23],
            &[1, 0, 23, 1, 1],
            &[1, 0, 23, 1, 1, 8, 7],
            &[1, 0, 23, 1, 1, 4, 7, 4],
            &[1, 0, 23, i32::MAX, 1, -2],
            &[2, 0, 23, i32::MAX, 1, 0, 1],
        ] {
            assert_eq!(json(wrong), Err(Unfit::Malformed), "{wrong:?}");
        }
    }
}

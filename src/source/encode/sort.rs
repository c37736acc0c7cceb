//! Bytes that sort as the values do, so that rows are ordered without being decoded.

use crate::catalog::Wire;

/// Appends bytes whose order is that of the values, in Postgres, of one column; false, and nothing appended, for types
/// that have no such form here (SQL must order those) and for bytes that are not of the type.
///
/// No value's bytes are the beginning of another's, so several columns may follow one another, and inverting every bit
/// of a column's bytes turns its order around. Text comes out in the order of its UTF-8 bytes: only for a column with
/// [`crate::catalog::Column::collation_c`].
pub fn push_sort_key(wire: Wire, bytes: &[u8], out: &mut Vec<u8>) -> bool {
    match wire {
        Wire::Bool => push_fixed::<1>(bytes, false, out),
        Wire::Int2 => push_fixed::<2>(bytes, true, out),
        Wire::Int4 | Wire::Date => push_fixed::<4>(bytes, true, out),
        Wire::Int8 | Wire::Time | Wire::Timestamp | Wire::Timestamptz => push_fixed::<8>(bytes, true, out),
        Wire::Uuid => push_fixed::<16>(bytes, false, out),
        Wire::Text => {
            out.extend_from_slice(bytes);
            out.push(0); // less than any byte that can follow: text holds no zero
            true
        }
        Wire::Bytea => {
            push_terminated(bytes, out);
            true
        }
        Wire::Float4
        | Wire::Float8
        | Wire::Numeric
        | Wire::Json
        | Wire::Jsonb
        | Wire::Point
        | Wire::Array(_)
        | Wire::Range(_)
        | Wire::ToJson
        | Wire::JsonPoint
        | Wire::JsonRange => false,
    }
}

/// A big-endian integer; a signed one with its sign bit turned, which puts the negative numbers first.
fn push_fixed<const LENGTH: usize>(bytes: &[u8], signed: bool, out: &mut Vec<u8>) -> bool {
    let Ok(mut value) = <[u8; LENGTH]>::try_from(bytes) else {
        return false;
    };
    if signed && let Some(first) = value.first_mut() {
        *first ^= 0x80;
    }
    out.extend_from_slice(&value);
    true
}

/// A zero byte becomes `00 FF`, and the end `00 00`, which is less than anything that a longer value has there.
fn push_terminated(bytes: &[u8], out: &mut Vec<u8>) {
    for (position, run) in bytes.split(|byte| *byte == 0).enumerate() {
        if position > 0 {
            out.extend_from_slice(&[0, 0xFF]);
        }
        out.extend_from_slice(run);
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &[(Wire, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (wire, bytes) in parts {
            assert!(push_sort_key(*wire, bytes, &mut out));
        }
        out
    }

    #[test]
    fn writes_nothing_for_what_it_cannot_order() {
        let mut out = Vec::new();
        assert!(!push_sort_key(Wire::Float8, &1_f64.to_be_bytes(), &mut out));
        assert!(!push_sort_key(Wire::Int4, b"123", &mut out));
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn several_columns_order_as_tuples(a: (i16, Vec<u8>, String, i64), b: (i16, Vec<u8>, String, i64), same in 0_usize..4) {
            let mut b = b;
            if same > 0 { b.0 = a.0; }
            if same > 1 { b.1 = a.1.iter().copied().chain(b.1).take(a.1.len() + 2).collect(); }
            if same > 2 { b.1.clone_from(&a.1); }
            let (mut a, mut b) = (a, b);
            a.2.retain(|character| character != '\0');
            b.2.retain(|character| character != '\0');
            let key_of = |(small, bytes, text, large): &(i16, Vec<u8>, String, i64)| key(&[
                (Wire::Int2, &small.to_be_bytes()), (Wire::Bytea, bytes), (Wire::Text, text.as_bytes()), (Wire::Timestamp, &large.to_be_bytes()),
            ]);
            prop_assert_eq!(key_of(&a).cmp(&key_of(&b)), a.cmp(&b));
        }

        #[test]
        fn bytes_of_few_kinds_keep_their_order(a in "[\\x00-\\x01]{0,4}", b in "[\\x00-\\x01]{0,4}") {
            prop_assert_eq!(key(&[(Wire::Bytea, a.as_bytes())]).cmp(&key(&[(Wire::Bytea, b.as_bytes())])), a.cmp(&b));
        }
    }
}

//! Values as Postgres sends them in binary, written as JSON, as key text and as sort keys.
//!
//! Everything is appended to a buffer of the caller's and nothing else is allocated: this runs once for every column of
//! every row. What a column is called, and what an absent value becomes, is the caller's to know.
//!
//! The binary forms are those of each type's send function, in network byte order. [`crate::source`]'s statements run
//! under `TimeZone = UTC` and `DateStyle = ISO`; the renderings here are what Postgres makes under those settings.

mod array;
mod loose;
mod number;
mod range;
mod sort;
mod text;
mod time;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::catalog::Wire;

pub use sort::push_sort_key;

/// Why a value has no rendering. It never holds the value: that is somebody's data, and this ends up in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfit {
    NotANumber,
    Infinite,
    /// The bytes are not what the type's send function makes.
    Malformed,
    /// The type has no text that equal values share, so it makes no key.
    NoKey,
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotANumber => "the value is NaN, which JSON cannot hold",
            Self::Infinite => "the value is infinite, which JSON cannot hold",
            Self::Malformed => "the value is not in the binary form of its type",
            Self::NoKey => "values of this type cannot be keys",
        })
    }
}

impl std::error::Error for Unfit {}

/// Appends a value that is not null as JSON: what `to_json` makes of it, except that `bytea` becomes base64, that
/// blanks between the tokens of `json` and `jsonb` are left out, that ranges and points are objects, and that a float
/// may be written in another form of the same number (`1e20` for `1e+20`). So it is within arrays, too.
///
/// Years before 1 and after 9999 are written as Postgres does (`0044-03-15 BC`, `10000-01-01`). Elasticsearch's default
/// date format takes neither and refuses such a document by itself; a `keyword`, or a `date` with a `format` of its
/// own, holds them.
///
/// # Errors
/// [`Unfit`], with `out` as it was, when JSON has nothing for the value.
pub fn encode(wire: Wire, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let before = out.len();
    let done = match wire {
        Wire::Bool => boolean(bytes, out),
        Wire::Int2 => fixed(bytes).map(|bytes| number::push_integer(i16::from_be_bytes(bytes), out)),
        Wire::Int4 => fixed(bytes).map(|bytes| number::push_integer(i32::from_be_bytes(bytes), out)),
        Wire::Int8 => fixed(bytes).map(|bytes| number::push_integer(i64::from_be_bytes(bytes), out)),
        Wire::Float4 => fixed(bytes).and_then(|bytes| number::push_float4(f32::from_be_bytes(bytes), out)),
        Wire::Float8 => fixed(bytes).and_then(|bytes| number::push_float8(f64::from_be_bytes(bytes), out)),
        Wire::Numeric => number::push_numeric(bytes, out),
        Wire::Text => {
            text::push_string(bytes, out);
            Ok(())
        }
        Wire::Date | Wire::Timestamp | Wire::Timestamptz => moment(wire, bytes, time::Style::Json, out),
        Wire::Time => quoted(out, |out| time_of_day(bytes, out)),
        Wire::Uuid => quoted(out, |out| uuid(bytes, out)),
        Wire::Bytea => quoted(out, |out| push_base64(bytes, out)),
        Wire::Json | Wire::ToJson => text::push_compact(bytes, out),
        Wire::Jsonb => match bytes {
            [1, json @ ..] => text::push_compact(json, out), // jsonb_send knows one version so far
            _ => Err(Unfit::Malformed),
        },
        Wire::Point => point(bytes, out),
        Wire::Array(item) => array::push(*item, bytes, out),
        Wire::Range(bound) => range::push(*bound, bytes, out),
        Wire::JsonPoint => loose::push_points(bytes, out),
        Wire::JsonRange => loose::push_ranges(bytes, out),
    };
    if done.is_err() {
        out.truncate(before);
    }
    done
}

/// Appends a value that is not null as `value::text` gives it: the form of keys. Infinite dates are words there.
///
/// # Errors
/// [`Unfit`], with `out` as it was, for types whose equal values may differ in text: floats, `numeric`, JSON, and
/// whatever is selected by `to_json` (select it as text instead).
pub fn push_text(wire: Wire, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    match wire {
        Wire::Bool | Wire::Int2 | Wire::Int4 | Wire::Int8 => encode(wire, bytes, out),
        Wire::Text => {
            out.extend_from_slice(bytes);
            Ok(())
        }
        Wire::Date | Wire::Timestamp | Wire::Timestamptz => moment(wire, bytes, time::Style::Text, out),
        Wire::Time => time_of_day(bytes, out),
        Wire::Uuid => uuid(bytes, out),
        Wire::Bytea => {
            out.extend_from_slice(b"\\x");
            push_hex(bytes, out);
            Ok(())
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
        | Wire::JsonRange => Err(Unfit::NoKey),
    }
}

fn fixed<const LENGTH: usize>(bytes: &[u8]) -> Result<[u8; LENGTH], Unfit> {
    bytes.try_into().map_err(|_| Unfit::Malformed)
}

fn boolean(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let [value] = fixed(bytes)?;
    out.extend_from_slice(if value == 0 { b"false" } else { b"true" });
    Ok(())
}

fn moment(wire: Wire, bytes: &[u8], style: time::Style, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match wire {
        Wire::Date => time::push_date(i32::from_be_bytes(fixed(bytes)?), style, out),
        _ => time::push_timestamp(i64::from_be_bytes(fixed(bytes)?), wire == Wire::Timestamptz, style, out),
    }
}

fn time_of_day(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    time::push_time(i64::from_be_bytes(fixed(bytes)?), out);
    Ok(())
}

/// Two floats: x, which is the longitude, and y.
fn point(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let (x, y) = bytes.split_at_checked(8).ok_or(Unfit::Malformed)?;
    out.extend_from_slice(b"{\"lon\":");
    number::push_float8(f64::from_be_bytes(fixed(x)?), out)?;
    out.extend_from_slice(b",\"lat\":");
    number::push_float8(f64::from_be_bytes(fixed(y)?), out)?;
    out.push(b'}');
    Ok(())
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unfit>) -> Result<(), Unfit> {
    out.push(b'"');
    write(out)?;
    out.push(b'"');
    Ok(())
}

fn uuid(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let bytes: [u8; 16] = fixed(bytes)?;
    for (position, part) in [0..4, 4..6, 6..8, 8..10, 10..16].into_iter().enumerate() {
        if position > 0 {
            out.push(b'-');
        }
        push_hex(&bytes[part], out);
    }
    Ok(())
}

/// Appends bytes as hexadecimal digits, in small letters.
pub fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(
        bytes
            .iter()
            .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
}

fn push_base64(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0); // four characters for three bytes, padded
    STANDARD
        .encode_slice(bytes, &mut out[start..])
        .map_err(|_| Unfit::Malformed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(wire: Wire, bytes: &[u8]) -> Result<String, Unfit> {
        let mut out = Vec::new();
        encode(wire, bytes, &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn renders_the_plain_types() {
        assert_eq!(json(Wire::Bool, &[1]).as_deref(), Ok("true"));
        assert_eq!(json(Wire::Int2, &(-5_i16).to_be_bytes()).as_deref(), Ok("-5"));
        assert_eq!(
            json(Wire::Int8, &i64::MIN.to_be_bytes()).as_deref(),
            Ok("-9223372036854775808")
        );
        assert_eq!(json(Wire::Bytea, b"\x00\xffab").as_deref(), Ok("\"AP9hYg==\""));
        assert_eq!(json(Wire::Bytea, b"").as_deref(), Ok("\"\""));
        let point = [1.5_f64, -2.0].map(f64::to_be_bytes).concat();
        assert_eq!(json(Wire::Point, &point).as_deref(), Ok("{\"lon\":1.5,\"lat\":-2}"));
        assert_eq!(
            json(Wire::Time, &86_400_000_000_i64.to_be_bytes()).as_deref(),
            Ok("\"24:00:00\"")
        );
        assert_eq!(
            json(Wire::Jsonb, b"\x01{\"a\": [1, 2]}").as_deref(),
            Ok("{\"a\":[1,2]}")
        );
        let uuid: Vec<u8> = (0..16).map(|byte| byte * 17).collect();
        assert_eq!(
            json(Wire::Uuid, &uuid).as_deref(),
            Ok("\"00112233-4455-6677-8899-aabbccddeeff\"")
        );
    }

    #[test]
    fn leaves_the_buffer_as_it_was_when_a_value_is_unfit() {
        let unfit: &[(Wire, &[u8])] = &[
            (Wire::Uuid, b"short"),
            (Wire::Int4, b"12345"),
            (Wire::Jsonb, b"\x02{}"),
            (Wire::Json, b"[1, \"open"),
            (Wire::Bool, b""),
            (Wire::Numeric, b"\x00\x01"),
            (Wire::Point, b"12345678"),
            (Wire::Array(&Wire::Int4), b"1"),
            (Wire::Range(&Wire::Int4), b""),
        ];
        for (wire, bytes) in unfit {
            let mut out = b"kept".to_vec();
            assert_eq!(encode(*wire, bytes, &mut out), Err(Unfit::Malformed), "{wire:?}");
            assert_eq!(out, b"kept");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let forms = [
                Wire::Bool, Wire::Int8, Wire::Numeric, Wire::Date, Wire::Time, Wire::Timestamptz, Wire::Point, Wire::Jsonb,
                Wire::Array(&Wire::Numeric), Wire::Array(&Wire::Range(&Wire::Date)), Wire::Range(&Wire::Numeric),
                Wire::JsonPoint, Wire::JsonRange,
            ];
            for wire in forms {
                let mut out = Vec::new();
                let _ = encode(wire, &bytes, &mut out);
                let _ = push_text(wire, &bytes, &mut out);
                let _ = push_sort_key(wire, &bytes, &mut out);
            }
        }
    }

    #[test]
    fn writes_keys_as_text() {
        let text = |wire, bytes: &[u8]| {
            let mut out = Vec::new();
            push_text(wire, bytes, &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
        };
        assert_eq!(text(Wire::Bytea, b"\x00\xff").as_deref(), Ok("\\x00ff"));
        assert_eq!(text(Wire::Text, b"a\"b").as_deref(), Ok("a\"b"));
        assert_eq!(text(Wire::Date, &i32::MIN.to_be_bytes()).as_deref(), Ok("-infinity"));
        assert_eq!(text(Wire::Float8, &1_f64.to_be_bytes()), Err(Unfit::NoKey));
    }
}

//! Points and ranges that arrive as JSON strings: results of expressions, whose type nobody has told, and ranges of types
//! that have no form of their own here.
//!
//! A string that does not read as one is left as it is: Elasticsearch takes points and ranges in other forms too, and
//! refuses what is neither.

use super::Unfit;
use super::range::Object;
use super::text::push_compact;

/// Appends JSON in which a string such as `"(1,2)"` becomes a point; in an array, each.
pub(super) fn push_points(json: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    push_each(json, out, &|string, out| push_point(string, out))
}

/// Appends JSON in which a string such as `"[1,5)"` becomes a range, and `"{[1,5)}"` an array of them; in an array, each.
pub(super) fn push_ranges(json: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    push_each(json, out, &|string, out| {
        if string.first() == Some(&b'{') {
            push_multirange(string, out)
        } else {
            let rest = push_range(string, out)?;
            rest.is_empty().then_some(())
        }
    })
}

/// Rewrites the value, or the strings of an array of strings and nulls.
fn push_each(
    json: &[u8],
    out: &mut Vec<u8>,
    rewrite: &impl Fn(&[u8], &mut Vec<u8>) -> Option<()>,
) -> Result<(), Unfit> {
    let before = out.len();
    let rewritten = match json {
        [b'"', inside @ .., b'"'] => rewrite(inside, out),
        [b'[', inside @ .., b']'] => push_array(inside, out, rewrite),
        _ => None,
    };
    if rewritten.is_none() {
        out.truncate(before);
        return push_compact(json, out);
    }
    Ok(())
}

fn push_array(inside: &[u8], out: &mut Vec<u8>, rewrite: &impl Fn(&[u8], &mut Vec<u8>) -> Option<()>) -> Option<()> {
    out.push(b'[');
    let mut rest = inside;
    loop {
        if let Some(after) = rest.strip_prefix(b"null") {
            out.extend_from_slice(b"null");
            rest = after;
        } else {
            let string = rest.strip_prefix(b"\"")?;
            let end = closing_quote(string)?;
            rewrite(&string[..end], out)?;
            rest = &string[end + 1..];
        }
        match rest {
            [] => {
                out.push(b']');
                return Some(());
            }
            [b',', after @ ..] => {
                out.push(b',');
                rest = after.trim_ascii_start();
            }
            _ => return None,
        }
    }
}

fn closing_quote(string: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match string.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn push_point(string: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let inside = string.strip_prefix(b"(")?.strip_suffix(b")")?;
    let comma = inside.iter().position(|byte| *byte == b',')?;
    let (x, y) = (&inside[..comma], &inside[comma + 1..]);
    if !is_number(x) || !is_number(y) {
        return None;
    }
    for part in [b"{\"lon\":", x, b",\"lat\":", y, b"}"] {
        out.extend_from_slice(part);
    }
    Some(())
}

fn push_multirange(string: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = string.strip_prefix(b"{")?.strip_suffix(b"}")?;
    out.push(b'[');
    while !rest.is_empty() {
        rest = push_range(rest, out)?;
        if let Some(after) = rest.strip_prefix(b",") {
            out.push(b',');
            rest = after;
        } else if !rest.is_empty() {
            return None;
        }
    }
    out.push(b']');
    Some(())
}

/// Appends the range at the beginning, and returns what follows it.
fn push_range<'s>(string: &'s [u8], out: &mut Vec<u8>) -> Option<&'s [u8]> {
    if let Some(rest) = string.strip_prefix(b"empty") {
        out.extend_from_slice(b"null");
        return Some(rest);
    }
    let (open, rest) = string.split_first()?;
    let lower_name = match open {
        b'[' => "gte",
        b'(' => "gt",
        _ => return None,
    };
    let (lower, rest) = bound(rest, b",")?;
    let (upper, rest) = bound(rest.strip_prefix(b",")?, b"])")?;
    let (close, rest) = rest.split_first()?;
    let upper_name = if *close == b']' { "lte" } else { "lt" };
    let mut object = Object::open(out);
    if !lower.is_empty() && lower != b"-infinity" && lower != b"-Infinity" {
        object.name(lower_name);
        push_bound(lower, object.out);
    }
    if !upper.is_empty() && upper != b"infinity" && upper != b"Infinity" {
        object.name(upper_name);
        push_bound(upper, object.out);
    }
    object.close();
    Some(rest)
}

/// A bound up to one of these bytes, its quotes taken off. They stand escaped in a JSON string; what holds another
/// backslash is no date, number or address.
fn bound<'s>(string: &'s [u8], ends: &[u8]) -> Option<(&'s [u8], &'s [u8])> {
    let (value, rest) = if let Some(quoted) = string.strip_prefix(b"\\\"") {
        let end = quoted.iter().position(|byte| *byte == b'\\')?;
        (&quoted[..end], quoted[end..].strip_prefix(b"\\\"")?)
    } else {
        string.split_at(string.iter().position(|byte| ends.contains(byte))?)
    };
    let plain = !value.contains(&b'\\') && rest.first().is_some_and(|byte| ends.contains(byte));
    plain.then_some((value, rest))
}

/// A number as it stands; a timestamp as `to_json` writes it; anything else as a string.
fn push_bound(value: &[u8], out: &mut Vec<u8>) {
    if is_number(value) {
        out.extend_from_slice(value);
        return;
    }
    let (value, zone) = match value.strip_suffix(b"+00") {
        Some(before) => (before, &b"+00:00"[..]),
        None => (value, &b""[..]),
    };
    out.push(b'"');
    match value.split_at_checked(10) {
        Some((date, [b' ', time @ ..])) if time.get(2) == Some(&b':') => {
            out.extend_from_slice(date);
            out.push(b'T');
            out.extend_from_slice(time);
        }
        _ => out.extend_from_slice(value),
    }
    out.extend_from_slice(zone);
    out.push(b'"');
}

/// Whether JSON has it as a number.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let mut parts = unsigned.splitn(2, |byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = (parts.next().unwrap_or_default(), parts.next());
    let mut parts = mantissa.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next());
    digits(whole)
        && (whole.len() == 1 || whole.first() != Some(&b'0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| {
            digits(
                exponent
                    .strip_prefix(b"+")
                    .or(exponent.strip_prefix(b"-"))
                    .unwrap_or(exponent),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(json: &str) -> String {
        let mut out = Vec::new();
        push_points(json.as_bytes(), &mut out).expect("JSON");
        String::from_utf8(out).expect("UTF-8")
    }

    fn ranges(json: &str) -> String {
        let mut out = Vec::new();
        push_ranges(json.as_bytes(), &mut out).expect("JSON");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn points_are_told_from_what_elasticsearch_reads_itself() {
        assert_eq!(points(r#""(1.5,-2e-05)""#), r#"{"lon":1.5,"lat":-2e-05}"#);
        assert_eq!(points(r#"["(1,2)",null]"#), r#"[{"lon":1,"lat":2},null]"#);
        for same in [
            r#""POINT (1 2)""#,
            r#""41.1,-7""#,
            r#""(NaN,1)""#,
            r#"{"lat":1,"lon":2}"#,
            "[1,2]",
            "null",
            r#""()""#,
            r#"["(1,2)",3]"#,
        ] {
            assert_eq!(points(same), same);
        }
    }

    #[test]
    fn ranges_are_objects() {
        assert_eq!(ranges(r#""[1,5)""#), r#"{"gte":1,"lt":5}"#);
        assert_eq!(ranges(r#""(,1.50]""#), r#"{"lte":1.50}"#);
        assert_eq!(ranges(r#""empty""#), "null");
        assert_eq!(
            ranges(r#""[\"2020-01-01 00:00:00+00\",infinity)""#),
            r#"{"gte":"2020-01-01T00:00:00+00:00"}"#
        );
        assert_eq!(
            ranges(r#""{[2020-01-01,2020-02-01),[2021-01-01,)}""#),
            r#"[{"gte":"2020-01-01","lt":"2020-02-01"},{"gte":"2021-01-01"}]"#
        );
        assert_eq!(ranges(r#"["[1,2)","empty"]"#), r#"[{"gte":1,"lt":2},null]"#);
        assert_eq!(ranges(r#""{}""#), "[]");
        assert_eq!(
            ranges(r#""[10.0.0.1,10.0.0.9]""#),
            r#"{"gte":"10.0.0.1","lte":"10.0.0.9"}"#
        );
        for same in [
            r#""10.0.0.0/8""#,
            r#"{"gte":1}"#,
            r#""[1,2""#,
            r#""[a\\b,c]""#,
            r#""{[1,2)x}""#,
            "7",
        ] {
            assert_eq!(ranges(same), same);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_string_panics(text in "[\\[\\](){},\"\\\\a1 .eE-]{0,20}") {
            let json = serde_json::Value::from(text).to_string();
            for json in [json.clone(), format!("[{json},null]")] {
                for out in [points(&json), ranges(&json)] {
                    proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{}", out);
                }
            }
        }
    }
}

//! JSON strings, and JSON text that is copied without the blanks between its tokens.
//!
//! Both spend their time looking for the next byte that is not simply copied, so both look at sixteen bytes at a time.
//! UTF-8 is taken as it comes: the server has checked it against the client encoding.

use super::{Unfit, push_hex};

/// Appends text as a JSON string, escaped as `to_json` does: what JSON demands and nothing more.
pub(super) fn push_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut rest = bytes;
    loop {
        let (run, tail) = rest.split_at(special(rest));
        out.extend_from_slice(run);
        let [byte, after @ ..] = tail else { break };
        push_escaped(*byte, out);
        rest = after;
    }
    out.push(b'"');
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    let letter = match byte {
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        0x08 => b'b',
        0x0C => b'f',
        b'"' | b'\\' => byte,
        _ => {
            out.extend_from_slice(b"\\u00");
            push_hex(&[byte], out);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

/// Appends JSON text without the blanks outside of its strings: a raw newline would end a line of NDJSON. The server
/// has parsed the text; here only the strings are told from the rest.
pub(super) fn push_compact(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    out.reserve(bytes.len());
    let mut rest = bytes;
    loop {
        let outside = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b' ' | b'\n' | b'\r' | b'\t'));
        let (run, tail) = rest.split_at(outside.unwrap_or(rest.len()));
        out.extend_from_slice(run);
        match tail {
            [] => return Ok(()),
            [b'"', inside @ ..] => {
                let length = string_length(inside).ok_or(Unfit::Malformed)?;
                out.extend_from_slice(&tail[..=length]);
                rest = &inside[length..];
            }
            [_, after @ ..] => rest = after,
        }
    }
}

/// The length of a string up to and with its closing quote, from behind the opening one.
fn string_length(inside: &[u8]) -> Option<usize> {
    let mut position = 0;
    loop {
        position += special(inside.get(position..)?);
        match inside.get(position)? {
            b'"' => return Some(position + 1),
            b'\\' => position += 2,
            _ => return None, // a control character: no valid JSON has one in a string
        }
    }
}

/// Where the first quote, backslash or control character is; the length where there is none.
fn special(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks();
    for (position, chunk) in chunks.iter().enumerate() {
        if let Some(at) = first_special(chunk) {
            return 16 * position + at;
        }
    }
    let place = rest.iter().position(|byte| is_special(*byte));
    16 * chunks.len() + place.unwrap_or(rest.len())
}

/// The same in sixteen bytes.
fn first_special(chunk: &[u8; 16]) -> Option<usize> {
    // `|` and no early end: so the compiler compares all of the chunk at once.
    if !chunk.iter().fold(false, |found, byte| found | is_special(*byte)) {
        return None;
    }
    let all = |byte: u8| u128::from_ne_bytes([byte; 16]);
    let word = u128::from_le_bytes(*chunk);
    // The highest bit of every byte less than `limit`; a borrow can set others, but only above the first.
    let below = |word: u128, limit: u8| word.wrapping_sub(all(limit)) & !word & all(0x80);
    let found = below(word, 0x20) | below(word ^ all(b'"'), 1) | below(word ^ all(b'\\'), 1);
    Some(found.trailing_zeros() as usize / 8)
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "with `||` or `matches!` the bytes of a chunk are compared one by one, at a fifth of the speed"
)]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        push_string(text.as_bytes(), &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    fn compact(json: &str) -> Result<String, Unfit> {
        let mut out = Vec::new();
        push_compact(json.as_bytes(), &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn escapes_what_json_demands() {
        assert_eq!(
            string("a\u{8}\u{c}\n\r\t\"\\/\u{1}\u{1f}\u{7f}é"),
            "\"a\\b\\f\\n\\r\\t\\\"\\\\/\\u0001\\u001f\u{7f}é\""
        );
    }

    #[test]
    fn takes_blanks_out_between_tokens_only() {
        assert_eq!(
            compact(" {\"a b\" :\t[1,\r\n \"\\\" x\\\\\" , null]}\n").as_deref(),
            Ok("{\"a b\":[1,\"\\\" x\\\\\",null]}")
        );
        assert_eq!(compact("[\"open]"), Err(Unfit::Malformed));
        assert_eq!(compact("[\"open\\"), Err(Unfit::Malformed));
        assert_eq!(compact("\"a\nb\""), Err(Unfit::Malformed));
    }

    /// Mostly characters that mean something to the code above.
    fn tricky() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            3 => proptest::sample::select(vec!['"', '\\', '\n', ' ', '\u{1f}', '\u{7f}', '\u{80}', '€', '𝄞']),
            4 => proptest::char::range(' ', '~'),
            1 => any::<char>(),
        ];
        proptest::collection::vec(character, 0..40).prop_map(String::from_iter)
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            tricky().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((tricky(), inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn finds_the_first_special_byte(bytes: Vec<u8>, gap in 0_usize..30, byte: u8) {
            let mut all = vec![b'.'; gap];
            all.push(byte);
            all.extend(bytes);
            let expected = all.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\').unwrap_or(all.len());
            prop_assert_eq!(special(&all), expected);
        }

        #[test]
        fn strings_read_back(text in tricky()) {
            prop_assert_eq!(serde_json::from_str::<String>(&string(&text)).expect("a JSON string"), text);
        }

        #[test]
        fn pretty_json_becomes_compact(value in tree()) {
            let pretty = serde_json::to_string_pretty(&value).expect("JSON");
            prop_assert_eq!(compact(&pretty), Ok(value.to_string()));
        }
    }
}

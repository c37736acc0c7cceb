//! Paths of requests, with names encoded so that no name can become another path.

use std::fmt::Write as _;

/// `text` as one segment of a path: everything but letters, digits, `-`, `_` and inner `.` is percent-encoded.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            other => {
                let _ = write!(encoded, "%{other:02X}"); // writing to a String cannot fail
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("books-000001"), "books-000001");
        assert_eq!(segment("a/b:c?d#é*"), "a%2Fb%3Ac%3Fd%23%C3%A9%2A");
    }
}

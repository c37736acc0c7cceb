//! A row's key as text, and the document id made from it.
//!
//! A key is the canonical Postgres text of the key columns, in declared order. One column stands as it is; several are
//! joined by `,` with `\` before every `,` and `\` of their own, so that no two keys share a text. Nothing here knows
//! the columns' types: casts happen in SQL.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Elasticsearch refuses ids of more than 512 bytes.
const MAX_ID_BYTES: usize = 512;

/// The key of one row. Cheap to clone; equal texts are equal keys.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The key made of these column values, in declared order.
    pub fn from_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let parts: Vec<&str> = parts.into_iter().collect();
        match parts.as_slice() {
            [single] => Self(Arc::from(*single)),
            several => {
                let mut text = String::new();
                for (position, part) in several.iter().enumerate() {
                    if position > 0 {
                        text.push(',');
                    }
                    push_escaped(&mut text, part);
                }
                Self(Arc::from(text))
            }
        }
    }

    /// A key from its text form, as [`Key::as_str`] gave it.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text form: injective among keys of the same number of columns.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The column values again. `None` when the text does not hold exactly `columns` values.
    #[must_use]
    pub fn parts(&self, columns: usize) -> Option<Vec<Cow<'_, str>>> {
        if columns == 1 {
            return Some(vec![Cow::Borrowed(&self.0)]);
        }
        let mut parts = vec![String::new()];
        let mut characters = self.0.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => parts.last_mut()?.push(characters.next()?),
                ',' => parts.push(String::new()),
                other => parts.last_mut()?.push(other),
            }
        }
        (parts.len() == columns).then(|| parts.into_iter().map(Cow::Owned).collect())
    }

    /// The Elasticsearch `_id`: the text itself wherever that is a legal id.
    ///
    /// `#` is an escape character at the start: an empty key is `#`, a key that begins with `#` gets another one, and a
    /// key of more than 512 bytes becomes `#sha256-` and the hexadecimal digest of its text.
    #[must_use]
    pub fn document_id(&self) -> Arc<str> {
        let escaped: Arc<str> = match self.0.as_bytes() {
            [] => "#".into(),
            [b'#', ..] => format!("#{}", self.0).into(),
            _ => self.0.clone(),
        };
        if escaped.len() <= MAX_ID_BYTES {
            return escaped;
        }
        let mut id = String::from("#sha256-");
        for byte in Sha256::digest(self.0.as_bytes()) {
            use fmt::Write as _;
            let _ = write!(id, "{byte:02x}"); // writing to a String cannot fail
        }
        id.into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({:?})", &*self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Appends `part` with `\` before every `,` and `\`.
pub fn push_escaped(text: &mut String, part: &str) {
    for character in part.chars() {
        if matches!(character, ',' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_that_a_bare_join_would_confuse_stay_apart() {
        assert_ne!(Key::from_parts(["a,b", "c"]), Key::from_parts(["a", "b,c"]));
        assert_ne!(Key::from_parts(["a\\", "c"]), Key::from_parts(["a", "\\c"]));
    }

    #[test]
    fn ids_are_legal_and_distinct_at_the_edges() {
        let long = "x".repeat(513);
        let ids = ["", "#", "##", &long].map(|text| Key::from_text(text).document_id());
        assert_eq!(ids[..3], ["#", "##", "###"].map(Into::into));
        assert!(ids[3].starts_with("#sha256-") && ids[3].len() == 72);
        assert_eq!(Key::from_text(&"x".repeat(512)).document_id().len(), 512);
    }

    proptest! {
        #[test]
        fn parts_come_back(parts in prop::collection::vec(".*", 2..5)) {
            let key = Key::from_parts(parts.iter().map(String::as_str));
            prop_assert_eq!(key.parts(parts.len()).unwrap(), parts);
        }

        /// Of few characters, so that what differs is alike.
        #[test]
        fn different_values_have_different_keys_and_ids(
            one in prop::collection::vec("[,#a\\\\]{0,4}", 2), other in prop::collection::vec("[,#a\\\\]{0,4}", 2),
            long in prop::sample::select(vec![0_usize, 510, 511, 512, 600]),
        ) {
            let key = |parts: &[String]| Key::from_parts(parts.iter().map(String::as_str));
            let (first, second) = (key(&one), key(&other));
            prop_assert_eq!(first == second, one == other);
            // Single columns, which stand as they are.
            let text = |text: &str| Key::from_text(&format!("{text}{}", "#".repeat(long)));
            let (first, second) = (text(&one[0]), text(&other[0]));
            prop_assert_eq!(first.document_id() == second.document_id(), one[0] == other[0]);
            prop_assert_eq!(first.parts(1).expect("a value"), [first.as_str()]);
        }

        #[test]
        fn no_text_panics(text in ".*", columns in 1usize..5) {
            let _ = Key::from_text(&text).parts(columns);
            prop_assert!(Key::from_text(&text).document_id().len() <= 512);
        }
    }
}

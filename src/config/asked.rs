//! What reading the configuration asks for, key by key: noted while it is read, so that the schema cannot know another
//! set of keys than the reader does.

use std::cell::RefCell;

/// What a key may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any single value.
    Text,
    /// A list, or one text with its entries parted by commas.
    List,
    /// Names and values.
    Map,
    Boolean,
    /// A whole number within these bounds, as they are written.
    Count(String, String),
    /// A length of time with its unit.
    Duration,
    /// A number of bytes with its unit.
    Bytes,
    /// One of these words.
    Choice(Vec<&'static str>),
}

/// One key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Empty for the top of the file.
    pub section: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    /// As it would be written.
    pub default: Option<String>,
}

/// The keys in the order in which they are asked for.
#[derive(Default)]
pub(super) struct Asked(RefCell<Vec<Key>>);

impl Asked {
    /// Notes a key; who asks first knows best what it is.
    pub fn note(&self, section: &'static str, name: &'static str, kind: Kind, default: Option<String>) {
        let mut keys = self.0.borrow_mut();
        if !keys.iter().any(|key| (key.section, key.name) == (section, name)) {
            keys.push(Key {
                section,
                name,
                kind,
                default,
            });
        }
    }

    pub fn keys(self) -> Vec<Key> {
        self.0.into_inner()
    }
}

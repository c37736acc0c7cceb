//! Takes a mapping apart key by key; what is left at the end is reported with the nearest key that exists.

use std::str::FromStr;

use super::{Key, Node, NodeKind};
use crate::mistake::{Mistakes, Place};

/// A mapping being read. Every key asked for counts as known.
#[derive(Debug)]
pub struct Reader<'a> {
    place: &'a Place,
    left: Vec<&'a (Key, Node)>,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// A reader of `node`; nothing (`key:` alone) reads as an empty mapping, anything else is a mistake.
    pub fn new(node: &'a Node, mistakes: &mut Mistakes) -> Option<Self> {
        let left = match &node.kind {
            NodeKind::Mapping(entries) => entries.iter().collect(),
            _ if node.is_null() => Vec::new(),
            _ => {
                expected(
                    node,
                    "a mapping",
                    "write `key: value` pairs, indented beneath the key",
                    mistakes,
                );
                return None;
            }
        };
        Some(Self {
            place: &node.place,
            left,
            known: Vec::new(),
        })
    }

    /// Where the mapping begins.
    #[must_use]
    pub fn place(&self) -> &'a Place {
        self.place
    }

    /// Whether a key is written, without taking it.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.left.iter().any(|(written, _)| written.text == key)
    }

    /// The place of a key that is still there.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<&'a Place> {
        self.left
            .iter()
            .find(|(written, _)| written.text == key)
            .map(|(written, _)| &written.place)
    }

    /// The value of a key, without taking it.
    #[must_use]
    pub fn peek(&self, key: &str) -> Option<&'a Node> {
        self.left
            .iter()
            .find(|(written, _)| written.text == key)
            .map(|(_, node)| node)
    }

    /// The value of a key, as written.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let position = self.left.iter().position(|(written, _)| written.text == key)?;
        Some(&self.left.remove(position).1)
    }

    /// Leaves a key out of all further reading, without making it known.
    pub fn discard(&mut self, key: &str) {
        self.left.retain(|(written, _)| written.text != key);
    }

    /// Text; a number or a word is text as well.
    pub fn string(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<String> {
        let node = self.take(key)?;
        let text = node.text().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            expected(node, "text", "write a value, or leave the key out", mistakes);
        }
        text.map(str::to_owned)
    }

    /// A whole number that fits `T`; `range` says in words which.
    pub fn number<T: FromStr>(&mut self, key: &'static str, range: &str, mistakes: &mut Mistakes) -> Option<T> {
        let node = self.take(key)?;
        let number = node.text().and_then(|text| text.parse().ok());
        if number.is_none() {
            expected(
                node,
                &format!("a whole number {range}"),
                "write one without a unit or a fraction",
                mistakes,
            );
        }
        number
    }

    /// `true` or `false` and nothing else: `yes` and `on` mean different things to different readers of YAML.
    pub fn boolean(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<bool> {
        let node = self.take(key)?;
        let boolean = match &node.kind {
            NodeKind::Scalar { text, quoted: false } => text.parse().ok(),
            _ => None,
        };
        if boolean.is_none() {
            expected(node, "`true` or `false`", "write one of the two, unquoted", mistakes);
        }
        boolean
    }

    /// A list of texts with their places; a single text is a list of one.
    pub fn strings(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Vec<(String, &'a Place)>> {
        let node = self.take(key)?;
        let items = match &node.kind {
            NodeKind::Sequence(items) if !items.is_empty() => items.as_slice(),
            NodeKind::Scalar { .. } => std::slice::from_ref(node),
            _ => {
                expected(node, "a list of texts", "write `[a, b]`", mistakes);
                return None;
            }
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.text().filter(|text| !text.trim().is_empty()) {
                Some(text) => texts.push((text.to_owned(), &item.place)),
                None => expected(item, "text", "write a value here, or leave the entry out", mistakes),
            }
        }
        Some(texts)
    }

    /// A mapping below.
    pub fn nested(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Reader<'a>> {
        let node = self.take(key)?;
        Reader::new(node, mistakes)
    }

    /// The keys that were not taken.
    pub fn keys(&self) -> impl Iterator<Item = &'a Key> {
        self.left.iter().map(|(key, _)| key)
    }

    /// What was not taken, in written order.
    #[must_use]
    pub fn rest(self) -> Vec<(&'a Key, &'a Node)> {
        self.left.into_iter().map(|(key, node)| (key, node)).collect()
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, mistakes: &mut Mistakes) {
        let Self { left, known, .. } = self;
        for (key, _) in left {
            unknown(key, &known, mistakes);
        }
    }
}

/// Notes a key that means nothing here, with the nearest of those that do.
pub fn unknown(key: &Key, known: &[&str], mistakes: &mut Mistakes) {
    let remedy = match nearest(&key.text, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the keys here are {}", listed(known)),
    };
    mistakes.add(
        &key.place,
        format!("unknown key `{}`", super::excerpt(&key.text)),
        remedy,
    );
}

/// Notes a value of the wrong kind.
pub fn expected(node: &Node, kind: &str, remedy: &str, mistakes: &mut Mistakes) {
    mistakes.add(
        &node.place,
        format!("{kind} is expected, found {}", node.describe()),
        remedy,
    );
}

/// The known word that `word` is probably a slip of: at most two letters off, one where either is short
/// (two letters make another word of `sum` or `one`). Neighbours swapped count as one.
#[must_use]
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    let close = known.iter().filter_map(|candidate| {
        let distance = strsim::osa_distance(&word, candidate);
        let allowed = if word.chars().count().min(candidate.len()) < 5 {
            1
        } else {
            2
        };
        (distance <= allowed).then_some((distance, *candidate))
    });
    close
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

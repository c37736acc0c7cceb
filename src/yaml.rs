//! A YAML file as a tree in which every node knows its place.
//!
//! Scalars stay as they were written: whether `no` is a boolean or a word is for the reader of a key to say, which
//! knows what it expects (`reader`), or for the core schema of YAML 1.2 where a value passes through (`value`).
//! Anchors, tags, duplicate keys and several documents are refused: a file of ours reads the same to everyone.

mod parse;
mod reader;
mod value;

pub use reader::{Reader, expected, nearest, unknown};

use crate::mistake::{Mistakes, Place};

/// Levels of nesting above which a file is refused, so that no file can exhaust the stack of who walks the tree.
/// Twice what the deepest definition needs (32 relations, two levels each).
pub const MAX_DEPTH: usize = 128;

/// One value of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it begins; an absent value (`key:` and nothing more) is placed at its key.
    pub place: Place,
    pub kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Text as written, escapes resolved; `quoted` also for block scalars (`|`, `>`), which are always text.
    Scalar {
        text: String,
        quoted: bool,
    },
    Sequence(Vec<Node>),
    /// In written order, each key once.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping; its place carries the path of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    pub place: Place,
}

impl Node {
    /// Reads one document; an empty file is an empty mapping. `file` is the name that places show.
    ///
    /// # Errors
    /// Every duplicate key, anchor, tag and second document, and the first place where the text is no YAML.
    pub fn parse(file: &str, text: &str) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let node = Self::read(file, text, &mut mistakes);
        match node {
            Some(node) => mistakes.or(node),
            None => Err(mistakes),
        }
    }

    /// As `parse`, for a reader that goes on to report what else is wrong: the tree is there as long as it can be
    /// trusted, duplicates left out.
    pub fn read(file: &str, text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        parse::read(file, text, mistakes)
    }

    /// The text of a scalar that says something.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Nothing was written, or one of YAML's words for nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, quoted: false } if value::is_null(text))
    }

    /// What was found, for a message: `a list`, `"7 days"`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            NodeKind::Scalar { text, .. } if text.trim().is_empty() => "an empty text".to_owned(),
            NodeKind::Scalar { text, .. } => format!("`{}`", excerpt(text)),
            NodeKind::Sequence(_) => "a list".to_owned(),
            NodeKind::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

/// The beginning of a text on one line, short enough for a message.
#[must_use]
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    let line: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests;

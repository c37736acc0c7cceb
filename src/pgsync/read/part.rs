//! What JSON's values are read as. `null` is nothing, as PGSync has it.

use crate::mistake::{Mistake, Mistakes};
use crate::pgsync::remark::json;
use crate::pgsync::schema::Text;
use crate::yaml::{Key, Node, NodeKind, expected, nearest};

/// An object being read; what is not asked for has no meaning for PGSync.
pub struct Object<'a> {
    pub node: &'a Node,
    left: Vec<&'a (Key, Node)>,
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    pub fn of(node: &'a Node, mistakes: &mut Mistakes) -> Option<Self> {
        let NodeKind::Mapping(entries) = &node.kind else {
            expected(node, "an object", "write `{ \"key\": value }`", mistakes);
            return None;
        };
        Some(Self {
            node,
            left: entries.iter().collect(),
            known: Vec::new(),
        })
    }

    /// The value of a key.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let at = self.left.iter().position(|(written, _)| written.text == key)?;
        Some(&self.left.remove(at).1).filter(|node| !node.is_null())
    }

    /// Whether a key is written, also where its value is no use.
    pub fn has(&self, key: &str) -> bool {
        let NodeKind::Mapping(entries) = &self.node.kind else {
            return false;
        };
        entries
            .iter()
            .any(|(written, node)| written.text == key && !node.is_null())
    }

    /// The value of a key that has to be there.
    pub fn required(&mut self, key: &'static str, remedy: &str, mistakes: &mut Mistakes) -> Option<&'a Node> {
        let node = self.take(key);
        if node.is_none() {
            mistakes.add(&self.node.place, format!("there is no `{key}`"), remedy);
        }
        node
    }

    pub fn text(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Text> {
        self.take(key).and_then(|node| text(node, mistakes))
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Vec<Text>> {
        self.take(key).map(|node| texts(node, mistakes))
    }

    pub fn object(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Object<'a>> {
        self.take(key).and_then(|node| Object::of(node, mistakes))
    }

    /// Every key and its value, for an object whose keys are names.
    pub fn entries(self) -> impl Iterator<Item = &'a (Key, Node)> {
        self.left.into_iter().filter(|(_, node)| !node.is_null())
    }

    /// What was not taken: PGSync would refuse it, or pass over it.
    pub fn finish(self, remarks: &mut Vec<Mistake>) {
        for (key, node) in self.left {
            let remedy = match nearest(&key.text, &self.known) {
                Some(meant) => format!("if `{meant}` is meant, correct it and import the file again"),
                None => "PGSync's documentation knows no such key; say in the definition what it was for".to_owned(),
            };
            remarks.push(Mistake {
                place: key.place.clone(),
                found: format!("unknown key, left out: {}: {}", key.text, json(node)),
                remedy,
            });
        }
    }
}

/// A text that is not empty.
pub fn text(node: &Node, mistakes: &mut Mistakes) -> Option<Text> {
    match &node.kind {
        NodeKind::Scalar { text, quoted: true } if !text.trim().is_empty() => Some(Text {
            text: text.clone(),
            place: node.place.clone(),
        }),
        _ => {
            expected(node, "a text", "write it in double quotes", mistakes);
            None
        }
    }
}

pub fn texts(node: &Node, mistakes: &mut Mistakes) -> Vec<Text> {
    let NodeKind::Sequence(items) = &node.kind else {
        expected(node, "a list of texts", "write `[\"a\", \"b\"]`", mistakes);
        return Vec::new();
    };
    items.iter().filter_map(|item| text(item, mistakes)).collect()
}

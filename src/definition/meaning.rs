//! What a definition says, apart from how it is written: by this two texts are told apart.

use super::Definition;
use crate::mistake::Mistakes;
use crate::yaml::{Node, NodeKind};

/// The keys whose entries' order is that of the documents' fields. Anywhere else it says nothing.
const ORDERED: [&str; 3] = ["fields", "group", "constant"];

impl Definition {
    /// The definition as one line of text: comments, layout, quotes around what is text anyway, and the order of keys
    /// that stand in no order are left out. Everything else is as written: `1.0` and `1.00` are two expressions.
    #[must_use]
    pub fn meaning(&self) -> String {
        let mut meaning = String::new();
        match Node::parse("", &self.text) {
            Ok(root) => write(&root, false, &mut meaning),
            Err(_) => meaning.clone_from(&self.text), // not for a text that was read once
        }
        meaning
    }
}

fn write(node: &Node, ordered: bool, out: &mut String) {
    match &node.kind {
        NodeKind::Scalar { text, .. } => {
            let value = node.to_value(&mut Mistakes::default());
            if value.is_string() {
                out.push_str(&value.to_string());
            } else if value.is_null() {
                out.push_str("null");
            } else {
                out.push_str(text);
            }
        }
        NodeKind::Sequence(items) => {
            out.push('[');
            for item in items {
                write(item, false, out);
                out.push(',');
            }
            out.push(']');
        }
        NodeKind::Mapping(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            if !ordered {
                entries.sort_by(|left, right| left.0.text.cmp(&right.0.text));
            }
            out.push('{');
            for (key, value) in entries {
                out.push_str(&serde_json::Value::from(key.text.as_str()).to_string());
                out.push(':');
                write(value, ORDERED.contains(&key.text.as_str()) && !ordered, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "index: books\ntable: book\nfields:\n  id: long\n  fields: { type: text, analyzer: english }\n  \
        rank: { sql: 1.0, type: double }\n  reviews: { many: review, order: id, limit: 3, fields: { stars: byte, body: text } }\n  place: { group: { town: text, street: text } }\n";

    fn meaning(text: &str) -> String {
        Definition::parse("books.yaml", text).unwrap().meaning()
    }

    #[test]
    fn comments_layout_and_the_order_of_other_keys_say_nothing() {
        let otherwise = "# Written by another hand.\ntable: 'book'   # the root\n\nfields:\n    id: \"long\"\n\n    \
            fields: { analyzer: english, type: text }\n    rank:\n        type: double\n        sql: 1.0\n    reviews:\n        \
            many: review\n        limit: 3 # the first\n        order: id\n        fields:\n            stars: byte\n            \
            body: text\n    place: { group: { town: text, street: text } }\nindex: books\n";
        assert_eq!(meaning(WRITTEN), meaning(otherwise));
    }

    #[test]
    fn whatever_a_document_may_show_says_something() {
        for (part, otherwise) in [
            ("stars: byte, body: text", "body: text, stars: byte"),
            ("town: text, street: text", "street: text, town: text"),
            ("sql: 1.0", "sql: 1.00"),
            ("order: id", "order: [id, stars]"),
            ("limit: 3", "limit: 4"),
            ("table: book\n", "table: shop.book\n"),
            ("  id: long\n", ""),
        ] {
            let changed = WRITTEN.replace(part, otherwise);
            assert_ne!(changed, WRITTEN);
            assert_ne!(meaning(WRITTEN), meaning(&changed), "{part} → {otherwise}");
        }
    }
}

//! How a child is related to its parent.

use crate::mistake::{Mistake, Mistakes};
use crate::pgsync::remark::json;
use crate::pgsync::schema::{ForeignKey, Relationship, Text};
use crate::yaml::{Node, NodeKind, expected, nearest};

use super::part::{Object, text, texts};

pub fn read(node: &Node, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> Option<Relationship> {
    let mut object = Object::of(node, mistakes)?;
    let is_scalar = either(&mut object, "variant", ["object", "scalar"], mistakes);
    let is_many = either(&mut object, "type", ["one_to_one", "one_to_many"], mistakes);
    let through = through(&mut object, mistakes);
    let written = object.take("foreign_key");
    object.finish(remarks);
    let foreign_key = match (written, &through) {
        (Some(node), Some(_)) => {
            remarks.push(Mistake {
                place: node.place.clone(),
                found: format!("left out: foreign_key: {}", json(node)),
                remedy: "beside `through_tables` PGSync passes over it, and goes by the tables' foreign keys"
                    .to_owned(),
            });
            None
        }
        (written, _) => written.and_then(|node| foreign_key(node, remarks, mistakes)),
    };
    Some(Relationship {
        is_scalar: is_scalar?,
        is_many: is_many?,
        through,
        foreign_key,
    })
}

/// Whether it is the second of two words.
fn either(
    object: &mut Object<'_>,
    key: &'static str,
    words: [&'static str; 2],
    mistakes: &mut Mistakes,
) -> Option<bool> {
    let choice = format!("write `{}` or `{}`", words[0], words[1]);
    let word = object
        .required(key, &choice, mistakes)
        .and_then(|node| text(node, mistakes))?;
    let at = words.iter().position(|known| *known == word.text);
    if at.is_none() {
        let remedy = nearest(&word.text, &words).map_or(choice, |meant| format!("did you mean `{meant}`?"));
        mistakes.add(&word.place, format!("`{}` is no {key} of PGSync's", word.text), remedy);
    }
    at.map(|at| at == 1)
}

fn through(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Option<Text> {
    let node = object.take("through_tables")?;
    let mut tables = texts(node, mistakes);
    if tables.len() > 1 {
        let remedy = "PGSync takes one; name the nearest here, and have the definition's `through:` pass the others";
        mistakes.add(&node.place, "more than one table in `through_tables`", remedy);
    }
    (!tables.is_empty()).then(|| tables.remove(0))
}

fn foreign_key(node: &Node, remarks: &mut Vec<Mistake>, mistakes: &mut Mistakes) -> Option<ForeignKey> {
    let mut object = Object::of(node, mistakes)?;
    let remedy = "PGSync wants both, `{ \"parent\": [\"id\"], \"child\": [\"parent_id\"] }`";
    let mut side = |key| {
        let node = object.required(key, remedy, mistakes)?;
        Some(columns(node, mistakes))
    };
    let (parent, child) = (side("parent"), side("child"));
    object.finish(remarks);
    let (parent, child) = (parent?, child?);
    if parent.is_empty() || parent.len() != child.len() {
        let found = format!(
            "{} columns of the parent and {} of the child",
            parent.len(),
            child.len()
        );
        mistakes.add(&node.place, found, "write as many on both sides, in the same order");
        return None;
    }
    Some(ForeignKey {
        place: node.place.clone(),
        pairs: parent.into_iter().zip(child).collect(),
    })
}

/// A list of columns, or one.
fn columns(node: &Node, mistakes: &mut Mistakes) -> Vec<String> {
    let columns = match &node.kind {
        NodeKind::Scalar { .. } => text(node, mistakes).into_iter().collect(),
        NodeKind::Sequence(_) => texts(node, mistakes),
        NodeKind::Mapping(_) => {
            expected(node, "a list of columns", "write `[\"id\"]`", mistakes);
            Vec::new()
        }
    };
    columns.into_iter().map(|column| column.text).collect()
}

//! What names may be: of the index, of fields, of tables.
//!
//! Identifiers are taken literally, case and spaces included. A dot parts schema from table and table from column; a
//! part that holds a dot itself is written in double quotes, as in SQL.

use crate::definition::TableName;
use crate::mistake::{Mistakes, Place};
use crate::yaml::{Key, Node, excerpt, expected};

/// Elasticsearch takes 255 bytes; a generation's name is seven longer, and there is room for more digits.
const LONGEST_INDEX: usize = 200;

/// Names that Elasticsearch keeps for itself at the top of a document.
const METADATA: [&str; 16] = [
    "_data_stream_timestamp",
    "_doc_count",
    "_feature",
    "_field_names",
    "_id",
    "_ignored",
    "_ignored_source",
    "_index",
    "_inference_fields",
    "_nested_path",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_type",
    "_version",
];

/// The name of an index, by Elasticsearch's rules.
pub(super) fn index(node: &Node, mistakes: &mut Mistakes) -> Option<(String, Place)> {
    let Some(name) = node.text() else {
        expected(node, "the name of an index", "write one, such as `books`", mistakes);
        return None;
    };
    let generation = name
        .rsplit_once('-')
        .is_some_and(|(_, digits)| digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let fault = if name.is_empty() || name == "." || name == ".." {
        Some((
            "is no name Elasticsearch takes for an index".to_owned(),
            "write a word, such as `books`",
        ))
    } else if let Some(faults) = characters(name) {
        Some((
            format!("{faults}, which Elasticsearch takes in no index"),
            "use small letters, digits, `-` and `_`",
        ))
    } else if name.starts_with(['-', '_', '+']) {
        Some((
            "begins with `-`, `_` or `+`, which Elasticsearch takes in no index".to_owned(),
            "begin it with a letter",
        ))
    } else if name.len() > LONGEST_INDEX {
        Some((
            format!("has {} bytes, more than {LONGEST_INDEX}", name.len()),
            "shorten it",
        ))
    } else if generation {
        Some((
            "ends like the numbered indexes behind an alias".to_owned(),
            "leave the number away",
        ))
    } else {
        None
    };
    if let Some((fault, remedy)) = fault {
        mistakes.add(&node.place, format!("`{}` {fault}", excerpt(name)), remedy);
        return None;
    }
    Some((name.to_owned(), node.place.clone()))
}

/// Which of its characters no index may have in its name.
fn characters(name: &str) -> Option<String> {
    let capitals = name.to_lowercase() != name;
    let mut others: Vec<char> = name
        .chars()
        .filter(|char| "\\/*?\"<>| ,#:".contains(*char) || char.is_control())
        .collect();
    others.sort_unstable();
    others.dedup();
    let others: Vec<String> = others.iter().map(|char| format!("{char:?}")).collect();
    match (capitals, others.is_empty()) {
        (false, true) => None,
        (true, true) => Some("has capital letters".to_owned()),
        (false, false) => Some(format!("holds {}", others.join(", "))),
        (true, false) => Some(format!("has capital letters and holds {}", others.join(", "))),
    }
}

/// The name of a field; `top` for those of the document itself.
pub(super) fn field(key: &Key, top: bool, mistakes: &mut Mistakes) {
    let name = key.text.as_str();
    if name.trim().is_empty() {
        mistakes.add(&key.place, "a field without a name", "name it");
    } else if name.contains('.') {
        mistakes.add(
            &key.place,
            format!(
                "the field name `{}` holds a dot: Elasticsearch would read it as an object",
                excerpt(name)
            ),
            "use `_` instead",
        );
    } else if name.starts_with("_highwater") {
        mistakes.add(
            &key.place,
            format!(
                "the field name `{}` begins with `_highwater`, where each document's own record is kept",
                excerpt(name)
            ),
            "choose another name",
        );
    } else if top && METADATA.contains(&name) {
        mistakes.add(
            &key.place,
            format!("the field name `{name}` is one Elasticsearch keeps for itself"),
            format!("choose another name, such as `{}`", name.trim_start_matches('_')),
        );
    }
}

/// `table` or `schema.table`.
pub(super) fn table(node: &Node, mistakes: &mut Mistakes) -> Option<TableName> {
    let Some(text) = node.text() else {
        expected(node, "the name of a table", "write `table` or `schema.table`", mistakes);
        return None;
    };
    let (schema, name) = parts_of_table(text, &node.place, mistakes)?;
    Some(TableName {
        schema,
        name,
        place: node.place.clone(),
    })
}

/// Schema and name of a table.
pub(super) fn parts_of_table(text: &str, place: &Place, mistakes: &mut Mistakes) -> Option<(Option<String>, String)> {
    let mut parts = parts(text).unwrap_or_default().into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, None) => Some((None, name)),
        (Some(schema), Some(name), None) => Some((Some(schema), name)),
        _ => {
            let remedy = "write `table` or `schema.table`; a name that holds a dot goes in double quotes";
            mistakes.add(place, format!("`{}` is no name of a table", excerpt(text)), remedy);
            None
        }
    }
}

/// The parts between dots; nothing where one is empty or a quote is left open.
pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_part(quoted)?
        } else {
            let (part, after) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
            (part.to_owned(), after)
        };
        if part.trim().is_empty() || part.contains('\0') {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None => return after.is_empty().then_some(parts),
        }
    }
}

/// Up to the closing quote, doubled ones being part of the name.
fn quoted_part(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                part.push('"');
                rest = more;
            }
            None => return Some((part, after)),
        }
    }
}

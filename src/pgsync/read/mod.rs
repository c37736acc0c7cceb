//! From the text to the schema: every mistake at once, and a remark for each key that PGSync has no meaning for.
//!
//! The text is JSON, and is read as the YAML that JSON is, so that everything knows its place and a key that stands there
//! twice is told.

mod column;
mod document;
mod node;
mod part;
mod relationship;
mod transform;
mod variable;

use crate::mistake::{Mistakes, Place};
use crate::yaml::{Node, NodeKind, expected};

use super::schema::Document;

pub fn documents(
    file: &str,
    text: &str,
    env: &impl Fn(&str) -> Option<String>,
    mistakes: &mut Mistakes,
) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let place = Place {
            file: file.into(),
            line: error.line(),
            column: error.column(),
            path: String::new(),
        };
        let whole = error.to_string();
        let found = whole.split(" at line ").next().unwrap_or_default();
        mistakes.add(
            &place,
            format!("the text is no JSON: {found}"),
            "name PGSync's schema.json, and mend it there",
        );
        return Vec::new();
    }
    let Some(tree) = Node::read(file, &plain(text), mistakes) else {
        return Vec::new();
    };
    let NodeKind::Sequence(items) = &tree.kind else {
        let remedy = "a schema of PGSync's is a list of documents, `[ { \"database\": …, \"nodes\": { … } } ]`";
        expected(&tree, "a list", remedy, mistakes);
        return Vec::new();
    };
    if items.is_empty() {
        let remedy = "write a document with its `database` and `nodes`";
        mistakes.add(&tree.place, "a schema without documents", remedy);
    }
    let read = |item| document::read(item, env, mistakes);
    items.iter().filter_map(read).collect()
}

/// JSON in the form in which YAML reads it alike: blanks for tabs, which JSON has between its tokens only, and characters
/// for the two halves that JSON may escape them in.
fn plain(text: &str) -> String {
    let text = text.replace('\t', " ");
    let (mut out, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (escape, taken) = if let Some(character) = pair(from) {
            (character.to_string(), 12)
        } else {
            let taken = from.chars().take(2).map(char::len_utf8).sum();
            (from[..taken].to_owned(), taken)
        };
        out.push_str(&escape);
        rest = &from[taken..];
    }
    out + rest
}

/// The character that begins a text as `\ud83d\ude00`.
fn pair(text: &str) -> Option<char> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let units = [unit(0)?, unit(6)?];
    let is_first_half = (0xd800..0xdc00).contains(&units[0]);
    char::decode_utf16(units).next()?.ok().filter(|_| is_first_half)
}

//! Variables of the environment, which PGSync puts into a document's own texts.

use crate::mistake::{Mistakes, Place};
use crate::pgsync::schema::Text;

/// `$name` and `${name}` by the environment, and `$$` for `$`.
pub fn substituted(text: Text, env: &impl Fn(&str) -> Option<String>, mistakes: &mut Mistakes) -> Text {
    let (mut out, mut rest) = (String::new(), text.text.as_str());
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
            continue;
        }
        let Some((name, more)) = name(after) else {
            out.push('$');
            rest = after;
            continue;
        };
        match env(name) {
            Some(value) => out.push_str(&value),
            None => unset(name, &text.place, mistakes),
        }
        rest = more;
    }
    out.push_str(rest);
    Text { text: out, ..text }
}

fn unset(name: &str, place: &Place, mistakes: &mut Mistakes) {
    let remedy = "set it as for PGSync, or write the value in its place";
    mistakes.add(place, format!("`${name}` is not set in the environment"), remedy);
}

/// The name behind a `$`, and what follows.
fn name(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let inside = braced.unwrap_or(text);
    let is_first = |char: char| char.is_ascii_alphabetic() || char == '_';
    let end = inside
        .find(|char: char| !is_first(char) && !char.is_ascii_digit())
        .unwrap_or(inside.len());
    let (name, after) = inside.split_at(end);
    let after = if braced.is_some() {
        after.strip_prefix('}')?
    } else {
        after
    };
    name.starts_with(is_first).then_some((name, after))
}

//! An entry of `columns`: a column's name, or a way into its JSON by Postgres' operators.

use crate::mistake::{Mistake, Mistakes};
use crate::pgsync::schema::{Column, Text};

/// The longer ones first: each begins like a shorter one.
const OPERATORS: [&str; 4] = ["->>", "#>>", "->", "#>"];

pub fn read(text: &Text, mistakes: &mut Mistakes) -> Option<Column> {
    let (column, operators) = split(&text.text);
    let mut names = vec![column.to_owned()];
    let (mut path, mut as_text) = (Vec::new(), false);
    for (at, (operator, operand)) in operators.iter().enumerate() {
        let is_path = operator.starts_with('#');
        let inside = operand.trim().trim_matches('\'');
        names.push(inside.replace(['{', '}'], ""));
        let list = inside.strip_prefix('{').and_then(|inside| inside.strip_suffix('}'));
        match list.filter(|_| is_path) {
            Some(list) => path.extend(list.split(',').map(|key| key.trim().trim_matches('"').to_owned())),
            None => path.push(inside.to_owned()),
        }
        as_text = operator.ends_with(">>");
        if is_path != list.is_some() || (as_text && at + 1 < operators.len()) {
            mistakes.add(
                &text.place,
                format!("`{}` is no way into JSON", text.text),
                "write `column->key->0` or `column#>{key,0}`, and `>>` for the last operator only",
            );
            return None;
        }
    }
    if column.trim().is_empty() || path.iter().any(|key| key.trim().is_empty()) {
        let found = format!("`{}` names no column, or an empty key in its JSON", text.text);
        mistakes.add(&text.place, found, "write `column->key`");
        return None;
    }
    let field = names.join("_");
    let is_read_otherwise = as_text || text.text.contains('\'');
    Some(Column {
        place: text.place.clone(),
        remark: is_read_otherwise.then(|| otherwise(text, &field)),
        field,
        name: column.trim().to_owned(),
        path,
        as_text,
    })
}

fn otherwise(text: &Text, field: &str) -> Mistake {
    Mistake {
        place: text.place.clone(),
        found: format!("`{}` is taken as Postgres has it, as the field {field}", text.text),
        remedy:
            "PGSync takes quotes for a part of the key, and reads `->>` as `->` and a key that begins with `>`: the \
                 field had another name there, and no value"
                .to_owned(),
    }
}

/// The column, and each operator with what follows it.
fn split(text: &str) -> (&str, Vec<(&'static str, &str)>) {
    let next = |text: &str| {
        text.char_indices().find_map(|(at, _)| {
            let operator = OPERATORS
                .into_iter()
                .find(|operator| text[at..].starts_with(operator))?;
            Some((at, operator))
        })
    };
    let Some((first, mut operator)) = next(text) else {
        return (text, Vec::new());
    };
    let (column, mut rest) = (&text[..first], &text[first + operator.len()..]);
    let mut found = Vec::new();
    while let Some((at, following)) = next(rest) {
        found.push((operator, &rest[..at]));
        rest = &rest[at + following.len()..];
        operator = following;
    }
    found.push((operator, rest));
    (column, found)
}

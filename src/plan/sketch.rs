//! A first definition, as text for a person to go on from: for a table of an existing database (every column in a type
//! that takes all its values, related tables both ways), or for what another tool was told (`crate::pgsync`). A comment
//! stands for whatever was left out, and says why.
//!
//! `tree` is what is to be written, and `text` writes it; `relation` finds the related tables, a `sheet` takes
//! their fields, `field` chooses the types, `name` the names, and `join` says which joins must be written.
//! What was written is read and planned like any definition: a part that does not pass becomes a comment, its lines kept
//! for who mends it.

pub mod field;
pub mod join;
pub mod name;
mod relation;
mod sheet;
mod text;
pub mod tree;

use serde_json::{Map, Value};

use crate::catalog::{Catalog, Table, TableKind};
use crate::definition::Definition;
use crate::mistake::{Mistake, Mistakes};

use super::Plan;
use relation::Walk;
use text::Text;
use tree::{Content, Entry, Object, Outline, Size};

/// How far relations are followed where nothing is said: related rows, and theirs.
pub const DEFAULT_DEPTH: usize = 2;

/// What Elasticsearch allows unless told otherwise: fields, nested arrays, nested objects of one document.
const LIMITS: [(&str, usize); 3] = [
    ("mapping.total_fields.limit", 1000),
    ("mapping.nested_fields.limit", 50),
    ("mapping.nested_objects.limit", 10_000),
];

/// Writes a definition whose documents are rows of `root`, with relations followed `depth` tables far.
///
/// # Errors
/// What makes the table unfit to be a root: no key, a view, no right to read it.
pub fn sketch(catalog: &Catalog, root: &Table, depth: usize) -> Result<String, Mistakes> {
    let mut heading = vec![
        "Written by `highwater init`. What cannot be told from the tables is for you to decide: what is searched"
            .to_owned(),
        "as words (text) or as a whole (keyword), what is not needed, which rows are documents (where:).".to_owned(),
    ];
    let views = views(catalog, root);
    if !views.is_empty() {
        let views = views.join(", ");
        heading.push(format!(
            "left out: {views}; a view can be used once views: says what it is made of"
        ));
    }
    let unique = tree::key(root).filter(|_| root.primary_key.is_empty());
    let outline = Outline {
        heading,
        index: name::index(&root.name),
        table: name::table(catalog, root),
        key: unique.map(<[String]>::to_vec).unwrap_or_default(),
        object: Walk::new(catalog, depth).root(root),
        ..Outline::default()
    };
    Ok(fit(catalog, outline)?.text)
}

/// A definition that can be planned.
pub struct Fitted {
    pub text: String,
    /// What did not pass and became a comment: the path of its field, and why.
    pub left_out: Vec<(Vec<String>, Mistake)>,
}

/// Writes an outline, and leaves out the parts that the tables do not bear.
///
/// # Errors
/// What is wrong with the definition as a whole, or with its root.
pub fn fit(catalog: &Catalog, mut outline: Outline) -> Result<Fitted, Mistakes> {
    let mut left_out = Vec::new();
    loop {
        let text = write(&outline);
        let planned = Definition::parse("the definition that was written", &text.out).and_then(|definition| {
            let plan = Plan::new(&definition, catalog)?;
            plan.refused.or(())
        });
        let Err(mistakes) = planned else {
            return Ok(Fitted {
                text: text.out,
                left_out,
            });
        };
        let before = left_out.len();
        for mistake in &mistakes.0 {
            if let Some((path, lines)) = text.entry_at(mistake.place.line)
                && outline.object.leave_out(path, mistake, lines)
            {
                left_out.push((path.to_vec(), mistake.clone()));
            }
        }
        if left_out.len() == before {
            return Err(mistakes);
        }
    }
}

fn write(outline: &Outline) -> Text {
    let mut text = Text::default();
    for line in &outline.heading {
        text.note(0, line);
    }
    text.pair(0, "index", &text::scalar(&outline.index));
    text.pair(0, "table", &text::scalar(&outline.table));
    if !outline.key.is_empty() {
        text.pair(0, "key", &text::list(&outline.key));
    }
    for (key, value) in [("routing", &outline.routing), ("pipeline", &outline.pipeline)] {
        if let Some(value) = value {
            text.pair(0, key, &text::scalar(value));
        }
    }
    let settings = settings(&outline.settings, outline.object.size());
    if !settings.is_empty() {
        text.block(0, "settings", &Value::Object(settings));
    }
    text.views(&outline.views);
    text.line(0, "fields:");
    text.object(1, &outline.object);
    text
}

/// Those that are wanted, and the limits to be raised where nothing is said of them.
fn settings(wanted: &Map<String, Value>, size: Size) -> Map<String, Value> {
    let mut settings = wanted.clone();
    let needed = [size.fields + 10, size.nested, size.objects];
    for ((limit, usual), needed) in LIMITS.into_iter().zip(needed) {
        if needed > usual && super::mapping::setting(wanted, limit).is_none() {
            settings.insert(format!("index.{limit}"), needed.into());
        }
    }
    settings
}

/// Views beside the root.
fn views(catalog: &Catalog, root: &Table) -> Vec<String> {
    let is_view = |table: &&Table| {
        table.schema == root.schema
            && matches!(
                table.kind,
                TableKind::View | TableKind::MaterializedView | TableKind::Foreign
            )
    };
    let views = catalog.tables.iter().filter(is_view);
    views.map(|table| name::table(catalog, table)).collect()
}

impl Object {
    /// Makes the entry at this path a comment: why it is left out, and the lines it would have been. Returns whether there
    /// was one.
    fn leave_out(&mut self, path: &[String], why: &Mistake, lines: Vec<String>) -> bool {
        let Some((name, rest)) = path.split_first() else {
            return false;
        };
        let Some(at) = self.entries.iter().position(|entry| entry.name() == Some(name)) else {
            return false;
        };
        match (&mut self.entries[at], rest) {
            (_, []) => {
                let reason = Entry::Left(format!("{name}: {}; {}", why.found, why.remedy));
                let lines = lines.into_iter().map(Entry::Remark);
                self.entries.splice(at..=at, std::iter::once(reason).chain(lines));
                true
            }
            (Entry::Relation { relation, .. }, rest) => match &mut relation.content {
                Content::Fields(object) => object.leave_out(rest, why, lines),
                Content::Value { .. } => false,
            },
            _ => false,
        }
    }
}

//! A first definition for a table of an existing database, as text for a person to go on from: every column in a type
//! that takes all its values, related tables both ways, and a comment for whatever was left out, and why.
//!
//! `tree` is what is to be written, and `text` writes it; `relation` finds the related tables, a `sheet` takes
//! their fields, `field` chooses the types, `name` the names, and `join` says which joins must be written.
//! What was written is read and planned like any definition: a part that does not pass becomes a comment.

mod field;
mod join;
mod name;
mod relation;
mod sheet;
mod text;
mod tree;

use crate::catalog::{Catalog, Table, TableKind};
use crate::definition::Definition;
use crate::mistake::Mistakes;

use super::Plan;
use relation::Walk;
use text::Text;
use tree::{Entry, Object, Size};

/// How far relations are followed where nothing is said: related rows, and theirs.
pub const DEFAULT_DEPTH: usize = 2;

/// What Elasticsearch allows unless told otherwise: fields, nested arrays, nested objects of one document.
const LIMITS: [(&str, usize); 3] = [
    ("index.mapping.total_fields.limit", 1000),
    ("index.mapping.nested_fields.limit", 50),
    ("index.mapping.nested_objects.limit", 10_000),
];

/// Writes a definition whose documents are rows of `root`, with relations followed `depth` tables far.
///
/// # Errors
/// What makes the table unfit to be a root: no key, a view, no right to read it.
pub fn sketch(catalog: &Catalog, root: &Table, depth: usize) -> Result<String, Mistakes> {
    let mut object = Walk::new(catalog, depth).root(root);
    loop {
        let text = write(catalog, root, &object);
        let planned = Definition::parse("the definition that init wrote", &text.out)
            .and_then(|definition| Plan::new(&definition, catalog));
        let Err(mistakes) = planned else { return Ok(text.out) };
        let mut left_out = false;
        for mistake in &mistakes.0 {
            if let Some(path) = text.entry_at(mistake.place.line) {
                left_out |= object.leave_out(path, &mistake.found);
            }
        }
        if !left_out {
            return Err(mistakes);
        }
    }
}

fn write(catalog: &Catalog, root: &Table, object: &Object) -> Text {
    let mut text = Text::default();
    text.line(
        0,
        "# Written by `highwater init`. What cannot be told from the tables is for you to decide: what is searched",
    );
    text.line(
        0,
        "# as words (text) or as a whole (keyword), what is not needed, which rows are documents (where:).",
    );
    let views = views(catalog, root);
    if !views.is_empty() {
        text.note(
            0,
            &format!(
                "left out: {}; a view can be used once views: says what it is made of",
                views.join(", ")
            ),
        );
    }
    text.pair(0, "index", &name::index(&root.name));
    text.pair(0, "table", &name::table(catalog, root));
    if root.primary_key.is_empty()
        && let Some(key) = tree::key(root)
    {
        text.pair(0, "key", &text::list(key));
    }
    let size = object.size();
    for (setting, needed) in settings(size) {
        text.settings(setting, needed);
    }
    text.line(0, "fields:");
    text.object(1, object);
    text
}

/// The settings to be raised, and to what.
fn settings(size: Size) -> impl Iterator<Item = (&'static str, usize)> {
    let needed = [size.fields + 10, size.nested, size.objects];
    let limits = LIMITS.into_iter().zip(needed);
    limits
        .filter(|((_, usual), needed)| needed > usual)
        .map(|((setting, _), needed)| (setting, needed))
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
    /// Puts a comment in the place of the entry at this path. Returns whether there was one.
    fn leave_out(&mut self, path: &[String], reason: &str) -> bool {
        let Some((name, rest)) = path.split_first() else {
            return false;
        };
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.name() == Some(name)) else {
            return false;
        };
        match (entry, rest) {
            (entry, []) => {
                *entry = Entry::Left(format!("{name}: {reason}"));
                true
            }
            (Entry::Relation { relation, .. }, rest) => relation.object.leave_out(rest, reason),
            _ => false,
        }
    }
}

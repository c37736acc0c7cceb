//! The fields of one node's rows: its columns in the names and forms that its transform gives them, and what `concat`
//! makes of them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::catalog::Table;
use crate::definition::Mapping;
use crate::mistake::Place;
use crate::plan::sketch::name;
use crate::plan::sketch::tree::{Entry, Object, Source};

use super::mapping::{Said, is_kept};
use super::schema::{Column, Node};
use super::translate::Walk;
use super::value::{Part, Taken, columns, replaced, taken, unsearched};

/// Where a field's value comes from.
pub enum Origin {
    /// A column as it is.
    Column(String),
    /// An expression or rows.
    Other,
}

/// An object under way.
pub struct Fields {
    pub object: Object,
    pub said: Said,
    origins: HashMap<String, Origin>,
    /// By field, its text as `concat` joins it; nothing where it has none.
    pub parts: HashMap<String, Option<Part>>,
    /// Names in `rename` and `replace` that were met.
    pub met: HashSet<String>,
}

impl Fields {
    pub fn new(said: Said) -> Self {
        Self {
            object: Object::default(),
            said,
            origins: HashMap::new(),
            parts: HashMap::new(),
            met: HashSet::new(),
        }
    }

    pub fn origin(&self, field: &str) -> Option<&Origin> {
        self.origins.get(field)
    }

    /// Whether a field of this name is there.
    pub fn has(&self, field: &str) -> bool {
        self.origins.contains_key(field)
    }

    pub fn remark(&mut self, comment: String) {
        self.object.entries.push(Entry::Remark(comment));
    }

    /// Adds a value, in the place of one that has its name.
    pub fn put(&mut self, walk: &mut Walk<'_>, name: &str, place: &Place, source: Option<Source>, mapping: Mapping) {
        self.object
            .entries
            .retain(|entry| entry.name().is_none_or(|taken| taken != name));
        self.object.entries.push(Entry::Value {
            name: name.to_owned(),
            source,
            mapping,
        });
        self.took(walk, name, place, Origin::Other);
    }

    pub fn took(&mut self, walk: &mut Walk<'_>, name: &str, place: &Place, origin: Origin) {
        self.origins.insert(name.to_owned(), origin);
        let path = walk.path.iter().cloned().chain([name.to_owned()]).collect();
        walk.origins.insert(path, place.clone());
    }

    pub fn columns(&mut self, walk: &mut Walk<'_>, node: &Node, table: &Table) {
        for column in columns(node, table) {
            self.column(walk, node, table, &column);
        }
        for concat in &node.transform.concat {
            self.concat(walk, node, concat);
        }
    }

    fn column(&mut self, walk: &mut Walk<'_>, node: &Node, table: &Table, column: &Column) {
        let rename = node.transform.rename.get(&column.field);
        let field = rename.map_or(&column.field, |name| &name.text).clone();
        self.met.insert(column.field.clone());
        if self.has(&field) {
            let comment = walk.remarks.say(
                &column.place,
                format!("left out: {field} a second time"),
                "PGSync writes one of the two; give the other a name of its own",
            );
            return self.remark(comment);
        }
        if let Some(remark) = &column.remark {
            let comment = walk.remarks.add(remark.clone());
            self.remark(comment);
        }
        let taken = self.replace(walk, node, column, taken(column, table));
        self.parts.insert(field.clone(), taken.part);
        let mapping = match self.typed(walk, column, &field, taken.mapping) {
            Ok(mapping) => mapping,
            Err(why) => {
                walk.remarks
                    .say(&column.place, format!("left out: {field}"), why.clone());
                return self.object.entries.push(Entry::Left(format!("{field}: {why}")));
            }
        };
        let source = match taken.source {
            None if field != column.name => Some(Source::Column(name::part(&column.name))),
            source => source,
        };
        self.put(walk, &field, &column.place, source, mapping);
        self.took(walk, &field, &column.place, taken.origin);
    }

    fn replace(&mut self, walk: &mut Walk<'_>, node: &Node, column: &Column, taken: Taken) -> Taken {
        let Some(replace) = node.transform.replace.get(&column.field) else {
            return taken;
        };
        if let Some(replaced) = replaced(&taken, replace) {
            return replaced;
        }
        let comment = walk.remarks.say(
            &replace.place,
            format!("left out: replace in {}, whose values are no texts", column.field),
            "say it in a field with `sql:` if it is needed",
        );
        self.remark(comment);
        taken
    }

    /// What is said of the field, or else follows from the column.
    fn typed(
        &mut self,
        walk: &mut Walk<'_>,
        column: &Column,
        field: &str,
        by_itself: Result<Mapping, String>,
    ) -> Result<Mapping, String> {
        if let Some((mapping, _)) = self.said.take(field) {
            return Ok(mapping);
        }
        let mapping = by_itself?;
        if is_kept(&mapping) {
            let comment = unsearched(walk, &column.place, field);
            self.remark(comment);
        }
        Ok(mapping)
    }

    /// What is said of names that are not there: slips, or what a plugin or a pipeline writes.
    pub fn finish(&mut self, walk: &mut Walk<'_>, node: &Node) {
        let transform = &node.transform;
        let renamed = transform.rename.iter().map(|(name, to)| ("rename", name, &to.place));
        let replaced = transform
            .replace
            .iter()
            .map(|(name, replace)| ("replace", name, &replace.place));
        for (key, name, place) in renamed.chain(replaced).filter(|(_, name, _)| !self.met.contains(*name)) {
            let comment = walk.remarks.say(
                place,
                format!("left out: {key} of {name}"),
                "it is none of the columns here, and has no effect in PGSync either",
            );
            self.object.entries.push(Entry::Remark(comment));
        }
        for (name, (mapping, place)) in self.said.rest() {
            let what = Value::Object(mapping.clone());
            if walk.has_pipeline {
                let comment = walk.remarks.say(
                    &place,
                    format!("{name} is none of the columns here: it is left to the pipeline"),
                    "take it out if the pipeline does not write it",
                );
                self.remark(comment);
                self.put(walk, &name, &place, Some(Source::Pipeline), mapping);
            } else {
                let comment = walk.remarks.say(
                    &place,
                    format!("left out: mapping of {name}: {what}"),
                    "it is none of the columns here; if a plugin wrote it, say in a field with `sql:` what it is",
                );
                self.remark(comment);
            }
        }
    }
}

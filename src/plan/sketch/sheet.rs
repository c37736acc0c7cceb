//! The fields of one object under way.

use std::collections::HashSet;

use crate::catalog::Table;

use super::field;
use super::name::{self, Names};
use super::tree::{Entry, Object, Source};

pub struct Sheet {
    pub names: Names,
    pub object: Object,
}

impl Sheet {
    pub fn new(top: bool) -> Self {
        Self {
            names: Names::new(top),
            object: Object::default(),
        }
    }

    /// To go on with an object that has fields.
    pub fn around(object: Object) -> Self {
        let mut names = Names::new(false);
        for name in object.entries.iter().filter_map(Entry::name) {
            names.take(std::slice::from_ref(name));
        }
        Self { names, object }
    }

    /// The fields of a table's columns, without those that are `hidden`; of a junction, they are named with it.
    pub fn columns(&mut self, table: &Table, hidden: &[String], junction: Option<&str>) {
        let keys = table.foreign_keys.iter().flat_map(|key| &key.columns);
        let identifiers: HashSet<&String> = table.primary_key.iter().chain(keys).collect();
        for column in table.columns.values().filter(|column| !hidden.contains(&column.name)) {
            let mapping = match field::mapping(column, identifiers.contains(&column.name)) {
                Ok(mapping) => mapping,
                Err(why) => {
                    self.object.entries.push(Entry::Left(format!("{}: {why}", column.name)));
                    continue;
                }
            };
            let beside = junction.map(|junction| format!("{junction}_{}", column.name));
            let wanted: Vec<String> = std::iter::once(column.name.clone()).chain(beside).collect();
            let name = self.names.take(&wanted);
            let written = match junction {
                Some(junction) => Some(format!("{}.{}", name::part(junction), name::part(&column.name))),
                None => (name != column.name).then(|| name::part(&column.name)),
            };
            self.object.entries.push(Entry::Value {
                name,
                source: written.map(Source::Column),
                mapping,
            });
        }
    }
}

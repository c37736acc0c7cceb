//! What a first definition holds, before it is written.

use crate::catalog::Table;
use crate::definition::Mapping;

/// The fields of a document or of an embedded object.
#[derive(Default)]
pub struct Object {
    pub entries: Vec<Entry>,
}

pub enum Entry {
    Column {
        name: String,
        /// As it stands behind `column:`, where the field has another name.
        column: Option<String>,
        mapping: Mapping,
    },
    Relation {
        name: String,
        relation: Related,
    },
    /// What is not there, and why.
    Left(String),
}

pub struct Related {
    /// `one` or `many`.
    pub form: &'static str,
    pub table: String,
    /// Where the foreign keys do not decide by themselves; empty otherwise.
    pub join: Pairs,
    pub through: Option<Hop>,
    /// Of a `many`.
    pub limit: Option<u32>,
    pub object: Object,
}

/// A junction, and the join from there.
pub struct Hop {
    pub table: String,
    pub join: Pairs,
}

pub type Pairs = Vec<(String, String)>;

/// How much of Elasticsearch's limits a document takes.
#[derive(Clone, Copy, Default)]
pub struct Size {
    /// Fields, objects and multi-fields.
    pub fields: usize,
    /// Nested arrays.
    pub nested: usize,
    /// Nested objects, at most.
    pub objects: usize,
}

impl Entry {
    /// The field's name, if it became one.
    pub fn name(&self) -> Option<&String> {
        match self {
            Self::Column { name, .. } | Self::Relation { name, .. } => Some(name),
            Self::Left(_) => None,
        }
    }
}

impl Object {
    pub fn size(&self) -> Size {
        let mut size = Size::default();
        for entry in &self.entries {
            match entry {
                Entry::Column { mapping, .. } => {
                    let more = mapping.get("fields").and_then(|fields| fields.as_object());
                    size.fields += 1 + more.map_or(0, serde_json::Map::len);
                }
                Entry::Relation { relation, .. } => {
                    let inner = relation.object.size();
                    let rows = relation.limit.map_or(1, |limit| limit as usize);
                    size.fields += 1 + inner.fields;
                    size.nested += inner.nested + usize::from(relation.limit.is_some());
                    size.objects += rows * inner.objects + if relation.limit.is_some() { rows } else { 0 };
                }
                Entry::Left(_) => {}
            }
        }
        size
    }
}

/// Columns that tell a table's rows apart, where no primary key does.
pub fn key(table: &Table) -> Option<&[String]> {
    let never_null = |columns: &&Vec<String>| {
        columns
            .iter()
            .all(|column| table.columns.get(column).is_some_and(|column| column.not_null))
    };
    table.unique.iter().find(never_null).map(Vec::as_slice)
}

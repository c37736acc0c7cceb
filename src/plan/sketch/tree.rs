//! What a first definition holds, before it is written.

use serde_json::{Map, Value};

use crate::catalog::Table;
use crate::definition::Mapping;

/// A whole definition.
#[derive(Default)]
pub struct Outline {
    /// Comments before the first key.
    pub heading: Vec<String>,
    pub index: String,
    pub table: String,
    /// Where it is not the primary key; empty otherwise.
    pub key: Vec<String>,
    pub routing: Option<String>,
    pub pipeline: Option<String>,
    /// Those that Elasticsearch's limits ask for are added.
    pub settings: Map<String, Value>,
    pub views: Vec<ViewOutline>,
    pub object: Object,
}

/// A view and what it is made of.
pub struct ViewOutline {
    pub name: String,
    /// Comments on what follows.
    pub remarks: Vec<String>,
    pub key: Vec<String>,
    /// By table: `its column → column of the view`, or `→ table.column`.
    pub tables: Vec<(String, Pairs)>,
}

/// The fields of a document or of an embedded object.
#[derive(Default)]
pub struct Object {
    pub entries: Vec<Entry>,
}

pub enum Entry {
    Value {
        name: String,
        /// Where it is not the column of the same name.
        source: Option<Source>,
        mapping: Mapping,
    },
    Relation {
        name: String,
        relation: Box<Related>,
    },
    /// What is not there, and why.
    Left(String),
    /// A comment on what follows.
    Remark(String),
}

/// What a value is taken from.
#[derive(Clone)]
pub enum Source {
    /// As it stands behind `column:`.
    Column(String),
    /// The same, and the way within its JSON.
    Path {
        column: String,
        path: String,
    },
    Sql(String),
    /// Elasticsearch's pipeline writes it.
    Pipeline,
}

#[derive(Default)]
pub struct Related {
    /// `one` or `many`.
    pub form: &'static str,
    pub table: String,
    /// Comments on the relation.
    pub remarks: Vec<String>,
    /// Where the foreign keys do not decide by themselves; empty otherwise.
    pub join: Pairs,
    pub through: Option<Hop>,
    /// Of a `many`.
    pub limit: Option<u32>,
    /// Parameters of the object, such as `type: nested`.
    pub mapping: Mapping,
    pub content: Content,
}

/// What of each related row is embedded.
pub enum Content {
    Fields(Object),
    Value { source: Source, mapping: Mapping },
}

impl Default for Content {
    fn default() -> Self {
        Self::Fields(Object::default())
    }
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
            Self::Value { name, .. } | Self::Relation { name, .. } => Some(name),
            Self::Left(_) | Self::Remark(_) => None,
        }
    }
}

impl Object {
    pub fn size(&self) -> Size {
        let mut size = Size::default();
        for entry in &self.entries {
            match entry {
                Entry::Value { mapping, .. } => size.fields += of_value(mapping),
                Entry::Relation { relation, .. } => relation.add_to(&mut size),
                Entry::Left(_) | Entry::Remark(_) => {}
            }
        }
        size
    }
}

impl Related {
    fn add_to(&self, size: &mut Size) {
        let inner = match &self.content {
            Content::Fields(object) => object.size(),
            Content::Value { mapping, .. } => {
                size.fields += of_value(mapping);
                return;
            }
        };
        let is_nested = self.mapping.get("type").is_some_and(|kind| kind == "nested");
        let rows = self.limit.map_or(1, |limit| limit as usize);
        size.fields += 1 + inner.fields;
        size.nested += inner.nested + usize::from(is_nested);
        size.objects += rows * inner.objects + if is_nested { rows } else { 0 };
    }
}

/// A field and those within it.
fn of_value(mapping: &Mapping) -> usize {
    let beneath = ["fields", "properties"]
        .into_iter()
        .filter_map(|key| mapping.get(key)?.as_object());
    1 + beneath
        .flat_map(Map::values)
        .map(|field| field.as_object().map_or(1, of_value))
        .sum::<usize>()
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

//! What a file of PGSync's says, read and not yet held against a database.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::definition::Mapping;
use crate::mistake::{Mistake, Place};

/// A text and where it stands.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    pub place: Place,
}

/// One index: an entry of the list.
#[derive(Debug)]
pub struct Document {
    pub database: Text,
    /// The database's name where PGSync is told no other.
    pub index: Text,
    pub pipeline: Option<String>,
    /// A field of the document, not a column.
    pub routing: Option<Text>,
    /// Of the index.
    pub setting: Map<String, Value>,
    /// Of the document's fields; in its place PGSync gathers what the nodes' transforms say.
    pub mapping: Option<Properties>,
    pub root: Node,
    /// What was found on the way that has no counterpart.
    pub remarks: Vec<Mistake>,
}

/// A table, and what of it is in the document.
#[derive(Debug)]
pub struct Node {
    pub place: Place,
    pub table: Text,
    /// PGSync takes `public` where nothing is said, for children too.
    pub schema: String,
    /// None for all of the table's.
    pub columns: Vec<Column>,
    pub label: Option<Text>,
    pub primary_key: Option<(Vec<String>, Place)>,
    /// The tables beneath a view.
    pub base_tables: Option<(Vec<String>, Place)>,
    pub transform: Transform,
    pub children: Vec<Child>,
    pub remarks: Vec<Mistake>,
}

/// A node below another.
#[derive(Debug)]
pub struct Child {
    pub node: Node,
    pub relationship: Relationship,
}

/// An entry of `columns`: a name, or a way into JSON.
#[derive(Clone, Debug)]
pub struct Column {
    pub place: Place,
    /// The field's name before `rename`.
    pub field: String,
    pub name: String,
    /// Keys and positions; empty for the whole value.
    pub path: Vec<String>,
    /// The last operator was `->>` or `#>>`.
    pub as_text: bool,
    /// Where PGSync reads it in another way.
    pub remark: Option<Mistake>,
}

#[derive(Debug)]
pub struct Relationship {
    pub is_scalar: bool,
    pub is_many: bool,
    pub through: Option<Text>,
    pub foreign_key: Option<ForeignKey>,
}

#[derive(Debug)]
pub struct ForeignKey {
    pub place: Place,
    /// Column of the parent, column of the child.
    pub pairs: Vec<(String, String)>,
}

/// What becomes of a node's values: `replace`, then `rename`, then `concat`.
#[derive(Debug, Default)]
pub struct Transform {
    /// By column.
    pub replace: IndexMap<String, Replace>,
    /// From a column's or a child's name to the field's.
    pub rename: IndexMap<String, Text>,
    pub concat: Vec<Concat>,
    /// By the field's name.
    pub mapping: Properties,
}

#[derive(Debug)]
pub struct Replace {
    pub place: Place,
    /// What is looked for, and what is put there.
    pub pairs: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Concat {
    pub place: Place,
    /// Names of fields; any other word stands for itself.
    pub columns: Vec<String>,
    pub destination: String,
    pub delimiter: String,
}

/// What is said of fields' types, by the fields' names.
pub type Properties = IndexMap<String, (Mapping, Place)>;

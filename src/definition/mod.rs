//! What a search document looks like, as a person declares it: one tree, parsed once, not yet held against a database.
//!
//! `parse` reads the YAML text and reports every mistake at once; `crate::plan` resolves the names against a catalog.

mod meaning;
mod parse;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::mistake::Place;
pub use parse::{DEFAULT_DEPTH, MAX_DEPTH, MAX_LEVELS};

/// Mapping parameters that pass through to Elasticsearch untouched.
pub type Mapping = Map<String, Value>;

/// The fields of a document, or of an object in it, in written order.
pub type Fields = IndexMap<String, Field>;

/// One index: its root table and its tree of fields.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The alias that readers use; generations are named `INDEX-000001`.
    pub index: String,
    /// Whose rows become documents.
    pub table: TableName,
    /// Columns that identify a row; the primary key where absent (a view has none).
    pub key: Option<Vec<String>>,
    /// SQL over the root row: rows that are documents.
    pub filter: Option<Sql>,
    /// Index settings, as Elasticsearch takes them.
    pub settings: Map<String, Value>,
    /// Filters that hold at every use of a table below the root, by table name as written.
    pub tables: IndexMap<String, Sql>,
    pub fields: Fields,
    /// The text this was read from: what the ledger keeps for a generation.
    pub text: String,
    pub place: Place,
}

/// `table` or `schema.table`, as written; identifiers are taken literally, case included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
    pub place: Place,
}

/// An SQL expression as written, over one row.
#[derive(Clone, Debug)]
pub struct Sql {
    pub text: String,
    pub place: Place,
}

/// One field and where it was written.
#[derive(Clone, Debug)]
pub struct Field {
    pub place: Place,
    pub missing: Missing,
    pub kind: FieldKind,
}

/// What becomes of a field whose value is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is written as `null`.
    #[default]
    Keep,
    /// It is left out.
    Drop,
}

#[derive(Clone, Debug)]
pub enum FieldKind {
    /// A column's value, or what a path within it leads to; `mapping` holds at least `type`.
    Column {
        column: ColumnName,
        /// Keys and array positions; empty for the whole value.
        path: Vec<String>,
        mapping: Mapping,
    },
    /// An immutable expression over the row; `mapping` holds at least `type`.
    Sql { sql: Sql, mapping: Mapping },
    /// The same in every document; as JSON.
    Constant { json: String, mapping: Mapping },
    /// An object of fields of this same row.
    Group(Group),
    /// Rows of another table, as objects or values.
    Relation(Box<Relation>),
    /// At most one row, of a table that a column of this row names.
    Switch(Box<Switch>),
}

/// A relation to one of several tables.
#[derive(Clone, Debug)]
pub struct Switch {
    /// The column that says which case applies.
    pub on: ColumnName,
    /// By that column's value; each of them is a `one`.
    pub cases: IndexMap<String, Relation>,
    /// The fields of all cases' objects; none where they embed bare values.
    pub fields: Fields,
    /// Parameters of the object, or of the bare value.
    pub mapping: Mapping,
}

/// Fields of one row, put together.
#[derive(Clone, Debug)]
pub struct Group {
    pub fields: Fields,
    /// Parameters of the object; empty where none are written.
    pub mapping: Mapping,
    /// The object is one value of Elasticsearch's, such as a `geo_point`: its members have no types of their own.
    pub single: bool,
}

impl Group {
    /// The type of the single value.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.mapping.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether rows of other tables are embedded in it, at any depth.
    #[must_use]
    pub fn holds_relations(&self) -> bool {
        self.fields.values().any(|field| match &field.kind {
            FieldKind::Relation(_) | FieldKind::Switch(_) => true,
            FieldKind::Group(group) => group.holds_relations(),
            FieldKind::Column { .. } | FieldKind::Sql { .. } | FieldKind::Constant { .. } => false,
        })
    }
}

/// `column`, or `junction.column` beneath a `through`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// A table of the `through` list; the related table itself where absent.
    pub table: Option<String>,
    pub column: String,
}

/// Rows of a related table, embedded.
#[derive(Clone, Debug)]
pub struct Relation {
    pub kind: RelationKind,
    pub table: TableName,
    /// Tables between this row's and the related one, nearest first.
    pub through: Vec<Hop>,
    /// `this row's column → the next table's column`; inferred from the foreign key where absent.
    /// With `through`, it is the join to the first table of that list.
    pub join: Option<Join>,
    /// SQL over the related row: which rows are embedded.
    pub filter: Option<Sql>,
    pub order: Vec<Order>,
    /// An object with the rows' values in this column as keys, instead of an array.
    pub by: Option<By>,
    /// Each bare value once.
    pub distinct: bool,
    /// At most so many rows, the first in `order`.
    pub limit: Option<u32>,
    /// `one` only: without a match there is no document.
    pub required: bool,
    pub content: Content,
    /// Parameters of the object itself, such as `type: nested`; empty beside a `value`.
    pub mapping: Mapping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// At most one row: an object, or `null`.
    One,
    /// Any number: an array.
    Many,
    /// The rows above in a self-referencing tree, topmost first, at most so many levels; this row is not among them.
    Ancestors { depth: u32 },
    /// Any number, of which one value is computed.
    Aggregate,
}

/// The column that an object is keyed by.
#[derive(Clone, Debug)]
pub struct By {
    /// Of the related table, of one in `through`, or of one that the related row points at.
    pub column: ColumnName,
    pub place: Place,
}

/// One table of a `through` list.
#[derive(Clone, Debug)]
pub struct Hop {
    pub table: TableName,
    /// `this table's column → the next table's column`; inferred where absent.
    pub join: Option<Join>,
    pub filter: Option<Sql>,
}

/// Pairs of columns that must be equal, nearer table first.
#[derive(Clone, Debug)]
pub struct Join {
    pub pairs: Vec<(String, String)>,
    /// Compared as text, whatever the columns' types are.
    pub as_text: bool,
    pub place: Place,
}

/// One term of an `order`.
#[derive(Clone, Debug)]
pub struct Order {
    pub column: ColumnName,
    pub descending: bool,
    /// `nulls first` or `nulls last` where written; Postgres' own default otherwise (last ascending, first descending).
    pub nulls_first: Option<bool>,
    pub place: Place,
}

/// What of each related row is embedded.
#[derive(Clone, Debug)]
pub enum Content {
    /// An object of these fields.
    Fields(Fields),
    /// One bare value; the field's `kind` is `Column` or `Sql`.
    Value(Field),
    /// One value computed over all of them.
    Computed(Aggregate),
}

/// A value over many rows.
#[derive(Clone, Debug)]
pub struct Aggregate {
    pub function: Function,
    /// The tables from this row's to the one whose rows count, behind those of `through`. Which names are schemas is for
    /// the catalog to say.
    pub tables: Vec<String>,
    /// The last table's column; a plain count needs none.
    pub column: Option<String>,
    pub mapping: Mapping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Count,
    /// Of different values.
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
}

impl Function {
    /// The key that says it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Count | Self::CountDistinct => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl Field {
    /// The parameters that Elasticsearch gets for the field, without those of the fields in it.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        match &self.kind {
            FieldKind::Column { mapping, .. }
            | FieldKind::Sql { mapping, .. }
            | FieldKind::Constant { mapping, .. } => mapping,
            FieldKind::Group(group) => &group.mapping,
            FieldKind::Switch(switch) => &switch.mapping,
            FieldKind::Relation(relation) => match &relation.content {
                Content::Fields(_) => &relation.mapping,
                Content::Value(value) => value.mapping(),
                Content::Computed(aggregate) => &aggregate.mapping,
            },
        }
    }

    /// The fields in this one.
    #[must_use]
    pub fn fields(&self) -> Option<&Fields> {
        match &self.kind {
            FieldKind::Column { .. } | FieldKind::Sql { .. } | FieldKind::Constant { .. } => None,
            FieldKind::Group(group) => (!group.single).then_some(&group.fields),
            FieldKind::Switch(switch) => (!switch.fields.is_empty()).then_some(&switch.fields),
            FieldKind::Relation(relation) => match &relation.content {
                Content::Fields(fields) => Some(fields),
                Content::Value(_) | Content::Computed(_) => None,
            },
        }
    }
}

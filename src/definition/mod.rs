//! What a search document looks like, as a person declares it: one tree, parsed once, not yet held against a database.
//!
//! `parse` reads the YAML text and reports every mistake at once; `crate::plan` resolves the names against a catalog.

mod field;
mod meaning;
mod parse;
mod schema;
mod view;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::mistake::Place;
pub use field::{Field, FieldKind, Group, Missing, Switch};
pub use parse::{DEFAULT_DEPTH, MAX_DEPTH, MAX_LEVELS};
pub use schema::schema;
pub use view::{Beneath, View};

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
    /// Columns that identify a row; the primary key, or that of a declared view, where absent.
    pub key: Option<Vec<String>>,
    /// SQL over the root row: rows that are documents.
    pub filter: Option<Sql>,
    /// Columns whose moments make the document anew when they pass.
    pub due: Vec<Due>,
    /// The column whose text is the documents' routing.
    pub routing: Option<Routing>,
    /// Elasticsearch's ingest pipeline that documents pass through.
    pub pipeline: Option<String>,
    /// Index settings, as Elasticsearch takes them.
    pub settings: Map<String, Value>,
    /// Filters that hold at every use of a table below the root, by its schema, where that is written, and its name.
    pub tables: IndexMap<(Option<String>, String), Sql>,
    /// The views that stand in the tree, and how changes beneath them lead to their rows.
    pub views: Vec<View>,
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

/// `column`, or `junction.column` beneath a `through`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// A table of the `through` list; the related table itself where absent.
    pub table: Option<String>,
    pub column: String,
}

/// A column of the root row that says on which shard a document is kept.
#[derive(Clone, Debug)]
pub struct Routing {
    pub column: String,
    pub place: Place,
}

/// A column that holds moments.
#[derive(Clone, Debug)]
pub struct Due {
    pub column: ColumnName,
    pub place: Place,
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
    /// Columns whose moments make the documents anew when they pass.
    pub due: Vec<Due>,
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

//! A definition held against a catalog: the statements that build its documents, the mapping, what is captured, and how
//! a touched row is followed up to the documents that show it. Values only; everything here can be printed.
//!
//! `assemble` walks the definition, and `lookup` finds what it names; what a level selects is gathered in `select`, and
//! becomes SQL in `statement`, in a form that `render` chooses, over the root's key in `keys`. `uses` gathers where each table stands, of which `capture`
//! makes triggers and `fanout` the ways up; `due` are columns that time touches. `mapping` reads the definition alone.
//!
//! `sketch` goes the other way: a first definition for a table that is there.

mod assemble;
pub mod capture;
mod due;
pub mod fanout;
mod keys;
mod lookup;
mod mapping;
mod names;
pub mod print;
mod render;
mod select;
pub mod sketch;
mod statement;
mod uses;

use serde_json::{Map, Value};

use crate::catalog::{Catalog, Wire};
use crate::definition::Definition;
use crate::mistake::Mistakes;

pub use assemble::fingerprint;
pub use capture::Capture;
pub use due::Due;
pub use fanout::Fanout;
pub use lookup::{MAX_JOIN, Wanted};
pub use mapping::{of as mapping, oversized};
pub use uses::Used;

/// Raised whenever the same rows and definition would give other bytes than before.
pub const ENCODER: u32 = 2;

/// Everything needed to keep one index in step.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The alias.
    pub index: String,
    /// Tables read, in oid order: the order they are locked in.
    pub tables: Vec<PlannedTable>,
    /// The root first, then each relation after the level it hangs on.
    pub levels: Vec<Level>,
    /// The root: its rows become documents.
    pub table: PlannedTable,
    /// Key columns of the root.
    pub key: Vec<KeyColumn>,
    /// What routes documents to shards, where something does.
    pub routing: Option<Routing>,
    /// Nothing but the definition says that the key tells rows apart: two rows with one key are a dead letter.
    pub key_is_said: bool,
    /// One a table.
    pub captures: Vec<Capture>,
    /// Columns whose moments touch their rows when they pass.
    pub dues: Vec<Due>,
    /// One for each way from a table up to the root.
    pub fanouts: Vec<Fanout>,
    /// The ingest pipeline that documents pass through.
    pub pipeline: Option<String>,
    pub settings: Map<String, Value>,
    pub mappings: Value,
    /// What the definition is not applied for, although it can be planned: an index that was made by it goes on.
    pub refused: Mistakes,
    /// What `check` says beyond mistakes.
    pub warnings: Mistakes,
    /// SQL expressions as written, to be proved immutable.
    pub expressions: Vec<Expression>,
    /// Over what the definition says and the encoder's number, hexadecimal.
    pub hash: String,
}

/// A table and what it was when planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTable {
    pub oid: u32,
    /// Quoted, with schema.
    pub sql: String,
    /// See [`crate::catalog::Table::shape`].
    pub shape: String,
}

impl PlannedTable {
    fn of(table: &crate::catalog::Table) -> Self {
        Self {
            oid: table.oid,
            sql: table.sql(),
            shape: table.shape.clone(),
        }
    }
}

/// A column of the root's key.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    pub name: String,
    /// For casts of a key's text, type modifiers left out.
    pub cast: String,
}

/// The column of the root whose text is the documents' routing.
#[derive(Clone, Debug)]
pub struct Routing {
    pub column: String,
    /// Its position in the root's select list.
    pub at: usize,
}

/// A user's expression over one table's row.
#[derive(Clone, Debug)]
pub struct Expression {
    pub table: PlannedTable,
    pub sql: crate::definition::Sql,
    /// A predicate rather than a value.
    pub boolean: bool,
    /// Tables whose names it may use beside its own.
    pub beside: Vec<PlannedTable>,
    /// Some of its rows are touched when moments pass, so that it may read the clock.
    pub timed: bool,
}

/// The root, or one relation: a statement, how its rows are encoded, and where they belong.
#[derive(Clone, Debug)]
pub struct Level {
    /// Dotted field names from the top; empty for the root.
    pub path: String,
    /// Position of the level it hangs on.
    pub parent: Option<usize>,
    /// `,"name":`, as it stands in the document; the comma is written over in the first field of an object.
    pub prefix: String,
    pub shape: Shape,
    /// Bare values instead of objects.
    pub bare: bool,
    pub select: Select,
    /// Position of the text that keys the row's object.
    pub key: Option<usize>,
    /// Each value once, and at most so many.
    pub distinct: Option<u32>,
    /// What a row writes by itself: its own fields, then those of each group that relations stand in.
    pub segments: Vec<Vec<Output>>,
    /// What follows its own fields.
    pub parts: Vec<Part>,
    pub link: Link,
    /// Positions, in the parent's select list, of the values that link a row to this level.
    pub parent_link: Vec<usize>,
    pub order: Rank,
    /// Positions of levels that hang on this one.
    pub children: Vec<usize>,
    /// `one` with `required: true`.
    pub required: bool,
    /// Left out where it is null.
    pub drop: bool,
}

/// What a level is in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The document itself.
    Root,
    /// An object or `null`; `first` takes the first of several in order, otherwise two are a dead letter.
    One { first: bool },
    /// An array.
    Many,
    /// An object with a key for each row; of several with the same key, `first` takes the first in order, otherwise two
    /// are a dead letter.
    Keyed { first: bool },
    /// A value over all rows; this where there are none.
    Computed { absent: &'static str },
}

/// A statement in parts, since the root is read by keys and by ranges.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// The statement. `$1 …` are arrays of text, one a link column. For the root: by keys.
    pub sql: String,
    /// Up to and without the key condition; the root only.
    pub head: String,
    /// After the key condition; the root only.
    pub tail: String,
    /// Wire form of each selected column.
    pub wires: Vec<Wire>,
}

/// What follows a row's own fields, in the order of the definition.
#[derive(Clone, Debug)]
pub enum Part {
    /// A level, by its place in [`Level::children`].
    Level(usize),
    /// That one of these levels which the row has a linking value for.
    Switch(Vec<usize>),
    /// A group that relations stand in.
    Group {
        prefix: String,
        segment: usize,
        parts: Vec<Part>,
    },
}

/// One field in a row's fragment.
#[derive(Clone, Debug)]
pub struct Output {
    /// `,"name":` likewise, empty for a bare value.
    pub prefix: String,
    pub source: Source,
    /// Left out where it is null.
    pub drop: bool,
    /// The field's dotted path, for messages.
    pub path: String,
    /// What its value is, likewise: `column price of book`.
    pub origin: String,
}

/// Where a field's bytes come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// This position in the select list.
    Selected(usize),
    /// Always this.
    Constant(String),
    /// An object of these.
    Object(Vec<Output>),
    /// One value of Elasticsearch's: an object of those that are not null, or null where there are none, or, with
    /// `whole`, where one of them is missing.
    Single { members: Vec<Output>, whole: bool },
}

/// How a row says which parent it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The root: these select positions are its key.
    Key(Vec<usize>),
    /// The value at this position has the same text as the parent's.
    Value(usize),
    /// The column at this position is the 1-based number of the linking values, as they were bound.
    Ordinal(usize),
}

/// How rows of one parent are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rank {
    /// By these values, in the worker.
    Worker(Vec<SortColumn>),
    /// As they arrive: the statement sorts.
    Arrival,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortColumn {
    pub at: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

/// What is known of a definition that does not fit.
#[derive(Clone, Debug, Default)]
pub struct Misfit {
    pub mistakes: Mistakes,
    pub warnings: Mistakes,
    /// Those that were met, to be proved all the same.
    pub expressions: Vec<Expression>,
}

impl Plan {
    /// Plans a definition.
    ///
    /// # Errors
    /// Every name that does not resolve, every join that is missing or ambiguous, every type that does not fit.
    pub fn new(definition: &Definition, catalog: &Catalog) -> Result<Self, Mistakes> {
        Self::look(definition, catalog, &Mistakes::default()).map_err(|misfit| misfit.mistakes)
    }

    /// The same for a definition that may have mistakes already: `known` ones are not followed up, and with any there is
    /// no plan.
    ///
    /// # Errors
    /// What else is wrong, and what is left to be looked at.
    pub fn look(definition: &Definition, catalog: &Catalog, known: &Mistakes) -> Result<Self, Misfit> {
        assemble::plan(definition, catalog, known)
    }

    /// The root level.
    #[must_use]
    pub fn root(&self) -> &Level {
        &self.levels[0]
    }
}

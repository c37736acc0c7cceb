//! What the database holds, as values: tables, columns, keys. Read by `crate::source`, reasoned about by `crate::plan`.

pub mod wire;

use indexmap::IndexMap;

pub use wire::Wire;

/// The tables of one database that a role may see.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Whose rights it was read with.
    pub role: String,
    /// The schemas that an unqualified name is looked up in, in order.
    pub search_path: Vec<String>,
    pub tables: Vec<Table>,
    /// Publications FOR ALL TABLES: the ledger's tables go along with the application's.
    pub whole_publications: Vec<String>,
    /// `server_version_num`, such as 180006.
    pub server_version: u32,
}

/// What kind of relation a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Table,
    Partitioned,
    View,
    MaterializedView,
    Foreign,
}

/// What a view's text says.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The tables and views that it reads, as often as it names them.
    pub reads: Vec<u32>,
    /// What may give other rows although these tables are as they were.
    pub unsteady: Option<String>,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of the catalog, each independent of the others"
)]
#[derive(Clone, Debug)]
pub struct Table {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: TableKind,
    /// A digest of its columns' names and types, and of a view's text: another one means that a statement planned before
    /// may read it wrongly.
    pub shape: String,
    /// By name, in attribute order, dropped ones left out.
    pub columns: IndexMap<String, Column>,
    /// The primary key's columns in declared order; empty where there is none that holds for all rows: those of tables
    /// that inherit from this one may repeat it.
    pub primary_key: Vec<String>,
    /// Column sets of unique indexes that hold for every row (no predicate, no expression).
    pub unique: Vec<Vec<String>>,
    /// The leading columns of each valid index, for telling whether a path is served.
    pub indexes: Vec<Vec<String>>,
    pub foreign_keys: Vec<ForeignKey>,
    /// Leaf partitions and inheritance children that hold rows of their own, at any depth.
    pub leaves: Vec<u32>,
    /// The tables that it is a partition of or inherits from: statements that name those change its rows as well.
    pub parents: Vec<u32>,
    /// Tables inherit from it, other than as partitions: a query of it reads their rows too, and its keys and indexes
    /// do not reach there.
    pub inherited: bool,
    /// What it is made of, if it is a view.
    pub view: Option<View>,
    /// Row-level security is on and not by-passed for the current role.
    pub row_security: bool,
    /// The current role may SELECT.
    pub readable: bool,
    /// A subscription writes to it, to a partition of it or by way of the table it is a partition of: what logical
    /// replication applies fires no statement triggers.
    pub subscribed: bool,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of the catalog, each independent of the others"
)]
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    /// As `format_type` gives it, such as `numeric(10,2)` or `text[]`: valid in a cast.
    pub type_name: String,
    /// The base type's oid, domains resolved.
    pub type_oid: u32,
    /// How its binary form is encoded as JSON.
    pub wire: Wire,
    /// What its value is cast to before it comes in that form, for an extension's type: `real[]`, `point`.
    pub via: Option<String>,
    pub not_null: bool,
    /// Of a type that an extension brings, whose `=` lies in the extension's schema or means something of its own.
    pub foreign: bool,
    /// Virtual generated columns are absent from transition tables; these are the columns they are computed from.
    pub virtual_base: Option<Vec<String>>,
    /// Equal values have equal bytes, and bytes sort as values do when the encoding is order-preserving
    /// (false for nondeterministic collations, `numeric`, `citext`, floats and the like).
    pub byte_equal: bool,
    /// The column sorts by its UTF-8 bytes (`C`, `POSIX`, or a text type that is not collated).
    pub collation_c: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    pub target: u32,
    pub target_columns: Vec<String>,
}

impl Catalog {
    /// The table of this name; an unqualified one is looked up along the search path.
    #[must_use]
    pub fn find(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        let named = |schema: &str| {
            self.tables
                .iter()
                .find(|table| table.schema == schema && table.name == name)
        };
        match schema {
            Some(schema) => named(schema),
            None => self.search_path.iter().find_map(|schema| named(schema)),
        }
    }

    /// The tables that a view reads, itself and by way of other views, as often as it does; and these views.
    #[must_use]
    pub fn beneath(&self, view: &Table) -> (Vec<u32>, Vec<&Table>) {
        let (mut tables, mut views) = (Vec::new(), Vec::new());
        for oid in view.view.iter().flat_map(|view| &view.reads) {
            match self.by_oid(*oid).filter(|table| table.view.is_some()) {
                None => tables.push(*oid),
                Some(inner) => {
                    let (more, deeper) = self.beneath(inner);
                    tables.extend(more);
                    views.push(inner);
                    views.extend(deeper);
                }
            }
        }
        (tables, views)
    }

    #[must_use]
    pub fn by_oid(&self, oid: u32) -> Option<&Table> {
        self.tables.iter().find(|table| table.oid == oid)
    }
}

impl Column {
    /// Whether Postgres can sort the values: json, xml and figures of geometry have no order, and of an extension's type
    /// nothing is known.
    #[must_use]
    pub fn has_order(&self) -> bool {
        !self.foreign && !matches!(self.type_oid, 114 | 142 | 600..=604 | 628 | 718)
    }
}

impl Table {
    /// `"schema"."name"`, quoted for SQL.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// Whether at most one row can have given values in these columns.
    #[must_use]
    pub fn is_unique(&self, columns: &[String]) -> bool {
        let covered = |key: &[String]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
        covered(&self.primary_key) || self.unique.iter().any(|key| covered(key))
    }

    /// Whether an index serves a lookup by these columns.
    #[must_use]
    pub fn is_indexed(&self, columns: &[String]) -> bool {
        self.indexes.iter().any(|index| {
            index.len() >= columns.len() && columns.iter().all(|column| index[..columns.len()].contains(column))
        })
    }
}

/// An SQL identifier, quoted: any name stands for itself.
#[must_use]
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// An SQL string literal; with a backslash inside, in the `E''` form, so that no server setting changes its meaning.
#[must_use]
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

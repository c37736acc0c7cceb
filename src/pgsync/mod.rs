//! PGSync's `schema.json` as definitions, for those who come from there.
//!
//! `read` makes of the text what `schema` says a file of PGSync's is. `translate` holds one document of it against the
//! catalog and makes the outline of a definition, which `plan::sketch` writes and plans like any other: `fields` are a
//! node's columns, each a `value`, and what `concat` makes of them; `relation` is a child, which shows `fields` or a
//! `scalar`; `mapping` is what is said of types, `view` what a view is made of. What has no counterpart becomes a `remark`,
//! told to the person and kept in the file.

mod concat;
mod fields;
mod mapping;
mod read;
mod relation;
mod remark;
mod scalar;
mod schema;
mod translate;
mod value;
mod view;

use crate::catalog::Catalog;
use crate::mistake::Mistakes;

pub use schema::Document;

/// A definition, and what the person has to know of it.
pub struct Translated {
    pub index: String,
    /// The definition as YAML.
    pub text: String,
    /// What is not there, or not as it was, in file order; each also a comment in the text.
    pub remarks: Mistakes,
}

/// Reads the documents of a schema; `env` looks up variables, which PGSync takes as well.
///
/// # Errors
/// Every mistake that keeps the text from being one of PGSync's schemas.
pub fn read(file: &str, text: &str, env: &impl Fn(&str) -> Option<String>) -> Result<Vec<Document>, Mistakes> {
    let mut mistakes = Mistakes::default();
    let documents = read::documents(file, text, env, &mut mistakes);
    mistakes.in_file_order().or(documents)
}

/// Makes a definition of a document.
///
/// # Errors
/// What keeps the root's rows from becoming documents.
pub fn translate(document: &Document, catalog: &Catalog) -> Result<Translated, Mistakes> {
    translate::translate(document, catalog)
}

//! A view in the tree, as a person declares it: views have no triggers of their own and no keys.

use super::TableName;
use crate::mistake::Place;

/// A view, and what it is made of.
#[derive(Clone, Debug)]
pub struct View {
    pub name: TableName,
    /// Columns that tell its rows apart.
    pub key: Vec<String>,
    pub tables: Vec<Beneath>,
}

/// How a table's rows lead to a view's.
#[derive(Clone, Debug)]
pub struct Beneath {
    pub table: TableName,
    /// The table, among those beneath the view, whose rows its rows lead to; to the view's own where absent.
    pub to: Option<TableName>,
    /// `column of the table → column there`: its rows lead to those that have the same values.
    pub columns: Vec<(String, String)>,
    pub place: Place,
}

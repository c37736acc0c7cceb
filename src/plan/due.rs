//! A column whose moments touch their rows when they pass, in SQL.

use crate::catalog::{Column, Table, quote};

use super::PlannedTable;

/// `timestamptz`; the others below are taken in UTC, as in every build.
const TIMESTAMPTZ: u32 = 1184;
const TIMESTAMP: u32 = 1114;
const DATE: u32 = 1082;

/// Such a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub table: PlannedTable,
    pub column: String,
    zoned: bool,
}

/// Whether a column's values are moments.
pub fn is_moment(column: &Column) -> bool {
    matches!(column.type_oid, TIMESTAMPTZ | TIMESTAMP | DATE)
}

impl Due {
    pub(super) fn new(table: &Table, column: &Column) -> Self {
        Self {
            table: PlannedTable::of(table),
            column: column.name.clone(),
            zoned: column.type_oid == TIMESTAMPTZ,
        }
    }

    /// Whether some row's moment lies behind `after` and not behind `upto`, both `timestamptz` in SQL. By `min`, which an
    /// index answers with one entry; EXISTS might be planned as a walk over the table.
    #[must_use]
    pub fn has_come(&self, after: &str, upto: &str) -> String {
        format!(
            "(SELECT min(r.{column}) FROM {table} AS r WHERE r.{column} > {after}) <= {upto}",
            column = quote(&self.column),
            table = self.table.sql,
            after = self.moment(after),
            upto = self.moment(upto),
        )
    }

    /// The rows of which that is so, called `r`.
    #[must_use]
    pub fn rows(&self, after: &str, upto: &str) -> String {
        format!(
            "{table} AS r WHERE r.{column} > {after} AND r.{column} <= {upto}",
            column = quote(&self.column),
            table = self.table.sql,
            after = self.moment(after),
            upto = self.moment(upto),
        )
    }

    fn moment(&self, moment: &str) -> String {
        if self.zoned {
            moment.to_owned()
        } else {
            format!("({moment} AT TIME ZONE 'UTC')")
        }
    }
}

//! Statements over the root's key: which rows, by keys or by a range of them, and where to cut ranges.

use crate::catalog::{Table, quote};

use super::{Plan, names};

/// The alias of the root table in its statements.
pub const ROOT: &str = "root";

/// The condition that a row's key is among those bound, as arrays of text, one a column.
pub fn by_keys(root: &Table, key: &[String]) -> String {
    match key {
        [single] => format!(
            "\"root\".{} = any($1::text[]::{}[])",
            quote(single),
            names::cast(&root.columns[single])
        ),
        several => {
            let columns = several.iter().map(|column| &root.columns[column]);
            let tuple = names::of("\"root\"", several);
            format!("({tuple}) IN (SELECT * FROM {})", names::unnest(columns, "k"))
        }
    }
}

impl Plan {
    /// The statement that reads roots by range: `low` exclusive, `high` inclusive, open where false. Bound values are
    /// the texts of the low key's columns, then of the high key's.
    #[must_use]
    pub fn range_sql(&self, low: bool, high: bool) -> String {
        let select = &self.root().select;
        format!("{}{}{}", select.head, self.between(low, high), select.tail)
    }

    /// The keys of a range alone, in order, filter or not; bound as for [`Plan::range_sql`].
    #[must_use]
    pub fn range_keys_sql(&self, low: bool, high: bool) -> String {
        let keys = || {
            self.key
                .iter()
                .map(|column| format!("\"root\".{}", quote(&column.name)))
        };
        let texts = names::list(keys().map(|key| format!("{key}::text")));
        let (table, order) = (&self.table.sql, names::list(keys()));
        format!(
            "SELECT ARRAY[{texts}] FROM {table} AS \"root\" WHERE {}{} ORDER BY {order}",
            self.between(low, high),
            self.with_key()
                .map_or_else(String::new, |known| format!(" AND {known}"))
        )
    }

    /// How many rows have a key behind the last of [`Plan::cut_sql`], whose texts are bound; of all rows where there is none.
    #[must_use]
    pub fn rest_sql(&self, low: bool) -> String {
        format!("SELECT count(*) FROM ({}) AS rest", self.range_keys_sql(low, false))
    }

    /// Whether there is a row with a key, filter or not: bound are the texts of its columns.
    #[must_use]
    pub fn exists_sql(&self) -> String {
        let same = self.key.iter().enumerate();
        let same = same.map(|(at, column)| format!("{} = ${}::text::{}", quote(&column.name), at + 1, column.cast));
        let (table, same) = (&self.table.sql, same.collect::<Vec<_>>().join(" AND "));
        format!("SELECT EXISTS (SELECT FROM {table} WHERE {same})")
    }

    /// The condition that a row has a key, where one may not.
    fn with_key(&self) -> Option<String> {
        let known = self
            .key
            .iter()
            .map(|column| format!("{} IS NOT NULL", quote(&column.name)));
        self.key_is_said.then(|| known.collect::<Vec<_>>().join(" AND "))
    }

    fn between(&self, low: bool, high: bool) -> String {
        let tuple = format!(
            "({})",
            names::list(
                self.key
                    .iter()
                    .map(|column| format!("\"root\".{}", quote(&column.name)))
            )
        );
        let bound = |first: usize| {
            let casts = self.key.iter().enumerate();
            format!(
                "({})",
                names::list(casts.map(|(at, column)| format!("${}::text::{}", first + at, column.cast)))
            )
        };
        let below = low.then(|| format!("{tuple} > {}", bound(1)));
        let above = high.then(|| format!("{tuple} <= {}", bound(1 + if low { self.key.len() } else { 0 })));
        let conditions: Vec<String> = below.into_iter().chain(above).collect();
        if conditions.is_empty() {
            "true".to_owned()
        } else {
            conditions.join(" AND ")
        }
    }

    /// Cuts the root into ranges of `$1` keys: their upper bounds but the last one's, in order, as text columns.
    #[must_use]
    pub fn cut_sql(&self) -> String {
        let keys = || self.key.iter().map(|column| quote(&column.name));
        let texts = names::list(keys().map(|key| format!("{key}::text")));
        let order = names::list(keys());
        let known = self
            .with_key()
            .map_or_else(String::new, |known| format!(" WHERE {known}"));
        format!(
            "SELECT ARRAY[{texts}] FROM (SELECT {order}, row_number() OVER (ORDER BY {order}) AS \"highwater position\" FROM {}{known}) AS keys \
             WHERE \"highwater position\" % $1 = 0 ORDER BY {order}",
            self.table.sql
        )
    }
}

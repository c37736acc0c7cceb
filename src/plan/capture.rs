//! What a table's triggers log, and the DDL that makes them.
//!
//! The triggers must never break or slow the application: they append the key and join columns of changed rows to the
//! touch log and decide nothing. Which documents show a row is found out when the touch is read; found out in the
//! trigger, it would miss what another transaction is about to commit.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use crate::catalog::{Table, Wire, quote};

use super::PlannedTable;
use super::uses::Used;

/// Settings that the text of a logged value depends on, whoever logs it.
pub const TEXT_SETTINGS: [&str; 5] = [
    "datestyle = 'ISO, YMD'",
    "timezone = 'UTC'",
    "intervalstyle = 'postgres'",
    "bytea_output = 'hex'",
    "extra_float_digits = 1",
];

/// One table's capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub table: PlannedTable,
    pub schema: String,
    pub name: String,
    /// Partitions and children that statements can name directly: they get triggers of their own.
    pub leaves: Vec<PlannedTable>,
    /// What is logged: the key's columns, then those by which other rows find this one.
    pub columns: Vec<String>,
    /// How many of `columns` are the key's; 0 for a table without one.
    pub key_columns: usize,
    pub used: Used,
    /// Types of the columns read, and shapes of the views they are read through: what got another one changed without a
    /// trigger's notice.
    pub types: BTreeMap<String, String>,
    /// A logged value's text depends on the session's settings.
    pub needs_settings: bool,
}

/// Whether a value's text is the same whatever the session's settings are.
pub fn settled_text(table: &Table, column: &str) -> bool {
    table.columns.get(column).is_some_and(|column| {
        matches!(
            column.wire,
            Wire::Bool | Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Text | Wire::Uuid | Wire::Numeric
        )
    })
}

impl Capture {
    /// What serves several definitions at once: by table, everything that any of them needs.
    #[must_use]
    pub fn union<'a>(captures: impl Iterator<Item = &'a Self>) -> Vec<Self> {
        let mut by_table: BTreeMap<u32, Self> = BTreeMap::new();
        for capture in captures {
            match by_table.get_mut(&capture.table.oid) {
                None => {
                    by_table.insert(capture.table.oid, capture.clone());
                }
                Some(known) => known.add(capture),
            }
        }
        by_table.into_values().collect()
    }

    fn add(&mut self, other: &Self) {
        for column in &other.columns {
            if !self.columns.contains(column) {
                self.columns.push(column.clone());
            }
        }
        self.types.extend(other.types.clone());
        self.needs_settings |= other.needs_settings;
        self.used.add(&other.used);
    }

    /// The trigger function's name, quoted.
    #[must_use]
    pub fn function(&self) -> String {
        format!("highwater.capture_{}", self.table.oid)
    }

    /// The DDL of the trigger function that logs in this `layout` (a row of `highwater.capture`).
    #[must_use]
    pub fn function_sql(&self, layout: i32) -> String {
        let settings = if self.needs_settings {
            format!("\n    SET {}", TEXT_SETTINGS.join(" SET "))
        } else {
            String::new()
        };
        let probe = self.probed().join(", ");
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger\n\
             LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp{settings} AS $highwater$\n\
             DECLARE intact boolean := true;\n\
             BEGIN\n    \
                 -- Nobody has renewed the lease: the log would only fill the disk.\n    \
                 IF coalesce(pg_sequence_last_value('highwater.capture_until'), 0) < extract(epoch FROM clock_timestamp())\n       \
                    OR coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0) >= coalesce(pg_sequence_last_value('highwater.touch_until'), 0) THEN\n        \
                     RETURN NULL;\n    \
                 END IF;\n    \
                 IF TG_OP = 'TRUNCATE' THEN\n        \
                     INSERT INTO highwater.touch (capture) VALUES ({layout});\n        \
                     RETURN NULL;\n    \
                 END IF;\n    \
                 -- A column may have been dropped or renamed: look before touching it, so that no statement fails.\n    \
                 BEGIN\n        \
                     IF TG_OP = 'INSERT' THEN PERFORM {probe} FROM new_rows LIMIT 0; ELSE PERFORM {probe} FROM old_rows LIMIT 0; END IF;\n    \
                 EXCEPTION WHEN OTHERS THEN intact := false;\n    \
                 END;\n    \
                 IF NOT intact THEN\n        \
                     INSERT INTO highwater.touch (capture) VALUES ({layout});\n    \
                 ELSIF TG_OP = 'INSERT' THEN\n        \
                     INSERT INTO highwater.touch (capture, columns) SELECT {layout}, {logged} FROM new_rows AS r;\n    \
                 ELSIF TG_OP = 'DELETE' THEN\n        \
                     INSERT INTO highwater.touch (capture, columns) SELECT {layout}, {logged} FROM old_rows AS r;\n    \
                 ELSE\n        {update}\n    \
                 END IF;\n    \
                 RETURN NULL;\n\
             END $highwater$",
            function = self.function(),
            logged = self.logged("r"),
            update = self.update_sql(layout),
        )
    }

    fn update_sql(&self, layout: i32) -> String {
        let Some(first) = self
            .columns
            .first()
            .filter(|_| self.key_columns > 0)
            .map(|column| quote(column))
        else {
            return format!(
                "INSERT INTO highwater.touch (capture, columns)\n            \
                 SELECT {layout}, {logged} FROM old_rows AS r UNION SELECT {layout}, {logged} FROM new_rows AS r;",
                logged = self.logged("r")
            );
        };
        let same = |column: &String| format!("o.{0} = n.{0}", quote(column));
        let key: Vec<String> = self.columns[..self.key_columns].iter().map(same).collect();
        let unnamed = if self.used.any {
            " OR ROW(o.*)::record *<> ROW(n.*)::record"
        } else {
            ""
        };
        format!(
            "-- Compared by image: `=` does not exist for every type, and calls 1.0 and 1.00 the same. OFFSET 0: once a row.\n        \
             INSERT INTO highwater.touch (capture, columns, changed)\n        \
             SELECT {layout}, side.logged, found.changed\n        \
             FROM old_rows AS o FULL JOIN new_rows AS n ON {key}\n        \
             CROSS JOIN LATERAL (SELECT CASE WHEN o.{first} IS NOT NULL AND n.{first} IS NOT NULL THEN\n            \
             array_remove(ARRAY[{changed}]::smallint[], NULL) END AS changed OFFSET 0) AS found\n        \
             CROSS JOIN LATERAL (VALUES (o.{first} IS NOT NULL, {old}),\n            \
             (n.{first} IS NOT NULL AND (o.{first} IS NULL OR {old} IS DISTINCT FROM {new}), {new})) AS side(present, logged)\n        \
             WHERE side.present AND (found.changed IS NULL OR found.changed <> '{{}}'{unnamed});",
            key = key.join(" AND "),
            old = self.logged("o"),
            new = self.logged("n"),
            changed = self.changed(),
        )
    }

    /// For each used column, its 1-based number where its image differs.
    fn changed(&self) -> String {
        let differs = |(at, column): (usize, &String)| {
            let column = quote(column);
            format!(
                "CASE WHEN ROW(o.{column})::record *<> ROW(n.{column})::record THEN {} END",
                at + 1
            )
        };
        let terms: Vec<String> = self.used.columns.iter().enumerate().map(differs).collect();
        terms.join(", ")
    }

    fn logged(&self, alias: &str) -> String {
        let texts: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{alias}.{}::text", quote(column)))
            .collect();
        format!("ARRAY[{}]", texts.join(", "))
    }

    fn probed(&self) -> Vec<String> {
        let probed: IndexSet<&String> = self.columns.iter().chain(&self.used.columns).collect();
        probed.into_iter().map(|column| quote(column)).collect()
    }

    /// The DDL that puts the triggers on the table or one of its leaves.
    #[must_use]
    pub fn trigger_sql(&self, table: &PlannedTable) -> Vec<String> {
        let events = [
            ("insert", "INSERT", " REFERENCING NEW TABLE AS new_rows"),
            (
                "update",
                "UPDATE",
                " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
            ),
            ("delete", "DELETE", " REFERENCING OLD TABLE AS old_rows"),
            ("truncate", "TRUNCATE", ""),
        ];
        let mut statements = Vec::new();
        for (name, event, referencing) in events {
            statements.push(format!("DROP TRIGGER IF EXISTS highwater_{name} ON {}", table.sql));
            statements.push(format!(
                "CREATE TRIGGER highwater_{name} AFTER {event} ON {}{referencing} FOR EACH STATEMENT EXECUTE FUNCTION {}()",
                table.sql,
                self.function()
            ));
            statements.push(format!(
                "ALTER TABLE {} ENABLE ALWAYS TRIGGER highwater_{name}",
                table.sql
            ));
        }
        statements
    }
}

//! A plan as text, for people and golden files.

use std::fmt::Write as _;

use super::{Link, Plan, Rank, Shape};

impl Plan {
    /// Every statement of the plan, with what it is for.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::new();
        let mut say = |line: String| {
            let _ = writeln!(text, "{line}"); // writing to a String cannot fail
        };
        say(format!(
            "-- index {}: key {}",
            self.index,
            self.key
                .iter()
                .map(|key| key.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ));
        for level in &self.levels {
            let name = if level.path.is_empty() {
                "the documents' rows"
            } else {
                &level.path
            };
            let shape = match level.shape {
                Shape::Root => "root",
                Shape::One { .. } => "one",
                Shape::Many => "many",
            };
            let link = match &level.link {
                Link::Key(_) => "by key",
                Link::Value(_) => "linked by value",
                Link::Ordinal(_) => "linked by ordinal",
            };
            let rank = match &level.order {
                Rank::Arrival if level.shape == Shape::Root => "",
                Rank::Arrival => ", sorted by the statement",
                Rank::Worker(columns) if columns.is_empty() => "",
                Rank::Worker(_) => ", sorted here",
            };
            say(format!(
                "\n-- build {name} ({shape}, {link}{rank})\n{};",
                level.select.sql
            ));
        }
        for fanout in &self.fanouts {
            let table = self
                .tables
                .iter()
                .find(|table| table.oid == fanout.table)
                .map_or("?", |table| table.sql.as_str());
            let place = if fanout.name.is_empty() {
                "the document's own row"
            } else {
                &fanout.name
            };
            let shown: Vec<&str> = fanout.used.columns.iter().map(String::as_str).collect();
            let shown = if fanout.used.any {
                "any column".to_owned()
            } else {
                shown.join(", ")
            };
            let needs = fanout.needs.join(", ");
            say(format!("\n-- {place}: after a change of {table} ({shown})"));
            if fanout.direct {
                say(format!("-- ({needs}) is the document's key"));
            } else {
                say(format!("-- by ({needs})\n{};", fanout.by_columns.first));
            }
        }
        text
    }

    /// The DDL of capture, in the order it is run, with `layout` numbers as they would be given.
    #[must_use]
    pub fn print_capture(&self) -> String {
        let mut text = String::new();
        for (position, capture) in self.captures.iter().enumerate() {
            let layout = i32::try_from(position + 1).unwrap_or(i32::MAX);
            let _ = writeln!(
                text,
                "-- capture {}\n{};",
                capture.table.sql,
                capture.function_sql(layout)
            );
            for table in std::iter::once(&capture.table).chain(&capture.leaves) {
                for statement in capture.trigger_sql(table) {
                    let _ = writeln!(text, "{statement};");
                }
            }
            text.push('\n');
        }
        text
    }
}

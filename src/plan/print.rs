//! A plan as text, for people and golden files.

use std::fmt::Write as _;

use super::{Fanout, Level, Link, Plan, Rank, Shape};

impl Plan {
    /// Every statement of the plan, with what it is for.
    #[must_use]
    pub fn print(&self) -> String {
        let key: Vec<&str> = self.key.iter().map(|key| key.name.as_str()).collect();
        let mut text = format!("-- index {}: key {}\n", self.index, key.join(", "));
        for level in &self.levels {
            text.push_str(&print_level(level));
        }
        for fanout in &self.fanouts {
            text.push_str(&self.print_fanout(fanout));
        }
        text
    }

    fn print_fanout(&self, fanout: &Fanout) -> String {
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
        let way = if fanout.direct {
            match &fanout.routing {
                None => format!("-- ({needs}) is the document's key"),
                Some(routing) => format!("-- ({needs}) is the document's key, {routing} its routing"),
            }
        } else {
            format!("-- by ({needs})\n{};", fanout.by_columns.first)
        };
        format!("\n-- {place}: after a change of {table} ({shown})\n{way}\n")
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

fn print_level(level: &Level) -> String {
    let name = if level.path.is_empty() {
        "the documents' rows"
    } else {
        &level.path
    };
    let shape = match level.shape {
        Shape::Root => "root",
        Shape::One { .. } => "one",
        Shape::Many => "many",
        Shape::Keyed { .. } => "keyed",
        Shape::Computed { .. } => "computed",
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
    format!("\n-- build {name} ({shape}, {link}{rank})\n{};\n", level.select.sql)
}

//! Whether the values of a column fit the type of the field that shows them, as far as the types alone tell. With one that
//! never fits every document would be a dead letter, and the definition is refused; what may not fit is a warning.

use serde_json::Value;

use crate::catalog::{Column, Table, Wire};
use crate::definition::{Field, Mapping};
use crate::mistake::Place;
use crate::plan::render::field_type;

use super::Walk;

/// The longest value of a `keyword` field in bytes: Lucene's longest term.
const LONGEST_TERM: usize = 32_766;

/// A `keyword` field with nothing that bounds its values, in the definition or in the database.
pub struct Unbounded {
    pub path: String,
    pub place: Place,
}

impl Walk<'_, '_> {
    /// Holds a column against the field of this dotted path.
    pub fn fit(&mut self, table: &Table, column: &Column, field: &Field, path: &str) {
        let mapping = field.mapping();
        let kind = field_type(mapping);
        if mapping.get("ignore_malformed") == Some(&Value::Bool(true)) {
            return;
        }
        let found = || {
            format!(
                "column {:?} of {:?} ({}) in a field of type `{kind}`",
                column.name, table.name, column.type_name
            )
        };
        match fit(column.wire, kind, mapping) {
            Fit::Well => {}
            Fit::Perhaps(why) => self.warnings.add(&field.place, format!("{}: {why}", found()), REMEDY),
            Fit::Never => {
                let refused = format!("{}: no value of it is taken", found());
                self.refused.add(&field.place, refused, REMEDY);
            }
        }
        if kind == "keyword" && !mapping.contains_key("ignore_above") && is_unbounded(table, column) {
            self.unbounded.push(Unbounded {
                path: path.to_owned(),
                place: field.place.clone(),
            });
        }
    }

    /// One warning for all of them: most such columns hold names.
    pub fn warn_of_unbounded(&mut self) {
        let Some(first) = self.unbounded.first() else { return };
        let paths: Vec<&str> = self.unbounded.iter().map(|field| field.path.as_str()).collect();
        self.warnings.add(
            &first.place,
            format!(
                "a value above 32,766 bytes in a `keyword` field makes a dead letter, and nothing bounds those of {}",
                paths.join(", ")
            ),
            "add `ignore_above: 8191` where values may be so long: a longer one is kept, and not found by it then",
        );
    }
}

const REMEDY: &str = "use a type that takes its values, or convert them with sql:";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Well,
    Perhaps(&'static str),
    Never,
}

fn fit(wire: Wire, kind: &str, mapping: &Mapping) -> Fit {
    let (item, is_array) = match wire {
        Wire::Array(item) => (*item, true),
        other => (other, false),
    };
    let is_number = matches!(
        item,
        Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Float4 | Wire::Float8 | Wire::Numeric
    );
    let is_moment = matches!(item, Wire::Date | Wire::Timestamp | Wire::Timestamptz);
    let is_scalar =
        is_number || is_moment || matches!(item, Wire::Bool | Wire::Text | Wire::Time | Wire::Uuid | Wire::Bytea);
    let is_object = matches!(item, Wire::Point | Wire::Range(_));
    match kind {
        "long" | "integer" | "short" | "byte" | "unsigned_long" | "double" | "float" | "half_float"
        | "scaled_float" => match item {
            Wire::Text => Fit::Perhaps("a text that is no number makes a dead letter"),
            _ if is_number => wide(item, kind),
            _ if is_scalar || is_object => Fit::Never,
            _ => Fit::Well,
        },
        "boolean" => match item {
            Wire::Bool => Fit::Well,
            Wire::Text => Fit::Perhaps("a text other than `true` and `false` makes a dead letter"),
            _ if is_scalar || is_object => Fit::Never,
            _ => Fit::Well,
        },
        "date" | "date_nanos" => match item {
            Wire::Text | Wire::Time if !mapping.contains_key("format") => {
                Fit::Perhaps("what is no date in Elasticsearch's own formats makes a dead letter; see `format`")
            }
            Wire::Bool | Wire::Uuid | Wire::Bytea => Fit::Never,
            _ if is_object => Fit::Never,
            _ => Fit::Well,
        },
        "ip" if item != Wire::Text && (is_scalar || is_object) => Fit::Never,
        "geo_point" if !is_array && item != Wire::Text && is_scalar => Fit::Never,
        "object" | "nested" | "flattened" | "integer_range" | "long_range" | "float_range" | "double_range"
        | "date_range"
            if is_scalar =>
        {
            Fit::Never
        }
        "keyword" | "text" if matches!(item, Wire::Json | Wire::Jsonb) => {
            Fit::Perhaps("a JSON object makes a dead letter; `flattened` takes one, and `path` leads to a value in it")
        }
        _ => Fit::Well,
    }
}

/// Integers in a field of fewer bits.
fn wide(item: Wire, kind: &str) -> Fit {
    let bits = match item {
        Wire::Int2 => 16,
        Wire::Int4 => 32,
        Wire::Int8 => 64,
        _ => 0,
    };
    let most = match kind {
        "byte" => 8,
        "short" => 16,
        "integer" => 32,
        _ => 64,
    };
    if bits > most {
        Fit::Perhaps("a value beyond what the type holds makes a dead letter")
    } else {
        Fit::Well
    }
}

/// Text of any length, but for columns with an index: no entry of a B-tree is nearly as long.
fn is_unbounded(table: &Table, column: &Column) -> bool {
    let is_text = matches!(column.type_oid, 25 | 1009 | 1015 | 1043) && column.via.is_none();
    let length = column
        .type_name
        .split(['(', ')'])
        .nth(1)
        .and_then(|length| length.parse::<usize>().ok());
    let is_long = length.is_none_or(|length| length * 4 > LONGEST_TERM);
    let indexed = table
        .indexes
        .iter()
        .chain(&table.unique)
        .any(|index| index.contains(&column.name));
    is_text && is_long && !indexed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_fits_is_told_from_what_may_not() {
        let fits = |wire, kind| fit(wire, kind, &Mapping::new());
        for (wire, kind) in [
            (Wire::Bool, "integer"),
            (Wire::Timestamptz, "long"),
            (Wire::Array(&Wire::Uuid), "double"),
            (Wire::Int4, "boolean"),
            (Wire::Uuid, "date"),
            (Wire::Int8, "ip"),
            (Wire::Float8, "geo_point"),
            (Wire::Text, "flattened"),
            (Wire::Int4, "integer_range"),
        ] {
            assert_eq!(fits(wire, kind), Fit::Never, "{wire:?} in {kind}");
        }
        for (wire, kind) in [
            (Wire::Text, "integer"),
            (Wire::Int8, "integer"),
            (Wire::Int4, "byte"),
            (Wire::Text, "date"),
            (Wire::Jsonb, "keyword"),
        ] {
            assert!(matches!(fits(wire, kind), Fit::Perhaps(_)), "{wire:?} in {kind}");
        }
        for (wire, kind) in [
            (Wire::Int8, "long"),
            (Wire::Int8, "date"),
            (Wire::Int8, "unsigned_long"),
            (Wire::Numeric, "integer"),
            (Wire::Array(&Wire::Float8), "geo_point"),
            (Wire::Point, "geo_point"),
            (Wire::Range(&Wire::Int4), "integer_range"),
            (Wire::Text, "ip"),
            (Wire::ToJson, "ip"),
            (Wire::Jsonb, "flattened"),
            (Wire::Uuid, "keyword"),
            (Wire::Text, "of_a_plugin"),
        ] {
            assert_eq!(fits(wire, kind), Fit::Well, "{wire:?} in {kind}");
        }
        let format = Mapping::from_iter([("format".to_owned(), "HH:mm:ss".into())]);
        assert_eq!(fit(Wire::Time, "date", &format), Fit::Well);
    }
}

//! Which type of Elasticsearch's takes all values of a column.

use serde_json::{Value, json};

use crate::catalog::{Column, Wire};
use crate::definition::Mapping;

/// Longer strings are prose, of which nobody looks for the whole.
const LONGEST_NAME: u32 = 1000;

/// A mapping, or why the column is left out. An `identifier` is looked for as a whole.
pub fn mapping(column: &Column, identifier: bool) -> Result<Mapping, String> {
    let value = match column.wire {
        _ if column.foreign || is_cast(column) => of_extension(column)?,
        Wire::Array(item) => of_wire(*item, column, identifier)?,
        wire => of_wire(wire, column, identifier)?,
    };
    match value {
        Value::Object(mapping) => Ok(mapping),
        other => Ok(Mapping::from_iter([("type".to_owned(), other)])),
    }
}

/// A vector or a place.
fn is_cast(column: &Column) -> bool {
    column.via.as_deref().is_some_and(|via| !via.starts_with("text"))
}

fn of_extension(column: &Column) -> Result<Value, String> {
    let type_name = &column.type_name;
    let hint = match (type_name.rsplit('.').next(), column.wire) {
        (Some("citext"), _) => return Ok(string(true)),
        (Some("hstore"), _) => return Ok("flattened".into()),
        (_, Wire::Array(_)) => "write { type: dense_vector, dims: … } with its number of dimensions",
        (_, Wire::Point) => "write geo_point if all its values are points in degrees, geo_shape otherwise",
        _ => "choose a type of Elasticsearch's for what to_json makes of it",
    };
    Err(format!("an extension's type ({type_name}); {hint}"))
}

/// A type, or one with its parameters.
fn of_wire(wire: Wire, column: &Column, identifier: bool) -> Result<Value, String> {
    let name = match wire {
        Wire::Bool => "boolean",
        Wire::Int2 => "short",
        Wire::Int4 => "integer",
        Wire::Int8 => "long",
        Wire::Float4 => "float",
        Wire::Float8 => "double",
        Wire::Numeric => return Ok(of_numeric(column)),
        Wire::Date | Wire::Timestamp | Wire::Timestamptz => "date",
        Wire::Text => return Ok(of_text(column, identifier)),
        Wire::Time | Wire::Uuid => "keyword",
        Wire::Bytea => return Err("binary content; write binary to have it in the document".to_owned()),
        Wire::Point => return Ok(json!({ "type": "geo_point", "ignore_malformed": true })),
        Wire::Range(bound) => of_range(*bound),
        Wire::Json | Wire::Jsonb => return Ok(kept()),
        Wire::Array(_) | Wire::ToJson | Wire::JsonPoint | Wire::JsonRange => return of_others(column),
    };
    Ok(name.into())
}

/// In the document, and not searched: nobody knows what is in there.
fn kept() -> Value {
    json!({ "type": "object", "enabled": false })
}

fn of_range(bound: Wire) -> &'static str {
    match bound {
        Wire::Int4 => "integer_range",
        Wire::Int8 => "long_range",
        Wire::Numeric | Wire::Float8 => "double_range",
        Wire::Date | Wire::Timestamp | Wire::Timestamptz => "date_range",
        _ => "keyword",
    }
}

/// Types without a form of their own, by their fixed oids in `pg_type`.
fn of_others(column: &Column) -> Result<Value, String> {
    let name = match column.type_oid {
        650 | 869 => "ip_range",
        4451 => "integer_range",
        4536 => "long_range",
        4532 => "double_range",
        4533..=4535 => "date_range",
        142 => "text",
        3614 | 3615 => return Err("made for searching in Postgres; the columns it is made of are here".to_owned()),
        // A type of the application's own: an object, or an array of them; a range arrives as a string.
        oid if oid >= 16384 && column.wire == Wire::ToJson => return Ok(kept()),
        _ => return Ok(json!({ "type": "keyword", "ignore_above": 8191 })),
    };
    Ok(name.into())
}

/// Whole numbers and short decimals exactly, anything else as near as a double comes.
fn of_numeric(column: &Column) -> Value {
    match modifiers(&column.type_name).as_slice() {
        [digits @ 1..=18, 0] | [digits @ 1..=18] if *digits <= 18 => json!({ "type": "long" }),
        [1..=15, scale @ 1..=9] => json!({ "type": "scaled_float", "scaling_factor": 10_u64.pow(*scale) }),
        _ => json!({ "type": "double" }),
    }
}

fn of_text(column: &Column, identifier: bool) -> Value {
    let is_enum = column.via.is_some();
    if is_enum || identifier || column.type_oid == 19 {
        return "keyword".into();
    }
    let long = modifiers(&column.type_name)
        .first()
        .is_some_and(|length| *length > LONGEST_NAME);
    string(!long)
}

/// Words to search, and where it may be a name, the whole as well.
fn string(whole: bool) -> Value {
    if whole {
        json!({ "type": "text", "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } } })
    } else {
        "text".into()
    }
}

/// The numbers of `numeric(10,2)`.
fn modifiers(type_name: &str) -> Vec<u32> {
    let inside = type_name.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let numbers = inside.into_iter().flat_map(|(inside, _)| inside.split(','));
    numbers.filter_map(|number| number.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(type_name: &str, type_oid: u32) -> Column {
        Column {
            name: "c".to_owned(),
            type_name: type_name.to_owned(),
            type_oid,
            wire: Wire::of(type_oid),
            via: None,
            not_null: false,
            foreign: false,
            virtual_base: None,
            byte_equal: false,
            collation_c: false,
        }
    }

    fn chosen(type_name: &str, type_oid: u32) -> Value {
        mapping(&column(type_name, type_oid), false).map_or_else(Value::from, Value::Object)
    }

    #[test]
    fn numbers_keep_their_digits_where_a_type_has_them() {
        assert_eq!(chosen("numeric(12,0)", 1700), json!({ "type": "long" }));
        assert_eq!(
            chosen("numeric(10,2)", 1700),
            json!({ "type": "scaled_float", "scaling_factor": 100 })
        );
        for wide in ["numeric", "numeric(30,0)", "numeric(20,4)"] {
            assert_eq!(chosen(wide, 1700), json!({ "type": "double" }), "{wide}");
        }
    }

    #[test]
    fn strings_are_words_and_names() {
        assert_eq!(chosen("character varying(2000)", 1043), json!({ "type": "text" }));
        assert_eq!(
            chosen("character varying(80)", 1043)["fields"]["keyword"]["ignore_above"],
            256
        );
        let identifier = mapping(&column("text", 25), true);
        assert_eq!(identifier.map(Value::Object), Ok(json!({ "type": "keyword" })));
        assert!(chosen("bytea", 17).is_string());
    }
}

//! How a value is selected for a field: in the form that its type has on the wire, or as JSON.

use crate::catalog::{Column, Wire};
use crate::definition::Mapping;

const INET: u32 = 869;
const CIDR: u32 = 650;

/// What is selected of a column called `name`, for a field of this type of Elasticsearch's.
pub fn column(name: &str, column: &Column, field: &str) -> (String, Wire) {
    let json = |value: &str, wire| (format!("to_json({value})"), wire);
    let network = matches!(column.type_oid, INET | CIDR) && field == "ip_range";
    match (column.wire, &column.via) {
        // With its mask, also where that is of a single address: Elasticsearch wants one.
        (Wire::ToJson, _) if network => json(&format!("pg_catalog.text({name})"), Wire::ToJson),
        (Wire::ToJson, _) => json(name, Wire::ToJson),
        (wire, _) if !wire.suits(field) => json(name, Wire::ToJson),
        (Wire::JsonRange, _) => json(name, Wire::JsonRange),
        (wire, None) => (name.to_owned(), wire),
        (wire, Some(via)) => (format!("{name}::{via}"), wire),
    }
}

/// The form of an expression's JSON, whose type nobody has told.
pub fn expression(field: &str) -> Wire {
    let mut forms = [Wire::JsonPoint, Wire::JsonRange].into_iter();
    forms.find(|form| form.suits(field)).unwrap_or(Wire::ToJson)
}

/// The type that a mapping names.
pub fn field_type(mapping: &Mapping) -> &str {
    mapping.get("type").and_then(|name| name.as_str()).unwrap_or_default()
}

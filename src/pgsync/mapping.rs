//! Types of fields. PGSync leaves those of which nothing is said to Elasticsearch, which goes by the first value it meets;
//! here they are what it would have made of them, so that searches go on finding what they found.

use serde_json::{Value, json};

use crate::catalog::Column;
use crate::definition::Mapping;
use crate::mistake::{Mistake, Place};
use crate::plan::sketch::field;

use super::schema::{Node, Properties};

/// What Elasticsearch makes of a column's values by itself, or why the column is left out. Numbers and moments have the
/// draft's types, which are searched alike and hold every value.
pub fn dynamic(column: &Column) -> Result<Mapping, String> {
    let mapping = field::mapping(column, false)?;
    let kind = mapping.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_string = matches!(kind, "keyword" | "text" | "geo_point") || kind.ends_with("_range");
    Ok(if is_string { string() } else { mapping })
}

/// Words, and the whole beside them.
pub fn string() -> Mapping {
    object(json!({ "type": "text", "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } } }))
}

/// JSON of which nothing is known: in the document, and not searched.
pub fn kept() -> Mapping {
    object(json!({ "type": "object", "enabled": false }))
}

pub fn is_kept(mapping: &Mapping) -> bool {
    mapping.get("enabled") == Some(&Value::Bool(false))
}

fn object(value: Value) -> Mapping {
    match value {
        Value::Object(mapping) => mapping,
        _ => Mapping::new(),
    }
}

/// What is said of the fields of one object, by the document and by the node's transform.
pub struct Said {
    of_document: Properties,
    of_node: Properties,
}

impl Said {
    /// Both, and a remark where PGSync would not have used the node's.
    pub fn of(document: Option<Properties>, node: &Node) -> (Self, Option<Mistake>) {
        let of_node = node.transform.mapping.clone();
        let unused = document.as_ref().and(of_node.values().next());
        let remark = unused.map(|(_, place)| Mistake {
            place: place.clone(),
            found: "PGSync passes over a transform's `mapping` where the document has one".to_owned(),
            remedy: "it is used here for fields that the document's does not name; take out what should not hold"
                .to_owned(),
        });
        let said = Self {
            of_document: document.unwrap_or_default(),
            of_node,
        };
        (said, remark)
    }

    /// What is said of a field; asked once.
    pub fn take(&mut self, field: &str) -> Option<(Mapping, Place)> {
        let of_node = self.of_node.shift_remove(field);
        self.of_document.shift_remove(field).or(of_node)
    }

    /// What is left: of fields that are not the node's.
    pub fn rest(&mut self) -> Properties {
        let mut rest = std::mem::take(&mut self.of_node);
        rest.extend(std::mem::take(&mut self.of_document));
        rest
    }
}

/// The properties of the fields within an object, taken out of what is said of it.
pub fn beneath(mapping: &mut Mapping, place: &Place) -> Properties {
    let Some(Value::Object(properties)) = mapping.shift_remove("properties") else {
        return Properties::new();
    };
    let at = |name: &str| Place {
        path: format!("{}.properties.{name}", place.path),
        ..place.clone()
    };
    let entries = properties.into_iter().filter_map(|(name, value)| match value {
        Value::Object(mapping) => {
            let place = at(&name);
            Some((name, (mapping, place)))
        }
        _ => None,
    });
    entries.collect()
}

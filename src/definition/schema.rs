//! The JSON Schema of definitions, for editors. That it knows the keys that the parser knows, and no others, is kept by
//! `tests/cli/schema.rs`, which asks the parser.

use serde_json::{Map, Value, json};

use super::{DEFAULT_DEPTH, MAX_DEPTH};

/// The forms of a relation, and what each embeds.
const FORMS: [(&str, &str); 3] = [
    ("one", "The related table: at most one row, an object or a value"),
    ("many", "The related table: any number of rows, an array"),
    (
        "ancestors",
        "A table that points at itself: the rows above, topmost first",
    ),
];

/// The schema, in the form that editors read.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A definition of highwater: one index",
        "type": "object",
        "required": ["index", "table", "fields"],
        "additionalProperties": false,
        "properties": {
            "index": { "type": "string", "description": "The alias that searches use" },
            "table": reference("table", "Its rows become documents: table, or schema.table"),
            "key": reference("names", "The columns that identify a row, if not the primary key"),
            "where": reference("sql", "SQL over the row: which rows are documents"),
            "settings": reference("passed", "Settings of the index, as Elasticsearch has them"),
            "tables": {
                "description": "Filters that hold at every use of a table below the root",
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": "object",
                    "required": ["where"],
                    "additionalProperties": false,
                    "properties": { "where": reference("sql", "SQL over the table's row") }
                }
            },
            "fields": reference("fields", "The document's fields")
        },
        "definitions": definitions()
    })
}

fn definitions() -> Value {
    let mut forms: Vec<Value> = vec![
        json!({ "type": "string", "description": "Elasticsearch's type, of the column of the same name" }),
        reference("column", "A column or an expression"),
    ];
    let mut all = json!({
        "table": { "type": "string", "minLength": 1 },
        "sql": { "type": ["string", "number", "boolean"] },
        "names": {
            "anyOf": [{ "type": "string" }, { "type": "array", "minItems": 1, "items": { "type": "string" } }]
        },
        "join": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "type": "string" }
        },
        "hop": {
            "type": "object",
            "required": ["table"],
            "additionalProperties": false,
            "properties": {
                "table": reference("table", "A table on the way"),
                "join": reference("join", "This table's column: the next table's column"),
                "where": reference("sql", "SQL over this table's row")
            }
        },
        "passed": { "type": ["object", "null"] },
        "fields": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": reference("field", "")
        },
        "column": column()
    });
    for (form, embeds) in FORMS {
        for (content, schema) in [("objects", objects(form, embeds)), ("values", values(form, embeds))] {
            let name = format!("{form}-{content}");
            forms.push(reference(&name, ""));
            all[name] = schema;
        }
    }
    all["field"] = json!({ "anyOf": forms });
    all
}

fn reference(name: &str, description: &str) -> Value {
    let target = format!("#/definitions/{name}");
    if description.is_empty() {
        json!({ "$ref": target })
    } else {
        json!({ "description": description, "allOf": [{ "$ref": target }] })
    }
}

/// A column or an expression: whatever is not ours is Elasticsearch's.
fn column() -> Value {
    let mut properties = Map::from_iter([
        ("column".to_owned(), reference("table", "A column of another name")),
        ("sql".to_owned(), reference("sql", "An expression over the row")),
        ("type".to_owned(), elastic_type()),
        (
            "mapping".to_owned(),
            reference("passed", "Parameters that pass to Elasticsearch unseen"),
        ),
    ]);
    // What makes a field a relation.
    for key in relation_keys().into_keys() {
        if !properties.contains_key(&key) && key != "fields" {
            properties.insert(key, Value::Bool(false));
        }
    }
    for (form, _) in FORMS {
        properties.insert(form.to_owned(), Value::Bool(false));
    }
    json!({
        "type": "object",
        "anyOf": [{ "required": ["type"] }, { "required": ["mapping"] }],
        "properties": properties
    })
}

fn elastic_type() -> Value {
    json!({ "type": "string", "description": "Elasticsearch's type, such as keyword, text, long, date" })
}

/// Rows as objects: the keys are a closed set.
fn objects(form: &str, embeds: &str) -> Value {
    let mut properties = relation(form, embeds);
    properties.shift_remove("value");
    properties.insert(
        "type".to_owned(),
        json!({ "enum": ["nested", "object"], "description": "How Elasticsearch keeps the objects" }),
    );
    json!({
        "type": "object",
        "required": [form, "fields"],
        "additionalProperties": false,
        "properties": properties
    })
}

/// Rows as bare values: beside the relation's keys stand Elasticsearch's parameters.
fn values(form: &str, embeds: &str) -> Value {
    let mut properties = relation(form, embeds);
    properties.insert("fields".to_owned(), reference("passed", "Elasticsearch's multi-fields"));
    properties.insert("type".to_owned(), elastic_type());
    for (key, _) in relation_keys() {
        properties.entry(key).or_insert(Value::Bool(false));
    }
    json!({ "type": "object", "required": [form, "value"], "properties": properties })
}

/// The keys that go with a form, without the type.
fn relation(form: &str, embeds: &str) -> Map<String, Value> {
    let mut properties = Map::from_iter([(form.to_owned(), reference("table", embeds))]);
    for (key, (forms, schema)) in relation_keys() {
        if forms.contains(&form) {
            properties.insert(key, schema);
        }
    }
    properties
}

/// Every key of a relation: the forms that it goes with, and what it holds.
fn relation_keys() -> indexmap::IndexMap<String, (&'static [&'static str], Value)> {
    const ALL: &[&str] = &["one", "many", "ancestors"];
    const ROWS: &[&str] = &["one", "many"];
    let hops = json!({ "anyOf": [reference("table", ""), reference("hop", "")] });
    let keys: [(&str, &[&str], Value); 10] = [
        (
            "join",
            ALL,
            reference("join", "This row's column: the next table's column"),
        ),
        (
            "through",
            ROWS,
            json!({
                "description": "The tables on the way, nearest first",
                "anyOf": [hops, { "type": "array", "minItems": 1, "items": hops }]
            }),
        ),
        (
            "where",
            ALL,
            reference("sql", "SQL over the related row: which rows are embedded"),
        ),
        (
            "order",
            ROWS,
            reference("names", "column [desc] [nulls first|last], one or a list"),
        ),
        (
            "limit",
            &["many"],
            json!({ "type": "integer", "minimum": 1, "description": "At most so many rows, the first in order" }),
        ),
        (
            "required",
            &["one"],
            json!({ "type": "boolean", "description": "Where there is no row, there is no document", "default": false }),
        ),
        (
            "depth",
            &["ancestors"],
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_DEPTH, "default": DEFAULT_DEPTH, "description": "How many levels up" }),
        ),
        (
            "value",
            ALL,
            json!({
                "description": "One column of each row, or { column or sql, type }",
                "anyOf": [{ "type": "string" }, { "type": "object", "allOf": [reference("column", "")] }]
            }),
        ),
        ("fields", ALL, reference("fields", "The fields of each object")),
        (
            "mapping",
            ALL,
            reference("passed", "Further parameters for Elasticsearch"),
        ),
    ];
    keys.into_iter()
        .map(|(key, forms, schema)| (key.to_owned(), (forms, schema)))
        .collect()
}

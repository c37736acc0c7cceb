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
            "due": due(),
            "routing": reference("table", "The column of the row whose value is the document's routing: a tenant's id"),
            "missing": missing(),
            "pipeline": { "type": "string", "description": "An ingest pipeline that every document passes through" },
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
            "views": {
                "description": "The views that stand in the tree, and what they are made of",
                "type": ["object", "null"],
                "additionalProperties": reference("view", "")
            },
            "fields": reference("fields", "The document's fields")
        },
        "definitions": definitions()
    })
}

fn definitions() -> Value {
    let mut forms: Vec<Value> = vec![
        json!({ "type": "string", "description": "Elasticsearch's type, of the column of the same name" }),
        reference("column", "A column, an expression or a constant"),
        reference("aggregate", "One value over the rows at the end of a path"),
        reference("group", "An object of this row's own columns"),
        reference("switch", "A relation to one of several tables"),
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
                "cast": cast(),
                "where": reference("sql", "SQL over this table's row")
            }
        },
        "view": view(),
        "passed": { "type": ["object", "null"] },
        "fields": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": reference("field", "")
        },
        "member": {
            "anyOf": [{ "type": "string" }, { "type": "object", "properties": value_properties() }]
        },
        "column": column(),
        "aggregate": aggregate(),
        "group": group(),
        "switch": switch()
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

fn missing() -> Value {
    json!({ "enum": ["drop", "keep"], "description": "Whether a field that is null is left out", "default": "keep" })
}

fn due() -> Value {
    reference("names", "Columns whose moments, when they pass, make the document anew")
}

fn cast() -> Value {
    json!({ "enum": ["text"], "description": "Columns of unequal types are compared by their text" })
}

/// A view, and the tables beneath it.
fn view() -> Value {
    json!({
        "type": "object",
        "required": ["key", "tables"],
        "additionalProperties": false,
        "properties": {
            "key": reference("names", "The columns that tell its rows apart"),
            "tables": {
                "description": "Every table that it reads, with columns of the table: columns of the view, or table.column of another table here",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {
                    "anyOf": [reference("join", ""), { "type": "array", "minItems": 1, "items": reference("join", "") }]
                }
            }
        }
    })
}

/// Where a value of the row itself comes from.
fn value_properties() -> Map<String, Value> {
    Map::from_iter([
        ("column".to_owned(), reference("table", "A column of another name")),
        (
            "path".to_owned(),
            json!({ "type": ["string", "number"], "description": "Keys within a JSON column, with dots between" }),
        ),
        ("sql".to_owned(), reference("sql", "An expression over the row")),
        (
            "constant".to_owned(),
            json!({ "description": "The same in every document" }),
        ),
    ])
}

/// A column or an expression: whatever is not ours is Elasticsearch's.
fn column() -> Value {
    let mut properties = value_properties();
    properties.extend([
        (
            "pipeline".to_owned(),
            json!({ "enum": [true], "description": "The pipeline writes this field" }),
        ),
        ("missing".to_owned(), missing()),
        ("type".to_owned(), elastic_type()),
        (
            "mapping".to_owned(),
            reference("passed", "Parameters that pass to Elasticsearch unseen"),
        ),
    ]);
    // What makes a field another form.
    let forms = FORMS
        .iter()
        .map(|(form, _)| *form)
        .chain(AGGREGATES)
        .chain(["group", "switch", "cases"]);
    for key in relation_keys().into_keys().chain(forms.map(str::to_owned)) {
        if !properties.contains_key(&key) && key != "fields" {
            properties.insert(key, Value::Bool(false));
        }
    }
    json!({
        "type": "object",
        "anyOf": [{ "required": ["type"] }, { "required": ["mapping"] }],
        "properties": properties
    })
}

/// The functions of an aggregate.
const AGGREGATES: [&str; 5] = ["count", "sum", "avg", "min", "max"];

/// Beside its own keys stand Elasticsearch's.
fn aggregate() -> Value {
    let keys = relation_keys();
    let mut properties: Map<String, Value> = [
        "join", "cast", "through", "where", "due", "distinct", "missing", "mapping",
    ]
    .into_iter()
    .filter_map(|key| Some((key.to_owned(), keys.get(key)?.1.clone())))
    .collect();
    properties.insert("type".to_owned(), elastic_type());
    for key in ["order", "limit", "required", "depth", "value", "by", "column"] {
        properties.insert(key.to_owned(), Value::Bool(false));
    }
    let functions = AGGREGATES.map(|function| {
        let path = json!({ function: reference("table", "The tables on the way with dots between, and the column") });
        json!({ "required": [function], "properties": path })
    });
    json!({
        "type": "object",
        "allOf": [
            { "anyOf": functions },
            { "anyOf": [{ "required": ["type"] }, { "required": ["mapping"] }] }
        ],
        "properties": properties
    })
}

/// An object, or, with another type, one value whose members have no types.
fn group() -> Value {
    let object = json!({ "enum": ["object", "nested"], "description": "How Elasticsearch keeps the object" });
    let shared = |group: Value, kind: Value| {
        json!({
            "type": "object",
            "required": ["group"],
            "properties": {
                "group": group,
                "type": kind,
                "missing": missing(),
                "mapping": reference("passed", "Further parameters for Elasticsearch")
            }
        })
    };
    let members = json!({ "type": "object", "minProperties": 1, "additionalProperties": reference("member", "") });
    let mut single = shared(members, elastic_type());
    single["anyOf"] = json!([{ "required": ["type"] }, { "required": ["mapping"] }]);
    let mut fields = shared(reference("fields", "The object's fields"), object);
    fields["additionalProperties"] = Value::Bool(false);
    json!({ "anyOf": [fields, single] })
}

fn switch() -> Value {
    let case = json!({ "anyOf": [reference("one-objects", ""), reference("one-values", "")] });
    json!({
        "type": "object",
        "required": ["switch", "cases"],
        "additionalProperties": false,
        "properties": {
            "switch": reference("table", "The column that says which case it is"),
            "join": reference("join", "This row's column: the column of every case's table"),
            "cast": cast(),
            "cases": {
                "description": "A relation for each value of the column",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": case
            },
            "type": { "enum": ["nested", "object"] },
            "missing": missing(),
            "mapping": reference("passed", "Further parameters for Elasticsearch")
        }
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
    let keys: [(&str, &[&str], Value); 15] = [
        (
            "join",
            ALL,
            reference("join", "This row's column: the next table's column"),
        ),
        ("cast", ROWS, cast()),
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
        ("due", ALL, due()),
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
            "by",
            &["many"],
            reference(
                "table",
                "The column whose values are the keys of one object, in place of an array",
            ),
        ),
        (
            "distinct",
            &["many"],
            json!({ "type": "boolean", "description": "Each value once", "default": false }),
        ),
        ("missing", ALL, missing()),
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

//! JSON Schema, as far as ours go: a keyword that is not understood here is a failure, not a pass.

use serde_json::Value;

/// What of `value` does not fit, each with its path; empty when all does.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Validator { root: schema }.check(schema, value, "", &mut found);
    found
}

struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut found = Vec::new();
        self.check(schema, value, "", &mut found);
        found.is_empty()
    }

    fn check(&self, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
        let keywords = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => {
                found.push(format!("{path}: is not allowed"));
                return;
            }
            Value::Object(keywords) => keywords,
            other => panic!("no schema: {other}"),
        };
        for (keyword, rule) in keywords {
            let holds = match keyword.as_str() {
                "$schema" | "title" | "description" | "default" | "definitions" => true,
                "pattern" => match rule.as_str() {
                    Some(r"\$\{") => value.as_str().is_none_or(|text| text.contains("${")),
                    other => panic!("the pattern {other:?} is not understood here"),
                },
                "$ref" => {
                    let target = rule.as_str().and_then(|target| target.strip_prefix('#'));
                    let target = target.and_then(|target| self.root.pointer(target));
                    self.check(
                        target.unwrap_or_else(|| panic!("{rule} leads nowhere")),
                        value,
                        path,
                        found,
                    );
                    true
                }
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|name| is_of_type(name, value)),
                    name => is_of_type(name, value),
                },
                "enum" => rule.as_array().is_some_and(|values| values.contains(value)),
                "minimum" => value.as_u64().is_none_or(|number| Some(number) >= rule.as_u64()),
                "maximum" => value.as_u64().is_none_or(|number| Some(number) <= rule.as_u64()),
                "minLength" => value
                    .as_str()
                    .is_none_or(|text| Some(text.len() as u64) >= rule.as_u64()),
                "minItems" => value
                    .as_array()
                    .is_none_or(|items| Some(items.len() as u64) >= rule.as_u64()),
                "minProperties" => value
                    .as_object()
                    .is_none_or(|keys| Some(keys.len() as u64) >= rule.as_u64()),
                "required" => value.as_object().is_none_or(|keys| {
                    rule.as_array().is_some_and(|names| {
                        names
                            .iter()
                            .all(|name| keys.contains_key(name.as_str().unwrap_or_default()))
                    })
                }),
                "anyOf" => rule
                    .as_array()
                    .is_some_and(|schemas| schemas.iter().any(|schema| self.fits(schema, value))),
                "allOf" => {
                    for schema in rule.as_array().into_iter().flatten() {
                        self.check(schema, value, path, found);
                    }
                    true
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{path}/{at}"), found);
                    }
                    true
                }
                "properties" => {
                    for (name, schema) in rule.as_object().into_iter().flatten() {
                        if let Some(value) = value.get(name) {
                            self.check(schema, value, &format!("{path}/{name}"), found);
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = schema["properties"].as_object();
                    for (name, value) in value.as_object().into_iter().flatten() {
                        if known.is_none_or(|known| !known.contains_key(name)) {
                            self.check(rule, value, &format!("{path}/{name}"), found);
                        }
                    }
                    true
                }
                other => panic!("the keyword {other} is not understood here"),
            };
            if !holds {
                found.push(format!("{path}: {keyword}"));
            }
        }
    }
}

fn is_of_type(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => panic!("no type: {name}"),
    }
}

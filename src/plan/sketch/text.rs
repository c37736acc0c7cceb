//! Writes a first definition as YAML: blocks for objects, one line for a column, anything but a plain word in quotes.

use serde_json::Value;

use super::tree::{Entry, Object, Pairs, Related};
use crate::definition::Mapping;

/// Text under way, and where each entry stands in it.
#[derive(Default)]
pub struct Text {
    pub out: String,
    lines: usize,
    path: Vec<String>,
    /// First and last line of each entry, inner ones first.
    spans: Vec<(usize, usize, Vec<String>)>,
}

impl Text {
    pub fn line(&mut self, depth: usize, text: &str) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
        self.out.push_str(text);
        self.out.push('\n');
        self.lines += 1;
    }

    /// A comment on one line, whatever the text holds.
    pub fn note(&mut self, depth: usize, text: &str) {
        let plain: String = text
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect();
        self.line(depth, &format!("# {plain}"));
    }

    /// `key: value`, the value written as it is.
    pub fn pair(&mut self, depth: usize, key: &str, value: &str) {
        self.line(depth, &format!("{key}: {value}"));
    }

    pub fn settings(&mut self, setting: &str, value: usize) {
        if !self.out.contains("\nsettings:\n") {
            self.line(0, "settings:");
        }
        self.pair(1, setting, &value.to_string());
    }

    pub fn object(&mut self, depth: usize, object: &Object) {
        for entry in &object.entries {
            let first = self.lines + 1;
            let Some(name) = entry.name() else {
                if let Entry::Left(reason) = entry {
                    self.note(depth, &format!("left out: {reason}"));
                }
                continue;
            };
            self.path.push(name.clone());
            match entry {
                Entry::Column { column, mapping, .. } => {
                    self.pair(depth, &scalar(name), &value(column.as_deref(), mapping));
                }
                Entry::Relation { relation, .. } => self.relation(depth, name, relation),
                Entry::Left(_) => {}
            }
            self.spans.push((first, self.lines, self.path.clone()));
            self.path.pop();
        }
    }

    fn relation(&mut self, depth: usize, name: &str, relation: &Related) {
        self.line(depth, &format!("{}:", scalar(name)));
        let inner = depth + 1;
        self.pair(inner, relation.form, &scalar(&relation.table));
        if !relation.join.is_empty() {
            self.pair(inner, "join", &pairs(&relation.join));
        }
        match &relation.through {
            Some(hop) if hop.join.is_empty() => self.pair(inner, "through", &scalar(&hop.table)),
            Some(hop) => {
                let hop = format!("{{ table: {}, join: {} }}", scalar(&hop.table), pairs(&hop.join));
                self.pair(inner, "through", &hop);
            }
            None => {}
        }
        if let Some(limit) = relation.limit {
            self.pair(inner, "type", "nested");
            let limit = format!("{limit} # the first {limit} by their key; `order:` names what else decides");
            self.pair(inner, "limit", &limit);
        }
        self.line(inner, "fields:");
        self.object(inner + 1, &relation.object);
    }

    /// The path of the innermost entry on a line.
    pub fn entry_at(&self, line: usize) -> Option<&[String]> {
        let within = |(first, last, _): &&(usize, usize, Vec<String>)| (*first..=*last).contains(&line);
        self.spans.iter().find(within).map(|(_, _, path)| path.as_slice())
    }
}

/// A column's type and parameters; a type alone where that is all.
fn value(column: Option<&str>, mapping: &Mapping) -> String {
    match (column, mapping.get("type").filter(|_| mapping.len() == 1)) {
        (None, Some(Value::String(name))) => scalar(name),
        (None, _) => flow(&Value::Object(mapping.clone())),
        (Some(column), _) => {
            let rest = flow(&Value::Object(mapping.clone()));
            format!("{{ column: {}, {}", scalar(column), rest.trim_start_matches("{ "))
        }
    }
}

fn pairs(pairs: &Pairs) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(above, below)| format!("{}: {}", scalar(above), scalar(below)))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// `[a, b]`.
pub fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| scalar(item)).collect();
    format!("[{}]", items.join(", "))
}

/// JSON in YAML's short form.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", scalar(name), flow(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A word as it is, and anything else as a JSON string, which YAML reads alike. A word that reads as nothing or as true or
/// false, in whichever version of YAML, is no plain word.
pub fn scalar(text: &str) -> String {
    const SPECIAL: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let word = first && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if word && !SPECIAL.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

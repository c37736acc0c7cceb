//! Writes a first definition as YAML: blocks for objects, one line for a column, anything but a plain word in quotes.

use serde_json::Value;

use super::tree::{Content, Entry, Object, Pairs, Related, Source, ViewOutline};
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

    /// A value of Elasticsearch's: on one line where it fits, indented beneath its key otherwise.
    pub fn block(&mut self, depth: usize, key: &str, value: &Value) {
        const WIDTH: usize = 100;
        let short = flow(value);
        match value {
            Value::Object(fields) if depth == 0 || 2 * depth + key.len() + short.len() > WIDTH => {
                self.line(depth, &format!("{}:", scalar(key)));
                for (key, value) in fields {
                    self.block(depth + 1, key, value);
                }
            }
            _ => self.pair(depth, &scalar(key), &short),
        }
    }

    pub fn views(&mut self, views: &[ViewOutline]) {
        if !views.is_empty() {
            self.line(0, "views:");
        }
        for view in views {
            self.line(1, &format!("{}:", scalar(&view.name)));
            for remark in &view.remarks {
                self.note(2, remark);
            }
            self.pair(2, "key", &list(&view.key));
            self.line(2, "tables:");
            for (table, columns) in &view.tables {
                self.pair(3, &scalar(table), &pairs(columns));
            }
        }
    }

    pub fn object(&mut self, depth: usize, object: &Object) {
        for entry in &object.entries {
            let first = self.lines + 1;
            match entry {
                Entry::Left(reason) => self.note(depth, &format!("left out: {reason}")),
                Entry::Remark(remark) => self.note(depth, remark),
                Entry::Value { .. } | Entry::Relation { .. } => {}
            }
            let Some(name) = entry.name() else { continue };
            self.path.push(name.clone());
            match entry {
                Entry::Value { source, mapping, .. } => {
                    self.pair(depth, &scalar(name), &value(source.as_ref(), mapping));
                }
                Entry::Relation { relation, .. } => self.relation(depth, name, relation),
                Entry::Left(_) | Entry::Remark(_) => {}
            }
            self.spans.push((first, self.lines, self.path.clone()));
            self.path.pop();
        }
    }

    fn relation(&mut self, depth: usize, name: &str, relation: &Related) {
        self.line(depth, &format!("{}:", scalar(name)));
        let inner = depth + 1;
        for remark in &relation.remarks {
            self.note(inner, remark);
        }
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
        self.parameters(inner, &relation.mapping);
        if let Some(limit) = relation.limit {
            let limit = format!("{limit} # the first {limit} by their key; `order:` names what else decides");
            self.pair(inner, "limit", &limit);
        }
        match &relation.content {
            Content::Fields(object) => {
                self.line(inner, "fields:");
                self.object(inner + 1, object);
            }
            Content::Value { source, mapping } => self.pair(inner, "value", &value(Some(source), mapping)),
        }
    }

    /// Those of an object: its type, and the rest under `mapping`.
    fn parameters(&mut self, depth: usize, mapping: &Mapping) {
        let mut rest = mapping.clone();
        if let Some(kind) = rest.shift_remove("type") {
            self.pair(depth, "type", &flow(&kind));
        }
        if !rest.is_empty() {
            self.pair(depth, "mapping", &flow(&Value::Object(rest)));
        }
    }

    /// The innermost entry on a line: its path, and its lines as they would stand at the left.
    pub fn entry_at(&self, line: usize) -> Option<(&[String], Vec<String>)> {
        let within = |(first, last, _): &&(usize, usize, Vec<String>)| (*first..=*last).contains(&line);
        let (first, last, path) = self.spans.iter().find(within)?;
        let lines = || self.out.lines().skip(first - 1).take(last + 1 - first);
        let indent = |line: &str| line.len() - line.trim_start().len();
        let least = lines().map(indent).min().unwrap_or_default();
        Some((path, lines().map(|line| line[least..].to_owned()).collect()))
    }
}

/// A field's type and parameters behind what it is taken from; a type alone where that is all.
fn value(source: Option<&Source>, mapping: &Mapping) -> String {
    let mut keys = match source {
        None => Vec::new(),
        Some(Source::Column(column)) => vec![format!("column: {}", scalar(column))],
        Some(Source::Path { column, path }) => {
            vec![format!("column: {}", scalar(column)), format!("path: {}", scalar(path))]
        }
        Some(Source::Sql(sql)) => vec![format!("sql: {}", scalar(sql))],
        Some(Source::Pipeline) => vec!["pipeline: true".to_owned()],
    };
    match mapping.get("type").filter(|_| mapping.len() == 1) {
        Some(Value::String(name)) if keys.is_empty() => return scalar(name),
        _ => keys.extend(fields(mapping)),
    }
    format!("{{ {} }}", keys.join(", "))
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
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => format!("{{ {} }}", fields(object).join(", ")),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

fn fields(object: &Mapping) -> Vec<String> {
    object
        .iter()
        .map(|(name, value)| format!("{}: {}", scalar(name), flow(value)))
        .collect()
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

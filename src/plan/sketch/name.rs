//! Names for a first definition: of the index, of fields, of tables as they are written.

use std::collections::HashSet;

use crate::catalog::{Catalog, Table};

/// An alias that Elasticsearch takes, after the table's name.
pub fn index(table: &str) -> String {
    let name: String = table
        .to_lowercase()
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() || "_-".contains(char) {
                char
            } else {
                '-'
            }
        })
        .take(100)
        .collect();
    let name = name.trim_start_matches(['-', '_']);
    let numbered = name
        .rsplit_once('-')
        .is_some_and(|(_, digits)| digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    match name {
        "" => "documents".to_owned(),
        name if numbered => format!("{name}-rows"),
        name => name.to_owned(),
    }
}

/// `table`, or `schema.table` where the name alone would not find it.
pub fn table(catalog: &Catalog, table: &Table) -> String {
    let found = catalog.find(None, &table.name);
    if found.is_some_and(|found| found.oid == table.oid) {
        part(&table.name)
    } else {
        format!("{}.{}", part(&table.schema), part(&table.name))
    }
}

/// A part between dots, in double quotes where it would be misread.
pub fn part(name: &str) -> String {
    if name.contains('.') || name.starts_with('"') {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// What a foreign key's column says of the row that it points at: `author_id` says `author`.
pub fn of_key(columns: &[String]) -> Option<&str> {
    let [column] = columns else { return None };
    let ends = ["_id", "_uuid", "_key", "_code", "_fk", "Id", "ID"];
    let stem = ends.iter().find_map(|end| column.strip_suffix(end))?;
    (!stem.is_empty()).then_some(stem)
}

/// Names of one object's fields, each taken once.
pub struct Names {
    taken: HashSet<String>,
    /// At the top, where Elasticsearch keeps some for itself.
    top: bool,
}

impl Names {
    pub fn new(top: bool) -> Self {
        Self {
            taken: HashSet::new(),
            top,
        }
    }

    /// The first of these that is free, made fit for a field; numbered where none is.
    pub fn take(&mut self, wanted: &[String]) -> String {
        let fit: Vec<String> = wanted.iter().map(|name| self.fit(name)).collect();
        let numbered = (2..).map(|number| format!("{}_{number}", fit.last().map_or("field", String::as_str)));
        let free = fit
            .iter()
            .cloned()
            .chain(numbered)
            .find(|name| !self.taken.contains(name));
        let name = free.unwrap_or_default(); // numbers do not end
        self.taken.insert(name.clone());
        name
    }

    /// Elasticsearch reads a dot as an object; a name of its own cannot be a field at the top.
    fn fit(&self, name: &str) -> String {
        let name: String = name
            .chars()
            .map(|char| if char == '.' || char.is_control() { '_' } else { char })
            .collect();
        let kept = (self.top && name.starts_with('_')) || name.starts_with("_highwater");
        match name.trim() {
            "" => "field".to_owned(),
            trimmed if kept => format!("field{trimmed}"),
            _ => name,
        }
    }
}

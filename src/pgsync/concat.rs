//! `concat`: a field that joins others.

use crate::catalog::literal;
use crate::plan::sketch::tree::Source;

use super::fields::Fields;
use super::mapping::string;
use super::schema::{Concat, Node};
use super::translate::Walk;
use super::value::Part;

impl Fields {
    /// Joins what is there, in PGSync's way: what is nothing, empty, zero or false is passed over, and a word that names
    /// no field stands for itself.
    pub fn concat(&mut self, walk: &mut Walk<'_>, node: &Node, concat: &Concat) {
        let mut parts = Vec::new();
        for word in concat.columns.iter().filter(|word| !word.is_empty()) {
            if let Some(part) = self.parts.get(word) {
                parts.push(part.clone());
                continue;
            }
            let is_child = node.children.iter().any(|child| child.name() == word.as_str());
            if !is_child {
                let comment = walk.remarks.say(
                    &concat.place,
                    format!(
                        "`{word}` is no field here: the word itself stands in {}",
                        concat.destination
                    ),
                    "as with PGSync; take it out of the expression if a column is meant",
                );
                self.remark(comment);
            }
            parts.push((!is_child).then(|| Part::of(literal(word).trim().to_owned())));
        }
        let Some(parts) = parts.into_iter().collect::<Option<Vec<Part>>>() else {
            let comment = walk.remarks.say(
                &concat.place,
                format!(
                    "left out: concat of {} to {}",
                    concat.columns.join(", "),
                    concat.destination
                ),
                "what is no text, number or boolean is written by PGSync as Python does; join columns with `sql:`",
            );
            return self.remark(comment);
        };
        if parts.iter().any(|part| part.is_fraction) {
            let comment = walk.remarks.say(
                &concat.place,
                format!(
                    "fractions in {} have the digits that Postgres writes",
                    concat.destination
                ),
                "PGSync writes them as Python does, 12.5 for 12.50 and 12.0 for 12.00",
            );
            self.remark(comment);
        }
        let words: Vec<&str> = parts.iter().map(|part| part.sql.as_str()).collect();
        let sql = format!("concat_ws({}, {})", literal(&concat.delimiter).trim(), words.join(", "));
        let said = self.said.take(&concat.destination);
        let mapping = said.map_or_else(string, |(mapping, _)| mapping);
        let source = Source::Sql(sql.clone());
        self.put(walk, &concat.destination, &concat.place, Some(source), mapping);
        self.parts.insert(concat.destination.clone(), Some(Part::of_text(&sql)));
    }
}

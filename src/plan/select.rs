//! What a level's statement selects: each expression once, and the wire form in which it comes.

use super::render;
use crate::catalog::{Column, Wire, quote};

/// The columns of a statement under way.
#[derive(Default)]
pub struct SelectList {
    /// Selected beside what the statement itself puts before and behind them.
    pub expressions: Vec<String>,
    /// Of all columns.
    wires: Vec<Wire>,
    leading: usize,
}

impl SelectList {
    /// A list that stands behind these columns of the statement's own.
    pub fn behind(leading: &[Wire]) -> Self {
        Self {
            expressions: Vec::new(),
            wires: leading.to_vec(),
            leading: leading.len(),
        }
    }

    /// Position of the expression in the statement, added where it is new.
    pub fn add(&mut self, expression: String, wire: Wire) -> usize {
        let known = self
            .expressions
            .iter()
            .zip(&self.wires[self.leading..])
            .position(|(known, as_wire)| *known == expression && *as_wire == wire);
        let at = known.unwrap_or_else(|| {
            self.expressions.push(expression);
            self.wires.push(wire);
            self.expressions.len() - 1
        });
        self.leading + at
    }

    /// A column's value, to be encoded for a field of this type of Elasticsearch's.
    pub fn value(&mut self, alias: &str, column: &Column, field: &str) -> usize {
        let name = format!("{}.{}", quote(alias), quote(&column.name));
        let (value, wire) = render::column(&name, column, field);
        self.add(value, wire)
    }

    /// A column's value, of which the text is wanted: for keys and links.
    pub fn text(&mut self, alias: &str, column: &Column) -> usize {
        let (value, wire) = text(alias, column);
        self.add(value, wire)
    }

    /// The same, where a condition holds, and null elsewhere.
    pub fn text_where(&mut self, condition: &str, alias: &str, column: &Column) -> usize {
        let (value, wire) = text(alias, column);
        self.add(format!("CASE WHEN {condition} THEN {value} END"), wire)
    }

    /// What is selected at a position.
    pub fn expression(&self, at: usize) -> Option<&str> {
        self.expressions.get(at.checked_sub(self.leading)?).map(String::as_str)
    }

    /// A column's text, whatever its type.
    pub fn as_text(&mut self, alias: &str, column: &Column) -> usize {
        let name = format!("{}.{}", quote(alias), quote(&column.name));
        match column.wire {
            Wire::Text if column.type_oid != 1042 && column.via.is_none() => self.add(name, Wire::Text),
            _ => self.add(format!("{name}::text"), Wire::Text),
        }
    }

    /// Where a column would stand that comes next.
    pub fn width(&self) -> usize {
        self.wires.len()
    }

    /// The wire form of each column, with those that the statement puts behind the list.
    pub fn wires(&self, trailing: Option<Wire>) -> Vec<Wire> {
        self.wires.iter().copied().chain(trailing).collect()
    }
}

fn text(alias: &str, column: &Column) -> (String, Wire) {
    let name = format!("{}.{}", quote(alias), quote(&column.name));
    match column.wire {
        Wire::Bool | Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Uuid | Wire::Text
            if column.type_oid != 1042 && column.via.is_none() =>
        {
            (name, column.wire)
        }
        _ => (format!("{name}::text"), Wire::Text),
    }
}

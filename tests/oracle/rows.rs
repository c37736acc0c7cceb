//! Rows: keys that references find, references that dangle or are null, values that repeat.

use super::dice::Dice;
use super::schema::{Column, Foreign, Schema, Table, list, literal};

#[derive(Clone, Debug)]
pub struct Row {
    pub table: usize,
    pub values: Vec<(String, Option<String>)>,
}

impl Row {
    pub fn value(&self, column: &str) -> Option<&str> {
        let found = self.values.iter().find(|(name, _)| name == column)?;
        found.1.as_deref()
    }

    fn set(&mut self, column: &str, value: Option<String>) {
        if let Some(known) = self.values.iter_mut().find(|(name, _)| name == column) {
            known.1 = value;
        }
    }

    /// The statement that adds it.
    pub fn sql(&self, schema: &Schema) -> String {
        let names: Vec<String> = self.values.iter().map(|(name, _)| name.clone()).collect();
        let values: Vec<String> = self.values.iter().map(|(_, value)| literal(value.as_deref())).collect();
        format!(
            "insert into {} ({}) values ({})",
            schema.tables[self.table].base(),
            list(&names),
            values.join(", ")
        )
    }

    fn is_like(&self, other: &Self, columns: &[String]) -> bool {
        self.table == other.table && columns.iter().all(|column| self.value(column) == other.value(column))
    }
}

/// A few rows for every table, in an order that foreign keys allow.
pub fn random(dice: &mut Dice, schema: &Schema) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (at, table) in schema.tables.iter().enumerate() {
        let most = if dice.chance(10) { 0 } else { dice.between(1, 9) };
        for _ in 0..most {
            if let Some(row) = one(dice, at, table, &rows)
                && !repeats(&row, table, &rows)
            {
                rows.push(row);
            }
        }
    }
    rows
}

fn repeats(row: &Row, table: &Table, rows: &[Row]) -> bool {
    let unique: Vec<String> = table.unique.iter().cloned().collect();
    let known = |known: &Row| known.is_like(row, &table.key) || !unique.is_empty() && known.is_like(row, &unique);
    rows.iter().any(known)
}

/// A row that the tables take beside `rows`; none where a reference that must be there finds nothing.
pub fn one(dice: &mut Dice, at: usize, table: &Table, rows: &[Row]) -> Option<Row> {
    let value = |dice: &mut Dice, Column { name, kind, nullable }: &Column| {
        if *nullable && dice.chance(25) {
            None
        } else if table.key.contains(name) || table.unique.as_ref() == Some(name) {
            Some(kind.key(dice))
        } else {
            Some(kind.value(dice))
        }
    };
    let values = table
        .columns
        .iter()
        .map(|column| (column.name.clone(), value(dice, column)));
    let mut row = Row {
        table: at,
        values: values.collect(),
    };
    for foreign in &table.foreign {
        refer(dice, &mut row, table, foreign, rows)?;
    }
    if let Some(points) = &table.points {
        let (name, target) = dice.pick(&points.targets);
        let known: Vec<&Row> = rows.iter().filter(|row| row.table == *target).collect();
        if dice.chance(85) {
            row.set(&points.at, Some(name.clone()));
        }
        if let Some(found) = dice.any(&known).filter(|_| dice.chance(85)) {
            // Tables with one key column are made with that column first.
            let key = found.values.first().and_then(|(_, key)| key.clone());
            row.set(&points.key, key);
        }
    }
    Some(row)
}

fn refer(dice: &mut Dice, row: &mut Row, table: &Table, foreign: &Foreign, rows: &[Row]) -> Option<()> {
    let nullable = foreign.columns.iter().all(|column| table.column(column).nullable);
    let known: Vec<&Row> = rows.iter().filter(|row| row.table == foreign.target).collect();
    if nullable && dice.chance(20) {
        foreign.columns.iter().for_each(|column| row.set(column, None));
        return Some(());
    }
    match dice.any(&known) {
        Some(found) if foreign.enforced || dice.chance(85) => {
            for (column, target) in foreign.columns.iter().zip(&foreign.target_columns) {
                row.set(column, found.value(target).map(str::to_owned));
            }
            Some(())
        }
        _ if !foreign.enforced => Some(()),
        _ if nullable => {
            foreign.columns.iter().for_each(|column| row.set(column, None));
            Some(())
        }
        _ => None,
    }
}

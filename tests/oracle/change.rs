//! What an application does to its rows: inserts, updates of values, of references and of keys, upserts, deletes, of one
//! row or of many, and now and then everything at once.

use super::dice::Dice;
use super::rows::{self, Row};
use super::schema::{Schema, Table, list, literal, quote};

/// Transactions of a few statements. Some statements fail, as an application's do.
pub fn random(dice: &mut Dice, schema: &Schema, rows: &[Row]) -> Vec<Vec<String>> {
    let transactions = dice.between(1, 3);
    let statements = |dice: &mut Dice| -> Vec<String> {
        let count = dice.between(1, 4);
        (0..count).map(|_| statement(dice, schema, rows)).collect()
    };
    (0..transactions).map(|_| statements(dice)).collect()
}

fn statement(dice: &mut Dice, schema: &Schema, rows: &[Row]) -> String {
    let at = dice.below(schema.tables.len());
    let table = &schema.tables[at];
    let name = table.base();
    match dice.below(24) {
        0..=3 => insert(dice, at, schema, rows, ""),
        4..=6 => insert(dice, at, schema, rows, "update"),
        7 => format!("delete from {name} where {}", some(dice, at, table, rows)),
        8 | 9 => format!("delete from {name} where {}", one(dice, at, table, rows)),
        10 if dice.chance(50) => format!("truncate {name} cascade"),
        11..=13 => {
            let condition = one(dice, at, table, rows);
            format!("update {name} set {} where {condition}", key(dice, table))
        }
        14 | 15 => {
            let condition = some(dice, at, table, rows);
            format!("update {name} set {} where {condition}", values(dice, at, table, rows))
        }
        _ => {
            let condition = one(dice, at, table, rows);
            format!("update {name} set {} where {condition}", values(dice, at, table, rows))
        }
    }
}

fn insert(dice: &mut Dice, at: usize, schema: &Schema, rows: &[Row], conflict: &str) -> String {
    let table = &schema.tables[at];
    let Some(row) = rows::one(dice, at, table, rows) else {
        return format!("delete from {} where {}", table.base(), one(dice, at, table, rows));
    };
    let others = table.columns.iter().filter(|column| !table.key.contains(&column.name));
    let set: Vec<String> = others
        .map(|column| format!("{0} = excluded.{0}", quote(&column.name)))
        .collect();
    if conflict.is_empty() || set.is_empty() {
        format!("{} on conflict do nothing", row.sql(schema))
    } else {
        format!(
            "{} on conflict ({}) do update set {}",
            row.sql(schema),
            list(&table.key),
            set.join(", ")
        )
    }
}

/// The condition of one row that is there, as far as nobody has taken it away.
fn one(dice: &mut Dice, at: usize, table: &Table, rows: &[Row]) -> String {
    let known: Vec<&Row> = rows.iter().filter(|row| row.table == at).collect();
    let Some(row) = dice.any(&known) else {
        return "false".to_owned();
    };
    let same = |column: &String| format!("{} = {}", quote(column), literal(row.value(column)));
    table.key.iter().map(same).collect::<Vec<_>>().join(" and ")
}

/// Of several rows.
fn some(dice: &mut Dice, at: usize, table: &Table, rows: &[Row]) -> String {
    let column = quote(&dice.pick(&table.columns).name);
    match dice.below(4) {
        0 => "true".to_owned(),
        1 => format!("{column} is null"),
        2 => format!("{column} is not null"),
        _ => format!("({}) or ({})", one(dice, at, table, rows), one(dice, at, table, rows)),
    }
}

fn key(dice: &mut Dice, table: &Table) -> String {
    let column = dice.pick(&table.key);
    format!(
        "{} = {}",
        quote(column),
        literal(Some(&table.column(column).kind.key(dice)))
    )
}

/// Other values, some of them the same as before; a reference moves as a whole.
fn values(dice: &mut Dice, at: usize, table: &Table, rows: &[Row]) -> String {
    let other = rows::one(dice, at, table, rows);
    if let Some(row) = &other
        && let Some(foreign) = dice.any(&table.foreign).filter(|_| dice.chance(50))
    {
        return assign(row, &foreign.columns);
    }
    let mut columns: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    columns.retain(|column| !table.key.contains(column));
    let Some(row) = other.filter(|_| !columns.is_empty()) else {
        let same = quote(&table.key[0]);
        return format!("{same} = {same}");
    };
    let count = dice.between(1, columns.len().min(3));
    let chosen: Vec<String> = (0..count).map(|_| dice.take(&mut columns)).collect();
    assign(&row, &chosen)
}

fn assign(row: &Row, columns: &[String]) -> String {
    let set = columns
        .iter()
        .map(|column| format!("{} = {}", quote(column), literal(row.value(column))));
    set.collect::<Vec<_>>().join(", ")
}

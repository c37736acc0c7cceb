//! Expressions over a row, and over the junctions on the way to it.

use super::dice::Dice;
use super::kind::Kind;
use super::tree::{Column, Expression, Part};

/// Columns that may be named together.
pub type Known = [Column];

/// True or false, or neither.
pub fn condition(dice: &mut Dice, known: &Known) -> Expression {
    let mut expression = single(dice, known);
    if dice.chance(20) {
        let other = single(dice, known);
        let word = *dice.pick(&[" and ", " or ", " and not "]);
        expression.0.push(Part::Text(format!("){word}(")));
        expression.0.extend(other.0);
        expression.0.insert(0, Part::Text("(".to_owned()));
        expression.0.push(Part::Text(")".to_owned()));
    }
    if dice.chance(5) {
        expression.0.push(Part::Text(" -- it's so".to_owned()));
    }
    expression
}

fn single(dice: &mut Dice, known: &Known) -> Expression {
    let column = dice.pick(known).clone();
    let texts: &[&str] = match column.kind {
        _ if dice.chance(15) => &["{} is not null", "{} is null"],
        Kind::Small | Kind::Int | Kind::Big => &["{} > 1", "{} % 2 = 0", "{} between 1 and 4", "{} <> 3"],
        Kind::Numeric | Kind::Price | Kind::Float => &["{} >= 1", "{} <> 0"],
        Kind::Bool => &["{}", "not {}", "{} is not true"],
        Kind::Text | Kind::Plain | Kind::Varchar => &[
            "{} like '%a%'",
            "{} <> ''",
            "length({}) > 1",
            "{} not in ('a', 'it''s')",
        ],
        Kind::Mood => &["{}::text > 'b'", "{}::text = 'it''s \"loud\"'"],
        Kind::Date => &["{} > '2000-01-01'::date"],
        Kind::Jsonb => &["{} ? 'a'", "jsonb_typeof({}) = 'object'"],
        Kind::Ints | Kind::Texts => &["cardinality({}) > 1"],
        _ => &["{} is not null", "{} is null"],
    };
    let text: &str = dice.pick::<&str>(texts);
    fill(text, column)
}

/// A value.
pub fn value(dice: &mut Dice, known: &Known) -> Expression {
    let column = dice.pick(known).clone();
    let texts: &[&str] = match column.kind {
        Kind::Small | Kind::Int | Kind::Big => &[
            "{}::numeric * 2",
            "{} > 1",
            "abs({}::numeric)::text || '!'",
            "array[{}, null]",
        ],
        Kind::Numeric | Kind::Price => &["{} + 1.50", "round({}, 1)"],
        Kind::Float => &["{} / 4"],
        Kind::Text | Kind::Plain | Kind::Varchar => &[
            "upper({})",
            "{} || ' \"x\"'",
            "nullif({}, '')",
            "string_to_array({}, 'a')",
        ],
        Kind::Date => &["extract(year from {})", "{} + 1"],
        Kind::Timestamp | Kind::Timestamptz => &["date_trunc('hour', {})", "extract(epoch from {})"],
        Kind::Jsonb => &["{} -> 'a'", "{} #>> '{a,b}'"],
        Kind::Ints | Kind::Texts => &["cardinality({})", "{}[1]"],
        _ => &["{} is null", "coalesce({}::text, '-')"],
    };
    let text: &str = dice.pick::<&str>(texts);
    fill(text, column)
}

/// The text with the column at `{}`.
fn fill(text: &str, column: Column) -> Expression {
    let (before, after) = text.split_once("{}").expect("a place for a column");
    Expression(vec![
        Part::Text(before.to_owned()),
        Part::Column(column),
        Part::Text(after.to_owned()),
    ])
}

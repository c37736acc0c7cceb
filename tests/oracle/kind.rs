//! The kinds of columns, and the values that stand in them: few, so that they repeat, and some that are hard to write.

use super::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Small,
    Int,
    Big,
    Numeric,
    Price,
    Float,
    Bool,
    Text,
    /// Of the collation `C`, which the worker sorts itself.
    Plain,
    Varchar,
    Char,
    Mood,
    Uuid,
    Date,
    Timestamp,
    Timestamptz,
    Bytes,
    Json,
    Jsonb,
    Ints,
    Texts,
}

/// The type that [`Kind::Mood`] needs.
pub const MOOD: &str = "create type public.mood as enum ('calm', 'it''s \"loud\"', 'größer', 'a')";

const ALL: [Kind; 21] = [
    Kind::Small,
    Kind::Int,
    Kind::Big,
    Kind::Numeric,
    Kind::Price,
    Kind::Float,
    Kind::Bool,
    Kind::Text,
    Kind::Plain,
    Kind::Varchar,
    Kind::Char,
    Kind::Mood,
    Kind::Uuid,
    Kind::Date,
    Kind::Timestamp,
    Kind::Timestamptz,
    Kind::Bytes,
    Kind::Json,
    Kind::Jsonb,
    Kind::Ints,
    Kind::Texts,
];

/// Those that keys are made of.
const KEYS: [Kind; 7] = [
    Kind::Int,
    Kind::Int,
    Kind::Big,
    Kind::Text,
    Kind::Plain,
    Kind::Varchar,
    Kind::Uuid,
];

const INTEGERS: [&str; 8] = ["0", "1", "2", "3", "4", "7", "-1", "12"];
const NUMBERS: [&str; 9] = [
    "0",
    "1",
    "1.0",
    "1.50",
    "1.5",
    "-0.05",
    "2.00",
    "3",
    "12345678901234567890123.4500",
];
const PRICES: [&str; 5] = ["0", "1.5", "2.25", "-3", "99999999.99"];
const FLOATS: [&str; 9] = [
    "0",
    "1",
    "0.1",
    "-0.25",
    "1e20",
    "1.5e-7",
    "123456.789",
    "1e100",
    "3.0000000000000004",
];
const TEXTS: [&str; 22] = [
    "",
    "a",
    "b",
    "A",
    "ab",
    "B a",
    "a",
    "b",
    "é",
    "e\u{301}",
    "Ω",
    "🦀 crab",
    "it's",
    "quote \" and \\ back\\\\slash",
    "tab\tline\nreturn\r",
    "\u{1}\u{7f}",
    "null",
    "x.y",
    "a,b",
    "#1",
    "{}",
    "\u{2028}",
];
/// Keys: what a bare join would confuse, and what an id must escape.
const WORDS: [&str; 12] = ["a", "b", "c", "", "a,b", "a\\", "\\", ",", "#", "é🦀", "A", "line\n"];
const UUIDS: [&str; 5] = [
    "00112233-4455-6677-8899-aabbccddeeff",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "12345678-1234-1234-1234-123456789abc",
    "a0000000-0000-0000-0000-000000000001",
];
const DATES: [&str; 6] = [
    "2024-02-29",
    "1970-01-01",
    "2024-03-01",
    "0044-03-15 BC",
    "9999-12-31",
    "2024-02-29",
];
const MOMENTS: [&str; 6] = [
    "2024-02-29 01:02:03.000001",
    "1970-01-01 00:00:00",
    "2024-02-29 01:02:03.12",
    "1969-12-31 23:59:59.999999",
    "0044-03-15 12:00:00 BC",
    "2024-02-29 01:02:03.12",
];
const JSONS: [&str; 8] = [
    "{\"a\": {\"b\": 1.0, \"c.d\": [1, 2.50, null]}, \"b\": \"x\"}",
    "{\"b\": [{\"a\": true}, 7], \"a\": null}",
    "[1, [2, \"\\u00e9\\n\"], {}]",
    "{}",
    "\"text\"",
    "12.30",
    "{\"a\": {\"b\": {\"deep\": \"🦀\"}}}",
    "{\"a\": {}, \"\\u0022\": -1e2}",
];

impl Kind {
    pub fn random(dice: &mut Dice) -> Self {
        *dice.pick(&ALL)
    }

    pub fn of_key(dice: &mut Dice) -> Self {
        *dice.pick(&KEYS)
    }

    /// What a column that points at one of this kind may be.
    pub fn pointing(self, dice: &mut Dice) -> Self {
        match self {
            Self::Int | Self::Big if dice.chance(25) => *dice.pick(&[Self::Small, Self::Int, Self::Big]),
            Self::Text | Self::Varchar if dice.chance(25) => *dice.pick(&[Self::Text, Self::Varchar]),
            same => same,
        }
    }

    pub fn sql(self) -> &'static str {
        match self {
            Self::Small => "smallint",
            Self::Int => "int",
            Self::Big => "bigint",
            Self::Numeric => "numeric",
            Self::Price => "numeric(10,2)",
            Self::Float => "float8",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Plain => "text collate \"C\"",
            Self::Varchar => "varchar(60)",
            Self::Char => "char(6)",
            Self::Mood => "public.mood",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Timestamptz => "timestamptz",
            Self::Bytes => "bytea",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Ints => "int[]",
            Self::Texts => "text[]",
        }
    }

    /// A type of Elasticsearch's that takes every value of the kind.
    pub fn field_type(self) -> &'static str {
        match self {
            Self::Small | Self::Int | Self::Ints => "integer",
            Self::Big => "long",
            Self::Float => "double",
            Self::Bool => "boolean",
            Self::Text => "text",
            Self::Bytes => "binary",
            Self::Json | Self::Jsonb => "object",
            _ => "keyword",
        }
    }

    pub fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Numeric | Self::Price | Self::Float)
    }

    pub fn is_integer(self) -> bool {
        matches!(self, Self::Small | Self::Int | Self::Big)
    }

    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Plain | Self::Varchar)
    }

    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonb)
    }

    pub fn is_array(self) -> bool {
        matches!(self, Self::Ints | Self::Texts)
    }

    /// Whether Postgres can sort the values.
    pub fn has_order(self) -> bool {
        self != Self::Json
    }

    /// Whether columns of the two may be joined as they are.
    pub fn joins(self, other: Self) -> bool {
        let exact = matches!(self, Self::Uuid | Self::Date | Self::Mood | Self::Bool) && self == other;
        exact || self.is_integer() && other.is_integer() || self.is_text() && other.is_text()
    }

    /// One of the kind's values, as text that Postgres reads.
    pub fn value(self, dice: &mut Dice) -> String {
        let extreme = dice.chance(6);
        match self {
            Self::Small if extreme => (*dice.pick(&["-32768", "32767"])).to_owned(),
            Self::Int if extreme => (*dice.pick(&["-2147483648", "2147483647"])).to_owned(),
            Self::Big if extreme => (*dice.pick(&["-9223372036854775808", "9223372036854775807"])).to_owned(),
            Self::Ints => list(dice, &["1", "2", "-3", "NULL"]),
            Self::Texts => list(
                dice,
                &["a", "\"\"", "\"q \\\" \\\\ b\"", "NULL", "\"NULL\"", "\"{x,y}\"", "é"],
            ),
            _ => (*dice.pick(self.pool())).to_owned(),
        }
    }

    /// One of the values that keys have; integers that every kind of integer holds.
    pub fn key(self, dice: &mut Dice) -> String {
        let pool = if self.is_text() { &WORDS } else { self.pool() };
        (*dice.pick::<&str>(pool)).to_owned()
    }

    fn pool(self) -> &'static [&'static str] {
        match self {
            Self::Small | Self::Int | Self::Big | Self::Ints => &INTEGERS,
            Self::Numeric => &NUMBERS,
            Self::Price => &PRICES,
            Self::Float => &FLOATS,
            Self::Bool => &["true", "false"],
            Self::Text | Self::Plain | Self::Varchar | Self::Texts => &TEXTS,
            Self::Char => &["", "a", "ab", "é\"", "a b"],
            Self::Mood => &["calm", "it's \"loud\"", "größer", "a"],
            Self::Uuid => &UUIDS,
            Self::Date => &DATES,
            Self::Timestamp | Self::Timestamptz => &MOMENTS,
            Self::Bytes => &["", "\\x00", "\\xff61", "\\x0a0d00ff5c"],
            Self::Json | Self::Jsonb => &JSONS,
        }
    }
}

fn list(dice: &mut Dice, of: &[&str]) -> String {
    let length = dice.below(4);
    let items: Vec<&str> = (0..length).map(|_| *dice.pick(of)).collect();
    format!("{{{}}}", items.join(","))
}

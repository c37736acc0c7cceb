//! Every rendering against the one of a real server, over thousands of random values a type.
//!
//! Each type is one statement: the values go there as an array of text, and come back in binary beside `to_json` and
//! the cast to text.

use std::fmt::Write;

use futures::TryStreamExt;
use highwater::catalog::Wire;
use highwater::source::encode::{Unfit, encode, push_sort_key, push_text};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use crate::support::postgres::connect_to_server;

/// One value as the server sees it.
pub struct Seen {
    pub wire: Vec<u8>,
    pub json: String,
    pub text: String,
}

impl Seen {
    fn of(row: &PgRow) -> Self {
        let bytes = |index: usize| {
            row.try_get_raw(index)
                .expect("a column")
                .as_bytes()
                .expect("not null")
                .to_vec()
        };
        let string = |index: usize| String::from_utf8(bytes(index)).expect("UTF-8");
        Self {
            wire: bytes(0),
            json: string(1),
            text: string(2),
        }
    }

    pub fn encoded(&self, wire: Wire) -> Result<String, Unfit> {
        let mut out = Vec::new();
        encode(wire, &self.wire, &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
    }
}

/// `value` makes the value out of the text `x`; `order` is what is sorted by, in terms of `v`.
async fn ask(value: &str, order: &str, inputs: &[String]) -> Vec<Seen> {
    ask_all(value, "to_json(v)", order, inputs).await
}

/// The same in no order, with another rendering than `to_json`, likewise in terms of `v`.
pub async fn ask_with(value: &str, rendered: &str, inputs: &[String]) -> Vec<Seen> {
    ask_all(value, rendered, "v::text", inputs).await
}

async fn ask_all(value: &str, rendered: &str, order: &str, inputs: &[String]) -> Vec<Seen> {
    let mut connection = connect_to_server().await;
    sqlx::raw_sql("set timezone = 'UTC'; set datestyle = 'ISO'")
        .execute(&mut connection)
        .await
        .expect("settings");
    let statement = format!(
        "select v, ({rendered})::text as rendered, v::text as written from (select {value} as v from unnest($1::text[]) x) values order by {order}"
    );
    sqlx::query(AssertSqlSafe(statement))
        .bind(inputs)
        .fetch(&mut connection)
        .map_ok(|row| Seen::of(&row))
        .try_collect()
        .await
        .expect("values")
}

const VALUES: usize = 4_000;

pub fn draw<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, text: impl Fn(T) -> String) -> Vec<String> {
    let mut runner = TestRunner::default();
    let value = || strategy.new_tree(&mut runner).expect("a value").current();
    std::iter::repeat_with(value).take(VALUES).map(text).collect()
}

pub fn with(mut drawn: Vec<String>, edges: &[&str]) -> Vec<String> {
    drawn.extend(edges.iter().map(|edge| (*edge).to_owned()));
    drawn
}

/// JSON and key text equal the server's, and the order of the sort keys is the order the rows came in.
fn assert_same(wire: Wire, seen: &[Seen]) {
    for value in seen {
        assert_eq!(value.encoded(wire).as_deref(), Ok(value.json.as_str()));
    }
    assert_keys(wire, seen);
}

fn assert_keys(wire: Wire, seen: &[Seen]) {
    let mut before: Option<(Vec<u8>, &Seen)> = None;
    for value in seen {
        let mut text = Vec::new();
        push_text(wire, &value.wire, &mut text).expect("a key");
        assert_eq!(String::from_utf8(text).as_deref(), Ok(value.text.as_str()));
        let mut key = Vec::new();
        assert!(push_sort_key(wire, &value.wire, &mut key));
        if let Some((smaller, other)) = before {
            let in_order = if other.wire == value.wire {
                smaller == key
            } else {
                smaller < key
            };
            assert!(in_order, "{} sorts before {}", other.text, value.text);
        }
        before = Some((key, value));
    }
}

#[tokio::test]
async fn integers_and_booleans() {
    assert_same(
        Wire::Bool,
        &ask("x::bool", "v", &with(vec![], &["true", "false"])).await,
    );
    let int2 = with(
        draw(any::<i16>(), |number| number.to_string()),
        &["0", "-32768", "32767"],
    );
    assert_same(Wire::Int2, &ask("x::int2", "v", &int2).await);
    let int4 = with(
        draw(any::<i32>(), |number| number.to_string()),
        &["0", "-2147483648", "2147483647"],
    );
    assert_same(Wire::Int4, &ask("x::int4", "v", &int4).await);
    let int8 = with(
        draw(any::<i64>(), |number| number.to_string()),
        &["0", "-9223372036854775808", "9223372036854775807"],
    );
    assert_same(Wire::Int8, &ask("x::int8", "v", &int8).await);
}

#[tokio::test]
async fn floats_are_the_same_numbers() {
    let plain = string_regex("-?[0-9]{1,12}(\\.[0-9]{1,8})?(e-?[0-9])?").expect("a pattern");
    let double = prop_oneof![
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        plain
    ];
    let edges = [
        "0",
        "-0",
        "1",
        "5e-324",
        "1.7976931348623157e308",
        "9007199254740993",
        "1e15",
        "1e16",
        "1e-5",
        "123456789012345680000",
    ];
    for value in ask("x::float8", "v", &with(draw(double, |text| text), &edges)).await {
        let found = value.encoded(Wire::Float8).expect("finite");
        assert!(serde_json::from_str::<serde_json::Number>(&found).is_ok(), "{found}");
        let bits = |text: &str| text.parse::<f64>().expect("a number").to_bits();
        assert_eq!(bits(&found), bits(&value.json), "{found} for {}", value.json);
    }
    let single = any::<f32>().prop_filter("finite", |number| number.is_finite());
    let edges = ["0", "-0", "1e-45", "3.4028235e38", "16777217", "1e6", "1e7", "0.1"];
    for value in ask(
        "x::float4",
        "v",
        &with(draw(single, |number| format!("{number:e}")), &edges),
    )
    .await
    {
        let found = value.encoded(Wire::Float4).expect("finite");
        let bits = |text: &str| text.parse::<f32>().expect("a number").to_bits();
        assert_eq!(bits(&found), bits(&value.json), "{found} for {}", value.json);
    }
}

#[tokio::test]
async fn numerics_are_the_same_digits() {
    let plain = string_regex("-?[0-9]{1,30}(\\.[0-9]{0,30})?").expect("a pattern");
    let sparse = string_regex("-?[1-9]?0{0,20}[1-9]?0{0,9}\\.0{0,20}[1-9]?0{0,9}[0-9]").expect("a pattern");
    let scientific = string_regex("-?[0-9]{1,4}\\.[0-9]{1,4}e-?[0-9]{1,2}").expect("a pattern");
    let edges = [
        "0",
        "0.0",
        "0.0000",
        "-0.1",
        "1e-50",
        "1e500",
        "9999",
        "10000",
        "99999999.99990000",
        "100000000",
    ];
    let inputs = with(draw(prop_oneof![plain, sparse, scientific], |text| text), &edges);
    for value in ask("x::numeric", "v", &inputs).await {
        assert_eq!(value.encoded(Wire::Numeric).as_deref(), Ok(value.json.as_str()));
    }
}

#[tokio::test]
async fn what_is_no_number_is_unfit() {
    for (value, wire) in [
        ("x::float4", Wire::Float4),
        ("x::float8", Wire::Float8),
        ("x::numeric", Wire::Numeric),
    ] {
        let seen = ask(value, "v", &with(vec![], &["NaN"])).await;
        assert_eq!(seen[0].encoded(wire), Err(Unfit::NotANumber));
    }
    // `numeric` has infinities since Postgres 14: those are tested beside the code.
    for (value, wire) in [("x::float4", Wire::Float4), ("x::float8", Wire::Float8)] {
        let seen = ask(value, "v", &with(vec![], &["Infinity", "-Infinity"])).await;
        assert_eq!(
            (seen[0].encoded(wire), seen[1].encoded(wire)),
            (Err(Unfit::Infinite), Err(Unfit::Infinite))
        );
    }
}

pub fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        2 => proptest::sample::select(vec!['"', '\\', '/', ' ', '\u{7f}', '\u{2028}', '€', '𝄞']),
        2 => proptest::char::range('\u{1}', '\u{1f}'),
        5 => proptest::char::range(' ', '~'),
        1 => any::<char>().prop_filter("Postgres has no zero in text", |character| *character != '\0'),
    ];
    proptest::collection::vec(character, 0..40).prop_map(String::from_iter)
}

#[tokio::test]
async fn text_is_escaped_alike_and_sorts_by_its_bytes() {
    let inputs = with(draw(text(), |text| text), &["", "a", "a\u{1}", "ab"]);
    assert_same(Wire::Text, &ask("x", "v collate \"C\"", &inputs).await);
    let short = draw(string_regex("[ab\u{1}é]{0,4}").expect("a pattern"), |text| text);
    assert_same(Wire::Text, &ask("x::varchar", "v collate \"C\"", &short).await);
}

/// Mostly within a few years; the rest anywhere in what the type holds.
fn count(near: i64, from: i64, to: i64) -> impl Strategy<Value = i64> {
    prop_oneof![-near..near, from..to, (from..to).prop_map(|count| count / 50)]
}

#[tokio::test]
async fn dates_and_timestamps() {
    let days = with(
        draw(count(20_000, -2_451_545, 2_145_031_949), |days| days.to_string()),
        &["0", "-730120", "2921939", "2921940"],
    );
    assert_same(Wire::Date, &ask("date '2000-01-01' + x::int", "v", &days).await);
    let ends = [
        "-211813488000000000",
        "9223371331199999999",
        "0",
        "-1",
        "500000",
        "-63082281600000001",
        "1000000",
    ];
    for (value, wire) in [("timestamp", Wire::Timestamp), ("timestamptz", Wire::Timestamptz)] {
        // Days apart from the rest: before 15, Postgres reads no more than 2,147,483,647 seconds of an interval.
        let start = format!(
            "{value} '2000-01-01 00:00:00' + (x::int8 / 86400000000 || ' days')::interval + x::int8 % 86400000000 * interval '1 microsecond'"
        );
        let micros = draw(
            count(
                1_000_000_000_000_000,
                -211_813_488_000_000_000,
                9_223_371_331_200_000_000,
            ),
            |micros| micros.to_string(),
        );
        assert_same(wire, &ask(&start, "v", &with(micros, &ends)).await);
        let round = draw(-400_000_000_i64..400_000_000, |tenths| (tenths * 100_000).to_string());
        assert_same(wire, &ask(&start, "v", &round).await);
    }
}

#[tokio::test]
async fn infinite_dates_are_words_in_keys_and_unfit_in_documents() {
    for (value, wire) in [
        ("x::date", Wire::Date),
        ("x::timestamp", Wire::Timestamp),
        ("x::timestamptz", Wire::Timestamptz),
    ] {
        let seen = ask(value, "v", &with(vec![], &["-infinity", "2024-02-29", "infinity"])).await;
        assert_keys(wire, &seen);
        assert_eq!(
            (seen[0].encoded(wire), seen[2].encoded(wire)),
            (Err(Unfit::Infinite), Err(Unfit::Infinite))
        );
    }
}

#[tokio::test]
async fn times_of_day() {
    let micros = with(
        draw(0_i64..86_400_000_000, |micros| micros.to_string()),
        &["0", "1", "86399999999"],
    );
    let value = "time '00:00' + x::int8 * interval '1 microsecond'";
    assert_same(Wire::Time, &ask(value, "v", &micros).await);
    assert_same(Wire::Time, &ask("x::time", "v", &["24:00:00".to_owned()]).await);
}

#[tokio::test]
async fn uuids() {
    let inputs = draw(any::<u128>(), |number| format!("{number:032x}"));
    assert_same(Wire::Uuid, &ask("x::uuid", "v", &inputs).await);
}

#[tokio::test]
async fn bytes_become_base64() {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(0_u8..2, 0..5)
    ];
    let inputs = draw(bytes, |bytes| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string");
            text
        })
    });
    let seen = ask("decode(x, 'hex')", "v", &inputs).await;
    assert_keys(Wire::Bytea, &seen);
    let lines = ask(
        "translate(encode(decode(x, 'hex'), 'base64'), E'\\n', '')",
        "decode(v, 'base64')",
        &inputs,
    )
    .await;
    for (value, base64) in seen.iter().zip(&lines) {
        assert_eq!(value.encoded(Wire::Bytea).as_deref(), Ok(base64.json.as_str()));
    }
}

fn blank() -> impl Strategy<Value = String> {
    string_regex("[ \n\r\t]{0,2}").expect("a pattern")
}

/// JSON text with blanks of every kind between its tokens.
fn json() -> impl Strategy<Value = String> {
    let string = || text().prop_map(|text| serde_json::Value::from(text).to_string());
    let number = string_regex("-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,8})?").expect("a pattern");
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        number,
        string()
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let element = (blank(), inner, blank())
            .prop_map(|(before, value, after)| before + &value + &after)
            .boxed();
        let member = (blank(), string(), blank(), element.clone())
            .prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{value}"));
        prop_oneof![
            proptest::collection::vec(element, 0..5).prop_map(|elements| format!("[{}]", elements.join(","))),
            proptest::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// The obvious way, a character at a time.
pub fn without_blanks(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let mut kept = json.to_owned();
    kept.retain(|character| {
        let blank = !inside && character.is_ascii_whitespace();
        inside ^= character == '"' && !escaped;
        escaped = inside && character == '\\' && !escaped;
        !blank
    });
    kept
}

#[tokio::test]
async fn json_is_copied_without_blanks() {
    let inputs = draw((blank(), json(), blank()), |(before, json, after)| {
        before + &json + &after
    });
    for (value, wire) in [("x::json", Wire::Json), ("x::jsonb", Wire::Jsonb)] {
        for seen in ask(value, "v::text", &inputs).await {
            let found = seen.encoded(wire).expect("JSON");
            assert_eq!(found, without_blanks(&seen.json));
            assert!(!found.contains('\n'));
        }
    }
}

#[tokio::test]
async fn other_types_arrive_as_json() {
    let elements = draw(text(), |text| text);
    for seen in ask("to_json(array[x, 'b', null])", "v::text", &elements).await {
        assert_eq!(seen.encoded(Wire::ToJson), Ok(without_blanks(&seen.json)));
    }
}

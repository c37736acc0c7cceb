//! Values made of others, against what a server makes of them: arrays, ranges, points. Thousands of random values a type.

use std::fmt::Write;

use highwater::catalog::Wire;
use highwater::source::encode::Unfit;
use proptest::prelude::*;
use proptest::string::string_regex;

use super::encode::{ask_with, draw, text, with, without_blanks};

/// What Elasticsearch takes for a range, put together by the server out of the range's own functions.
const RANGE: &str = "case when isempty(v) then 'null'::json else json_strip_nulls(json_build_object(
    case when lower_inc(v) then 'gte' else 'gt' end, lower(v), case when upper_inc(v) then 'lte' else 'lt' end, upper(v))) end";

async fn assert_rendered(wire: Wire, value: &str, rendered: &str, inputs: &[String]) {
    for seen in ask_with(value, rendered, inputs).await {
        assert_eq!(seen.encoded(wire), Ok(without_blanks(&seen.json)), "{}", seen.text);
    }
}

/// An array's text: elements drawn from `elements`, nulls, and now and then a second dimension.
fn arrays(elements: &'static [&'static str]) -> impl Strategy<Value = String> {
    let element = prop_oneof![
        1 => Just("NULL".to_owned()),
        6 => proptest::sample::select(elements).prop_map(|element| format!("\"{element}\"")),
    ];
    let row =
        |length| proptest::collection::vec(element.clone(), length).prop_map(|row| format!("{{{}}}", row.join(",")));
    let table = |length: usize| {
        proptest::collection::vec(row(length..length + 1), 1..4).prop_map(|rows| format!("{{{}}}", rows.join(",")))
    };
    prop_oneof![4 => row(0..7), 1 => table(1), 1 => table(3)]
}

#[tokio::test]
async fn arrays_hold_what_their_values_are() {
    let kinds: [(&str, Wire, &'static [&'static str]); 10] = [
        ("int2", Wire::Int2, &["0", "-32768", "7"]),
        ("int4", Wire::Int4, &["0", "-1", "2147483647"]),
        ("int8", Wire::Int8, &["0", "9223372036854775807", "-5"]),
        ("bool", Wire::Bool, &["t", "f"]),
        (
            "numeric",
            Wire::Numeric,
            &["1.50", "-0.0001", "123456789012345678901234567890", "0"],
        ),
        ("text", Wire::Text, &["", "a b", "NULL", "\\\"q\\\\\\\"", "é{},"]),
        ("date", Wire::Date, &["2024-02-29", "0044-03-15 BC", "1999-12-31"]),
        (
            "timestamptz",
            Wire::Timestamptz,
            &["2024-02-29 12:00:00.5+02", "1970-01-01"],
        ),
        ("time", Wire::Time, &["24:00:00", "00:00:00.000001", "12:30"]),
        ("uuid", Wire::Uuid, &["00112233445566778899aabbccddeeff"]),
    ];
    for (name, wire, elements) in kinds {
        let inputs = with(draw(arrays(elements), |text| text), &["{}"]);
        assert_rendered(wire.array(), &format!("x::{name}[]"), "to_json(v)", &inputs).await;
    }
    // Bounds other than 1, three dimensions.
    let odd = ["[5:6]={1,2}", "[0:0][-1:0]={{1,NULL}}", "{{{1,2},{3,4}},{{5,6},{7,8}}}"].map(str::to_owned);
    assert_rendered(Wire::Array(&Wire::Int4), "x::int4[]", "to_json(v)", &odd).await;
}

#[tokio::test]
async fn bytes_and_json_within_arrays_are_as_by_themselves() {
    let bytes = draw(proptest::collection::vec(any::<u8>(), 0..60), |bytes| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string");
            text
        })
    });
    let base64 = "json_build_array(translate(encode(v[1], 'base64'), E'\\n', ''), null)";
    assert_rendered(
        Wire::Array(&Wire::Bytea),
        "array[decode(x, 'hex'), null]",
        base64,
        &bytes,
    )
    .await;
    let json = draw(text(), |text| serde_json::json!({ "a": [text, null] }).to_string());
    assert_rendered(Wire::Array(&Wire::Jsonb), "array[x::jsonb, null]", "to_json(v)", &json).await;
}

#[tokio::test]
async fn what_is_no_number_is_unfit_within_arrays() {
    let inputs = ["{1,NaN}", "{-Infinity}"].map(str::to_owned);
    for (name, wire) in [("float8", Wire::Float8), ("float4", Wire::Float4)] {
        let seen = ask_with(&format!("x::{name}[]"), "to_json(v)", &inputs).await;
        let unfit: Vec<_> = seen.iter().map(|value| value.encoded(wire.array())).collect();
        assert!(
            unfit.contains(&Err(Unfit::NotANumber)) && unfit.contains(&Err(Unfit::Infinite)),
            "{unfit:?}"
        );
    }
}

/// The text of a range: its bounds in order, either open, of every kind of end.
fn ranges<T: PartialOrd + Clone + std::fmt::Debug>(
    bound: impl Strategy<Value = T>,
    write: impl Fn(&T) -> String + Copy,
) -> impl Strategy<Value = String> {
    let ends = (
        any::<[bool; 2]>(),
        prop_oneof![6 => Just([true, true]), 2 => any::<[bool; 2]>()],
    );
    (proptest::collection::vec(bound, 2), ends).prop_map(move |(mut bounds, (closed, present))| {
        bounds.sort_by(|a, b| a.partial_cmp(b).expect("ordered"));
        let written = |at: usize| {
            if present[at] {
                format!("\"{}\"", write(&bounds[at]))
            } else {
                String::new()
            }
        };
        let (open, close) = (if closed[0] { '[' } else { '(' }, if closed[1] { ']' } else { ')' });
        format!("{open}{},{}{close}", written(0), written(1))
    })
}

fn timestamp(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).expect("a moment");
    at.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
}

#[tokio::test]
async fn ranges_are_as_elasticsearch_has_them() {
    let int4 = with(
        draw(ranges(-1000..1000_i32, i32::to_string), |text| text),
        &["empty", "(,)"],
    );
    assert_rendered(Wire::Range(&Wire::Int4), "x::int4range", RANGE, &int4).await;
    let int8 = draw(
        ranges(any::<i64>().prop_map(|number| number / 2), i64::to_string),
        |text| text,
    );
    assert_rendered(Wire::Range(&Wire::Int8), "x::int8range", RANGE, &int8).await;
    let number = (any::<i32>(), 0..4_u32).prop_map(|(digits, scale)| f64::from(digits) / f64::from(10_u32.pow(scale)));
    let numeric = draw(ranges(number, |number| format!("{number:.4}")), |text| text);
    assert_rendered(Wire::Range(&Wire::Numeric), "x::numrange", RANGE, &numeric).await;
    let moments = || {
        draw(
            ranges(-60_000_000_000_000_000..60_000_000_000_000_000_i64, |micros| {
                timestamp(*micros)
            }),
            |text| text,
        )
    };
    assert_rendered(Wire::Range(&Wire::Timestamptz), "x::tstzrange", RANGE, &moments()).await;
    assert_rendered(Wire::Range(&Wire::Timestamp), "x::tsrange", RANGE, &moments()).await;
    let days = draw(
        ranges(-60_000_000_000_000_000..60_000_000_000_000_000_i64, |micros| {
            timestamp(*micros)[..10].to_owned()
        }),
        |text| text,
    );
    assert_rendered(Wire::Range(&Wire::Date), "x::daterange", RANGE, &days).await;
}

/// The same ranges, of which nothing is known but their JSON.
#[tokio::test]
async fn ranges_of_expressions_are_the_same() {
    let int4 = with(
        draw(ranges(-1000..1000_i32, i32::to_string), |text| text),
        &["empty", "(,)"],
    );
    let moments = draw(
        ranges(-60_000_000_000_000_000..60_000_000_000_000_000_i64, |micros| {
            timestamp(*micros)
        }),
        |text| text,
    );
    for (value, inputs) in [
        ("int4range", &int4),
        ("numrange", &int4),
        ("tstzrange", &moments),
        ("tsrange", &moments),
    ] {
        let rendered = RANGE.replace("(v)", &format!("((v #>> '{{}}')::{value})"));
        assert_rendered(Wire::JsonRange, &format!("to_json(x::{value})"), &rendered, inputs).await;
    }
}

#[tokio::test]
async fn multiranges_are_arrays_of_ranges() {
    let mut connection = crate::support::postgres::connect_to_server().await;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await
        .expect("a version");
    if version < 140_000 {
        return;
    }
    let several = proptest::collection::vec(ranges(-1000..1000_i32, i32::to_string), 0..5);
    let inputs = with(draw(several, |ranges| format!("{{{}}}", ranges.join(","))), &["{}"]);
    let each = RANGE.replace("(v)", "(r)");
    let rendered = format!("coalesce((select json_agg({each} order by r) from unnest(v) r), '[]')");
    let rendered = rendered.replace("unnest(v)", "unnest((v #>> '{}')::int4multirange)");
    assert_rendered(Wire::JsonRange, "to_json(x::int4multirange)", &rendered, &inputs).await;
}

#[tokio::test]
async fn points_are_longitude_and_latitude() {
    let point =
        string_regex("\\(-?[0-9]{1,3}(\\.[0-9]{1,6}[1-9])?,-?[0-9]{1,2}(\\.[0-9]{1,6}[1-9])?\\)").expect("a pattern");
    let inputs = draw(point, |text| text);
    let rendered = "json_build_object('lon', v[0], 'lat', v[1])";
    for seen in ask_with("x::point", rendered, &inputs).await {
        let numbers = |json: &str| {
            let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
            [value["lon"].as_f64(), value["lat"].as_f64()]
        };
        assert_eq!(
            numbers(&seen.encoded(Wire::Point).expect("finite")),
            numbers(&seen.json)
        );
    }
}

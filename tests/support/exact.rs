//! Documents compared to the last digit: a parsed number would hide the difference between 1.0 and 1.00.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Row};

use super::world::World;

/// Documents by id, each as canonical text: keys in order, no blanks, numbers as they were written.
pub type Documents = BTreeMap<String, String>;

/// Waits for everything to settle, then compares every document with what `sql` says: rows of (id text, document json).
pub async fn assert_in_step(world: &World, sql: &str, context: &str) {
    world.settled().await;
    assert_same(&truth(world, sql).await, &found(world).await, context);
}

/// The same after the backfill, and after each of these statements.
pub async fn assert_in_step_after(world: &World, statements: &[&str], sql: &str) {
    assert_in_step(world, sql, "after the backfill").await;
    for statement in statements {
        world.run(statement).await;
        assert_in_step(world, sql, statement).await;
    }
}

/// What independent SQL says.
pub async fn truth(world: &World, sql: &str) -> Documents {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select id, document::text from ({sql}) as truth (id, document)"
    )))
    .fetch_all(&world.pool)
    .await
    .expect(sql);
    rows.iter()
        .map(|row| (row.get(0), canonical(row.get::<&str, _>(1))))
        .collect()
}

/// What the world's index holds, without highwater's own field.
pub async fn found(world: &World) -> Documents {
    found_in(world, &world.index).await
}

/// The same of another index of the world's.
pub async fn found_in(world: &World, index: &str) -> Documents {
    #[derive(serde::Deserialize)]
    struct Answer {
        hits: Hits,
    }
    #[derive(serde::Deserialize)]
    struct Hits {
        hits: Vec<Hit>,
    }
    #[derive(serde::Deserialize)]
    struct Hit {
        #[serde(rename = "_id")]
        id: String,
        #[serde(rename = "_source")]
        source: Box<RawValue>,
    }
    let text = world.search_all(index).await;
    let answer: Answer = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(answer.hits.hits.len() < 10_000, "more documents than one page holds");
    let hits = answer.hits.hits.into_iter();
    hits.map(|hit| (hit.id, canonical(hit.source.get()))).collect()
}

/// The same text for the same JSON.
pub fn canonical(json: &str) -> String {
    let json = json.trim();
    match json.as_bytes().first() {
        Some(b'{') => {
            let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).expect("an object");
            let fields: Vec<String> = fields
                .iter()
                .filter(|(name, _)| *name != "_highwater")
                .map(|(name, value)| format!("{name:?}:{}", canonical(value.get())))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(json).expect("an array");
            let items: Vec<String> = items.iter().map(|item| canonical(item.get())).collect();
            format!("[{}]", items.join(","))
        }
        Some(b'"') => format!("{:?}", serde_json::from_str::<String>(json).expect("a string")),
        _ => exponent(json),
    }
}

/// Postgres writes `1e+20` and `1e-07`, and other writers of shortest floats `1e20` and `1e-7`: the same digits.
fn exponent(number: &str) -> String {
    let Some((digits, exponent)) = number.split_once('e') else {
        return number.to_owned();
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ("-", exponent),
        None => ("", exponent.trim_start_matches('+')),
    };
    format!("{digits}e{sign}{}", exponent.trim_start_matches('0'))
}

/// Names the documents that differ.
pub fn assert_same(truth: &Documents, found: &Documents, context: &str) {
    let ids: std::collections::BTreeSet<_> = truth.keys().chain(found.keys()).collect();
    let wrong: Vec<String> = ids
        .into_iter()
        .filter(|id| truth.get(*id) != found.get(*id))
        .map(|id| format!("{id}\n  should be {:?}\n  is        {:?}", truth.get(id), found.get(id)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{context}: {} of {} documents differ\n{}",
        wrong.len(),
        truth.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}

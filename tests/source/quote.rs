//! Names and texts as Postgres itself reads them back.

use highwater::catalog::{literal, quote};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::{AssertSqlSafe, Column, Row};

use crate::support::postgres::connect_to_server;

/// Of what an identifier may hold: anything but the null character, and no more bytes than Postgres keeps.
const NAMES: &str = "[^\u{0}]{1,15}";

#[tokio::test]
async fn every_name_and_every_text_comes_back() {
    let mut connection = connect_to_server().await;
    let mut runner = TestRunner::default();
    let mut draw = |pattern: &str| {
        let strategy = proptest::string::string_regex(pattern).expect("a pattern");
        strategy.new_tree(&mut runner).expect("a text").current()
    };
    for escaping in ["on", "off"] {
        // `'\'` is one character or none, by this setting.
        let set = format!("set standard_conforming_strings = {escaping}; set escape_string_warning = off");
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut connection)
            .await
            .expect("a setting");
        for _ in 0..20 {
            let name = |draw: &mut dyn FnMut(&str) -> String, at: usize| match at {
                0..8 => draw("[\"'\\\\. A-z;-]{1,15}"),
                _ => draw(NAMES),
            };
            let pairs: Vec<(String, String)> = (0..20)
                .map(|at| (name(&mut draw, at), name(&mut draw, at)))
                .filter(|(name, _)| name.len() < 64)
                .collect();
            let selected = pairs
                .iter()
                .map(|(name, text)| format!("{}::text as {}", literal(text), quote(name)));
            let sql = format!("select {}", selected.collect::<Vec<_>>().join(", "));
            let row = sqlx::raw_sql(AssertSqlSafe(sql.clone()))
                .fetch_one(&mut connection)
                .await;
            let row = row.unwrap_or_else(|error| panic!("{error}: {sql}"));
            for (at, (name, text)) in pairs.iter().enumerate() {
                assert_eq!(
                    (row.column(at).name(), row.get::<&str, _>(at)),
                    (name.as_str(), text.as_str())
                );
            }
        }
    }
}

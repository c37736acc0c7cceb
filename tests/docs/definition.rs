//! `docs/DEFINITION.md` and `README.md`: every definition that they show, run over a bookstore.

use std::fmt::Write as _;

use highwater::definition::Definition;

use super::snippet::snippets;
use crate::support::built::Built;
use crate::support::exact::canonical;
use crate::support::postgres::TestDatabase;

const BOOKSTORE: &str = include_str!("bookstore.sql");

#[tokio::test(flavor = "multi_thread")]
async fn what_it_shows_is_what_is_built() {
    let database = TestDatabase::create().await;
    database.run(BOOKSTORE).await;
    for (file, text) in [
        ("DEFINITION", include_str!("../../docs/DEFINITION.md")),
        ("README", include_str!("../../README.md")),
    ] {
        let snippets = snippets(text);
        let index = |at: usize| format!("{}-{at}", file.to_lowercase());
        let definitions: Vec<Definition> = (0..)
            .zip(&snippets)
            .map(|(at, snippet)| {
                let place = format!("{file}.md, line {}", snippet.line);
                Definition::parse(&place, &snippet.definition(&index(at)))
                    .unwrap_or_else(|mistakes| panic!("{place}: {mistakes}"))
            })
            .collect();
        let mut built = Built::of(&database, &definitions).await;
        let (mut all, mut wrong) = (String::new(), String::new());
        for (at, snippet) in snippets.iter().enumerate() {
            let document = built
                .document(&index(at), "1")
                .await
                .expect("a document of the first row");
            writeln!(all, "{}{document}\n", snippet.text).expect("text");
            if let Some(json) = snippet
                .json
                .as_ref()
                .filter(|json| canonical(json) != canonical(&document))
            {
                writeln!(
                    wrong,
                    "line {}, is said to give\n{json}and gives\n{document}",
                    snippet.line
                )
                .expect("text");
            }
        }
        assert!(wrong.is_empty(), "{file}.md: {wrong}");
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(file, all);
        });
    }
}

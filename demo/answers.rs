//! Questions to a running page whose answers are known from the documentation of Django 5.2: the whole way from a row to a reader.

use crate::elastic::Elastic;
use anyhow::{Result, ensure};
use elasticsearch::http::Method;
use serde_json::Value;

struct Question {
    /// What a reader types and chooses.
    asked: &'static str,
    /// A page that must be among the first answers, and how many answers to look at.
    page: &'static str,
    among: usize,
    /// What the answer must hold, as a reader sees it.
    holds: fn(&Value) -> bool,
    meaning: &'static str,
}

const QUESTIONS: [Question; 6] = [
    Question {
        asked: "q=DATABASES",
        page: "ref/settings",
        among: 1,
        holds: |hit| names(hit).any(|name| name == "DATABASES"),
        meaning: "a setting by its name, with the object it describes",
    },
    Question {
        asked: "q=select_rel",
        page: "ref/models/querysets",
        among: 3,
        holds: |hit| text(&hit["title"]).contains('\u{e000}'),
        meaning: "a word half typed, highlighted",
    },
    Question {
        asked: "q=composite+primary+keys",
        page: "topics/composite-primary-key",
        among: 3,
        holds: |hit| text(&hit["document"]["release"]["series"]) == "5.2",
        meaning: "a page that came with release 5.2",
    },
    Question {
        asked: "q=GeneratedField&kind=class&release=5.2",
        page: "ref/models/fields",
        among: 2,
        holds: |hit| hit["breadcrumb"].as_array().is_some_and(|above| !above.is_empty()),
        meaning: "a class of 5.0 through two facets, with its breadcrumb",
    },
    Question {
        asked: "q=querystring&kind=templatetag",
        page: "ref/templates/builtins",
        among: 1,
        holds: |hit| {
            hit["notes"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|note| note["version"] == "5.1")
        },
        meaning: "a template tag of 5.1, with its version note",
    },
    Question {
        asked: "q=model+field+reference&folder=ref",
        page: "ref/models/fields",
        among: 1,
        holds: |hit| hit["linked_from"].as_array().is_some_and(|links| links.len() >= 3),
        meaning: "a page that many refer to, with their titles",
    },
];

pub async fn check(page: &str) -> Result<()> {
    let page = Elastic::new(page)?; // it speaks JSON to any server
    let mut wrong = 0;
    for question in &QUESTIONS {
        let (status, answer) = page
            .ask(Method::Get, &format!("/search?{}", question.asked), None)
            .await?;
        let hits = answer["hits"].as_array().into_iter().flatten().take(question.among);
        let right = hits
            .into_iter()
            .any(|hit| hit["document"]["path"] == question.page && (question.holds)(hit));
        wrong += usize::from(!right);
        let verdict = if right { "found" } else { "WRONG" };
        println!(
            "  {verdict}: {} ({}, {} hits, {} ms)",
            question.meaning, question.asked, answer["total"], answer["took_ms"]
        );
        if !right {
            println!(
                "    status {status}, first: {}",
                answer.pointer("/hits/0").unwrap_or(&answer)
            );
        }
    }
    ensure!(
        wrong == 0,
        "{wrong} of {} answers are not as they should be",
        QUESTIONS.len()
    );
    Ok(())
}

fn names(hit: &Value) -> impl Iterator<Item = &str> {
    hit["objects"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|object| text(&object["name"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

//! Writes a batch and says what became of each of its documents.

use std::collections::HashMap;

use serde::Deserialize;

use super::client::{Elastic, Request};
use super::error::ElasticError;
use super::outcome::{Item, Outcome};
use super::path::segment;
use crate::draft::{Draft, Drafts, Op};
use elasticsearch::http::Method;

impl Elastic {
    /// Sends the drafts, as one request, and returns an outcome for each, in the drafts' order.
    ///
    /// # Errors
    /// When the request as a whole failed; nothing is known of its documents then, some may have been written.
    pub async fn bulk(&self, index: &str, drafts: &Drafts) -> Result<Vec<Outcome>, ElasticError> {
        if drafts.items.is_empty() {
            return Ok(Vec::new());
        }
        // The server waits up to a minute for shards that are not there: told to give up before we do, it says so for
        // each document, and nothing of the batch is still on its way when it is sent again.
        let patience = self.request_timeout().as_millis() * 2 / 3;
        let path = format!("{}/_bulk?timeout={patience}ms", segment(index));
        let body = self
            .send(&Request::new(Method::Post, path).rows(drafts.body.clone()))
            .await?;
        outcomes(&drafts.items, &body)
    }
}

/// A bulk answer. Its `errors` is not looked at: each item says the same of itself, and an item is believed alone.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    items: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry<'a> {
    #[serde(borrow)]
    Index(Item<'a>),
    #[serde(borrow)]
    Delete(Item<'a>),
}

impl<'a> Entry<'a> {
    fn item(&self) -> (Op, &Item<'a>) {
        match self {
            Self::Index(item) => (Op::Index, item),
            Self::Delete(item) => (Op::Delete, item),
        }
    }

    fn answers(&self, draft: &Draft) -> bool {
        let (op, item) = self.item();
        op == draft.op && *item.id == *draft.id
    }
}

fn outcomes(drafts: &[Draft], body: &[u8]) -> Result<Vec<Outcome>, ElasticError> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| ElasticError::garbled("_bulk", &error))?;
    let items = &answer.items;
    let in_order = items.len() == drafts.len() && items.iter().zip(drafts).all(|(entry, draft)| entry.answers(draft));
    Ok(if in_order {
        items
            .iter()
            .zip(drafts)
            .map(|(entry, draft)| Outcome::of(draft.op, entry.item().1))
            .collect()
    } else {
        by_id(drafts, items)
    })
}

/// The outcomes by id, for an answer whose order or length is not the request's. An id that is answered twice answers
/// nobody: which of the two is meant cannot be known.
fn by_id(drafts: &[Draft], items: &[Entry<'_>]) -> Vec<Outcome> {
    let mut answers: HashMap<&str, Option<&Entry<'_>>> = HashMap::with_capacity(items.len());
    for entry in items {
        answers
            .entry(&entry.item().1.id)
            .and_modify(|known| *known = None)
            .or_insert(Some(entry));
    }
    let mut asked: HashMap<&str, usize> = HashMap::with_capacity(drafts.len());
    for draft in drafts {
        *asked.entry(&draft.id).or_default() += 1;
    }
    drafts
        .iter()
        .map(|draft| match answers.get(&*draft.id) {
            Some(Some(entry)) if entry.answers(draft) && asked.get(&*draft.id) == Some(&1) => {
                Outcome::of(draft.op, entry.item().1)
            }
            Some(_) | None => Outcome::Retry {
                reason: "the answer does not tell".into(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn draft(id: &str, op: Op) -> Draft {
        Draft {
            key: Key::from_text(id),
            id: id.into(),
            routing: None,
            version: crate::draft::Version(0),
            op,
            span: 0..0,
        }
    }

    fn answer(items: &[&str]) -> String {
        format!(r#"{{"errors":true,"took":0,"items":[{}]}}"#, items.join(","))
    }

    const ONE: &str = r#"{"index":{"_index":"h-000001","_id":"1","_version":10,"result":"updated","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1,"status":200}}"#;
    const TWO: &str = r#"{"index":{"_index":"h-000001","_id":"2","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[2]: version conflict, current version [10] is higher than the one provided [9]","index_uuid":"bEAfl03bSSWub9wbAoefOQ","shard":"0","index":"h-000001"}}}"#;
    const GONE: &str = r#"{"delete":{"_index":"h-000001","_id":"zz","_version":9,"result":"not_found","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":2,"_primary_term":1,"status":404}}"#;

    #[test]
    fn answers_find_their_drafts_in_any_order() {
        let drafts = [draft("1", Op::Index), draft("2", Op::Index), draft("zz", Op::Delete)];
        let expected = [
            Outcome::Indexed,
            Outcome::Superseded {
                stored: Some(crate::draft::Version(10)),
            },
            Outcome::Absent,
        ];
        for order in [[ONE, TWO, GONE], [GONE, ONE, TWO]] {
            assert_eq!(outcomes(&drafts, answer(&order).as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn a_draft_without_an_answer_is_not_done() {
        let drafts = [draft("1", Op::Index), draft("2", Op::Index), draft("zz", Op::Delete)];
        let found = outcomes(&drafts, answer(&[ONE, GONE]).as_bytes()).unwrap();
        assert!(
            matches!(found[..], [Outcome::Indexed, Outcome::Retry { .. }, Outcome::Absent]),
            "{found:?}"
        );
        // Of two drafts with one id, one was answered: which one is not known.
        let twins = [draft("1", Op::Index), draft("1", Op::Index)];
        let found = outcomes(&twins, answer(&[ONE]).as_bytes()).unwrap();
        assert!(
            found.iter().all(|outcome| matches!(outcome, Outcome::Retry { .. })),
            "{found:?}"
        );
        // The answer to another operation is no answer.
        let found = outcomes(&[draft("1", Op::Delete)], answer(&[ONE]).as_bytes()).unwrap();
        assert!(matches!(found[..], [Outcome::Retry { .. }]), "{found:?}");
    }

    #[test]
    fn escaped_ids_are_compared_unescaped() {
        let entry = r#"{"index":{"_id":"a\"\u00e9","result":"created","status":201}}"#;
        let found = outcomes(&[draft("a\"é", Op::Index)], answer(&[entry]).as_bytes()).unwrap();
        assert_eq!(found, [Outcome::Indexed]);
    }

    #[test]
    fn an_answer_of_somebody_else_is_garbled() {
        assert!(matches!(
            outcomes(&[draft("1", Op::Index)], b"<html>"),
            Err(ElasticError::Garbled { .. })
        ));
    }
}

//! Measures from outside how soon a committed change can be read in Elasticsearch: by realtime GET, as any client would.
//!
//! All changes not yet seen are asked for in one request, again and again, so that watching costs the servers little and the same
//! at any rate. A change counts as seen when the answer arrives: the figure includes the request and up to one pause between two.

use crate::elastic::Elastic;
use anyhow::Result;
use elasticsearch::http::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// Between an answer and the next question. Shorter would measure finer and take the time from what is measured.
const PAUSE: Duration = Duration::from_millis(2);

/// A change nobody has seen for so long counts as lost.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy)]
pub enum Expected {
    Gone,
    /// The page the section is on has at least this revision.
    Revision(i64),
    /// The text ends in a mark at least as new.
    Mark(i64),
    /// The text ends in no mark.
    Unmarked,
}

#[derive(Debug)]
pub struct Change {
    pub section: i64,
    pub expected: Expected,
    pub committed: Instant,
}

#[derive(Debug, Default)]
pub struct Seen {
    latencies: Vec<Duration>,
    pub lost: usize,
    pub last: Option<Instant>,
}

impl Seen {
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that so many in a hundred did not exceed, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.latencies, percent)
    }
}

/// What so many in a hundred did not exceed, in milliseconds.
pub fn percentile(durations: &[Duration], percent: usize) -> f64 {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .map_or(f64::NAN, |duration| duration.as_secs_f64() * 1000.0)
}

pub struct Watch {
    changes: UnboundedSender<Change>,
    task: JoinHandle<Seen>,
}

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "the handle is kept, and `finish` waits for it")]
    pub fn start(elastic: Elastic, index: String) -> Self {
        let (changes, queue) = unbounded_channel();
        Self {
            changes,
            task: tokio::spawn(watch(elastic, index, queue)),
        }
    }

    pub fn sender(&self) -> UnboundedSender<Change> {
        self.changes.clone()
    }

    /// Waits until the last change is seen or given up. Every other sender must be gone by then.
    pub async fn finish(self) -> Result<Seen> {
        drop(self.changes);
        Ok(self.task.await?)
    }
}

async fn watch(elastic: Elastic, index: String, mut queue: UnboundedReceiver<Change>) -> Seen {
    let (mut seen, mut waiting) = (Seen::default(), Vec::new());
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(change) => waiting.push(change),
                None => return seen,
            }
        }
        while let Ok(change) = queue.try_recv() {
            waiting.push(change);
        }
        if let Ok(documents) = documents(&elastic, &index, &waiting).await {
            let now = Instant::now();
            let mut answers = documents.iter();
            waiting.retain(|change| {
                let arrived = answers
                    .next()
                    .is_some_and(|document| arrived(document, change.expected));
                if arrived {
                    seen.latencies.push(now - change.committed);
                    seen.last = Some(now);
                }
                !arrived
            });
        }
        let before = waiting.len();
        waiting.retain(|change| change.committed.elapsed() < PATIENCE);
        seen.lost += before - waiting.len();
        tokio::time::sleep(PAUSE).await;
    }
}

/// In the order of the changes.
async fn documents(elastic: &Elastic, index: &str, changes: &[Change]) -> Result<Vec<Value>> {
    let wanted = |change: &Change| {
        let field = if matches!(change.expected, Expected::Mark(_) | Expected::Unmarked) {
            "body"
        } else {
            "document.revision"
        };
        json!({ "_id": change.section.to_string(), "_source": [field] })
    };
    let request = json!({ "docs": changes.iter().map(wanted).collect::<Vec<_>>() });
    let (_, mut answer) = elastic
        .ask(Method::Post, &format!("/{index}/_mget"), Some(&request))
        .await?;
    match answer.get_mut("docs").map(Value::take) {
        Some(Value::Array(documents)) => Ok(documents),
        _ => anyhow::bail!("no documents in the answer"),
    }
}

fn arrived(document: &Value, expected: Expected) -> bool {
    let found = document["found"].as_bool();
    match expected {
        Expected::Gone => found == Some(false),
        Expected::Unmarked => document
            .pointer("/_source/body")
            .and_then(Value::as_str)
            .is_some_and(|body| mark_of(body).is_none()),
        Expected::Revision(revision) => {
            document.pointer("/_source/document/revision").and_then(Value::as_i64) >= Some(revision)
        }
        Expected::Mark(mark) => {
            document
                .pointer("/_source/body")
                .and_then(Value::as_str)
                .and_then(mark_of)
                >= Some(mark)
        }
    }
}

/// The mark at the end of a text: `… [edit 17]`.
fn mark_of(body: &str) -> Option<i64> {
    body.strip_suffix(']')?.rsplit_once("[edit ")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_from_the_end() {
        assert_eq!(mark_of("Text [edit 3] more. [edit 17]"), Some(17));
        assert_eq!(mark_of("Text."), None);
    }

    #[test]
    fn an_error_is_not_an_absence() {
        assert!(!arrived(
            &json!({ "_id": "1", "error": { "type": "index_not_found_exception" } }),
            Expected::Gone
        ));
        assert!(arrived(&json!({ "_id": "1", "found": false }), Expected::Gone));
    }

    #[test]
    fn percentiles_take_the_next_rank() {
        let seen = Seen {
            latencies: (1..=100).map(Duration::from_millis).collect(),
            ..Seen::default()
        };
        assert_eq!(
            (seen.percentile(50), seen.percentile(99), seen.percentile(100)),
            (50.0, 99.0, 100.0)
        );
    }
}

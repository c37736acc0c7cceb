//! The fate of one written document: one total match over what Elasticsearch can answer.

use std::borrow::Cow;

use serde::Deserialize;

use super::fault::Fault;
use crate::draft::{Op, Version};

/// What became of a draft. Every case that settles was told by the server; everything else is [`Outcome::Retry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Indexed,
    Deleted,
    /// There was nothing to delete; the delete's version is remembered all the same.
    Absent,
    /// The index holds a newer version, this one if the server said it.
    Superseded {
        stored: Option<Version>,
    },
    /// The document itself is refused, and would be again.
    Rejected {
        /// Error type, field and field type; never a value.
        reason: String,
    },
    /// Not done, for a cause that passes by itself.
    Retry {
        reason: String,
    },
    IndexMissing,
    /// The index as a whole takes no writes until a person does something.
    Blocked {
        reason: String,
    },
    /// The document alone is larger than the server takes.
    TooLarge,
}

impl Outcome {
    /// Whether nothing more needs to be sent for this draft: the index holds it, or newer content.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Indexed | Self::Deleted | Self::Absent | Self::Superseded { .. } => true,
            Self::Rejected { .. } | Self::Retry { .. } | Self::IndexMissing | Self::Blocked { .. } | Self::TooLarge => {
                false
            }
        }
    }

    /// The fate that this answer means for a draft of this kind.
    pub(super) fn of(op: Op, item: &Item<'_>) -> Self {
        match &item.error {
            None => without_fault(op, item.status, item.result.as_deref()),
            Some(fault) => with_fault(item.status, fault),
        }
    }
}

/// One item of a bulk answer.
#[derive(Debug, Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    pub status: u16,
    #[serde(borrow, default)]
    pub result: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub error: Option<Fault<'a>>,
}

fn without_fault(op: Op, status: u16, result: Option<&str>) -> Outcome {
    match (op, status, result) {
        (Op::Index, 200..=299, Some("created" | "updated")) => Outcome::Indexed,
        (Op::Delete, 200..=299, Some("deleted")) => Outcome::Deleted,
        (Op::Delete, 404, Some("not_found")) => Outcome::Absent,
        (Op::Index | Op::Delete, status, _) => Outcome::Retry {
            reason: format!("unclear answer, status {status}"),
        },
    }
}

fn with_fault(status: u16, fault: &Fault<'_>) -> Outcome {
    let kind = &*fault.kind;
    match status {
        // A full disk is answered as 403 or 429; a cluster still starting as 503, which passes.
        400..=499 if kind == "cluster_block_exception" => Outcome::Blocked {
            reason: fault.in_full(),
        },
        400..=499 if concerns_the_index(fault) => Outcome::Blocked {
            reason: fault.without_values(),
        },
        404 if kind == "index_not_found_exception" => Outcome::IndexMissing,
        409 if kind == "version_conflict_engine_exception" => Outcome::Superseded {
            stored: fault.reason.as_deref().and_then(stored_version),
        },
        413 => Outcome::TooLarge,
        400 => Outcome::Rejected {
            reason: fault.without_values(),
        },
        status => Outcome::Retry {
            reason: format!("status {status}: {}", fault.without_values()),
        },
    }
}

/// Complaints that stand at one document but hold for all of them; as dead letters they would bury the whole index.
fn concerns_the_index(fault: &Fault<'_>) -> bool {
    let reason = fault.reason.as_deref().unwrap_or_default();
    match &*fault.kind {
        "index_closed_exception" | "security_exception" | "invalid_index_name_exception" => true,
        "illegal_argument_exception" => ["pipeline with id [", "no write index is defined for alias ["]
            .iter()
            .any(|known| reason.starts_with(known)),
        _ => false,
    }
}

/// The version in `[id]: version conflict, current version [10] is higher than the one provided [9]`, worded alike for
/// index and delete by Elasticsearch and OpenSearch. The id comes first and may hold anything, so the last one counts.
fn stored_version(reason: &str) -> Option<Version> {
    let (_, rest) = reason.rsplit_once("current version [")?;
    let (number, _) = rest.split_once(']')?;
    number.parse().ok().map(Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(op: Op, json: &str) -> Outcome {
        Outcome::of(op, &serde_json::from_str(json).unwrap())
    }

    // Recorded from Elasticsearch 9.5.3 and OpenSearch 3.8.0, shortened.

    #[test]
    fn what_was_done_is_settled() {
        let created = r#"{"_index":"h-000001","_id":"1","_version":10,"result":"created","_seq_no":0,"status":201}"#;
        let updated = r#"{"_index":"h-000001","_id":"1","_version":10,"result":"updated","_seq_no":1,"status":200}"#;
        let deleted = r#"{"_index":"h-000001","_id":"1","_version":11,"result":"deleted","status":200}"#;
        let absent = r#"{"_index":"h-000001","_id":"zz","_version":9,"result":"not_found","status":404}"#;
        assert_eq!(outcome(Op::Index, created), Outcome::Indexed);
        assert_eq!(outcome(Op::Index, updated), Outcome::Indexed);
        assert_eq!(outcome(Op::Delete, deleted), Outcome::Deleted);
        assert_eq!(outcome(Op::Delete, absent), Outcome::Absent);
        for (op, crossed) in [(Op::Delete, created), (Op::Index, deleted), (Op::Index, absent)] {
            assert!(!outcome(op, crossed).is_settled(), "{crossed}");
        }
    }

    #[test]
    fn a_conflict_names_the_stored_version() {
        let conflict = r#"{"_index":"h-000001","_id":"1","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[1]: version conflict, current version [10] is higher than the one provided [9]","index":"h-000001"}}"#;
        assert_eq!(
            outcome(Op::Index, conflict),
            Outcome::Superseded {
                stored: Some(Version(10))
            }
        );
        let odd =
            "[current version [7]]: version conflict, current version [12] is higher or equal to the one provided [9]";
        assert_eq!(stored_version(odd), Some(Version(12)));
        assert_eq!(stored_version("version conflict, document already exists"), None);
    }

    #[test]
    fn a_missing_index_settles_nothing() {
        let missing = r#"{"_index":"h-000001","_id":"1","status":404,"error":{"type":"index_not_found_exception","reason":"no such index [composable template [h-*] forbids index auto creation]","index_uuid":"_na_"}}"#;
        assert_eq!(outcome(Op::Delete, missing), Outcome::IndexMissing);
        assert!(!Outcome::IndexMissing.is_settled());
    }

    #[test]
    fn blocks_are_not_the_documents_fault() {
        let write = r#"{"_id":"1","status":403,"error":{"type":"cluster_block_exception","reason":"index [h-000001] blocked by: [FORBIDDEN/8/index write (api)];"}}"#;
        let flood = r#"{"_id":"1","status":429,"error":{"type":"cluster_block_exception","reason":"index [h-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"}}"#;
        let pipeline = r#"{"_id":"1","status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [enrich] does not exist"}}"#;
        for blocked in [write, flood, pipeline] {
            assert!(
                matches!(outcome(Op::Index, blocked), Outcome::Blocked { .. }),
                "{blocked}"
            );
        }
    }

    #[test]
    fn what_may_pass_is_retried() {
        for (status, kind) in [
            (429, "es_rejected_execution_exception"),
            (503, "unavailable_shards_exception"),
            (503, "cluster_block_exception"),
            (500, "anything"),
            (404, "unheard_of_exception"),
            (409, "another_conflict"),
            (302, "strange"),
        ] {
            let item = format!(r#"{{"_id":"1","status":{status},"error":{{"type":"{kind}","reason":"r"}}}}"#);
            assert!(matches!(outcome(Op::Index, &item), Outcome::Retry { .. }), "{item}");
        }
        assert!(matches!(
            outcome(Op::Index, r#"{"_id":"1","status":200}"#),
            Outcome::Retry { .. }
        ));
    }

    #[test]
    fn a_refused_document_is_rejected_without_its_content() {
        let refused = r#"{"_id":"b","status":400,"error":{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [b] of type [boolean] in document with id 'd'. Preview of field's value: 'secret b'","caused_by":{"type":"illegal_argument_exception","reason":"Failed to parse value [secret b] as only [true] or [false] are allowed."}}}"#;
        let Outcome::Rejected { reason } = outcome(Op::Index, refused) else {
            panic!("not rejected")
        };
        assert!(
            reason.contains("field [b] of type [boolean]") && !reason.contains("secret"),
            "{reason}"
        );
        assert_eq!(
            outcome(
                Op::Index,
                r#"{"_id":"b","status":413,"error":{"type":"x","reason":""}}"#
            ),
            Outcome::TooLarge
        );
    }
}

//! What can go wrong with a request as a whole, what to do about it, and what a person does about it.

use std::time::Duration;

use super::fault::{Complaint, Fault, Refusal};

/// Why a request brought no usable answer. Holds no credentials and no row's content.
#[derive(Debug, thiserror::Error)]
pub enum ElasticError {
    /// The settings cannot work: no URL, a file that is not there, a key that is not one.
    #[error("the settings for Elasticsearch cannot be used: {detail}")]
    Settings { detail: String },
    /// Nobody answered: refused, name not found, certificate not trusted, connection lost.
    #[error("Elasticsearch at {url} cannot be reached: {detail}")]
    Unreachable { url: String, detail: String },
    #[error("Elasticsearch at {url} did not answer within {after:?}")]
    Timeout { url: String, after: Duration },
    /// 401
    #[error("Elasticsearch does not accept the credentials")]
    Unauthorized,
    /// 403, but for blocks
    #[error("Elasticsearch does not permit this: {reason}")]
    Forbidden { reason: String },
    #[error("the index {index} is missing")]
    IndexMissing { index: String },
    /// The index or cluster takes no writes now: read-only, or the disk is full.
    #[error("Elasticsearch has blocked this: {reason}")]
    Blocked { reason: String },
    /// 413
    #[error("the request is larger than Elasticsearch, or a proxy before it, takes")]
    TooLarge,
    /// The connection broke while the body was being written. A server that finds a body too large may close before
    /// its 413 can be read; a server that dies looks the same.
    #[error("the connection to {url} was closed while the request was being sent: {detail}")]
    CutOff { url: String, detail: String },
    /// 429 and 5xx
    #[error("Elasticsearch is busy or starting (status {status}): {reason}")]
    Busy { status: u16, reason: String },
    /// Any other 4xx.
    #[error("Elasticsearch refuses the request (status {status}): {reason}")]
    Refused { status: u16, kind: String, reason: String },
    /// An answer that is not Elasticsearch's.
    #[error("the answer cannot be understood: {detail}")]
    Garbled { detail: String },
}

/// What to do with a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same again, later and later: it passes by itself.
    Retry,
    /// Say so, keep the work, and look again from time to time: it passes when a person has done something outside.
    Wait,
    /// Send the halves. A single document is a dead letter after [`ElasticError::TooLarge`]; after
    /// [`ElasticError::CutOff`] it is retried, since the server may just have died.
    Split,
    /// The same request will never succeed.
    Stop,
}

impl ElasticError {
    /// What to do, for every error.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Busy { .. } => Verdict::Retry,
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::IndexMissing { .. }
            | Self::Blocked { .. }
            | Self::Garbled { .. } => Verdict::Wait,
            Self::TooLarge | Self::CutOff { .. } => Verdict::Split,
            Self::Settings { .. } | Self::Refused { .. } => Verdict::Stop,
        }
    }

    /// What a person does about it, as a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "correct the section `elasticsearch` of the configuration",
            Self::Unreachable { .. } => {
                "check that Elasticsearch runs and that the URL is right (https or http, host, port); for a certificate \
                 of your own, set `ca_file` to the authority's PEM file"
            }
            Self::Timeout { .. } => {
                "check the load of the cluster and the network; nothing is lost, the request is sent again"
            }
            Self::Unauthorized => "check user and password, or the API key, in the configuration",
            Self::Forbidden { .. } => {
                "give the user or API key the cluster privileges `monitor` and `manage_index_templates`, and `all` on the \
                 index's names"
            }
            Self::IndexMissing { .. } => {
                "if the index was deleted on purpose, drop it in highwater too; otherwise rebuild it as a new generation"
            }
            Self::Blocked { .. } => {
                "free disk space, or take the block away (index.blocks.*, index.blocks.read_only_allow_delete); \
                 writing goes on by itself then"
            }
            Self::TooLarge => "raise http.max_content_length in Elasticsearch or the limit of the proxy before it",
            Self::CutOff { .. } => {
                "nothing, if Elasticsearch was restarting; if it comes again, raise http.max_content_length or the limit \
                 of the proxy before it"
            }
            Self::Busy { .. } => "nothing, if it passes; otherwise look at the cluster's health and its queues",
            Self::Refused { .. } => "change what the reason names, in the definition's mapping or settings",
            Self::Garbled { .. } => "check that the URL leads to Elasticsearch or OpenSearch, not to a page before it",
        }
    }

    /// An answer that is not the JSON expected; serde's message names places and types, so the position is enough.
    pub(super) fn garbled(what: &str, error: &serde_json::Error) -> Self {
        let detail = format!(
            "{what}: unexpected JSON at line {}, column {}",
            error.line(),
            error.column()
        );
        Self::Garbled { detail }
    }

    /// The error that an answer with this status and body means; `rows` when the request held row content.
    pub(super) fn from_answer(status: u16, body: &[u8], rows: bool) -> Self {
        let complaint = serde_json::from_slice::<Refusal<'_>>(body)
            .ok()
            .map(|refusal| refusal.error);
        let fault = match complaint {
            Some(Complaint::Fault(fault)) => fault,
            Some(Complaint::Sentence(sentence)) => Fault {
                reason: Some(sentence),
                ..Fault::default()
            },
            None => Fault::default(),
        };
        let reason = if rows { fault.without_values() } else { fault.in_full() };
        match status {
            _ if fault.is("cluster_block_exception") && status != 503 => Self::Blocked { reason },
            401 => Self::Unauthorized,
            403 => Self::Forbidden { reason },
            404 if fault.is("index_not_found_exception") => Self::IndexMissing {
                index: fault.index.unwrap_or_default().into_owned(),
            },
            413 => Self::TooLarge,
            408 | 429 | 500..=599 => Self::Busy { status, reason },
            400..=499 => Self::Refused {
                status,
                kind: fault.kind.into_owned(),
                reason,
            },
            other => Self::Garbled {
                detail: format!("status {other}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> Verdict {
        ElasticError::from_answer(status, body.as_bytes(), false).verdict()
    }

    #[test]
    fn statuses_have_their_verdicts() {
        assert_eq!(verdict(401, ""), Verdict::Wait);
        assert_eq!(
            verdict(403, r#"{"error":{"type":"security_exception"}}"#),
            Verdict::Wait
        );
        assert_eq!(verdict(413, ""), Verdict::Split);
        assert_eq!(
            verdict(429, r#"{"error":{"type":"es_rejected_execution_exception"}}"#),
            Verdict::Retry
        );
        assert_eq!(verdict(502, "<html>"), Verdict::Retry);
        assert_eq!(
            verdict(400, r#"{"error":"no handler found for uri [/x] and method [POST]"}"#),
            Verdict::Stop
        );
        assert_eq!(verdict(302, ""), Verdict::Wait);
    }

    #[test]
    fn a_full_disk_is_a_block_though_its_status_is_429() {
        let body = br#"{"error":{"root_cause":[{"type":"cluster_block_exception"}],"type":"cluster_block_exception","reason":"index [h-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"},"status":429}"#;
        let error = ElasticError::from_answer(429, body, false);
        assert!(
            matches!(&error, ElasticError::Blocked { reason } if reason.contains("flood-stage")),
            "{error}"
        );
        assert_eq!(error.verdict(), Verdict::Wait);
    }

    #[test]
    fn a_cluster_that_is_still_starting_is_busy() {
        let body = r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"},"status":503}"#;
        assert_eq!(verdict(503, body), Verdict::Retry);
    }

    #[test]
    fn a_missing_index_is_named() {
        let body = br#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [nope]","resource.type":"index_or_alias","resource.id":"nope","index_uuid":"_na_","index":"nope"}],"type":"index_not_found_exception","reason":"no such index [nope]","index":"nope"},"status":404}"#;
        let error = ElasticError::from_answer(404, body, false);
        assert_eq!(error.to_string(), "the index nope is missing");
    }

    #[test]
    fn a_refused_bulk_request_does_not_quote_its_body() {
        let body = br#"{"error":{"type":"x_content_parse_exception","reason":"[1:2] Unrecognized token 'secret'"},"status":400}"#;
        let error = ElasticError::from_answer(400, body, true);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

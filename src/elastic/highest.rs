//! The highest version that any document of an index was built at.

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Elastic, Request};
use super::document::{Hit, MARK_FIELD, Stored};
use super::error::ElasticError;
use super::path::segment;
use crate::draft::Version;

#[derive(Deserialize)]
struct Answer {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Shards {
    failed: u32,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

impl Elastic {
    /// By what the documents say of themselves; `None` where there is no index, or no document of ours in it. What a
    /// search does not see yet does not count: refresh first.
    pub async fn highest_version(&self, index: &str) -> Result<Option<Version>, ElasticError> {
        let highest_first = json!({
            "size": 1,
            "version": true,
            "track_total_hits": false,
            "_source": [MARK_FIELD],
            // Without `unmapped_type` an index that has never seen a mark could not be asked.
            "sort": [{ format!("{MARK_FIELD}.version"): { "order": "desc", "missing": "_last", "unmapped_type": "long" } }],
        });
        let path = format!("{}/_search", segment(index));
        let answer: Answer = match self.ask(&Request::new(Method::Post, path).json(&highest_first)?).await {
            Err(ElasticError::IndexMissing { .. }) => return Ok(None),
            other => other?,
        };
        if answer.timed_out || answer.shards.failed > 0 {
            return Err(ElasticError::Busy {
                status: 200,
                reason: "some shards did not answer the search".into(),
            });
        }
        let highest = answer.hits.hits.into_iter().map(Stored::from).next();
        Ok(highest.and_then(|stored| stored.mark).map(|mark| Version(mark.version)))
    }
}

//! The highest version that any document of an index was built at.

use elasticsearch::http::Method;
use serde_json::json;

use super::client::{Elastic, Request};
use super::document::{MARK_FIELD, Stored};
use super::error::ElasticError;
use super::path::segment;
use super::scan::Page;
use crate::draft::Version;

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
        let answer: Page = match self.ask(&Request::new(Method::Post, path).json(&highest_first)?).await {
            Err(ElasticError::IndexMissing { .. }) => return Ok(None),
            other => other?,
        };
        let highest = answer.hits()?.into_iter().map(Stored::from).next();
        Ok(highest.and_then(|stored| stored.mark).map(|mark| Version(mark.version)))
    }
}

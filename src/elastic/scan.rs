//! A walk over everything an index holds, as of one moment, in order of key.
//!
//! Documents that highwater did not write have no key and come last. The walk reads a point in time, so a document
//! that moves in the order while it is walked is seen once; two copies of one id under different routings are both seen.

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::client::{Elastic, Request};
use super::document::{Hit, MARK_FIELD, Stored};
use super::error::ElasticError;
use super::path::segment;
use super::product::Distribution;

/// How long the server keeps the point in time after each page: time enough to deal with a page, short enough that a
/// walk that was dropped does not hold merged segments for long.
const KEEP_ALIVE: &str = "5m";

/// A walk under way. Close it at the end; one that is dropped ends at the server after `KEEP_ALIVE`.
#[derive(Debug)]
pub struct Scan {
    elastic: Elastic,
    distribution: Distribution,
    tie_breaker: &'static str,
    point: String,
    size: usize,
    after: Position,
}

#[derive(Debug)]
enum Position {
    Start,
    /// Behind the document with these sort values.
    Behind(Box<RawValue>),
    End,
}

#[derive(Deserialize)]
struct Opened {
    #[serde(alias = "pit_id")]
    id: String,
}

/// The answer to a search.
#[derive(Deserialize)]
pub(super) struct Page {
    pit_id: Option<String>,
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

impl Page {
    /// The hits, unless some part of the index has not answered.
    pub(super) fn hits(self) -> Result<Vec<Hit>, ElasticError> {
        if self.timed_out || self.shards.failed > 0 {
            return Err(ElasticError::Busy {
                status: 200,
                reason: "some shards did not answer the search".into(),
            });
        }
        Ok(self.hits.hits)
    }
}

impl Elastic {
    /// Begins a walk in pages of `size`. What a search does not see yet is not in it: refresh first.
    pub async fn scan_marks(&self, index: &str, size: usize) -> Result<Scan, ElasticError> {
        let product = self.product().await?;
        let point = match product.distribution {
            Distribution::Elasticsearch => "_pit",
            Distribution::OpenSearch => "_search/point_in_time",
        };
        let path = format!("{}/{point}?keep_alive={KEEP_ALIVE}", segment(index));
        let opened: Opened = self.ask(&Request::new(Method::Post, path)).await?;
        Ok(Scan {
            elastic: self.clone(),
            distribution: product.distribution,
            tie_breaker: product.tie_breaker(),
            point: opened.id,
            size,
            after: Position::Start,
        })
    }
}

impl Scan {
    /// The next documents; none at the end. After an error of the kind that passes, the same page can be asked again.
    ///
    /// # Errors
    /// [`ElasticError::Refused`] with status 404 when the server has lost the point in time: begin anew.
    pub async fn page(&mut self) -> Result<Vec<Stored>, ElasticError> {
        if matches!(self.after, Position::End) {
            return Ok(Vec::new());
        }
        let mut page: Page = self
            .elastic
            .ask(&Request::new(Method::Post, "_search").json(&self.search())?)
            .await?;
        let point = page.pit_id.take();
        let mut hits = page.hits()?;
        if let Some(point) = point {
            self.point = point;
        }
        self.after = match hits.last_mut() {
            Some(last) => Position::Behind(last.sort.take().ok_or_else(unsorted)?),
            None => Position::End,
        };
        Ok(hits.into_iter().map(Stored::from).collect())
    }

    /// Ends the walk at the server, too.
    ///
    /// # Errors
    /// As every request; the point in time then ends by itself.
    pub async fn close(self) -> Result<(), ElasticError> {
        let (path, body) = match self.distribution {
            Distribution::Elasticsearch => ("_pit", json!({ "id": self.point })),
            Distribution::OpenSearch => ("_search/point_in_time", json!({ "pit_id": [self.point] })),
        };
        match self
            .elastic
            .send(&Request::new(Method::Delete, path).json(&body)?)
            .await
        {
            Ok(_) | Err(ElasticError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn search(&self) -> Value {
        let mut search = json!({
            "pit": { "id": self.point, "keep_alive": KEEP_ALIVE },
            "size": self.size,
            "version": true,
            "track_total_hits": false,
            "_source": [MARK_FIELD],
            // Without `unmapped_type` an index that has never seen a mark could not be walked.
            "sort": [
                { format!("{MARK_FIELD}.key"): { "order": "asc", "missing": "_last", "unmapped_type": "keyword" } },
                { self.tie_breaker: "asc" },
            ],
        });
        if let Position::Behind(values) = &self.after {
            search["search_after"] = json!(values);
        }
        search
    }
}

fn unsorted() -> ElasticError {
    ElasticError::Garbled {
        detail: "_search: a hit without its place in the order".into(),
    }
}

//! How much is built and sent at once. Bytes are bytes of NDJSON.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Builders of the lane of single changes. Two: one builds while the other's batch is on its way.
    pub workers: usize,
    /// Builders of the lane of backfills and storms, likewise.
    pub backfill_workers: usize,
    /// Documents built in one snapshot. Above 2,000 the statements' fixed cost no longer shows.
    pub batch_keys: usize,
    /// A bulk request of the backfill lane. Measured: from 5 to 15 MB the throughput is the same, at 1 MB 15 % lower.
    pub body_bytes: usize,
    /// A bulk request of the live lane: small, so that a single change is not stuck behind a large body.
    pub live_body_bytes: usize,
    /// Built and not yet acknowledged, of all workers together; building waits above it. This bounds the memory.
    pub queue_bytes: usize,
    /// A document above this is a dead letter. Elasticsearch takes 100 MB in a request; one document of this size is
    /// almost always a relation without a limit.
    pub max_document_bytes: usize,
    /// From the snapshot to the acknowledgement; an older batch is dropped and built anew, smaller. Far below
    /// Elasticsearch's memory of deleted documents (one hour on our indexes), which a late write must not outlive.
    pub max_batch_age: Duration,
    /// The first wait after a refusal that passes (429, 5xx, no connection); doubled each time.
    pub retry_min: Duration,
    /// The longest such wait: how much later than Elasticsearch itself we are back.
    pub retry_max: Duration,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        Self {
            workers: 2,
            backfill_workers: 2,
            batch_keys: 2000,
            body_bytes: 8_000_000,
            live_body_bytes: 1_000_000,
            queue_bytes: 64 << 20,
            max_document_bytes: 16_000_000,
            max_batch_age: Duration::from_mins(1),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(10),
        }
    }
}

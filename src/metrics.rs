//! What the daemon counts: every metric's name, unit and meaning, and a small function that records it.
//!
//! Names begin with `highwater_`, counters end in `_total`, units are base units. Labels are names of indexes, topics and
//! outcomes, of which there are few; never a key, of which there are millions.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub const DOCUMENTS_INDEXED: &str = "highwater_documents_indexed_total";
pub const DOCUMENTS_DELETED: &str = "highwater_documents_deleted_total";
pub const DOCUMENTS_FAILED: &str = "highwater_documents_failed_total";
pub const BULK_REQUESTS: &str = "highwater_bulk_requests_total";
pub const BULK_DURATION: &str = "highwater_bulk_duration_seconds";
pub const BUILD_DURATION: &str = "highwater_build_duration_seconds";
pub const DB_QUERY_DURATION: &str = "highwater_db_query_duration_seconds";
pub const CLAIM_TOUCHES: &str = "highwater_claim_touches_total";
pub const KAFKA_MESSAGES: &str = "highwater_kafka_messages_total";
pub const WATERMARK_LAG: &str = "highwater_watermark_lag_seconds";
pub const DEAD_LETTERS: &str = "highwater_dead_letters";
pub const PARKED: &str = "highwater_parked";
pub const TOUCHES_WAITING: &str = "highwater_touches_waiting";
pub const BACKFILL_PROGRESS: &str = "highwater_backfill_progress_ratio";
pub const BYTES_UNDER_WAY: &str = "highwater_bytes_under_way";
pub const BYTES_UNDER_WAY_HIGHEST: &str = "highwater_bytes_under_way_highest";
pub const BUILD_INFO: &str = "highwater_build_info";

/// Bounds of the histograms, in seconds: from a single document on an idle server (a few milliseconds) to the timeout
/// of a request.
const DURATIONS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Why a document became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Postgres cannot compute it, or its rows contradict the definition.
    Build,
    /// Elasticsearch does not take it.
    Refused,
    /// It exceeds the largest size that is sent.
    Size,
}

impl Failure {
    fn label(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Refused => "refused",
            Self::Size => "size",
        }
    }
}

/// Records for the whole process from now on; the handle renders what was recorded.
///
/// # Errors
/// Another recorder was installed before.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    describe();
    Ok(handle)
}

/// A recorder that is not installed, with the bounds of our histograms.
///
/// # Errors
/// None with these bounds; the builder asks.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new().set_buckets(&DURATIONS)?.build_recorder())
}

/// Tells the recorder in force what each metric means.
pub fn describe() {
    let count = Unit::Count;
    describe_counter!(
        DOCUMENTS_INDEXED,
        count,
        "Documents that Elasticsearch holds as built, or newer"
    );
    describe_counter!(
        DOCUMENTS_DELETED,
        count,
        "Documents deleted because their row is gone or filtered out"
    );
    describe_counter!(
        DOCUMENTS_FAILED,
        count,
        "Documents that became dead letters, by reason: build, refused, size"
    );
    describe_counter!(BULK_REQUESTS, count, "Bulk requests, by status: ok, failed");
    describe_histogram!(
        BULK_DURATION,
        Unit::Seconds,
        "From sending a bulk request to its answer"
    );
    describe_histogram!(
        BUILD_DURATION,
        Unit::Seconds,
        "Building one batch of documents in one snapshot"
    );
    describe_histogram!(
        DB_QUERY_DURATION,
        Unit::Seconds,
        "What the touch log asks of Postgres, by query: claim, resolve, settle"
    );
    describe_counter!(CLAIM_TOUCHES, count, "Touches taken from the touch log");
    describe_counter!(KAFKA_MESSAGES, count, "Messages of Kafka that woke the daemon");
    describe_gauge!(
        WATERMARK_LAG,
        Unit::Seconds,
        "Age of the oldest change that is not in the index yet"
    );
    describe_gauge!(DEAD_LETTERS, count, "Dead letters now");
    describe_gauge!(PARKED, count, "Keys that wait until their index takes documents again");
    describe_gauge!(TOUCHES_WAITING, count, "Touches not yet claimed");
    describe_gauge!(
        BACKFILL_PROGRESS,
        count,
        "Part of the backfill that is done, from 0 to 1; an estimate"
    );
    describe_gauge!(BYTES_UNDER_WAY, Unit::Bytes, "Documents built and not yet acknowledged");
    describe_gauge!(
        BYTES_UNDER_WAY_HIGHEST,
        Unit::Bytes,
        "The most that were under way at once since the start"
    );
    describe_gauge!(BUILD_INFO, count, "Always 1; the label tells the version");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

pub fn indexed(index: &str) {
    counter!(DOCUMENTS_INDEXED, "index" => index.to_owned()).increment(1);
}

pub fn deleted(index: &str) {
    counter!(DOCUMENTS_DELETED, "index" => index.to_owned()).increment(1);
}

pub fn failed(index: &str, why: Failure) {
    counter!(DOCUMENTS_FAILED, "index" => index.to_owned(), "reason" => why.label()).increment(1);
}

/// A bulk request was answered (`ok`), or failed as a whole.
pub fn bulk(elapsed: Duration, ok: bool) {
    counter!(BULK_REQUESTS, "status" => if ok { "ok" } else { "failed" }).increment(1);
    histogram!(BULK_DURATION).record(elapsed);
}

/// A batch was built.
pub fn built(elapsed: Duration) {
    histogram!(BUILD_DURATION).record(elapsed);
}

/// A step of the touch log in Postgres was done; `name` is one of a few written in the source.
pub fn queried(name: &'static str, elapsed: Duration) {
    histogram!(DB_QUERY_DURATION, "query" => name).record(elapsed);
}

pub fn claimed(touches: u64) {
    counter!(CLAIM_TOUCHES).increment(touches);
}

pub fn kafka_message(topic: &str) {
    counter!(KAFKA_MESSAGES, "topic" => topic.to_owned()).increment(1);
}

pub fn watermark_lag(index: &str, lag: Duration) {
    gauge!(WATERMARK_LAG, "index" => index.to_owned()).set(lag);
}

pub fn dead_letters(index: &str, now: u64) {
    gauge!(DEAD_LETTERS, "index" => index.to_owned()).set(now as f64);
}

pub fn parked(index: &str, now: u64) {
    gauge!(PARKED, "index" => index.to_owned()).set(now as f64);
}

pub fn touches_waiting(now: u64) {
    gauge!(TOUCHES_WAITING).set(now as f64);
}

/// Now, and at most since the start.
pub fn bytes_under_way(now: usize, highest: usize) {
    gauge!(BYTES_UNDER_WAY).set(now as f64);
    gauge!(BYTES_UNDER_WAY_HIGHEST).set(highest as f64);
}

/// `total` is an estimate, and 0 where nothing is to do.
pub fn backfill_progress(index: &str, done: u64, total: u64) {
    let ratio = if total == 0 {
        1.0
    } else {
        (done as f64 / total as f64).min(1.0)
    };
    gauge!(BACKFILL_PROGRESS, "index" => index.to_owned()).set(ratio);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(record: impl FnOnce()) -> String {
        let recorder = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            describe();
            record();
        });
        recorder.handle().render()
    }

    #[test]
    fn every_metric_is_described_and_recorded() {
        let text = rendered(|| {
            indexed("books");
            deleted("books");
            failed("books", Failure::Build);
            bulk(Duration::from_millis(7), true);
            built(Duration::from_millis(7));
            queried("claim", Duration::from_millis(7));
            claimed(3);
            kafka_message("orders");
            watermark_lag("books", Duration::from_millis(1500));
            dead_letters("books", 1);
            parked("books", 2);
            touches_waiting(3);
            bytes_under_way(5, 7);
            backfill_progress("books", 1, 4);
        });
        let described = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).count();
        let typed = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!((described, typed), (17, 17), "{text}");
        for line in [
            "highwater_documents_failed_total{index=\"books\",reason=\"build\"} 1",
            "highwater_bulk_requests_total{status=\"ok\"} 1",
            "highwater_bulk_duration_seconds_bucket{le=\"0.01\"} 1",
            "highwater_db_query_duration_seconds_count{query=\"claim\"} 1",
            "highwater_claim_touches_total 3",
            "highwater_bytes_under_way 5",
            "highwater_bytes_under_way_highest 7",
            "highwater_watermark_lag_seconds{index=\"books\"} 1.5",
            "highwater_backfill_progress_ratio{index=\"books\"} 0.25",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        let text = rendered(|| backfill_progress("books", 0, 0));
        assert!(
            text.contains("highwater_backfill_progress_ratio{index=\"books\"} 1\n"),
            "{text}"
        );
    }
}

//! The sections that say how the work is done.

use super::section::{Section, Written};
use crate::feed::settings::{Feed, FeedSettings, TouchLogSettings};
use crate::http::settings::HttpSettings;
use crate::job::settings::{CaptureMode, JobSettings};
use crate::mistake::Mistakes;
use crate::pipeline::settings::PipelineSettings;
use crate::yaml::excerpt;

pub(super) fn feeds(section: &mut Section<'_>) -> Vec<Feed> {
    let Some(written) = section.list("feeds") else {
        return FeedSettings::default().feeds;
    };
    if written.is_empty() {
        let place = section.place("feeds");
        section
            .mistakes
            .add(&place, "no feed", "write `[touch_log]`, or leave the key out");
    }
    for Written { text, place } in written.iter().filter(|written| written.text != "touch_log") {
        let found = match text.as_str() {
            "due" => "`due` is no feed to be named: it works wherever a definition has `due:`".to_owned(),
            "kafka" | "last_touched" => format!("the feed `{text}` is not supported yet"),
            _ => format!("`{}` is no feed", excerpt(text)),
        };
        section.mistakes.add(
            place,
            found,
            "write `[touch_log]`; where `kafka:` is set, its messages wake it",
        );
    }
    vec![Feed::TouchLog]
}

pub(super) fn touch_log(section: &mut Section<'_>) -> TouchLogSettings {
    let default = TouchLogSettings::default();
    let settings = TouchLogSettings {
        claim_size: section.count("claim_size", default.claim_size, 1..=100_000),
        claims: section.count("claims", default.claims, 1..=64),
        poll_min: section.duration("poll_min", default.poll_min),
        poll_max: section.duration("poll_max", default.poll_max),
        close_after: section.duration("close_after", default.close_after),
        expansion_above: section.count("expansion_above", default.expansion_above, 1..=1_000_000_000),
    };
    not_above(section, "poll_min", "poll_max", settings.poll_min <= settings.poll_max);
    settings
}

pub(super) fn pipeline(section: &mut Section<'_>) -> PipelineSettings {
    let default = PipelineSettings::default();
    let settings = PipelineSettings {
        workers: section.count("workers", default.workers, 1..=64),
        backfill_workers: section.count("backfill_workers", default.backfill_workers, 1..=64),
        batch_keys: section.count("batch_keys", default.batch_keys, 1..=100_000),
        body_bytes: section.bytes("body_bytes", default.body_bytes),
        live_body_bytes: section.bytes("live_body_bytes", default.live_body_bytes),
        queue_bytes: section.bytes("queue_bytes", default.queue_bytes),
        max_document_bytes: section.bytes("max_document_bytes", default.max_document_bytes),
        max_batch_age: section.duration("max_batch_age", default.max_batch_age),
        retry_min: section.duration("retry_min", default.retry_min),
        retry_max: section.duration("retry_max", default.retry_max),
    };
    for (low, high, holds) in [
        ("retry_min", "retry_max", settings.retry_min <= settings.retry_max),
        (
            "live_body_bytes",
            "body_bytes",
            settings.live_body_bytes <= settings.body_bytes,
        ),
        ("body_bytes", "queue_bytes", settings.body_bytes <= settings.queue_bytes),
        (
            "max_document_bytes",
            "queue_bytes",
            settings.max_document_bytes <= settings.queue_bytes,
        ),
    ] {
        not_above(section, low, high, holds);
    }
    settings
}

fn not_above(section: &mut Section<'_>, low: &str, high: &str, holds: bool) {
    if !holds {
        let place = section.place(if section.was_read(low) { low } else { high });
        section.mistakes.add(
            &place,
            format!("`{low}` is above `{high}`"),
            format!("raise `{high}`, or lower `{low}`"),
        );
    }
}

/// `jobs:` and `capture:`, which belong to one module and are two subjects to whoever writes them.
pub(super) fn jobs(top: &mut Section<'_>, mistakes: &mut Mistakes) -> JobSettings {
    let default = JobSettings::default();
    let mut capture = top.nested("capture");
    let modes = [("manage", CaptureMode::Manage), ("check", CaptureMode::Check)];
    let mode = capture.choice("mode", default.capture, &modes);
    let mut jobs = top.nested("jobs");
    let settings = JobSettings {
        capture: mode,
        capture_lease: capture.duration("lease", default.capture_lease),
        max_touches: capture.count("max_touches", default.max_touches, 1000..=1_000_000_000_000),
        backfill_range: jobs.count("backfill_range", default.backfill_range, 1..=1_000_000),
        delete_repeat_after: jobs.duration("delete_repeat_after", default.delete_repeat_after),
        drift_every: jobs.duration("drift_every", default.drift_every),
        clock_every: jobs.duration("clock_every", default.clock_every),
        nonce_every: jobs.duration("nonce_every", default.nonce_every),
        watermark_every: jobs.duration("watermark_every", default.watermark_every),
        jobs_kept: jobs.duration("kept", default.jobs_kept),
    };
    capture.finish(mistakes);
    jobs.finish(mistakes);
    settings
}

pub(super) fn http(section: &mut Section<'_>) -> HttpSettings {
    let default = HttpSettings::default();
    HttpSettings {
        listen: section.value(
            "listen",
            default.listen,
            "an address and port, such as `127.0.0.1:9650`",
            |text| text.parse().ok(),
        ),
        token: section.secret("token", "token_file"),
    }
}

//! When the work that outlives a daemon runs, and what bounds capture.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct JobSettings {
    pub capture: CaptureMode,
    /// How long triggers go on logging after the last daemon was seen. A week outlasts a long weekend's outage; after it
    /// the log stops growing, and a daemon that returns verifies everything.
    pub capture_lease: Duration,
    /// Touches in the log at which triggers stop logging, likewise. About 10 GB.
    pub max_touches: u64,
    /// Keys in one range of a backfill: one batch, so that a crash repeats one.
    pub backfill_range: u32,
    /// When each delete is sent a second time: Elasticsearch forgets the versions of deleted documents when a shard
    /// restarts or moves, and by then no older write is on its way any more.
    pub delete_repeat_after: Duration,
    /// Between two comparisons of the installed triggers with what they should be.
    pub drift_every: Duration,
    /// Between two marks written to the ledger and to Elasticsearch, by which a copy or an older state is recognised.
    pub nonce_every: Duration,
    /// Between two recordings of how far each table is in the index. What people watch should not lag by more.
    pub watermark_every: Duration,
    /// Between two looks for moments that have come: four a second, so that documents follow within one. A look reads one
    /// entry of an index for each column.
    pub clock_every: Duration,
    /// How long jobs that are done stay in the ledger: whoever looks at it in the morning sees what the night did, and a
    /// source of expansions does not fill it.
    pub jobs_kept: Duration,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            capture: CaptureMode::default(),
            capture_lease: Duration::from_hours(7 * 24),
            max_touches: 50_000_000,
            backfill_range: 2000,
            delete_repeat_after: Duration::from_mins(5),
            drift_every: Duration::from_mins(1),
            nonce_every: Duration::from_mins(1),
            watermark_every: Duration::from_secs(1),
            clock_every: Duration::from_millis(250),
            jobs_kept: Duration::from_hours(24),
        }
    }
}

/// Who installs and mends the triggers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureMode {
    /// highwater, where its role may: an index should not need a second step before it works.
    #[default]
    Manage,
    /// Someone else, by their own migrations: a difference is only told.
    Check,
}

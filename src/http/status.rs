//! The state of everything, as one value: the page shows it, `/v1/status` gives it to programs.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::ready;
use crate::ledger::status as ledger;
use crate::ledger::watermark::Watermark;

/// All there is to say.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Of the daemon.
    pub version: &'static str,
    /// Of the ledger's set of generations and definitions.
    pub revision: i64,
    /// Changes may have been missed; a sweep is to come.
    pub suspect: bool,
    /// Not yet claimed; counted up to a bound of the ledger's.
    pub touches_waiting: i64,
    pub indexes: Vec<Index>,
    pub watermarks: Vec<Watermark>,
}

/// One fed generation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Index {
    pub index: String,
    pub generation: String,
    pub state: ready::State,
    /// All is built, and looked at once more before the alias moves.
    pub verifying: bool,
    /// Of the jobs that are open; the total is an estimate, and both are 0 where there is no job.
    pub documents_done: i64,
    pub documents_total: i64,
    /// Age of the oldest change that it lacks.
    pub watermark_lag_seconds: Option<f64>,
    pub dead: i64,
    pub parked: i64,
    /// Why it does not take every document now.
    pub waiting: Option<String>,
    /// Since when; by the oldest change that it lacks, where only the ledger knows.
    pub waiting_since: Option<DateTime<Utc>>,
}

impl Status {
    /// From what the ledger knows; `lag` tells the age of the oldest change an index lacks, in seconds.
    #[must_use]
    pub fn new(ledger: ledger::Status, lag: impl Fn(&str) -> Option<f64>) -> Self {
        let index = |row: ledger::IndexStatus| Index {
            watermark_lag_seconds: lag(&row.index),
            state: if row.state == "live" {
                ready::State::Live
            } else {
                ready::State::Building
            },
            verifying: row.verifying,
            index: row.index,
            generation: row.generation,
            documents_done: row.documents_done,
            documents_total: row.documents_total,
            dead: row.dead,
            parked: row.parked,
            waiting: row.parked_reason,
            waiting_since: row.parked_since,
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            revision: ledger.revision,
            suspect: ledger.suspect,
            touches_waiting: ledger.touches_waiting,
            indexes: ledger.indexes.into_iter().map(index).collect(),
            watermarks: ledger.watermarks,
        }
    }
}

//! Moves `highwater.clock()` on when a row's moment has come, and has the row touched.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::JobError;
use crate::ledger::clock::{self, Timed};
use crate::pipeline::Fleet;
use crate::pipeline::worker::Shared;
use crate::plan::Due;
use crate::source::Postgres;

pub struct Clock {
    pub postgres: Postgres,
    pub shared: Shared,
    /// Between two looks.
    pub every: Duration,
}

/// A look takes at most one part in so many of the time: without an index it reads a whole table.
const REST: u32 = 20;

impl Clock {
    /// Runs until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let started = Instant::now();
            let turn = tokio::select! {
                () = stop.cancelled() => return, // what was begun is rolled back
                turn = self.turn() => turn,
            };
            let mut pause = self.every.max(started.elapsed() * REST);
            if let Err(error) = turn {
                tracing::warn!(error = %error, "the clock has to wait");
                self.shared.replan.notify_one(); // the tables may not be what they were
                pause = pause.max(Duration::from_secs(1));
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn turn(&self) -> Result<(), JobError> {
        let fleet = self.shared.fleet.borrow().clone();
        let (timed, pool) = (timed(&fleet), self.postgres.pool());
        if self.postgres.within(clock::is_due(pool, &timed.dues)).await? {
            self.postgres.within(clock::advance(pool)).await?;
            let touched = clock::touch_passed(pool, &timed);
            self.postgres.unless_lost(touched, || clock::is_untaken(pool)).await?;
        }
        Ok(())
    }
}

/// Each column once, whatever the number of indexes that name it.
fn timed(fleet: &Fleet) -> Timed<'_> {
    let mut dues: Vec<&Due> = Vec::new();
    for due in fleet.plans().flat_map(|(_, plan)| &plan.dues) {
        if !dues.contains(&due) {
            dues.push(due);
        }
    }
    let unplanned = fleet.generations.values().filter(|generation| generation.plan.is_err());
    Timed {
        revision: fleet.revision,
        dues,
        unplanned: unplanned.map(|generation| generation.id).collect(),
    }
}

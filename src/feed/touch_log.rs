//! The touch log: claims touches, has their documents written, and removes them in the commit that says so.
//!
//! A claim is never given up silently. When the last key is settled it is committed; after a minute it is closed: what
//! is settled goes, the rest is parked in the ledger, in one commit. Rolled back instead, the same oldest touches would
//! be taken again for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::settings::TouchLogSettings;
use crate::copies::Copies;
use crate::ledger::claim::{self, Claim, End};
use crate::ledger::job::NewJob;
use crate::ledger::{LedgerError, Settlement};
use crate::metrics;
use crate::pipeline::intake;
use crate::pipeline::receipt::{Closed, Receipt};
use crate::pipeline::record::{park, record};
use crate::pipeline::worker::Shared;
use crate::pipeline::{Fleet, Lane};
use crate::source::{Postgres, SourceError};

/// Claims and settles; several run side by side.
pub struct TouchLog {
    pub postgres: Postgres,
    pub shared: Shared,
    pub settings: TouchLogSettings,
    /// After how long deletes are sent again.
    pub repeat_deletes_after: Duration,
    /// Cuts a wait short: an event came in.
    pub wake: Arc<Notify>,
    /// Whose turn it is to look.
    pub turn: Arc<Mutex<Turn>>,
}

/// A claim that failed; the touches are in the log as before.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// After a failure.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// How the log is looked at; shared by those who claim.
#[derive(Debug)]
pub struct Turn {
    pause: Duration,
    end: End,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            pause: Duration::ZERO,
            end: End::Oldest,
        }
    }
}

impl TouchLog {
    /// Runs until stopped; a claim under way is finished or closed first.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let taken = tokio::select! {
                () = stop.cancelled() => return,
                taken = self.next() => taken,
            };
            let Some((claim, end)) = taken else { continue };
            let full = claim.touches.len() >= self.settings.claim_size as usize;
            if let Err(error) = self.process(claim, &stop).await {
                tracing::warn!(error = %error, "a claim has to be taken again");
                self.shared.replan.notify_one();
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(ERROR_PAUSE) => {}
                }
                continue;
            }
            // Under a backlog every second claim takes the newest: a storm must not stand before single changes.
            self.turn.lock().await.end = if full && end == End::Oldest {
                End::Newest
            } else {
                End::Oldest
            };
        }
    }

    /// Waits for the next claim. One task at a time looks; as soon as it has found something, another one does.
    async fn next(&self) -> Option<(Claim, End)> {
        let mut turn = self.turn.lock().await;
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable(); // before looking: an event in between is not missed
            match self.look(turn.end).await {
                Ok(Some(claim)) => {
                    turn.pause = self.settings.poll_min;
                    return Some((claim, turn.end));
                }
                Ok(None) => turn.pause = (turn.pause * 2).clamp(self.settings.poll_min, self.settings.poll_max),
                Err(error) => {
                    tracing::warn!(error = %error, "the touch log cannot be claimed; trying again");
                    turn.pause = ERROR_PAUSE;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(turn.pause) => {}
                () = woken => turn.pause = self.settings.poll_min,
            }
        }
    }

    async fn look(&self, end: End) -> Result<Option<Claim>, LedgerError> {
        // While every index waits, touches are safe where they are. Once one may be tried, they are what is tried with:
        // nothing else may be left in the queue to find out that the wait is over.
        let waits = |id: &i32| !self.shared.queue.may_try(*id);
        if self.shared.fleet.borrow().generations.keys().all(waits) {
            return Ok(None);
        }
        let started = Instant::now();
        let taken = claim::claim(self.postgres.pool(), self.settings.claim_size, end);
        let taken = self.postgres.within(taken).await;
        metrics::queried("claim", started.elapsed());
        taken
    }

    async fn process(&self, claim: Claim, stop: &CancellationToken) -> Result<(), ClaimError> {
        metrics::claimed(claim.touches.len() as u64);
        let fleet = self.shared.fleet.borrow().clone();
        let started = Instant::now();
        let resolved = intake::resolve(&self.postgres, &fleet, &claim.touches, self.settings.expansion_above).await?;
        metrics::queried("resolve", started.elapsed());
        let receipt = Receipt::expecting(resolved.targets.iter().cloned());
        let mut by_generation: HashMap<i32, Vec<_>> = HashMap::new();
        for (generation, key) in resolved.targets {
            by_generation.entry(generation).or_default().push(key);
        }
        for (generation, keys) in by_generation {
            let copies = resolved.copies.get(&generation).cloned().unwrap_or_default();
            self.shared.queue.push(generation, Lane::Live, (keys, copies), &receipt);
        }
        let closed = self.wait(&receipt, stop).await;
        self.settle(claim, &fleet, closed, (resolved.jobs, resolved.copies))
            .await
    }

    /// On stop, what is under way gets a moment to finish.
    async fn wait(&self, receipt: &Receipt, stop: &CancellationToken) -> Closed {
        const GRACE: Duration = Duration::from_secs(15);
        tokio::select! {
            closed = receipt.close_after(self.settings.close_after) => closed,
            closed = async {
                stop.cancelled().await;
                receipt.close_after(GRACE).await
            } => closed,
        }
    }

    async fn settle(
        &self,
        claim: Claim,
        fleet: &Fleet,
        closed: Closed,
        (jobs, copies): (Vec<NewJob>, std::collections::HashMap<i32, Copies>),
    ) -> Result<(), ClaimError> {
        let oldest = claim.touches.iter().map(|touch| touch.at).min().unwrap_or_default();
        let mut settlement = Settlement {
            repeat_after: self.repeat_deletes_after,
            jobs,
            ..Settlement::default()
        };
        settlement.revision = Some(fleet.revision);
        settlement.touches = claim
            .touches
            .iter()
            .map(|touch| (touch.id, touch.xid.clone()))
            .collect();
        record(&mut settlement, closed, |target| {
            let copies = copies.get(&target.0).map(|copies| copies.listed(&target.1));
            park(&self.shared, fleet, target, copies.unwrap_or_default(), oldest)
        });
        let started = Instant::now();
        self.postgres.within(settlement.commit(claim.transaction)).await?;
        metrics::queried("settle", started.elapsed());
        Ok(())
    }
}

//! The touch log: claims touches, has their documents written, and removes them in the commit that says so.
//!
//! A claim is never given up silently. When the last key is settled it is committed; after a minute it is closed: what
//! is settled goes, the rest is parked in the ledger, in one commit. Rolled back instead, the same oldest touches would
//! be taken again for ever.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::settings::TouchLogSettings;
use crate::ledger::claim::{self, Claim, End};
use crate::ledger::settle::{Death, Park};
use crate::ledger::{LedgerError, Settlement};
use crate::pipeline::intake;
use crate::pipeline::receipt::{Closed, Fate, Receipt, Target};
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
}

/// A claim that failed; the touches are in the log as before.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What a claim did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// There was nothing.
    Idle,
    Some {
        /// As many as a claim may take: there is a backlog.
        full: bool,
    },
}

impl TouchLog {
    /// Runs until stopped; a claim under way is finished or closed first.
    pub async fn run(&self, stop: CancellationToken) {
        let mut pause = self.settings.poll_min;
        let mut end = End::Oldest;
        while !stop.is_cancelled() {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable(); // before looking: an event in between is not missed
            match self.claim(end, &stop).await {
                Ok(Done::Some { full }) => {
                    pause = self.settings.poll_min;
                    // Under a backlog every second claim takes the newest: a storm must not stand before single changes.
                    end = if full && end == End::Oldest {
                        End::Newest
                    } else {
                        End::Oldest
                    };
                    continue;
                }
                Ok(Done::Idle) => pause = (pause * 2).min(self.settings.poll_max),
                Err(error) => {
                    tracing::warn!(error = %error, "the touch log cannot be claimed; trying again");
                    self.shared.replan.notify_one();
                    pause = Duration::from_secs(1);
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = woken => pause = self.settings.poll_min,
            }
        }
    }

    async fn claim(&self, end: End, stop: &CancellationToken) -> Result<Done, ClaimError> {
        // While every index waits, touches are safe where they are. Once one may be tried, they are what is tried with:
        // nothing else may be left in the queue to find out that the wait is over.
        let fleet = self.shared.fleet.borrow().clone();
        if !fleet.generations.keys().any(|id| self.shared.queue.may_try(*id)) {
            return Ok(Done::Idle);
        }
        let Some(claim) = claim::claim(self.postgres.pool(), self.settings.claim_size, end).await? else {
            return Ok(Done::Idle);
        };
        // Generations may have been added since; the claim's touches must reach them all.
        let fleet = self.shared.fleet.borrow().clone();
        let resolved = {
            let mut connection = self.postgres.pool().acquire().await.map_err(SourceError::from)?;
            intake::resolve(&mut connection, &fleet, &claim.touches, self.settings.expansion_above).await?
        };
        let full = claim.touches.len() >= self.settings.claim_size as usize;
        let receipt = Receipt::expecting(resolved.targets.iter().cloned());
        let mut by_generation: HashMap<i32, Vec<_>> = HashMap::new();
        for (generation, key) in resolved.targets {
            by_generation.entry(generation).or_default().push(key);
        }
        for (generation, keys) in by_generation {
            self.shared.queue.push(generation, Lane::Live, keys, &receipt);
        }
        let closed = self.wait(&receipt, stop).await;
        if self.shared.fleet.borrow().revision != fleet.revision {
            // What was planned by an older set may lack a generation: the claim is rolled back and resolved anew.
            return Ok(Done::Some { full });
        }
        self.settle(claim, &fleet, closed, resolved.jobs).await?;
        Ok(Done::Some { full })
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
        jobs: Vec<crate::ledger::job::NewJob>,
    ) -> Result<(), ClaimError> {
        let oldest = claim.touches.iter().map(|touch| touch.at).min().unwrap_or_default();
        let mut settlement = Settlement {
            repeat_after: self.repeat_deletes_after,
            jobs,
            ..Settlement::default()
        };
        settlement.touches = claim
            .touches
            .iter()
            .map(|touch| (touch.id, touch.xid.clone()))
            .collect();
        record(&mut settlement, closed, |target| {
            park(&self.shared, fleet, target, oldest)
        });
        settlement.commit(claim.transaction).await?;
        Ok(())
    }
}

/// Sorts fates into the rows that say them.
pub fn record(settlement: &mut Settlement, closed: Closed, mut park: impl FnMut(Target) -> Park) {
    for ((generation, key), fate) in closed.settled {
        match fate {
            Fate::Written(version) => settlement.written.push((generation, key, version)),
            Fate::Deleted(version) => {
                settlement.deletes.push((generation, key.clone(), version));
                settlement.written.push((generation, key, version));
            }
            Fate::Dead(version, _, reason) => settlement.dead.push(Death {
                generation,
                key,
                version,
                reason,
            }),
            Fate::Moot => {}
        }
    }
    settlement.parked.extend(closed.unsettled.into_iter().map(&mut park));
}

/// A key that could not be settled in time, and why.
pub fn park(shared: &Shared, fleet: &Fleet, (generation, key): Target, at: DateTime<Utc>) -> Park {
    let reason = shared
        .queue
        .held(generation)
        .unwrap_or_else(|| match fleet.generations.get(&generation) {
            Some(_) => "not written in time".to_owned(),
            None => "the generation is not planned".to_owned(),
        });
    Park {
        generation,
        key,
        reason,
        at,
    }
}

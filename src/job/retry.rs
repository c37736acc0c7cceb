//! Tries again what was parked, and sends deletes once more.

use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use tokio_util::sync::CancellationToken;

use super::JobError;
use super::settings::JobSettings;
use crate::draft::{Draft, Drafts, Op, Version};
use crate::elastic::{Elastic, Outcome};
use crate::key::Key;
use crate::ledger::parked::{self, Parked};
use crate::ledger::settle::Park;
use crate::ledger::{LedgerError, Settlement};
use crate::pipeline::receipt::Receipt;
use crate::pipeline::record::record;
use crate::pipeline::worker::Shared;
use crate::pipeline::write::Stop;
use crate::pipeline::{Fleet, Generation, Lane};
use crate::source::Postgres;

/// Walks what waits in the ledger.
pub struct Retry {
    pub postgres: Postgres,
    pub elastic: Elastic,
    pub shared: Shared,
    pub settings: JobSettings,
    pub close_after: Duration,
}

/// Keys, or deletes, taken at a time.
const PAGE: u32 = 500;

impl Retry {
    /// Runs until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let found = match self.turn().await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(error = %error, "what was parked has to wait");
                    false
                }
            };
            if !found {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_millis(500)) => {}
                }
            }
        }
    }

    async fn turn(&self) -> Result<bool, JobError> {
        let keys = self.parked().await?;
        let deletes = self.deletes().await?;
        Ok(keys || deletes)
    }

    /// Generations that may be written to now.
    fn free(&self, fleet: &Fleet) -> Vec<i32> {
        let ids = fleet.generations.keys().copied();
        ids.filter(|id| self.shared.queue.may_try(*id)).collect()
    }

    async fn parked(&self) -> Result<bool, JobError> {
        let fleet = self.shared.fleet.borrow().clone();
        let free = self.free(&fleet);
        let taken = parked::take(self.postgres.pool(), &free, PAGE);
        let Some((transaction, keys)) = self.postgres.within(taken).await? else {
            return Ok(false);
        };
        if keys.is_empty() {
            return Ok(false); // another daemon has them
        }
        let mut taken: HashMap<(i32, Key), Parked> = keys
            .into_iter()
            .map(|parked| ((parked.generation, parked.key.clone()), parked))
            .collect();
        let receipt = Receipt::expecting(taken.keys().cloned());
        for (generation, key) in taken.keys() {
            self.shared.queue.push(*generation, Lane::Live, [key.clone()], &receipt);
        }
        let closed = receipt.close_after(self.close_after).await;
        let mut settlement = Settlement {
            repeat_after: self.settings.delete_repeat_after,
            ..Settlement::default()
        };
        for (target, _) in &closed.settled {
            if let Some(parked) = taken.get(target) {
                settlement.unparked.push((target.0, target.1.clone(), parked.serial));
            }
        }
        record(&mut settlement, closed, |target| {
            let reason = self.shared.queue.held(target.0).map(|hold| hold.reason);
            let parked = taken.remove(&target);
            let (at, before) = parked.map_or_else(
                || (chrono::Utc::now(), String::new()),
                |parked| (parked.at, parked.reason),
            );
            Park {
                generation: target.0,
                key: target.1,
                reason: reason.unwrap_or(before),
                at,
            }
        });
        self.postgres.within(settlement.commit(transaction)).await?;
        Ok(true)
    }

    /// Each index by itself: one that takes no writes must not keep the others' waiting.
    async fn deletes(&self) -> Result<bool, JobError> {
        let fleet = self.shared.fleet.borrow().clone();
        let mut found = false;
        for id in self.free(&fleet) {
            if let Some(generation) = fleet.generations.get(&id) {
                found |= self.deletes_of(generation).await?;
            }
        }
        Ok(found)
    }

    async fn deletes_of(&self, generation: &Generation) -> Result<bool, JobError> {
        let taken = parked::take_deletes(self.postgres.pool(), generation.id, PAGE);
        let Some(due) = self.postgres.within(taken).await? else {
            return Ok(false);
        };
        let mut by_version: HashMap<Version, Vec<Key>> = HashMap::new();
        for (key, version) in due.deletes {
            by_version.entry(version).or_default().push(key);
        }
        let found = !by_version.is_empty(); // else another daemon has them
        for (version, keys) in by_version {
            let refused = match self.elastic.bulk(&generation.concrete, &deletes(version, keys)).await {
                Ok(outcomes) if outcomes.iter().all(Outcome::is_settled) => continue,
                Ok(_) => format!("index {} takes no writes: deletes are refused", generation.concrete),
                Err(error) => error.to_string(),
            };
            self.shared.obey(generation.id, Some(&Stop::Sink(refused)));
            return Ok(false); // all stay due
        }
        self.postgres
            .within(due.transaction.commit())
            .await
            .map_err(LedgerError::from)?;
        Ok(found)
    }
}

/// Deletes at the version they had.
fn deletes(version: Version, keys: Vec<Key>) -> Drafts {
    let (mut body, mut items) = (Vec::new(), Vec::new());
    for key in keys {
        let start = body.len();
        let id = key.document_id().into_owned();
        let action =
            serde_json::json!({ "delete": { "_id": id, "version": version.0, "version_type": "external_gte" } });
        body.extend_from_slice(action.to_string().as_bytes());
        body.push(b'\n');
        items.push(Draft {
            key,
            id,
            op: Op::Delete,
            span: start..body.len(),
        });
    }
    Drafts {
        version,
        body: Bytes::from(body),
        items,
    }
}

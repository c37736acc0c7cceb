//! Tries again what was parked, and sends deletes once more: each index by itself, since one that takes no writes must
//! not keep the others' waiting.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use tokio_util::sync::CancellationToken;

use super::JobError;
use super::settings::JobSettings;
use super::side_by_side::{Steps, side_by_side};
use crate::copies::Copies;
use crate::draft::{Draft, Drafts, Op, Version};
use crate::elastic::{Elastic, Outcome};
use crate::key::Key;
use crate::ledger::parked::{self, Parked};
use crate::ledger::settle::Park;
use crate::ledger::{LedgerError, Settlement};
use crate::pipeline::receipt::Receipt;
use crate::pipeline::record::{park, record};
use crate::pipeline::report::Stop;
use crate::pipeline::worker::Shared;
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

/// Generations that are tried at once. Each holds a connection for as long as its claim is open.
pub const SIDE_BY_SIDE: usize = 4;

impl Retry {
    /// Runs until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        side_by_side(self, SIDE_BY_SIDE, &stop).await;
    }

    async fn parked(&self, fleet: &Fleet, generation: i32) -> Result<bool, JobError> {
        let taken = parked::take(self.postgres.pool(), generation, PAGE);
        let Some((transaction, keys)) = self.postgres.within(taken).await? else {
            return Ok(false);
        };
        if keys.is_empty() {
            return Ok(false); // another daemon has them
        }
        let mut taken: HashMap<Key, Parked> = keys.into_iter().map(|parked| (parked.key.clone(), parked)).collect();
        let receipt = Receipt::expecting(taken.keys().map(|key| (generation, key.clone())));
        let mut copies = Copies::default();
        for (key, parked) in &taken {
            parked.copies.iter().for_each(|copy| copies.add(key, copy));
        }
        let keys: Vec<Key> = taken.keys().cloned().collect();
        self.shared.queue.push(generation, Lane::Live, (keys, copies), &receipt);
        let closed = receipt.close_after(self.close_after).await;
        let mut settlement = Settlement {
            repeat_after: self.settings.delete_repeat_after,
            ..Settlement::default()
        };
        for ((_, key), _) in &closed.settled {
            if let Some(parked) = taken.get(key) {
                settlement.unparked.push((generation, key.clone(), parked.serial));
            }
        }
        let held = self.shared.queue.held(generation).map(|hold| hold.wait.reason);
        record(&mut settlement, closed, |target| match taken.remove(&target.1) {
            Some(parked) => Park {
                generation,
                key: target.1,
                copies: parked.copies,
                reason: held.clone().unwrap_or(parked.reason),
                at: parked.at,
            },
            None => park(&self.shared, fleet, target, Vec::new(), chrono::Utc::now()),
        });
        self.postgres.within(settlement.commit(transaction)).await?;
        Ok(true)
    }

    async fn deletes(&self, generation: &Generation) -> Result<bool, JobError> {
        let taken = parked::take_deletes(self.postgres.pool(), generation.id, PAGE);
        let Some(due) = self.postgres.within(taken).await? else {
            return Ok(false);
        };
        let mut by_version: HashMap<Version, Vec<(Key, Option<String>)>> = HashMap::new();
        for (key, delete) in due.deletes {
            by_version
                .entry(delete.version)
                .or_default()
                .push((key, delete.routing));
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

impl Steps for Retry {
    /// Generations that may be written to now.
    fn list(&self) -> (Arc<Fleet>, Vec<i32>) {
        let fleet = self.shared.fleet.borrow().clone();
        let ids = fleet.generations.keys().copied();
        let free = ids.filter(|id| self.shared.queue.may_try(*id)).collect();
        (fleet, free)
    }

    async fn step(&self, fleet: &Fleet, generation: &Generation) -> bool {
        let both = async {
            let keys = self.parked(fleet, generation.id).await?;
            let deletes = self.deletes(generation).await?;
            Ok::<bool, JobError>(keys || deletes)
        };
        both.await.unwrap_or_else(|error| {
            tracing::warn!(index = generation.concrete, error = %error, "what was parked has to wait");
            false
        })
    }
}

/// Deletes at the version they had.
fn deletes(version: Version, keys: Vec<(Key, Option<String>)>) -> Drafts {
    let (mut body, mut items) = (Vec::new(), Vec::new());
    for (key, routing) in keys {
        let start = body.len();
        let id = key.document_id();
        let mut place = serde_json::json!({ "_id": &*id, "version": version.0, "version_type": "external_gte" });
        if let Some(routing) = &routing {
            place["routing"] = routing.as_str().into();
        }
        let action = serde_json::json!({ "delete": place });
        body.extend_from_slice(action.to_string().as_bytes());
        body.push(b'\n');
        items.push(Draft {
            key,
            id,
            routing,
            version,
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

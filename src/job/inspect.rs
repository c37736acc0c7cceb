//! Looks at every document of a new generation before its alias moves there. What differs is touched, and looked at
//! again once that is settled, until nothing differs but known dead letters.
//!
//! It is a job in the ledger: one daemon has it at a time, and it is begun anew where that one ends early.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio_util::sync::CancellationToken;

use super::JobError;
use super::side_by_side::{Steps, side_by_side};
use super::verify::Verify;
use crate::elastic::Elastic;
use crate::key::Key;
use crate::ledger::claim;
use crate::ledger::job::{self, Kind};
use crate::pipeline::worker::Shared;
use crate::pipeline::write::A_DOCUMENT;
use crate::pipeline::{Fleet, Generation};
use crate::plan::Plan;
use crate::source::Postgres;
use crate::source::build::Builder;

/// Verifies generations that are being built; one a daemon.
pub struct Inspector {
    pub postgres: Postgres,
    pub elastic: Elastic,
    pub shared: Shared,
    pub fences: PgPool,
}

/// Generations that are looked at at once. Each holds a connection for its job, and another one for a build.
pub const SIDE_BY_SIDE: usize = 2;

/// How long changes may take to settle before it is said that they do not.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two repairs of the same documents: one that did not help will hardly help a moment later.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

impl Inspector {
    /// Runs until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {} // nothing is lost: it only looks
            () = side_by_side(self, SIDE_BY_SIDE, &stop) => {}
        }
    }

    async fn inspect(&self, fleet: &Fleet, generation: &Generation, plan: &Plan) -> Result<bool, JobError> {
        let pool = self.postgres.pool();
        let jobs = job::open(pool).await?;
        let of_this = |job: &&job::Job| job.generation == generation.id && job.kind == Kind::Verify;
        let Some(job) = jobs.iter().find(of_this) else {
            return Ok(false);
        };
        let Some(alone) = job::take_whole(pool, job.id).await? else {
            return Ok(false); // another daemon has it
        };
        let mut verify = self.verify(fleet, generation, plan, job.id);
        tokio::select! {
            outcome = until_sound(&mut verify) => outcome?,
            () = self.dropped(generation.id) => return Ok(false),
        }
        job::finish(pool, job.id).await?;
        alone.rollback().await?; // it held the lock only
        Ok(true)
    }

    fn verify<'a>(&'a self, fleet: &Fleet, generation: &'a Generation, plan: &'a Plan, job: i64) -> Verify<'a> {
        let settings = &self.shared.settings;
        Verify {
            postgres: &self.postgres,
            elastic: &self.elastic,
            generation,
            plan,
            revision: fleet.revision,
            builder: Builder::new(
                &self.postgres,
                &self.fences,
                settings.max_document_bytes,
                settings.queue_bytes,
            ),
            budget: &self.shared.budget,
            a_document: A_DOCUMENT,
            patience: PATIENCE,
            waiting: || {},
            job: Some(job),
        }
    }

    /// Waits until a generation is no longer fed.
    async fn dropped(&self, generation: i32) {
        let mut fleet = self.shared.fleet.clone();
        let gone = fleet.wait_for(|fleet| !fleet.generations.contains_key(&generation));
        if gone.await.is_err() {
            std::future::pending::<()>().await; // the daemon ends
        }
    }
}

/// Ends when the index holds what the rows say.
async fn until_sound(verify: &mut Verify<'_>) -> Result<(), JobError> {
    let index = &verify.generation.concrete;
    let mut findings = verify.run().await?;
    let mut pause = PAUSES[0];
    while !findings.differing.is_empty() {
        let keys: Vec<Key> = std::mem::take(&mut findings.differing)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        if findings.unsettled {
            tracing::warn!(index, "the alias has to wait: changes on their way do not settle");
        } else {
            tracing::warn!(
                index,
                documents = keys.len(),
                "the alias has to wait: documents differ from their rows and are built again"
            );
            for page in keys.chunks(10_000) {
                claim::touch_documents(verify.postgres.pool(), verify.generation.id, page, &findings.copies).await?;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
        verify.again(keys, &mut findings).await?;
    }
    tracing::info!(
        index,
        documents = findings.compared,
        dead_letters = findings.dead,
        "verified"
    );
    Ok(())
}

impl Steps for Inspector {
    /// Generations that are being built.
    fn list(&self) -> (Arc<Fleet>, Vec<i32>) {
        let fleet = self.shared.fleet.borrow().clone();
        let building = fleet.plans().filter(|(generation, _)| !generation.live);
        let ids = building.map(|(generation, _)| generation.id).collect();
        (fleet, ids)
    }

    async fn step(&self, fleet: &Fleet, generation: &Generation) -> bool {
        let Ok(plan) = &generation.plan else { return false };
        self.inspect(fleet, generation, plan).await.unwrap_or_else(|error| {
            tracing::warn!(index = generation.concrete, error = %error, "verifying has to wait");
            self.shared.replan.notify_one(); // the tables may not be what they were
            false
        })
    }
}

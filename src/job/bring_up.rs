//! Makes generations live: index, backfill, a look at every document, alias.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;

use super::JobError;
use crate::elastic::{Behind, Elastic, IndexPlan, PointAlias, generation_settings};
use crate::ledger::job::Kind;
use crate::ledger::{self};
use crate::pipeline::{Fleet, Generation};
use crate::plan::Plan;
use crate::source::Postgres;

/// What became of a step.
#[derive(Debug, Default)]
pub struct Step {
    /// The set of generations is another one.
    pub changed: bool,
    /// Concrete indexes whose step failed, and why; it is taken again next time.
    pub waiting: BTreeMap<String, JobError>,
}

/// Takes each generation a step further, if one is due. One that cannot does not stop the others.
pub async fn step(postgres: &Postgres, elastic: &Elastic, fleet: &Fleet) -> Step {
    let mut step = Step::default();
    for (generation, plan) in fleet.plans() {
        let taken = if generation.live {
            keep(postgres, elastic, generation).await
        } else {
            build(postgres, elastic, fleet, generation, plan).await
        };
        match taken {
            Ok(changed) => step.changed |= changed,
            Err(error) => drop(step.waiting.insert(generation.concrete.clone(), error)),
        }
    }
    step
}

/// A live index that was deleted is built anew, under the next number.
async fn keep(postgres: &Postgres, elastic: &Elastic, generation: &Generation) -> Result<bool, JobError> {
    if elastic.index_exists(&generation.concrete).await? {
        return Ok(false);
    }
    tracing::warn!(index = generation.concrete, "the index is gone; building another");
    postgres
        .within(ledger::generation::replace(postgres.pool(), generation.id))
        .await?;
    Ok(true)
}

async fn build(
    postgres: &Postgres,
    elastic: &Elastic,
    fleet: &Fleet,
    generation: &Arc<Generation>,
    plan: &Plan,
) -> Result<bool, JobError> {
    let pool = postgres.pool();
    let started = postgres
        .within(ledger::job::was_backfilled(pool, generation.id))
        .await?;
    if !elastic.index_exists(&generation.concrete).await? {
        if started {
            return keep(postgres, elastic, generation).await;
        }
        create(elastic, generation, plan).await?;
    } else if !started && !is_fresh(elastic, generation, plan).await? {
        // Left by another life of this ledger; its documents may have higher versions than any of ours.
        tracing::warn!(
            index = generation.concrete,
            "an index of this name was there before; taking the next number"
        );
        postgres
            .within(ledger::generation::replace(pool, generation.id))
            .await?;
        return Ok(true);
    }
    if !started {
        // Capture was committed before the generation was: what the ranges miss is in the log.
        postgres
            .within(ledger::job::add_once(pool, generation.id, Kind::Backfill))
            .await?;
        return Ok(false);
    }
    if postgres.within(ledger::job::is_behind(pool, generation.id)).await? {
        return Ok(false);
    }
    if !postgres.within(ledger::job::was_verified(pool, generation.id)).await? {
        postgres
            .within(ledger::job::add_once(pool, generation.id, Kind::Verify))
            .await?;
        return Ok(false);
    }
    elastic.refresh(&generation.concrete).await?;
    if !point(elastic, fleet, generation).await? {
        return Ok(false);
    }
    let promoted = async {
        let mut transaction = pool.begin().await?;
        ledger::generation::lock_set(&mut transaction).await?;
        ledger::generation::promote(&mut transaction, generation.id).await?;
        Ok::<(), JobError>(transaction.commit().await?)
    };
    postgres.within(promoted).await?;
    tracing::info!(index = generation.index, generation = generation.concrete, "live");
    Ok(true)
}

/// Whether an index is what [`create`] makes, and nothing has been written to it.
async fn is_fresh(elastic: &Elastic, generation: &Generation, plan: &Plan) -> Result<bool, JobError> {
    elastic.refresh(&generation.concrete).await?;
    let same = elastic.mapping_hash(&generation.concrete).await?.as_deref() == Some(plan.hash.as_str());
    Ok(same && elastic.count(&generation.concrete).await? == 0)
}

async fn create(elastic: &Elastic, generation: &Generation, plan: &Plan) -> Result<(), JobError> {
    // First of all: no late write may make an index of any such name by guessing.
    elastic.put_template(&generation.index).await?;
    let (settings, empty) = (generation_settings(plan.settings.clone()), Map::new());
    let mappings = plan.mappings.as_object().unwrap_or(&empty);
    elastic
        .create_index(
            &generation.concrete,
            IndexPlan {
                settings: &settings,
                mappings,
                hash: &plan.hash,
            },
        )
        .await?;
    tracing::info!(index = generation.concrete, "created");
    Ok(())
}

/// Puts the alias on the generation, away from all others of the index; not while a foreign index has its name.
async fn point(elastic: &Elastic, fleet: &Fleet, generation: &Generation) -> Result<bool, JobError> {
    let behind = match elastic.behind(&generation.index).await? {
        Behind::Concrete => {
            tracing::error!(
                index = generation.index,
                "an index, not an alias, has this name: delete it, or give the definition another name; searches go to it until then"
            );
            return Ok(false);
        }
        Behind::Nothing => Vec::new(),
        Behind::Indexes(indexes) => indexes,
    };
    let own: Vec<&str> = fleet
        .generations
        .values()
        .filter(|other| other.index == generation.index)
        .map(|other| other.concrete.as_str())
        .collect();
    let prefix = format!("{}-", generation.index);
    let from: Vec<&str> = behind
        .iter()
        .map(String::as_str)
        .filter(|index| own.contains(index) || index.starts_with(&prefix))
        .collect();
    elastic
        .point_alias(PointAlias {
            alias: &generation.index,
            to: &generation.concrete,
            from: &from,
            remove_index: false,
        })
        .await?;
    Ok(true)
}

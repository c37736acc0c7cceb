//! Makes generations live: index, backfill, a look at every document, alias.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;

use super::JobError;
use super::owner::{self, Foreign};
use crate::elastic::{Behind, Elastic, IndexPlan, Origin, PointAlias, generation_settings};
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
            keep(postgres, elastic, fleet, generation).await
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

/// A live index that was deleted is built anew, under the next number, and an alias that was deleted is put back. One
/// that somebody has moved is left to them, and told.
async fn keep(
    postgres: &Postgres,
    elastic: &Elastic,
    fleet: &Fleet,
    generation: &Generation,
) -> Result<bool, JobError> {
    let (alias, index) = (&generation.index, &generation.concrete);
    let behind = elastic.behind(alias).await?;
    if matches!(&behind, Behind::Indexes(indexes) if indexes.contains(index)) {
        return Ok(false);
    }
    if !elastic.index_exists(index).await? {
        return replace(postgres, generation).await;
    }
    match behind {
        Behind::Nothing => {
            tracing::warn!(index, alias, "the alias is gone; putting it back");
            point(elastic, fleet, generation).await?;
        }
        Behind::Concrete => return Err(JobError::Occupied(alias.clone())),
        // On its way to the next generation it is ahead of the ledger for a moment.
        Behind::Indexes(behind) if behind.iter().any(|other| own(fleet, alias).any(|own| own == other)) => {}
        Behind::Indexes(behind) => {
            return Err(JobError::Displaced {
                alias: alias.clone(),
                index: index.clone(),
                behind,
            });
        }
    }
    Ok(false)
}

/// Makes the index, and asks for its backfill.
async fn begin(postgres: &Postgres, elastic: &Elastic, generation: &Generation, plan: &Plan) -> Result<bool, JobError> {
    let source = source(postgres).await?;
    unclaimed(elastic, generation, &source).await?;
    if !elastic.index_exists(&generation.concrete).await? {
        create(elastic, generation, plan, &source).await?;
    } else if !is_fresh(elastic, generation, plan, &source).await? {
        // Left by another life of this ledger, or of another: its documents may have higher versions than any of ours.
        tracing::warn!(
            index = generation.concrete,
            "an index of this name was there before; taking the next number"
        );
        let next = ledger::generation::replace(postgres.pool(), generation.id, false);
        postgres.within(next).await?;
        return Ok(true);
    }
    // Capture was committed before the generation was: what the ranges of the backfill miss is in the log.
    postgres
        .within(ledger::generation::make(postgres.pool(), generation.id))
        .await?;
    Ok(true)
}

async fn replace(postgres: &Postgres, generation: &Generation) -> Result<bool, JobError> {
    tracing::warn!(index = generation.concrete, "the index is gone; building another");
    postgres
        .within(ledger::generation::replace(postgres.pool(), generation.id, true))
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
    if !postgres
        .within(ledger::generation::is_made(pool, generation.id))
        .await?
    {
        return begin(postgres, elastic, generation, plan).await;
    }
    if !elastic.index_exists(&generation.concrete).await? {
        return replace(postgres, generation).await;
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
    unclaimed(elastic, generation, &source(postgres).await?).await?;
    point(elastic, fleet, generation).await?;
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

/// The ledger's name towards the cluster.
async fn source(postgres: &Postgres) -> Result<String, JobError> {
    let name = async {
        let mut connection = postgres.pool().acquire().await?;
        Ok::<_, JobError>(ledger::identity::name(&mut connection).await?)
    };
    postgres.within(name).await
}

/// Whether the alias is nobody else's.
async fn unclaimed(elastic: &Elastic, generation: &Generation, source: &str) -> Result<(), JobError> {
    let alias = &generation.index;
    match owner::foreign(elastic, alias, source).await? {
        None => Ok(()),
        Some(Foreign { index, .. }) => Err(JobError::Kept {
            alias: alias.clone(),
            index,
        }),
    }
}

/// Whether an index is what [`create`] makes, and nothing has been written to it.
async fn is_fresh(elastic: &Elastic, generation: &Generation, plan: &Plan, source: &str) -> Result<bool, JobError> {
    elastic.refresh(&generation.concrete).await?;
    let made = elastic.origin(&generation.concrete).await?;
    let same = made.definition.as_ref() == Some(&plan.hash) && made.source.as_deref() == Some(source);
    Ok(same && elastic.count(&generation.concrete).await? == 0)
}

async fn create(elastic: &Elastic, generation: &Generation, plan: &Plan, source: &str) -> Result<(), JobError> {
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
                origin: Origin {
                    definition: &plan.hash,
                    source,
                },
            },
        )
        .await?;
    tracing::info!(index = generation.concrete, "created");
    Ok(())
}

/// The indexes of one name that this ledger feeds.
fn own<'f>(fleet: &'f Fleet, alias: &'f str) -> impl Iterator<Item = &'f str> {
    let same = fleet.generations.values().filter(move |other| other.index == alias);
    same.map(|other| other.concrete.as_str())
}

/// Puts the alias on the generation, away from all others of the index; not while a foreign index has its name.
async fn point(elastic: &Elastic, fleet: &Fleet, generation: &Generation) -> Result<(), JobError> {
    let behind = match elastic.behind(&generation.index).await? {
        Behind::Concrete => return Err(JobError::Occupied(generation.index.clone())),
        Behind::Nothing => Vec::new(),
        Behind::Indexes(indexes) => indexes,
    };
    let own: Vec<&str> = own(fleet, &generation.index).collect();
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
    Ok(())
}

//! The generations fed now, each with its plan, and the revision that numbers the set.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::definition::Definition;
use crate::ledger::capture::Layout;
use crate::ledger::{GenerationRow, LedgerError};
use crate::plan::Plan;
use crate::source::{Postgres, catalog::read_catalog};
use crate::{ledger, mistake::Mistakes};

/// What every batch is planned by. Replaced as a whole when the revision changes or a table does.
#[derive(Debug, Default)]
pub struct Fleet {
    pub revision: i64,
    pub generations: BTreeMap<i32, Arc<Generation>>,
    /// What touches' columns mean.
    pub layouts: HashMap<i32, Layout>,
}

/// One concrete index and how its documents are made.
#[derive(Debug)]
pub struct Generation {
    pub id: i32,
    /// The alias.
    pub index: String,
    pub concrete: String,
    pub live: bool,
    /// Its index was made, for it alone: nothing is written before.
    pub made: bool,
    /// As recorded in the ledger; the plan may be missing when the database no longer fits the definition.
    pub hash: String,
    pub plan: Result<Arc<Plan>, Mistakes>,
}

#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("reading the catalog: {}", crate::error::message(.0))]
    Catalog(#[from] sqlx::Error),
}

impl Fleet {
    /// Reads the set from the ledger and plans it against the database as it is.
    ///
    /// # Errors
    /// Those of the connection. A definition that no longer fits is kept, with its mistakes.
    pub async fn read(postgres: &Postgres) -> Result<Self, FleetError> {
        postgres.within(Box::pin(Self::read_now(postgres))).await
    }

    async fn read_now(postgres: &Postgres) -> Result<Self, FleetError> {
        let mut connection = postgres.pool().acquire().await?;
        let (revision, rows) = ledger::generation::fed(&mut connection).await?;
        let layouts = ledger::capture::layouts(postgres.pool()).await?;
        let catalog = read_catalog(&mut connection).await?;
        let generations = rows
            .into_iter()
            .map(|row| (row.id, Arc::new(Generation::new(row, &catalog))))
            .collect();
        Ok(Self {
            revision,
            generations,
            layouts,
        })
    }

    /// The plans that there are.
    pub fn plans(&self) -> impl Iterator<Item = (&Arc<Generation>, &Arc<Plan>)> {
        self.generations
            .values()
            .filter_map(|generation| Some((generation, generation.plan.as_ref().ok()?)))
    }

    /// The indexes by name, for a person who named another one.
    #[must_use]
    pub fn known(&self) -> String {
        let names = self.generations.values().map(|generation| generation.index.as_str());
        names.collect::<Vec<_>>().join(", ")
    }
}

impl Generation {
    /// Why nothing can be built, where the database no longer fits the definition.
    #[must_use]
    pub fn unfit(&self) -> Option<String> {
        let mistakes = self.plan.as_ref().err()?;
        let mistakes = mistakes.in_one_line();
        Some(format!("the database no longer fits the definition: {mistakes}"))
    }

    fn new(row: GenerationRow, catalog: &Catalog) -> Self {
        let file = format!("ledger:{}", row.concrete());
        let plan = Definition::parse(&file, &row.definition).and_then(|definition| Plan::new(&definition, catalog));
        Self {
            id: row.id,
            concrete: row.concrete(),
            index: row.index,
            live: row.live,
            made: row.made,
            hash: row.hash,
            plan: plan.map(Arc::new),
        }
    }
}

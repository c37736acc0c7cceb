//! Puts in place what the definitions ask of the database: ledger, generations, capture. Acts with the owner's rights.
//!
//! Run by `highwater apply`, and by `highwater run` where capture is managed. Safe to run at any time, by several at
//! once, and over and over.

use sqlx::{Connection, PgConnection};

use super::settings::JobSettings;
use crate::catalog::Catalog;
use crate::definition::Definition;
use crate::ledger::{self, LedgerError};
use crate::mistake::Mistakes;
use crate::plan::{Capture, Plan};
use crate::source::catalog::read_catalog;

/// What was done, for people.
#[derive(Debug, Default)]
pub struct Applied {
    pub lines: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    #[error("{0}")]
    Mistakes(#[from] Mistakes),
    #[error("table {0} was locked by others each time it was tried")]
    Locked(String),
}

/// Applies the definitions. `role` is the daemon's, which is granted the use of the ledger.
///
/// # Errors
/// Mistakes in the definitions; missing rights; tables that stay locked.
pub async fn apply(
    owner: &mut PgConnection,
    definitions: &[Definition],
    role: &str,
    settings: &JobSettings,
) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let catalog = read_catalog(owner).await?;
    let plans = plan_all(definitions, &catalog)?;
    if let Some((found, remedy)) = published(&catalog) {
        tracing::warn!(remedy, "{found}");
    }
    ledger::migrate::migrate(owner).await?;
    ledger::migrate::grant(owner, role).await?;
    ledger::lease::start(owner, settings.capture_lease, settings.max_touches).await?;
    // Capture of what is to come first, so that it is complete before anything is fed by it.
    let fed = fed(owner, &catalog).await?;
    let wanted = Capture::union(
        fed.iter()
            .flat_map(|plan| &plan.captures)
            .chain(plans.iter().flat_map(|(_, plan)| &plan.captures)),
    );
    for capture in &wanted {
        if install(owner, capture).await? {
            applied.lines.push(format!("captured {}", capture.table.sql));
        }
    }
    for (definition, plan) in &plans {
        let mut transaction = owner.begin().await?;
        ledger::generation::lock_set(&mut transaction).await?;
        if ledger::generation::add(&mut transaction, &plan.index, &definition.text, &plan.hash).await? {
            applied
                .lines
                .push(format!("added a generation of index {}", plan.index));
        }
        transaction.commit().await?;
    }
    Ok(applied)
}

/// Puts capture back as it should be for everything that is fed. Returns whether anything had to be done.
///
/// # Errors
/// Missing rights; tables that stay locked.
pub async fn mend(owner: &mut PgConnection) -> Result<bool, ApplyError> {
    let catalog = read_catalog(owner).await?;
    let fed = fed(owner, &catalog).await?;
    let mut mended = false;
    for capture in &Capture::union(fed.iter().flat_map(|plan| &plan.captures)) {
        mended |= install(owner, capture).await?;
    }
    Ok(mended)
}

/// Plans every definition, or says everything that is wrong with any of them.
///
/// # Errors
/// All mistakes of all definitions.
pub fn plan_all<'d>(definitions: &'d [Definition], catalog: &Catalog) -> Result<Vec<(&'d Definition, Plan)>, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut plans = Vec::with_capacity(definitions.len());
    for definition in definitions {
        match Plan::new(definition, catalog) {
            Ok(plan) => plans.push((definition, plan)),
            Err(more) => mistakes.0.extend(more.0),
        }
    }
    mistakes.or(plans)
}

/// What is wrong with publications that carry the ledger along, and what to do.
#[must_use]
pub fn published(catalog: &Catalog) -> Option<(String, &'static str)> {
    if catalog.whole_publications.is_empty() {
        return None;
    }
    let found = format!(
        "publications FOR ALL TABLES ({}) carry the ledger's tables along, and a subscriber that has none stops applying",
        catalog.whole_publications.join(", ")
    );
    Some((
        found,
        "name the tables or schemas: CREATE PUBLICATION … FOR TABLE …, or FOR TABLES IN SCHEMA …",
    ))
}

/// What other definitions that are fed need captured; those that no longer fit the database need nothing.
async fn fed(owner: &mut PgConnection, catalog: &Catalog) -> Result<Vec<Plan>, ApplyError> {
    let rows = ledger::generation::fed(owner).await?.1;
    let plan =
        |row: &ledger::GenerationRow| Plan::new(&Definition::parse("ledger", &row.definition).ok()?, catalog).ok();
    Ok(rows.iter().filter_map(plan).collect())
}

/// Installs one table's capture; a lock that is not free at once is tried for again, for about a minute in all.
async fn install(owner: &mut PgConnection, capture: &Capture) -> Result<bool, ApplyError> {
    const TRIES: u32 = 40;
    for _ in 0..TRIES {
        match ledger::capture::install(owner, capture).await {
            Err(LedgerError::Postgres(sqlx::Error::Database(error))) if error.code().as_deref() == Some("55P03") => {
                tracing::info!(table = capture.table.sql, "the table is locked; trying again");
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
            other => return Ok(other?),
        }
    }
    Err(ApplyError::Locked(capture.table.sql.clone()))
}

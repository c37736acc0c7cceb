//! Puts in place what the definitions ask of the database: ledger, generations, capture. Acts with the owner's rights.
//!
//! Run by `highwater apply`, and by `highwater run` where capture is managed. Safe to run at any time, by several at
//! once, and over and over.

use sqlx::{Connection, PgConnection};

use super::look::{look, published};
use super::rights;
use super::settings::JobSettings;
use crate::catalog::Catalog;
use crate::definition::Definition;
use crate::ledger::unused::Unused;
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
    #[error("Postgres: {}", crate::error::message(.0))]
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
    alone(owner).await?;
    let applied = put_in_place(owner, definitions, role, settings).await?;
    ledger::generation::unlock_capture(owner).await?; // after an error, the connection's end does it
    Ok(applied)
}

async fn put_in_place(
    owner: &mut PgConnection,
    definitions: &[Definition],
    role: &str,
    settings: &JobSettings,
) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let catalog = read_catalog(owner).await?;
    let plans = planned(owner, &catalog, definitions).await?;
    ledger::migrate::migrate(owner).await?;
    ledger::grant::grant(owner, role).await?;
    ledger::lease::start(owner, settings.capture_lease, settings.max_touches).await?;
    // Capture of what is to come first, so that it is complete before anything is fed by it.
    let needed = Needed::read(owner, &catalog, &plans).await?;
    for capture in &needed.captures {
        if change(owner, Change::Install(capture)).await? {
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
    for unused in &needed.unused {
        change(owner, Change::Remove(unused)).await?;
        applied.lines.push(format!("no longer captures {}", unused.name));
    }
    Ok(applied)
}

/// Plans every definition. What makes it only doubtful is said in passing.
async fn planned<'d>(
    owner: &mut PgConnection,
    catalog: &Catalog,
    definitions: &'d [Definition],
) -> Result<Vec<(&'d Definition, Plan)>, ApplyError> {
    let looked = look(owner, catalog, definitions, &Mistakes::default()).await?;
    let mut mistakes = looked.mistakes.in_file_order();
    mistakes.merge(rights::lacking(owner, catalog, &looked.plans).await?);
    mistakes.or(())?;
    if let Some((found, remedy)) = published(catalog) {
        tracing::warn!(remedy, "{found}");
    }
    if let Some(why) = looked.unproved {
        let remedy = "let the role make temporary tables, or run `highwater check` with one that may";
        tracing::warn!(
            why,
            remedy,
            "it was not proved that expressions depend on their row alone"
        );
    }
    Ok(looked.plans)
}

/// What [`apply`] would change.
#[derive(Debug, Default)]
pub struct Outline<'d> {
    /// For people; nothing where everything is in place.
    pub lines: Vec<String>,
    /// Definitions of which an index would be made.
    pub new: Vec<&'d Definition>,
}

/// Says what there is to do, and does none of it.
///
/// # Errors
/// Mistakes in the definitions; those of the connection.
pub async fn outline<'d>(
    owner: &mut PgConnection,
    definitions: &'d [Definition],
    role: &str,
) -> Result<Outline<'d>, ApplyError> {
    let catalog = read_catalog(owner).await?;
    let plans = planned(owner, &catalog, definitions).await?;
    let mut outline = Outline::default();
    if !ledger::migrate::is_current(owner).await? {
        outline.lines.push("make the ledger, or bring it up to date".to_owned());
        outline
            .lines
            .extend(plans.iter().map(|(_, plan)| format!("build index {}", plan.index)));
        outline.new = definitions.iter().collect();
        return Ok(outline);
    }
    if !ledger::grant::lacking(owner, role).await?.is_empty() {
        outline.lines.push(format!("let {role} use the ledger"));
    }
    let needed = Needed::read(owner, &catalog, &plans).await?;
    for capture in &needed.captures {
        if !ledger::capture::as_wanted(owner, capture).await? {
            outline.lines.push(format!("capture {}", capture.table.sql));
        }
    }
    for (definition, plan) in &plans {
        if !ledger::generation::is_newest(owner, &plan.index, &plan.hash).await? {
            outline.lines.push(format!("build index {}", plan.index));
            outline.new.push(definition);
        }
    }
    let unused = needed.unused.iter();
    outline
        .lines
        .extend(unused.map(|unused| format!("no longer capture {}", unused.name)));
    Ok(outline)
}

/// Puts capture back as it should be for everything that is fed. Returns whether anything had to be done: changes may
/// have gone unlogged then. Capture that covers what is fed stays as it is, whatever else it logs.
///
/// # Errors
/// Missing rights; tables that stay locked.
pub async fn mend(owner: &mut PgConnection) -> Result<bool, ApplyError> {
    alone(owner).await?;
    let catalog = read_catalog(owner).await?;
    let mut mended = false;
    for capture in &Needed::read(owner, &catalog, &[]).await?.captures {
        if !ledger::capture::installed(owner, capture).await? {
            mended |= change(owner, Change::Install(capture)).await?;
        }
    }
    ledger::generation::unlock_capture(owner).await?;
    Ok(mended)
}

/// Waits until no other process changes capture.
async fn alone(owner: &mut PgConnection) -> Result<(), ApplyError> {
    while !ledger::generation::lock_capture(owner).await? {
        tracing::info!("another process applies definitions; waiting for it");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// What the database is to log.
pub(super) struct Needed {
    pub captures: Vec<Capture>,
    /// Captured, and needed by no definition: none of those that are fed, and none of `plans`.
    unused: Vec<Unused>,
}

impl Needed {
    /// For everything that is fed, and for `plans`. Definitions that no longer fit the database need nothing; while
    /// there are such, nothing counts as unused.
    pub async fn read(
        owner: &mut PgConnection,
        catalog: &Catalog,
        plans: &[(&Definition, Plan)],
    ) -> Result<Self, LedgerError> {
        let rows = ledger::generation::fed(owner).await?.1;
        let plan =
            |row: &ledger::GenerationRow| Plan::new(&Definition::parse("ledger", &row.definition).ok()?, catalog).ok();
        let fed: Vec<Plan> = rows.iter().filter_map(plan).collect();
        let captures = Capture::union(
            fed.iter()
                .chain(plans.iter().map(|(_, plan)| plan))
                .flat_map(|plan| &plan.captures),
        );
        let unused = if fed.len() == rows.len() {
            ledger::unused::unused(owner, &captures).await?
        } else {
            Vec::new()
        };
        Ok(Self { captures, unused })
    }
}

/// The tables whose triggers `apply` would take away, were these plans applied now.
///
/// # Errors
/// Those of the connection.
pub async fn unused(
    connection: &mut PgConnection,
    catalog: &Catalog,
    plans: &[(&Definition, Plan)],
) -> Result<Vec<Unused>, LedgerError> {
    match Needed::read(connection, catalog, plans).await {
        Ok(needed) => Ok(needed.unused),
        Err(LedgerError::Absent) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What is done to one table.
#[derive(Clone, Copy)]
enum Change<'a> {
    Install(&'a Capture),
    Remove(&'a Unused),
}

/// Between two tries for a lock.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Changes one table's capture; a lock that is not free at once is tried for again, for about a minute in all. Returns
/// whether there was anything to change.
async fn change(owner: &mut PgConnection, change: Change<'_>) -> Result<bool, ApplyError> {
    const TRIES: u32 = 40;
    let table = match change {
        Change::Install(capture) => &capture.table.sql,
        Change::Remove(unused) => &unused.name,
    };
    for _ in 0..TRIES {
        let changed = match change {
            Change::Install(capture) => ledger::capture::install(owner, capture).await,
            Change::Remove(unused) => ledger::unused::remove(owner, unused).await.map(|()| true),
        };
        match changed {
            Err(LedgerError::Postgres(sqlx::Error::Database(error))) if error.code().as_deref() == Some("55P03") => {
                tracing::info!(table, "the table is locked; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            other => return Ok(other?),
        }
    }
    Err(ApplyError::Locked(table.clone()))
}

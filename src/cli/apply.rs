//! `apply`, `uninstall`, `adopt`: what changes the database, by the owner's hand.

use std::io::IsTerminal;

use super::Exit;
use super::say::{self, complain, tell};
use crate::config::Config;
use crate::elastic::Elastic;
use crate::job;
use crate::ledger;
use crate::source::Postgres;
use crate::source::connect::connect_owner;

pub async fn apply(config: &Config, yes: bool) -> anyhow::Result<()> {
    let tables = config
        .definitions
        .iter()
        .map(|definition| definition.index.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    confirm(
        yes,
        &format!("Put highwater's ledger and triggers in place for: {tables}?"),
    )?;
    let role = Postgres::new(&config.postgres)?.role().to_owned();
    let mut owner = connect_owner(&config.postgres).await?;
    let applied = job::apply::apply(&mut owner, &config.definitions, &role, &config.job).await?;
    if applied.lines.is_empty() {
        tell!("nothing to do: everything is in place")?;
    }
    for line in applied.lines {
        tell!("{line}")?;
    }
    Ok(())
}

pub async fn uninstall(config: &Config, yes: bool) -> anyhow::Result<()> {
    confirm(
        yes,
        "Take highwater's triggers and ledger out of the database? Indexes stay as they are, and will go stale.",
    )?;
    let mut owner = connect_owner(&config.postgres).await?;
    ledger::migrate::uninstall(&mut owner).await?;
    tell!("the database holds nothing of highwater any more")?;
    Ok(())
}

pub async fn adopt(config: &Config, yes: bool) -> anyhow::Result<()> {
    confirm(
        yes,
        "Make this database the source of its indexes from now on? Every document will be looked at again.",
    )?;
    let postgres = Postgres::new(&config.postgres)?;
    let elastic = Elastic::connect(&config.elastic)?;
    let mut connection = postgres.connect().await?;
    let fed = ledger::generation::fed(&mut connection).await?.1;
    let indexes: Vec<String> = fed.iter().map(ledger::GenerationRow::concrete).collect();
    let highest = job::lineage::highest_epoch(&elastic, indexes.iter().map(String::as_str)).await?;
    // The cluster's note of the former source no longer holds.
    let nonce = ledger::identity::nonce(postgres.pool()).await?;
    elastic.delete_nonce(&nonce.source).await?;
    let epoch = ledger::identity::adopt(&mut connection, highest).await?;
    tell!("adopted: documents are versioned by epoch {epoch} from now on")?;
    Ok(())
}

/// Asks on a terminal; elsewhere `--yes` is needed.
fn confirm(yes: bool, question: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        complain!("{question} Say --yes.");
        return Err(Exit::Usage.into());
    }
    say::out(format_args!("{question} [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") {
        Ok(())
    } else {
        Err(Exit::Usage.into())
    }
}

//! `apply`, `uninstall`, `adopt`: what changes the database, by the owner's hand.

use std::io::IsTerminal;

use super::exit::Failure;
use super::say::{self, tell};
use super::{Exit, check, presence};
use crate::config::{Config, Reading};
use crate::elastic::{Elastic, ElasticError};
use crate::job::apply::ApplyError;
use crate::job::{self, trial};
use crate::ledger;
use crate::mistake::Mistakes;
use crate::source::Postgres;
use crate::source::connect::connect_owner;

/// Puts in place what is not yet; the cluster is asked first what it thinks of indexes that are to be made.
pub async fn apply(reading: &Reading, yes: bool) -> anyhow::Result<()> {
    let config = check::sound(reading).await?;
    let role = Postgres::new(&config.postgres)?.role().to_owned();
    let mut owner = connect_owner(&config.postgres).await?;
    let outline = match job::apply::outline(&mut owner, &config.definitions, &role).await {
        // With what the cluster says.
        Err(ApplyError::Mistakes(mistakes)) => {
            let mut mistakes = mistakes.at(&config.file.display().to_string().into());
            mistakes.merge(check::check(reading, false).await.mistakes);
            return Err(mistakes.in_file_order().into());
        }
        other => other?,
    };
    if outline.lines.is_empty() {
        tell!("nothing to do: everything is in place")?;
        return Ok(());
    }
    let elastic = Elastic::connect(&config.elastic)?;
    let mut refused = Mistakes::default();
    for definition in &outline.new {
        let tried = trial::refused(&elastic, definition, &reading.mistakes).await;
        refused.merge(tried.map_err(|error| untried(&error))?);
    }
    refused.in_file_order().or(())?;
    confirm(
        yes,
        &format!("To do in the database: {}. Go ahead?", outline.lines.join("; ")),
    )?;
    let applied = job::apply::apply(&mut owner, &config.definitions, &role, &config.job).await?;
    for line in applied.lines {
        tell!("{line}")?;
    }
    Ok(())
}

/// Nothing is applied that nobody has tried: a definition that the cluster refuses would stand in the ledger, and its index
/// would never come up.
fn untried(error: &ElasticError) -> Failure {
    Failure {
        exit: Exit::Unavailable,
        found: format!("nothing was applied, as Elasticsearch could not be asked about the new indexes: {error}"),
        remedy: error.remedy().to_owned(),
    }
}

pub async fn uninstall(config: &Config, yes: bool) -> anyhow::Result<()> {
    confirm(
        yes,
        "Take highwater's triggers and ledger out of the database? Indexes stay as they are, and will go stale.",
    )?;
    let mut owner = connect_owner(&config.postgres).await?;
    if ledger::migrate::exists(&mut owner).await? && presence::is_certain(&mut owner, config).await? {
        let failure = Failure {
            exit: Exit::Usage,
            found: "a daemon runs on this database: it would miss every change from now on".to_owned(),
            remedy: "stop every `highwater run` with this database, then uninstall".to_owned(),
        };
        return Err(failure.into());
    }
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
    let source = ledger::identity::name(&mut connection).await?;
    for row in &fed {
        // Whoever kept the name until now does so no more.
        while let Some(other) = job::owner::foreign(&elastic, &row.index, &source).await? {
            elastic.delete_nonce(&other.source).await?;
            tell!(
                "{} is no longer another database's: its daemon must not run any more",
                other.index
            )?;
        }
    }
    let highest = job::lineage::highest_epoch(&elastic, indexes.iter().map(String::as_str)).await?;
    // The cluster's note of the former source no longer holds.
    elastic.delete_nonce(&source).await?;
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
        let failure = Failure {
            exit: Exit::Usage,
            found: question.to_owned(),
            remedy: "say --yes where nobody can be asked".to_owned(),
        };
        return Err(failure.into());
    }
    say::out(format_args!("{question} [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") {
        Ok(())
    } else {
        tell!("nothing was changed")?;
        Err(Exit::Usage.into())
    }
}

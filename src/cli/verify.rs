//! `verify`: both sides compared.

use std::time::Duration;

use super::say::{complain, tell};
use super::{Exit, edited};
use crate::config::Config;
use crate::elastic::Elastic;
use crate::job::verify::{Findings, Verify};
use crate::key::Key;
use crate::ledger::claim;
use crate::mistake::counted;
use crate::pipeline::write::A_DOCUMENT;
use crate::pipeline::{Budget, Fleet};
use crate::source::build::Builder;
use crate::source::{Postgres, snapshot};

/// How many differing keys are named.
const NAMED: usize = 20;

/// How long changes on their way are waited for.
const PATIENCE: Duration = Duration::from_mins(1);

pub async fn verify(config: &Config, index: Option<&str>, repair: bool) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    let elastic = Elastic::connect(&config.elastic)?;
    let fleet = Fleet::read(&postgres).await?;
    edited::warn(config, &fleet, index);
    let fences = snapshot::fence_pool(postgres.pool());
    let budget = Budget::new(config.pipeline.queue_bytes);
    let (mut sound, mut known) = (true, false);
    for (generation, plan) in fleet
        .plans()
        .filter(|(generation, _)| index.is_none_or(|index| index == generation.index))
    {
        known = true;
        let builder = Builder::new(
            &postgres,
            &fences,
            config.pipeline.max_document_bytes,
            config.pipeline.queue_bytes,
        );
        let mut verify = Verify {
            postgres: &postgres,
            elastic: &elastic,
            generation,
            plan,
            revision: fleet.revision,
            builder,
            budget: &budget,
            a_document: A_DOCUMENT,
            job: None,
            patience: PATIENCE,
            waiting: || {
                complain!(
                    "changes on their way are waited for, up to {} s a time; a running daemon writes them",
                    PATIENCE.as_secs()
                );
            },
        };
        let findings = verify.run().await?;
        tell!("{}: {}", generation.concrete, words(&findings))?;
        name(&findings)?;
        sound &= findings.differing.is_empty();
        if repair && !findings.differing.is_empty() {
            let mut keys: Vec<Key> = findings.differing.iter().map(|(key, _)| key.clone()).collect();
            keys.dedup();
            claim::touch_documents(postgres.pool(), generation.id, &keys, &findings.copies).await?;
            tell!("  {} touched: a running daemon builds them again", keys.len())?;
        }
    }
    for generation in fleet.generations.values() {
        if let Err(mistakes) = &generation.plan {
            tell!("{}: cannot be planned: {mistakes}", generation.concrete)?;
            sound = false;
        }
    }
    if !known && sound {
        complain!("there is no such index; known are: {}", fleet.known());
        return Err(Exit::Usage.into());
    }
    if sound { Ok(()) } else { Err(Exit::Data.into()) }
}

/// The first keys that differ, and how many more there are.
fn name(findings: &Findings) -> anyhow::Result<()> {
    for (key, difference) in findings.differing.iter().take(NAMED) {
        tell!("  {key}: {difference:?}")?;
    }
    if findings.differing.len() > NAMED {
        tell!("  and {} more", findings.differing.len() - NAMED)?;
    }
    Ok(())
}

fn words(findings: &Findings) -> String {
    let mut words = format!("{} compared", counted(findings.compared as usize, "document"));
    if findings.dead > 0 {
        let letters = counted(findings.dead as usize, "dead letter");
        words.push_str(&format!(", {letters} among them (see `highwater dead list`)"));
    }
    words.push_str(&format!(", {}", counted(findings.differing.len(), "difference")));
    if findings.outdated > 0 {
        words.push_str(&format!(
            ", {} built by another version of highwater",
            findings.outdated
        ));
    }
    if findings.unsettled {
        words.push_str("; changes on their way did not settle within a minute: is `highwater run` running?");
    }
    words
}

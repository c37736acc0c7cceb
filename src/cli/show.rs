//! `show`: one document, as it would be built now and as the index holds it.

use serde_json::Value;

use super::Exit;
use super::say::{complain, tell};
use crate::config::Config;
use crate::draft::Op;
use crate::elastic::{DocumentId, Elastic};
use crate::key::Key;
use crate::pipeline::Fleet;
use crate::source::build::Builder;
use crate::source::{Postgres, Scope, snapshot};

pub async fn show(config: &Config, index: &str, key: &str, sql: bool) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    let elastic = Elastic::connect(&config.elastic)?;
    let fleet = Fleet::read(&postgres).await?;
    let Some((generation, plan)) = fleet.plans().filter(|(generation, _)| generation.index == index).last() else {
        complain!(
            "there is no index {index:?}; known are: {}",
            fleet
                .generations
                .values()
                .map(|known| known.index.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
        return Err(Exit::Usage.into());
    };
    if sql {
        tell!("{}", plan.print())?;
    }
    let key = Key::from_text(key);
    let fences = snapshot::fence_pool(postgres.pool());
    let mut builder = Builder::new(
        &postgres,
        &fences,
        config.pipeline.max_document_bytes,
        config.pipeline.queue_bytes,
    );
    let built = builder
        .build(plan, Scope::Keys(std::slice::from_ref(&key)), fleet.revision)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    if let Some(unfit) = built.unfit.first() {
        tell!("cannot be built: {}", unfit.reason)?;
    }
    let now = built
        .drafts
        .items
        .first()
        .filter(|draft| draft.op == Op::Index)
        .and_then(|draft| {
            let lines = &built.drafts.body[draft.span.clone()];
            let source = lines.splitn(2, |byte| *byte == b'\n').nth(1)?;
            serde_json::from_slice::<Value>(source).ok()
        });
    match &now {
        Some(document) => tell!("{}", serde_json::to_string_pretty(&without_mark(document.clone()))?)?,
        None => tell!(
            "no document: the table has no such row, its `where` leaves it out, or a required relation is missing"
        )?,
    }
    let stored = match elastic
        .get(&generation.concrete, DocumentId::from(&*key.document_id()))
        .await
    {
        Ok(stored) => stored,
        Err(error) => {
            tell!("\n{} cannot be asked: {error}", generation.concrete)?;
            return Ok(());
        }
    };
    match (stored, now) {
        (None, None) => tell!("\n{} does not hold it either", generation.concrete)?,
        (None, Some(_)) => tell!("\n{} does not hold it yet", generation.concrete)?,
        (Some(_), None) => tell!("\n{} still holds one", generation.concrete)?,
        (Some(stored), Some(now)) => {
            let held: Value = serde_json::from_str(stored.source.get())?;
            let same = without_mark(held.clone()) == without_mark(now);
            tell!(
                "\n{} holds {} (version {})",
                generation.concrete,
                if same { "the same" } else { "another" },
                stored.version.0
            )?;
            if !same {
                tell!("{}", serde_json::to_string_pretty(&without_mark(held))?)?;
            }
        }
    }
    Ok(())
}

fn without_mark(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.shift_remove("_highwater");
    }
    document
}

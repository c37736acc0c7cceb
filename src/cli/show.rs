//! `show`: one document, as it would be built now and as the index holds it.

use serde_json::Value;

use super::Exit;
use super::say::{complain, tell};
use crate::config::Config;
use crate::draft::Op;
use crate::elastic::{Document, DocumentId, Elastic};
use crate::key::Key;
use crate::pipeline::Fleet;
use crate::source::build::{Builder, Built};
use crate::source::{Postgres, Scope, snapshot};

pub async fn show(config: &Config, index: &str, key: &str, sql: bool) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    let elastic = Elastic::connect(&config.elastic)?;
    let fleet = Fleet::read(&postgres).await?;
    let Some((generation, plan)) = fleet.plans().filter(|(generation, _)| generation.index == index).last() else {
        complain!("there is no index {index:?}; known are: {}", fleet.known());
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
    let now = document(&built);
    print_built(&built, now.as_ref())?;
    match elastic
        .get(&generation.concrete, DocumentId::from(&*key.document_id()))
        .await
    {
        Ok(held) => compare(&generation.concrete, held.as_ref(), now)?,
        Err(error) => tell!("\n{} cannot be asked: {error}", generation.concrete)?,
    }
    Ok(())
}

/// What a batch of one key came to, unless the document is to be deleted or cannot be built.
fn document(built: &Built) -> Option<Value> {
    let draft = built.drafts.items.first().filter(|draft| draft.op == Op::Index)?;
    let lines = &built.drafts.body[draft.span.clone()];
    let source = lines.splitn(2, |byte| *byte == b'\n').nth(1)?;
    serde_json::from_slice(source).ok().map(without_mark)
}

fn print_built(built: &Built, now: Option<&Value>) -> anyhow::Result<()> {
    if let Some(unfit) = built.unfit.first() {
        tell!("cannot be built: {}", unfit.reason)?;
    }
    match now {
        Some(document) => tell!("{}", serde_json::to_string_pretty(document)?)?,
        None => tell!(
            "no document: the table has no such row, its `where` leaves it out, or a required relation is missing"
        )?,
    }
    Ok(())
}

/// Says whether the index holds what would be built now, and what it holds instead.
fn compare(concrete: &str, held: Option<&Document>, now: Option<Value>) -> anyhow::Result<()> {
    match (held, now) {
        (None, None) => tell!("\n{concrete} does not hold it either")?,
        (None, Some(_)) => tell!("\n{concrete} does not hold it yet")?,
        (Some(_), None) => tell!("\n{concrete} still holds one")?,
        (Some(stored), Some(now)) => {
            let held = without_mark(serde_json::from_str(stored.source.get())?);
            let same = held == now;
            tell!(
                "\n{concrete} holds {} (version {})",
                if same { "the same" } else { "another" },
                stored.version.0
            )?;
            if !same {
                tell!("{}", serde_json::to_string_pretty(&held)?)?;
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

//! `show`: one document, as it would be built now and as each generation of its index holds it; and why.

mod difference;
mod pretty;
mod why;

use std::sync::Arc;

use serde_json::Value;

use super::say::{complain, tell};
use super::{Exit, edited};
use crate::config::Config;
use crate::copies::Copies;
use crate::draft::{Draft, Op};
use crate::elastic::{Document, DocumentId, Elastic, ElasticError};
use crate::key::Key;
use crate::pipeline::{Fleet, Generation};
use crate::plan::Plan;
use crate::source::build::{Builder, Built};
use crate::source::{Postgres, Scope, snapshot};

/// What is wanted beside the document.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The statements, with their parameters.
    pub sql: bool,
    /// The differences alone instead of the whole document that is held.
    pub diff: bool,
}

pub async fn show(config: &Config, index: &str, key: &str, wanted: Wanted) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    let elastic = Elastic::connect(&config.elastic)?;
    let fleet = Fleet::read(&postgres).await?;
    edited::warn(config, &fleet, Some(index));
    let generations: Vec<&Arc<Generation>> = fleet.generations.values().filter(|one| one.index == index).collect();
    if generations.is_empty() {
        complain!("there is no index {index:?}; known are: {}", fleet.known());
        return Err(Exit::Usage.into());
    }
    let newest = generations.last().and_then(|generation| generation.plan.as_ref().ok());
    if let Some(plan) = newest
        && let Some(misfit) = why::misfit(&postgres, plan, &Key::from_text(key)).await?
    {
        complain!("{misfit}");
        return Err(Exit::Usage.into());
    }
    let fences = snapshot::fence_pool(postgres.pool());
    let mut show = Show {
        builder: Builder::new(
            &postgres,
            &fences,
            config.pipeline.max_document_bytes,
            config.pipeline.queue_bytes,
        ),
        postgres: &postgres,
        elastic: &elastic,
        fleet: &fleet,
        key: Key::from_text(key),
        wanted,
    };
    // The newest first: it is by its definition that the document is to be.
    let mut is_there = true;
    for (position, generation) in generations.into_iter().rev().enumerate() {
        match &generation.plan {
            Ok(plan) => is_there &= show.generation(generation, plan, position == 0).await? || position > 0,
            Err(mistakes) => tell!("\n{} cannot be planned: {mistakes}", generation.concrete)?,
        }
    }
    if is_there { Ok(()) } else { Err(Exit::Absent.into()) }
}

/// One document under way.
struct Show<'a> {
    postgres: &'a Postgres,
    elastic: &'a Elastic,
    fleet: &'a Fleet,
    builder: Builder,
    key: Key,
    wanted: Wanted,
}

impl Show<'_> {
    /// Returns whether there is a document by this generation's definition.
    async fn generation(&mut self, generation: &Generation, plan: &Plan, newest: bool) -> anyhow::Result<bool> {
        let copies = Copies::default();
        let scope = Scope::Keys(std::slice::from_ref(&self.key), &copies);
        let built = self.builder.build(plan, scope, self.fleet.revision).await;
        // A key may be written in more than one way, and has one canonical text: the row's own.
        let canonical = built.as_ref().ok().and_then(indexed).map(|draft| draft.key.clone());
        self.key = canonical.unwrap_or_else(|| self.key.clone());
        if self.wanted.sql && newest {
            self.statements(plan)?;
        }
        let (now, reason): (Option<&str>, _) = match &built {
            Ok(built) => {
                let reason = why::absent(self.postgres, plan, &self.key, &self.builder, built).await?;
                (source(built), reason)
            }
            Err(error) => (None, Some(format!("it cannot be built: {}", error.reason()))),
        };
        if newest {
            match (&now, &reason) {
                (Some(_), _) if self.wanted.diff => {}
                (Some(document), _) => tell!("{}", pretty::document(document))?,
                (None, Some(reason)) => tell!("no document: {reason}")?,
                (None, None) => tell!("no document")?,
            }
        }
        let is_there = now.is_some();
        let place = built
            .as_ref()
            .ok()
            .and_then(indexed)
            .and_then(|draft| draft.routing.clone());
        match self.held(generation, plan, place).await {
            Ok((held, elsewhere)) => {
                self.compare(generation, held.as_ref(), now, built.as_ref().ok())?;
                for routing in elsewhere {
                    tell!(
                        "  a copy stands under routing {routing:?}, where it does not belong: `highwater verify --repair` has it deleted"
                    )?;
                }
            }
            Err(error) => tell!("\n{} cannot be asked: {error}", named(generation))?,
        }
        for line in why::pending(self.postgres, self.fleet, generation, &self.key).await? {
            tell!("  {line}")?;
        }
        Ok(is_there)
    }

    /// The document where it belongs, or, where nothing says so, wherever there is one; and under which other routings
    /// there are more. These are searched for, and so may be those of a second ago.
    async fn held(
        &self,
        generation: &Generation,
        plan: &Plan,
        place: Option<String>,
    ) -> Result<(Option<Document>, Vec<String>), ElasticError> {
        let id = self.key.document_id();
        let found = if plan.routing.is_some() {
            self.elastic.find(&generation.concrete, &id).await?
        } else {
            Vec::new()
        };
        let mut routings: Vec<String> = found.into_iter().filter_map(|stored| stored.routing).collect();
        let place = place.or_else(|| routings.first().cloned());
        if plan.routing.is_some() && place.is_none() {
            return Ok((None, Vec::new()));
        }
        routings.retain(|routing| Some(routing) != place.as_ref());
        let at = DocumentId {
            id: &id,
            routing: place.as_deref(),
        };
        Ok((self.elastic.get(&generation.concrete, at).await?, routings))
    }

    /// The statements as they were sent, each with the values bound to it.
    fn statements(&self, plan: &Plan) -> anyhow::Result<()> {
        let key = self.key.parts(plan.key.len()).unwrap_or_default();
        tell!("-- the documents' rows\n{};", plan.root().select.sql)?;
        for (at, part) in key.iter().enumerate() {
            tell!("--   ${} = {}", at + 1, serde_json::to_string(&[part])?)?;
        }
        for asked in self.builder.batch().asked(plan) {
            tell!("\n-- {}\n{};", asked.path, asked.sql)?;
            if asked.parameters.iter().all(Vec::is_empty) {
                tell!("--   not sent: no row leads there")?;
                continue;
            }
            for (at, values) in asked.parameters.iter().enumerate() {
                tell!("--   ${} = {}", at + 1, serde_json::to_string(values)?)?;
            }
        }
        tell!("")?;
        Ok(())
    }

    /// Says whether the index holds what would be built now, and what it holds instead.
    fn compare(
        &self,
        generation: &Generation,
        held: Option<&Document>,
        now: Option<&str>,
        built: Option<&Built>,
    ) -> anyhow::Result<()> {
        let name = format!("\n{}", named(generation));
        let Some(stored) = held else {
            let word = if now.is_some() {
                "does not hold it yet"
            } else {
                "does not hold it either"
            };
            tell!("{name} {word}")?;
            return Ok(());
        };
        let version = why::version(stored.version, self.builder.version());
        let held = stored.source.get();
        let parsed: Value = serde_json::from_str(held)?;
        let mark = built.and_then(|built| Some((built.hashes.first()?, parsed.pointer("/_highwater/hash")?)));
        let same_bytes = mark.is_some_and(|(hash, mark)| *mark == format!("{hash:032x}"));
        match now {
            None => tell!("{name} still holds one, built {version}")?,
            Some(_) if same_bytes && self.wanted.diff => tell!("{name}: no difference, built {version}")?,
            Some(_) if same_bytes => tell!("{name} holds the same, built {version}")?,
            Some(now) => {
                tell!("{name} holds another, built {version}")?;
                let lines = difference::lines(&without_mark(parsed), &without_mark(serde_json::from_str(now)?));
                if lines.is_empty() {
                    tell!("  the same values, written otherwise, or by another version of highwater")?;
                } else if self.wanted.diff {
                    lines.iter().try_for_each(|line| tell!("  {line}"))?;
                } else {
                    tell!("{}", pretty::document(held))?;
                }
            }
        }
        Ok(())
    }
}

fn named(generation: &Generation) -> String {
    let state = if generation.live { "live" } else { "being built" };
    format!("{} ({state})", generation.concrete)
}

fn indexed(built: &Built) -> Option<&Draft> {
    built.drafts.items.iter().find(|draft| draft.op == Op::Index)
}

/// What a batch of one key came to, unless the document is to be deleted or cannot be built.
fn source(built: &Built) -> Option<&str> {
    let lines = &built.drafts.body[indexed(built)?.span.clone()];
    let source = lines.splitn(2, |byte| *byte == b'\n').nth(1)?;
    std::str::from_utf8(source).ok()
}

fn without_mark(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.shift_remove("_highwater");
    }
    document
}

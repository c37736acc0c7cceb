//! Asks the cluster what it thinks of a definition, before anything depends on the answer: settings and mapping, by an index
//! that lives for a moment, and whether the ingest pipeline is there.
//!
//! The cluster names one fault at a time. The field that it blames is left out, and what is left is tried again, so that
//! one round of editing mends it all.

use serde_json::Map;

use super::JobError;
use super::owner::{self, Foreign};
use crate::definition::{Content, Definition, Field, FieldKind, Fields, Mapping};
use crate::elastic::{Elastic, ElasticError, IndexPlan, Origin, generation_settings};
use crate::mistake::{Mistakes, Place};
use crate::plan;

/// How often it is tried: a file with more faults than this has others to find first.
const TRIES: usize = 20;

/// What the cluster refuses; `known` is what is wrong with the definition already, and is not tried.
///
/// # Errors
/// Those of the request; a refusal is none.
pub async fn refused(elastic: &Elastic, definition: &Definition, known: &Mistakes) -> Result<Mistakes, ElasticError> {
    let (mut refused, mut fields) = (Mistakes::default(), definition.fields.clone());
    leave_out(&mut fields, &|field| field.is_marred(known));
    let settings = generation_settings(definition.settings.clone());
    let (hash, nothing) = (plan::fingerprint(definition), Map::new());
    for _ in 0..TRIES {
        let mappings = plan::mapping(definition, &fields, &hash);
        let index = IndexPlan {
            settings: &settings,
            mappings: mappings.as_object().unwrap_or(&nothing),
            origin: Origin {
                definition: &hash,
                source: "",
            },
        };
        let Some(reason) = elastic.try_mapping(&definition.index, index).await? else {
            break;
        };
        let blamed = blamed(&fields, &reason).cloned();
        refused.add(
            blamed.as_ref().unwrap_or(&definition.place),
            format!("Elasticsearch refuses the index: {reason}"),
            "correct the type, its parameters, or `settings:`, as the reason says",
        );
        match blamed {
            Some(place) => leave_out(&mut fields, &|field| field.place == place),
            None => break, // it cannot be left out
        }
    }
    Ok(refused)
}

/// What the cluster lacks that documents need. Whoever may not ask for pipelines is not told.
///
/// # Errors
/// Those of the request.
pub async fn lacking(elastic: &Elastic, definition: &Definition) -> Result<Mistakes, ElasticError> {
    let mut lacking = Mistakes::default();
    let Some(pipeline) = &definition.pipeline else {
        return Ok(lacking);
    };
    match elastic.has_pipeline(pipeline).await {
        Ok(true) | Err(ElasticError::Forbidden { .. }) => {}
        Ok(false) => lacking.add(
            &Place {
                file: definition.place.file.clone(),
                path: "pipeline".to_owned(),
                ..Place::default()
            },
            format!("there is no ingest pipeline {pipeline:?} in the cluster"),
            "make it (PUT _ingest/pipeline/…), or correct the name; until then no document is written",
        ),
        Err(error) => return Err(error),
    }
    Ok(lacking)
}

/// What is wrong where the index's name is another database's; `own` is this ledger's name towards the cluster, empty where there is none.
///
/// # Errors
/// Those of the request.
pub async fn taken(elastic: &Elastic, definition: &Definition, own: &str) -> Result<Mistakes, ElasticError> {
    let mut taken = Mistakes::default();
    if let Some(Foreign { index, .. }) = owner::foreign(elastic, &definition.index, own).await? {
        let alias = definition.index.clone();
        let kept = JobError::Kept { alias, index };
        taken.add(&definition.place, kept.to_string(), kept.remedy().unwrap_or_default());
    }
    Ok(taken)
}

/// Takes those fields out, at any depth. Cases of a switch are mapped by the fields they share.
fn leave_out(fields: &mut Fields, is: &impl Fn(&Field) -> bool) {
    fields.retain(|_, field| !is(field));
    for field in fields.values_mut() {
        match &mut field.kind {
            FieldKind::Group(group) if !group.single => leave_out(&mut group.fields, is),
            FieldKind::Switch(switch) => leave_out(&mut switch.fields, is),
            FieldKind::Relation(relation) => {
                if let Content::Fields(fields) = &mut relation.content {
                    leave_out(fields, is);
                }
            }
            FieldKind::Group(_)
            | FieldKind::Column { .. }
            | FieldKind::Sql { .. }
            | FieldKind::Constant { .. }
            | FieldKind::Filled { .. } => {}
        }
    }
}

/// The field that the reason means: named as in `declared on field [title]`, or by a parameter of its mapping as in
/// `analyzer [englisch]`. Names come without their path, so the first that fits serves; the reason stands beside it.
fn blamed<'d>(fields: &'d Fields, reason: &str) -> Option<&'d Place> {
    let bracketed = |from: &'static str| reason.split(from).skip(1).filter_map(|rest| rest.split(']').next());
    let by_name = |name: &str| found(fields, &|known, _| known == name.rsplit('.').next().unwrap_or(name));
    let by_value = |word: &str| found(fields, &|_, mapping| mapping.values().any(|value| value == word));
    bracketed("field [")
        .find_map(by_name)
        .or_else(|| bracketed("[").find_map(by_value))
}

/// The first field, at any depth, of such a name or mapping.
fn found<'d>(fields: &'d Fields, is: &impl Fn(&str, &Mapping) -> bool) -> Option<&'d Place> {
    fields.iter().find_map(|(name, field)| {
        let here = is(name, field.mapping()).then_some(&field.place);
        here.or_else(|| found(field.fields()?, is))
    })
}

//! Definitions held against the database they are for: what fits, and everything that is wrong with the rest. Changes
//! nothing.

use sqlx::PgConnection;

use crate::catalog::Catalog;
use crate::definition::Definition;
use crate::mistake::Mistakes;
use crate::plan::{Expression, Misfit, Plan};
use crate::source::proof::{Proof, prove};

/// What was found.
#[derive(Debug, Default)]
pub struct Look<'d> {
    /// Of the definitions that fit, as far as their expressions are not among the mistakes.
    pub plans: Vec<(&'d Definition, Plan)>,
    pub mistakes: Mistakes,
    pub warnings: Mistakes,
    /// Why Postgres does not let anybody prove that expressions depend on their row alone.
    pub unproved: Option<String>,
}

/// Looks at every definition; `known` is what is wrong with them already.
///
/// # Errors
/// Those of the connection; it must not be inside a transaction.
pub async fn look<'d>(
    connection: &mut PgConnection,
    catalog: &Catalog,
    definitions: &'d [Definition],
    known: &Mistakes,
) -> Result<Look<'d>, sqlx::Error> {
    let mut look = Look::default();
    let mut expressions: Vec<Expression> = Vec::new();
    for definition in definitions {
        match Plan::look(definition, catalog, &known.in_file(&definition.place.file)) {
            Ok(plan) => {
                look.mistakes.merge(plan.refused.clone());
                look.warnings.merge(plan.warnings.clone());
                expressions.extend(plan.expressions.iter().cloned());
                look.plans.push((definition, plan));
            }
            Err(misfit) => {
                let Misfit {
                    mistakes,
                    warnings,
                    expressions: met,
                } = misfit;
                look.mistakes.merge(mistakes);
                look.warnings.merge(warnings);
                expressions.extend(met);
            }
        }
    }
    match prove(connection, &expressions).await? {
        Proof::Done(mistakes) => look.mistakes.merge(mistakes), // a filter of `tables:` is met at each use of its table
        Proof::NotAllowed(why) => look.unproved = Some(why),
    }
    Ok(look)
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

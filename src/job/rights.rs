//! What a role lacks to put ledger and triggers in place, all at once, and the statements that give it.

use sqlx::PgConnection;

use super::apply::Needed;
use crate::catalog::{Catalog, quote};
use crate::definition::Definition;
use crate::ledger::rights::{self, Owner, Schema};
use crate::ledger::{self, LedgerError};
use crate::mistake::{Mistakes, Place};
use crate::plan::{Capture, Plan};

/// What the role of this connection may not do, and would have to for these plans. Nothing is asked for where everything
/// is in place.
///
/// # Errors
/// Those of the connection.
pub async fn lacking(
    owner: &mut PgConnection,
    catalog: &Catalog,
    plans: &[(&Definition, Plan)],
) -> Result<Mistakes, LedgerError> {
    let schema = rights::schema(owner).await?;
    let mut lacking = Mistakes::default();
    let role = quote(&schema.role);
    let mut add = |found: String, remedy: String| lacking.add(&section(), found, remedy);
    match &schema.owner {
        None if !schema.creates => add(
            format!(
                "role {role} may not make schema highwater in database {}",
                schema.database
            ),
            format!("run: GRANT CREATE ON DATABASE {} TO {role}", schema.database),
        ),
        Some((other, false)) => add(
            format!(
                "schema highwater belongs to {}, and role {role} may not act as that",
                quote(other)
            ),
            format!(
                "name that role in postgres.owner_url, or run: GRANT {} TO {role}",
                quote(other)
            ),
        ),
        None | Some(_) => {}
    }
    let tables = to_be_changed(owner, catalog, plans, &schema).await?;
    for others in rights::foreign(owner, &tables).await? {
        let found = format!(
            "role {role} may not make triggers on {}: that takes their owner, {}",
            others.tables.join(", "),
            quote(&others.name)
        );
        add(found, remedy(&others, &role));
    }
    Ok(lacking)
}

/// The section of the configuration that says who connects.
fn section() -> Place {
    Place {
        path: "postgres".to_owned(),
        ..Place::default()
    }
}

/// Nobody is made a superuser for the sake of some triggers.
fn remedy(owner: &Owner, role: &str) -> String {
    let statements = if owner.superuser {
        let give = |table: &String| format!("ALTER TABLE {table} OWNER TO {role}");
        owner.tables.iter().map(give).collect::<Vec<_>>().join("; ")
    } else {
        format!("GRANT {} TO {role}", quote(&owner.name))
    };
    format!("name an owner in postgres.owner_url, or run: {statements}")
}

/// The tables whose triggers are not yet as these plans want them.
async fn to_be_changed(
    owner: &mut PgConnection,
    catalog: &Catalog,
    plans: &[(&Definition, Plan)],
    schema: &Schema,
) -> Result<Vec<u32>, LedgerError> {
    let mut captures = Capture::union(plans.iter().flat_map(|(_, plan)| &plan.captures));
    if matches!(schema.owner, Some((_, true))) && ledger::migrate::is_current(owner).await? {
        captures.clear();
        for capture in Needed::read(owner, catalog, plans).await?.captures {
            if !ledger::capture::as_wanted(owner, &capture).await? {
                captures.push(capture);
            }
        }
    }
    let tables = captures.iter().flat_map(ledger::capture::tables);
    Ok(tables.map(|table| table.oid).collect())
}

//! From touches to the keys of documents, for every generation.
//!
//! Resolved when the touch is read, over the rows as they are now. What reaches more documents than fit a claim becomes
//! a job in the ledger, so that a storm does not stand before single changes.

use std::collections::HashMap;

use hashbrown::HashSet;
use sqlx::PgConnection;

use super::fleet::{Fleet, Generation};
use super::receipt::Target;
use crate::key::Key;
use crate::ledger::Touch;
use crate::ledger::capture::Layout;
use crate::ledger::job::{Kind, NewJob, Touched};
use crate::plan::{Fanout, Plan};
use crate::source::error::Verdict;
use crate::source::resolve::{self, Columns};
use crate::source::{Postgres, SourceError};

/// What a claim comes to.
#[derive(Debug, Default)]
pub struct Resolved {
    pub targets: HashSet<Target>,
    pub jobs: Vec<NewJob>,
}

/// Values of touched rows of one table, as logged.
type Rows<'t> = Vec<&'t [Option<String>]>;

/// Resolves a claim's touches. At most `storm_above` keys a generation and way up are resolved at once.
///
/// # Errors
/// Those of the statements; nothing is settled then.
pub async fn resolve(
    postgres: &Postgres,
    fleet: &Fleet,
    touches: &[Touch],
    storm_above: u64,
) -> Result<Resolved, SourceError> {
    let mut resolved = Resolved::default();
    let mut by_layout: HashMap<i32, Vec<&Touch>> = HashMap::new();
    let mut marked: HashSet<i32> = HashSet::new();
    for touch in touches {
        match (touch.generation, touch.capture, &touch.columns) {
            (Some(generation), _, Some(columns)) => {
                if let (true, [Some(key), ..]) = (fleet.generations.contains_key(&generation), columns.as_slice()) {
                    resolved.targets.insert((generation, Key::from_text(key)));
                }
            }
            (None, Some(layout), Some(_)) => by_layout.entry(layout).or_default().push(touch),
            (_, Some(layout), None) => {
                marked.insert(layout);
            }
            (_, None, _) => {}
        }
    }
    if marked
        .iter()
        .chain(by_layout.keys())
        .any(|layout| !fleet.layouts.contains_key(layout))
    {
        return Err(SourceError::Tables); // logged in a layout that is newer than this fleet
    }
    // Without a plan nothing can be followed: everything is to be looked at once there is one.
    let unplanned = fleet.generations.values().filter(|generation| generation.plan.is_err());
    resolved.jobs.extend(unplanned.map(|generation| NewJob {
        generation: generation.id,
        kind: Kind::Sweep,
        touched: None,
    }));
    let mut connection = postgres.pool().acquire().await?;
    for (generation, plan) in fleet.plans() {
        resolved.jobs.extend(
            marked
                .iter()
                .filter_map(|layout| marker(generation, plan, &fleet.layouts[layout])),
        );
        for (number, touches) in &by_layout {
            let layout = &fleet.layouts[number];
            for fanout in plan.fanouts.iter().filter(|fanout| fanout.table == layout.table_oid) {
                follow(
                    (postgres, &mut connection),
                    generation.id,
                    plan,
                    fanout,
                    (*number, layout),
                    touches,
                    storm_above,
                    &mut resolved,
                )
                .await?;
            }
        }
    }
    Ok(resolved)
}

/// Anything in the table may have changed: of the root, even what is gone; of a related table, every root.
fn marker(generation: &Generation, plan: &Plan, layout: &Layout) -> Option<NewJob> {
    let kind = if plan.root_table().oid == layout.table_oid {
        Kind::Sweep
    } else if plan.fanouts.iter().any(|fanout| fanout.table == layout.table_oid) {
        Kind::Backfill
    } else {
        return None;
    };
    Some(NewJob {
        generation: generation.id,
        kind,
        touched: None,
    })
}

#[expect(clippy::too_many_arguments, reason = "one step of `resolve`, which holds them all")]
async fn follow(
    (postgres, connection): (&Postgres, &mut PgConnection),
    generation: i32,
    plan: &Plan,
    fanout: &Fanout,
    (number, layout): (i32, &Layout),
    touches: &[&Touch],
    storm_above: u64,
    resolved: &mut Resolved,
) -> Result<(), SourceError> {
    let shown = |touch: &&&Touch| {
        let changed = touch.changed.as_deref();
        changed.is_none_or(|changed| fanout.shows(&layout.compared, changed))
    };
    let rows = touches
        .iter()
        .filter(shown)
        .filter_map(|touch| touch.columns.as_deref());
    let (whole, key_only): (Rows<'_>, Rows<'_>) = rows.partition(|row| reaches(fanout, layout, row));
    if fanout.direct {
        for row in &whole {
            resolved
                .targets
                .extend(direct(fanout, layout, row).map(|key| (generation, key)));
        }
    }
    for way in ways(fanout, layout, if fanout.direct { Vec::new() } else { whole }, key_only) {
        let limit = i64::try_from(storm_above).unwrap_or(i64::MAX - 1) + 1;
        let found = resolve::roots(
            postgres,
            connection,
            way.statement,
            &way.columns,
            None,
            plan.key.len(),
            limit,
        );
        let keys = match found.await {
            // A value that does not fit its column: told by hand, or logged before the column got another type. It must
            // not stop the others, and what it stood for is among all.
            Err(error) if error.verdict(true) == Verdict::Bisect => {
                resolved.jobs.push(NewJob {
                    generation,
                    kind: Kind::Backfill,
                    touched: None,
                });
                continue;
            }
            other => other?,
        };
        if keys.len() as u64 > storm_above {
            let rows = way.rows.iter().map(|row| row.to_vec()).collect();
            resolved.jobs.push(NewJob {
                generation,
                kind: Kind::Expansion,
                touched: Some(Touched {
                    layout: number,
                    place: fanout.name.clone(),
                    rows,
                }),
            });
        } else {
            resolved.targets.extend(keys.into_iter().map(|key| (generation, key)));
        }
    }
    Ok(())
}

/// A statement and what is bound to it.
pub struct Way<'a, 't> {
    pub statement: &'a crate::plan::fanout::Statement,
    pub columns: Columns,
    pub rows: Rows<'t>,
}

/// The statements that follow these rows up: those logged with the needed columns, and those of which only the key is
/// known.
#[must_use]
pub fn ways<'a, 't>(fanout: &'a Fanout, layout: &Layout, whole: Rows<'t>, key_only: Rows<'t>) -> Vec<Way<'a, 't>> {
    let mut ways = Vec::new();
    if !whole.is_empty() {
        let positions = fanout.needs.iter().filter_map(|need| position(layout, need));
        let columns = positions
            .map(|at| whole.iter().map(|row| row[at].clone()).collect())
            .collect();
        ways.push(Way {
            statement: &fanout.by_columns,
            columns,
            rows: whole,
        });
    }
    if let Some(statement) = fanout.by_key.as_ref().filter(|_| !key_only.is_empty()) {
        let columns = (0..layout.key_columns)
            .map(|at| key_only.iter().map(|row| row[at].clone()).collect())
            .collect();
        ways.push(Way {
            statement,
            columns,
            rows: key_only,
        });
    }
    ways
}

/// Whether the row was logged with all that this way needs.
#[must_use]
pub fn reaches(fanout: &Fanout, layout: &Layout, row: &[Option<String>]) -> bool {
    fanout
        .needs
        .iter()
        .all(|need| position(layout, need).is_some_and(|at| at < row.len()))
}

fn position(layout: &Layout, column: &str) -> Option<usize> {
    layout.columns.iter().position(|known| known == column)
}

/// The root's key, where the needed values are it; none where one of them is null.
fn direct(fanout: &Fanout, layout: &Layout, row: &[Option<String>]) -> Option<Key> {
    let parts: Option<Vec<&str>> = fanout
        .needs
        .iter()
        .map(|need| row[position(layout, need)?].as_deref())
        .collect();
    parts.map(Key::from_parts)
}

//! From touches to the keys of documents, for every generation.
//!
//! Resolved when the touch is read, over the rows as they are now. What reaches more documents than fit a claim becomes
//! a job in the ledger, so that a storm does not stand before single changes.

use std::collections::HashMap;

use hashbrown::HashSet;
use sqlx::pool::PoolConnection;

use super::fleet::{Fleet, Generation};
use super::receipt::Target;
use crate::copies::Copies;
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
    /// Where else copies of the targets' documents may stand, by generation.
    pub copies: HashMap<i32, Copies>,
    pub jobs: Vec<NewJob>,
}

impl Resolved {
    fn copy(&mut self, generation: i32, key: &Key, routing: &str) {
        self.copies.entry(generation).or_default().add(key, routing);
    }
}

/// Values of touched rows of one table, as logged.
type Rows<'t> = Vec<&'t [Option<String>]>;

/// A claim's touches, by what they say.
#[derive(Default)]
struct Sorted<'t> {
    /// Rows of a table, by the layout they were logged in.
    rows: HashMap<i32, Vec<&'t Touch>>,
    /// Layouts of tables in which anything may have changed.
    marked: HashSet<i32>,
    /// Single documents.
    documents: Vec<(i32, Key, &'t [String])>,
}

impl<'t> Sorted<'t> {
    fn new(touches: &'t [Touch]) -> Self {
        let mut sorted = Self::default();
        for touch in touches {
            match (touch.generation, touch.capture, &touch.columns) {
                (Some(generation), _, Some(columns)) => {
                    let key = columns.first().and_then(Option::as_deref);
                    let copies = touch.copies.as_deref().unwrap_or_default();
                    let document = key.map(|key| (generation, Key::from_text(key), copies));
                    sorted.documents.extend(document);
                }
                (None, Some(layout), Some(_)) => sorted.rows.entry(layout).or_default().push(touch),
                (_, Some(layout), None) => {
                    sorted.marked.insert(layout);
                }
                (_, None, _) => {}
            }
        }
        sorted
    }
}

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
    let sorted = Sorted::new(touches);
    let mut layouts = sorted.marked.iter().chain(sorted.rows.keys());
    if layouts.any(|layout| !fleet.layouts.contains_key(layout)) {
        return Err(SourceError::Tables); // logged in a layout that is newer than this fleet
    }
    let mut resolved = Resolved::default();
    for (generation, key, copies) in sorted.documents {
        if fleet.generations.contains_key(&generation) {
            copies.iter().for_each(|copy| resolved.copy(generation, &key, copy));
            resolved.targets.insert((generation, key));
        }
    }
    // Without a plan nothing can be followed: everything is to be looked at once there is one.
    let unplanned = fleet.generations.values().filter(|generation| generation.plan.is_err());
    resolved
        .jobs
        .extend(unplanned.map(|generation| job(generation.id, Kind::Sweep)));
    let mut follower = Follower {
        postgres,
        connection: None,
        storm_above,
        resolved,
    };
    for (generation, plan) in fleet.plans() {
        let marked = sorted.marked.iter().map(|layout| &fleet.layouts[layout]);
        let jobs = marked.filter_map(|layout| marker(generation, plan, layout));
        follower.resolved.jobs.extend(jobs);
        for (number, touches) in &sorted.rows {
            let layout = (*number, &fleet.layouts[number]);
            for fanout in plan.fanouts.iter().filter(|fanout| fanout.table == layout.1.table_oid) {
                follower.follow((generation.id, plan), fanout, layout, touches).await?;
            }
        }
    }
    Ok(follower.resolved)
}

fn job(generation: i32, kind: Kind) -> NewJob {
    NewJob {
        generation,
        kind,
        touched: None,
    }
}

/// What looks at every root, and where the root is a view, which has no capture of its own, at what is gone from it too.
fn everything(plan: &Plan) -> Kind {
    let is_captured = plan.captures.iter().any(|capture| capture.table.oid == plan.table.oid);
    if is_captured { Kind::Backfill } else { Kind::Sweep }
}

/// Anything in the table may have changed: of the root, even what is gone; of a related table, every root.
fn marker(generation: &Generation, plan: &Plan, layout: &Layout) -> Option<NewJob> {
    let kind = if plan.table.oid == layout.table_oid {
        Kind::Sweep
    } else if plan.fanouts.iter().any(|fanout| fanout.table == layout.table_oid) {
        everything(plan)
    } else {
        return None;
    };
    Some(job(generation.id, kind))
}

/// Follows touched rows up, and gathers what they reach.
struct Follower<'a> {
    postgres: &'a Postgres,
    /// Taken when something has to be asked.
    connection: Option<PoolConnection<sqlx::Postgres>>,
    storm_above: u64,
    resolved: Resolved,
}

impl Follower<'_> {
    /// One way up, for the rows of which a column has changed that is shown there.
    async fn follow(
        &mut self,
        (generation, plan): (i32, &Plan),
        fanout: &Fanout,
        (number, layout): (i32, &Layout),
        touches: &[&Touch],
    ) -> Result<(), SourceError> {
        let shown = |touch: &&&Touch| {
            let changed = touch.changed.as_deref();
            changed.is_none_or(|changed| fanout.shows(&layout.compared, changed))
        };
        let rows = touches
            .iter()
            .filter(shown)
            .filter_map(|touch| touch.columns.as_deref());
        let (mut whole, key_only): (Rows<'_>, Rows<'_>) = rows.partition(|row| reaches(fanout, layout, row));
        if fanout.direct {
            for row in whole.drain(..) {
                let Some(key) = direct(fanout, layout, row) else {
                    continue;
                };
                if let Some(copy) = routing(fanout, layout, row) {
                    self.resolved.copy(generation, &key, copy);
                }
                self.resolved.targets.insert((generation, key));
            }
        }
        for way in ways(fanout, layout, whole, key_only) {
            match self.roots(&way, plan.key.len()).await {
                Ok(keys) if keys.len() as u64 > self.storm_above => self.resolved.jobs.push(NewJob {
                    generation,
                    kind: Kind::Expansion,
                    touched: Some(Touched {
                        layout: number,
                        place: fanout.name.clone(),
                        rows: way.rows.iter().map(|row| row.to_vec()).collect(),
                    }),
                }),
                Ok(keys) => {
                    let keys = keys.into_iter().map(|key| (generation, key));
                    self.resolved.targets.extend(keys);
                }
                // A value that does not fit its column: told by hand, or logged before the column got another type. It
                // must not stop the others, and what it stood for is among all.
                Err(error) if error.verdict(true) == Verdict::Bisect => {
                    self.resolved.jobs.push(job(generation, everything(plan)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The keys that a way leads to: all of them, or one more than may be resolved at once.
    async fn roots(&mut self, way: &Way<'_, '_>, key_columns: usize) -> Result<Vec<Key>, SourceError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.postgres.pool().acquire().await?),
        };
        let limit = i64::try_from(self.storm_above).unwrap_or(i64::MAX - 1) + 1;
        resolve::roots(
            self.postgres,
            connection,
            way.statement,
            &way.columns,
            None,
            key_columns,
            limit,
        )
        .await
    }
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

/// What routed the row's document when this was logged.
fn routing<'t>(fanout: &Fanout, layout: &Layout, row: &'t [Option<String>]) -> Option<&'t str> {
    row.get(position(layout, fanout.routing.as_ref()?)?)?.as_deref()
}

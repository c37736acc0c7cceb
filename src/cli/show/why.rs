//! In words: why a document is as it is, or is not there.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use crate::draft::{Op, Version};
use crate::key::Key;
use crate::ledger::document::{self, Known};
use crate::pipeline::{Fleet, Generation, intake};
use crate::plan::Plan;
use crate::source::build::{Builder, Built};
use crate::source::{Postgres, SourceError};

/// Touches looked at for the one that reaches the document; more are on their way in a storm only.
const TOUCHES: i64 = 5000;

/// What reaches more documents than this is taken to reach all of them: it need not be told apart here.
const STORM: u64 = 100_000;

/// Why there is no document, when there is none.
pub async fn absent(
    postgres: &Postgres,
    plan: &Plan,
    key: &Key,
    builder: &Builder,
    built: &Built,
) -> anyhow::Result<Option<String>> {
    if let Some(unfit) = built.unfit.first() {
        return Ok(Some(format!("it cannot be built: {}", unfit.reason)));
    }
    if built.drafts.items.iter().any(|draft| draft.op == Op::Index) {
        return Ok(None);
    }
    if let Some(path) = builder.batch().lacking(plan) {
        return Ok(Some(format!("the required relation {path} has no row")));
    }
    let table = &plan.table.sql;
    let Some(parts) = key.parts(plan.key.len()) else {
        let columns: Vec<&str> = plan.key.iter().map(|column| column.name.as_str()).collect();
        return Ok(Some(format!(
            "the key has not {} parts ({}), joined by commas",
            plan.key.len(),
            columns.join(", ")
        )));
    };
    let exists = row_exists(postgres, plan, &parts).await?;
    Ok(Some(match (exists, filter(plan)) {
        (false, _) => format!("{table} has no row with this key"),
        (true, Some(filter)) => format!("the row is there, and `where: {filter}` leaves it out"),
        (true, None) => "the row came while it was looked for; ask again".to_owned(),
    }))
}

/// Why no row can have such a key, where its text is none of the columns' types.
pub async fn misfit(postgres: &Postgres, plan: &Plan, key: &Key) -> anyhow::Result<Option<String>> {
    let parts = key.parts(plan.key.len()).unwrap_or_default();
    for (part, column) in parts.iter().zip(&plan.key) {
        let cast = format!("SELECT $1::text::{} IS NULL", column.cast);
        let read = sqlx::query(AssertSqlSafe(cast)).bind(part.as_ref());
        match read.execute(postgres.pool()).await {
            Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("22")) => {
                let kind: String = sqlx::query_scalar("SELECT $1::text::regtype::text")
                    .bind(&column.cast)
                    .fetch_one(postgres.pool())
                    .await?;
                return Ok(Some(match parts.len() {
                    1 => format!("the key {part:?} is no {kind}"),
                    _ => format!("{part:?} in the key is no {kind}, as column {:?} is", column.name),
                }));
            }
            other => other?,
        };
    }
    Ok(None)
}

async fn row_exists(postgres: &Postgres, plan: &Plan, parts: &[std::borrow::Cow<'_, str>]) -> anyhow::Result<bool> {
    let mut query = sqlx::query_scalar(AssertSqlSafe(plan.exists_sql()));
    for part in parts {
        query = query.bind(part.as_ref());
    }
    Ok(query.fetch_one(postgres.pool()).await?)
}

/// The root's own filter, on one line.
fn filter(plan: &Plan) -> Option<String> {
    let filter = plan
        .expressions
        .iter()
        .find(|expression| expression.boolean && expression.sql.place.path == "where");
    filter.map(|filter| filter.sql.text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What is on its way, or in the way.
pub async fn pending(
    postgres: &Postgres,
    fleet: &Fleet,
    generation: &Generation,
    key: &Key,
) -> anyhow::Result<Vec<String>> {
    let pool = postgres.pool();
    let known = document::known(pool, generation.id, key.as_str()).await?;
    let mut lines = troubles(&known);
    let touches = document::touches(pool, TOUCHES).await?;
    let target = (generation.id, key.clone());
    // Some first part of them reaches the document, and each longer one: looked for by halves.
    let (mut without, mut with) = (0, touches.len() + 1);
    while with - without > 1 {
        let middle = usize::midpoint(without, with);
        let reached = reached(postgres, fleet, &touches[..middle], &target).await;
        match reached {
            Ok(true) => with = middle,
            Ok(false) => without = middle,
            Err(error) => {
                lines.push(format!("what waits in the touch log cannot be followed: {error}"));
                return Ok(lines);
            }
        }
    }
    if let Some(touch) = touches.get(with - 1) {
        lines.push(format!("a change of {} waits to be built", moment(touch.at)));
    }
    Ok(lines)
}

async fn reached(
    postgres: &Postgres,
    fleet: &Fleet,
    touches: &[crate::ledger::Touch],
    target: &(i32, Key),
) -> Result<bool, SourceError> {
    if touches.is_empty() {
        return Ok(false);
    }
    let resolved = intake::resolve(postgres, fleet, touches, STORM).await?;
    let all = resolved.jobs.iter().any(|job| job.generation == target.0);
    Ok(all || resolved.targets.contains(target))
}

fn troubles(known: &Known) -> Vec<String> {
    let times = |attempts: &i32| {
        if *attempts == 1 {
            "once".to_owned()
        } else {
            format!("{attempts} times")
        }
    };
    let dead = known.dead.iter().map(|(reason, attempts, since)| {
        format!(
            "it is a dead letter since {}, tried {}: {reason}",
            moment(*since),
            times(attempts)
        )
    });
    let parked = known.parked.iter().map(|(reason, attempts, since)| {
        format!(
            "it waits since {} to be written, tried {}: {reason}",
            moment(*since),
            times(attempts)
        )
    });
    let jobs = known.jobs.iter().map(|(kind, since, done, total)| {
        format!(
            "a {kind} of {} is under way: {done} of about {total} documents",
            moment(*since)
        )
    });
    dead.chain(parked).chain(jobs).collect()
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

/// A version in words, against that of a snapshot taken now.
pub fn version(held: Version, now: Version) -> String {
    let behind = now.position() - held.position();
    let age = match behind {
        _ if held.epoch() != now.epoch() => format!("in epoch {}, before the source was adopted anew", held.epoch()),
        0 => "and nothing has committed since".to_owned(),
        1 => "one transaction ago".to_owned(),
        _ => format!("{behind} transactions ago"),
    };
    format!("at version {} ({age})", held.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_in_transactions() {
        let at = |position| Version::new(1, position);
        assert!(version(at(7), at(7)).ends_with("(and nothing has committed since)"));
        assert!(version(at(7), at(8)).ends_with("(one transaction ago)"));
        assert!(version(at(7), at(10)).ends_with("(3 transactions ago)"));
        assert!(version(at(7), Version::new(2, 1)).contains("in epoch 1"));
    }
}

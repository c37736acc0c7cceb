//! Whether this database and the cluster still belong together.
//!
//! Proved before anything is written, and before a change of timeline is answered: storage that was restored to an
//! earlier moment comes up on another timeline as a promoted standby does, and only the cluster's note tells them apart.

use sqlx::postgres::PgPool;

use super::JobError;
use crate::elastic::{Elastic, ElasticError};
use crate::ledger::identity::{self, Nonce};
use crate::pipeline::Fleet;
use crate::source::Postgres;

/// The cluster's note of this source, and the ledger's own numbers.
///
/// The ledger is read after the cluster: a number is committed before it is written there.
///
/// # Errors
/// [`JobError::Ahead`] when the note is not the ledger's; those of either side, and nothing is known then.
pub async fn compare(pool: &PgPool, elastic: &Elastic) -> Result<(Option<i64>, Nonce), JobError> {
    let source = identity::nonce(pool).await?.source;
    let found: Option<i64> = elastic.get_nonce(&source).await?.and_then(|text| text.parse().ok());
    let known = identity::nonce(pool).await?;
    if found.is_some_and(|found| found > known.current) {
        return Err(JobError::Ahead);
    }
    Ok((found, known))
}

/// Answers a promotion, if there was one, once it is known for one: a new epoch above every version that may be in an
/// index, and everything suspect. `own` is the highest epoch that this process has written.
///
/// # Errors
/// As [`compare`]; the timeline is as unanswered as before then.
pub async fn follow_timeline(postgres: &Postgres, elastic: &Elastic, fleet: &Fleet, own: i32) -> Result<(), JobError> {
    let pool = postgres.pool();
    if !postgres.within(identity::is_on_another_timeline(pool)).await? {
        return Ok(());
    }
    postgres.within(compare(pool, elastic)).await?;
    let indexes = fleet
        .generations
        .values()
        .map(|generation| generation.concrete.as_str());
    let seen = highest_epoch(elastic, indexes).await?.max(own);
    if let Some(epoch) = postgres.within(identity::follow_timeline(pool, seen)).await? {
        tracing::warn!(
            epoch,
            "the database was promoted: documents are of another epoch from now on, and everything will be looked at again"
        );
    }
    Ok(())
}

/// The highest epoch of any document in these indexes; those that are missing have none.
///
/// # Errors
/// Those of the cluster.
pub async fn highest_epoch<'i>(elastic: &Elastic, indexes: impl Iterator<Item = &'i str>) -> Result<i32, ElasticError> {
    let mut highest = 0;
    for index in indexes {
        match elastic.refresh(index).await {
            Err(ElasticError::IndexMissing { .. }) => continue,
            other => other?,
        }
        if let Some(version) = elastic.highest_version(index).await? {
            highest = highest.max(version.epoch());
        }
    }
    Ok(highest)
}

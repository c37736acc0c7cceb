//! What must hold before the daemon works: connections enough, a Postgres that answers, definitions that were applied.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::watch;

use super::DaemonError;
use crate::config::Config;
use crate::elastic::Elastic;
use crate::http::Readiness;
use crate::job::apply::{self, ApplyError};
use crate::job::{inspect, retry, trial};
use crate::mistake::Mistakes;
use crate::pipeline::Fleet;
use crate::plan::ENCODER;
use crate::source::Postgres;

/// Who holds a connection while waiting for another could wait for ever, were there too few.
pub fn enough_connections(config: &Config) -> Result<(), DaemonError> {
    let (claims, pipeline) = (config.feed.touch_log.claims, &config.pipeline);
    // A claim and what resolves it; a build; a range with its own build, or a job with its pages; parked keys; a
    // generation that is verified, with its builds; the rest, of which the clock has one.
    let needed = claims * 2
        + pipeline.workers
        + pipeline.backfill_workers * 4
        + retry::SIDE_BY_SIDE
        + inspect::SIDE_BY_SIDE * 2
        + 6;
    let given = config.postgres.max_connections as usize;
    if given < needed {
        return Err(DaemonError::Connections { given, needed });
    }
    Ok(())
}

/// Whether the cluster takes the indexes that are to be made, as far as it answers: with one that does not, the daemon
/// goes on, and says later what it refuses.
pub async fn accepted(
    owner: &mut PgConnection,
    config: &Config,
    elastic: &Elastic,
    role: &str,
) -> Result<(), ApplyError> {
    let mut refused = Mistakes::default();
    for definition in apply::outline(owner, &config.definitions, role).await?.new {
        match trial::refused(elastic, definition, &Mistakes::default()).await {
            Ok(mistakes) => refused.merge(mistakes),
            Err(error) => {
                let (index, remedy) = (&definition.index, error.remedy());
                tracing::warn!(index, error = %error, remedy, "Elasticsearch could not be asked about a new index");
            }
        }
    }
    Ok(refused.in_file_order().or(())?)
}

/// Whether everything the files say is in the ledger.
pub fn applied(config: &Config, fleet: &Fleet) -> Result<(), DaemonError> {
    for definition in &config.definitions {
        let hash = crate::plan::fingerprint(definition);
        let known = fleet
            .generations
            .values()
            .any(|generation| generation.index == definition.index && generation.hash == hash);
        if !known {
            return Err(DaemonError::NotApplied(format!(
                "the definition of index {} was not applied (encoder {ENCODER}): run `highwater apply`, or set `capture: {{ mode: manage }}`",
                definition.index
            )));
        }
    }
    Ok(())
}

/// Waits for Postgres, and says why.
pub async fn answering(postgres: &Postgres, readiness: &watch::Sender<Readiness>) {
    let tell = |why: String| readiness.send_modify(|readiness| readiness.postgres = Some(why));
    let mut said = String::new();
    while let Err(error) = postgres.connect().await {
        let why = crate::error::message(&error);
        if why != said {
            let remedy = postgres.remedy(&error);
            tell(format!("{why}; {remedy}"));
            tracing::warn!(
                address = postgres.address(),
                error = why,
                remedy,
                "waiting for Postgres"
            );
            said = why;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tell("it answers; ledger and triggers are looked at".to_owned());
}

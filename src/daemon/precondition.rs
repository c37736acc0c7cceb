//! What must hold before the daemon works: connections enough, a Postgres that answers, definitions that were applied.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::DaemonError;
use crate::config::Config;
use crate::job::{inspect, retry};
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

/// Waits for Postgres; false when stopped meanwhile.
pub async fn answering(postgres: &Postgres, stop: &CancellationToken) -> bool {
    let mut said = String::new();
    loop {
        match postgres.connect().await {
            Ok(_) => return true,
            Err(error) => {
                let why = error.to_string();
                if why != said {
                    let remedy = crate::ledger::error::remedy_of(&error);
                    tracing::warn!(
                        address = postgres.address(),
                        error = why,
                        remedy,
                        "waiting for Postgres"
                    );
                    said = why;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

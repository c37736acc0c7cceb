//! Puts capture back where it is not as it should be, on the owner's connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::DaemonError;
use crate::config::Config;
use crate::job::apply::{self, ApplyError};
use crate::ledger;
use crate::source::{Postgres, connect};

/// How long it may take: a table that stays locked is given up after a minute.
const MENDING: Duration = Duration::from_mins(30);

/// Mends whenever it is asked to, and has everything looked at, since changes may have gone unlogged.
pub async fn whenever_asked(
    config: Arc<Config>,
    mut asked: mpsc::Receiver<()>,
    replan: Arc<Notify>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            asked = asked.recv() => if asked.is_none() { return },
        }
        match tokio::time::timeout(MENDING, mend(&config)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = %error, "capture cannot be mended"),
            Err(_) => tracing::error!("capture is not mended after {MENDING:?}; beginning anew"),
        }
        replan.notify_one();
    }
}

async fn mend(config: &Config) -> Result<(), DaemonError> {
    let postgres = Postgres::new(&config.postgres)?;
    let mut owner = connect::connect_owner(&config.postgres).await?;
    if apply::mend(&mut owner).await? {
        ledger::identity::suspect_everything(postgres.pool())
            .await
            .map_err(ApplyError::from)?;
    }
    Ok(())
}

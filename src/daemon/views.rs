//! What others see of the daemon, from its first moment: pages that answer while it still waits for Postgres.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::DaemonError;
use super::tasks::Tasks;
use crate::http::settings::HttpSettings;
use crate::http::status::Status;
use crate::http::{self, HttpState, Readiness};
use crate::metrics;
use crate::task::Health;

pub struct Views {
    /// The pages' own, for those to join that live as long.
    pub tasks: Tasks,
    pub stop: CancellationToken,
    pub health: Health,
    pub status: watch::Sender<Status>,
    pub readiness: watch::Sender<Readiness>,
}

impl Views {
    /// Takes the address and answers on it.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn open(settings: &HttpSettings) -> Result<Self, DaemonError> {
        let listener = http::bind(settings).await?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
        // In a process that runs several daemons, the first one's recorder counts for all.
        let prometheus = metrics::install().or_else(|_| metrics::recorder().map(|recorder| recorder.handle()))?;
        let (health, stop) = (Health::default(), CancellationToken::new());
        let (status, shown) = watch::channel(Status::default());
        let (readiness, ready) = watch::channel(Readiness::default());
        let state = HttpState {
            health: health.clone(),
            prometheus,
            readiness: ready,
            status: shown,
        };
        let (mut tasks, serving) = (Tasks::new(&health), stop.clone());
        tasks.spawn("http", async move {
            if let Err(error) = http::serve(listener, state, serving).await {
                tracing::error!(error = %error, remedy = error.remedy(), "the status page is gone");
            }
        });
        Ok(Self {
            tasks,
            stop,
            health,
            status,
            readiness,
        })
    }
}

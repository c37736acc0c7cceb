//! The running daemon: puts everything together, and ends when one of its tasks does.
//!
//! Only this module starts tasks; `roster` lists them. Stopping is in two steps: first whoever takes new work stops and
//! settles what is under way, then the workers stop.

mod fleet;
mod mend;
mod observe;
mod precondition;
mod roster;
mod summary;
mod tasks;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::elastic::{Elastic, ElasticError};
use crate::http::{HttpError, Readiness};
use crate::job::CaptureMode;
use crate::job::apply::{self, ApplyError};
use crate::pipeline::fleet::FleetError;
use crate::pipeline::hold::Wait;
use crate::pipeline::worker::Shared;
use crate::pipeline::{Budget, Fleet, Queue};
use crate::source::{Postgres, connect};
use crate::task::Health;
use tasks::Tasks;
use views::Views;

/// Why the daemon ended, other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Fleet(#[from] FleetError),
    #[error(transparent)]
    Elastic(#[from] ElasticError),
    #[error("Postgres: {}", crate::error::message(.0))]
    Postgres(#[from] sqlx::Error),
    /// Going on would write what must not be written.
    #[error("{0}")]
    Fatal(String),
    /// Definitions that were not applied, and may not be by this process.
    #[error("{0}")]
    NotApplied(String),
    #[error("task {0} ended unexpectedly")]
    Ended(&'static str),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(
        "postgres.max_connections is {given}, and {needed} are needed: raise it, or lower touch_log.claims, pipeline.workers or pipeline.backfill_workers"
    )]
    Connections { given: usize, needed: usize },
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// How long tasks may take to settle what is under way.
const GRACE: Duration = Duration::from_secs(20);

/// Runs until `stop` is cancelled, then settles what is under way and leaves.
///
/// # Errors
/// See [`DaemonError`]. An outage of a server is none: the daemon says what it waits for, and waits.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), DaemonError> {
    precondition::enough_connections(&config)?;
    let config = Arc::new(config);
    let postgres = Postgres::new(&config.postgres)?;
    let elastic = Elastic::connect(&config.elastic)?;
    let views = Views::open(&config.http).await?;
    let prepared = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        prepared = prepare(&config, &postgres, &elastic, &views.readiness) => prepared?,
    };
    Daemon::new(config, postgres, elastic, prepared, views.health.clone())
        .serve(views, stop)
        .await
}

/// Waits for Postgres, applies the definitions where that is ours to do, and reads what is to be fed.
async fn prepare(
    config: &Config,
    postgres: &Postgres,
    elastic: &Elastic,
    readiness: &watch::Sender<Readiness>,
) -> Result<Fleet, DaemonError> {
    precondition::answering(postgres, readiness).await;
    if config.job.capture == CaptureMode::Manage {
        let mut owner = connect::connect_owner(&config.postgres).await?;
        precondition::accepted(&mut owner, config, elastic, postgres.role()).await?;
        for line in apply::apply(&mut owner, &config.definitions, postgres.role(), &config.job)
            .await?
            .lines
        {
            tracing::info!("{line}");
        }
    }
    let fleet = Fleet::read(postgres).await?;
    precondition::applied(config, &fleet)?;
    Ok(fleet)
}

struct Daemon {
    config: Arc<Config>,
    postgres: Postgres,
    elastic: Elastic,
    shared: Shared,
    fleet: watch::Sender<Arc<Fleet>>,
    fatal: mpsc::Receiver<String>,
    wake: Arc<Notify>,
    health: Health,
    /// Why it is not proved yet that the database and the cluster belong together.
    doubt: watch::Sender<Option<Wait>>,
    /// Why concrete indexes do not become live, or do not stay it.
    waits: watch::Sender<BTreeMap<String, Wait>>,
}

impl Daemon {
    fn new(config: Arc<Config>, postgres: Postgres, elastic: Elastic, fleet: Fleet, health: Health) -> Self {
        let (fleet, receiver) = watch::channel(Arc::new(fleet));
        let (fatal, fatal_receiver) = mpsc::channel(1);
        let shared = Shared {
            queue: Arc::new(Queue::default()),
            fleet: receiver,
            replan: Arc::new(Notify::new()),
            budget: Budget::new(config.pipeline.queue_bytes),
            highest: Arc::new(AtomicI64::new(0)),
            fatal,
            settings: Arc::new(config.pipeline.clone()),
        };
        Self {
            config,
            postgres,
            elastic,
            shared,
            fleet,
            fatal: fatal_receiver,
            wake: Arc::new(Notify::new()),
            health,
            doubt: watch::channel(Some(Wait::for_elasticsearch("the cluster was not asked yet"))).0,
            waits: watch::channel(BTreeMap::new()).0,
        }
    }

    async fn serve(mut self, views: Views, stop: CancellationToken) -> Result<(), DaemonError> {
        let intake_stop = CancellationToken::new();
        let mut intake = Tasks::new(&self.health);
        // What others see outlives the intake, to tell how stopping goes.
        let Views {
            tasks: mut workers,
            stop: worker_stop,
            status,
            readiness,
            ..
        } = views;
        self.spawn_observer(&mut workers, status, readiness, &worker_stop);
        self.spawn_workers(&mut workers, &worker_stop);
        self.spawn_intake(&mut intake, &intake_stop);
        let outcome = tokio::select! {
            () = stop.cancelled() => Ok(()),
            reason = self.fatal.recv() => Err(DaemonError::Fatal(reason.unwrap_or_default())),
            name = intake.ended() => Err(DaemonError::Ended(name)),
            name = workers.ended() => Err(DaemonError::Ended(name)),
        };
        if matches!(outcome, Err(DaemonError::Fatal(_))) {
            // Nothing more may be written, by any task, for any index; what was claimed rolls back.
            workers.abort().await;
            intake.abort().await;
            return outcome;
        }
        tracing::info!("stopping: settling what is under way");
        intake_stop.cancel();
        intake.finish(GRACE).await;
        worker_stop.cancel();
        workers.finish(Duration::from_secs(3)).await;
        outcome
    }
}

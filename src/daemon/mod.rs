//! The running daemon: puts everything together, spawns every task, and ends when one of them does.
//!
//! Only this module spawns. Stopping is in two steps: first whoever takes new work stops and settles what is under way,
//! then the workers stop.

mod fleet;
mod observe;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::elastic::{Elastic, ElasticError};
use crate::feed::kafka;
use crate::feed::touch_log::{TouchLog, Turn};
use crate::http::{self, HttpError, HttpState};
use crate::job::apply::{self, ApplyError};
use crate::job::inspect::{self, Inspector};
use crate::job::keeper::Keeper;
use crate::job::retry::{self, Retry};
use crate::job::walker::Walker;
use crate::job::{CaptureMode, bring_up};
use crate::metrics;
use crate::pipeline::fleet::FleetError;
use crate::pipeline::worker::{self, Shared};
use crate::pipeline::write::{A_DOCUMENT, Writer};
use crate::pipeline::{Budget, Fleet, Lane, Queue};
use crate::plan::ENCODER;
use crate::source::build::Builder;
use crate::source::{Postgres, connect, snapshot};
use crate::task::Health;
use observe::Observer;

/// Why the daemon ended, other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Fleet(#[from] FleetError),
    #[error(transparent)]
    Elastic(#[from] ElasticError),
    #[error("Postgres: {0}")]
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
    enough_connections(&config)?;
    let config = Arc::new(config);
    let postgres = Postgres::new(&config.postgres)?;
    let elastic = Elastic::connect(&config.elastic)?;
    if !wait_for(&postgres, &stop).await {
        return Ok(());
    }
    if config.job.capture == CaptureMode::Manage {
        let mut owner = connect::connect_owner(&config.postgres).await?;
        for line in apply::apply(&mut owner, &config.definitions, postgres.role(), &config.job)
            .await?
            .lines
        {
            tracing::info!("{line}");
        }
    }
    let fleet = Fleet::read(&postgres).await?;
    applied(&config, &fleet)?;
    let listener = http::bind(&config.http).await?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening");
    }
    // In a process that runs several daemons, the first one's recorder counts for all.
    let prometheus = metrics::install().or_else(|_| metrics::recorder().map(|recorder| recorder.handle()))?;
    Daemon::new(config, postgres, elastic, fleet)
        .serve(listener, prometheus, stop)
        .await
}

/// Who holds a connection while waiting for another could wait for ever, were there too few.
fn enough_connections(config: &Config) -> Result<(), DaemonError> {
    let (claims, pipeline) = (config.feed.touch_log.claims, &config.pipeline);
    // A claim and what resolves it; a build; a range with its own build, or a job with its pages; parked keys; a
    // generation that is verified, with its builds; the rest.
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
fn applied(config: &Config, fleet: &Fleet) -> Result<(), DaemonError> {
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
async fn wait_for(postgres: &Postgres, stop: &CancellationToken) -> bool {
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

struct Daemon {
    config: Arc<Config>,
    postgres: Postgres,
    elastic: Elastic,
    shared: Shared,
    fleet: watch::Sender<Arc<Fleet>>,
    fatal: mpsc::Receiver<String>,
    wake: Arc<Notify>,
    health: Health,
}

impl Daemon {
    fn new(config: Arc<Config>, postgres: Postgres, elastic: Elastic, fleet: Fleet) -> Self {
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
            health: Health::default(),
        }
    }

    async fn serve(
        mut self,
        listener: TcpListener,
        prometheus: PrometheusHandle,
        stop: CancellationToken,
    ) -> Result<(), DaemonError> {
        let (intake_stop, worker_stop) = (CancellationToken::new(), CancellationToken::new());
        let mut intake = Tasks::new(&self.health);
        let mut workers = Tasks::new(&self.health);
        self.spawn_views(&mut workers, listener, prometheus, &worker_stop);
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
            workers.0.shutdown().await;
            intake.0.shutdown().await;
            return outcome;
        }
        tracing::info!("stopping: settling what is under way");
        intake_stop.cancel();
        intake.finish(GRACE).await;
        worker_stop.cancel();
        workers.finish(Duration::from_secs(3)).await;
        outcome
    }

    fn writer(&self, fences: &sqlx::PgPool, body_bytes: usize) -> Writer {
        Writer {
            builder: Builder::new(
                &self.postgres,
                fences,
                self.config.pipeline.max_document_bytes,
                self.config.pipeline.queue_bytes,
            ),
            elastic: self.elastic.clone(),
            settings: self.shared.settings.clone(),
            body_bytes,
            budget: self.shared.budget.clone(),
            a_document: A_DOCUMENT,
        }
    }

    fn spawn_workers(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let fences = snapshot::fence_pool(self.postgres.pool());
        let pipeline = &self.config.pipeline;
        for _ in 0..pipeline.workers {
            let writer = self.writer(&fences, pipeline.live_body_bytes);
            tasks.spawn(
                "worker",
                worker::run(self.shared.clone(), Lane::Live, writer, stop.clone()),
            );
        }
        for _ in 0..pipeline.backfill_workers {
            let writer = self.writer(&fences, pipeline.live_body_bytes);
            tasks.spawn(
                "storm worker",
                worker::run(self.shared.clone(), Lane::Storm, writer, stop.clone()),
            );
        }
    }

    fn spawn_intake(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let fences = snapshot::fence_pool(self.postgres.pool());
        let turn = Arc::new(Mutex::new(Turn::default()));
        for _ in 0..self.config.feed.touch_log.claims {
            let log = TouchLog {
                postgres: self.postgres.clone(),
                shared: self.shared.clone(),
                settings: self.config.feed.touch_log.clone(),
                repeat_deletes_after: self.config.job.delete_repeat_after,
                wake: self.wake.clone(),
                turn: turn.clone(),
            };
            let stop = stop.clone();
            tasks.spawn("touch log", async move { log.run(stop).await });
        }
        for _ in 0..self.config.pipeline.backfill_workers {
            let writer = self.writer(&fences, self.config.pipeline.body_bytes);
            let walker = Walker {
                postgres: self.postgres.clone(),
                elastic: self.elastic.clone(),
                shared: self.shared.clone(),
                settings: self.config.job.clone(),
                close_after: self.config.feed.touch_log.close_after,
            };
            let stop = stop.clone();
            tasks.spawn("jobs", async move { walker.run(writer, stop).await });
        }
        let retry = Retry {
            postgres: self.postgres.clone(),
            elastic: self.elastic.clone(),
            shared: self.shared.clone(),
            settings: self.config.job.clone(),
            close_after: self.config.feed.touch_log.close_after,
        };
        tasks.spawn("retry", with(stop, |stop| async move { retry.run(stop).await }));
        let (mend, mending) = mpsc::channel(1);
        let keeper = Keeper {
            postgres: self.postgres.clone(),
            elastic: self.elastic.clone(),
            shared: self.shared.clone(),
            settings: self.config.job.clone(),
            mend,
        };
        tasks.spawn("keeper", with(stop, |stop| async move { keeper.run(stop).await }));
        tasks.spawn(
            "mending",
            mend_capture(self.config.clone(), mending, self.shared.replan.clone(), stop.clone()),
        );
        tasks.spawn(
            "fleet",
            fleet::follow(
                self.postgres.clone(),
                self.fleet.clone(),
                self.shared.clone(),
                stop.clone(),
            ),
        );
        tasks.spawn(
            "bring up",
            bring_up_all(
                self.postgres.clone(),
                self.elastic.clone(),
                self.shared.clone(),
                stop.clone(),
            ),
        );
        let inspector = Inspector {
            postgres: self.postgres.clone(),
            elastic: self.elastic.clone(),
            shared: self.shared.clone(),
            fences,
        };
        tasks.spawn("verify", with(stop, |stop| async move { inspector.run(stop).await }));
        if let Some(kafka) = self.config.feed.kafka.clone() {
            let (wake, reporter, stop) = (self.wake.clone(), self.health.handle("kafka"), stop.clone());
            tasks.spawn("kafka feed", async move {
                if let Err(error) = kafka::run(kafka, wake, reporter, stop.clone()).await {
                    tracing::error!(error = %error, remedy = error.remedy(), "no events will wake the daemon; it looks by itself");
                    stop.cancelled().await;
                }
            });
        }
    }

    /// What others see of the daemon; outlives the intake, to tell how stopping goes.
    fn spawn_views(
        &self,
        tasks: &mut Tasks,
        listener: TcpListener,
        prometheus: PrometheusHandle,
        stop: &CancellationToken,
    ) {
        let (status, shown) = watch::channel(http::status::Status::default());
        let (readiness, ready) = watch::channel(http::ready::Readiness::default());
        let state = HttpState {
            health: self.health.clone(),
            prometheus,
            readiness: ready,
            status: shown,
        };
        let serving = stop.clone();
        tasks.spawn("http", async move {
            if let Err(error) = http::serve(listener, state, serving).await {
                tracing::error!(error = %error, remedy = error.remedy(), "the status page is gone");
            }
        });
        let observer = Observer {
            postgres: self.postgres.clone(),
            shared: self.shared.clone(),
            health: self.health.clone(),
            status,
            readiness,
        };
        tasks.spawn("observer", with(stop, |stop| async move { observer.run(stop).await }));
    }
}

fn with<F: Future<Output = ()>>(stop: &CancellationToken, task: impl FnOnce(CancellationToken) -> F) -> F {
    task(stop.clone())
}

/// Takes generations towards being live, a step at a time.
async fn bring_up_all(postgres: Postgres, elastic: Elastic, shared: Shared, stop: CancellationToken) {
    let mut said = String::new();
    while !stop.is_cancelled() {
        let fleet = shared.fleet.borrow().clone();
        match bring_up::step(&postgres, &elastic, &fleet).await {
            Ok(changed) => {
                said.clear();
                if changed {
                    shared.replan.notify_one();
                }
            }
            Err(error) => {
                let why = error.to_string();
                if why != said {
                    tracing::warn!(error = why, "bringing indexes up has to wait");
                    said = why;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

/// Puts capture back as it should be, and has everything looked at, since changes may have gone unlogged.
async fn mend_capture(
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
        if let Err(error) = mend(&config).await {
            tracing::error!(error = %error, "capture cannot be mended");
        }
        replan.notify_one();
    }
}

async fn mend(config: &Config) -> Result<(), DaemonError> {
    let postgres = Postgres::new(&config.postgres)?;
    let mut owner = connect::connect_owner(&config.postgres).await?;
    if apply::mend(&mut owner).await? {
        crate::ledger::identity::suspect_everything(postgres.pool())
            .await
            .map_err(ApplyError::from)?;
    }
    Ok(())
}

/// Tasks by name, entered in the register of health.
struct Tasks(JoinSet<&'static str>, Health);

impl Tasks {
    fn new(health: &Health) -> Self {
        Self(JoinSet::new(), health.clone())
    }

    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let reporter = self.1.handle(name);
        self.0.spawn(async move {
            reporter.running();
            task.await;
            name
        });
    }

    /// The name of the first task that ends.
    async fn ended(&mut self) -> &'static str {
        match self.0.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(error)) => {
                tracing::error!(error = %error, "a task failed");
                "that failed"
            }
            None => std::future::pending().await,
        }
    }

    async fn finish(&mut self, grace: Duration) {
        let all = async { while self.0.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("not everything was settled in time; the ledger has it");
            self.0.shutdown().await;
        }
    }
}

//! Which tasks the daemon has, and what each of them is given.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::observe::Observer;
use super::tasks::Tasks;
use super::{Daemon, fleet, mend};
use crate::feed::kafka;
use crate::feed::touch_log::{TouchLog, Turn};
use crate::http::Readiness;
use crate::http::status::Status;
use crate::job::clock::Clock;
use crate::job::inspect::Inspector;
use crate::job::keeper::Keeper;
use crate::job::retry::Retry;
use crate::job::walker::Walker;
use crate::pipeline::Lane;
use crate::pipeline::worker;
use crate::pipeline::write::{A_DOCUMENT, Writer};
use crate::source::build::Builder;
use crate::source::snapshot;

impl Daemon {
    pub(super) fn spawn_observer(
        &self,
        tasks: &mut Tasks,
        status: watch::Sender<Status>,
        readiness: watch::Sender<Readiness>,
        stop: &CancellationToken,
    ) {
        let observer = Observer {
            postgres: self.postgres.clone(),
            shared: self.shared.clone(),
            health: self.health.clone(),
            doubt: self.doubt.subscribe(),
            waits: self.waits.subscribe(),
            status,
            readiness,
        };
        tasks.spawn("observer", with(stop, |stop| async move { observer.run(stop).await }));
    }

    pub(super) fn spawn_workers(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let fences = snapshot::fence_pool(self.postgres.pool());
        let pipeline = &self.config.pipeline;
        for _ in 0..pipeline.workers {
            let writer = self.writer(&fences, pipeline.live_body_bytes);
            tasks.spawn(
                "worker",
                self.once_proved(stop, worker::run(self.shared.clone(), Lane::Live, writer, stop.clone())),
            );
        }
        for _ in 0..pipeline.backfill_workers {
            let writer = self.writer(&fences, pipeline.live_body_bytes);
            tasks.spawn(
                "storm worker",
                self.once_proved(
                    stop,
                    worker::run(self.shared.clone(), Lane::Storm, writer, stop.clone()),
                ),
            );
        }
    }

    /// What takes new work in, from the application or from the ledger.
    pub(super) fn spawn_intake(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        self.spawn_feeds(tasks, stop);
        self.spawn_walkers(tasks, stop);
        self.spawn_upkeep(tasks, stop);
        self.spawn_fleet(tasks, stop);
    }

    fn spawn_feeds(&self, tasks: &mut Tasks, stop: &CancellationToken) {
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
            let task = with(stop, |stop| async move { log.run(stop).await });
            tasks.spawn("touch log", self.once_proved(stop, task));
        }
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

    fn spawn_walkers(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let fences = snapshot::fence_pool(self.postgres.pool());
        for _ in 0..self.config.pipeline.backfill_workers {
            let writer = self.writer(&fences, self.config.pipeline.body_bytes);
            let walker = Walker {
                postgres: self.postgres.clone(),
                elastic: self.elastic.clone(),
                shared: self.shared.clone(),
                settings: self.config.job.clone(),
                close_after: self.config.feed.touch_log.close_after,
            };
            let task = with(stop, |stop| async move { walker.run(writer, stop).await });
            tasks.spawn("jobs", self.once_proved(stop, task));
        }
    }

    /// What is done from time to time; the keeper asks for capture to be mended.
    fn spawn_upkeep(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let retry = Retry {
            postgres: self.postgres.clone(),
            elastic: self.elastic.clone(),
            shared: self.shared.clone(),
            settings: self.config.job.clone(),
            close_after: self.config.feed.touch_log.close_after,
        };
        let task = with(stop, |stop| async move { retry.run(stop).await });
        tasks.spawn("retry", self.once_proved(stop, task));
        let clock = Clock {
            postgres: self.postgres.clone(),
            shared: self.shared.clone(),
            every: self.config.job.clock_every,
        };
        tasks.spawn("clock", with(stop, |stop| async move { clock.run(stop).await }));
        let (ask, asked) = mpsc::channel(1);
        let keeper = Keeper {
            postgres: self.postgres.clone(),
            elastic: self.elastic.clone(),
            shared: self.shared.clone(),
            settings: self.config.job.clone(),
            mend: ask,
            doubt: self.doubt.clone(),
        };
        tasks.spawn("keeper", with(stop, |stop| async move { keeper.run(stop).await }));
        let (config, replan) = (self.config.clone(), self.shared.replan.clone());
        tasks.spawn("mending", mend::whenever_asked(config, asked, replan, stop.clone()));
    }

    fn spawn_fleet(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let (servers, shared) = ((self.postgres.clone(), self.elastic.clone()), self.shared.clone());
        tasks.spawn(
            "fleet",
            fleet::follow(servers, self.fleet.clone(), shared, stop.clone()),
        );
        let (postgres, shared) = (self.postgres.clone(), self.shared.clone());
        let task = fleet::raise(postgres, self.elastic.clone(), shared, self.waits.clone(), stop.clone());
        tasks.spawn("bring up", self.once_proved(stop, task));
        let inspector = Inspector {
            postgres: self.postgres.clone(),
            elastic: self.elastic.clone(),
            shared: self.shared.clone(),
            fences: snapshot::fence_pool(self.postgres.pool()),
        };
        tasks.spawn("verify", with(stop, |stop| async move { inspector.run(stop).await }));
    }

    /// A task that writes to the cluster: it begins once the database and the cluster are known to belong together.
    fn once_proved<T: Future<Output = ()>>(
        &self,
        stop: &CancellationToken,
        task: T,
    ) -> impl Future<Output = ()> + use<T> {
        let (mut doubt, stop) = (self.doubt.subscribe(), stop.clone());
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                // It fails when every sender is gone, and with them the daemon.
                proved = doubt.wait_for(Option::is_none) => if proved.is_err() { return },
            }
            if !stop.is_cancelled() {
                task.await;
            }
        }
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
            queue: self.shared.queue.clone(),
            settings: self.shared.settings.clone(),
            body_bytes,
            budget: self.shared.budget.clone(),
            a_document: A_DOCUMENT,
        }
    }
}

fn with<F: Future<Output = ()>>(stop: &CancellationToken, task: impl FnOnce(CancellationToken) -> F) -> F {
    task(stop.clone())
}

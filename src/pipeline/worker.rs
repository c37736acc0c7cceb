//! A worker: takes batches from the queue, has them written, and tells the receipts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::budget::Budget;
use super::fleet::Fleet;
use super::hold::Wait;
use super::queue::{Lane, Queue, Taken};
use super::receipt::Ending;
use super::report::{Report, Stop};
use super::settings::PipelineSettings;
use super::write::Writer;

/// What all workers share.
#[derive(Clone)]
pub struct Shared {
    pub queue: Arc<Queue>,
    pub fleet: watch::Receiver<Arc<Fleet>>,
    /// Asks for the fleet to be read again.
    pub replan: Arc<Notify>,
    /// Bytes that may be under way.
    pub budget: Arc<Budget>,
    /// The highest version written by this process.
    pub highest: Arc<AtomicI64>,
    /// Something that must end the daemon.
    pub fatal: tokio::sync::mpsc::Sender<String>,
    pub settings: Arc<PipelineSettings>,
}

/// Serves one lane until the task is dropped between batches.
pub async fn run(shared: Shared, lane: Lane, mut writer: Writer, stop: tokio_util::sync::CancellationToken) {
    let mut most = shared.settings.batch_keys;
    loop {
        let taken = tokio::select! {
            () = stop.cancelled() => return,
            taken = shared.queue.take(lane, most) => taken,
        };
        let aged = shared.one(&mut writer, taken).await;
        // As many documents as fill a body, and half of that when a batch grew too old to be written.
        let fitting = (writer.body_bytes / writer.a_document).clamp(50, shared.settings.batch_keys.max(50));
        most = if aged {
            (most / 2).max(1)
        } else {
            (most * 2).min(fitting)
        };
    }
}

impl Shared {
    /// Has a batch written. Returns whether it grew too old.
    async fn one(&self, writer: &mut Writer, mut taken: Taken) -> bool {
        let fleet = self.fleet.borrow().clone();
        let generation = fleet.generations.get(&taken.generation).cloned();
        let Some(generation) = generation else {
            for key in taken.keys.clone() {
                taken.settle(&key, &Ending::Moot.into());
            }
            self.queue.done(taken);
            return false;
        };
        let report = match &generation.plan {
            Ok(plan) => {
                let keys = (taken.keys.as_slice(), &taken.copies);
                writer.keys(&generation, plan, keys, fleet.revision).await
            }
            Err(mistakes) => Report::stopped(Stop::Replan(mistakes.in_one_line())),
        };
        for (key, fate) in &report.settled {
            taken.settle(key, fate);
        }
        self.count(&generation.index, &report);
        self.obey(taken.generation, report.stopped.as_ref());
        self.queue.done(taken);
        report.stopped == Some(Stop::Aged)
    }

    /// Notes what was written.
    pub fn count(&self, index: &str, report: &Report) {
        if let Some(version) = report.version {
            self.highest.fetch_max(version.0, Ordering::Relaxed);
        }
        for (_, fate) in &report.settled {
            match &fate.ending {
                Ending::Written(_) => crate::metrics::indexed(index),
                Ending::Deleted(_) => crate::metrics::deleted(index),
                Ending::Dead(_, why, _) => crate::metrics::failed(index, *why),
                Ending::Cleared | Ending::Moot => {}
            }
        }
    }

    /// Does what a stop asks for: hold the generation, read the fleet again, end the daemon.
    pub fn obey(&self, generation: i32, stopped: Option<&Stop>) {
        let (least, most) = (self.settings.retry_min, self.settings.retry_max);
        match stopped {
            None => self.queue.release(generation),
            Some(Stop::Aged) => {}
            Some(Stop::Sink(reason)) => self.hold(generation, Wait::for_elasticsearch(reason), least, most),
            Some(Stop::Source(reason)) => self.hold(generation, Wait::for_postgres(reason), least, most),
            Some(Stop::Replan(reason)) => {
                self.hold(generation, Wait::for_postgres(reason), least, most);
                self.replan.notify_one();
            }
            Some(Stop::Fatal(reason)) => {
                self.hold(generation, Wait::for_postgres(reason), most, most);
                self.end(reason);
            }
        }
    }

    /// Ends the daemon: going on would write what must not be written.
    pub fn end(&self, why: &impl std::fmt::Display) {
        let _ = self.fatal.try_send(why.to_string()); // full: somebody else said it already
    }

    fn hold(&self, generation: i32, wait: Wait, least: Duration, most: Duration) {
        if self.queue.held(generation).is_none_or(|known| known.wait != wait) {
            let fleet = self.fleet.borrow().clone();
            let index = fleet.generations.get(&generation).map(|known| known.concrete.as_str());
            tracing::warn!(index, server = ?wait.server, reason = wait.reason, "waiting");
        }
        self.queue.hold(generation, wait, least, most);
    }
}

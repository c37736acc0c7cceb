//! Looks at the ledger once a second, and says what it sees: metrics, status, readiness, a progress bar on a terminal and
//! a line now and then elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::summary::Summary;
use crate::http::ready::{self, Readiness};
use crate::http::status::Status as Shown;
use crate::ledger::status::{self, IndexStatus, Status};
use crate::metrics;
use crate::pipeline::hold::{Hold, Server, Wait};
use crate::pipeline::worker::Shared;
use crate::source::Postgres;
use crate::task::{Health, State};

/// Turns, of a second each, between two lines on whether an index is in step.
const SUMMARY_EVERY: u32 = 30;

/// The same for dead letters: a mass of them is a few lines.
const DEAD_EVERY: u32 = 5;

/// Where the observer looks, and whom it tells.
pub struct Observer {
    pub postgres: Postgres,
    pub shared: Shared,
    pub health: Health,
    /// Why nothing is written yet.
    pub doubt: watch::Receiver<Option<Wait>>,
    /// Why indexes do not become live, or do not stay it.
    pub waits: watch::Receiver<BTreeMap<String, Wait>>,
    pub status: watch::Sender<Shown>,
    pub readiness: watch::Sender<Readiness>,
}

impl Observer {
    /// Runs until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        let terminal = std::io::stderr().is_terminal();
        let (bars, mut shown) = (MultiProgress::new(), HashMap::<String, ProgressBar>::new());
        let (mut turn, mut summary) = (0_u32, Summary::default());
        loop {
            match self.postgres.within(status::read(self.postgres.pool())).await {
                Ok(status) => {
                    if terminal {
                        status.indexes.iter().for_each(|index| draw(&bars, &mut shown, index));
                    } else if turn.is_multiple_of(5) {
                        status.indexes.iter().filter(|index| index.jobs > 0).for_each(say);
                    }
                    self.tell(status);
                    if turn.is_multiple_of(DEAD_EVERY) {
                        summary.log_dead(&self.status.borrow());
                    }
                    if turn.is_multiple_of(SUMMARY_EVERY) && turn > 0 {
                        let written = self.shared.highest.load(Ordering::Relaxed);
                        summary.log(&self.status.borrow(), written);
                    }
                }
                Err(error) => self
                    .readiness
                    .send_modify(|readiness| readiness.postgres = Some(error.to_string())),
            }
            turn += 1;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    fn tell(&self, status: Status) {
        let oldest = status
            .watermarks
            .iter()
            .map(|mark| mark.as_of - mark.last_touched)
            .max();
        let lag = oldest.and_then(|lag| lag.to_std().ok()).unwrap_or_default();
        self.measure(&status, lag);
        let fleet = self.shared.fleet.borrow().clone();
        let held: BTreeMap<&str, Hold> = fleet
            .generations
            .values()
            .filter(|generation| generation.plan.is_ok())
            .filter_map(|generation| Some((generation.concrete.as_str(), self.shared.queue.held(generation.id)?)))
            .collect();
        let unfit: BTreeMap<&str, String> = fleet
            .generations
            .values()
            .filter_map(|generation| Some((generation.concrete.as_str(), generation.unfit()?)))
            .collect();
        let kafka = self.health.snapshot().into_iter().find_map(|task| match task.state {
            State::Waiting { on } if &*task.name == "kafka" => Some(on),
            _ => None,
        });
        let waits = self.waits.borrow().clone();
        let mut told = Shown::new(status, |_| Some(lag.as_secs_f64()));
        for index in &mut told.indexes {
            let generation = index.generation.as_str();
            if let Some(hold) = held.get(generation) {
                index.waiting = Some(hold.wait.reason.clone());
                index.waiting_since = Some(hold.since);
            }
            // Nearer to the cause than what a write of its documents met.
            if let Some(wait) = waits.get(generation) {
                index.waiting = Some(wait.reason.clone());
            }
            if let Some(why) = unfit.get(generation) {
                index.state = ready::State::Unfit;
                index.waiting = Some(why.clone());
            }
        }
        let waits_for = |server| self.waits_for(server, &waits, &held);
        self.readiness.send_replace(Readiness {
            postgres: waits_for(Server::Postgres),
            elasticsearch: waits_for(Server::Elasticsearch),
            kafka,
            indexes: told
                .indexes
                .iter()
                .map(|index| (index.index.clone(), index.state))
                .collect(),
            unfit: unfit
                .iter()
                .map(|(index, why)| ((*index).to_owned(), why.clone()))
                .collect(),
        });
        self.status.send_replace(told);
    }

    /// Why the daemon waits for a server, if it does: what is nearest to the cause.
    fn waits_for(&self, server: Server, waits: &BTreeMap<String, Wait>, held: &BTreeMap<&str, Hold>) -> Option<String> {
        let reason = |wait: &Wait| (wait.server == server).then(|| wait.reason.clone());
        let waits = waits.values().find_map(reason);
        let mut holds = held.values().filter(|hold| hold.wait.server == server);
        let holds = || holds.next().map(Hold::to_string);
        waits
            .or_else(holds)
            .or_else(|| self.doubt.borrow().as_ref().and_then(reason))
    }

    fn measure(&self, status: &Status, lag: Duration) {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        metrics::touches_waiting(count(status.touches_waiting));
        let (now, highest) = self.shared.budget.held();
        metrics::bytes_under_way(now, highest);
        for index in &status.indexes {
            metrics::watermark_lag(&index.index, lag);
            metrics::dead_letters(&index.index, count(index.dead));
            metrics::parked(&index.index, count(index.parked));
            metrics::backfill_progress(&index.index, count(index.documents_done), count(index.documents_total));
        }
    }
}

fn say(index: &IndexStatus) {
    tracing::info!(
        index = index.generation,
        documents = index.documents_done,
        of_about = index.documents_total,
        "{}",
        if index.verifying { "verifying" } else { "building" }
    );
}

fn draw(bars: &MultiProgress, shown: &mut HashMap<String, ProgressBar>, index: &IndexStatus) {
    if index.jobs == 0 {
        if let Some(bar) = shown.remove(&index.generation) {
            bar.finish_and_clear();
        }
        return;
    }
    if index.documents_total == 0 {
        return; // not counted yet: the bar would begin full
    }
    let bar = shown.entry(index.generation.clone()).or_insert_with(|| {
        let bar = bars.add(ProgressBar::new(0));
        // The template is a constant: were it wrong, the plain bar would do.
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} documents, {per_sec}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_prefix(index.generation.clone());
        bar
    });
    bar.set_length(u64::try_from(index.documents_total).unwrap_or_default());
    bar.set_position(u64::try_from(index.documents_done).unwrap_or_default());
}

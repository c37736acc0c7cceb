//! What must be looked after while the daemon runs: the lease, suspicion, watermarks, old jobs, capture, and that the
//! database and the cluster still belong together.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::settings::{CaptureMode, JobSettings};
use super::{JobError, lineage};
use crate::draft::Version;
use crate::elastic::Elastic;
use crate::ledger;
use crate::pipeline::Fleet;
use crate::pipeline::hold::Wait;
use crate::pipeline::worker::Shared;
use crate::plan::Capture;
use crate::source::Postgres;

/// Looks after everything; one a daemon.
pub struct Keeper {
    pub postgres: Postgres,
    pub elastic: Elastic,
    pub shared: Shared,
    pub settings: JobSettings,
    /// Mends capture, where it may.
    pub mend: tokio::sync::mpsc::Sender<()>,
    /// Why it is not proved yet that the database and the cluster belong together; until then nothing is written.
    pub doubt: tokio::sync::watch::Sender<Option<Wait>>,
}

/// Something done every so often; the first time at once.
struct Every {
    period: Duration,
    due: Instant,
}

impl Every {
    fn new(period: Duration) -> Self {
        Self {
            period,
            due: Instant::now(),
        }
    }

    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if now < self.due {
            return false;
        }
        self.due = now + self.period;
        true
    }
}

impl Keeper {
    /// Runs until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        let mut lease = Every::new((self.settings.capture_lease / 20).min(Duration::from_mins(1)));
        let mut watermark = Every::new(self.settings.watermark_every);
        let mut drift = Every::new(self.settings.drift_every);
        let mut nonce = Every::new(self.settings.nonce_every);
        let mut old = Every::new(self.settings.jobs_kept.min(Duration::from_mins(1)));
        let mut lapse: Option<String> = None;
        loop {
            if self.doubt.borrow().is_some() {
                self.prove().await;
            }
            let turn = async {
                if lease.is_due() {
                    self.postgres.within(self.renew(&mut lapse)).await?;
                }
                self.postgres.within(self.suspicion(&mut lapse)).await?;
                if watermark.is_due() {
                    self.postgres.within(self.watermark()).await?;
                }
                if old.is_due() {
                    ledger::job::forget_done(self.postgres.pool(), self.settings.jobs_kept).await?;
                }
                if drift.is_due() {
                    self.postgres.within(self.drift()).await?;
                }
                if nonce.is_due() {
                    self.postgres.within(self.nonce()).await?;
                }
                Ok::<(), JobError>(())
            };
            match turn.await {
                Ok(()) => {}
                Err(error @ JobError::Ahead) => self.shared.end(&error),
                Err(error) => {
                    let remedy = error.remedy();
                    tracing::warn!(error = %error, remedy, "housekeeping has to wait");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.settings.watermark_every.min(Duration::from_secs(1))) => {}
            }
        }
    }

    /// Lets those who write begin, once the cluster's note is known to be this ledger's.
    async fn prove(&self) {
        let compared = lineage::compare(self.postgres.pool(), &self.elastic);
        match self.postgres.within(compared).await {
            Ok(_) => drop(self.doubt.send_replace(None)),
            Err(error @ JobError::Ahead) => self.shared.end(&error),
            Err(error) => {
                let why = Some(error.wait());
                if self.doubt.send_replace(why.clone()) != why {
                    let remedy = error.remedy();
                    tracing::warn!(error = %error, remedy, "nothing is written yet: it is not known what the cluster holds");
                }
            }
        }
    }

    async fn renew(&self, lapse: &mut Option<String>) -> Result<(), JobError> {
        let pool = self.postgres.pool();
        if ledger::lease::renew(pool, self.settings.capture_lease, self.settings.max_touches).await? {
            tracing::warn!("capture had lapsed; everything will be looked at again");
            *lapse = Some(ledger::lease::running_before(pool).await?);
        }
        Ok(())
    }

    /// After a lapse, a promotion or an adoption: once every transaction that may have gone unlogged has ended, sweep.
    async fn suspicion(&self, lapse: &mut Option<String>) -> Result<(), JobError> {
        let pool = self.postgres.pool();
        // Not while the lease is out: what is not logged now would have to be swept for again.
        if !ledger::lease::suspect(pool).await? || !ledger::lease::runs(pool).await? {
            return Ok(());
        }
        let mark = match lapse {
            Some(mark) => mark.clone(),
            None => lapse.insert(ledger::lease::running_before(pool).await?).clone(),
        };
        if ledger::lease::have_ended(pool, &mark).await? {
            ledger::lease::sweep_everything(pool).await?;
            *lapse = None;
        }
        Ok(())
    }

    async fn watermark(&self) -> Result<(), JobError> {
        ledger::parked::forget_retired(self.postgres.pool()).await?;
        ledger::watermark::look(self.postgres.pool()).await?;
        let highest = Version(self.shared.highest.load(Ordering::Relaxed));
        if highest.0 > 0 {
            ledger::identity::record_highest(self.postgres.pool(), highest).await?;
        }
        Ok(())
    }

    /// Whether capture is as it was installed, down to the catalog rows' own versions.
    async fn drift(&self) -> Result<(), JobError> {
        // By the tables as they are now: partitions come and go, columns get other types.
        let fleet = Fleet::read(&self.postgres).await?;
        let wanted = Capture::union(fleet.plans().flat_map(|(_, plan)| &plan.captures));
        let mut connection = self.postgres.pool().acquire().await?;
        let mut drifted = Vec::new();
        for capture in &wanted {
            if !ledger::capture::installed(&mut connection, capture).await? {
                drifted.push(capture);
            }
        }
        // Installed for another set than was read: the next look compares with that one.
        if ledger::generation::revision(self.postgres.pool()).await? != fleet.revision {
            return Ok(());
        }
        for capture in &drifted {
            match self.settings.capture {
                CaptureMode::Manage => tracing::warn!(
                    table = capture.table.sql,
                    "capture is not as it was installed; mending it"
                ),
                CaptureMode::Check => tracing::error!(
                    table = capture.table.sql,
                    "capture is not as it was installed, and changes may be missed: run `highwater apply`, then `highwater verify --repair`"
                ),
            }
        }
        if !drifted.is_empty() {
            self.shared.replan.notify_one();
        }
        if !drifted.is_empty() && self.settings.capture == CaptureMode::Manage {
            let _ = self.mend.try_send(()); // full: it is being mended
        }
        let known = self.shared.fleet.borrow().clone();
        if known.generations.values().any(|generation| generation.plan.is_err()) {
            self.shared.replan.notify_one();
        }
        Ok(())
    }

    /// Commits a number here, then writes it to the cluster: whichever side is older than the other knows of was
    /// restored.
    ///
    /// One daemon at a time: two at once would each take the other's number for another state.
    async fn nonce(&self) -> Result<(), JobError> {
        let pool = self.postgres.pool();
        let Some(alone) = ledger::identity::lock_nonce(pool).await? else {
            return Ok(());
        };
        let (found, nonce) = lineage::compare(pool, &self.elastic).await?;
        match found {
            Some(found) if found < nonce.confirmed => {
                tracing::warn!("the cluster is in an older state than before; everything will be looked at again");
                ledger::identity::suspect_everything(pool).await?;
            }
            None if nonce.confirmed > 0 => {
                tracing::warn!("the cluster does not know this database any more; everything will be looked at again");
                ledger::identity::suspect_everything(pool).await?;
            }
            Some(_) | None => {}
        }
        let next = ledger::identity::next_nonce(pool).await?;
        self.elastic.put_nonce(&nonce.source, &next.to_string()).await?;
        ledger::identity::confirm_nonce(pool, next).await?;
        alone.rollback().await.map_err(ledger::LedgerError::from)?; // it held the lock only
        Ok(())
    }
}

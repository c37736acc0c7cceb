//! Walks through jobs: ranges of roots, ids in an index, roots that a storm reaches.
//!
//! Whatever is built here goes the way of every document; versions keep it from overwriting what is newer. Ranges are
//! written by the walker's own writer, the rest through the queue's slower lane.

use std::time::Duration;

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, Row};
use tokio_util::sync::CancellationToken;

use super::JobError;
use super::settings::JobSettings;
use crate::copies::Copies;
use crate::elastic::Elastic;
use crate::key::Key;
use crate::ledger::job::{self, ClaimedRange, Job, Kind};
use crate::ledger::{Settlement, cut};
use crate::pipeline::intake::{Way, reaches, ways};
use crate::pipeline::receipt::{Closed, Receipt};
use crate::pipeline::record::{park, record};
use crate::pipeline::report::Report;
use crate::pipeline::worker::Shared;
use crate::pipeline::write::Writer;
use crate::pipeline::{Fleet, Generation, Lane};
use crate::plan::Plan;
use crate::source::fetch::bind;
use crate::source::{Postgres, SourceError, resolve};

/// Goes through jobs; several run side by side.
pub struct Walker {
    pub postgres: Postgres,
    pub elastic: Elastic,
    pub shared: Shared,
    pub settings: JobSettings,
    /// How long a batch of keys may take before the rest is parked.
    pub close_after: Duration,
}

/// Ids or keys taken at a time.
const PAGE: usize = 1000;

impl Walker {
    /// Runs until stopped.
    pub async fn run(&self, mut writer: Writer, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.turn(&mut writer, &stop).await {
                Ok(true) => continue,
                Ok(false) => Duration::from_millis(200),
                Err(error) => {
                    tracing::warn!(error = %error, "a job has to wait");
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One step of the oldest job that has one. Returns whether there was any.
    async fn turn(&self, writer: &mut Writer, stop: &CancellationToken) -> Result<bool, JobError> {
        let fleet = self.shared.fleet.borrow().clone();
        for job in self.postgres.within(job::open(self.postgres.pool())).await? {
            let Some(generation) = fleet.generations.get(&job.generation) else {
                continue;
            };
            let Ok(plan) = &generation.plan else { continue };
            if !generation.made {
                continue;
            }
            if self.shared.queue.held(generation.id).is_some() && !self.shared.queue.may_try(generation.id) {
                continue;
            }
            let stepped = match job.kind {
                Kind::Expansion => self.expand(&fleet, generation, plan, &job, stop).await?,
                Kind::Verify => continue, // see `inspect`
                Kind::Backfill | Kind::Sweep => self.range_of(&fleet, generation, plan, &job, writer, stop).await?,
            };
            if stepped || stop.is_cancelled() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn range_of(
        &self,
        fleet: &Fleet,
        generation: &Generation,
        plan: &Plan,
        job: &Job,
        writer: &mut Writer,
        stop: &CancellationToken,
    ) -> Result<bool, JobError> {
        let (postgres, pool) = (&self.postgres, self.postgres.pool());
        if !job.running {
            let cut = cut::cut(pool, job.id, plan, self.settings.backfill_range);
            postgres.unless_lost(cut, || job::is_untaken(pool, job.id)).await?;
        }
        if let Some(range) = postgres.within(job::take_range(pool, job.id)).await? {
            self.range(fleet, generation, plan, range, writer).await?;
            return Ok(true);
        }
        if postgres.within(job::has_ranges(pool, job.id)).await? {
            return Ok(false); // others are at the last ones
        }
        let Some(transaction) = postgres.within(job::take_whole(pool, job.id)).await? else {
            return Ok(false);
        };
        if job.kind == Kind::Sweep && !self.ids(fleet, generation, plan, writer, stop).await? {
            return Ok(false);
        }
        postgres.within(job::finish(pool, job.id)).await?;
        postgres.within(transaction.rollback()).await?; // it held the lock only
        Ok(true)
    }

    async fn range(
        &self,
        fleet: &Fleet,
        generation: &Generation,
        plan: &Plan,
        range: ClaimedRange,
        writer: &mut Writer,
    ) -> Result<(), JobError> {
        let bounds = (range.low.as_ref(), range.high.as_ref());
        let count = self.settings.backfill_range as usize;
        let whole = writer.range(generation, plan, (bounds.0, bounds.1, count), fleet.revision);
        let report = if let Some(report) = whole.await {
            report
        } else {
            // Some row of it cannot be computed, or it is too large for one batch: by keys.
            let keys = self.keys_between(plan, bounds.0, bounds.1).await?;
            let mut whole = Report::default();
            for page in keys.chunks(PAGE) {
                let report = writer
                    .keys(generation, plan, (page, &Copies::default()), fleet.revision)
                    .await;
                whole.settled.extend(report.settled);
                whole.stopped = report.stopped;
                if whole.stopped.is_some() {
                    break;
                }
            }
            whole
        };
        self.conclude(fleet, generation, report, Some(range)).await
    }

    /// Notes what became of a batch, in the commit that ends its range, if it has one.
    async fn conclude(
        &self,
        fleet: &Fleet,
        generation: &Generation,
        report: Report,
        range: Option<ClaimedRange>,
    ) -> Result<(), JobError> {
        self.shared.count(&generation.index, &report);
        self.shared.obey(generation.id, report.stopped.as_ref());
        if let Some(stopped) = report.stopped {
            return Err(JobError::Waiting(stopped.to_string())); // the range is free again
        }
        let mut settlement = Settlement {
            repeat_after: self.settings.delete_repeat_after,
            ..Settlement::default()
        };
        let documents = i64::try_from(report.settled.len()).unwrap_or(i64::MAX);
        let settled = report
            .settled
            .into_iter()
            .map(|(key, fate)| ((generation.id, key), fate))
            .collect();
        let closed = Closed {
            settled,
            unsettled: Vec::new(),
        };
        record(&mut settlement, closed, |target| {
            park(&self.shared, fleet, target, Vec::new(), chrono::Utc::now())
        });
        let committed = async {
            let transaction = match range {
                Some(range) => {
                    let mut transaction = range.transaction;
                    job::finish_range(&mut transaction, range.job, range.number, documents).await?;
                    transaction
                }
                None => self.postgres.pool().begin().await?,
            };
            settlement.commit(transaction).await
        };
        Ok(self.postgres.within(committed).await?)
    }

    async fn keys_between(&self, plan: &Plan, low: Option<&Key>, high: Option<&Key>) -> Result<Vec<Key>, JobError> {
        let mut arguments = PgArguments::default();
        for key in [low, high].into_iter().flatten() {
            for part in key.parts(plan.key.len()).ok_or_else(|| SourceError::Key(key.clone()))? {
                bind(&mut arguments, part.into_owned())?;
            }
        }
        let sql = plan.range_keys_sql(low.is_some(), high.is_some());
        let asked = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(self.postgres.pool());
        keys(&self.postgres.within(asked).await?)
    }

    /// Every id in the index that no row stands behind is deleted, and every copy where its row does not belong: the build
    /// says which, as only it knows what makes a row a document. Returns whether it came to the end.
    async fn ids(
        &self,
        fleet: &Fleet,
        generation: &Generation,
        plan: &Plan,
        writer: &mut Writer,
        stop: &CancellationToken,
    ) -> Result<bool, JobError> {
        self.elastic.refresh(&generation.concrete).await?;
        let mut scan = self.elastic.scan_marks(&generation.concrete, PAGE).await?;
        loop {
            let page = scan.page().await?;
            if page.is_empty() || stop.is_cancelled() {
                scan.close().await?;
                return Ok(!stop.is_cancelled());
            }
            let mut copies = Copies::default();
            let mut found: Vec<Key> = page.iter().map(|stored| stored.found(&mut copies)).collect();
            found.dedup(); // copies of one document follow one another
            let report = writer.gone(generation, plan, (&found, &copies), fleet.revision).await;
            self.conclude(fleet, generation, report, None).await?;
        }
    }

    /// The roots that touched rows reach, page by page.
    async fn expand(
        &self,
        fleet: &Fleet,
        generation: &Generation,
        plan: &Plan,
        job: &Job,
        stop: &CancellationToken,
    ) -> Result<bool, JobError> {
        let taken = job::take_whole(self.postgres.pool(), job.id);
        let Some(transaction) = self.postgres.within(taken).await? else {
            return Ok(false);
        };
        let Some((layout, touched)) = job
            .touched
            .as_ref()
            .and_then(|touched| Some((fleet.layouts.get(&touched.layout)?, touched)))
        else {
            return Err(JobError::Waiting("a layout newer than what was read".to_owned()));
        };
        let place = plan
            .fanouts
            .iter()
            .filter(|fanout| fanout.table == layout.table_oid && fanout.name == touched.place);
        for fanout in place {
            let (whole, key_only) = touched
                .rows
                .iter()
                .map(Vec::as_slice)
                .partition(|row| reaches(fanout, layout, row));
            for way in ways(fanout, layout, whole, key_only) {
                if !self.follow(&way, fleet, generation, plan, stop).await? {
                    return Ok(false);
                }
            }
        }
        self.postgres.within(job::finish(self.postgres.pool(), job.id)).await?;
        self.postgres.within(transaction.rollback()).await?;
        Ok(true)
    }

    /// The roots at the end of one way, page by page; false where it was stopped before the last.
    async fn follow(
        &self,
        way: &Way<'_, '_>,
        fleet: &Fleet,
        generation: &Generation,
        plan: &Plan,
        stop: &CancellationToken,
    ) -> Result<bool, JobError> {
        let mut after: Option<Key> = None;
        loop {
            let page = {
                let mut connection = self.postgres.pool().acquire().await?;
                resolve::roots(
                    &self.postgres,
                    &mut connection,
                    way.statement,
                    &way.columns,
                    after.as_ref(),
                    plan.key.len(),
                    i64::try_from(PAGE).unwrap_or(i64::MAX),
                )
                .await?
            };
            if stop.is_cancelled() {
                return Ok(false);
            }
            let is_last = page.len() < PAGE;
            after = page.last().cloned();
            self.push(fleet, generation, page).await?;
            if is_last {
                return Ok(true);
            }
        }
    }

    /// Has these keys written through the slower lane; what is not done in time is parked.
    async fn push(&self, fleet: &Fleet, generation: &Generation, keys: Vec<Key>) -> Result<(), JobError> {
        if keys.is_empty() {
            return Ok(());
        }
        let receipt = Receipt::expecting(keys.iter().map(|key| (generation.id, key.clone())));
        let alone = (keys, Copies::default()); // the rows touched are none of the documents' own
        self.shared.queue.push(generation.id, Lane::Storm, alone, &receipt);
        let closed = receipt.close_after(self.close_after).await;
        let mut settlement = Settlement {
            repeat_after: self.settings.delete_repeat_after,
            ..Settlement::default()
        };
        let now = chrono::Utc::now();
        record(&mut settlement, closed, |target| {
            park(&self.shared, fleet, target, Vec::new(), now)
        });
        let committed = async { settlement.commit(self.postgres.pool().begin().await?).await };
        Ok(self.postgres.within(committed).await?)
    }
}

fn keys(rows: &[sqlx::postgres::PgRow]) -> Result<Vec<Key>, JobError> {
    let key = |row: &sqlx::postgres::PgRow| -> Result<Key, sqlx::Error> {
        let parts: Vec<String> = row.try_get(0)?;
        Ok(Key::from_parts(parts.iter().map(String::as_str)))
    };
    Ok(rows.iter().map(key).collect::<Result<_, _>>()?)
}

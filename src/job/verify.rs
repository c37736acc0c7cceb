//! Verify: builds every document again and compares it with what the index holds. It never writes a document; what
//! differs is touched, where asked, and goes the way of every change.
//!
//! Two passes, each in its own side's order: rows by key ranges against documents by id, then documents against rows,
//! since the two sides sort and collate differently. What differs at first is looked at again once everything that had
//! committed by then has settled: a change on its way is not a fault.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row};

use super::JobError;
use crate::draft::Op;
use crate::elastic::{DocumentId, Elastic, Stored};
use crate::key::Key;
use crate::ledger::{self, claim};
use crate::pipeline::Generation;
use crate::plan::{ENCODER, Plan};
use crate::source::build::Builder;
use crate::source::error::Verdict;
use crate::source::{Built, Postgres, Scope};

/// Compares one generation.
pub struct Verify<'a> {
    pub postgres: &'a Postgres,
    pub elastic: &'a Elastic,
    pub generation: &'a Generation,
    pub plan: &'a Plan,
    pub revision: i64,
    pub builder: Builder,
    /// How long changes on their way may take to settle.
    pub patience: Duration,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    pub compared: u64,
    /// Keys whose document is missing, differs, or should not be there, after the second look.
    pub differing: Vec<(Key, Difference)>,
    /// Built by another encoder: to be built again, but not wrong.
    pub outdated: u64,
    /// Known as dead letters.
    pub dead: u64,
    /// Changes did not settle in time: the differing ones may be on their way.
    pub unsettled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    Missing,
    Differs,
    Extra,
}

const PAGE: i64 = 1000;

impl Verify<'_> {
    /// Looks at everything.
    ///
    /// # Errors
    /// Those of either side.
    pub async fn run(&mut self) -> Result<Findings, JobError> {
        let mut findings = Findings::default();
        let mut suspects = self.rows(&mut findings).await?;
        suspects.extend(self.documents().await?);
        suspects.sort();
        suspects.dedup();
        for _ in 0..5 {
            if suspects.is_empty() {
                break;
            }
            findings.unsettled = !self.settle().await?;
            (suspects, findings.differing) = self.again(&suspects).await?;
            if findings.unsettled {
                break;
            }
            // Whatever changed between settling and looking is given another chance; a fault stays.
        }
        self.know_the_dead(&mut findings).await?;
        Ok(findings)
    }

    /// Rows against documents.
    async fn rows(&mut self, findings: &mut Findings) -> Result<Vec<Key>, JobError> {
        let mut suspects = Vec::new();
        // Walks the whole key once: on a large table longer than any other statement may take.
        let mut unhurried = self
            .postgres
            .pool()
            .begin_with("BEGIN; SET LOCAL statement_timeout = 0")
            .await?;
        let bounds = sqlx::query(AssertSqlSafe(self.plan.cut_sql()))
            .bind(PAGE)
            .fetch_all(&mut *unhurried)
            .await?;
        unhurried.rollback().await?;
        let mut low: Option<Key> = None;
        let mut highs: Vec<Option<Key>> = Vec::with_capacity(bounds.len() + 1);
        for row in bounds {
            let parts: Vec<String> = row.try_get(0)?;
            highs.push(Some(Key::from_parts(parts.iter().map(String::as_str))));
        }
        highs.push(None);
        for high in highs {
            let scope = Scope::Range {
                low: low.as_ref(),
                high: high.as_ref(),
            };
            match self.builder.build(self.plan, scope, self.revision).await {
                Ok(built) => {
                    findings.compared += built.drafts.items.len() as u64;
                    suspects.extend(
                        self.compare(&built, Some(findings))
                            .await?
                            .into_iter()
                            .map(|(key, _)| key),
                    );
                    suspects.extend(built.unfit.into_iter().map(|unfit| unfit.key));
                }
                // Some row cannot be computed: its keys are looked at one by one below.
                Err(error) if error.verdict(false) == Verdict::Bisect => {
                    suspects.extend(self.keys(low.as_ref(), high.as_ref()).await?);
                }
                Err(error) => return Err(error.into()),
            }
            low = high;
        }
        Ok(suspects)
    }

    async fn keys(&self, low: Option<&Key>, high: Option<&Key>) -> Result<Vec<Key>, JobError> {
        let mut query = sqlx::query(AssertSqlSafe(self.plan.range_keys_sql(low.is_some(), high.is_some())));
        for key in [low, high].into_iter().flatten() {
            for part in key.parts(self.plan.key.len()).unwrap_or_default() {
                query = query.bind(part.into_owned());
            }
        }
        let mut keys = Vec::new();
        for row in query.fetch_all(self.postgres.pool()).await? {
            let parts: Vec<String> = row.try_get(0)?;
            keys.push(Key::from_parts(parts.iter().map(String::as_str)));
        }
        Ok(keys)
    }

    /// Documents against rows: those that should not be there.
    async fn documents(&mut self) -> Result<Vec<Key>, JobError> {
        let mut suspects = Vec::new();
        self.elastic.refresh(&self.generation.concrete).await?;
        let mut scan = self
            .elastic
            .scan_marks(&self.generation.concrete, usize::try_from(PAGE).unwrap_or(1000))
            .await?;
        loop {
            let page = scan.page().await?;
            if page.is_empty() {
                scan.close().await?;
                return Ok(suspects);
            }
            let keys: Vec<Key> = page.iter().map(key_of).collect();
            match self.builder.build(self.plan, Scope::Keys(&keys), self.revision).await {
                Ok(built) => {
                    let gone = built.drafts.items.into_iter().filter(|draft| draft.op == Op::Delete);
                    suspects.extend(gone.map(|draft| draft.key));
                }
                Err(error) if error.verdict(false) == Verdict::Bisect => suspects.extend(keys),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What differs between drafts and index.
    async fn compare(
        &self,
        built: &Built,
        findings: Option<&mut Findings>,
    ) -> Result<Vec<(Key, Difference)>, JobError> {
        let mut outdated = 0;
        let mut differing = Vec::new();
        let ids: Vec<DocumentId<'_>> = built
            .drafts
            .items
            .iter()
            .map(|draft| DocumentId::from(draft.id.as_str()))
            .collect();
        let mut marks = Vec::with_capacity(ids.len());
        for page in ids.chunks(usize::try_from(PAGE).unwrap_or(1000)) {
            marks.extend(self.elastic.mget_marks(&self.generation.concrete, page).await?);
        }
        for ((draft, hash), stored) in built.drafts.items.iter().zip(&built.hashes).zip(marks) {
            let difference = match (draft.op, stored.as_ref().map(|stored| stored.mark.as_ref())) {
                (Op::Delete, None) => None,
                (Op::Delete, Some(_)) => Some(Difference::Extra),
                (Op::Index, None) => Some(Difference::Missing),
                (Op::Index, Some(None)) => Some(Difference::Differs),
                (Op::Index, Some(Some(mark))) if mark.encoder != ENCODER => {
                    outdated += 1;
                    None
                }
                (Op::Index, Some(Some(mark))) => (mark.hash != format!("{hash:032x}")).then_some(Difference::Differs),
            };
            differing.extend(difference.map(|difference| (draft.key.clone(), difference)));
        }
        if let Some(findings) = findings {
            findings.outdated += outdated;
        }
        Ok(differing)
    }

    /// A second look at what differed.
    async fn again(&mut self, suspects: &[Key]) -> Result<(Vec<Key>, Vec<(Key, Difference)>), JobError> {
        let mut differing = Vec::new();
        let mut parts: Vec<&[Key]> = suspects.chunks(500).collect();
        while let Some(part) = parts.pop() {
            match self.builder.build(self.plan, Scope::Keys(part), self.revision).await {
                Ok(built) => {
                    differing.extend(self.compare(&built, None).await?);
                    differing.extend(built.unfit.iter().map(|unfit| (unfit.key.clone(), Difference::Missing)));
                }
                Err(error) if error.verdict(part.len() == 1) == Verdict::Bisect => match part {
                    [single] => differing.push((single.clone(), Difference::Missing)),
                    several => parts.extend([&several[..several.len() / 2], &several[several.len() / 2..]]),
                },
                Err(error) => return Err(error.into()),
            }
        }
        differing.sort_by(|left, right| left.0.cmp(&right.0));
        Ok((differing.iter().map(|(key, _)| key.clone()).collect(), differing))
    }

    /// Waits until everything that has committed is acknowledged. Returns whether that came in time.
    async fn settle(&self) -> Result<bool, JobError> {
        let pool = self.postgres.pool();
        let mark = ledger::lease::running_before(pool).await?;
        let until = tokio::time::Instant::now() + self.patience;
        while !claim::has_settled(pool, self.generation.id, &mark).await? {
            if tokio::time::Instant::now() > until {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.elastic.refresh(&self.generation.concrete).await?;
        Ok(true)
    }

    /// Takes out what is known as a dead letter.
    async fn know_the_dead(&self, findings: &mut Findings) -> Result<(), JobError> {
        let letters = ledger::dead::list(self.postgres.pool(), Some(&self.generation.index), i64::MAX).await?;
        let dead: hashbrown::HashSet<Key> = letters
            .iter()
            .filter(|letter| letter.generation == self.generation.id)
            .map(|letter| Key::from_text(&letter.key))
            .collect();
        findings.dead = dead.len() as u64;
        findings.differing.retain(|(key, _)| !dead.contains(key));
        Ok(())
    }
}

fn key_of(stored: &Stored) -> Key {
    stored
        .mark
        .as_ref()
        .map_or_else(|| Key::from_text(&stored.id), |mark| Key::from_text(&mark.key))
}

//! Verify: builds every document again and compares it with what the index holds. It never writes a document; what
//! differs is touched, where asked, and goes the way of every change.
//!
//! Every row is read once and every id of the index: rows by key ranges against documents by id, with a tally of the ids
//! that were found; then the ids against the tally. What differs at first may be a change on its way. It is built again,
//! and compared once everything that this build saw has been acknowledged: then the index holds the same, or newer.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row};
use tokio::time::Instant;

use super::JobError;
use super::tally::Tally;
use crate::copies::Copies;
use crate::draft::{Draft, Op, Version};
use crate::elastic::{DocumentId, Elastic, Mark, Stored};
use crate::key::Key;
use crate::ledger::{self, claim, cut, job};
use crate::pipeline::{Budget, Generation};
use crate::plan::{ENCODER, Plan};
use crate::source::build::Builder;
use crate::source::error::Verdict;
use crate::source::{Built, Postgres, Scope, SourceError};

/// Compares one generation.
pub struct Verify<'a> {
    pub postgres: &'a Postgres,
    pub elastic: &'a Elastic,
    pub generation: &'a Generation,
    pub plan: &'a Plan,
    /// The one last seen; nothing is written by it.
    pub revision: i64,
    pub builder: Builder,
    /// Where the bytes of what is built come from.
    pub budget: &'a Budget,
    /// Bytes of a document, as the last part had them.
    pub a_document: usize,
    /// How long changes on their way may take to settle, and an outage to pass.
    pub patience: Duration,
    /// Called once, when they take longer than a moment.
    pub waiting: fn(),
    /// The job in which progress is noted.
    pub job: Option<i64>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    pub compared: u64,
    /// Keys whose document is missing, differs, or should not be there, after the second look.
    pub differing: Vec<(Key, Difference)>,
    /// Where documents were found whose rows were not.
    pub copies: Copies,
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

/// One part as it was looked at.
#[derive(Default)]
struct Look {
    differing: Vec<(Key, Difference)>,
    /// Documents that the index holds.
    there: Vec<Stored>,
    compared: u64,
    outdated: u64,
}

/// When a part is compared with the index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    AtOnce,
    /// What the build saw is acknowledged.
    Settled,
}

const PAGE: usize = 1000;

/// A change that is written meanwhile is no reason to say anything.
const A_MOMENT: Duration = Duration::from_secs(2);

impl Verify<'_> {
    /// Looks at everything, and again at what differs.
    ///
    /// # Errors
    /// Those of either side, once they have lasted.
    pub async fn run(&mut self) -> Result<Findings, JobError> {
        let mut findings = Findings::default();
        let mut tally = Tally::default();
        let mut suspects = self.rows(&mut findings, &mut tally).await?;
        suspects.extend(self.documents(&mut tally, &mut findings.copies).await?);
        suspects.sort();
        suspects.dedup();
        self.again(suspects, &mut findings).await?;
        Ok(findings)
    }

    /// Looks again at suspects; `differing` is what stays different, dead letters left out.
    ///
    /// # Errors
    /// Those of either side, once they have lasted.
    pub async fn again(&mut self, mut suspects: Vec<Key>, findings: &mut Findings) -> Result<(), JobError> {
        findings.differing.clear();
        // A document that is missing may be of a row that came and went; whatever is at fault stays.
        for _ in 0..5 {
            findings.unsettled = false;
            findings.differing = self.keys(&suspects, When::Settled, findings).await?.differing;
            suspects = findings.differing.iter().map(|(key, _)| key.clone()).collect();
            suspects.dedup();
            if suspects.is_empty() || findings.unsettled {
                break;
            }
        }
        findings.differing.sort_by(|left, right| left.0.cmp(&right.0));
        findings.differing.dedup(); // of several copies
        self.know_the_dead(findings).await
    }

    /// Rows against documents.
    async fn rows(&mut self, findings: &mut Findings, tally: &mut Tally) -> Result<Vec<Key>, JobError> {
        let mut suspects = Vec::new();
        let mut low: Option<Key> = None;
        for high in self.cut().await? {
            let scope = Scope::Range {
                low: low.as_ref(),
                high: high.as_ref(),
            };
            let look = match self.part(scope, When::AtOnce, findings).await {
                Ok(look) => look,
                // Some row cannot be computed, or they are too large for one batch.
                Err(JobError::Source(error)) if error.verdict(false) == Verdict::Bisect => {
                    let keys = self.keys_between(low.as_ref(), high.as_ref()).await?;
                    self.keys(&keys, When::AtOnce, findings).await?
                }
                Err(error) => return Err(error),
            };
            look.there.iter().for_each(|stored| tally.add(stored));
            suspects.extend(look.differing.into_iter().map(|(key, _)| key));
            findings.compared += look.compared;
            findings.outdated += look.outdated;
            if let Some(job) = self.job {
                job::progress(self.postgres.pool(), job, look.compared).await?;
            }
            low = high;
        }
        Ok(suspects)
    }

    /// The upper bounds of the parts that rows are looked at in; the last one is open.
    async fn cut(&self) -> Result<Vec<Option<Key>>, JobError> {
        // Walks the whole key once: on a large table longer than any other statement may take.
        let mut unhurried = self
            .postgres
            .pool()
            .begin_with("BEGIN; SET LOCAL statement_timeout = 0")
            .await?;
        let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let (bounds, total) = cut::bounds(&mut unhurried, self.plan, page).await?;
        unhurried.rollback().await?;
        if let Some(job) = self.job {
            job::begin(self.postgres.pool(), job, u64::try_from(total).unwrap_or_default()).await?;
        }
        Ok(bounds.into_iter().map(Some).chain([None]).collect())
    }

    async fn keys_between(&self, low: Option<&Key>, high: Option<&Key>) -> Result<Vec<Key>, JobError> {
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

    /// Documents that no row was found for, by the tally of those that were.
    async fn documents(&mut self, tally: &mut Tally, copies: &mut Copies) -> Result<Vec<Key>, JobError> {
        let mut suspects = Vec::new();
        self.elastic.refresh(&self.generation.concrete).await?;
        self.scan(|stored| tally.take(stored)).await?;
        if !tally.is_even() {
            self.scan(|stored| {
                if tally.doubts(stored) {
                    suspects.push(stored.found(copies));
                }
            })
            .await?;
        }
        Ok(suspects)
    }

    async fn scan(&self, mut see: impl FnMut(&Stored)) -> Result<(), JobError> {
        let mut scan = self.elastic.scan_marks(&self.generation.concrete, PAGE).await?;
        loop {
            let page = scan.page().await?;
            if page.is_empty() {
                return Ok(scan.close().await?);
            }
            page.iter().for_each(&mut see);
        }
    }

    /// Looks at keys, by halves where they cannot be built together. What cannot be built alone counts as missing.
    async fn keys(&mut self, keys: &[Key], when: When, findings: &mut Findings) -> Result<Look, JobError> {
        let mut all = Look::default();
        let mut parts: Vec<&[Key]> = keys.chunks(PAGE / 2).collect();
        let copies = findings.copies.clone();
        while let Some(part) = parts.pop() {
            match self.part(Scope::Keys(part, &copies), when, findings).await {
                Ok(look) => {
                    all.differing.extend(look.differing);
                    all.there.extend(look.there);
                    all.compared += look.compared;
                    all.outdated += look.outdated;
                }
                Err(JobError::Source(error)) if error.verdict(part.len() == 1) == Verdict::Bisect => match part {
                    [single] => {
                        all.differing.push((single.clone(), Difference::Missing));
                        all.compared += 1;
                    }
                    several => parts.extend([&several[..several.len() / 2], &several[several.len() / 2..]]),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Looks at one part; what passes by itself is waited for.
    async fn part(&mut self, scope: Scope<'_>, when: When, findings: &mut Findings) -> Result<Look, JobError> {
        let until = Instant::now() + self.patience;
        loop {
            match self.look(scope, when, findings).await {
                Err(error) if passes(&error) && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                other => return other,
            }
        }
    }

    async fn look(&mut self, scope: Scope<'_>, when: When, findings: &mut Findings) -> Result<Look, JobError> {
        let documents = if let Scope::Keys(keys, _) = scope {
            keys.len()
        } else {
            PAGE
        };
        let mut share = self.budget.share(documents * self.a_document * 2).await;
        let mut built = loop {
            self.builder.bound(share.bytes);
            match self.builder.build(self.plan, scope, self.revision).await {
                Err(SourceError::Revision { found, .. }) => self.revision = found,
                Err(SourceError::TooLarge { .. }) if !share.is_whole() => share = share.grown().await,
                other => break other?,
            }
        };
        let bytes = std::mem::take(&mut built.drafts.body).len(); // the hashes are what is compared
        self.a_document = bytes.checked_div(built.drafts.items.len()).unwrap_or_default().max(256);
        drop(share); // what is waited for now needs shares of its own
        if when == When::Settled {
            findings.unsettled |= !self.settle().await?;
        }
        self.compare(&built).await
    }

    /// What differs between drafts and index. What was written from a later snapshot than the drafts' says nothing.
    async fn compare(&self, built: &Built) -> Result<Look, JobError> {
        let drafts = &built.drafts;
        let mut look = Look {
            compared: (drafts.items.len() + built.unfit.len()) as u64,
            ..Look::default()
        };
        let unfit = built.unfit.iter().map(|unfit| unfit.key.clone());
        look.differing.extend(unfit.map(|key| (key, Difference::Missing)));
        let ids: Vec<DocumentId<'_>> = drafts.items.iter().map(DocumentId::from).collect();
        let mut marks = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE) {
            marks.extend(self.elastic.mget_marks(&self.generation.concrete, page).await?);
        }
        for ((draft, hash), stored) in drafts.items.iter().zip(&built.hashes).zip(marks) {
            // Of two places on one shard, either is answered for the other.
            let stored = stored.filter(|stored| stored.routing == draft.routing);
            look.there.extend(stored.clone());
            match difference(draft, *hash, stored.as_ref(), drafts.version) {
                Ok(Some(difference)) => look.differing.push((draft.key.clone(), difference)),
                Ok(None) => {}
                Err(Outdated) => look.outdated += 1,
            }
        }
        Ok(look)
    }

    /// Waits until everything that has committed is acknowledged. Returns whether that came in time.
    async fn settle(&mut self) -> Result<bool, JobError> {
        let pool = self.postgres.pool();
        let until = Instant::now() + self.patience;
        let told = Instant::now() + A_MOMENT;
        let mut seen = None;
        loop {
            if seen.is_none() {
                seen = claim::committed(pool).await?;
            }
            if let Some(seen) = &seen
                && claim::has_settled(pool, self.generation.id, seen).await?
            {
                return Ok(true);
            }
            if Instant::now() > until {
                return Ok(false);
            }
            if Instant::now() > told {
                std::mem::replace(&mut self.waiting, || {})();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
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
        // A copy where it does not belong is deleted, whether or not the document can be built.
        let is_copy = |difference| self.plan.routing.is_some() && difference == Difference::Extra;
        findings
            .differing
            .retain(|(key, difference)| !dead.contains(key) || is_copy(*difference));
        Ok(())
    }
}

/// Built by another encoder, so that the hashes cannot be compared.
struct Outdated;

fn difference(
    draft: &Draft,
    hash: u128,
    stored: Option<&Stored>,
    seen: Version,
) -> Result<Option<Difference>, Outdated> {
    let Some(stored) = stored else {
        return Ok((draft.op == Op::Index).then_some(Difference::Missing));
    };
    let newer = |mark: &Mark| Version(mark.version) > seen && Version(mark.version) == stored.version;
    match (draft.op, &stored.mark) {
        (_, Some(mark)) if newer(mark) => Ok(None),
        (Op::Delete, _) => Ok(Some(Difference::Extra)),
        (Op::Index, None) => Ok(Some(Difference::Differs)),
        // Somebody else wrote it, and kept what it says of itself.
        (Op::Index, Some(mark)) if Version(mark.version) != stored.version => Ok(Some(Difference::Differs)),
        (Op::Index, Some(mark)) if mark.encoder != ENCODER => Err(Outdated),
        (Op::Index, Some(mark)) => Ok((mark.hash != format!("{hash:032x}")).then_some(Difference::Differs)),
    }
}

/// Whether waiting helps.
fn passes(error: &JobError) -> bool {
    match error {
        JobError::Source(error) => error.verdict(false) == Verdict::Retry,
        JobError::Elastic(error) => matches!(error.verdict(), crate::elastic::Verdict::Retry),
        _ => false,
    }
}

//! Builds a batch and writes it, until everything is settled or has to wait.
//!
//! One match on each answer of Postgres and one on each of Elasticsearch: see `SourceError::verdict`, `Outcome`, and
//! `ElasticError::verdict`. An outage is never a document's fault, and a document's fault never stops the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::copies::Copies;
use crate::draft::{Drafts, Op};
use crate::elastic::{Elastic, ElasticError, Outcome, Verdict as Answer};
use crate::key::Key;
use crate::metrics::Failure;
use crate::plan::Plan;
use crate::source::build::Builder;
use crate::source::error::Verdict;
use crate::source::{Built, Scope, SourceError};

use super::budget::{Budget, Share};
use super::fleet::Generation;
use super::hold::Wait;
use super::queue::Queue;
use super::receipt::{Ending, Fate};
use super::report::{Report, Stop};
use super::settings::PipelineSettings;

/// Builds and writes; one a worker.
pub struct Writer {
    pub builder: Builder,
    pub elastic: Elastic,
    /// Told why an index does not take everything.
    pub queue: Arc<Queue>,
    pub settings: Arc<PipelineSettings>,
    /// Bodies are cut at this size.
    pub body_bytes: usize,
    /// Where the bytes of a batch come from.
    pub budget: Arc<Budget>,
    /// Bytes of a document, as the last batch had them.
    pub a_document: usize,
}

/// Documents to be built, and where else copies of them may stand.
pub type Keys<'a> = (&'a [Key], &'a Copies);

/// What a document is taken to have before one was seen.
pub const A_DOCUMENT: usize = 4096;

impl Writer {
    /// Builds `keys` and writes them. A row that cannot be computed is a dead letter.
    pub async fn keys(&mut self, generation: &Generation, plan: &Plan, keys: Keys<'_>, revision: i64) -> Report {
        let (mut report, uncomputable) = self.halving(generation, plan, keys, revision, |built| built).await;
        report.settled.extend(uncomputable);
        report
    }

    /// Builds `keys` and writes the deletes alone: of keys that no row stands behind, and of copies where they do not
    /// belong. Where there is a row and it cannot be computed, its range says so.
    pub async fn gone(&mut self, generation: &Generation, plan: &Plan, keys: Keys<'_>, revision: i64) -> Report {
        self.halving(generation, plan, keys, revision, deletes_alone).await.0
    }

    /// Builds `keys` and writes what `kept` leaves of each batch. A row that cannot be computed fails its whole batch, and
    /// is found by halving; its fate is returned beside the report.
    async fn halving(
        &mut self,
        generation: &Generation,
        plan: &Plan,
        (keys, copies): Keys<'_>,
        revision: i64,
        kept: impl Fn(Built) -> Built,
    ) -> (Report, Vec<(Key, Fate)>) {
        let (mut report, mut uncomputable) = (Report::default(), Vec::new());
        report.stopped = unmade(generation);
        if report.stopped.is_some() {
            return (report, uncomputable);
        }
        let budget = self.budget.clone();
        let mut share = self.share(&budget, keys.len()).await;
        let mut parts: Vec<&[Key]> = vec![keys];
        while let Some(part) = parts.pop() {
            self.builder.bound(share.bytes);
            match self.builder.build(plan, Scope::Keys(part, copies), revision).await {
                Ok(built) => self.write(generation, kept(built), &mut report).await,
                Err(SourceError::TooLarge { .. }) if part.len() == 1 && !share.is_whole() => {
                    share = share.grown().await;
                    parts.push(part);
                }
                Err(error) => match error.verdict(part.len() == 1) {
                    Verdict::Bisect if part.len() > 1 => {
                        let (left, right) = part.split_at(part.len() / 2);
                        parts.extend([right, left]);
                    }
                    Verdict::Bisect => {
                        let ending = Ending::Dead(self.builder.version(), Failure::Build, error.reason());
                        let fate = Fate {
                            copies: copies.listed(&part[0]), // where it belongs now could not be read
                            ..ending.into()
                        };
                        uncomputable.push((part[0].clone(), fate));
                    }
                    verdict => report.stopped = Some(stop(verdict, &error)),
                },
            }
            if report.stopped.is_some() {
                break;
            }
        }
        (report, uncomputable)
    }

    /// Builds a range of about `count` keys and writes it; the keys of rows that cannot be computed, or do not fit what
    /// one may build at once, are `None` here: read them and use [`Writer::keys`].
    pub async fn range(
        &mut self,
        generation: &Generation,
        plan: &Plan,
        (low, high, count): (Option<&Key>, Option<&Key>, usize),
        revision: i64,
    ) -> Option<Report> {
        if let Some(unmade) = unmade(generation) {
            return Some(Report::stopped(unmade));
        }
        let budget = self.budget.clone();
        let share = self.share(&budget, count).await;
        self.builder.bound(share.bytes);
        let mut report = Report::default();
        match self.builder.build(plan, Scope::Range { low, high }, revision).await {
            Ok(built) => self.write(generation, built, &mut report).await,
            Err(error) => match error.verdict(false) {
                Verdict::Bisect => return None,
                verdict => report.stopped = Some(stop(verdict, &error)),
            },
        }
        Some(report)
    }

    /// A share for so many documents: twice what the last ones had, and a body at least.
    async fn share<'b>(&self, budget: &'b Budget, documents: usize) -> Share<'b> {
        budget
            .share((documents * self.a_document * 2).max(self.body_bytes))
            .await
    }

    async fn write(&mut self, generation: &Generation, mut built: Built, report: &mut Report) {
        let budget = self.budget.clone();
        let _held = budget.hold(built.drafts.body.len());
        if let Some(bytes) = built.drafts.body.len().checked_div(built.drafts.items.len()) {
            self.a_document = bytes.max(256);
        }
        report.begin(&mut built);
        for body in built.drafts.bodies(self.body_bytes) {
            self.send(generation, body, built.taken, report).await;
            if report.stopped.is_some() {
                break;
            }
        }
    }

    /// Sends one body until each of its drafts is settled, or something stops it.
    async fn send(&self, generation: &Generation, body: Drafts, taken: Instant, report: &mut Report) {
        let mut parts = vec![body];
        let mut pause = self.settings.retry_min;
        while let Some(drafts) = parts.pop() {
            // What is older than this may be older than what Elasticsearch remembers of deletes.
            if taken.elapsed() > self.settings.max_batch_age {
                report.stopped = Some(Stop::Aged);
                return;
            }
            let started = Instant::now();
            let answer = self.elastic.bulk(&generation.concrete, &drafts).await;
            crate::metrics::bulk(started.elapsed(), answer.is_ok());
            let again = match answer {
                Ok(outcomes) => Self::settle(generation, &drafts, outcomes, report),
                Err(error) => {
                    after(&error, &drafts, &mut parts, report);
                    None
                }
            };
            if report.stopped.is_some() {
                return;
            }
            if let Some((again, why)) = again {
                self.say(generation, &why, pause);
                parts.push(again);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(self.settings.retry_max);
            }
        }
    }

    /// Says why documents have to be sent again, unless that passes at once.
    fn say(&self, generation: &Generation, why: &str, pause: Duration) {
        if pause < self.settings.retry_min * 4 {
            return;
        }
        let reason = format!("index {} does not take everything: {why}", generation.concrete);
        if self
            .queue
            .hampered(generation.id, Wait::for_elasticsearch(reason.as_str()))
        {
            tracing::warn!(generation = generation.id, reason, "sending again");
        }
    }

    /// Notes each outcome; what must be sent again is returned, and why.
    fn settle(
        generation: &Generation,
        drafts: &Drafts,
        outcomes: Vec<Outcome>,
        report: &mut Report,
    ) -> Option<(Drafts, String)> {
        let (mut again, mut why) = (Vec::new(), String::new());
        for (position, (draft, outcome)) in drafts.items.iter().zip(outcomes).enumerate() {
            let refused = match outcome {
                Outcome::Indexed | Outcome::Deleted | Outcome::Absent => None,
                Outcome::Superseded { stored } => {
                    if stored.is_some_and(|stored| stored.epoch() > drafts.version.epoch()) {
                        report.stopped = Some(Stop::Fatal(format!(
                            "{} holds documents of a later epoch: another daemon feeds it from another database",
                            generation.concrete
                        )));
                        return None;
                    }
                    None
                }
                Outcome::Rejected { reason } => Some((Failure::Refused, reason)),
                Outcome::TooLarge => Some((Failure::Size, "Elasticsearch calls the document too large".to_owned())),
                Outcome::Retry { reason } => {
                    again.push(position);
                    why = reason;
                    continue;
                }
                Outcome::IndexMissing => {
                    report.stopped = Some(Stop::Sink(format!("index {} is missing", generation.concrete)));
                    continue;
                }
                Outcome::Blocked { reason } => {
                    report.stopped = Some(Stop::Sink(format!(
                        "index {} takes no writes: {reason}",
                        generation.concrete
                    )));
                    continue;
                }
            };
            match refused {
                None => report.acknowledge(draft, drafts.version),
                Some((failure, reason)) => report.refuse(draft, drafts.version, failure, reason),
            }
        }
        (!again.is_empty()).then(|| (drafts.subset(&again), why))
    }
}

/// Why nothing is written yet: an index of the name may be somebody else's.
fn unmade(generation: &Generation) -> Option<Stop> {
    let reason = || format!("index {} was not made yet", generation.concrete);
    (!generation.made).then(|| Stop::Sink(reason()))
}

/// A batch without what it would index, and without what cannot be.
fn deletes_alone(mut built: Built) -> Built {
    let items = built.drafts.items.iter().enumerate();
    let deletes = items.filter(|(_, draft)| draft.op == Op::Delete);
    let positions: Vec<usize> = deletes.map(|(position, _)| position).collect();
    built.drafts = built.drafts.subset(&positions);
    built.hashes.clear();
    built.unfit.clear();
    built.absent.clear();
    built
}

/// What a failed request means for its drafts.
fn after(error: &ElasticError, drafts: &Drafts, parts: &mut Vec<Drafts>, report: &mut Report) {
    match error.verdict() {
        Answer::Split if drafts.items.len() > 1 => {
            let half = drafts.items.len() / 2;
            parts.extend([drafts.slice(half..drafts.items.len()), drafts.slice(0..half)]);
        }
        Answer::Split if matches!(error, ElasticError::TooLarge) => {
            let reason = "the document is larger than Elasticsearch takes (http.max_content_length)".to_owned();
            report.refuse(&drafts.items[0], drafts.version, Failure::Size, reason);
        }
        Answer::Retry | Answer::Wait | Answer::Split | Answer::Stop => {
            report.stopped = Some(Stop::Sink(format!("{error}; {}", error.remedy())));
        }
    }
}

fn stop(verdict: Verdict, error: &SourceError) -> Stop {
    let said = match error {
        SourceError::Postgres(cause) => format!("{error}; {}", crate::error::remedy_of(cause)),
        other => other.to_string(),
    };
    match verdict {
        Verdict::Retry | Verdict::Bisect => Stop::Source(said),
        Verdict::Replan => Stop::Replan(said),
        Verdict::Stop => Stop::Fatal(said),
    }
}

//! What became of a batch: from the fates of drafts to those of their keys. A document that has moved has several drafts,
//! and is settled with the last of them.

use hashbrown::HashMap;

use super::receipt::{Ending, Fate};
use crate::draft::{Delete, Draft, Op, Version};
use crate::key::Key;
use crate::metrics::Failure;
use crate::source::Built;

#[derive(Debug, Default)]
pub struct Report {
    pub settled: Vec<(Key, Fate)>,
    /// Why the rest is not settled.
    pub stopped: Option<Stop>,
    /// The highest version written.
    pub version: Option<Version>,
    open: HashMap<Key, Open>,
}

/// A key that waits for drafts.
#[derive(Debug)]
struct Open {
    drafts: usize,
    fate: Fate,
}

/// Why a batch, or the rest of it, has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The index or its server takes no writes now: the generation waits.
    Sink(String),
    /// The database does not answer.
    Source(String),
    /// What it was planned by no longer holds.
    Replan(String),
    /// The snapshot is too old to be written: build it again, smaller.
    Aged,
    /// Somebody must look; nothing more may be written by this process.
    Fatal(String),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sink(why) => write!(formatter, "Elasticsearch takes no writes now: {why}"),
            Self::Source(why) => write!(formatter, "the database does not answer: {why}"),
            Self::Replan(why) => write!(formatter, "what was planned no longer holds: {why}"),
            Self::Aged => formatter.write_str("the batch is too old to be written, and is built again"),
            Self::Fatal(why) => formatter.write_str(why),
        }
    }
}

impl Report {
    /// Of a batch that could not be begun.
    pub fn stopped(why: Stop) -> Self {
        Self {
            stopped: Some(why),
            ..Self::default()
        }
    }

    /// Takes in a batch that is to be sent: what is settled without a write, and the keys that one draft does not settle.
    pub fn begin(&mut self, built: &mut Built) {
        let version = built.drafts.version;
        self.version = self.version.max(Some(version));
        let mut drafts: HashMap<&Key, usize> = HashMap::new();
        // Without routing each key has one.
        for draft in built.drafts.items.iter().filter(|draft| draft.routing.is_some()) {
            *drafts.entry(&draft.key).or_default() += 1;
        }
        for unfit in built.unfit.drain(..) {
            let fate = Fate::from(Ending::Dead(version, Failure::Build, unfit.reason));
            match drafts.remove(&unfit.key) {
                Some(drafts) => drop(self.open.insert(unfit.key, Open { drafts, fate })),
                None => self.settled.push((unfit.key, fate)),
            }
        }
        let several = drafts.into_iter().filter(|(_, drafts)| *drafts > 1);
        self.open.extend(several.map(|(key, drafts)| {
            let fate = Fate::from(Ending::Cleared);
            (key.clone(), Open { drafts, fate })
        }));
        let absent = built.absent.drain(..);
        self.settled
            .extend(absent.map(|key| (key, Fate::from(Ending::Deleted(version)))));
    }

    /// A draft was acknowledged: the index holds it, or something newer.
    pub fn acknowledge(&mut self, draft: &Draft, batch: Version) {
        let mut fate = Fate::from(match draft.op {
            Op::Index => Ending::Written(batch),
            Op::Delete if draft.version == batch => Ending::Deleted(batch),
            Op::Delete => Ending::Cleared,
        });
        if draft.op == Op::Delete {
            fate.deletes.push(Delete {
                routing: draft.routing.clone(),
                version: draft.version,
            });
        }
        self.end(draft, fate);
    }

    /// A draft is refused, and would be again.
    pub fn refuse(&mut self, draft: &Draft, batch: Version, failure: Failure, reason: String) {
        let mut fate = Fate::from(Ending::Dead(batch, failure, reason));
        if draft.op == Op::Delete {
            fate.copies.extend(draft.routing.clone());
        }
        self.end(draft, fate);
    }

    fn end(&mut self, draft: &Draft, fate: Fate) {
        let Some(open) = self.open.get_mut(&draft.key) else {
            self.settled.push((draft.key.clone(), fate));
            return;
        };
        open.fate.join(fate);
        open.drafts -= 1;
        if open.drafts == 0
            && let Some((key, open)) = self.open.remove_entry(&draft.key)
        {
            self.settled.push((key, open.fate));
        }
    }
}

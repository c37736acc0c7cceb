//! The promise that a claim's keys are settled: each is told its fate, and the claim waits for the last one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashSet;
use tokio::sync::Notify;

use crate::draft::{Delete, Version};
use crate::key::Key;
use crate::metrics::Failure;

/// What became of a key in one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    pub ending: Ending,
    /// Deletes that were acknowledged on the way.
    pub deletes: Vec<Delete>,
    /// Routings under which copies may stand that were not deleted.
    pub copies: Vec<String>,
}

/// How it ended; of two, the later one here says more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The generation is no longer fed.
    Moot,
    /// Copies elsewhere are deleted; of the document itself nothing is known.
    Cleared,
    /// No row, no document: deleted at this version.
    Deleted(Version),
    /// The index holds this build, or newer content.
    Written(Version),
    /// It cannot be built, or is refused, whatever is tried.
    Dead(Version, Failure, String),
}

impl From<Ending> for Fate {
    fn from(ending: Ending) -> Self {
        Self {
            ending,
            deletes: Vec::new(),
            copies: Vec::new(),
        }
    }
}

impl Fate {
    /// Adds what became of another draft of the same key.
    pub fn join(&mut self, other: Self) {
        self.deletes.extend(other.deletes);
        self.copies.extend(other.copies);
        if other.ending.weight() > self.ending.weight() {
            self.ending = other.ending;
        }
    }
}

impl Ending {
    fn weight(&self) -> u8 {
        match self {
            Self::Moot => 0,
            Self::Cleared => 1,
            Self::Deleted(_) => 2,
            Self::Written(_) => 3,
            Self::Dead(..) => 4,
        }
    }
}

/// A key of a generation.
pub type Target = (i32, Key);

/// One claim's view of its keys. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    complete: Notify,
}

#[derive(Debug, Default)]
struct State {
    outstanding: HashSet<Target>,
    settled: Vec<(Target, Fate)>,
    closed: bool,
}

impl Receipt {
    /// A receipt for these keys.
    #[must_use]
    pub fn expecting(targets: impl IntoIterator<Item = Target>) -> Self {
        let state = State {
            outstanding: targets.into_iter().collect(),
            ..State::default()
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            complete: Notify::new(),
        }))
    }

    /// Tells the fate of a key. Ignored when the receipt was closed, or does not wait for it.
    pub fn settle(&self, target: &Target, fate: &Fate) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.closed && state.outstanding.remove(target) {
            state.settled.push((target.clone(), fate.clone()));
            if state.outstanding.is_empty() {
                self.0.complete.notify_one();
            }
        }
    }

    /// Waits until every key is settled, or `limit` has passed, and closes the receipt: what comes later is ignored.
    pub async fn close_after(&self, limit: Duration) -> Closed {
        let _ = tokio::time::timeout(limit, self.complete()).await;
        self.close()
    }

    async fn complete(&self) {
        loop {
            let noticed = self.0.complete.notified();
            if self
                .0
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .outstanding
                .is_empty()
            {
                return;
            }
            noticed.await;
        }
    }

    /// Closes it now.
    #[must_use]
    pub fn close(&self) -> Closed {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        Closed {
            settled: std::mem::take(&mut state.settled),
            unsettled: state.outstanding.drain().collect(),
        }
    }

    /// Whether somebody still waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.0.state.lock().unwrap_or_else(PoisonError::into_inner).closed
    }
}

/// What a closed receipt knew.
#[derive(Debug)]
pub struct Closed {
    pub settled: Vec<(Target, Fate)>,
    pub unsettled: Vec<Target>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str) -> Target {
        (1, Key::from_text(key))
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test waits for the one task it starts")]
    async fn it_closes_as_soon_as_the_last_key_is_settled() {
        let receipt = Receipt::expecting([target("a"), target("b")]);
        let waiting = tokio::spawn({
            let receipt = receipt.clone();
            async move { receipt.close_after(Duration::from_hours(1)).await }
        });
        receipt.settle(&target("a"), &Ending::Moot.into());
        receipt.settle(&target("b"), &Ending::Moot.into());
        let closed = waiting.await.unwrap();
        assert_eq!((closed.settled.len(), closed.unsettled.len()), (2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_closing_is_ignored() {
        let receipt = Receipt::expecting([target("a"), target("b")]);
        receipt.settle(&target("a"), &Ending::Moot.into());
        let closed = receipt.close_after(Duration::from_mins(1)).await;
        assert_eq!((closed.settled.len(), closed.unsettled), (1, vec![target("b")]));
        receipt.settle(&target("b"), &Ending::Moot.into());
        assert!(receipt.close().settled.is_empty());
    }
}

//! Keys waiting to be built: coalesced, and each built at most once at a time.
//!
//! A key pushed while a build of it is under way waits for another build: the running one's snapshot may be too old.
//! A key pushed while it waits joins that wait: the snapshot is taken only after the batch is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use hashbrown::{HashMap, HashSet};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::hold::{Hold, Wait};
use super::receipt::{Ending, Fate, Receipt};
use crate::copies::Copies;
use crate::key::Key;

/// Whose turn it is: what changes now does not wait behind what is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    Live,
    Storm,
}

/// The keys of every generation.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    ready: Notify,
}

#[derive(Default)]
struct State {
    generations: BTreeMap<i32, Waiting>,
    /// The generation served last, so that none is left out.
    last: i32,
}

#[derive(Default)]
struct Waiting {
    live: Line,
    storm: Line,
    building: HashSet<Key>,
    /// Of the keys in line.
    copies: Copies,
    held: Option<Hold>,
}

#[derive(Default)]
struct Line {
    order: VecDeque<Key>,
    receipts: HashMap<Key, Vec<Receipt>>,
}

/// Keys taken to be built, and who waits for each. Give it back, or settle every key and call [`Queue::done`].
#[derive(Debug)]
pub struct Taken {
    pub generation: i32,
    pub lane: Lane,
    pub keys: Vec<Key>,
    /// Where else copies of them may stand.
    pub copies: Copies,
    receipts: HashMap<Key, Vec<Receipt>>,
}

impl Taken {
    /// Tells everyone who waits for the key.
    pub fn settle(&mut self, key: &Key, fate: &Fate) {
        for receipt in self.receipts.remove(key).unwrap_or_default() {
            receipt.settle(&(self.generation, key.clone()), fate);
        }
    }
}

impl Line {
    fn push(&mut self, key: Key, receipts: impl IntoIterator<Item = Receipt>) {
        if let Some(known) = self.receipts.get_mut(&key) {
            known.extend(receipts);
        } else {
            self.order.push_back(key.clone());
            self.receipts.insert(key, receipts.into_iter().collect());
        }
    }
}

impl Waiting {
    fn line(&mut self, lane: Lane) -> &mut Line {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Storm => &mut self.storm,
        }
    }

    /// Keys that nobody waits for any more go; those being built stay in line.
    fn take(&mut self, lane: Lane, most: usize) -> Vec<(Key, Vec<Receipt>)> {
        let Self {
            live,
            storm,
            building,
            copies,
            ..
        } = self;
        let mut taken = Vec::new();
        let (line, other) = if lane == Lane::Live {
            (live, storm)
        } else {
            (storm, live)
        };
        for _ in 0..line.order.len() {
            if taken.len() >= most {
                break; // before a key leaves the line: one that is in no line is never built
            }
            let Some(key) = line.order.pop_front() else { break };
            if building.contains(&key) {
                line.order.push_back(key);
                continue;
            }
            let receipts: Vec<Receipt> = line.receipts.remove(&key).unwrap_or_default();
            if receipts.iter().any(Receipt::is_open) {
                building.insert(key.clone());
                taken.push((key, receipts));
            } else if !other.receipts.contains_key(&key) {
                copies.forget(&key); // whoever waited has noted them
            }
        }
        taken
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds keys of one generation, and where else copies of them may stand.
    pub fn push(
        &self,
        generation: i32,
        lane: Lane,
        (keys, copies): (impl IntoIterator<Item = Key>, Copies),
        receipt: &Receipt,
    ) {
        let mut state = self.lock();
        let waiting = state.generations.entry(generation).or_default();
        waiting.copies.merge(copies);
        let line = waiting.line(lane);
        keys.into_iter().for_each(|key| line.push(key, [receipt.clone()]));
        drop(state);
        self.ready.notify_waiters();
    }

    /// Takes the next batch of a lane; waits until there is one.
    pub async fn take(&self, lane: Lane, most: usize) -> Taken {
        loop {
            let ready = self.ready.notified();
            tokio::pin!(ready);
            ready.as_mut().enable(); // registered before looking, so that no push is missed
            let next_release = match self.try_take(lane, most) {
                Ok(taken) => return taken,
                Err(next_release) => next_release,
            };
            match next_release {
                Some(at) => {
                    let _ = tokio::time::timeout_at(at, ready).await;
                }
                None => ready.await,
            }
        }
    }

    /// A batch, or when the next held generation is released.
    fn try_take(&self, lane: Lane, most: usize) -> Result<Taken, Option<Instant>> {
        let mut state = self.lock();
        let now = Instant::now();
        let last = state.last;
        let ids: Vec<i32> = state.generations.keys().copied().collect();
        let (before, after): (Vec<i32>, Vec<i32>) = ids.into_iter().partition(|id| *id <= last);
        let mut next_release: Option<Instant> = None;
        for id in after.into_iter().chain(before) {
            let Some(waiting) = state.generations.get_mut(&id) else {
                continue;
            };
            if let Some(hold) = waiting.held.as_ref().filter(|hold| hold.until > now) {
                next_release = Some(next_release.map_or(hold.until, |at| at.min(hold.until)));
                continue;
            }
            let taken = waiting.take(lane, most);
            if !taken.is_empty() {
                let keys: Vec<Key> = taken.iter().map(|(key, _)| key.clone()).collect();
                let mut copies = Copies::default();
                keys.iter().for_each(|key| waiting.copies.pass(key, &mut copies));
                state.last = id;
                return Ok(Taken {
                    generation: id,
                    lane,
                    keys,
                    copies,
                    receipts: taken.into_iter().collect(),
                });
            }
        }
        Err(next_release)
    }

    /// The batch is over: what was settled is settled, whatever is left waits again.
    pub fn done(&self, mut taken: Taken) {
        let mut state = self.lock();
        if let Some(waiting) = state.generations.get_mut(&taken.generation) {
            for key in &taken.keys {
                waiting.building.remove(key);
            }
            for (key, receipts) in taken.receipts {
                taken.copies.pass(&key, &mut waiting.copies);
                waiting.line(taken.lane).push(key, receipts);
            }
        }
        drop(state);
        self.ready.notify_waiters();
    }

    /// Lets a generation wait, longer with each time in a row, between `least` and `most`.
    pub fn hold(&self, generation: i32, wait: Wait, least: Duration, most: Duration) {
        let mut state = self.lock();
        let waiting = state.generations.entry(generation).or_default();
        let attempts = waiting.held.as_ref().map_or(0, |hold| hold.attempts);
        let pause = least.saturating_mul(1 << attempts.min(16)).min(most);
        waiting.held = Some(Hold {
            until: Instant::now() + pause,
            wait,
            since: waiting.held.as_ref().map_or_else(Utc::now, |hold| hold.since),
            attempts: attempts + 1,
        });
    }

    /// Notes why a generation takes only part of what it is sent; nobody has to wait for it. Returns whether this is
    /// news.
    pub fn hampered(&self, generation: i32, wait: Wait) -> bool {
        let mut state = self.lock();
        let waiting = state.generations.entry(generation).or_default();
        let Some(known) = &mut waiting.held else {
            waiting.held = Some(Hold {
                until: Instant::now(),
                wait,
                since: Utc::now(),
                attempts: 0,
            });
            return true;
        };
        let news = known.wait != wait;
        known.wait = wait;
        news
    }

    /// The generation takes writes again.
    pub fn release(&self, generation: i32) {
        if let Some(waiting) = self.lock().generations.get_mut(&generation) {
            waiting.held = None;
        }
    }

    /// Why a generation waits, if it does, and since when.
    pub fn held(&self, generation: i32) -> Option<Hold> {
        self.lock().generations.get(&generation)?.held.clone()
    }

    /// Whether a held generation may be tried now.
    pub fn may_try(&self, generation: i32) -> bool {
        let state = self.lock();
        let held = state
            .generations
            .get(&generation)
            .and_then(|waiting| waiting.held.as_ref());
        held.is_none_or(|hold| hold.until <= Instant::now())
    }

    /// Generations that are no longer fed: everyone who waits is told.
    pub fn keep_only(&self, fed: &[i32]) {
        let mut state = self.lock();
        let gone: Vec<i32> = state
            .generations
            .keys()
            .copied()
            .filter(|id| !fed.contains(id))
            .collect();
        for id in gone {
            let Some(waiting) = state.generations.remove(&id) else {
                continue;
            };
            for (key, receipts) in waiting.live.receipts.into_iter().chain(waiting.storm.receipts) {
                receipts
                    .iter()
                    .for_each(|receipt| receipt.settle(&(id, key.clone()), &Ending::Moot.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<Key> {
        names.iter().map(|name| Key::from_text(name)).collect()
    }

    fn alone(keys: Vec<Key>) -> (Vec<Key>, Copies) {
        (keys, Copies::default())
    }

    fn receipt(names: &[&str]) -> Receipt {
        Receipt::expecting(keys(names).into_iter().map(|key| (1, key)))
    }

    #[tokio::test]
    async fn a_key_touched_during_its_build_is_built_again_and_not_meanwhile() {
        let queue = Queue::default();
        let first = receipt(&["a"]);
        queue.push(1, Lane::Live, alone(keys(&["a"])), &first);
        let mut building = queue.take(Lane::Live, 10).await;
        let second = receipt(&["a"]);
        queue.push(1, Lane::Live, alone(keys(&["a"])), &second);
        assert!(queue.try_take(Lane::Live, 10).is_err(), "one build at a time");
        building.settle(&Key::from_text("a"), &Ending::Moot.into());
        queue.done(building);
        assert_eq!(
            second.close().settled.len(),
            0,
            "the first build's snapshot was too old for it"
        );
        assert!(queue.try_take(Lane::Live, 10).is_err(), "nobody waits any more");
    }

    #[tokio::test]
    async fn waiting_keys_are_one() {
        let queue = Queue::default();
        let (first, second) = (receipt(&["a"]), receipt(&["a"]));
        queue.push(1, Lane::Live, alone(keys(&["a"])), &first);
        queue.push(1, Lane::Live, alone(keys(&["a"])), &second);
        let mut taken = queue.take(Lane::Live, 10).await;
        assert_eq!(taken.keys.len(), 1);
        taken.settle(&Key::from_text("a"), &Ending::Moot.into());
        assert_eq!((first.close().settled.len(), second.close().settled.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_full_batch_leaves_the_rest_in_line() {
        let queue = Queue::default();
        queue.push(1, Lane::Live, alone(keys(&["a", "b", "c"])), &receipt(&["a", "b", "c"]));
        for name in ["a", "b", "c"] {
            let mut taken = queue.try_take(Lane::Live, 1).expect(name);
            taken.settle(&Key::from_text(name), &Ending::Moot.into());
            queue.done(taken);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_generation_does_not_hold_the_others() {
        let queue = Queue::default();
        let (held, free) = (receipt(&["a"]), Receipt::expecting([(2, Key::from_text("b"))]));
        queue.push(1, Lane::Live, alone(keys(&["a"])), &held);
        queue.push(2, Lane::Live, alone(keys(&["b"])), &free);
        queue.hold(
            1,
            Wait::for_elasticsearch("read-only"),
            Duration::from_secs(1),
            Duration::from_secs(10),
        );
        assert_eq!(queue.take(Lane::Live, 10).await.generation, 2);
        assert_eq!(queue.take(Lane::Live, 10).await.generation, 1, "released by time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hampered_generation_goes_on_and_says_why_since_the_first_time() {
        let queue = Queue::default();
        assert!(queue.hampered(1, Wait::for_elasticsearch("busy")));
        assert!(queue.may_try(1));
        let since = queue.held(1).map(|hold| hold.since);
        assert!(!queue.hampered(1, Wait::for_elasticsearch("busy")));
        queue.hold(
            1,
            Wait::for_elasticsearch("gone"),
            Duration::from_secs(1),
            Duration::from_secs(10),
        );
        assert!(!queue.may_try(1));
        assert!(queue.hampered(1, Wait::for_elasticsearch("busy")));
        assert!(!queue.may_try(1), "what it waits for is not shortened");
        assert_eq!(queue.held(1).map(|hold| hold.since), since);
        queue.release(1);
        assert!(queue.held(1).is_none());
    }
}

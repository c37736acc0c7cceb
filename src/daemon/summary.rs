//! What a log is read for: whether each index is in step, and if not, why; and that documents were kept aside.
//!
//! What has not changed is not said again: a daemon that is idle and well is silent. What is wrong is said as long as it is.

use std::collections::HashMap;

use crate::http::ready::State;
use crate::http::status::{Index, Status};
use crate::mistake::counted;

/// What was said last, by generation.
#[derive(Debug, Default)]
pub struct Summary {
    in_step: HashMap<String, (State, i64)>,
    dead: HashMap<String, i64>,
    /// The highest version that was written.
    written: i64,
}

impl Summary {
    /// A line for each index of which there is something to say.
    pub fn log(&mut self, status: &Status, written: i64) {
        let touches_waiting = status.touches_waiting;
        for (index, in_step) in self.news(status, written) {
            let (state, dead_letters) = (index.state.word(), index.dead);
            if in_step {
                tracing::info!(index = index.index, state, dead_letters, touches_waiting, "in step");
            } else {
                let (parked, waiting) = (index.parked, index.waiting.as_deref());
                tracing::warn!(
                    index = index.index,
                    state,
                    parked,
                    dead_letters,
                    touches_waiting,
                    waiting,
                    "not in step"
                );
            }
        }
    }

    /// The indexes of which there is something to say, and whether each is in step.
    fn news<'s>(&mut self, status: &'s Status, written: i64) -> Vec<(&'s Index, bool)> {
        let idle = std::mem::replace(&mut self.written, written) == written;
        let mut news = Vec::new();
        for index in &status.indexes {
            let in_step = index.parked == 0 && index.waiting.is_none();
            let now = (index.state, index.dead);
            let before = if in_step {
                self.in_step.insert(index.generation.clone(), now)
            } else {
                self.in_step.remove(&index.generation)
            };
            if !(in_step && idle && before == Some(now)) {
                news.push((index, in_step));
            }
        }
        news
    }

    /// A line for each index that has more dead letters than before, however many they are.
    pub fn log_dead(&mut self, status: &Status) {
        for (index, more) in self.died(status) {
            let (index, all) = (index.index.as_str(), index.dead);
            let documents = counted(usize::try_from(more).unwrap_or_default(), "document");
            tracing::warn!(
                index,
                dead_letters = all,
                "{documents} kept aside as dead letters: see `highwater dead list`"
            );
        }
    }

    fn died<'s>(&mut self, status: &'s Status) -> Vec<(&'s Index, i64)> {
        let mut died = Vec::new();
        for index in &status.indexes {
            let before = self
                .dead
                .insert(index.generation.clone(), index.dead)
                .unwrap_or_default();
            if index.dead > before {
                died.push((index, index.dead - before));
            }
        }
        died
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(dead: i64, parked: i64) -> Status {
        let index = Index {
            index: "books".to_owned(),
            generation: "books-000001".to_owned(),
            state: State::Live,
            dead,
            parked,
            ..Index::default()
        };
        Status {
            indexes: vec![index],
            ..Status::default()
        }
    }

    #[test]
    fn what_is_well_and_as_before_is_not_said_again() {
        let mut summary = Summary::default();
        let mut said = |status: &Status, written| {
            let news = summary.news(status, written);
            news.iter().map(|(_, in_step)| *in_step).collect::<Vec<_>>()
        };
        assert_eq!(said(&status(0, 0), 5), [true]);
        assert!(said(&status(0, 0), 5).is_empty());
        assert_eq!(said(&status(0, 0), 6), [true], "something was written");
        assert_eq!(said(&status(1, 0), 6), [true], "another dead letter");
        assert_eq!(said(&status(1, 2), 6), [false]);
        assert_eq!(said(&status(1, 2), 6), [false], "as long as it lasts");
        assert_eq!(said(&status(1, 0), 6), [true], "well again");
        assert!(said(&status(1, 0), 6).is_empty());
    }

    #[test]
    fn new_dead_letters_are_told_once_and_in_one_line() {
        let mut summary = Summary::default();
        let mut died = |dead| {
            let status = status(dead, 0);
            summary.died(&status).iter().map(|(_, more)| *more).collect::<Vec<_>>()
        };
        assert!(died(0).is_empty());
        assert_eq!(died(4000), [4000]);
        assert!(died(4000).is_empty() && died(10).is_empty());
        assert_eq!(died(11), [1]);
    }
}

//! Generations looked after side by side: one that hangs keeps no other one waiting.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hashbrown::HashSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::pipeline::{Fleet, Generation};

/// Between two looks at a generation that had nothing to do.
const PAUSE: Duration = Duration::from_millis(500);

/// What is done for one generation at a time.
pub trait Steps: Sync {
    /// The set as it is now, and which of it may have something to do.
    fn list(&self) -> (Arc<Fleet>, Vec<i32>);

    /// Takes a step for one generation. Returns whether there was anything to do: then another one follows at once.
    fn step(&self, fleet: &Fleet, generation: &Generation) -> impl Future<Output = bool> + Send;
}

/// Takes steps for all generations, at most `most` at once and never two for one. Runs until stopped, and ends when the
/// steps under way have.
pub async fn side_by_side<S: Steps>(steps: &S, most: usize, stop: &CancellationToken) {
    let mut under_way = FuturesUnordered::new();
    let (mut busy, mut resting, mut last) = (HashSet::new(), HashSet::new(), 0);
    let mut look = tokio::time::interval(PAUSE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        let (fleet, mut ids) = steps.list();
        // From where the last turn ended, so that none is left out.
        ids.sort_unstable();
        let first = ids.partition_point(|id| *id <= last);
        ids.rotate_left(first);
        ids.retain(|id| !busy.contains(id) && !resting.contains(id));
        for id in ids.into_iter().take(most.saturating_sub(busy.len())) {
            let Some(generation) = fleet.generations.get(&id).cloned() else {
                continue;
            };
            last = id;
            busy.insert(id);
            let fleet = fleet.clone();
            under_way.push(async move { (id, steps.step(&fleet, &generation).await) });
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = look.tick() => resting.clear(),
            Some((id, found)) = under_way.next() => {
                busy.remove(&id);
                if !found {
                    resting.insert(id);
                }
            }
        }
    }
    while under_way.next().await.is_some() {}
}

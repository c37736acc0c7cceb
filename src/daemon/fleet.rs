//! The fleet's own tasks: one keeps it current, the other brings its new generations up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::draft::Version;
use crate::elastic::Elastic;
use crate::job::{JobError, bring_up, lineage};
use crate::ledger;
use crate::mistake::{Mistake, Mistakes};
use crate::pipeline::Fleet;
use crate::pipeline::hold::Wait;
use crate::pipeline::worker::Shared;
use crate::source::Postgres;

/// Reads the fleet again when the ledger's revision moves, or when somebody asks; runs until stopped.
pub async fn follow(
    (postgres, elastic): (Postgres, Elastic),
    fleet: watch::Sender<Arc<Fleet>>,
    shared: Shared,
    stop: CancellationToken,
) {
    let (mut unfit, mut looks) = (BTreeMap::new(), 0_u32);
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            () = shared.replan.notified() => true,
            () = tokio::time::sleep(Duration::from_millis(500)) => false,
        };
        looks = looks.wrapping_add(1);
        // A set of generations changes seldom; a question asked a hundred times a second is answered once.
        let known = fleet.borrow().revision;
        let moved = asked
            || (!unfit.is_empty() && looks.is_multiple_of(UNFIT_LOOKS))
            || postgres
                .within(ledger::generation::revision(postgres.pool()))
                .await
                .is_ok_and(|revision| revision != known);
        if !moved {
            continue;
        }
        // A promotion is what a batch may have stumbled over: answered here, by one daemon; for all others it is done.
        if asked {
            let (known, own) = (fleet.borrow().clone(), Version(shared.highest.load(Ordering::Relaxed)));
            match lineage::follow_timeline(&postgres, &elastic, &known, own.epoch()).await {
                Ok(()) => {}
                Err(error @ JobError::Ahead) => shared.end(&error),
                Err(error) => tracing::warn!(error = %error, "the timeline cannot be looked at"),
            }
        }
        match Fleet::read(&postgres).await {
            Ok(read) => {
                unfit = told(&read, &unfit);
                shared
                    .queue
                    .keep_only(&read.generations.keys().copied().collect::<Vec<_>>());
                fleet.send_replace(Arc::new(read));
            }
            Err(error) => tracing::warn!(error = %error, "the set of indexes cannot be read"),
        }
        if asked {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
        }
    }
}

/// Definitions that no longer fit the database are tried again at every tenth look, about every five seconds.
const UNFIT_LOOKS: u32 = 10;

/// Says which definitions do not fit the database any more, and which do again; each mistake once. Returns what does not.
fn told(fleet: &Fleet, before: &BTreeMap<i32, Mistakes>) -> BTreeMap<i32, Mistakes> {
    let mut unfit = BTreeMap::new();
    for generation in fleet.generations.values() {
        let (index, known) = (&generation.concrete, before.get(&generation.id));
        match &generation.plan {
            Err(mistakes) => {
                let news = mistakes
                    .0
                    .iter()
                    .filter(|mistake| known.is_none_or(|known| !known.0.contains(mistake)));
                for Mistake { place, found, remedy } in news {
                    let place = place.to_string();
                    tracing::error!(
                        index,
                        place,
                        found,
                        remedy,
                        "the database no longer fits the definition"
                    );
                }
                unfit.insert(generation.id, mistakes.clone());
            }
            Ok(_) if known.is_some() => tracing::info!(index, "the database fits the definition again"),
            Ok(_) => {}
        }
    }
    unfit
}

/// Takes generations towards being live, a step at a time; runs until stopped.
pub async fn raise(
    postgres: Postgres,
    elastic: Elastic,
    shared: Shared,
    waits: watch::Sender<BTreeMap<String, Wait>>,
    stop: CancellationToken,
) {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    while !stop.is_cancelled() {
        let fleet = shared.fleet.borrow().clone();
        let step = bring_up::step(&postgres, &elastic, &fleet).await;
        if step.changed {
            shared.replan.notify_one();
        }
        said.retain(|index, _| step.waiting.contains_key(index));
        let why = |(index, error): (&String, &JobError)| (index.clone(), error.wait());
        waits.send_replace(step.waiting.iter().map(why).collect());
        for (index, error) in step.waiting {
            let why = error.to_string();
            if said.get(&index) != Some(&why) {
                let remedy = error.remedy();
                tracing::warn!(index, error = why, remedy, "bringing an index up has to wait");
                said.insert(index, why);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

//! From what became of keys to the ledger's rows that say so.

use chrono::{DateTime, Utc};

use super::fleet::Fleet;
use super::receipt::{Closed, Ending, Target};
use super::worker::Shared;
use crate::ledger::Settlement;
use crate::ledger::settle::{Death, Park};

/// Sorts fates into the rows that say them.
pub fn record(settlement: &mut Settlement, closed: Closed, mut park: impl FnMut(Target) -> Park) {
    for ((generation, key), fate) in closed.settled {
        let deletes = fate.deletes.into_iter();
        settlement
            .deletes
            .extend(deletes.map(|delete| (generation, key.clone(), delete)));
        match fate.ending {
            Ending::Written(version) | Ending::Deleted(version) => settlement.written.push((generation, key, version)),
            Ending::Dead(version, _, reason) => settlement.dead.push(Death {
                generation,
                key,
                version,
                reason,
                copies: fate.copies,
            }),
            Ending::Cleared | Ending::Moot => {}
        }
    }
    settlement.parked.extend(closed.unsettled.into_iter().map(&mut park));
}

/// A key that could not be settled in time, and why.
pub fn park(shared: &Shared, fleet: &Fleet, (generation, key): Target, copies: Vec<String>, at: DateTime<Utc>) -> Park {
    let reason = shared.queue.held(generation).map_or_else(
        || match fleet.generations.get(&generation) {
            Some(_) => "not written in time".to_owned(),
            None => "the generation is not planned".to_owned(),
        },
        |hold| hold.wait.reason,
    );
    Park {
        generation,
        key,
        copies,
        reason,
        at,
    }
}

//! Says how far things are: a bar on a terminal, a line now and then elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::ledger::status::{self, IndexStatus, Status};
use crate::source::Postgres;

/// Looks once a second until stopped.
pub async fn show(postgres: Postgres, stop: CancellationToken) {
    let terminal = std::io::stderr().is_terminal();
    let (bars, mut shown) = (MultiProgress::new(), HashMap::<String, ProgressBar>::new());
    let mut turn: u32 = 0;
    loop {
        if let Ok(status) = status::read(postgres.pool()).await {
            if terminal {
                status.indexes.iter().for_each(|index| draw(&bars, &mut shown, index));
            } else if turn.is_multiple_of(5) {
                status.indexes.iter().filter(|index| index.jobs > 0).for_each(say);
            }
            if turn.is_multiple_of(30) && turn > 0 {
                summary(&status);
            }
        }
        turn += 1;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

fn summary(status: &Status) {
    for index in &status.indexes {
        tracing::info!(
            index = index.index,
            state = index.state,
            parked = index.parked,
            dead_letters = index.dead,
            touches_waiting = status.touches_waiting,
            "in step"
        );
    }
}

fn say(index: &IndexStatus) {
    tracing::info!(
        index = index.generation,
        documents = index.documents_done,
        of_about = index.documents_total,
        "building"
    );
}

fn draw(bars: &MultiProgress, shown: &mut HashMap<String, ProgressBar>, index: &IndexStatus) {
    if index.jobs == 0 {
        if let Some(bar) = shown.remove(&index.generation) {
            bar.finish_and_clear();
        }
        return;
    }
    let bar = shown.entry(index.generation.clone()).or_insert_with(|| {
        let bar = bars.add(ProgressBar::new(0));
        // The template is a constant: were it wrong, the plain bar would do.
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} documents, {per_sec}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_prefix(index.generation.clone());
        bar
    });
    bar.set_length(u64::try_from(index.documents_total).unwrap_or_default());
    bar.set_position(u64::try_from(index.documents_done).unwrap_or_default());
}

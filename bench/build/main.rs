//! What building documents costs: highwater beside other ways to the same bytes, on the same data, in one run.
//!
//! Ways take turns, and what is reported is the median of each and the ratio of medians. Costs are processor time, of the
//! server's backends and of this process, so that neither a busy machine nor the disk decides. The documents are compared
//! with the oracle's once. `make bench-build`, or with more: `SCALE=0.3 make bench-build`.

mod books;
mod cost;
mod way;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use highwater::copies::Copies;
use highwater::key::Key;
use highwater::source::Scope;

use books::Books;
use cost::Cost;
use way::Way;

/// What building documents costs
#[derive(Parser)]
struct Arguments {
    /// 1.0 is 300,000 books
    #[arg(long, default_value_t = 0.05)]
    scale: f64,
    /// How often each way has its turn
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// The server; a database `highwater_bench` is made there, and left for the next run of the same scale
    #[arg(long, env = "STACK_POSTGRES_URL", hide_env_values = true)]
    postgres: url::Url,
    /// Only this way and this mode, for a profiler: `highwater`, `ranges`; the beginning of a name is enough
    #[arg(long, num_args = 2, value_names = ["WAY", "MODE"])]
    only: Option<Vec<String>>,
    /// Passed on by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// How documents are asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// All, in ranges of 5,000 keys: a backfill.
    Ranges,
    /// 1,000 keys at random, ten times.
    Random,
    /// One key, 300 times.
    Single,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Ranges, Self::Random, Self::Single];

    fn name(self) -> &'static str {
        match self {
            Self::Ranges => "ranges of 5,000",
            Self::Random => "1,000 random keys",
            Self::Single => "single keys",
        }
    }

    /// The work of one turn. The same for every way of a round.
    fn batches(self, books: &Books, round: usize) -> Vec<Ask> {
        match self {
            Self::Ranges => books.ranges(5_000),
            Self::Random => (0..10)
                .map(|batch| Ask::Keys(books.random(1_000, round * 10 + batch)))
                .collect(),
            Self::Single => books
                .random(300, 100_000 + round)
                .into_iter()
                .map(|key| Ask::Keys(vec![key]))
                .collect(),
        }
    }
}

/// One batch.
enum Ask {
    Range(Option<i64>, Option<i64>),
    Keys(Vec<i64>),
}

/// The same in highwater's words.
enum Keys {
    Range(Option<Key>, Option<Key>),
    Keys(Vec<Key>, Copies),
}

impl Ask {
    fn owned(&self) -> Keys {
        let key = |id: &i64| Key::from_text(&id.to_string());
        match self {
            Self::Keys(ids) => Keys::Keys(ids.iter().map(key).collect(), Copies::default()),
            Self::Range(low, high) => Keys::Range(low.as_ref().map(key), high.as_ref().map(key)),
        }
    }
}

impl Keys {
    fn scope(&self) -> Scope<'_> {
        match self {
            Self::Keys(keys, copies) => Scope::Keys(keys, copies),
            Self::Range(low, high) => Scope::Range {
                low: low.as_ref(),
                high: high.as_ref(),
            },
        }
    }
}

#[tokio::main(flavor = "current_thread")] // else every answer wakes another thread, which is none of the ways' cost
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let books = Books::make(&arguments.postgres, arguments.scale).await?;
    println!(
        "{} books, {} rounds; CPU in ms per 1,000 documents, allocations per document, medians",
        books.count, arguments.rounds
    );
    let mut ways = way::all(&books).await?;
    let mut modes = Mode::ALL.to_vec();
    if let Some([way, mode]) = arguments.only.as_deref() {
        ways.retain(|known| known.name().starts_with(way.as_str()));
        modes.retain(|known| known.name().starts_with(mode.as_str()));
    } else {
        compare(&mut ways, &books).await?;
    }
    let rows = backfill(&mut ways, &books).await?;
    let mut costs: BTreeMap<(Mode, &'static str), Vec<Cost>> = BTreeMap::new();
    for round in 0..arguments.rounds {
        for &mode in &modes {
            let batches = mode.batches(&books, round);
            let turns = ways.len();
            for turn in 0..turns {
                let way = &mut ways[(round + turn) % turns]; // nobody is always the first
                if let Some(cost) = way.turn(mode, &batches).await.with_context(|| way.name())? {
                    costs.entry((mode, way.name())).or_default().push(cost);
                }
            }
        }
    }
    report(&costs, rows);
    Ok(())
}

/// Builds everything once in ranges, and says how much memory that took; rows that a document is made of, on average.
async fn backfill(ways: &mut [Box<dyn Way>], books: &Books) -> Result<f64> {
    let mut rows = f64::NAN;
    for way in ways {
        cost::forget_held()?;
        let before = cost::held()?;
        if let Some(found) = way.rows(&books.ranges(5_000)).await? {
            rows = found;
            println!(
                "{} builds all of them in ranges of 5,000, {rows:.1} rows a document, with {} MiB at most ({before} MiB before)",
                way.name(),
                cost::held()?
            );
        }
    }
    Ok(rows)
}

/// Every document of highwater's is the oracle's.
async fn compare(ways: &mut [Box<dyn Way>], books: &Books) -> Result<()> {
    let mut documents = Vec::new();
    for name in [way::OURS, way::ORACLE] {
        let way = ways
            .iter_mut()
            .find(|way| way.name() == name)
            .context("a way that is compared")?;
        let mut all = BTreeMap::new();
        for batch in books.ranges(5_000) {
            all.extend(way.documents(&batch).await?);
        }
        documents.push(all);
    }
    let differing: Vec<&i64> = documents[0]
        .iter()
        .filter(|(id, document)| documents[1].get(*id) != Some(document))
        .map(|(id, _)| id)
        .collect();
    ensure!(
        documents[0].len() == documents[1].len() && differing.is_empty(),
        "documents differ: {differing:?}"
    );
    println!(
        "{} documents compared with the oracle, 0 differences, {:.2} kB each",
        documents[0].len(),
        way::kilobytes(&documents[0])
    );
    Ok(())
}

fn report(costs: &BTreeMap<(Mode, &'static str), Vec<Cost>>, rows: f64) {
    println!(
        "\n{:<20} {:<28} {:>10} {:>10} {:>12}",
        "", "", "database", "worker", "allocations"
    );
    for ((mode, way), turns) in costs {
        let cost = Cost::median(turns);
        println!(
            "{:<20} {:<28} {:>10.2} {:>10.2} {:>12.2}",
            mode.name(),
            way,
            cost.database,
            cost.worker,
            cost.allocations
        );
    }
    let of = |mode: Mode, way: &'static str| costs.get(&(mode, way)).map(|turns| Cost::median(turns));
    println!();
    for (name, mode, worker, over) in [
        (
            "R1: database, ranges ÷ COPY of every table",
            Mode::Ranges,
            false,
            way::COPY,
        ),
        (
            "R2: database, ranges ÷ LATERAL and json_agg",
            Mode::Ranges,
            false,
            way::ORACLE,
        ),
        (
            "R2: database, random keys ÷ LATERAL and json_agg",
            Mode::Random,
            false,
            way::ORACLE,
        ),
        (
            "R2: database, single keys ÷ LATERAL and json_agg",
            Mode::Single,
            false,
            way::ORACLE,
        ),
        (
            "R3: worker, ranges ÷ reading the same rows",
            Mode::Ranges,
            true,
            way::READER,
        ),
        (
            "R3: worker, random keys ÷ reading the same rows",
            Mode::Random,
            true,
            way::READER,
        ),
    ] {
        if let (Some(ours), Some(theirs)) = (of(mode, way::OURS), of(mode, over)) {
            let ratio = if worker {
                ours.worker / theirs.worker
            } else {
                ours.database / theirs.database
            };
            println!("{name:<52} {ratio:.2}");
        }
    }
    if let (Some(ours), Some(reader)) = (of(Mode::Ranges, way::OURS), of(Mode::Ranges, way::READER)) {
        println!(
            "allocations a row, ranges: {:.3} beyond the {:.2} of reading it",
            (ours.allocations - reader.allocations) / rows,
            reader.allocations / rows
        );
    }
}

//! Single-row changes at a fixed rate, each watched until it can be read in Elasticsearch.
//!
//! The load is open: a change is due at its time whether or not earlier ones have got through, as with real users. If the database
//! itself cannot keep up, the figure says so instead of quietly asking for less.

use crate::events::Events;
use crate::watch::{Change, Expected, Seen, Watch, percentile};
use anyhow::{Result, ensure};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

pub struct Load {
    /// Changes a second.
    pub rate: u32,
    pub seconds: u32,
}

pub struct Outcome {
    pub changes: u32,
    /// How long the application waited for each of its own transactions: what the database and its disk do by themselves.
    pub waits: Vec<Duration>,
    /// From the moment a change was due to its commit, the worst of all.
    pub late: Duration,
    pub took: Duration,
    pub last_commit: Instant,
    pub seen: Seen,
}

pub async fn run(pool: &PgPool, events: Arc<Events>, watch: Watch, load: &Load) -> Result<Outcome> {
    // Shuffled, and each section once before any comes again: two marks on one row would hide each other.
    let sections: Vec<i64> = sqlx::query_scalar("select id from section order by md5(id::text)")
        .fetch_all(pool)
        .await?;
    ensure!(!sections.is_empty(), "the site is empty; `demo load` fills it");
    let first_mark = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let watched = watch.sender();
    let changes = load.rate * load.seconds;
    let start = Instant::now();
    let mut edits = JoinSet::new();
    let (mut waits, mut late, mut last_commit) = (Vec::new(), Duration::ZERO, start);
    let mut note = |edited: Result<Edited>| -> Result<()> {
        let edited = edited?;
        last_commit = last_commit.max(edited.committed);
        late = late.max(edited.committed - edited.due);
        waits.push(edited.committed - edited.begun);
        Ok(())
    };
    for turn in 0..changes {
        let due = start + Duration::from_secs_f64(f64::from(turn) / f64::from(load.rate));
        tokio::time::sleep_until(due.into()).await;
        let (section, mark) = (sections[turn as usize % sections.len()], first_mark + i64::from(turn));
        edits.spawn(edit(pool.clone(), events.clone(), watched.clone(), section, mark, due));
        while let Some(edited) = edits.try_join_next() {
            note(edited?)?;
        }
    }
    while let Some(edited) = edits.join_next().await {
        note(edited?)?;
    }
    let took = last_commit - start;
    drop(watched);
    Ok(Outcome {
        changes,
        waits,
        late,
        took,
        last_commit,
        seen: watch.finish().await?,
    })
}

struct Edited {
    due: Instant,
    begun: Instant,
    committed: Instant,
}

async fn edit(
    pool: PgPool,
    events: Arc<Events>,
    watched: UnboundedSender<Change>,
    section: i64,
    mark: i64,
    due: Instant,
) -> Result<Edited> {
    let begun = Instant::now();
    let sql = r"update section set body = regexp_replace(body, ' \[edit \d+\]$', '') || ' [edit ' || $2 || ']', changed_at = clock_timestamp()
                 where id = $1";
    sqlx::query(sql).bind(section).bind(mark).execute(&pool).await?;
    let committed = Instant::now();
    events.changed("section", section);
    let _ = watched.send(Change {
        section,
        expected: Expected::Mark(mark),
        committed,
    });
    Ok(Edited { due, begun, committed })
}

/// Takes the marks out again, and waits until the index has followed: whoever looks next finds the documentation as it was.
pub async fn restore(pool: &PgPool, watch: Watch) -> Result<Seen> {
    let sql = r"update section set body = regexp_replace(body, ' \[edit \d+\]$', ''), changed_at = clock_timestamp()
                 where body ~ ' \[edit \d+\]$' returning id";
    let sections: Vec<i64> = sqlx::query_scalar(sql).fetch_all(pool).await?;
    let committed = Instant::now();
    let watched = watch.sender();
    for section in sections {
        let _ = watched.send(Change {
            section,
            expected: Expected::Unmarked,
            committed,
        });
    }
    drop(watched);
    watch.finish().await
}

impl Outcome {
    pub fn print(&self) {
        println!(
            "{} single-row changes in {:.1} s; commit to readable in Elasticsearch: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms; {} lost",
            self.changes,
            self.took.as_secs_f64(),
            self.seen.percentile(50),
            self.seen.percentile(99),
            self.seen.percentile(100),
            self.seen.lost,
        );
        let backlog = self
            .seen
            .last
            .map_or(Duration::ZERO, |seen| seen.saturating_duration_since(self.last_commit));
        println!(
            "  the last was readable {:.0} ms after the last commit",
            backlog.as_secs_f64() * 1000.0
        );
        println!(
            "  the application waited for its own commits: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            percentile(&self.waits, 50),
            percentile(&self.waits, 99),
            percentile(&self.waits, 100),
        );
        if self.late > Duration::from_millis(100) {
            println!(
                "  a commit came up to {:.0} ms late: the database itself was behind the rate",
                self.late.as_secs_f64() * 1000.0
            );
        }
    }
}

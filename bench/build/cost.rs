//! Processor time, of this process and of the server's backends.

use anyhow::{Context, Result};
use sqlx::PgPool;

/// CPU milliseconds per 1,000 documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub database: f64,
    pub worker: f64,
}

/// A moment, in nanoseconds spent so far.
pub struct Spent {
    database: u64,
    worker: u64,
}

impl Spent {
    /// By the system's own accounting: of every backend that serves the bench, and of this process.
    pub async fn now(watch: &PgPool) -> Result<Self> {
        let backends: Vec<i32> = sqlx::query_scalar(
            "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()",
        )
        .fetch_all(watch)
        .await?;
        let mut database = 0;
        for pid in backends {
            database += on_processor(pid)?;
        }
        let worker = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Ok(Self {
            database,
            worker: u64::try_from(worker.tv_sec)? * 1_000_000_000 + u64::try_from(worker.tv_nsec)?,
        })
    }

    pub fn since(&self, before: &Self, documents: usize) -> Cost {
        let each = |spent: u64| spent as f64 / 1e6 / documents as f64 * 1e3;
        Cost {
            database: each(self.database - before.database),
            worker: each(self.worker - before.worker),
        }
    }
}

/// Nanoseconds that a process of one thread was on a processor.
fn on_processor(pid: i32) -> Result<u64> {
    let path = format!("/proc/{pid}/schedstat");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{path}: the server must run on this machine, which must be Linux"))?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

impl Cost {
    pub fn median(turns: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> f64| {
            let mut sorted: Vec<f64> = turns.iter().map(of).collect();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        };
        Self {
            database: middle(|cost| cost.database),
            worker: middle(|cost| cost.worker),
        }
    }
}

//! Processor time, of this process and of the server's backends, and what this process allocates.

use std::alloc::System;

use anyhow::{Context, Result};
use sqlx::PgPool;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// CPU milliseconds per 1,000 documents.
    pub database: f64,
    /// CPU milliseconds per 1,000 documents.
    pub worker: f64,
    /// Allocations and reallocations a document, in this process.
    pub allocations: f64,
}

/// A moment: nanoseconds spent so far, and allocations made.
pub struct Spent {
    database: u64,
    worker: u64,
    allocations: usize,
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
        let allocator = ALLOCATOR.stats();
        let worker = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Ok(Self {
            database,
            worker: u64::try_from(worker.tv_sec)? * 1_000_000_000 + u64::try_from(worker.tv_nsec)?,
            allocations: allocator.allocations + allocator.reallocations,
        })
    }

    pub fn since(&self, before: &Self, documents: usize) -> Cost {
        let each = |spent: u64| spent as f64 / 1e6 / documents as f64 * 1e3;
        Cost {
            database: each(self.database - before.database),
            worker: each(self.worker - before.worker),
            allocations: (self.allocations - before.allocations) as f64 / documents as f64,
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
            allocations: middle(|cost| cost.allocations),
        }
    }
}

/// Forgets how much memory this process has held so far; see [`held`].
pub fn forget_held() -> Result<()> {
    // "5" resets the mark that VmHWM is read from: proc(5), clear_refs.
    std::fs::write("/proc/self/clear_refs", "5").context("/proc/self/clear_refs")
}

/// The most memory that this process held at a time, in MiB, since [`forget_held`]: all of it, programs and buffers too.
pub fn held() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = mark
        .and_then(|mark| mark.split_whitespace().next())
        .context("/proc/self/status has no VmHWM")?
        .parse()?;
    Ok(kilobytes / 1024)
}

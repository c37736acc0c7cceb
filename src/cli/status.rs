//! `status`: how far everything is, read from the ledger; no daemon need run.

use std::fmt::Write;
use std::time::Duration;

use super::say::{self, tell};
use crate::config::Config;
use crate::ledger::status::{self, Status};
use crate::source::Postgres;

pub async fn status(config: &Config, watch: bool, json: bool) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    loop {
        let status = status::read(postgres.pool()).await?;
        if json {
            tell!("{}", serde_json::to_string(&status)?)?;
        } else {
            if watch {
                say::out(format_args!("\x1b[2J\x1b[H"))?;
            }
            say::out(format_args!("{}", text(&status)?))?;
        }
        if !watch {
            return Ok(());
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

fn text(status: &Status) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "revision {}, epoch {}, touches waiting {}{}",
        status.revision,
        status.epoch,
        status.touches_waiting,
        if status.suspect { ", a sweep is to come" } else { "" }
    )?;
    writeln!(
        out,
        "\n{:<28} {:<9} {:>30} {:>8} {:>6}",
        "INDEX", "STATE", "BUILT", "PARKED", "DEAD"
    )?;
    for index in &status.indexes {
        let built = if index.jobs == 0 {
            "complete".to_owned()
        } else {
            let verb = if index.verifying { "verified " } else { "" };
            format!("{verb}{} of ~{}", index.documents_done, index.documents_total)
        };
        writeln!(
            out,
            "{:<28} {:<9} {:>30} {:>8} {:>6}",
            index.generation, index.state, built, index.parked, index.dead
        )?;
        if let (Some(reason), Some(since)) = (&index.parked_reason, index.parked_since) {
            writeln!(out, "  waiting since {}: {reason}", since.format("%Y-%m-%d %H:%M:%S"))?;
        }
    }
    writeln!(out, "\n{:<40} {:<28} AS OF", "TABLE", "LAST TOUCHED")?;
    for mark in &status.watermarks {
        writeln!(
            out,
            "{:<40} {:<28} {}",
            mark.table,
            mark.last_touched.format("%Y-%m-%d %H:%M:%S%.6f"),
            mark.as_of.format("%H:%M:%S%.3f")
        )?;
    }
    Ok(out)
}

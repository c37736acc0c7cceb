//! `status`: how far everything is, read from the ledger; no daemon need run.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::edited::Edited;
use super::presence;
use super::say::{self, tell};
use crate::config::Config;
use crate::ledger::LedgerError;
use crate::ledger::status::{self, IndexStatus, Status};
use crate::ledger::watermark::{self, Seen};
use crate::pipeline::Fleet;
use crate::source::Postgres;

pub async fn status(config: &Config, watch: bool, json: bool) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    loop {
        let (status, seen, edited) = read(config, &postgres).await?;
        let running = presence::is_recent(seen, config);
        if json {
            let mut told = serde_json::to_value(&status)?;
            told["daemon"] = serde_json::json!({ "running": running, "seen": seen.map(|seen| seen.at) });
            told["not_applied"] = serde_json::to_value(&edited)?;
            tell!("{told}")?;
        } else {
            if watch {
                say::out(format_args!("\x1b[2J\x1b[H"))?;
            }
            let last = seen.filter(|_| !running);
            say::out(format_args!("{}", text(&status, &edited, last, running)?))?;
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

/// What the ledger knows, with what only the catalog can tell: which definitions no longer fit; when a daemon was seen;
/// and what was not applied.
async fn read(config: &Config, postgres: &Postgres) -> anyhow::Result<(Status, Option<Seen>, Vec<Edited>)> {
    let fleet = Fleet::read(postgres).await?;
    let mut status = status::read(postgres.pool()).await?;
    for index in &mut status.indexes {
        let mut generations = fleet.generations.values();
        let known = generations.find(|generation| generation.concrete == index.generation);
        index.unfit = known.and_then(|generation| generation.unfit());
        if index.unfit.is_some() {
            "unfit".clone_into(&mut index.state);
        }
    }
    let mut connection = postgres.pool().acquire().await.map_err(LedgerError::from)?;
    let seen = watermark::seen(&mut connection).await?;
    Ok((status, seen, Edited::of(config, &fleet)))
}

fn text(status: &Status, edited: &[Edited], last: Option<Seen>, running: bool) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "revision {}, epoch {}, touches waiting {}{}",
        status.revision,
        status.epoch,
        status.touches_waiting,
        if status.suspect { ", a sweep is to come" } else { "" }
    )?;
    match last {
        _ if running => {}
        Some(last) => writeln!(
            out,
            "no daemon runs: the last sign of one is of {}; start `highwater run`",
            moment(last.at)
        )?,
        None => writeln!(out, "no daemon has run yet; start `highwater run`")?,
    }
    edited.iter().try_for_each(|edited| writeln!(out, "{edited}"))?;
    writeln!(
        out,
        "\n{:<28} {:<9} {:>30} {:>8} {:>6}",
        "INDEX", "STATE", "BUILT", "PARKED", "DEAD"
    )?;
    for index in &status.indexes {
        line(&mut out, index)?;
    }
    writeln!(out, "\n{:<40} {:<32} AS OF (UTC)", "TABLE", "IN STEP UP TO (UTC)")?;
    for mark in &status.watermarks {
        writeln!(
            out,
            "{:<40} {:<32} {}",
            mark.table,
            mark.last_touched.format("%Y-%m-%d %H:%M:%S%.6f"),
            mark.as_of.format("%Y-%m-%d %H:%M:%S")
        )?;
    }
    Ok(out)
}

fn line(out: &mut String, index: &IndexStatus) -> std::fmt::Result {
    let built = if index.jobs == 0 {
        "complete".to_owned()
    } else {
        let verb = if index.verifying { "verified " } else { "" };
        format!("{verb}{} of ~{}", index.documents_done, index.documents_total)
    };
    writeln!(
        out,
        "{:<28} {:<9} {built:>30} {:>8} {:>6}",
        index.generation, index.state, index.parked, index.dead
    )?;
    if let Some(why) = &index.unfit {
        writeln!(out, "  {why}")?;
    }
    if let (Some(reason), Some(since)) = (&index.parked_reason, index.parked_since) {
        writeln!(out, "  waiting since {}: {reason}", moment(since))?;
    }
    Ok(())
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

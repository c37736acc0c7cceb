//! `plan`: what the definitions come to, without changing anything.

use super::say::tell;
use crate::config::Config;
use crate::job::apply::{plan_all, unused};
use crate::source::Postgres;
use crate::source::catalog::read_catalog;

pub async fn plan(config: &Config, sql: bool) -> anyhow::Result<()> {
    let mut connection = Postgres::new(&config.postgres)?.connect().await?;
    let catalog = read_catalog(&mut connection).await?;
    let plans = plan_all(&config.definitions, &catalog)?;
    for (_, plan) in &plans {
        if sql {
            tell!("{}\n{}", plan.print(), plan.print_capture())?;
            tell!("-- mapping\n{}\n", serde_json::to_string_pretty(&plan.mappings)?)?;
        } else {
            tell!("index {}", plan.index)?;
            tell!(
                "  documents from {}, key {}",
                plan.table.sql,
                plan.key
                    .iter()
                    .map(|key| key.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )?;
            for level in plan.levels.iter().skip(1) {
                tell!("  {}", level.path)?;
            }
            for capture in &plan.captures {
                let watched: Vec<&str> = capture.used.columns.iter().map(String::as_str).collect();
                tell!(
                    "  watches {} ({}{}), logs ({})",
                    capture.table.sql,
                    watched.join(", "),
                    if capture.used.any {
                        ", and every other column"
                    } else {
                        ""
                    },
                    capture.columns.join(", ")
                )?;
            }
        }
        for warning in &plan.warnings.0 {
            tell!("warning: {warning}")?;
        }
    }
    for unused in unused(&mut connection, &catalog, &plans).await? {
        let comment = if sql { "-- " } else { "" };
        tell!(
            "{comment}{} is no longer used: `apply` takes its triggers away",
            unused.name
        )?;
    }
    Ok(())
}

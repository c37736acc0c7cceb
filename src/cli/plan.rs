//! `plan`: what the definitions come to, without changing anything.

use super::check;
use super::say::tell;
use crate::config::Reading;
use crate::job::apply::unused;
use crate::job::look::look;
use crate::source::Postgres;
use crate::source::catalog::read_catalog;

pub async fn plan(reading: &Reading, sql: bool) -> anyhow::Result<()> {
    let config = check::sound(reading).await?;
    let mut connection = Postgres::new(&config.postgres)?.connect().await?;
    let catalog = read_catalog(&mut connection).await?;
    let looked = look(&mut connection, &catalog, &config.definitions, &reading.mistakes).await?;
    if !looked.mistakes.0.is_empty() {
        return Err(check::check(reading, false).await.mistakes.into()); // with what the cluster says
    }
    let plans = looked.plans;
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

//! `dead`: letters that could not be delivered.

use clap::Subcommand;

use super::say::tell;
use crate::config::Config;
use crate::ledger::dead;
use crate::source::Postgres;

#[derive(Debug, Subcommand)]
pub enum Dead {
    /// List them, newest first
    List {
        index: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Build their documents again; those that succeed leave the list
    Retry {
        index: Option<String>,
        /// Keys; all of the index where absent
        keys: Vec<String>,
    },
    /// Forget them; their documents stay as they are in the index
    Drop { index: String, keys: Vec<String> },
}

pub async fn dead(config: &Config, verb: Dead) -> anyhow::Result<()> {
    let postgres = Postgres::new(&config.postgres)?;
    drop(postgres.connect().await?);
    match verb {
        Dead::List { index, json } => {
            let letters = dead::list(postgres.pool(), index.as_deref(), 1000).await?;
            if json {
                tell!("{}", serde_json::to_string_pretty(&letters)?)?;
            } else if letters.is_empty() {
                tell!("no dead letters")?;
            }
            for letter in letters.iter().filter(|_| !json) {
                tell!(
                    "{} {} ({} attempts, last {}): {}",
                    letter.index,
                    letter.key,
                    letter.attempts,
                    letter.last_at.format("%Y-%m-%d %H:%M:%S UTC"),
                    letter.reason
                )?;
            }
        }
        Dead::Retry { index, keys } => {
            let retried = dead::retry(postgres.pool(), index.as_deref(), &keys).await?;
            tell!("{retried} to be built again")?;
        }
        Dead::Drop { index, keys } => {
            let dropped = dead::drop_letters(postgres.pool(), &index, &keys).await?;
            tell!("{dropped} dropped")?;
        }
    }
    Ok(())
}

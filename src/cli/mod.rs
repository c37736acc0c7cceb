//! The verbs. Each reads the configuration, does one thing, and says what it did; exit codes are those of sysexits.

mod apply;
pub mod check;
mod dead;
mod exit;
mod plan;
mod run;
pub mod say;
mod show;
mod status;
mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use exit::{Exit, remedy};
use say::tell;

use crate::config::Config;

/// Keeps Elasticsearch in step with Postgres.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// The configuration; definitions are read from `indexes/` beside it
    #[arg(
        short,
        long,
        global = true,
        env = "HIGHWATER_CONFIG",
        default_value = "config/highwater.yaml"
    )]
    pub config: PathBuf,
    /// Least serious level that is logged: error, warn, info, debug, trace
    #[arg(long, global = true, env = "HIGHWATER_LOG_LEVEL")]
    pub log_level: Option<String>,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Keep every index in step, until stopped
    Run {
        /// Put ledger and triggers in place first, whatever `capture` says
        #[arg(long)]
        apply: bool,
    },
    /// Look at configuration, definitions and servers; change nothing
    Check {
        /// Ask no server
        #[arg(long)]
        offline: bool,
    },
    /// Print what the definitions come to: statements, mapping, capture
    Plan {
        /// Print the SQL in full
        #[arg(long)]
        sql: bool,
    },
    /// Put ledger and triggers in place in the database
    Apply {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take everything of highwater out of the database
    Uninstall {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make this database the source from now on, after a restore or a move
    Adopt {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Print a document as it would be built now, and what the index holds
    Show {
        index: String,
        /// The key; the parts of a composite one joined by commas
        key: String,
        /// Print the statements too
        #[arg(long)]
        sql: bool,
    },
    /// Say how far everything is
    Status {
        /// Print again every second
        #[arg(long)]
        watch: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare every document with its rows; exit code 65 when any differs
    Verify {
        /// Of this index only
        index: Option<String>,
        /// Have differing documents built again
        #[arg(long)]
        repair: bool,
    },
    /// Documents that cannot be built, or that Elasticsearch refuses
    #[command(subcommand)]
    Dead(dead::Dead),
    /// Ask a running daemon whether it is well; for containers
    Healthcheck,
}

/// Runs a verb.
///
/// # Errors
/// Anything that is not success; [`Exit::of`] gives the code.
pub async fn main(arguments: Arguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config, &|name| std::env::var(name).ok())?;
    run::log(&config, arguments.log_level.as_deref())?;
    match arguments.verb {
        Verb::Run { apply } => run::run(config, apply).await,
        Verb::Check { offline } => {
            let report = check::check(&config, offline).await;
            let said = tell!("{report}");
            Exit::with_code(report.exit_code())?; // a mistake weighs more than a reader who left
            Ok(said?)
        }
        Verb::Plan { sql } => plan::plan(&config, sql).await,
        Verb::Apply { yes } => apply::apply(&config, yes).await,
        Verb::Uninstall { yes } => apply::uninstall(&config, yes).await,
        Verb::Adopt { yes } => apply::adopt(&config, yes).await,
        Verb::Show { index, key, sql } => show::show(&config, &index, &key, sql).await,
        Verb::Status { watch, json } => status::status(&config, watch, json).await,
        Verb::Verify { index, repair } => verify::verify(&config, index.as_deref(), repair).await,
        Verb::Dead(dead) => dead::dead(&config, dead).await,
        Verb::Healthcheck => run::healthcheck(&config).await,
    }
}

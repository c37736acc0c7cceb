//! The verbs. Each reads the configuration, does one thing, and says what it did; exit codes are those of sysexits.

mod apply;
pub mod check;
mod dead;
mod edited;
pub mod exit;
mod import;
mod init;
mod plan;
mod presence;
mod run;
pub mod say;
mod schema;
mod show;
mod status;
mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use exit::Exit;
use say::tell;

use crate::config::{Config, Reading};
use crate::plan::sketch::DEFAULT_DEPTH;

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
    /// Print a document as it would be built now, what the index holds, and why
    Show {
        index: String,
        /// The key; the parts of a composite one joined by commas
        key: String,
        /// Print the statements too, with their parameters
        #[arg(long)]
        sql: bool,
        /// Print only what differs of a document that is held
        #[arg(long)]
        diff: bool,
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
    /// Write a first definition for a table of the database
    Init {
        /// Its rows become documents: table, or schema.table
        #[arg(long)]
        root: String,
        /// How far relations are followed
        #[arg(long, default_value_t = DEFAULT_DEPTH)]
        depth: usize,
        /// Write it to this file, which must not be there yet, instead of printing it
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Make definitions of what another tool was told
    #[command(subcommand)]
    Import(import::Import),
    /// Print the JSON Schema of the configuration or of definitions, for editors
    Schema { of: schema::Of },
    /// Ask a running daemon whether it is well; for containers
    Healthcheck,
}

/// Runs a verb.
///
/// # Errors
/// Anything that is not success; [`Exit::of`] gives the code.
pub async fn main(arguments: Arguments) -> anyhow::Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    match arguments.verb {
        Verb::Schema { of } => schema::schema(of),
        // Before there is a definition to be read.
        Verb::Init { root, depth, output } => {
            let config = Config::load_alone(&arguments.config, &env)?;
            init::init(&config, &root, depth, output.as_deref()).await
        }
        Verb::Import(import) => {
            let config = Config::load_alone(&arguments.config, &env)?;
            import::import(&config, import, &env).await
        }
        verb => {
            let reading = Reading::of(&arguments.config, &env);
            if let Some(config) = &reading.config {
                run::log(config, arguments.log_level.as_deref())?;
            }
            match verb {
                Verb::Check { offline } => check_and_say(&reading, offline).await,
                Verb::Plan { sql } => plan::plan(&reading, sql).await,
                Verb::Apply { yes } => apply::apply(&reading, yes).await,
                verb => with_definitions(reading.sound()?, verb).await,
            }
        }
    }
}

async fn check_and_say(reading: &Reading, offline: bool) -> anyhow::Result<()> {
    let report = check::check(reading, offline).await;
    let said = tell!("{report}");
    Exit::with_code(report.exit_code())?; // a mistake weighs more than a reader who left
    Ok(said?)
}

async fn with_definitions(config: Config, verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Run { apply } => run::run(config, apply).await,
        Verb::Uninstall { yes } => apply::uninstall(&config, yes).await,
        Verb::Adopt { yes } => apply::adopt(&config, yes).await,
        Verb::Show { index, key, sql, diff } => show::show(&config, &index, &key, show::Wanted { sql, diff }).await,
        Verb::Status { watch, json } => status::status(&config, watch, json).await,
        Verb::Verify { index, repair } => verify::verify(&config, index.as_deref(), repair).await,
        Verb::Dead(dead) => dead::dead(&config, dead).await,
        // They need none, or less than sound ones.
        Verb::Init { .. }
        | Verb::Import(_)
        | Verb::Schema { .. }
        | Verb::Check { .. }
        | Verb::Plan { .. }
        | Verb::Apply { .. } => Ok(()),
        Verb::Healthcheck => run::healthcheck(&config).await,
    }
}

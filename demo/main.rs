//! The demo's application: a documentation site on Postgres whose search is highwater's. `demo/run` plays the whole piece.
//!
//! It knows nothing of highwater but the index that fills itself, and stands for any application: ordinary tables, ordinary
//! transactions, an event on a Kafka topic after each commit.

mod answers;
mod body;
mod corpus;
mod diff;
mod edit;
mod elastic;
mod events;
mod inline;
mod latency;
mod live;
mod page;
mod query;
mod replay;
mod rst;
mod site;
mod watch;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The Django documentation as a living site
#[derive(Parser)]
#[command(name = "demo")]
struct Cli {
    #[command(flatten)]
    servers: Servers,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Servers {
    /// The site's database
    #[arg(long, env = "HIGHWATER_POSTGRES_URL", hide_env_values = true)]
    postgres: String,
    #[arg(long, env = "HIGHWATER_ELASTICSEARCH_URL", hide_env_values = true)]
    elasticsearch: String,
    /// Where events go; none are sent without
    #[arg(long, env = "HIGHWATER_KAFKA_BROKERS")]
    brokers: Option<String>,
    #[arg(long, default_value = "demo.changes")]
    topic: String,
    #[arg(long, default_value = "sections")]
    index: String,
    /// The documentation that demo/fetch has brought
    #[arg(long, default_value = "target/demo/docs")]
    docs: PathBuf,
}

#[derive(Subcommand)]
enum Verb {
    /// Start over: an empty site and no index, then one release
    Load {
        #[arg(default_value = "4.2")]
        series: String,
    },
    /// Wait until the index is there and filled
    Wait,
    /// Bring the site to the next releases, page by page
    Replay {
        #[arg(default_values = ["5.1", "5.2"])]
        series: Vec<String>,
        /// Transactions a second; 0 is as fast as it goes
        #[arg(long, default_value_t = 0.0)]
        rate: f64,
    },
    /// Change single rows at a fixed rate and measure how soon each can be read in Elasticsearch
    Latency {
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        rate: u32,
        #[arg(long, default_value_t = 30)]
        seconds: u32,
    },
    /// Serve the search page
    Page {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
    },
    /// Ask a running page a few questions whose answers are known
    Answers { page: String },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Cli { servers, verb }: Cli) -> Result<()> {
    let elastic = elastic::Elastic::new(&servers.elasticsearch)?;
    match verb {
        Verb::Load { series } => load(&servers, &elastic, &series).await,
        Verb::Wait => live::wait(&site::connect(&servers.postgres, 1).await?, &elastic, &servers.index).await,
        Verb::Replay { series, rate } => replay(&servers, &elastic, &series, rate).await,
        Verb::Latency { rate, seconds } => latency(&servers, elastic, latency::Load { rate, seconds }).await,
        Verb::Page { listen } => page::serve(&listen, elastic, servers.index).await,
        Verb::Answers { page } => answers::check(&page).await,
    }
}

async fn load(servers: &Servers, elastic: &elastic::Elastic, series: &str) -> Result<()> {
    let corpus = corpus::Corpus::read(&servers.docs, series)?;
    site::recreate(&servers.postgres).await?;
    elastic.forget(&servers.index).await?;
    let pool = site::connect(&servers.postgres, 1).await?;
    replay::load(&pool, &corpus).await
}

async fn replay(servers: &Servers, elastic: &elastic::Elastic, series: &[String], rate: f64) -> Result<()> {
    let pool = site::connect(&servers.postgres, 2).await?;
    let events = events::Events::new(servers.brokers.as_deref(), &servers.topic).await?;
    for series in series {
        let corpus = corpus::Corpus::read(&servers.docs, series)?;
        let tally = replay::replay(&pool, &corpus, &events, elastic, &servers.index, rate).await?;
        tally.print(&corpus);
        let different = replay::differences(&pool, &corpus).await?;
        ensure!(
            different == 0,
            "the site differs from release {series} in {different} places"
        );
        ensure!(
            tally.seen.lost == 0,
            "{} changes never reached the index",
            tally.seen.lost
        );
    }
    events.flush();
    println!("{} documents indexed now", live::count(elastic, &servers.index).await?);
    Ok(())
}

async fn latency(servers: &Servers, elastic: elastic::Elastic, load: latency::Load) -> Result<()> {
    // More connections than commits can be under way at once; a commit takes a millisecond or two.
    let pool = site::connect(&servers.postgres, 16).await?;
    let events = Arc::new(events::Events::new(servers.brokers.as_deref(), &servers.topic).await?);
    let watch = watch::Watch::start(elastic.clone(), servers.index.clone());
    let outcome = latency::run(&pool, events.clone(), watch, &load).await?;
    outcome.print();
    events.flush();
    let restored = latency::restore(&pool, watch::Watch::start(elastic, servers.index.clone())).await?;
    let lost = outcome.seen.lost + restored.lost;
    ensure!(lost == 0, "{lost} changes never reached the index");
    Ok(())
}

#[cfg(test)]
mod tests {
    use highwater::config::Config;
    use std::path::Path;

    #[test]
    fn the_daemon_takes_the_demo_configuration() {
        let addresses = |name: &str| match name {
            "HIGHWATER_POSTGRES_URL" => Some("postgres://postgres@127.0.0.1:5432/demo".to_string()),
            "HIGHWATER_ELASTICSEARCH_URL" => Some("http://127.0.0.1:9200".to_string()),
            "HIGHWATER_KAFKA_BROKERS" => Some("127.0.0.1:9092".to_string()),
            "HIGHWATER_HTTP_LISTEN" => Some("127.0.0.1:0".to_string()),
            _ => None,
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/config/highwater.yaml");
        let config = Config::load(&path, &addresses).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        assert_eq!(
            config
                .definitions
                .iter()
                .map(|definition| definition.index.as_str())
                .collect::<Vec<_>>(),
            ["sections"]
        );
    }
}

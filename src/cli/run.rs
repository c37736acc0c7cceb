//! `run`: the daemon, until a signal; and what goes with being a service.

use std::io::IsTerminal;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::exit::{self, Failure};
use crate::config::{Config, LogFormat, LogLevel};
use crate::job::CaptureMode;

/// Sets logging up: to stderr, JSON where that is no terminal.
pub fn log(config: &Config, level: Option<&str>) -> anyhow::Result<()> {
    let configured = match config.log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let level = level.unwrap_or(configured);
    let filter = EnvFilter::try_new(format!("warn,highwater={level}"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .log_internal_errors(false); // it would complain on stderr about stderr, and panic
    if is_json(config) {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
    Ok(())
}

fn is_json(config: &Config) -> bool {
    match config.log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    }
}

/// Runs the daemon, and says why it ended in the form of its log.
pub async fn run(config: Config, apply: bool) -> anyhow::Result<()> {
    let is_json = is_json(&config);
    let outcome = until_stopped(config, apply).await;
    if let Err(error) = &outcome
        && is_json
    {
        exit::log(error);
        return Err(super::Exit::of(error).into());
    }
    outcome
}

/// Runs the daemon; the first SIGTERM or SIGINT ends it in order, the second at once.
async fn until_stopped(mut config: Config, apply: bool) -> anyhow::Result<()> {
    if apply {
        config.job.capture = CaptureMode::Manage;
    }
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let daemon = crate::daemon::run(config, stop.clone());
    tokio::pin!(daemon);
    tokio::select! {
        outcome = &mut daemon => return Ok(outcome?),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    tokio::select! {
        outcome = daemon => Ok(outcome?),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Asks the daemon of this configuration whether it is well.
pub async fn healthcheck(config: &Config) -> anyhow::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = config.http.listen;
    let unwell = |found: String, remedy: &str| Failure {
        exit: super::Exit::Unavailable,
        found,
        remedy: remedy.to_owned(),
    };
    let asked = async {
        let mut connection = tokio::net::TcpStream::connect(address).await?;
        connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = asked.await.map_err(|error| {
        let found = format!("no daemon answers at {address} (http.listen): {error}");
        unwell(
            found,
            "start `highwater run`, or name the configuration that it runs with",
        )
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split_whitespace().nth(1) == Some("200") {
        return Ok(());
    }
    let found = format!("the daemon at {address} is not well: {}", body.trim());
    Err(unwell(
        found,
        "see its log; it ends by itself when one of its tasks has, and is to be started again",
    )
    .into())
}

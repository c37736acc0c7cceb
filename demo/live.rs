//! Waits until the index answers under its name, showing how the first filling goes on, as anybody can see it from outside.

use crate::elastic::Elastic;
use anyhow::{Result, bail};
use elasticsearch::http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;
use std::time::{Duration, Instant};

/// Filling takes seconds; who waits longer has made a mistake and wants to hear of it.
const PATIENCE: Duration = Duration::from_mins(3);

pub async fn wait(pool: &PgPool, elastic: &Elastic, index: &str) -> Result<()> {
    let rows: i64 = sqlx::query_scalar("select count(*) from section")
        .fetch_one(pool)
        .await?;
    let style =
        ProgressStyle::with_template("filling the index [{bar:40}] {pos}/{len} documents")?.progress_chars("=> ");
    let bar = ProgressBar::new(rows.unsigned_abs()).with_style(style);
    let start = Instant::now();
    while !alias_answers(elastic, index).await {
        bar.set_position(written(elastic, index).await.unwrap_or(0));
        if start.elapsed() > PATIENCE {
            bail!("the index {index} is not there after {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bar.finish_and_clear();
    println!(
        "{} documents indexed in {:.1} s",
        count(elastic, index).await?,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

pub async fn count(elastic: &Elastic, index: &str) -> Result<u64> {
    elastic.ask(Method::Post, &format!("/{index}/_refresh"), None).await?;
    let (_, answer) = elastic.ask(Method::Get, &format!("/{index}/_count"), None).await?;
    Ok(answer["count"].as_u64().unwrap_or(0))
}

async fn alias_answers(elastic: &Elastic, index: &str) -> bool {
    matches!(
        elastic.ask(Method::Get, &format!("/_alias/{index}"), None).await,
        Ok((200, _))
    )
}

/// Counted by writes, because a search sees them only after a refresh.
async fn written(elastic: &Elastic, index: &str) -> Option<u64> {
    let (_, answer) = elastic
        .ask(Method::Get, &format!("/{index}-*/_stats/indexing"), None)
        .await
        .ok()?;
    answer.pointer("/_all/primaries/indexing/index_total")?.as_u64()
}

//! The life of the site: one release loaded, the next ones arriving page by page while people search.

use crate::corpus::Corpus;
use crate::diff::{self, Plan};
use crate::edit::{self, Edit, References};
use crate::elastic::Elastic;
use crate::events::Events;
use crate::rst::Section;
use crate::site;
use crate::watch::{Change, Expected, Seen, Watch};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Loads a release into an empty site, in one transaction.
pub async fn load(pool: &PgPool, corpus: &Corpus) -> Result<()> {
    let bar = progress(corpus.pages.len(), &format!("loading {}", corpus.series));
    let mut db = pool.begin().await?;
    let release = site::release(&mut db, &corpus.series, &corpus.version).await?;
    for (path, sections) in &corpus.pages {
        edit::upgrade(&mut db, path, release, sections, References::Later).await?;
        bar.inc(1);
    }
    let resolved = edit::resolve_all(&mut db).await?;
    db.commit().await?;
    sqlx::query("analyze").execute(pool).await?;
    bar.finish_and_clear();
    println!(
        "loaded {}: {} documents, {} sections, {} references ({resolved} lead somewhere)",
        corpus.version,
        corpus.pages.len(),
        corpus.sections().count(),
        corpus.sections().map(|section| section.references.len()).sum::<usize>(),
    );
    Ok(())
}

/// Brings the site to a release, each page in a transaction of its own, at most `rate` of them a second (0: as fast as it goes).
/// Pages that are there already are passed over, so an interrupted replay goes on where it was.
pub async fn replay(
    pool: &PgPool,
    corpus: &Corpus,
    events: &Events,
    elastic: &Elastic,
    index: &str,
    rate: f64,
) -> Result<Tally> {
    let release = site::release(&mut *pool.acquire().await?, &corpus.series, &corpus.version).await?;
    let watch = Watch::start(elastic.clone(), index.to_string());
    let watched = watch.sender();
    let mut tally = Tally::default();
    let paths = paths(pool, corpus).await?;
    let bar = progress(paths.len(), &format!("Django {}", corpus.series));
    let start = Instant::now();
    for path in paths {
        let mut db = pool.begin().await?;
        let edit = match corpus.pages.get(&path) {
            Some(sections) => edit::upgrade(&mut db, &path, release, sections, References::Now).await?,
            None => edit::remove(&mut db, &path).await?,
        };
        db.commit().await?;
        let committed = Instant::now();
        bar.inc(1);
        let Some(edit) = edit else { continue };
        events.edited(&edit);
        if let Some((section, expected)) = sign(&edit, tally.transactions) {
            let _ = watched.send(Change {
                section,
                expected,
                committed,
            });
        }
        tally.count(&edit);
        if rate > 0.0 {
            let next = start + Duration::from_secs_f64(tally.transactions as f64 / rate);
            tokio::time::sleep_until(next.into()).await;
        }
    }
    tally.took = start.elapsed();
    drop(watched);
    bar.set_message("waiting until the last change is seen");
    tally.seen = watch.finish().await?;
    bar.finish_and_clear();
    Ok(tally)
}

#[derive(Default)]
pub struct Tally {
    pub transactions: usize,
    pub rows: usize,
    pub inserted: usize,
    pub updated: usize,
    pub deleted: usize,
    pub took: Duration,
    pub seen: Seen,
}

impl Tally {
    fn count(&mut self, edit: &Edit) {
        self.transactions += 1;
        self.rows += edit.rows;
        self.inserted += edit.inserted.len();
        self.updated += edit.updated.len();
        self.deleted += edit.deleted.len();
    }

    pub fn print(&self, corpus: &Corpus) {
        println!(
            "replayed {}: {} changes applied in {} transactions in {:.1} s; sections: {} new, {} rewritten, {} removed",
            corpus.version,
            self.rows,
            self.transactions,
            self.took.as_secs_f64(),
            self.inserted,
            self.updated,
            self.deleted,
        );
        if self.seen.count() > 0 {
            println!(
                "  commit to readable in Elasticsearch: p50 {:.1} ms, p99 {:.1} ms ({} transactions watched, {} not seen)",
                self.seen.percentile(50),
                self.seen.percentile(99),
                self.seen.count() + self.seen.lost,
                self.seen.lost,
            );
        }
    }
}

/// By which section a transaction shall be recognised in the index. The kinds take turns, so that deletes and pages whose text did
/// not change are watched too.
fn sign(edit: &Edit, turn: usize) -> Option<(i64, Expected)> {
    let gone = edit.deleted.first().map(|&section| (section, Expected::Gone));
    let newer = |section: &i64| edit.revision.map(|revision| (*section, Expected::Revision(revision)));
    let signs = [
        edit.updated.first().and_then(newer),
        edit.inserted.first().and_then(newer),
        gone,
        edit.untouched.as_ref().and_then(newer),
    ];
    (0..signs.len()).find_map(|offset| signs[(turn + offset) % signs.len()])
}

/// Old and new pages, in an order that wanders through the site as editors do, and is the same each time.
async fn paths(pool: &PgPool, corpus: &Corpus) -> Result<Vec<String>> {
    let old: Vec<String> = sqlx::query_scalar("select path from document").fetch_all(pool).await?;
    let all: BTreeSet<String> = old.into_iter().chain(corpus.pages.keys().cloned()).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    all.sort_by_key(|path| xxhash_rust::xxh3::xxh3_64(path.as_bytes()));
    Ok(all)
}

/// Holds the site against the release it should be at: the number of pages and references that differ. The demo's own conscience:
/// what it measures is worth something only if the changes it made were the right ones.
pub async fn differences(pool: &PgPool, corpus: &Corpus) -> Result<usize> {
    let mut db = pool.acquire().await?;
    let mut different = 0;
    let stored: Vec<String> = sqlx::query_scalar("select path from document")
        .fetch_all(&mut *db)
        .await?;
    different += stored.iter().filter(|path| !corpus.pages.contains_key(*path)).count();
    for (path, wanted) in &corpus.pages {
        different += usize::from(!same(&mut db, path, wanted).await?);
    }
    let astray = "with led as (select distinct on (domain, name) domain, name, section_id from address order by domain, name, id)
        select count(*) from xref left join led on led.domain = xref.domain and led.name = xref.target
         where xref.target_section_id is distinct from led.section_id";
    let astray: i64 = sqlx::query_scalar(astray).fetch_one(&mut *db).await?;
    Ok(different + usize::try_from(astray)?)
}

async fn same(db: &mut sqlx::PgConnection, path: &str, wanted: &[Section]) -> Result<bool> {
    let id: Option<i64> = sqlx::query_scalar("select id from document where path = $1")
        .bind(path)
        .fetch_optional(&mut *db)
        .await?;
    let Some(id) = id else { return Ok(false) };
    let stored = site::sections(db, id).await?;
    let partners = diff::partners(&stored, wanted);
    Ok(Plan::new(&stored, wanted, &partners, (1..).map(|unused: i64| -unused)).rows() == 0)
}

fn progress(length: usize, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {pos}/{len} pages {msg}")
        .expect("a valid template")
        .progress_chars("=> ");
    ProgressBar::new(length as u64)
        .with_style(style)
        .with_prefix(what.to_string())
}

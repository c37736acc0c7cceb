//! The application's database: made anew for each demo, read page by page.

use crate::diff::{Item, Row, Stored};
use anyhow::{Context, Result};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::collections::HashMap;

pub async fn connect(url: &str, connections: u32) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse().context("the address of Postgres")?;
    PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(options)
        .await
        .context("connecting to the site's database")
}

/// An empty site. The old database goes, and with it whatever watched it: a demo starts from the beginning.
pub async fn recreate(url: &str) -> Result<()> {
    let options: PgConnectOptions = url.parse().context("the address of Postgres")?;
    let name = options
        .get_database()
        .context("the address of Postgres names no database")?
        .replace('"', "\"\"");
    let mut server = options
        .clone()
        .database("postgres")
        .connect()
        .await
        .context("connecting to Postgres")?;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "drop database if exists \"{name}\" with (force)"
    )))
    .execute(&mut server)
    .await?;
    sqlx::raw_sql(AssertSqlSafe(format!("create database \"{name}\"")))
        .execute(&mut server)
        .await?;
    server.close().await?;
    let mut site = options.connect().await?;
    sqlx::raw_sql(include_str!("schema.sql"))
        .execute(&mut site)
        .await
        .context("creating the site's tables")?;
    Ok(())
}

pub async fn release(db: &mut PgConnection, series: &str, version: &str) -> Result<i64> {
    let sql = "insert into release (series, version) values ($1, $2)
               on conflict (series) do update set version = excluded.version returning id";
    Ok(sqlx::query_scalar(sql).bind(series).bind(version).fetch_one(db).await?)
}

/// A page, and the lock that keeps other editors off it until the transaction ends.
#[derive(sqlx::FromRow)]
pub struct Document {
    pub id: i64,
    pub release_id: i64,
}

pub async fn lock_document(db: &mut PgConnection, path: &str) -> Result<Option<Document>> {
    let sql = "select id, release_id from document where path = $1 for update";
    Ok(sqlx::query_as(sql).bind(path).fetch_optional(db).await?)
}

type Columns = (i64, Option<i64>, i32, i16, String, String, String);

/// The sections of a page, parents before their children and siblings in order.
pub async fn sections(db: &mut PgConnection, document: i64) -> Result<Vec<Stored>> {
    let sql = "select id, parent_id, position, level, title, anchor, body from section where document_id = $1 order by level, position, id";
    let rows: Vec<Columns> = sqlx::query_as(sql).bind(document).fetch_all(&mut *db).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let mut items = items(db, &ids).await?;
    let stored = |(id, parent_id, position, level, title, anchor, body): Columns| Stored {
        items: items.remove(&id).unwrap_or_default(),
        row: Row {
            id,
            parent_id,
            position,
            level,
            title,
            anchor,
            body,
        },
    };
    Ok(rows.into_iter().map(stored).collect())
}

async fn items(db: &mut PgConnection, sections: &[i64]) -> Result<HashMap<i64, Vec<(i64, Item)>>> {
    let sql =
        "select section_id, id, 'label' as sort, name as a, '' as b, '' as c from label where section_id = any($1)
               union all select section_id, id, 'object', domain, kind, name from object where section_id = any($1)
               union all select section_id, id, 'note', kind, version, '' from version_note where section_id = any($1)
               union all select section_id, id, 'xref', domain, target, '' from xref where section_id = any($1)
               order by 2";
    let rows: Vec<(i64, i64, String, String, String, String)> =
        sqlx::query_as(sql).bind(sections).fetch_all(db).await?;
    let mut items: HashMap<i64, Vec<(i64, Item)>> = HashMap::new();
    for (section, id, sort, a, b, c) in rows {
        let item = match sort.as_str() {
            "label" => Item::Label { name: a },
            "object" => Item::Object {
                domain: a,
                kind: b,
                name: c,
            },
            "note" => Item::Note { kind: a, version: b },
            _ => Item::Xref { domain: a, target: b },
        };
        items.entry(section).or_default().push((id, item));
    }
    Ok(items)
}

/// Ids for rows to come, so that a page's sections can name their parents in one statement.
pub async fn new_ids(db: &mut PgConnection, count: usize) -> Result<Vec<i64>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let sql = "select nextval(pg_get_serial_sequence('section', 'id')) from generate_series(1, $1)";
    Ok(sqlx::query_scalar(sql)
        .bind(i64::try_from(count)?)
        .fetch_all(db)
        .await?)
}

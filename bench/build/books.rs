//! The bookstore: tables, rows by a scale, and the definition of its documents.

use anyhow::{Context, Result};
use highwater::definition::Definition;
use highwater::job::apply::apply;
use highwater::job::settings::JobSettings;
use highwater::source::connect::connect_owner;
use highwater::source::{Postgres, PostgresSettings};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

const DATABASE: &str = "highwater_bench";

const TABLES: &str = include_str!("schema.sql");

/// In terms of `:books`, the number of books.
const ROWS: &str = include_str!("rows.sql");

pub const DEFINITION: &str = "
index: books
table: book
fields:
  id: long
  isbn: keyword
  title: text
  blurb: text
  price: { type: scaled_float, scaling_factor: 100 }
  pages: integer
  rating: double
  published: date
  added: date
  in_print: boolean
  publisher: { one: publisher, fields: { id: integer, name: keyword, founded: date, country: { one: country, fields: { code: keyword, name: keyword } } } }
  authors: { many: author, through: book_author, order: book_author.position, fields: { id: integer, name: text, born: date, bio: text } }
  reviews: { many: review, order: id, fields: { id: long, reviewer: keyword, stars: byte, body: text, created_at: date } }
  tags: { many: tag, through: book_tag, order: id, value: name, type: keyword }
  editions:
    many: edition
    order: id
    fields: { id: long, format: keyword, pages: integer, isbn: keyword, printings: { many: printing, order: id, fields: { id: long, no: integer, copies: integer, printed: date } } }
";

pub struct Books {
    pub count: i64,
    pub postgres: Postgres,
    pub url: String,
}

impl Books {
    /// The database of this scale, filled unless it is there already.
    pub async fn make(server: &url::Url, scale: f64) -> Result<Self> {
        let count = ((300_000.0 * scale).round() as i64).max(100);
        let mut url = server.clone();
        url.set_path(DATABASE);
        if filled(&url).await != Some(count) {
            println!("filling {DATABASE} with {count} books");
            let mut connection = PgConnection::connect(server.as_str())
                .await
                .context("the server does not answer")?;
            for statement in [
                format!("drop database if exists {DATABASE} with (force)"),
                format!("create database {DATABASE}"),
            ] {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            }
            let mut connection = PgConnection::connect(url.as_str()).await?;
            for statement in TABLES.split_inclusive(";\n").chain(ROWS.split_inclusive(';')) {
                let statement = statement.replace(":books", &count.to_string());
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            }
        }
        let settings = PostgresSettings {
            url: SecretString::from(url.as_str()),
            ..PostgresSettings::default()
        };
        let postgres = Postgres::new(&settings)?;
        let definition = Definition::parse("books.yaml", DEFINITION)?;
        let mut owner = connect_owner(&settings).await?;
        // The rows may be an earlier run's; the ledger is this version's.
        sqlx::raw_sql("drop schema if exists highwater cascade")
            .execute(&mut owner)
            .await?;
        apply(&mut owner, &[definition], postgres.role(), &JobSettings::default()).await?;
        Ok(Self {
            count,
            postgres,
            url: url.into(),
        })
    }

    /// All keys, in ranges of so many.
    pub fn ranges(&self, size: i64) -> Vec<super::Ask> {
        let starts = (0..self.count).step_by(usize::try_from(size).unwrap_or(1));
        let bound = |at: i64| (0 < at && at < self.count).then_some(at);
        starts
            .map(|start| super::Ask::Range(bound(start), bound(start + size)))
            .collect()
    }

    /// Different keys, spread over the whole table, the same for the same seed.
    pub fn random(&self, count: usize, seed: usize) -> Vec<i64> {
        let mut state = seed as u64;
        let mut keys = std::collections::BTreeSet::new();
        while keys.len() < count.min(usize::try_from(self.count).unwrap_or(count)) {
            // splitmix64, Steele, Lea and Flood 2014
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            keys.insert(((mixed ^ (mixed >> 31)) % self.count.cast_unsigned()).cast_signed() + 1);
        }
        keys.into_iter().collect()
    }
}

async fn filled(url: &url::Url) -> Option<i64> {
    let mut connection = PgConnection::connect(url.as_str()).await.ok()?;
    // The last table that is filled says that the others are.
    let printings: i64 = sqlx::query_scalar("select count(*) from printing")
        .fetch_one(&mut connection)
        .await
        .ok()?;
    let books: i64 = sqlx::query_scalar("select count(*) from book")
        .fetch_one(&mut connection)
        .await
        .ok()?;
    (printings == books * 5 / 3).then_some(books)
}

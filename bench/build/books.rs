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

const TABLES: &str = r#"
create table country (id int primary key, code text, name text);
create table publisher (id int primary key, name text, founded date, country_id int references country);
create table author (id int primary key, name text, born date, bio text);
create table book (id bigint primary key, isbn text, title text, blurb text, price numeric(10, 2), pages int, rating float8, published date,
    added timestamptz, in_print boolean, publisher_id int references publisher);
create table book_author (book_id bigint references book, author_id int references author, position int, primary key (book_id, author_id));
create table review (id bigint primary key, book_id bigint references book, reviewer text, stars smallint, body text, created_at timestamptz);
create table tag (id int primary key, name text);
create table book_tag (book_id bigint references book, tag_id int references tag, primary key (book_id, tag_id));
create table edition (id bigint primary key, book_id bigint references book, format text, pages int, isbn uuid);
create table printing (id bigint primary key, edition_id bigint references edition, no int, copies int, printed date);
create function words(seed bigint, low int, high int) returns text language sql immutable return
    left(repeat(md5(seed::text) || E' a quote \' or ", a line\n and ünï\\cödé – ' || seed, 12), low + (hashint8(seed) & 2147483647) % (high - low));
"#;

/// In terms of `:books`, the number of books.
const ROWS: &str = r"
insert into country select g, 'C' || g, 'Country ' || g from generate_series(1, 60) g;
insert into publisher select g, 'Publisher ' || words(g, 10, 30), '1900-01-01'::date + g, g % 60 + 1 from generate_series(1, greatest(:books / 150, 10)) g;
insert into author select g, 'Author ' || words(g, 10, 30), '1920-01-01'::date + g % 20000, words(g, 200, 500) from generate_series(1, greatest(:books / 6, 20)) g;
insert into book select g, '978' || g, words(g, 20, 80), words(g + 1, 300, 800), g % 10000 / 100.0, g % 900, sqrt(g), '1950-01-01'::date + (g % 25000)::int,
    '2020-01-01 00:00:00.123456+00'::timestamptz + g * interval '7 minutes', g % 3 > 0, g % greatest(:books / 150, 10) + 1 from generate_series(1, :books) g;
insert into book_author select g, (g * 7 + k * 13) % greatest(:books / 6, 20) + 1, k from generate_series(1, :books) g, generate_series(0, 1) k on conflict do nothing;
insert into review select g, g % :books + 1, 'Reviewer ' || g % 5000, g % 5 + 1, words(g, 200, 700), '2021-05-01 12:00:00+00'::timestamptz + g * interval '3 seconds 1 microsecond'
    from generate_series(1, :books * 5) g;
insert into tag select g, 'tag ' || g from generate_series(1, 500) g;
insert into book_tag select g, (g * 3 + k * 17) % 500 + 1 from generate_series(1, :books) g, generate_series(0, 3) k where (g + k) % 6 > 0 on conflict do nothing;
insert into edition select g, g % :books + 1, (array['hard', 'paper', 'audio'])[g % 3 + 1], g % 900, md5(g::text)::uuid from generate_series(1, :books * 4 / 3) g;
insert into printing select g, g % (:books * 4 / 3) + 1, g % 9, g % 30000, '1990-01-01'::date + (g % 9000)::int from generate_series(1, :books * 5 / 3) g;
create index on book_author (author_id); create index on review (book_id); create index on edition (book_id); create index on printing (edition_id);
create index on book (publisher_id); create index on publisher (country_id); create index on book_tag (tag_id);
vacuum analyze;
";

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

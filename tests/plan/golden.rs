//! Golden files. A change of them is a change of what every index shows or of what applications' transactions do:
//! read it as such.

use std::fmt::Write as _;

use highwater::catalog::Catalog;
use highwater::definition::Definition;
use highwater::plan::Plan;
use highwater::source::catalog::read_catalog;

use crate::support::postgres::TestDatabase;

pub const SCHEMA: &str = r#"
create schema other;
create type other.mood as enum ('calm', 'loud');
create table country (code char(2) primary key, name text not null);
create table publisher (id int primary key, name varchar(80), country char(2) references country);
create table category (id int primary key, parent_id int references category, name text);
create index on category (parent_id);
create table book (id bigint primary key, title text, subtitle text, price_cents int, published_on date, added timestamptz, deleted_at timestamptz,
    isbn uuid, rating numeric(3, 2), cover bytea, extra json, mood other.mood, publisher_id int references publisher, category_id int references category,
    sequel_to bigint references book, unused text);
create index on book (publisher_id);
create index on book (category_id);
create table edition (id bigint primary key, book_id bigint not null references book, year smallint, label text collate "C");
create index on edition (book_id);
create table printing (id bigint primary key, edition_id bigint not null references edition, run int, printed_at timestamp);
create index on printing (edition_id);
create table defect (id bigint primary key, printing_id bigint not null references printing, what text, severe boolean not null);
create index on defect (printing_id);
create table author (id int primary key, name text not null, bio text, deleted_at timestamptz);
create table book_author (book_id bigint references book, author_id int references author, position smallint, role text, primary key (book_id, author_id));
create index on book_author (author_id);
create table tag (id int primary key, name text);
create table book_tag (book_id bigint references book, tag_id int references tag, primary key (book_id, tag_id));
create table remark (book_id bigint references book, said text);
create table "Mixed Case" ("group" int, "a""b" text, "naïve ü" numeric, "select" int references author, primary key ("group", "a""b"));
create table other."k" ("n" int primary key, "group" int, "a""b" text, c1 text,
    foreign key ("group", "a""b") references "Mixed Case" ("group", "a""b"));
create table measure (station text, day date, value float8, primary key (station, day)) partition by range (day);
create table measure_old partition of measure for values from (minvalue) to ('2020-01-01');
create table measure_new partition of measure for values from ('2020-01-01') to (maxvalue);
create table station (name text primary key, place text);
alter table measure add foreign key (station) references station;
create table note (id int primary key, said text, kind varchar(20), about_id varchar(40), mood other.mood, number int);
create index on note (kind, about_id);
create index on note (number);
create table letter (id int primary key, sender int references author, receiver int references author);
create view shelf as select b.id, b.title, b.publisher_id, count(e.id) as editions, max(e.year) as latest
    from book b left join edition e on e.book_id = b.id where b.deleted_at is null group by b.id;
create view imprint as select s.id as shelf_id, s.title || ' by ' || p.name as label from shelf s join publisher p on p.id = s.publisher_id;
create table being (id int primary key, publisher_id int, name text);
create index on being (publisher_id);
create table mascot (colour text) inherits (being);
"#;

const PLAIN: &str = "
index: plain
table: book
fields:
  id: long
  title: { type: text, analyzer: english, fields: { raw: { type: keyword, ignore_above: 256 } } }
  added: date
  rating: { type: scaled_float, scaling_factor: 100 }
  isbn: keyword
  cover: binary
  extra: { type: object, enabled: false }
  mood: keyword
";

const RENAMED: &str = "
index: renamed
table: book
where: deleted_at is null and title <> ''
settings: { number_of_shards: 2, index: { refresh_interval: 1s } }
fields:
  price: { column: price_cents, type: long }
  price_again: { column: price_cents, type: keyword }
  year: { sql: 'extract(year from published_on)::int', type: short }
  full_title: { sql: \"coalesce(title || ': ' || subtitle, title) -- both\", type: text }
";

pub const DEEP: &str = "
index: deep
table: book
fields:
  id: long
  publisher: { one: publisher, required: true, fields: { name: keyword, country: { one: country, value: name, type: keyword } } }
  editions:
    many: edition
    type: nested
    order: [year desc nulls last, label]
    limit: 5
    fields:
      label: keyword
      printings:
        many: printing
        where: run > 0
        order: printed_at desc
        fields:
          run: integer
          defects: { many: defect, order: what, where: severe, limit: 2, fields: { what: text } }
  latest: { one: edition, order: [year desc], value: year, type: short }
  remarks: { many: remark, value: said, type: text }
";

pub const THROUGH: &str = "
index: through
table: book
tables: { author: { where: deleted_at is null } }
fields:
  authors:
    many: author
    through: book_author
    where: \"book_author.role <> 'ghost'\"
    order: [book_author.position, name]
    fields: { id: long, name: text, role: { column: book_author.role, type: keyword }, credit: { sql: \"author.name || ', ' || book_author.role\", type: keyword } }
  writers: { many: author, through: { table: book_author, where: \"role = 'writer'\" }, value: name, type: keyword }
  tags: { many: tag, through: book_tag, value: name, type: keyword }
  fellow_tags: { many: tag, through: [{ table: book_author }, author, { table: book_author, join: { book_id: book_id } }, book_tag], value: name, type: keyword }
";

pub const TREES: &str = "
index: trees
table: category
fields:
  id: integer
  name: keyword
  above: { ancestors: category, value: name, type: keyword }
  parent: { one: category, join: { parent_id: id }, fields: { name: keyword, parent: { one: category, join: { parent_id: id }, value: name, type: keyword } } }
  children: { many: category, join: { id: parent_id }, order: name, value: name, type: keyword }
  books:
    many: book
    where: deleted_at is null
    order: id
    limit: 3
    fields: { title: text, path: { ancestors: category, join: { parent_id: id }, depth: 4, value: name, type: keyword } }
";

const ODD: &str = r#"
index: odd
table: Mixed Case
fields:
  group: integer
  'a"b': keyword
  naïve ü: double
  total: { column: naïve ü, type: keyword }
  chosen: { one: author, value: name, type: keyword }
  ks: { many: other.k, order: [c1, n], fields: { n: integer, c1: keyword, back: { one: Mixed Case, value: select, type: integer } } }
"#;

const PARTED: &str = "
index: parted
table: station
key: [name]
fields:
  name: keyword
  measures: { many: measure, order: day, limit: 10, fields: { day: date, value: double } }
";

pub const AGGREGATES: &str = "
index: aggregates
table: publisher
tables: { edition: { where: year > 1900 } }
fields:
  books: { count: book, where: deleted_at is null, type: integer }
  languages: { count: book.mood, distinct: true, type: integer }
  best: { max: book.rating, type: double }
  first_label: { min: book.edition.label, type: keyword }
  first_title: { min: book.title, type: keyword }
  mean_run: { avg: edition.printing.run, through: book, type: double }
  moods: { max: book.mood, type: keyword }
  named: { many: book, order: id, fields: { id: long, authors: { count: author, through: { table: book_author, where: \"role = 'writer'\" }, where: \"book_author.position > 0\", type: integer } } }
  abroad: { one: country, fields: { code: keyword, publishers: { count: publisher, type: integer } } }
";

pub const KEYED: &str = "
index: keyed
table: book
tables: { publisher: { where: name <> '' } }
fields:
  roles: { many: author, through: book_author, by: book_author.role, order: name, value: name, type: keyword }
  editions: { many: edition, by: label, fields: { year: short, runs: { many: printing, by: id, value: run, type: flattened } } }
  by_publisher: { many: book, join: { id: sequel_to }, by: publisher.name, where: id > 0, order: id, limit: 3, value: title, type: flattened }
  years: { many: edition, value: year, distinct: true, limit: 5, type: short }
  moods: { many: book, join: { id: sequel_to }, order: rating, value: { sql: mood::text, type: keyword }, distinct: true }
";

pub const GROUPS: &str = "
index: groups
table: book
fields:
  id: long
  names: { group: { title: text, more: { group: { under: { column: subtitle, type: text }, year: { sql: 'extract(year from published_on)', type: short } } } } }
  place: { type: geo_point, group: { lat: rating, lon: { sql: price_cents / 100.0 } } }
  made: { type: object, group: { by: { one: publisher, fields: { name: keyword } }, editions: { group: { count: { count: edition, type: integer }, label: { column: subtitle, type: keyword } } } } }
  editions: { many: edition, fields: { seen: { type: integer_range, group: { gte: year, lte: year } }, about: { group: { label: keyword } } } }
";

const VALUES: &str = "
index: values
table: book
missing: drop
pipeline: enrich
fields:
  filled: { pipeline: true, type: dense_vector, dims: 3 }
  kind: { constant: book, type: keyword }
  pages: { column: extra, path: \"print's.0.pages\", type: integer }
  titles: { many: book, join: { id: sequel_to }, distinct: true, value: { column: extra, path: title, type: keyword } }
";

pub const SWITCHED: &str = "
index: switched
table: note
fields:
  said: text
  about: { switch: kind, join: { about_id: id }, cast: text, cases: { Book: { one: book, fields: { title: text, publisher: { one: publisher, value: name, type: keyword } } }, Tag: { one: tag, fields: { name: keyword } } } }
  mood: { switch: mood, join: { number: id }, cases: { calm: { one: author, value: name, type: keyword }, loud: { one: publisher, order: name, value: name, type: keyword } } }
";

pub const PLACED: &str = "
index: placed
table: book
where: added <= highwater.clock()
due: added
routing: mood
fields:
  id: long
  fresh: { sql: 'published_on > highwater.clock()', type: boolean }
  editions: { many: edition, where: year > 1900, fields: { printings: { many: printing, due: printed_at, where: printed_at < highwater.clock(), value: run, type: integer } } }
  next: { min: edition.printing.printed_at, where: printed_at > highwater.clock(), due: printing.printed_at, type: date }
";

pub const VIEWED: &str = "
index: viewed
table: publisher
views:
  shelf: { key: id, tables: { book: { id: id, publisher_id: publisher_id }, edition: { book_id: book.id } } }
fields:
  name: keyword
  shelves: { many: shelf, join: { id: publisher_id }, order: latest, fields: { title: text, tags: { many: book_tag, join: { id: book_id }, value: tag_id, type: keyword } } }
";

pub const IMPRINTS: &str = "
index: imprints
table: imprint
views:
  imprint: { key: shelf_id, tables: { book: { id: shelf_id }, edition: { book_id: shelf_id }, publisher: { id: book.publisher_id } } }
fields:
  label: text
  editions: { count: edition, join: { shelf_id: book_id }, type: integer }
";

pub const INHERITED: &str = "
index: inherited
table: being
key: id
fields:
  name: keyword
  fellows: { many: being, join: { publisher_id: publisher_id }, value: name, type: keyword }
";

/// All of them.
pub const DEFINITIONS: [&str; 16] = [
    PLAIN, RENAMED, DEEP, THROUGH, TREES, ODD, PARTED, AGGREGATES, KEYED, GROUPS, VALUES, SWITCHED, PLACED, VIEWED,
    IMPRINTS, INHERITED,
];

pub async fn catalog() -> Catalog {
    let database = TestDatabase::create().await;
    database.run(SCHEMA).await;
    read_catalog(&mut database.connect().await).await.expect("a catalog")
}

/// Oids differ from one database to the next: tables' names stand in for them.
fn without_oids(text: &str, catalog: &Catalog) -> String {
    catalog.tables.iter().fold(text.to_owned(), |text, table| {
        text.replace(
            &format!("capture_{}(", table.oid),
            &format!("capture_OID_OF_{}(", table.name),
        )
    })
}

#[tokio::test]
async fn plans_are_as_they_were() {
    let catalog = catalog().await;
    for text in DEFINITIONS {
        let definition = Definition::parse("golden.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let plan = Plan::new(&definition, &catalog).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let mut sql = plan.print();
        write!(sql, "\n-- a range: {}\n", plan.range_sql(true, true)).expect("text");
        write!(sql, "\n-- ranges: {}\n", plan.cut_sql()).expect("text");
        for warning in &plan.warnings.0 {
            write!(sql, "\n-- warning: {warning}").expect("text");
        }
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{}.sql", plan.index), sql);
            insta::assert_snapshot!(format!("{}.capture", plan.index), without_oids(&plan.print_capture(), &catalog));
            insta::assert_snapshot!(format!("{}.mapping", plan.index), serde_json::to_string_pretty(&plan.mappings).expect("JSON"));
        });
    }
}

/// Every statement is one that Postgres takes, whatever the golden files say.
#[tokio::test]
async fn every_statement_is_understood() {
    use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
    let database = TestDatabase::create().await;
    database.run(SCHEMA).await;
    database
        .run("create schema highwater; create function highwater.clock() returns timestamptz language sql stable as 'select now()'")
        .await;
    let mut connection = database.connect().await;
    let catalog = read_catalog(&mut connection).await.expect("a catalog");
    connection.execute("set search_path = pg_catalog").await.expect("set");
    for text in DEFINITIONS {
        let plan = Plan::new(&Definition::parse("golden.yaml", text).expect("sound"), &catalog).expect("sound");
        let mut statements: Vec<String> = plan.levels.iter().map(|level| level.select.sql.clone()).collect();
        statements.extend(
            [(false, false), (true, false), (false, true), (true, true)].map(|(low, high)| plan.range_sql(low, high)),
        );
        statements.extend([plan.range_keys_sql(true, true), plan.cut_sql()]);
        for fanout in &plan.fanouts {
            let ways = (!fanout.direct)
                .then_some(&fanout.by_columns)
                .into_iter()
                .chain(&fanout.by_key);
            statements.extend(ways.flat_map(|way| [way.first.clone(), way.next.clone()]));
        }
        for statement in statements {
            if let Err(error) = connection
                .prepare(AssertSqlSafe(statement.clone()).into_sql_str())
                .await
            {
                panic!("{}: {error}\n{statement}", plan.index);
            }
        }
    }
}

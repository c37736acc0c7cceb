//! A single change costs lookups, not tables: on filled tables, no statement reads one from end to end.

use highwater::definition::Definition;
use highwater::plan::{Due, Plan};
use highwater::source::catalog::read_catalog;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use super::golden::{
    AGGREGATES, DEEP, GROUPS, IMPRINTS, INHERITED, KEYED, PLACED, SCHEMA, SWITCHED, THROUGH, TREES, VIEWED,
};
use crate::support::postgres::TestDatabase;

/// Enough rows for a sequential scan to be dear, and an index on each way that has none.
const FILL: &str = "
create index on publisher (country);
create index on remark (book_id);
create index on book_author (book_id);
create index on book_tag (tag_id);
create index on book (sequel_to);
create index on book (added);
create index on printing (printed_at);
create index on mascot (id);
create index on mascot (publisher_id);
create schema highwater;
create table highwater.clock (at timestamptz);
create function highwater.clock() returns timestamptz language sql stable as 'select at from highwater.clock';
insert into country select chr(256 + g / 60) || chr(256 + g % 60), repeat('Country ', 20) || g from generate_series(0, 3599) g;
insert into publisher select g, repeat('Name ', 12) || g, chr(256 + g % 60) || chr(256 + g % 59) from generate_series(1, 9000) g;
insert into category select g, nullif(g / 3, 0), repeat('Category ', 10) || g from generate_series(1, 5000) g;
insert into book (id, title, publisher_id, category_id, added) select g, repeat('Title ', 20) || g, g % 9000 + 1, g % 5000 + 1, now() + g * interval '1 hour' from generate_series(1, 12000) g;
insert into edition select g, g % 12000 + 1, 2000 + g % 20, 'Edition ' || g from generate_series(1, 20000) g;
insert into printing select g, g % 20000 + 1, g % 5, now() + g * interval '1 hour' from generate_series(1, 30000) g;
insert into defect select g, g % 30000 + 1, 'What ' || g, g % 2 = 0 from generate_series(1, 20000) g;
insert into remark select g % 12000 + 1, 'Said ' || g from generate_series(1, 12000) g;
insert into author select g, repeat('Author ', 20) || g from generate_series(1, 5000) g;
insert into book_author select g, g * k % 5000 + 1, k, 'role' from generate_series(1, 12000) g, generate_series(1, 2) k on conflict do nothing;
insert into tag select g, repeat('Tag ', 40) || g from generate_series(1, 8000) g;
insert into book_tag select g, g * k % 8000 + 1 from generate_series(1, 12000) g, generate_series(1, 2) k on conflict do nothing;
insert into note select g, repeat('Said ', 20), case g % 2 when 0 then 'Book' else 'Tag' end, g % 8000, null, g % 5000 from generate_series(1, 20000) g;
insert into being select g, g % 4000, repeat('Being ', 10) || g from generate_series(1, 8000) g;
insert into mascot select g, g % 4000, repeat('Mascot ', 10) || g, 'red' from generate_series(8001, 16000) g;
analyze;
";

/// What every connection of the daemon sets: plans are made without knowing the values.
const SETTINGS: &str = "set jit = off; set plan_cache_mode = force_generic_plan";

async fn explain(connection: &mut PgConnection, statement: &str) -> String {
    let explained = AssertSqlSafe(format!("explain (generic_plan) {statement}"));
    let lines = sqlx::raw_sql(explained) // values are for the prepared form only
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{statement}"));
    let lines: Vec<&str> = lines.iter().map(|line| line.get(0)).collect();
    lines.join("\n")
}

/// What the clock asks: whether a moment has come, and whose.
fn of_moments(due: &Due) -> [String; 2] {
    [
        format!("SELECT {}", due.has_come("$1::timestamptz", "$2::timestamptz")),
        format!("SELECT FROM {}", due.rows("$1::timestamptz", "$2::timestamptz")),
    ]
}

#[tokio::test]
async fn no_statement_reads_a_table_that_an_index_serves() {
    let database = TestDatabase::create().await;
    database.run(SCHEMA).await;
    database.run(FILL).await;
    let mut connection = database.connect().await;
    connection.execute(SETTINGS).await.expect("set");
    let catalog = read_catalog(&mut connection).await.expect("a catalog");
    let definitions = [
        DEEP, THROUGH, TREES, AGGREGATES, KEYED, GROUPS, SWITCHED, PLACED, VIEWED, IMPRINTS, INHERITED,
    ];
    for text in definitions {
        let plan = Plan::new(&Definition::parse("scans.yaml", text).expect("sound"), &catalog).expect("sound");
        assert!(
            plan.warnings
                .0
                .iter()
                .all(|warning| !warning.to_string().contains("index serves"))
        );
        let moments: Vec<String> = plan.dues.iter().flat_map(of_moments).collect();
        let mut statements: Vec<&str> = plan.levels.iter().map(|level| level.select.sql.as_str()).collect();
        statements.extend(moments.iter().map(String::as_str));
        for fanout in &plan.fanouts {
            let ways = (!fanout.direct).then_some(&fanout.by_columns);
            let ways = ways.into_iter().chain(&fanout.by_key);
            statements.extend(ways.flat_map(|way| [way.first.as_str(), way.next.as_str()]));
        }
        for statement in statements {
            let explained = explain(&mut connection, statement).await;
            assert!(
                !explained.contains("Seq Scan"),
                "{}: {statement}\n{explained}",
                plan.index
            );
        }
    }
}

/// However many rows a document could show, a limit reads those that it does show.
#[tokio::test]
async fn a_limit_reads_no_more_rows_than_it_shows() {
    let database = TestDatabase::create().await;
    database
        .run(
            "create table book (id int primary key); create table review (id int primary key, book_id int references book, stars int);
             insert into book values (1); insert into review select g, 1, g % 6 from generate_series(1, 100000) g;
             create index on review (book_id, stars, id)",
        )
        .await;
    database.run("vacuum analyze review").await;
    let mut connection = database.connect().await;
    connection.execute(SETTINGS).await.expect("set");
    let catalog = read_catalog(&mut connection).await.expect("a catalog");
    let text = "index: limited\ntable: book\nfields:\n  reviews: { many: review, order: stars, limit: 50, value: stars, type: byte }\n";
    let plan = Plan::new(&Definition::parse("scans.yaml", text).expect("sound"), &catalog).expect("sound");
    let prepared = format!("prepare of_one as {}", plan.levels[1].select.sql);
    connection.execute(AssertSqlSafe(prepared)).await.expect("a statement");
    let lines = sqlx::raw_sql("explain (analyze, timing off, costs off) execute of_one ('{1}')")
        .fetch_all(&mut connection)
        .await
        .expect("a plan");
    let lines: Vec<&str> = lines.iter().map(|line| line.get(0)).collect();
    let read: Vec<f64> = lines
        .iter()
        .filter_map(|line| line.split("actual rows=").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    assert!(
        read.iter().all(|rows| *rows <= 50.0) && read.contains(&50.0),
        "{lines:#?}"
    );
}

//! Views, tables that others inherit from, and parts of tables: what is refused, and what is warned of.

use highwater::definition::Definition;
use highwater::plan::Plan;
use highwater::source::catalog::read_catalog;

use crate::support::postgres::TestDatabase;

const SCHEMA: &str = "
create schema other;
create function public.told(int) returns int language sql stable as 'select $1';
create table book (id int primary key, title text, author_id int, parted_id int);
create table price (id int primary key, book_id bigint, amount numeric);
create table other.rate (code text primary key, factor numeric);
create view offer as select b.id, b.title, b.author_id, min(p.amount * r.factor) as lowest
    from book b join price p on p.book_id = b.id cross join other.rate r where r.code = 'eur' group by b.id;
create view pair as select a.id as one, b.id as two from book a join book b on b.author_id = a.author_id;
create view recent as select id, now() - interval '1 day' as since from book;
create view mine as select id, current_user as who from book;
create view helped as select public.told(id) as id from book;
create view dated as select id, title::date as day from book;
create view sampled as select id from book tablesample system (10);
create view placed as select ctid::text as id from book;
create view over_recent as select id from recent;
create view relations as select b.id, c.relname::text as name from book b join pg_class c on c.relname = b.title;
create view steady as select id, title, extract(year from '2024-01-01'::timestamptz) as year, upper(title) as shouted from book;
create materialized view kept as select id from book;
create table author (id int primary key, name text);
create table parted (id int primary key) partition by range (id);
create table parted_low partition of parted for values from (0) to (100);
create foreign data wrapper nowhere;
create server nowhere foreign data wrapper nowhere;
create table mixed (id int primary key);
create foreign table far () inherits (mixed) server nowhere;
";

async fn planned(texts: &[&str]) -> Vec<Result<Plan, Vec<String>>> {
    let database = TestDatabase::create().await;
    database.run(SCHEMA).await;
    let catalog = read_catalog(&mut database.connect().await).await.expect("a catalog");
    let plan = |text: &&str| {
        let definition = Definition::parse("v.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        Plan::new(&definition, &catalog).map_err(|mistakes| {
            let said = mistakes.in_file_order().0.into_iter();
            said.map(|one| format!("{}: {} / {}", one.place, one.found, one.remedy))
                .collect()
        })
    };
    texts.iter().map(plan).collect()
}

#[tokio::test]
async fn what_is_not_known_of_a_view_is_asked_for() {
    let of = |views: &str| {
        format!(
            "index: v\ntable: author\nviews: {{ {views} }}\nfields:\n  offers: {{ many: offer, join: {{ id: author_id }}, value: title, type: text }}\n"
        )
    };
    let texts = [
        "index: v\ntable: offer\nfields:\n  id: long\n".to_owned(),
        of("offer: { key: id, tables: { book: { id: id, author_id: author_id } } }"),
        of("offer: { key: id, tables: { book: { id: id, author_id: author_id }, price: { book_id: id }, other.rate: { code: book.title } } }"),
        of("offer: { key: id, tables: { book: { id: id, author_id: author_id }, price: { book_id: price.book_id }, other.rate: { code: title }, author: { id: author_id } } }"),
        of("offer: { key: uid, tables: { book: { id: id, author_id: title }, price: { bok_id: id }, recent: { id: id } } }"),
        of("book: { key: id, tables: { book: { id: id } } }"),
        "index: v\ntable: kept\nviews: { kept: { key: id, tables: { book: { id: id } } } }\nfields:\n  id: long\n".to_owned(),
        "index: v\ntable: author\nviews: { steady: { key: id, tables: { book: { id: id } } } }\nfields:\n  a: { ancestors: steady, join: { title: shouted }, value: title, type: text }\n".to_owned(),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let said: Vec<String> = planned(&texts)
        .await
        .into_iter()
        .map(|plan| plan.expect_err("mistakes").join("\n"))
        .collect();
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("views.mistakes", said.join("\n\n"));
    });
}

#[tokio::test]
async fn a_view_that_changes_by_itself_is_refused() {
    for (view, uses) in [
        ("recent", "now()"),
        ("mine", "the clock or the session's user"),
        ("helped", "public.told(integer)"),
        ("dated", "a cast of text to date"),
        ("sampled", "a sample"),
        ("placed", "a system column"),
        ("over_recent", "now()"),
    ] {
        let text = format!(
            "index: v\ntable: {view}\nviews: {{ {view}: {{ key: id, tables: {{ book: {{ id: id }} }} }} }}\nfields:\n  name: {{ constant: a, type: keyword }}\n"
        );
        let said = planned(&[&text]).await.remove(0).expect_err("a mistake").join("\n");
        assert!(said.contains(&format!("uses {uses}")), "{view}: {said}");
    }
    let text = "index: v\ntable: relations\nviews: { relations: { key: id, tables: { book: { id: id } } } }\nfields:\n  name: keyword\n";
    let said = planned(&[text]).await.remove(0).expect_err("a mistake").join("\n");
    assert!(said.contains("also reads a table of the system"), "{said}");
    let text = "index: v\ntable: steady\nviews: { steady: { key: id, tables: { book: { id: id } } } }\nfields:\n  shouted: text\n";
    planned(&[text]).await.remove(0).expect("a plan");
}

#[tokio::test]
async fn a_table_that_is_read_twice_is_asked_about() {
    let of = |ways: &str| {
        format!(
            "index: v\ntable: pair\nviews: {{ pair: {{ key: [one, two], tables: {{ book: {ways} }} }} }}\nfields:\n  one: long\n"
        )
    };
    let texts = [of("{ author_id: author_id }"), of("{ id: one }")];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for plan in planned(&texts).await {
        plan.expect_err("neither leads to the key");
    }
    let view = "index: v\ntable: author\nviews: { pair: { key: [one, two], tables: { book: WAYS } } }\nfields:\n  pairs: { many: pair, join: { id: one }, value: two, type: long }\n";
    let (once, twice) = (
        view.replace("WAYS", "{ id: one }"),
        view.replace("WAYS", "[{ id: one }, { author_id: book.author_id }]"),
    );
    let mut plans = planned(&[&once, &twice]).await;
    assert!(
        plans
            .remove(0)
            .expect("a plan")
            .warnings
            .to_string()
            .contains("reads \"book\" 2 times, and 1 of these ways is told")
    );
    // One of a pair leads to the other by what they have in common, and that one to the pair.
    let plan = plans.remove(0).expect("a plan");
    assert_eq!(plan.warnings.to_string(), "");
    let ways: Vec<&str> = plan.fanouts.iter().map(|fanout| fanout.needs[0].as_str()).collect();
    assert_eq!(ways, ["id", "id", "author_id"]);
}

#[tokio::test]
async fn parts_of_tables_are_refused_and_so_are_foreign_parts() {
    let texts = [
        "index: v\ntable: parted_low\nfields:\n  id: long\n",
        "index: v\ntable: mixed\nkey: id\nfields:\n  id: long\n",
    ];
    let said: Vec<String> = planned(&texts)
        .await
        .into_iter()
        .map(|plan| plan.expect_err("a mistake").join("\n"))
        .collect();
    assert!(
        said[0].contains("\"parted_low\" is a part of \"parted\""),
        "{}",
        said[0]
    );
    assert!(
        said[1].contains("the foreign table \"far\" is a part of \"mixed\""),
        "{}",
        said[1]
    );
}

/// Neither would follow a view's rows: no trigger sees their old values, and nothing can be touched.
#[tokio::test]
async fn a_view_has_no_moments_and_routes_nothing() {
    let text = "index: v\ntable: steady\nrouting: title\ndue: title\nviews: { steady: { key: id, tables: { book: { id: id } } } }\nfields:\n  shouted: text\n";
    let said = planned(&[text]).await.remove(0);
    let said = said.expect_err("two mistakes");
    assert!(said[0].contains("no trigger knows the old values"), "{said:?}");
    assert!(said[1].contains("cannot be touched"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}

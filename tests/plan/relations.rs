//! Joins, orders and limits where types and nulls are awkward, on a real database.

use crate::support::exact::assert_in_step;
use crate::support::world::World;

/// Keys and links of many types, and values that SQL and arrays of text write with care.
const AWKWARD: &str = r#"
    create type size as enum ('small', 'large', 'it''s, "odd"');
    create table land (code char(3) primary key, name text);
    create table sized (size size primary key, name text);
    create table rated (rating numeric primary key, name text);
    create table k (n int primary key, c1 text);
    create table up (id int primary key, parent_id int, name text);
    create index on up (parent_id);
    create table moment (at timestamp, name text, seen boolean);
    create table small (id smallint primary key, name text);
    create table worded (word varchar(20) primary key, name text);
    create table thing (id uuid primary key, land char(3), size size, rating numeric, n bigint, up_id int references up, at date, small bigint, word text);
    insert into land values ('de', 'Germany'), ('usa', 'States');
    insert into sized values ('small', 'S'), ('it''s, "odd"', 'O');
    insert into rated values (1.50, 'one and a half'), (2, 'two');
    insert into k values (1, 'one'), (2, null);
    insert into up values (1, null, 'top'), (2, 1, 'middle'), (3, 2, 'leaf');
    insert into moment values ('2024-05-01', 'first', true), ('2024-05-01', 'second', false), ('2024-05-01', 'third', null), (null, 'never', true);
    insert into small values (1, 'one'), (-1, 'minus one');
    insert into worded values ('it''s', 'quoted'), ('a\b{c},"d"', 'odd'), ('', 'empty'), ('NULL', 'the word');
    insert into thing values
        ('00000000-0000-0000-0000-000000000001', 'de', 'it''s, "odd"', 1.5, 1, 3, '2024-05-01', 1, 'it''s'),
        ('00000000-0000-0000-0000-000000000002', 'usa', 'small', 2.00, 9000000000, 1, '2024-05-02', 90000, 'a\b{c},"d"'),
        ('00000000-0000-0000-0000-000000000003', null, null, null, null, null, null, null, null),
        ('00000000-0000-0000-0000-000000000004', 'de', 'large', 7, 2, 2, '2024-05-01', -1, ''),
        ('00000000-0000-0000-0000-000000000005', 'de', 'large', 7, 2, 2, '2024-05-01', -1, 'NULL');
"#;

const THING: &str = "
index: '{index}'
table: thing
fields:
  id: keyword
  land: { one: land, join: { land: code }, value: name, type: keyword }
  size: { one: sized, join: { size: size }, fields: { size: keyword, name: keyword } }
  rating: { one: rated, join: { rating: rating }, fields: { name: keyword, rating: double } }
  k: { one: k, join: { n: n }, where: 'n > 0', value: c1, type: keyword }
  ks: { many: k, join: { n: n }, limit: 1, where: 'c1 is not null', fields: { n: integer, c1: keyword } }
  path: { ancestors: up, join: { parent_id: id }, value: name, type: keyword }
  moments: { many: moment, join: { at: at }, where: 'seen is not false', order: name desc, value: name, type: keyword }
  small: { one: small, join: { small: id }, value: name, type: keyword }
  word: { one: worded, join: { word: word }, value: name, type: keyword }
";

const THING_TRUTH: &str = "select id::text, json_build_object('id', id,
    'land', (select name from land where code = land), 'size', (select json_build_object('size', s.size, 'name', s.name) from sized s where s.size = thing.size),
    'rating', (select json_build_object('name', name, 'rating', r.rating) from rated r where r.rating = thing.rating),
    'k', (select c1 from k where k.n = thing.n), 'ks', coalesce((select json_agg(json_build_object('n', n, 'c1', c1)) from k where k.n = thing.n and c1 is not null), '[]'),
    'path', coalesce((with recursive r as (select up.*, 1 as h from up where id = up_id union all select up.*, h + 1 from r join up on up.id = r.parent_id)
        select json_agg(name order by h desc) from r), '[]'),
    'moments', coalesce((select json_agg(name order by name desc) from moment m where m.at = thing.at and seen is not false), '[]'),
    'small', (select name from small where small.id = thing.small), 'word', (select name from worded where worded.word = thing.word)) from thing";

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_found_by_any_type_and_under_any_name() {
    let world = World::new(AWKWARD, THING).await;
    let running = world.start().await;
    assert_in_step(&world, THING_TRUTH, "after the backfill").await;
    for change in [
        "update land set name = 'Deutschland' where code = 'de'",
        "update sized set size = 'large' where size = 'small'",
        "update rated set rating = 7.000 where rating = 2",
        "update k set n = 3 where n = 1; update thing set n = 3 where n = 1",
        "update moment set at = '2024-05-02' where name = 'third'; update moment set seen = true where name = 'second'",
        "update moment set at = '2024-05-01' where at is null",
        "update small set id = 30000 where id = 1; update thing set small = 30000 where small = 90000",
        "update worded set name = 'changed' where word in ('', 'NULL', 'a\\b{c},\"d\"')",
        "update thing set word = 'it''s' where word = ''",
        "update up set parent_id = null where id = 2",
    ] {
        world.run(change).await;
        assert_in_step(&world, THING_TRUTH, change).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_with_nulls_ties_and_collations_are_postgres_own() {
    let schema = "
        create table shelf (id int primary key);
        create table item (id int primary key, shelf_id int references shelf, name text, code text collate \"C\", rank int, weight numeric, added timestamptz, mark bytea);
        create index on item (shelf_id);
        insert into shelf select generate_series(1, 4);
        insert into item select g, g % 3 + 1, (array['b', 'A', 'a', 'B', 'ä', 'aa', null, 'a b', ''])[g % 9 + 1], (array['b', 'A', 'a', 'ab', null, ''])[g % 6 + 1],
            nullif(g % 5, 3) - 2, nullif(g % 7, 2) / 4.0, '2024-01-01'::timestamptz + nullif(g % 4, 1) * interval '1 us', decode((array['00', '', '0000', 'ff', null])[g % 5 + 1], 'hex')
            from generate_series(1, 60) g";
    let orders = [
        "name",
        "name desc",
        "code desc",
        "code",
        "rank desc",
        "rank",
        "rank nulls first",
        "rank desc nulls last",
        "weight desc",
        "added, code desc",
        "mark desc",
        "mark, rank desc",
    ];
    let (mut definition, mut truth) = (
        String::from("index: '{index}'\ntable: shelf\nfields:\n  id: integer\n"),
        String::new(),
    );
    for (at, order) in orders.iter().enumerate() {
        for (name, limit, sql_limit) in [("all", "", ""), ("few", ", limit: 5", " limit 5")] {
            let field = format!("{name}_{at}");
            definition.push_str(&format!(
                "  {field}: {{ many: item, order: [{order}]{limit}, value: id, type: integer }}\n"
            ));
            truth.push_str(&format!(
                ", '{field}', coalesce((select json_agg(id) from (select id from item where shelf_id = shelf.id order by {order}, id{sql_limit}) i), '[]')"
            ));
        }
        definition.push_str(&format!(
            "  first_{at}: {{ one: item, order: [{order}], value: id, type: integer }}\n"
        ));
        truth.push_str(&format!(
            ", 'first_{at}', (select id from item where shelf_id = shelf.id order by {order}, id limit 1)"
        ));
    }
    let truth = format!("select id::text, json_build_object('id', id{truth}) from shelf");
    let world = World::new(schema, &definition).await;
    let running = world.start().await;
    assert_in_step(&world, &truth, "orders").await;
    world.run("update item set rank = 9 where id = 60; update item set shelf_id = 4 where id % 10 = 0; delete from item where id = 59").await;
    assert_in_step(&world, &truth, "after changes").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rows_for_one_are_a_dead_letter_and_a_required_row_makes_the_document() {
    let schema = "create table company (id int primary key, name text, active boolean);
        create table person (id int primary key, company_id int references company, badge text);
        create table badge (label text, colour text);
        insert into company values (1, 'one', true), (2, 'two', false);
        insert into person values (1, 1, 'x'), (2, 2, 'x'), (3, null, 'x'), (4, 1, 'y'), (5, 1, 'z');
        insert into badge values ('x', 'red'), ('y', 'green'), ('y', 'blue')";
    let definition = "
index: '{index}'
table: person
fields:
  id: integer
  company: { one: company, where: active, required: true, fields: { name: keyword, badge: { one: badge, join: { id: label }, value: colour, type: keyword } } }
  badge: { one: badge, join: { badge: label }, value: colour, type: keyword }
"
    .replace(", badge: { one: badge, join: { id: label }, value: colour, type: keyword } }", " }");
    let truth = "select p.id::text, json_build_object('id', p.id, 'company', json_build_object('name', c.name), 'badge', (select colour from badge where label = badge))
        from person p join company c on c.id = company_id and active where (select count(*) from badge where label = badge) < 2";
    let world = World::new(schema, &definition).await;
    let running = world.start().await;
    assert_in_step(&world, truth, "after the backfill").await;
    world
        .until(
            "(select count(*) = 1 and min(key) = '4' and min(reason) like 'field badge: %2 rows%' from highwater.dead)",
        )
        .await;
    for change in [
        "update company set active = not active",
        "update person set company_id = 2 where id = 3",
        "delete from badge where colour = 'blue'",
        "insert into badge values ('x', 'second')",
        "truncate badge",
    ] {
        world.run(change).await;
        // A dead letter's document stays as it was; what is compared are the others.
        world.settled().await;
        world.until("(select count(*) >= 0 from highwater.dead)").await;
        let (truth, found) = (
            crate::support::exact::truth(&world, truth).await,
            crate::support::exact::found(&world).await,
        );
        let dead: Vec<String> = sqlx::query_scalar("select key from highwater.dead")
            .fetch_all(&world.pool)
            .await
            .expect("keys");
        let found = found.into_iter().filter(|(id, _)| !dead.contains(id)).collect();
        let truth = truth.into_iter().filter(|(id, _)| !dead.contains(id)).collect();
        crate::support::exact::assert_same(&truth, &found, change);
    }
    running.stop().await;
}

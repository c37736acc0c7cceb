//! Views: nothing tells that their rows change but the rows beneath them.

use crate::support::exact::{assert_in_step, assert_in_step_after};
use crate::support::world::World;

/// An offer is there only while its product has a price, so that a deleted price takes it away.
const SCHEMA: &str = "
create table maker (id int primary key, name text);
create table product (id int primary key, maker_id int references maker, name text, hidden bool not null default false);
create table price (id int primary key, product_id bigint, amount numeric);
create table badge (id int primary key, product_id int, label text);
create index on product (maker_id);
create index on price (product_id);
create index on badge (product_id);
create view priced as select product_id, min(amount) as lowest, count(*) as prices from price group by product_id;
create view offer as select p.id::bigint as id, p.maker_id, p.name, priced.lowest, priced.prices from product p join priced on priced.product_id = p.id where not hidden;
insert into maker select g, 'Maker ' || g from generate_series(1, 4) g;
insert into product select g, g % 4 + 1, 'Product ' || g from generate_series(1, 12) g;
insert into price select g, g % 12 + 1, g / 2.0 from generate_series(1, 30) g;
insert into badge select g, g % 12 + 1, 'Badge ' || g from generate_series(1, 20) g;
";

const OFFERS: &str = "
index: '{index}'
table: offer
views:
  offer: { key: id, tables: { product: { id: id }, price: { product_id: id } } }
fields:
  name: text
  lowest: double
  prices: integer
  maker: { one: maker, join: { maker_id: id }, value: name, type: keyword }
  badges: { many: badge, join: { id: product_id }, value: label, type: keyword }
";

const OFFERS_TRUTH: &str = "select o.id::text, json_build_object('name', o.name, 'lowest', o.lowest, 'prices', o.prices,
    'maker', (select m.name from maker m where m.id = o.maker_id),
    'badges', coalesce((select json_agg(b.label order by b.id) from badge b where b.product_id = o.id), '[]')) from offer o";

const MAKERS: &str = "
index: '{index}'
table: maker
views:
  offer: { key: id, tables: { product: { id: id, maker_id: maker_id }, price: { product_id: product.id } } }
fields:
  name: text
  offers:
    many: offer
    join: { id: maker_id }
    order: lowest
    fields: { id: integer, lowest: double, badges: { many: badge, join: { id: product_id }, value: label, type: keyword } }
";

const MAKERS_TRUTH: &str = "select m.id::text, json_build_object('name', m.name, 'offers', coalesce((select json_agg(json_build_object('id', o.id, 'lowest', o.lowest,
        'badges', coalesce((select json_agg(b.label order by b.id) from badge b where b.product_id = o.id), '[]')) order by o.lowest, o.id)
    from offer o where o.maker_id = m.id), '[]')) from maker m";

const STATEMENTS: [&str; 14] = [
    "update price set amount = 0.25 where id = 7",
    "update price set product_id = 3 where id = 8",
    "delete from price where product_id = 5", // the offer goes with its last price
    "insert into price values (100, 5, 7.50)",
    "update product set hidden = true where id = 6",
    "update product set hidden = false where id = 6",
    "update product set maker_id = 4 where id = 4",
    "update product set maker_id = 2 where id in (4, 8); delete from price where product_id = 8", // moved and gone at once
    "begin; delete from price where product_id = 9; update product set maker_id = 1 where id = 9; insert into price values (101, 9, 1); commit",
    "update product set id = 112 where id = 12; update price set product_id = 112 where product_id = 12",
    "update badge set product_id = 1 where id = 3",
    "delete from product where id = 10",
    "truncate price",
    "insert into price select g, g % 12 + 1, g from generate_series(1, 30) g",
];

async fn every_statement(definition: &str, truth: &str) {
    let world = World::new(SCHEMA, definition).await;
    world.configure(&[definition], "jobs: { drift_every: 200ms }\n");
    let running = world.start().await;
    assert_in_step_after(&world, &STATEMENTS, truth).await;
    // Another text gives other rows, and no row beneath it has changed.
    world
        .run("create or replace view priced as select product_id, max(amount) as lowest, count(*) as prices from price group by product_id")
        .await;
    world
        .until("(select count(*) from highwater.capture where table_name = 'price') = 2")
        .await;
    assert_in_step(&world, truth, "another text").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_view_are_documents() {
    every_statement(OFFERS, OFFERS_TRUTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_view_are_followed_up() {
    every_statement(MAKERS, MAKERS_TRUTH).await;
}

/// By hand, where only the key of a row beneath the view is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_touch_beneath_a_view_reaches_what_has_left_it() {
    let world = World::new(SCHEMA, OFFERS).await;
    let running = world.start().await;
    world
        .run("begin; alter table product disable trigger highwater_update; update product set hidden = true where id = 6;
              alter table product enable always trigger highwater_update; commit; select highwater.touch('product', '6')")
        .await;
    assert_in_step(&world, OFFERS_TRUTH, "a touch by key").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_key_is_no_document_and_two_with_one_are_a_dead_letter() {
    let schema = "create table part (id int primary key, code text, name text);
        create view coded as select code, name from part;
        insert into part select g, 'c' || g, 'Part ' || g from generate_series(1, 5) g; insert into part values (6, null, 'Nameless')";
    let definition = "index: '{index}'\ntable: coded\nviews: { coded: { key: code, tables: { part: { code: code } } } }\nfields: { name: text }\n";
    let truth = "select code, json_build_object('name', name) from part where code is not null";
    let world = World::new(schema, definition).await;
    let running = world.start().await;
    assert_in_step(&world, truth, "after the backfill").await;
    world.run("update part set code = 'c1' where id = 2").await;
    world.settled().await;
    world
        .until("(select array_agg(key) = '{c1}' and bool_and(reason like 'several rows have this key%') from highwater.dead)")
        .await;
    assert!(!world.documents().await.contains_key("c2"), "c2 has no row");
    world.run("update part set code = 'c2' where id = 2").await;
    assert_in_step(&world, truth, "apart again").await;
    running.stop().await;
}

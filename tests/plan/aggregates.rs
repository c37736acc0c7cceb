//! One value over many rows, whatever changes on the way to them; digits as Postgres writes them.

use crate::support::exact::assert_in_step;
use crate::support::world::World;

const SCHEMA: &str = r"
create schema shop;
create type size as enum ('small', 'medium', 'large');
create table book (id bigint primary key, title text);
create table edition (id int primary key, book_id bigint references book on delete cascade on update cascade, hidden boolean not null default false);
create index on edition (book_id);
create table shop.printing (id int primary key, edition_id int references edition on delete cascade, price numeric, paid numeric(10, 2), run int, big bigint,
    weight float8, light float4, size size, made date, code uuid, land char(4), name text);
create index on shop.printing (edition_id);
create table person (id int primary key, name text);
create table review (book_id bigint references book on delete cascade on update cascade, person_id int references person, stars smallint, spam boolean, primary key (book_id, person_id));
create index on review (person_id);
create table visit (a int, b text, hits int);
create table page (a int, b text, primary key (a, b));
insert into book select g, 'Book ' || g from generate_series(1, 12) g;
insert into edition select g, g % 10 + 1, g % 7 = 0 from generate_series(1, 30) g;
insert into shop.printing select g, g % 28 + 1, (array[1.5, 1.50, 2, null, 10.125, -3])[g % 6 + 1], nullif(g % 9, 4) * 1.25, nullif(g % 5, 2) * 100000000, nullif(g, 50) * 1000000000000,
    g / 7.0 * (case when g % 2 = 0 then 1e9 else 1 end), g / 3.0, (enum_range(null::size))[g % 4], '2024-01-01'::date + g,
    md5(g::text)::uuid, (array['a', 'b', 'ab'])[g % 3 + 1], (array['ä', 'Z', 'a', null, ''])[g % 5 + 1]
    from generate_series(1, 90) g;
insert into person select g, 'Person ' || g % 5 from generate_series(1, 9) g;
insert into review select g % 11 + 1, g % 9 + 1, g % 5, g % 4 = 0 from generate_series(1, 60) g;
insert into page values (1, 'x'), (1, 'y'), (2, 'x');
insert into visit values (1, 'x', 1), (1, 'x', 2), (1, 'y', null), (null, 'x', 3), (2, 'z', 4);
";

const BOOKS: &str = "
index: '{index}'
table: book
fields:
  id: long
  reviews: { count: review, where: spam is not true, type: integer }
  reviewers: { count: review.person.name, distinct: true, type: integer }
  stars: { avg: review.stars, type: double }
  printings: { count: edition.shop.printing, type: integer }
  cheapest: { min: edition.shop.printing.price, type: scaled_float, scaling_factor: 1000 }
  dearest: { max: shop.printing.price, through: { table: edition, where: not hidden }, type: double }
  paid: { sum: edition.shop.printing.paid, where: run > 0, type: double }
  least_paid: { min: edition.shop.printing.paid, type: double }
  run: { sum: edition.shop.printing.run, type: long }
  mean_run: { avg: edition.shop.printing.run, type: double }
  big: { sum: edition.shop.printing.big, type: double }
  weight: { sum: edition.shop.printing.weight, type: double }
  light: { avg: edition.shop.printing.light, type: double }
  size: { max: edition.shop.printing.size, type: keyword }
  made: { min: edition.shop.printing.made, type: date }
  code: { min: edition.shop.printing.code, type: keyword }
  land: { max: edition.shop.printing.land, type: keyword }
  name: { min: edition.shop.printing.name, type: keyword }
  editions: { many: edition, fields: { id: integer, most: { max: shop.printing.run, type: integer } } }
";

/// `{printings}` are those of the book.
const TRUTH: &str = "select id::text, json_build_object('id', id,
    'reviews', (select count(*) from review where book_id = book.id and spam is not true),
    'reviewers', (select count(distinct name) from review join person on person.id = person_id where book_id = book.id),
    'stars', (select avg(stars) from review where book_id = book.id),
    'printings', (select count(*) from {printings}),
    'cheapest', (select price from {printings} where price is not null order by price, price::text collate \"C\" limit 1),
    'dearest', (select price from {printings} where not hidden and price is not null order by price desc, price::text collate \"C\" limit 1),
    'paid', (select sum(paid) from {printings} where run > 0), 'least_paid', (select min(paid) from {printings}),
    'run', (select sum(run) from {printings}), 'mean_run', (select avg(run) from {printings}), 'big', (select sum(big) from {printings}),
    'weight', (select sum(weight order by weight) from {printings}), 'light', (select avg(light order by light) from {printings}),
    'size', (select max(size) from {printings}), 'made', (select min(made) from {printings}),
    'code', (select code from {printings} where code is not null order by code limit 1),
    'land', (select max(land) from {printings}), 'name', (select min(name) from {printings}),
    'editions', coalesce((select json_agg(json_build_object('id', e.id, 'most', (select max(run) from shop.printing where edition_id = e.id))
        order by e.id) from edition e where book_id = book.id), '[]')) from book";

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_follow_every_row_of_their_path() {
    let truth = TRUTH.replace(
        "{printings}",
        "(select x.*, e.hidden from edition e join shop.printing x on x.edition_id = e.id where e.book_id = book.id) p",
    );
    let world = World::new(SCHEMA, BOOKS).await;
    let running = world.start().await;
    assert_in_step(&world, &truth, "after the backfill").await;
    for change in [
        "update shop.printing set price = 0.10 where id = 9",
        "update shop.printing set price = 0.1 where id = 9", // the same number in other digits
        "update shop.printing set edition_id = 3 where edition_id = 4", // both editions' books
        "update shop.printing set edition_id = null where id in (1, 2)",
        "update edition set book_id = 12 where id in (5, 6)",
        "update edition set hidden = not hidden where book_id = 2",
        "delete from shop.printing where edition_id = 8",
        "delete from edition where id = 9",
        "insert into shop.printing (id, edition_id, price, run, paid) values (1000, 1, 1.500, 5, 0.10), (1001, 1, 1.5, null, 0.2)",
        "update review set spam = true where book_id = 3",
        "update review set person_id = 8, book_id = 12 where book_id = 4 and person_id = (select min(person_id) from review where book_id = 4)",
        "update person set name = 'Person 0' where id < 5",
        "update book set id = 100 where id = 1",
        "truncate shop.printing",
        "delete from review",
    ] {
        world.run(change).await;
        assert_in_step(&world, &truth, change).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_are_found_by_several_columns_and_by_nulls() {
    let definition = "
index: '{index}'
table: page
fields:
  visits: { count: visit, join: { a: a, b: b }, type: integer }
  hits: { sum: visit.hits, join: { a: a, b: b }, type: integer }
  of_a: { count: visit, join: { a: a }, where: 'hits is not null', type: integer }
";
    let truth = "select a || ',' || b, json_build_object('visits', (select count(*) from visit v where v.a = page.a and v.b = page.b),
        'hits', (select sum(hits) from visit v where v.a = page.a and v.b = page.b),
        'of_a', (select count(*) from visit v where v.a = page.a and hits is not null)) from page";
    let world = World::new(SCHEMA, definition).await;
    let running = world.start().await;
    assert_in_step(&world, truth, "after the backfill").await;
    for change in [
        "update visit set b = 'x' where b = 'y'",
        "update visit set hits = null where a = 1",
        "update visit set a = 2 where a is null",
        "update page set b = 'z' where a = 2",
        "delete from visit where a = 2",
    ] {
        world.run(change).await;
        assert_in_step(&world, truth, change).await;
    }
    running.stop().await;
}

//! Objects made of columns of one row, with what hangs on it in between.

use crate::support::exact::assert_in_step;
use crate::support::world::World;

const SCHEMA: &str = "
create table country (code text primary key, name text);
create table town (id int primary key, name text, country text references country, latitude float8, longitude numeric, founded int, left_in int);
create table event (id int primary key, title text, town_id int references town, street text, doors int, starts int, ends int, fee float8);
create index on event (town_id);
create table ticket (id int primary key, event_id int references event, seat text, floor int);
create index on ticket (event_id);
insert into country values ('de', 'Germany'), ('it', 'Italy');
insert into town values (1, 'Ulm', 'de', 48.4, 9.99, 850, null), (2, 'Rome', 'it', 41.9, null, null, null), (3, 'Nowhere', null, null, null, null, 5);
insert into event select g, 'Event ' || g, nullif(g % 4, 0), nullif('Street ' || g % 3, 'Street 1'), g, nullif(g % 5, 2), 10 + nullif(g % 3, 1), g / 2.0 from generate_series(1, 12) g;
insert into ticket select g, g % 12 + 1, nullif('Seat ' || g, 'Seat 7'), nullif(g % 4, 2) from generate_series(1, 30) g;
";

const DEFINITION: &str = "
index: '{index}'
table: event
fields:
  place:
    group:
      street: keyword
      town: { one: town, fields: { name: keyword, at: { type: geo_point, group: { lat: latitude, lon: longitude } }, age: { type: integer_range, group: { gte: founded, lte: left_in } } } }
      inner: { group: { doors: { column: doors, type: integer }, tickets: { count: ticket, type: integer } } }
  title: text
  terms: { group: { fee: double, hours: { type: integer_range, group: { gte: starts, lt: { sql: ends + 1 } } }, deeper: { type: object, group: { double_fee: { sql: fee * 2, type: double } } } } }
  tickets: { many: ticket, fields: { where: { group: { seat: keyword, floor: integer } } } }
  last: { group: { seats: { many: ticket, order: id desc, limit: 2, value: seat, type: keyword } } }
";

const TRUTH: &str = "select e.id::text, json_build_object(
    'place', json_build_object('street', street,
        'town', (select json_build_object('name', name, 'at', case when latitude is not null and longitude is not null then json_build_object('lat', latitude, 'lon', longitude) end,
            'age', case when founded is not null or left_in is not null then json_strip_nulls(json_build_object('gte', founded, 'lte', left_in)) end) from town where id = town_id),
        'inner', json_build_object('doors', doors, 'tickets', (select count(*) from ticket where event_id = e.id))),
    'title', title,
    'terms', json_build_object('fee', fee, 'hours', case when starts is not null or ends is not null then json_strip_nulls(json_build_object('gte', starts, 'lt', ends + 1)) end,
        'deeper', json_build_object('double_fee', fee * 2)),
    'tickets', coalesce((select json_agg(json_build_object('where', json_build_object('seat', seat, 'floor', floor)) order by id) from ticket where event_id = e.id), '[]'),
    'last', json_build_object('seats', coalesce((select json_agg(seat order by id desc) from (select * from ticket where event_id = e.id order by id desc limit 2) t), '[]')))
    from event e";

#[tokio::test(flavor = "multi_thread")]
async fn groups_hold_columns_and_what_hangs_on_the_row() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "after the backfill").await;
    for change in [
        "update town set longitude = 12.50 where id = 2",
        "update town set latitude = null where id = 1",
        "update town set founded = 1, left_in = null where id = 3",
        "update event set street = 'New' where id = 3",
        "update event set starts = null, ends = null where id = 4",
        "update event set fee = 'NaN' where id = 5; update event set fee = 1 where id = 5",
        "update ticket set event_id = 1 where id = 9",
        "update ticket set seat = 'moved' where event_id = 2",
        "truncate ticket",
    ] {
        world.run(change).await;
        assert_in_step(&world, TRUTH, change).await;
    }
    world.run("update event set fee = 'NaN' where id = 6").await;
    world
        .until("(select count(*) = 1 and min(key) = '6' and min(reason) like 'field terms.fee (column fee of %NaN%' from highwater.dead)")
        .await;
    running.stop().await;
}

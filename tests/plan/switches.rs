//! Rows of one of several tables, by a column that says which; keys of unequal types.

use crate::support::exact::assert_in_step;
use crate::support::world::World;

const SCHEMA: &str = "
create type kind as enum ('a', 'b', 'c');
create table person (id int primary key, name text);
create table post (id bigint primary key, title text, person_id int references person);
create table product (id uuid primary key, name text, price numeric, hidden boolean not null default false);
create table video (code char(6) primary key, name text);
create table comment (id int primary key, body text, about_type text, about_id varchar(50));
create index on comment (about_type, about_id);
create table mark (id int primary key, comment_id int references comment on delete cascade, sort smallint, target int);
create index on mark (comment_id);
create index on mark (target);
create table vote (id int primary key, kind kind, target text);
insert into person select g, 'Person ' || g from generate_series(1, 3) g;
insert into post values (1, 'One', 1), (2, 'Two', 2), (9223372036854775807, 'Last', null), (-5, 'Minus', 3);
insert into product values ('00000000-0000-0000-0000-00000000000a', 'A', 1.50), ('00000000-0000-0000-0000-00000000000b', 'B', null);
insert into video values ('v1', 'Video'), ('2', 'Two');
insert into comment values (1, 'x', 'Post', '1'), (2, 'x', 'Post', '01'), (3, 'x', 'Post', '9223372036854775807'), (4, 'x', 'Post', '99999999999999999999'), (5, 'x', 'Post', '-5'),
    (6, 'x', 'Product', '00000000-0000-0000-0000-00000000000a'), (7, 'x', 'Product', '00000000-0000-0000-0000-00000000000A'), (8, 'x', 'Product', 'no uuid'), (9, 'x', 'Video', 'v1'),
    (10, 'x', 'Video', '2'), (11, 'x', 'Post', '2'), (12, 'x', 'Unknown', '1'), (13, 'x', null, '1'), (14, 'x', 'Post', null), (15, 'x', 'it''s', '1'), (16, 'x', 'Post', 'word');
insert into mark select g, g % 16 + 1, g % 3, g % 4 from generate_series(1, 40) g;
insert into vote values (1, 'a', '1'), (2, 'b', '1'), (3, 'c', '1'), (4, null, '1'), (5, 'a', '2');
";

const DEFINITION: &str = "
index: '{index}'
table: comment
fields:
  body: text
  subject:
    switch: about_type
    join: { about_id: id }
    cast: text
    cases:
      Post: { one: post, fields: { title: text, author: { one: person, value: name, type: keyword }, comments: { count: comment, join: { id: about_id }, cast: text, where: about_type = 'Post', type: integer } } }
      Product: { one: product, where: not hidden, fields: { name: keyword, price: double } }
      Video: { one: video, join: { about_id: code }, cast: text, fields: { name: keyword } }
      it's: { one: person, fields: { name: keyword } }
  marks: { many: mark, fields: { id: integer, of: { switch: sort, missing: drop, join: { target: id }, cases: { 0: { one: person, value: name, type: keyword }, 1: { one: post, value: title, type: keyword } } } } }
";

const TRUTH: &str = "select c.id::text, json_build_object('body', body, 'subject', case about_type
        when 'Post' then (select json_build_object('title', title, 'author', (select name from person where id = person_id),
            'comments', (select count(*) from comment o where o.about_id = p.id::text and o.about_type = 'Post')) from post p where p.id::text = about_id)
        when 'Product' then (select json_build_object('name', name, 'price', price) from product p where p.id::text = about_id and not hidden)
        when 'Video' then (select json_build_object('name', name) from video v where v.code::text = about_id)
        when 'it''s' then (select json_build_object('name', name) from person p where p.id::text = about_id) end,
    'marks', coalesce((select json_agg(case when of is null then json_build_object('id', id) else json_build_object('id', id, 'of', of) end order by id) from (select m.id,
        case sort when 0 then (select name from person p where p.id = target) when 1 then (select title from post p where p.id = target) end as of from mark m where comment_id = c.id) t), '[]'))
    from comment c";

#[tokio::test(flavor = "multi_thread")]
async fn one_case_applies_and_every_case_is_followed() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "after the backfill").await;
    for change in [
        "update post set title = 'New' where id = 1",
        "update post set title = 'New' where id in (-5, 9223372036854775807)",
        "update product set price = 2.50",
        "update product set hidden = true where price is not null",
        "update video set name = 'Renamed'",
        "update person set name = name || '!'",
        "update comment set about_type = 'Video' where id = 11", // the same key, another table
        "update comment set about_type = 'Post', about_id = '2' where id in (8, 12, 13)",
        "update comment set about_id = '1' where about_id = '01'",
        "update post set id = 7 where id = 2",
        "insert into post values (2, 'Back', 1)",
        "delete from post where id = 1",
        "update video set code = 'v2' where code = 'v1'",
        "update mark set sort = (sort + 1) % 3",
        "update mark set target = 2 where id < 9",
        "truncate product",
        "delete from comment where id = 3",
    ] {
        world.run(change).await;
        assert_in_step(&world, TRUTH, change).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_may_be_by_an_enum_and_below_it_anything_may_hang() {
    let definition = "
index: '{index}'
table: vote
fields:
  of: { switch: kind, join: { target: id }, cast: text, cases: { a: { one: post, value: title, type: keyword }, b: { one: person, value: name, type: keyword }, z: { one: person, value: name, type: keyword } } }
";
    let truth = "select v.id::text, json_build_object('of', case kind when 'a' then (select title from post where id::text = target)
        when 'b' then (select name from person where id::text = target) end) from vote v";
    let world = World::new(SCHEMA, definition).await;
    let running = world.start().await;
    assert_in_step(&world, truth, "after the backfill").await;
    for change in [
        "update vote set kind = 'b' where id = 1",
        "update person set name = 'New' where id = 1",
        "update vote set kind = 'a' where kind is null",
    ] {
        world.run(change).await;
        assert_in_step(&world, truth, change).await;
    }
    running.stop().await;
}

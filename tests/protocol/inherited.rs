//! Tables that others inherit from: a query of one reads the rows of all, and a statement may name any of them.

use crate::support::exact::{assert_in_step, assert_in_step_after, assert_same, found, truth};
use crate::support::world::World;

const SCHEMA: &str = "
create table shelter (id int primary key, name text);
create table animal (id int primary key, shelter_id int, name text);
create table dog (breed text) inherits (animal);
create table puppy (weeks int) inherits (dog);
create index on animal (shelter_id);
create index on dog (shelter_id);
create index on puppy (shelter_id);
insert into shelter select g, 'Shelter ' || g from generate_series(1, 5) g;
insert into animal select g, g % 5 + 1, 'Animal ' || g from generate_series(1, 10) g;
insert into dog select g, g % 5 + 1, 'Dog ' || g, 'mutt' from generate_series(11, 20) g;
insert into puppy select g, g % 5 + 1, 'Puppy ' || g, 'mutt', g from generate_series(21, 30) g;
";

const SHELTERS: &str = "
index: '{index}'
table: shelter
fields:
  name: text
  animals: { many: animal, join: { id: shelter_id }, order: name, fields: { id: integer, name: text } }
";

const ANIMALS: &str = "
index: '{index}'
table: animal
key: id
fields:
  name: text
  shelter: { one: shelter, join: { shelter_id: id }, value: name, type: keyword }
";

const SHELTERS_TRUTH: &str = "select s.id::text, json_build_object('name', s.name, 'animals', coalesce(
    (select json_agg(json_build_object('id', a.id, 'name', a.name) order by a.name, a::text) from animal a where a.shelter_id = s.id), '[]')) from shelter s";

const ANIMALS_TRUTH: &str = "select a.id::text, json_build_object('name', a.name, 'shelter', (select s.name from shelter s where s.id = a.shelter_id)) from animal a";

const STATEMENTS: [&str; 12] = [
    "insert into dog values (40, 1, 'New dog', 'poodle')",
    "insert into puppy values (41, 1, 'New puppy', 'poodle', 3)",
    "update animal set name = name || '!' where id in (1, 11, 21)", // by the table above, in all three
    "update only animal set name = 'Only' where id in (2, 12)",
    "update dog set shelter_id = 5 where id in (13, 23)", // its own and those below
    "update puppy set weeks = 9",                         // what no document shows
    "update animal set id = id + 100 where id in (3, 14, 24)",
    "delete from animal where id in (4, 15, 25)",
    "delete from puppy where id = 26",
    "truncate puppy",
    "insert into puppy select g, g % 5 + 1, 'Again ' || g, 'mutt', 1 from generate_series(21, 30) g",
    "truncate animal",
];

async fn every_statement(definition: &str, truth: &str) {
    let world = World::new(SCHEMA, definition).await;
    world.configure(&[definition], "jobs: { drift_every: 200ms }\n");
    let running = world.start().await;
    assert_in_step_after(&world, &STATEMENTS, truth).await;
    world.run("create table cat (lives int) inherits (animal)").await;
    world
        .until("(select count(*) = 4 from pg_trigger where tgname like 'highwater%' and tgrelid = 'cat'::regclass)")
        .await;
    world.run("insert into cat values (50, 2, 'Cat', 9)").await;
    assert_in_step(&world, truth, "a table that inherits later").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_heirs_are_followed_up() {
    every_statement(SHELTERS, SHELTERS_TRUTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_heirs_are_documents() {
    every_statement(ANIMALS, ANIMALS_TRUTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_an_heir_repeats_is_a_dead_letter() {
    let world = World::new(SCHEMA, ANIMALS).await;
    let running = world.start().await;
    world
        .run("insert into dog values (1, 1, 'Twin', 'mutt'); update animal set name = 'Other' where id = 2")
        .await;
    world.settled().await;
    world
        .until("(select array_agg(key) = '{1}' and bool_and(reason like 'several rows have this key%') from highwater.dead)")
        .await;
    // What is known of it stays as it was; nothing else waits for it.
    let before = truth(&world, &format!("{ANIMALS_TRUTH} where a.name <> 'Twin'")).await;
    assert_same(&before, &found(&world).await, "beside the twin");
    world.run("delete from dog where id = 1").await;
    assert_in_step(&world, ANIMALS_TRUTH, "without the twin").await;
    world.until("not exists (select from highwater.dead)").await;
    running.stop().await;
}

//! `init`: what it writes for schemas that were not made for it is run as it is, and both sides compared.

use crate::plan::golden;
use crate::support::world::World;

/// Everything that names and keys can be.
const AWKWARD: &str = r#"
create schema "Other";
create type mood as enum ('calm', 'loud');
create type size as (width int, height int);
create domain label as varchar(40);
create table "Person" ("Id" uuid primary key, "Full Name" label, mood mood, born date, moods mood[], place point, data jsonb, raw bytea, "a.b" int, "_id" int, "null" text,
    found tsvector, size size, sizes size[], stay tstzrange, seen inet, spans datemultirange, cost numeric(12, 2), big numeric, notes varchar(4000), "it's" text, host cidr,
    "x""y" int, boss uuid references "Person", "on" bool);
create table account ("Id" uuid primary key references "Person", opened timestamptz);
create table letter (id int primary key, sender uuid not null references "Person", receiver_id uuid references "Person", body text, "Person" int);
create table friend (one uuid references "Person", other uuid references "Person", since date, primary key (one, other));
create table "group" (tenant int, name text, title text, primary key (tenant, name));
create table member (tenant int, name text, person uuid references "Person", role text, foreign key (tenant, name) references "group", primary key (tenant, name, person));
create table "Other"."dotted.name" (id int primary key, tenant int, name text, foreign key (tenant, name) references "group");
create table remark (person uuid references "Person", said text);
create table parted (id int, person uuid references "Person", primary key (id)) partition by range (id);
create table parted_low partition of parted for values from (0) to (100);
create table parted_high partition of parted default;
create view seen as select * from "Person";
create table lonely (code text not null unique, n int);
create table keyless (n int);
insert into "Person" ("Id", "Full Name", mood, born, moods, place, data, raw, "a.b", "_id", "null", found, size, sizes, stay, seen, spans, cost, big, notes, "it's", host, "x""y", boss, "on")
  select ('00000000-0000-0000-0000-' || lpad(g::text, 12, '0'))::uuid, 'Person ' || g, (array['calm', 'loud'])[g % 2 + 1]::mood, date '2000-01-01' + g, '{calm,NULL}', point(g * 30, g * 20),
    (array['{"a": 1}', '[1, 2]', '"text"', '7', 'null'])[g % 5 + 1]::jsonb, '\x00', g, g, 'null', 'a b'::tsvector, row(1, g)::size, array[row(g, null)::size], tstzrange('2024-01-01', null), '10.0.0.1',
    '{[2024-01-01,2024-02-01)}', g + 0.25, 1e30, repeat('word ', 500), 'it''s', '10.0.0.0/8', g, case when g > 1 then '00000000-0000-0000-0000-000000000001'::uuid end, g % 2 = 0
  from generate_series(1, 12) g;
insert into account select "Id", now() from "Person" where "a.b" % 2 = 0;
insert into letter select g, ('00000000-0000-0000-0000-' || lpad((g % 12 + 1)::text, 12, '0'))::uuid, ('00000000-0000-0000-0000-' || lpad((g % 5 + 1)::text, 12, '0'))::uuid, 'body', g from generate_series(1, 40) g;
insert into friend select p."Id", q."Id", '2024-01-01' from "Person" p, "Person" q where p."a.b" < q."a.b" and (p."a.b" + q."a.b") % 3 = 0;
insert into "group" select t, n, n || t from generate_series(1, 3) t, unnest(array['a', 'b,c', '']) n;
insert into member select tenant, name, "Id", 'role' from "group", "Person" where ("a.b" + tenant) % 4 = 0;
insert into "Other"."dotted.name" select g, g % 3 + 1, 'a' from generate_series(1, 9) g;
insert into remark select "Id", 'said' from "Person"; insert into remark values (null, 'nobody');
insert into parted select g, ('00000000-0000-0000-0000-' || lpad((g % 12 + 1)::text, 12, '0'))::uuid from generate_series(90, 120) g;
insert into lonely values ('x', 1), ('', 2);
insert into keyless values (1);
"#;

const BOOKS: &str = r#"
insert into country values ('de', 'Germany'), ('fr', 'France');
insert into publisher select g, 'Publisher ' || g, 'de' from generate_series(1, 3) g;
insert into category select g, nullif(g / 2, 0), 'Category ' || g from generate_series(1, 8) g;
insert into book (id, title, price_cents, published_on, added, isbn, rating, cover, extra, mood, publisher_id, category_id, sequel_to)
  select g, 'Title ' || g, g * 100, '2024-01-01', now(), gen_random_uuid(), 4.25, '\x00', '{"a": [1]}', 'calm', g % 3 + 1, g % 8 + 1, nullif(g - 1, 0) from generate_series(1, 30) g;
insert into edition select g, g % 30 + 1, 2000 + g % 20, 'Edition ' || g from generate_series(1, 90) g;
insert into printing select g, g, g % 4, now() from generate_series(1, 90) g;
insert into author select g, 'Author ' || g, 'bio' from generate_series(1, 10) g;
insert into book_author select b, b % 10 + 1, 1, 'writer' from generate_series(1, 30) b;
insert into tag select g, 'Tag ' || g from generate_series(1, 5) g;
insert into book_tag select b, b % 5 + 1 from generate_series(1, 30) b;
insert into letter values (1, 1, 2), (2, 2, 1);
"#;

const SITE: &str = "
insert into release (series, version) values ('1', '1.0'), ('2', '2.0');
insert into document (release_id, path, title) select g % 2 + 1, 'path ' || g, 'Title ' || g from generate_series(1, 6) g;
insert into section (document_id, parent_id, position, level, title, anchor, body) select g % 6 + 1, nullif(g / 3, 0), g, 1, 'Section ' || g, 'a' || g, 'Body' from generate_series(1, 60) g;
insert into label (section_id, name) select g, 'label ' || g from generate_series(1, 30) g;
insert into object (section_id, domain, kind, name) select g, 'py', 'class', 'name ' || g from generate_series(1, 40) g;
insert into version_note (section_id, kind, version) select g, 'added', '1.0' from generate_series(1, 20) g;
";

/// What the program writes.
pub fn written(world: &World, arguments: &[&str]) -> String {
    let output = world
        .program(&[&["init", "--root"], arguments].concat())
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// The same text under the index's own name.
fn renamed(text: &str) -> String {
    let (before, rest) = text.split_once("\nindex: ").expect("an index");
    let (_, after) = rest.split_once('\n').expect("a line");
    format!("{before}\nindex: '{{index}}'\n{after}")
}

/// Runs what is written as it stands, and has both sides compared.
pub async fn assert_runs(world: &World, text: &str, documents: u32) {
    world.configure(&[&renamed(text)], "");
    let running = world.start().await;
    world.settled().await;
    let output = world.program(&["verify"]).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let wanted = format!("{documents} documents compared, 0 differences\n");
    assert!(output.status.success() && told.ends_with(&wanted), "{told}\n{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bookstore() {
    let world = World::new(&format!("{}{BOOKS}", golden::SCHEMA), "").await;
    let text = written(&world, &["book"]);
    insta::assert_snapshot!("init.book", text);
    assert_runs(&world, &text, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bookstore_seen_from_the_side() {
    let world = World::new(&format!("{}{BOOKS}", golden::SCHEMA), "").await;
    assert_runs(&world, &written(&world, &["author", "--depth", "3"]), 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bookstore_that_is_measured() {
    let rows = include_str!("../../bench/build/rows.sql")
        .replace(":books", "40")
        .replace("vacuum analyze;", "");
    let world = World::new(&format!("{}{rows}", include_str!("../../bench/build/schema.sql")), "").await;
    assert_runs(&world, &written(&world, &["book", "--depth", "3"]), 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_s_site() {
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/schema.sql")).expect("a schema");
    let world = World::new(&format!("{schema}{SITE}"), "").await;
    assert_runs(&world, &written(&world, &["section"]), 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_keys_of_every_kind() {
    let world = World::new(AWKWARD, "").await;
    let text = written(&world, &["Person"]);
    insta::assert_snapshot!("init.awkward", text);
    assert_runs(&world, &text, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_an_awkward_schema() {
    let tables = [
        ("letter", 40),
        ("group", 9),
        ("member", 27),
        ("Other.dotted.name", 9),
        ("parted", 31),
        ("lonely", 2),
        ("friend", 22),
    ];
    for (table, documents) in tables {
        let world = World::new(AWKWARD, "").await;
        assert_runs(&world, &written(&world, &[table, "--depth", "1"]), documents).await;
    }
}

/// More fields and nested arrays than Elasticsearch takes unless told otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_very_many_around_it() {
    let schema = "create table hub (id int primary key); insert into hub select generate_series(1, 3);
        do $$ declare columns text := (select string_agg(format('c%s int', g), ', ') from generate_series(1, 20) g); begin for i in 1..60 loop
            execute format('create table spoke_%s (id int primary key, hub_id int references hub, %s)', i, columns);
            execute format('create index on spoke_%s (hub_id)', i);
            execute format('insert into spoke_%s (id, hub_id, c1) select g, g %% 3 + 1, g from generate_series(1, 300) g', i);
        end loop; end $$";
    let world = World::new(schema, "").await;
    let text = written(&world, &["hub"]);
    assert!(text.contains("index.mapping.total_fields.limit") && text.contains("index.mapping.nested_fields.limit"));
    assert_runs(&world, &text, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_root_is_said() {
    let world = World::new(AWKWARD, "").await;
    for (root, said, code) in [
        ("keyless", "has no primary key", 78),
        ("seen", "is a view", 78),
        ("nothing", "there is no table", 64),
    ] {
        let output = world
            .program(&["init", "--root", root])
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(said), "{told}");
    }
    // A file that is there is left alone.
    let file = world.config_file();
    let before = std::fs::read_to_string(&file).expect("a file");
    let taken = world
        .program(&["init", "--root", "letter", "--output", file.to_str().expect("a path")])
        .output();
    assert_eq!(taken.expect("the program runs").status.code(), Some(64));
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), before);
}

//! Keys of every type: each row has a document of its own, under the id that SQL, written by hand, says it has.

use crate::support::exact::assert_in_step;
use crate::support::world::World;

const SCHEMA: &str = r#"
create type size as enum ('small', 'a,b', 'a\,b');
create table worded (word text primary key, n int);
create table counted (amount numeric primary key, n int);
create table dated (day date primary key, n int);
create table fixed (code char(4) primary key, n int);
create table tuple (word text, id uuid, amount numeric, size size, yes bool, small smallint, day date, at timestamptz, raw bytea, n int,
    primary key (word, amount, id, size, yes, small, day, at, raw));
create table pair (b text, a text, n int, primary key (a, b));
insert into worded select word, row_number() over (order by word) from unnest(array['', '#', '##', ',', '\', '\,', 'a,b', ' ', 'a b', 'A', 'a', 'é', '�', E'\n', '"', '#sha256-',
    repeat('x', 512), repeat('x', 513), repeat('é', 256), repeat('é', 257), repeat('#', 511), repeat('#', 512), repeat('y', 2000), '../..', '%2F', '?', '1', '01']) word;
insert into counted values (0, 1), (1.50, 2), (-0.001, 3), (123456789012345678901234567890.5, 4), (1e20, 5);
insert into dated values ('2024-02-29', 1), ('0044-03-15 BC', 2), ('infinity', 3), ('-infinity', 4), ('12024-01-01', 5);
insert into fixed values ('a', 1), ('ab', 2), ('', 3), (' a', 4);
insert into tuple values ('a,b', '00000000-0000-0000-0000-000000000001', 1.0, 'small', true, -1, '2024-01-01', '2024-01-01 01:00+02', '\x00ff', 1),
    ('a', '00000000-0000-0000-0000-000000000001', 1.00, 'a,b', false, 1, '2024-01-01', '2024-01-01', '\x', 2),
    ('a', '00000000-0000-0000-0000-000000000001', 1.00, 'a\,b', false, 1, '2024-01-01', '2024-01-01', '\x', 3),
    (repeat('long', 200), '00000000-0000-0000-0000-000000000002', 0, 'small', true, 0, 'infinity', '-infinity', '\x2c', 4);
insert into pair select b, a, row_number() over () from unnest(array['', ',', '\', 'x', '#', '\,', ',\']) a, unnest(array['', ',', '\', 'x', '#', '\,', ',\']) b;
do $$ begin execute format('alter database %I set timezone = ''UTC''', current_database()); end $$;
"#;

/// The id for a key's text, by the rules of docs/DEFINITION.md.
const ID: &str = "case when octet_length(escaped) > 512 then '#sha256-' || encode(sha256(convert_to(key, 'UTF8')), 'hex') else escaped end";

/// What the documents of a table with these key columns are.
fn truth(table: &str, key: &[&str]) -> String {
    let text = |column: &&str| format!("{column}::text");
    let escaped = |column: &&str| format!(r"replace(replace({column}::text, '\', '\\'), ',', '\,')");
    let key = match key {
        [single] => text(single),
        several => several.iter().map(escaped).collect::<Vec<_>>().join(" || ',' || "),
    };
    format!(
        "select {ID}, json_build_object('n', n) from (select key, n, case when key = '' then '#' when key like '#%' then '#' || key else key end as escaped \
         from (select {key} as key, n from {table}) as keys) as ids"
    )
}

const TABLES: [(&str, &[&str]); 6] = [
    ("worded", &["word"]),
    ("counted", &["amount"]),
    ("dated", &["day"]),
    ("fixed", &["code"]),
    (
        "tuple",
        &["word", "amount", "id", "size", "yes", "small", "day", "at", "raw"],
    ),
    ("pair", &["a", "b"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_a_document_of_its_own() {
    for (table, key) in TABLES {
        let definition = format!("index: '{{index}}'\ntable: {table}\nfields: {{ n: integer }}\n");
        let world = World::new(SCHEMA, &definition).await;
        let running = world.start().await;
        let truth = truth(table, key);
        assert_in_step(&world, &truth, &format!("{table} after the backfill")).await;
        world
            .run(&format!("update {table} set n = n + 100 where n % 2 = 0"))
            .await;
        assert_in_step(&world, &truth, &format!("{table} after changes")).await;
        let other = match table {
            "worded" => "update worded set word = word || ',' where n % 3 = 0",
            "counted" => {
                "update counted set amount = 1.5 where amount = 1.50; update counted set amount = 2 where amount = 0"
            }
            "dated" => "update dated set day = '2024-03-01' where day = 'infinity'",
            "fixed" => "update fixed set code = 'ba' where code = 'ab'",
            "tuple" => "update tuple set word = 'b', amount = 1.000 where n = 1",
            _ => r"update pair set a = a || '\\!' where n % 2 = 1",
        };
        world.run(other).await;
        assert_in_step(&world, &truth, &format!("{table} after other keys")).await;
        world.run(&format!("delete from {table} where n % 4 < 2")).await;
        assert_in_step(&world, &truth, &format!("{table} after deletes")).await;
        running.stop().await;
    }
}

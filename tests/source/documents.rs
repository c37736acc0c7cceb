//! Every type from a row to a document that Elasticsearch takes, against one statement written by hand.

use sqlx::Row;

use crate::support::exact::assert_in_step;
use crate::support::world::World;

/// The expected side is put together under the settings of a build, so the database has them.
const SCHEMA: &str = r#"
do $$ begin
    execute format('alter database %I set timezone = ''UTC''', current_database());
    execute format('alter database %I set intervalstyle = ''iso_8601''', current_database());
    execute format('alter database %I set lc_monetary = ''C''', current_database());
end $$;
create schema kinds;
create type kinds.mood as enum ('calm', 'it''s "loud"');
create type pair as (name text, size numeric, at timestamptz);
create domain cents as int check (value >= 0);
create domain moods as kinds.mood[];
create type hours as range (subtype = time);
create type addresses as range (subtype = inet);
create type vector as (a real, b real);
create function reals(vector) returns real[] language sql immutable strict as 'select array[$1.a, $1.b]';
create cast (vector as real[]) with function reals(vector);
create type geography as (x float8, y float8);
create function place(geography) returns point language sql immutable strict as 'select point($1.x, $1.y)';
create cast (geography as point) with function place(geography);
create table thing (id int primary key, yes bool, small int2, big int8, single float4, double float8, exact numeric, word text, fixed char(5), name name,
    day date, clock time, zoned timetz, moment timestamp, instant timestamptz, span interval, uid uuid, raw bytea, loose json, tight jsonb,
    mood kinds.mood, moods moods, cents cents, pair pair, pairs pair[], bits bit(3), cash money, marks bytea[], spans interval[], numbers numeric[], square int[],
    whole int4range, wide int8range, amount numrange, period tsrange, stay tstzrange, days daterange, weeks daterange[], opening hours, hosts addresses, seasons datemultirange,
    host inet, net cidr, spot point, path point[], vector vector, site geography, lon float8, lat float8, since date, until date);
insert into thing values
  (1, true, -32768, 9223372036854775807, 1.5, 0.1, 1234567890123456789012345678901234567890.10, E'a\n"b"\\ é', 'ab', 'c',
   '2024-02-29', '24:00', '12:30:00.5+05:30', '2024-02-29 01:02:03.000001', '2024-02-29 01:02:03.120+02', '1 year 2 mons -3 days 04:05:06.7', '00112233-4455-6677-8899-aabbccddeeff', '\x00ff61', E'{"b": 1.0,\n "a": [ ]}', '{"b": 1.0, "a": {}}',
   'it''s "loud"', '{calm,NULL,"it''s \"loud\""}', 7, row('x', 1.50, '2024-01-01 00:00+01'), array[row('y', null, null)::pair, null], '101', 12.5, array['\x00ff'::bytea, null], '{1 day,-00:00:01}', '{1.0,NULL,-0.05}', '{{1,2},{3,NULL}}',
   '[1,5)', '(,9223372036854775806]', '(1.50,2.5]', '[2024-01-01,2024-02-01 00:00:00.5)', '["2024-01-01 00:00+02",infinity)', '[2024-01-01,)', '{"[2024-01-01,2024-01-08)",NULL,empty}', '[08:00,17:30)', '[10.0.0.1,10.0.0.9]', '{[2024-01-01,2024-02-01),[2024-06-01,)}',
   '192.168.0.1', '10.1.0.0/16', '(13.4,52.5)', '{"(13.4,52.5)","(0,-1.5)"}', row(0.5, -1), row(2.25, 48.5), 7.5, 51.25, '2024-01-01', '2024-12-31'),
  (3, false, 0, 0, 0, -0.25, 0.00, '', '', '',
   '0001-01-01', '00:00', '00:00+00', '1970-01-01', '1970-01-01 00:00+00', '0', '00000000-0000-0000-0000-000000000000', '', 'null', '[]',
   'calm', '{}', 0, row(null, null, null), '{}', '000', -1, '{}', '{}', '{}', '{}',
   'empty', '(,)', 'empty', '(,)', '(-infinity,)', 'empty', '{}', 'empty', '(,)', '{}',
   '2001:db8::1', '2001:db8::/32', '(0,0)', '{}', row(0, 0), row(0, 0), 0, 0, null, null);
insert into thing (id) values (2);
"#;

const DEFINITION: &str = "
index: '{index}'
table: thing
fields:
  yes: boolean
  small: short
  big: long
  single: float
  double: double
  exact: { type: keyword }
  word: text
  fixed: keyword
  name: keyword
  day: date
  clock: keyword
  zoned: keyword
  moment: date
  instant: date_nanos
  span: keyword
  uid: keyword
  raw: binary
  loose: { type: object, enabled: false }
  tight: { type: object, enabled: false }
  mood: keyword
  moods: keyword
  cents: integer
  pair: { type: object, enabled: false }
  pairs: { type: object, enabled: false }
  bits: keyword
  cash: keyword
  marks: binary
  spans: keyword
  numbers: double
  square: integer
  whole: integer_range
  whole_text: { column: whole, type: keyword }
  wide: long_range
  amount: double_range
  period: date_range
  stay: date_range
  days: date_range
  weeks: date_range
  opening: { type: date_range, format: HH:mm:ss }
  hosts: ip_range
  seasons: date_range
  host: ip
  host_range: { column: host, type: ip_range }
  net: ip_range
  spot: geo_point
  spot_text: { column: spot, type: keyword }
  path: geo_point
  vector: float
  site: geo_point
  place: { sql: 'point(lon, lat)', type: geo_point }
  valid: { sql: \"daterange(since, until, '[]')\", type: date_range }
  moment_range: { sql: 'tstzrange(instant, null)', type: date_range }
";

/// Of a range `v`, as Elasticsearch has it.
const RANGE: &str = "case when v is null or isempty(v) then null else json_strip_nulls(json_build_object(
    case when lower_inc(v) then 'gte' else 'gt' end, lower(v), case when upper_inc(v) then 'lte' else 'lt' end, upper(v))) end";

fn truth() -> String {
    let range = |value: &str| {
        RANGE
            .replace("(v)", &format!("({value})"))
            .replace("when v is", &format!("when {value} is"))
    };
    let point = |value: &str| {
        format!("case when {value} is not null then json_build_object('lon', ({value})[0], 'lat', ({value})[1]) end")
    };
    let each = |of: &str, value: &str| {
        format!(
            "case when {of} is not null then coalesce((select json_agg({value} order by n) from unnest({of}) with ordinality as e(v, n)), '[]') end"
        )
    };
    let base64 = |value: &str| format!("translate(encode({value}, 'base64'), E'\\n', '')");
    let (days, marks) = (each("weeks", &range("v")), each("marks", &base64("v")));
    // The open end of `stay` is infinity, which is left out.
    let stay = range(
        "tstzrange(nullif(lower(stay), '-infinity'), nullif(upper(stay), 'infinity'), case when lower_inf(stay) or lower(stay) = '-infinity' then '()' else '[)' end)",
    );
    let pairs = [
        ("raw", base64("raw")),
        ("marks", marks),
        ("whole", range("whole")),
        ("whole_text", "whole::text".to_owned()),
        ("wide", range("wide")),
        ("amount", range("amount")),
        ("period", range("period")),
        ("stay", format!("case when stay is not null then {stay} end")),
        ("days", range("days")),
        ("weeks", days),
        ("opening", range("opening")),
        ("hosts", range("hosts")),
        ("seasons", each("seasons", &range("v"))),
        ("host", "host".to_owned()),
        ("host_range", "text(host)".to_owned()),
        ("spot", point("spot")),
        ("spot_text", "spot::text".to_owned()),
        ("path", each("path", &point("v"))),
        (
            "vector",
            "case when vector is not null then json_build_array((vector).a, (vector).b) end".to_owned(),
        ),
        (
            "site",
            "case when site is not null then json_build_object('lon', (site).x, 'lat', (site).y) end".to_owned(),
        ),
        ("place", point("point(lon, lat)")),
        ("valid", range("daterange(since, until, '[]')")),
        ("moment_range", range("tstzrange(instant, null)")),
    ];
    let same = [
        "yes", "small", "big", "single", "double", "exact", "word", "fixed", "name", "day", "clock", "zoned", "moment",
        "instant", "span", "uid", "loose", "tight", "mood", "moods", "cents", "pair", "pairs", "bits", "cash", "spans",
        "numbers", "square", "net",
    ];
    // `json_build_object` takes no more than 100 arguments.
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(same.map(|name| (name, name)))
        .map(|(name, value)| format!("select id, '{name}' as name, to_json({value}) as value from thing"))
        .collect();
    format!(
        "select id::text, json_object_agg(name, value) from ({}) as pairs group by id",
        pairs.join(" union all ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_becomes_what_elasticsearch_takes() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    let letters = sqlx::query("select concat_ws(' ', key, reason) from highwater.dead")
        .fetch_all(&world.pool)
        .await
        .expect("letters");
    let letters: Vec<String> = letters.iter().map(|row| row.get(0)).collect();
    assert_eq!(letters, [""; 0]);
    assert_in_step(&world, &truth(), "after the backfill").await;
    world
        .run("update thing set whole = '[7,8)', vector = row(1, 2), mood = 'calm', path = '{\"(1,2)\"}', numbers = '{7.10}' where id = 1")
        .await;
    assert_in_step(&world, &truth(), "after a change").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_json_cannot_hold_is_a_dead_letter_that_names_the_column() {
    let schema = "create table shelf (id int primary key);
        create table book (id int primary key, shelf_id int references shelf, price_paid numeric, added timestamptz, spans tstzrange, weights float8[]);
        create index on book (shelf_id);
        insert into shelf select generate_series(1, 6);
        insert into book values (1, 1, 'NaN', now(), null, '{1}'), (2, 2, 1, 'infinity', null, '{1}'), (3, 3, 1, now(), null, '{1,NaN}'),
            (4, 4, 1, now(), '(,-infinity]', null), (5, 5, 1, now(), '[-infinity,infinity]', '{}'), (6, 6, 0, null, null, null)";
    let definition = "
index: '{index}'
table: shelf
fields:
  books:
    many: book
    fields: { price: { column: price_paid, type: double }, added: date, spans: date_range, weights: double }
";
    let world = World::new(schema, definition).await;
    let running = world.start().await;
    world.settled().await;
    let letters = sqlx::query("select key, reason from highwater.dead order by key")
        .fetch_all(&world.pool)
        .await
        .expect("letters");
    let letters: Vec<(String, String)> = letters.iter().map(|row| (row.get(0), row.get(1))).collect();
    let nan = "the value is NaN, which JSON cannot hold";
    let infinite = "the value is infinite, which JSON cannot hold";
    let letter = |key: &str, field: &str, column: &str, why: &str| {
        (
            key.to_owned(),
            format!("field books.{field} (column {column} of book): {why}"),
        )
    };
    assert_eq!(
        letters,
        [
            letter("1", "price", "price_paid", nan),
            letter("2", "added", "added", infinite),
            letter("3", "weights", "weights", nan),
            letter("4", "spans", "spans", infinite),
        ]
    );
    assert_eq!(world.documents().await.into_keys().collect::<Vec<_>>(), ["5", "6"]);
    running.stop().await;
}

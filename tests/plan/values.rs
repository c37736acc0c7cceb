//! Constants, what a path within JSON leads to, and what becomes of null; fields that a pipeline fills.

use elasticsearch::http::Method;
use serde_json::json;

use crate::support::exact::assert_in_step;
use crate::support::world::World;

const SCHEMA: &str = r#"
create table maker (id int primary key, name text, extra jsonb);
create table thing (id int primary key, name text, label text, extra json, more jsonb, maker_id int references maker);
create index on thing (maker_id);
insert into maker values (1, 'One', '{"town": {"name": "Ulm"}}'), (2, null, '{"town": null}'), (3, 'Three', null);
insert into thing values (1, 'a', null, '{"size": [ {"h": 1.50, "a.b": "dotted"}, 7 ], "it''s \"": [1,  2]}', '{"deep": {"er": {"x": 1e2, "y": null}}}', 1),
    (2, null, 'label', '{"size": null}', '[1, {"deep": 5}]', 2), (3, 'c', 'label', null, null, 3), (4, 'd', null, '"text"', '{"deep": {"er": "word"}}', null);
"#;

const DEFINITION: &str = r#"
index: '{index}'
table: thing
missing: drop
fields:
  kind: { constant: thing, type: keyword }
  boosts: { constant: [1, 2.5], type: double }
  facts: { constant: { a: "x\"y", b: true }, type: object, enabled: false }
  name: text
  label: { type: keyword, missing: keep }
  height: { column: extra, path: size.0.h, type: double }
  dotted: { column: extra, path: 'size.0."a.b"', type: keyword, missing: keep }
  odd: { column: extra, path: '"it''s """', type: integer }
  deeper: { column: more, path: deep.er, type: object, enabled: false }
  second: { column: more, path: '1.deep', type: integer }
  both: { group: { name: keyword, label: { type: keyword, missing: keep } } }
  point: { type: geo_point, group: { lat: { column: more, path: '1.deep' }, lon: id } }
  maker: { one: maker, fields: { name: keyword, town: { column: extra, path: town.name, type: keyword }, things: { count: thing, type: integer }, most: { max: thing.label, type: keyword } } }
  kept: { one: maker, missing: keep, fields: { name: keyword, kind: { constant: maker, type: keyword }, town: { column: extra, path: town.name, type: keyword, missing: drop } } }
  maker_name: { one: maker, value: name, type: keyword }
  siblings: { many: thing, join: { maker_id: maker_id }, order: id, value: name, type: keyword }
  labels: { many: thing, join: { maker_id: maker_id }, order: id, fields: { label: keyword } }
"#;

const TRUTH: &str = "select t.id::text, (select json_object_agg(key, value) from json_each(json_build_object('kind', 'thing', 'boosts', '[1,2.5]'::json, 'facts', '{\"a\":\"x\\\"y\",\"b\":true}'::json,
    'name', t.name, 'label', t.label, 'height', t.extra #> '{size,0,h}', 'dotted', t.extra #> '{size,0,a.b}', 'odd', t.extra -> 'it''s \"',
    'deeper', more -> 'deep' -> 'er', 'second', more -> 1 -> 'deep',
    'both', case when t.name is null then json_build_object('label', label) else json_build_object('name', t.name, 'label', label) end,
    'point', case when more -> 1 -> 'deep' is not null then json_build_object('lat', more -> 1 -> 'deep', 'lon', t.id) end,
    'maker', (select json_strip_nulls(json_build_object('name', name, 'town', extra -> 'town' -> 'name', 'things', (select count(*) from thing s where s.maker_id = m.id),
        'most', (select max(label) from thing s where s.maker_id = m.id))) from maker m where m.id = t.maker_id),
    'kept', (select case when extra -> 'town' -> 'name' is null then json_build_object('name', name, 'kind', 'maker')
        else json_build_object('name', name, 'kind', 'maker', 'town', extra -> 'town' -> 'name') end from maker m where m.id = t.maker_id),
    'maker_name', (select name from maker m where m.id = t.maker_id),
    'siblings', coalesce((select json_agg(name order by id) from thing s where s.maker_id = t.maker_id), '[]'),
    'labels', coalesce((select json_agg(json_strip_nulls(json_build_object('label', label)) order by id) from thing s where s.maker_id = t.maker_id), '[]')))
    where key in ('label', 'dotted', 'kept') or value::text <> 'null') from thing t";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_left_out_where_it_is_wanted_so() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "after the backfill").await;
    for change in [
        "update thing set name = null where id = 1",
        "update thing set label = 'x' where id in (1, 4)",
        r#"update thing set extra = '{"size": [{"h": 2}]}', more = '{"deep": {"er": []}}' where id = 2"#,
        r#"update thing set extra = '{"size": [{"h": null}]}', more = '{"deep": {"er": null}}' where id = 3"#,
        "update thing set maker_id = null where id = 1",
        r#"update maker set extra = '{"town": {"name": "Rome"}}' where id = 3"#,
        "update maker set name = null",
        "delete from thing where id = 2",
    ] {
        world.run(change).await;
        assert_in_step(&world, TRUTH, change).await;
    }
    running.stop().await;
}

/// The pipeline has no processors: this is about the way through it, and about what happens while it is not there.
#[tokio::test(flavor = "multi_thread")]
async fn documents_pass_through_the_pipeline_and_wait_for_it() {
    let definition = "
index: '{index}'
table: thing
pipeline: '{index}-pipeline'
fields:
  name: text
  filled: { pipeline: true, type: keyword }
";
    let truth = "select id::text, json_build_object('name', name) from thing";
    let world = World::new(SCHEMA, definition).await;
    let running = world.start_with(world.config());
    world
        .until(
            "(select count(*) > 0 from highwater.parked) or exists (select from highwater.job where state <> 'done')",
        )
        .await;
    let path = format!("/_ingest/pipeline/{}-pipeline", world.index);
    let (status, answer) = world.ask(Method::Put, &path, Some(json!({ "processors": [] }))).await;
    assert_eq!(status, 200, "{answer}");
    world.live().await;
    assert_in_step(&world, truth, "after the backfill").await;
    world
        .run("update thing set name = 'new' where id = 2; delete from thing where id = 1")
        .await;
    assert_in_step(&world, truth, "after changes").await;
    world.until("not exists (select from highwater.dead)").await;
    running.stop().await;
    world.ask(Method::Delete, &path, None).await;
}

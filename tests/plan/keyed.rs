//! Objects keyed by a column, and lists that hold each value once.

use elasticsearch::http::Method;

use crate::support::exact::{assert_in_step, found, truth};
use crate::support::world::World;

const SCHEMA: &str = r#"
create table product (id int primary key, name text);
create table attribute (id int primary key, code text, hidden boolean not null default false);
create table attr_value (product_id int references product on delete cascade, attribute_id int references attribute, val text, weight numeric, primary key (product_id, attribute_id));
create index on attr_value (attribute_id);
create table translation (product_id int references product on delete cascade, language text, since int, title text, words text[], primary key (product_id, language, since));
create table shop (id int primary key, name text, city text);
create table offer (product_id int references product on delete cascade, shop_id int references shop, price numeric(10, 2), grade char(2), primary key (product_id, shop_id));
create index on offer (shop_id);
insert into product select g, 'Product ' || g from generate_series(1, 8) g;
insert into attribute select g, (array['colour', 'size', 'odd "key" \ with', 'größe', null, 'a.b'])[g] from generate_series(1, 6) g;
insert into attr_value select p, a, 'value ' || p * a, nullif(p * a % 7, 3) / 4.0 from generate_series(1, 7) p, generate_series(1, 6) a where (p + a) % 3 > 0;
insert into translation select p, l, s, l || ' title ' || p || s, array[l, 'word' || s] from generate_series(1, 7) p, unnest('{de,en,fr}'::text[]) l, generate_series(1, 2) s where (p + s) % 4 > 0;
insert into shop select g, 'Shop ' || g % 3, (array['Berlin', 'Ulm', null])[g % 3 + 1] from generate_series(1, 6) g;
insert into offer select p, s, p * s + 0.5, (array['a', 'b'])[(p + s) % 2 + 1] from generate_series(1, 7) p, generate_series(1, 6) s where (p * s) % 4 > 0;
"#;

const DEFINITION: &str = "
index: '{index}'
table: product
tables: { attribute: { where: not hidden } }
fields:
  id: integer
  attributes: { many: attr_value, by: attribute.code, value: val, type: flattened }
  titles: { many: translation, by: language, order: since desc, value: title, type: text, analyzer: english }
  translations: { many: translation, by: language, order: since desc, fields: { title: { type: text }, words: keyword, since: { column: since, type: integer } } }
  prices: { many: shop, through: offer, by: offer.grade, order: [offer.price, id], where: 'offer.price > 1', limit: 4,
    value: offer.price, type: float, coerce: false }
  weights: { many: attr_value, by: attribute_id, value: weight, type: double }
  cities: { many: shop, through: offer, value: city, distinct: true, type: keyword }
  names: { many: shop, through: offer, order: offer.price desc, value: name, distinct: true, limit: 2, type: keyword }
  grades: { many: offer, order: grade desc, value: { sql: 'upper(grade)', type: keyword }, distinct: true }
  loads: { many: attr_value, value: weight, distinct: true, limit: 3, type: double }
";

const TRUTH: &str = "select p.id::text, json_build_object('id', p.id,
    'attributes', coalesce((select json_object_agg(code, val) from attr_value v join attribute a on a.id = attribute_id where product_id = p.id and not hidden and code is not null), '{}'),
    'titles', coalesce((select json_object_agg(language, title) from (select distinct on (language) * from translation where product_id = p.id order by language, since desc) t), '{}'),
    'translations', coalesce((select json_object_agg(language, json_build_object('title', title, 'words', words, 'since', since))
        from (select distinct on (language) * from translation where product_id = p.id order by language, since desc) t), '{}'),
    'prices', coalesce((select json_object_agg(grade, price) from (select distinct on (grade) grade::text as grade, price
        from (select * from offer where product_id = p.id and price > 1 order by price, shop_id limit 4) o order by grade, price, shop_id) t), '{}'),
    'weights', coalesce((select json_object_agg(attribute_id, weight) from attr_value v where product_id = p.id), '{}'),
    'cities', coalesce((select json_agg(city order by city) from (select distinct city from offer join shop s on s.id = shop_id where product_id = p.id) t), '[]'),
    'names', coalesce((select json_agg(name order by dearest desc) from (select name, max(price) as dearest from offer join shop s on s.id = shop_id
        where product_id = p.id group by name order by dearest desc limit 2) t), '[]'),
    'grades', coalesce((select json_agg(upper(grade) order by grade desc) from (select distinct grade from offer where product_id = p.id) t), '[]'),
    'loads', coalesce((select json_agg(weight order by weight) from (select distinct weight from attr_value where product_id = p.id order by weight limit 3) t), '[]'))
    from product p";

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_follow_every_table_they_come_from() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "after the backfill").await;
    for change in [
        "update attribute set code = 'weight' where id = 2",
        "update attribute set code = null where id = 1",
        "update attribute set code = 'new' where id = 5",
        "update attribute set hidden = not hidden where id in (3, 4)",
        "update attr_value set attribute_id = 5 where product_id = 1 and attribute_id = 3",
        "update attr_value set product_id = 8 where product_id = 2 and attribute_id = 3",
        "update translation set language = 'pt' where language = 'fr' and since = 2",
        "update translation set since = 9 where since = 1 and product_id = 1",
        "delete from translation where language = 'de'",
        "update offer set grade = 'c' where shop_id = 3",
        "update offer set price = price * 2 where product_id = 3",
        "update shop set city = 'Ulm' where id < 4",
        "update shop set name = 'Shop 0'",
        "truncate attr_value",
        "delete from product where id = 4",
    ] {
        world.run(change).await;
        assert_in_step(&world, TRUTH, change).await;
    }
    // What each key's value is, the definition says, also where Elasticsearch met the key only now.
    let (_, mapping) = world
        .ask(Method::Get, &format!("/{}/_mapping", world.index), None)
        .await;
    let mapping = mapping
        .as_object()
        .and_then(|indexes| indexes.values().next())
        .expect("an index");
    let fields = &mapping["mappings"]["properties"];
    assert_eq!(fields["titles"]["properties"]["pt"]["analyzer"], "english");
    assert_eq!(
        fields["translations"]["properties"]["pt"]["properties"]["words"]["type"],
        "keyword"
    );
    assert_eq!(fields["translations"]["properties"]["pt"]["dynamic"], "strict");
    assert_eq!(fields["prices"]["properties"]["c"]["coerce"], false);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rows_with_one_key_are_a_dead_letter_where_no_order_is_written() {
    let definition = "
index: '{index}'
table: product
fields:
  id: integer
  titles: { many: translation, by: language, value: title, type: flattened }
";
    let truth_of = "select p.id::text, json_build_object('id', p.id, 'titles', coalesce((select json_object_agg(language, title) from translation where product_id = p.id), '{}'))
        from product p where not exists (select from translation where product_id = p.id group by language having count(*) > 1)";
    let world = World::new(SCHEMA, definition).await;
    let running = world.start().await;
    assert_in_step(&world, truth_of, "after the backfill").await;
    let several = "select count(*) from (select product_id from translation group by product_id, language having count(*) > 1 group by product_id) t";
    world
        .until(&format!(
            "(select count(*) = ({}) and min(reason) = 'field titles: `by` found several rows with one key; add order: to take the first' from highwater.dead)",
            several.replace("group by product_id, language having count(*) > 1 group by product_id", "group by product_id having count(*) > count(distinct language)")
        ))
        .await;
    world.run("delete from translation where since = 2").await;
    world.until("not exists (select from highwater.dead)").await;
    world.settled().await;
    assert_eq!(truth(&world, truth_of).await, found(&world).await);
    running.stop().await;
}

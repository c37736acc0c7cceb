//! The catalog as a real server reports it.

use highwater::catalog::{Catalog, ForeignKey, Table, TableKind, Wire};
use highwater::source::catalog::read_catalog;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::postgres::{TestDatabase, UNSUBSCRIBED, subscribed};

async fn catalog_after(statements: &str) -> Catalog {
    let database = TestDatabase::create().await;
    database.run(statements).await;
    read_catalog(&mut database.connect().await).await.expect("a catalog")
}

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    catalog.find(None, name).unwrap_or_else(|| panic!("no table {name}"))
}

fn names(lists: &[&[&str]]) -> Vec<Vec<String>> {
    lists
        .iter()
        .map(|list| list.iter().map(|name| (*name).to_owned()).collect())
        .collect()
}

#[tokio::test]
async fn knows_every_kind_of_table_and_skips_what_is_not_the_applications() {
    let catalog = catalog_after(
        "create schema highwater; create table highwater.touch (id int); create schema other; create table other.t (id int);
         create table plain (id int); create table parted (id int) partition by list (id);
         create view seen as select id from plain; create materialized view kept as select id from plain;
         create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (id int) server s;
         create sequence q; create type pair as (a int, b int); create index on plain (id)",
    )
    .await;
    let found: Vec<_> = catalog
        .tables
        .iter()
        .map(|table| (table.schema.as_str(), table.name.as_str(), table.kind))
        .collect();
    assert_eq!(
        found,
        [
            ("other", "t", TableKind::Table),
            ("public", "far", TableKind::Foreign),
            ("public", "kept", TableKind::MaterializedView),
            ("public", "parted", TableKind::Partitioned),
            ("public", "plain", TableKind::Table),
            ("public", "seen", TableKind::View),
        ]
    );
    assert_eq!(catalog.search_path, ["public"]);
    assert!(catalog.server_version >= 130_000);
    assert_eq!(table(&catalog, "seen").columns["id"].wire, Wire::Int4);
    assert!(catalog.find(None, "t").is_none());
}

#[tokio::test]
async fn reads_columns_in_order_with_domains_resolved() {
    let catalog = catalog_after(
        "create schema types; create type types.mood as enum ('sad'); create domain money_ as numeric(10,2); create domain price as money_;
         create table t (gone int, z price not null, \"Größe\" varchar(20), m types.mood, \"a\"\"b\" int[]);
         alter table t drop column gone; alter table t add column late timestamptz(3) not null default now()",
    )
    .await;
    let columns: Vec<_> = table(&catalog, "t")
        .columns
        .values()
        .map(|column| {
            (
                column.name.as_str(),
                column.type_name.as_str(),
                column.wire,
                column.not_null,
            )
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("z", "public.price", Wire::Numeric, true),
            ("Größe", "character varying(20)", Wire::Text, false),
            ("m", "types.mood", Wire::Text, false),
            ("a\"b", "integer[]", Wire::Array(&Wire::Int4), false),
            ("late", "timestamp(3) with time zone", Wire::Timestamptz, true),
        ]
    );
    assert_eq!(table(&catalog, "t").columns["z"].type_oid, 1700);
}

/// Extensions that are not installed here, as far as the catalog can tell them: types with the same casts.
#[tokio::test]
async fn tells_what_types_are_made_of() {
    let catalog = catalog_after(
        "create type mood as enum ('sad'); create domain small as int4; create domain smalls as small[]; create type pair as (a int, b mood);
         create type hours as range (subtype = time); create type words as range (subtype = text);
         create type vector as (x real); create function reals(vector) returns real[] language sql immutable as 'select array[$1.x]';
         create cast (vector as real[]) with function reals(vector);
         create type geometry as (x float8, y float8); create function place(geometry) returns point language sql immutable as 'select point($1.x, $1.y)';
         create cast (geometry as point) with function place(geometry);
         create type geography as (x float8, y float8); create function plane(geography) returns geometry language sql immutable as 'select row($1.x, $1.y)::geometry';
         create cast (geography as geometry) with function plane(geography);
         create table t (moods mood[], small small[], smalls smalls, ranges daterange[], hours hours, words words, many nummultirange, pair pair, pairs pair[],
           vector vector, vectors vector[], geometry geometry, geography geography, point point, old int2vector, at timetz[])",
    )
    .await;
    let columns = table(&catalog, "t").columns.values();
    let found: Vec<_> = columns
        .map(|column| (column.name.as_str(), column.wire, column.via.as_deref()))
        .collect();
    let small = Wire::Array(&Wire::Int4);
    assert_eq!(
        found,
        [
            ("moods", Wire::Array(&Wire::Text), Some("text[]")),
            ("small", small, None),
            ("smalls", small, None),
            ("ranges", Wire::Array(&Wire::Range(&Wire::Date)), None),
            ("hours", Wire::Range(&Wire::Time), None),
            ("words", Wire::JsonRange, None),
            ("many", Wire::JsonRange, None),
            ("pair", Wire::ToJson, None),
            ("pairs", Wire::ToJson, None),
            ("vector", Wire::Array(&Wire::Float4), Some("real[]")),
            ("vectors", Wire::ToJson, None),
            ("geometry", Wire::Point, Some("point")),
            ("geography", Wire::Point, Some("public.geometry::point")),
            ("point", Wire::Point, None),
            ("old", Wire::ToJson, None),
            ("at", Wire::ToJson, None),
        ]
    );
}

#[tokio::test]
async fn tells_keys_uniqueness_and_indexes() {
    let catalog = catalog_after(
        "create table \"group\" (b int, \"a\"\"b\" int, \"Ünï\" text, d int, e int, primary key (\"Ünï\", b));
         create unique index on \"group\" (d, e) include (b); create unique index on \"group\" (d) where e > 0;
         create unique index on \"group\" (e, lower(\"Ünï\")); create index on \"group\" (\"a\"\"b\", (b + d), e);
         create index on \"group\" using hash (e); create index on \"group\" using brin (d); create index on \"group\" (b) where d > 1;
         alter table \"group\" add unique (b, e) deferrable",
    )
    .await;
    let group = table(&catalog, "group");
    assert_eq!(group.primary_key, ["Ünï", "b"]);
    assert_eq!(group.unique, names(&[&["Ünï", "b"], &["d", "e"]]));
    assert_eq!(
        group.indexes,
        names(&[&["Ünï", "b"], &["d", "e"], &["e"], &["a\"b"], &["e"], &["b", "e"]])
    );
    assert!(group.columns["Ünï"].not_null);
}

#[tokio::test]
async fn pairs_the_columns_of_foreign_keys() {
    let catalog = catalog_after(
        "create table parent (a int, b int, c int unique, primary key (b, a));
         create table child (x int, y int, z int references parent (c), foreign key (x, y) references parent (a, b),
           self int primary key, up int references child)",
    )
    .await;
    let (parent, child) = (table(&catalog, "parent"), table(&catalog, "child"));
    let key = |target: &Table, columns: &[&str], target_columns: &[&str]| ForeignKey {
        columns: names(&[columns]).remove(0),
        target: target.oid,
        target_columns: names(&[target_columns]).remove(0),
    };
    let mut found = child.foreign_keys.clone();
    found.sort_by(|a, b| a.columns.cmp(&b.columns));
    assert_eq!(
        found,
        [
            key(child, &["up"], &["self"]),
            key(parent, &["x", "y"], &["a", "b"]),
            key(parent, &["z"], &["c"])
        ]
    );
}

#[tokio::test]
async fn partitions_speak_through_their_parent() {
    let catalog = catalog_after(
        "create table target (id int primary key) partition by range (id);
         create table target_1 partition of target for values from (0) to (9);
         create table parted (id int, t int references target, primary key (id)) partition by range (id);
         create table low partition of parted for values from (0) to (9);
         create table high partition of parted for values from (9) to (99) partition by range (id);
         create table high_1 partition of high default;
         create table base (id int primary key); create table heir () inherits (base); create table heirs_heir () inherits (heir)",
    )
    .await;
    let leaves = |name: &str| {
        let mut names: Vec<_> = table(&catalog, name)
            .leaves
            .iter()
            .map(|oid| catalog.by_oid(*oid).expect("a leaf").name.as_str())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(leaves("parted"), ["high_1", "low"]);
    assert_eq!(leaves("high"), ["high_1"]);
    assert_eq!(leaves("low"), [""; 0]);
    assert_eq!(leaves("base"), ["heir", "heirs_heir"]);
    assert_eq!(table(&catalog, "parted").foreign_keys.len(), 1);
    assert_eq!(
        table(&catalog, "parted").foreign_keys[0].target,
        table(&catalog, "target").oid
    );
    assert!(table(&catalog, "low").foreign_keys.is_empty());
    assert_eq!(table(&catalog, "parted").unique, names(&[&["id"]]));
    // A row of `heir` may repeat an id of `base`.
    assert_eq!(
        (
            table(&catalog, "base").primary_key.len(),
            table(&catalog, "base").unique.len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn virtual_columns_name_what_they_are_computed_from() {
    let database = TestDatabase::create().await;
    let version = read_catalog(&mut database.connect().await)
        .await
        .expect("a catalog")
        .server_version;
    let computed = if version >= 180_000 { "virtual" } else { "stored" };
    database
        .run(&format!(
            "create table t (a int, \"B\" int, c int default 3, s int generated always as (a + 1) stored,
             v int generated always as (a * \"B\" + a) {computed}, k int generated always as (7) {computed})"
        ))
        .await;
    let catalog = read_catalog(&mut database.connect().await).await.expect("a catalog");
    let columns = &table(&catalog, "t").columns;
    let expected = |list: &[&str]| (version >= 180_000).then(|| names(&[list]).remove(0));
    assert_eq!(columns["v"].virtual_base, expected(&["B", "a"]));
    assert_eq!(columns["k"].virtual_base, expected(&[]));
    assert_eq!((&columns["s"].virtual_base, &columns["c"].virtual_base), (&None, &None));
}

#[tokio::test]
async fn knows_which_columns_compare_by_bytes() {
    let catalog = catalog_after(
        "create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create domain name_ as text collate \"C\";
         create table t (i8 int8, u uuid, ts timestamptz, b bytea, o oid, n numeric, f float8, j jsonb, p char(4), a int[],
           c text collate \"C\", d name_, posix varchar collate \"POSIX\", icu text collate \"en-x-icu\", loose text collate loose, name name)",
    )
    .await;
    let told = |tells: fn(&highwater::catalog::Column) -> bool| -> Vec<&str> {
        table(&catalog, "t")
            .columns
            .values()
            .filter(|column| tells(column))
            .map(|column| column.name.as_str())
            .collect()
    };
    assert_eq!(
        told(|column| column.byte_equal),
        ["i8", "u", "ts", "b", "o", "c", "d", "posix", "icu", "name"]
    );
    assert_eq!(told(|column| column.collation_c), ["c", "d", "posix", "name"]);
}

#[tokio::test]
async fn the_default_collation_is_the_databases() {
    let mut options = vec![
        (
            "template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'",
            0,
            true,
        ),
        (
            "template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'",
            0,
            false,
        ),
        (
            "template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C' locale_provider icu icu_locale 'en'",
            150_000,
            false,
        ),
        (
            "template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'",
            170_000,
            true,
        ),
    ];
    let version = read_catalog(&mut TestDatabase::create().await.connect().await)
        .await
        .expect("a catalog")
        .server_version;
    options.retain(|(_, since, _)| version >= *since);
    for (options, _, sorts_by_bytes) in options {
        let database = TestDatabase::create_with(options).await;
        database.run("create table t (s text)").await;
        let catalog = read_catalog(&mut database.connect().await).await.expect("a catalog");
        let column = &table(&catalog, "t").columns["s"];
        assert_eq!(
            (column.byte_equal, column.collation_c),
            (true, sorts_by_bytes),
            "{options}"
        );
    }
}

#[tokio::test]
async fn sees_with_the_eyes_of_its_role() {
    let database = TestDatabase::create().await;
    let role = database
        .url()
        .rsplit_once('/')
        .expect("a path")
        .1
        .replace("test", "role");
    database
        .run(&format!(
            "create role {role}; create schema closed; create table closed.t (id int); grant select on closed.t to {role};
             create table open (id int); grant select on open to {role}; create table part (a int, b int); grant select (a) on part to {role};
             create table policed (id int); alter table policed enable row level security; grant select on policed to {role}"
        ))
        .await;
    let mut connection = database.connect().await;
    let told = |catalog: &Catalog| -> Vec<(String, bool, bool)> {
        catalog
            .tables
            .iter()
            .map(|table| (table.name.clone(), table.readable, table.row_security))
            .collect()
    };
    let row = |name: &str, readable, row_security| (name.to_owned(), readable, row_security);
    let superuser = read_catalog(&mut connection).await.expect("a catalog");
    assert!(
        told(&superuser)
            .iter()
            .all(|(_, readable, security)| *readable && !*security)
    );
    let seen = as_role(&mut connection, &role).await;
    assert_eq!(
        told(&seen),
        [
            row("t", false, false),
            row("open", true, false),
            row("part", false, false),
            row("policed", true, true)
        ]
    );
    sqlx::raw_sql(AssertSqlSafe(format!(
        "reset role; drop owned by {role}; drop role {role}"
    )))
    .execute(&mut connection)
    .await
    .expect("dropped");
    connection.close().await.expect("goodbye");
}

async fn as_role(connection: &mut PgConnection, role: &str) -> Catalog {
    sqlx::raw_sql(AssertSqlSafe(format!("set role {role}")))
        .execute(&mut *connection)
        .await
        .expect("a role");
    read_catalog(connection).await.expect("a catalog")
}

#[tokio::test]
async fn tells_what_subscriptions_write_to_and_publications_carry() {
    let database = TestDatabase::create().await;
    let role = database.name().replace("test", "role");
    database
        .run(&format!(
            "create role {role}; create publication everything for all tables; create publication empty;
             create table plain (id int); create table fed (id int); create table parted (id int) partition by list (id);
             create table leaf partition of parted for values in (1); create table other (id int) partition by list (id);
             create table others_leaf partition of other for values in (1);
             {}",
            subscribed(&["fed", "parted", "others_leaf"])
        ))
        .await;
    let mut connection = database.connect().await;
    let seen = as_role(&mut connection, &role).await;
    let fed: Vec<&str> = seen
        .tables
        .iter()
        .filter(|table| table.subscribed)
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(fed, ["fed", "leaf", "other", "others_leaf", "parted"]);
    assert_eq!(seen.whole_publications, ["everything"]);
    drop(connection);
    database
        .run(&format!("{UNSUBSCRIBED}; drop owned by {role}; drop role {role}"))
        .await;
}

#[tokio::test]
async fn leaves_the_connection_as_it_was() {
    let database = TestDatabase::create().await;
    let mut connection = database.connect().await;
    sqlx::query("set search_path = elsewhere, public")
        .execute(&mut connection)
        .await
        .expect("set");
    let catalog = read_catalog(&mut connection).await.expect("a catalog");
    assert_eq!(catalog.search_path, ["public"]);
    let after: String = sqlx::query_scalar("select current_setting('search_path')")
        .fetch_one(&mut connection)
        .await
        .expect("a setting");
    assert_eq!(after, "elsewhere, public");
    assert!(!connection.is_in_transaction());
}

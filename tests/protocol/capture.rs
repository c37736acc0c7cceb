//! Nothing is missed: every kind of change to a root or a related row reaches the index. What the documents should be is
//! said by SQL written by hand.

use std::time::Duration;

use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::exact::assert_in_step;
use crate::support::world::World;

const SCHEMA: &str = "
create table country (code text primary key, name text, anthem text);
create table publisher (id int primary key, name text, country text references country on update cascade);
create table category (id int primary key, parent_id int references category, name text);
create index on category (parent_id);
create table book (id bigint primary key, title text, price numeric, meta json, publisher_id int references publisher,
    category_id int references category, shelf text);
create table author (id int primary key, name text, bio text);
create table book_author (book_id bigint references book on update cascade on delete cascade, author_id int references author on delete cascade,
    position int, role text, primary key (book_id, author_id));
create table review (id int primary key, book_id bigint references book on update cascade on delete cascade, stars int, body text,
    weight numeric, spam boolean not null default false);
create table note (book_id bigint references book on update cascade on delete cascade, said text);
create table stock (book_id bigint references book on update cascade on delete cascade, warehouse text, amount int, primary key (book_id, warehouse))
    partition by list (warehouse);
create table stock_north partition of stock for values in ('north');
create table stock_rest partition of stock default;
insert into country select chr(96 + g), 'Country ' || g from generate_series(1, 4) g;
insert into publisher select g, 'Publisher ' || g, chr(96 + g % 4 + 1) from generate_series(1, 6) g;
insert into category select g, nullif(g / 2, 0), 'Category ' || g from generate_series(1, 15) g;
insert into book select g, 'Title ' || g, g * 1.5, json_build_object('pages', g), nullif(g % 7, 0), g % 15 + 1 from generate_series(1, 30) g;
insert into author select g, 'Author ' || g from generate_series(1, 10) g;
insert into book_author select b, (b * 3 + k) % 10 + 1, k, 'role ' || k from generate_series(1, 30) b, generate_series(0, 1) k;
insert into review select g, g % 30 + 1, g % 5, 'Body ' || g, g / 4.0, g % 9 = 0 from generate_series(1, 120) g;
insert into note select g % 30 + 1, 'Note ' || g from generate_series(1, 40) g;
insert into stock select b, w, b from generate_series(1, 30) b, unnest('{north,south,west}'::text[]) w;
";

const DEFINITION: &str = "
index: '{index}'
table: book
fields:
  id: long
  title: text
  price: double
  meta: { type: object, enabled: false }
  publisher: { one: publisher, fields: { name: keyword, country: { one: country, value: name, type: keyword } } }
  authors: { many: author, through: book_author, order: book_author.position, fields: { id: long, name: text, role: { column: book_author.role, type: keyword } } }
  reviews: { many: review, where: not spam, order: [stars desc, id], limit: 3, fields: { stars: byte, body: text, weight: double } }
  notes: { many: note, order: said, value: said, type: text }
  stock: { many: stock, order: warehouse, fields: { warehouse: keyword, amount: integer } }
  category: { one: category, value: name, type: keyword }
  path: { ancestors: category, join: { parent_id: id }, value: name, type: keyword }
";

const TRUTH: &str = "select book.id::text, json_build_object('id', id, 'title', title, 'price', price, 'meta', meta,
    'publisher', (select json_build_object('name', p.name, 'country', (select c.name from country c where c.code = p.country)) from publisher p where p.id = publisher_id),
    'authors', coalesce((select json_agg(json_build_object('id', a.id, 'name', a.name, 'role', ba.role) order by ba.position, a.id)
        from book_author ba join author a on a.id = ba.author_id where ba.book_id = book.id), '[]'),
    'reviews', coalesce((select json_agg(json_build_object('stars', r.stars, 'body', r.body, 'weight', r.weight) order by r.stars desc, r.id)
        from (select * from review r where r.book_id = book.id and not spam order by stars desc, id limit 3) r), '[]'),
    'notes', coalesce((select json_agg(said order by said) from note where note.book_id = book.id), '[]'),
    'stock', coalesce((select json_agg(json_build_object('warehouse', warehouse, 'amount', amount) order by warehouse) from stock where stock.book_id = book.id), '[]'),
    'category', (select c.name from category c where c.id = category_id),
    'path', coalesce((with recursive up as (select c.*, 1 as height from category c where c.id = book.category_id
            union all select c.*, height + 1 from up join category c on c.id = up.parent_id)
        select json_agg(name order by height desc) from up), '[]')) from book";

async fn step(world: &World, statements: &str) {
    step_to(world, statements, TRUTH).await;
}

async fn step_to(world: &World, statements: &str, truth: &str) {
    world.run(statements).await;
    assert_in_step(world, truth, statements).await;
}

/// How many touches have been logged, ever.
async fn logged(world: &World) -> i64 {
    sqlx::query_scalar("select coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0)")
        .fetch_one(&world.pool)
        .await
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_statement_reaches_the_index() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "after the backfill").await;
    for statement in [
        "update review set book_id = 2 where id = 30", // both parents
        "delete from review where id = 31",
        "update review set spam = not spam where id in (9, 10)",
        "insert into book_author values (1, 9, 7, 'late')",
        "delete from book_author where book_id = 2",
        "update book_author set book_id = 4 where book_id = 3 and author_id = 10",
        "update book set publisher_id = null where id = 5",
        "update book set publisher_id = 1 where id = 7",
        "delete from book where id = 6",              // with what hangs on it
        "update book set id = 1007 where id = 7",     // the old id goes, the new one comes
        "update book set id = 61 - id where id in (30, 29)", // a permutation of keys, to free ids
        "insert into review values (120, 3, 5, 'upserted', 1.0) on conflict (id) do update set book_id = excluded.book_id, body = excluded.body",
        "merge into review r using (values (119, 8), (121, 8), (118, 0)) v (id, book) on r.id = v.id
            when matched and v.book = 0 then delete when matched then update set book_id = v.book
            when not matched then insert (id, book_id, stars, body) values (v.id, v.book, 5, 'merged')",
        "with moved as (update review set book_id = 9 where id = 50 returning book_id), gone as (delete from note where book_id = 9)
            insert into note select book_id, 'from the same statement' from moved",
        "update note set book_id = 11 where book_id = 10", // no primary key
        "update note set said = said || '!' where book_id = 11",
        "insert into note values (11, 'again'), (11, 'again')",
        "delete from note where ctid = (select min(ctid) from note)",
        "update publisher set name = 'Renamed' where id = 2",
        "update country set code = 'z' where code = 'a'", // cascades to publishers
        "update country set name = 'Elsewhere' where code = 'z'",
        "truncate review",
        "insert into review select id, id, 3, 'after', 0.50 from book",
        "truncate book cascade",
        "insert into book (id, title) values (1, 'from nothing')",
    ] {
        step(&world, statement).await;
    }
    let mut copy = world
        .pool
        .copy_in_raw("copy review (id, book_id, stars, body, weight) from stdin")
        .await
        .expect("copy");
    copy.send(&b"900\t1\t5\tcopied\t1.10\n901\t1\t4\tcopied\t\\N\n"[..])
        .await
        .expect("rows");
    copy.finish().await.expect("copied");
    assert_in_step(&world, TRUTH, "COPY").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_partitions_and_applications_own_touches() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    for statement in [
        "set session_replication_role = replica; update book set title = 'as a replica' where id = 3; reset session_replication_role",
        "insert into stock values (1, 'east', 3)",
        "insert into stock_rest values (2, 'east', 4)", // straight into a leaf
        "update stock_north set amount = 77 where book_id = 3",
        "update stock set warehouse = 'harbour' where warehouse = 'north' and book_id = 4", // across partitions
        "delete from stock_rest where book_id = 5",
        "truncate stock_north",
        "insert into stock_north select id, 'north', 1 from book",
        "truncate stock",
        "delete from book where id = 12",
    ] {
        step(&world, statement).await;
    }
    // What no trigger sees, the application tells: by the root's key, by a child's, and of one that is not there.
    for (change, told) in [
        (
            "update book set title = 'unseen' where id = 9",
            "select highwater.touch('book', '9')",
        ),
        (
            "update review set body = 'unseen' where id = 17",
            "select highwater.touch('review', '17')",
        ),
        (
            "update publisher set name = 'unseen' where id = 4",
            "select highwater.touch('publisher', '4')",
        ),
        (
            "update author set name = 'unseen' where id = 2",
            "select highwater.touch('author', '2')",
        ),
        (
            "update category set name = 'unseen' where id = 3",
            "select highwater.touch('category', '3')",
        ),
        (
            "select 1",
            "select highwater.touch('review', '999999'), highwater.touch('book', '999999')",
        ),
    ] {
        unseen(&world, change).await;
        step(&world, told).await;
    }
    running.stop().await;
}

/// Runs a change while the lease is out, so that the triggers log nothing; the daemon does not notice in between.
async fn unseen(world: &World, change: &str) {
    let mut connection = world.pool.acquire().await.expect("a connection");
    let change = format!(
        "begin; create temporary table until on commit drop as select pg_sequence_last_value('highwater.capture_until') as value;
         select setval('highwater.capture_until', 0); {change}; select setval('highwater.capture_until', value) from until; commit"
    );
    let before = logged(world).await;
    sqlx::raw_sql(AssertSqlSafe(change))
        .execute(&mut *connection)
        .await
        .expect("a change");
    assert_eq!(logged(world).await, before, "the change was not to be logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_that_fits_no_row_is_refused_where_it_is_made() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "before").await;
    let before = logged(&world).await;
    for (call, code, words) in [
        ("highwater.touch('review', 'no number')", "22P02", "type integer"),
        ("highwater.touch('author', '99999999999999')", "22003", "type integer"),
        ("highwater.touch('stock', '1')", "P0001", "in this order"),
        ("highwater.touch('book', null)", "P0001", "in this order"),
        ("highwater.touch('pg_class', '1')", "P0001", "highwater plan"),
    ] {
        let refused = sqlx::query(AssertSqlSafe(format!("select {call}")))
            .execute(&world.pool)
            .await;
        let Err(sqlx::Error::Database(error)) = refused else {
            panic!("{call} was taken");
        };
        let error = error.downcast_ref::<sqlx::postgres::PgDatabaseError>();
        assert_eq!(error.code(), code, "{call}: {error}");
        assert!(
            error.hint().is_some_and(|hint| hint.contains(words)),
            "{call}: {:?}",
            error.hint()
        );
    }
    assert_eq!(logged(&world).await, before);
    // A key is what its column makes of the text.
    unseen(&world, "update book set title = 'unseen' where id = 9").await;
    step(&world, "select highwater.touch('book', ' 09 ')").await;
    let text: Option<String> = sqlx::query_scalar("select min(key) from highwater.repeated_delete")
        .fetch_one(&world.pool)
        .await
        .expect("Postgres answers");
    assert_eq!(text, None, "no other document was meant");
    // What was logged all the same, before a column got another type, stops nobody.
    world
        .run("insert into highwater.touch (capture, columns) select id, '{no number,no number}' from highwater.capture where current and table_name in ('review', 'book')")
        .await;
    step(&world, "update book set title = 'the others go on' where id = 3").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_and_rows_two_levels_away_are_followed() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    for statement in [
        "update publisher set country = 'd' where id = 3",
        "update publisher set country = null where id = 4",
        "update book set publisher_id = 4 where id = 3; update publisher set country = 'b' where id = 4", // one after the other
        "begin; update publisher set country = 'c' where id = 5; update book set publisher_id = 5 where publisher_id = 1; commit",
        "delete from book where publisher_id = 6; delete from publisher where id = 6",
        "update category set parent_id = 3 where id = 4", // a subtree moves
        "update category set name = 'Top' where id = 1",
        "update category set parent_id = null where id = 3",
        "insert into category values (16, null, 'Above all'); update category set parent_id = 16 where parent_id is null and id <> 16",
        "update book set category_id = 16 where id = 1",
        "update book set category_id = null where id = 2",
        "update category set id = 99 where id = 15",
    ] {
        // Keys of categories that books use cannot change; those of the others can.
        let statement = statement.replace(
            "where id = 15",
            "where id = 15 and not exists (select from book where category_id = 15)",
        );
        step(&world, &statement).await;
    }
    // A row that comes under a parent which moves at the same time, in transactions that do not see each other.
    let (mut one, mut other) = (session(&world).await, session(&world).await);
    one.execute("begin; update publisher set country = 'd' where id = 1")
        .await
        .expect("a move");
    other
        .execute("begin; insert into book (id, title, publisher_id) values (500, 'racing', 1)")
        .await
        .expect("an insert");
    other.execute("commit").await.expect("a commit");
    one.execute("commit").await.expect("a commit");
    assert_in_step(&world, TRUTH, "two that race").await;
    running.stop().await;
}

async fn session(world: &World) -> PgConnection {
    world.database.connect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_commits_does_not_matter() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    let (mut early, mut late) = (session(&world).await, session(&world).await);
    // A long transaction, older than everything indexed meanwhile.
    early
        .execute(
            "begin; update book set title = 'long' where id = 1; savepoint s; delete from review where book_id = 2",
        )
        .await
        .expect("a change");
    early
        .execute("rollback to s; update review set body = 'kept' where book_id = 3; release s")
        .await
        .expect("a change");
    late.execute("update book set title = 'short' where id = 4")
        .await
        .expect("a change");
    world.settled().await;
    assert_in_step(&world, TRUTH, "while a transaction is open").await;
    early.execute("commit").await.expect("a commit");
    assert_in_step(&world, TRUTH, "the long transaction").await;
    // Touches whose numbers are in one order and whose commits are in the other.
    early
        .execute("begin; update book set title = 'first id' where id = 5")
        .await
        .expect("a change");
    late.execute("begin; update book set title = 'second id' where id = 6")
        .await
        .expect("a change");
    late.execute("commit").await.expect("a commit");
    assert_in_step(&world, TRUTH, "the later id first").await;
    early.execute("commit").await.expect("a commit");
    assert_in_step(&world, TRUTH, "the earlier id last").await;
    // Prepared, which no session holds.
    let (kept, dropped) = (format!("{}_kept", world.index), format!("{}_dropped", world.index));
    for (name, change) in [
        (&kept, "update book set id = 700 where id = 7"),
        (&dropped, "delete from book where id = 8"),
    ] {
        world
            .run(&format!("begin; {change}; prepare transaction '{name}'"))
            .await;
    }
    step(&world, "update book set title = 'meanwhile' where id = 9").await;
    step(&world, &format!("commit prepared '{kept}'")).await;
    step(&world, &format!("rollback prepared '{dropped}'")).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_document_shows_is_not_logged_and_the_least_difference_is() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    for unused in [
        "update author set bio = 'much' where id = 1",
        "update book set shelf = 'B2'",
        "update country set anthem = 'la'",
        "update book set title = title, meta = meta, price = price",
        "update publisher set name = name where id = 0",
        "delete from author where id = 0",
        "insert into author (id, name) select 1, 'not inserted' where false",
    ] {
        let before = logged(&world).await;
        world.run(unused).await;
        assert_eq!(logged(&world).await, before, "{unused}");
    }
    for used in [
        "update book set price = '45.00' where price = 45.0", // equal, and written otherwise
        "update book set meta = '{\"pages\" : 3.0}' where id = 3",
        "update book set meta = null where id = 4",
        "update book set title = null where id = 5",
        "update book set title = '' where id = 5",
        "update review set weight = '1.000' where weight = 1",
    ] {
        let before = logged(&world).await;
        step(&world, used).await;
        assert!(logged(&world).await > before, "{used}");
    }
    running.stop().await;
}

const PAGES: &str = "
create table page (id int primary key, parent_id int references page, title text, body text, hidden boolean not null default false, views int);
insert into page select g, nullif(g / 2, 0), 'Title ' || g, 'Body ' || g, false, 0 from generate_series(1, 7) g";

const PAGE: &str = "
index: '{index}'
table: page
fields:
  id: long
  title: text
  body: text
  parent: { one: page, join: { parent_id: id }, value: title, type: text }
  shown: { many: page, join: { id: parent_id }, where: not hidden, order: id, value: id, type: long }
";

const PAGE_TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title, 'body', body,
    'parent', (select p.title from page p where p.id = page.parent_id),
    'shown', coalesce((select json_agg(c.id order by c.id) from page c where c.parent_id = page.id and not c.hidden), '[]')) from page";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_column_reaches_the_documents_that_show_it_and_no_other() {
    let world = World::new(PAGES, PAGE).await;
    let running = world.start().await;
    assert_in_step(&world, PAGE_TRUTH, "after the backfill").await;
    // Page 2 hangs on page 1, and 4 and 5 on it.
    for (statement, rebuilt) in [
        // Whatever changes in a row, an expression over it may have another value: its parent is built again.
        ("update page set body = 'other' where id = 2", vec!["1", "2"]),
        ("update page set title = 'other' where id = 2", vec!["1", "2", "4", "5"]),
        (
            "update page set title = 'third', body = 'third' where id = 2",
            vec!["1", "2", "4", "5"],
        ),
        ("update page set views = 1 where id = 2", vec!["1"]),
        ("update page set hidden = true where id = 2", vec!["1"]),
        ("update page set parent_id = 3 where id = 2", vec!["1", "2", "3"]),
    ] {
        let before = world.versions().await;
        step_to(&world, statement, PAGE_TRUTH).await;
        let after = world.versions().await;
        let changed: Vec<&str> = after
            .iter()
            .filter(|(id, version)| before.get(*id) != Some(version))
            .map(|(id, _)| id.as_str())
            .collect();
        assert_eq!(changed, rebuilt, "{statement}");
    }
    running.stop().await;
}

const WITH_ODD_COLUMNS: &str =
    "create table item (id bigint primary key, name text, kind varchar(20), doc json, form xml, spot point, extra int);
    insert into item select g, 'name ' || g, 'kind', '{}', '<a/>', point(g, g), g from generate_series(1, 50) g;
    create table other (id int primary key, label text); insert into other values (1, 'one')";

const ITEM: &str = "index: '{index}'\ntable: item\nfields: { id: long, name: text, kind: keyword, doc: { type: object, enabled: false }, \
    form: keyword, spot: keyword }\n";

const ITEM_TRUTH: &str = "select id::text, json_build_object('id', id, 'name', name, 'kind', kind, 'doc', doc, 'form', form, 'spot', spot) from item";

/// Changes a table's shape under a writer that updates all the time; none of its statements may fail. Then `mend`, with
/// which the definition fits again.
async fn under_writes(change: &str, after_change: &str, mend: &str, truth: &str) {
    let other = "index: '{index}'\ntable: other\nfields: { id: long, label: keyword }\n";
    let world = World::with(WITH_ODD_COLUMNS, &[ITEM, other], "jobs: { drift_every: 300ms }\n").await;
    let running = world.start().await;
    let stop = std::sync::Arc::new(tokio::sync::Notify::new());
    let (url, stopped) = (world.database.url(), stop.clone());
    let writer = tokio::spawn(async move {
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        let mut statements = 0_u32;
        loop {
            for statement in [
                "update item set extra = extra + 1, spot = point(extra, 1), doc = '{\"a\": 1}' where id = 1 + extra % 50",
                "insert into item (id, extra) values (1000, 1)",
                "delete from item where id = 1000",
            ] {
                connection
                    .execute(statement)
                    .await
                    .unwrap_or_else(|error| panic!("{statement}: {error}"));
                statements += 1;
            }
            if tokio::time::timeout(Duration::from_millis(1), stopped.notified())
                .await
                .is_ok()
            {
                return statements;
            }
        }
    });
    world.until("(select count(*) > 5 from generate_series(1, 6))").await;
    let before = logged(&world).await;
    world.run(change).await;
    world
        .until(&format!(
            "coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0) > {before} + 20"
        ))
        .await;
    if !after_change.is_empty() {
        world.until(after_change).await;
    }
    // Others are not concerned.
    world.run("update other set label = 'two'").await;
    let started = std::time::Instant::now();
    let second = format!("{}-2", world.index);
    while world.documents_of(&second).await["1"]["label"] != "two" {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "the other index does not go on"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.run(mend).await;
    stop.notify_one();
    assert!(writer.await.expect("no statement of the application fails") > 10);
    assert_in_step(&world, truth, change).await;
    world
        .run("update item set name = 'followed again' where id = 2; delete from item where id = 3")
        .await;
    assert_in_step(&world, truth, "afterwards").await;
    running.stop().await;
}

/// A marker instead of rows, or work that came from one.
const MARKED: &str = "exists (select from highwater.touch where columns is null) or exists (select from highwater.job where kind = 'sweep')";

#[tokio::test(flavor = "multi_thread")]
async fn a_used_column_may_be_dropped_under_writes() {
    under_writes(
        "alter table item drop column kind",
        MARKED,
        "alter table item add column kind varchar(20)",
        ITEM_TRUTH,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_column_may_be_renamed_under_writes() {
    under_writes(
        "alter table item rename column kind to sort",
        MARKED,
        "alter table item rename column sort to kind",
        ITEM_TRUTH,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_column_may_be_retyped_under_writes() {
    under_writes(
        "alter table item alter column kind type text using upper(kind), alter column id type numeric",
        "exists (select from highwater.job where kind = 'sweep')",
        "select 1",
        ITEM_TRUTH,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_is_made_up_for() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "before").await;
    running.stop().await;
    world.run("select setval('highwater.capture_until', 0)").await;
    let before = logged(&world).await;
    world.run("update book set title = 'unlogged' where id = 1; delete from book where id = 2; insert into book (id) values (800); truncate note").await;
    // Saw the lease out, and commits after it runs again.
    let mut open = session(&world).await;
    open.execute("begin; update book set title = 'open over the lapse' where id = 3; delete from book where id = 4")
        .await
        .expect("a change");
    assert_eq!(logged(&world).await, before, "nobody reads the log");
    let running = world.start().await;
    world
        .until("(select suspect_since is not null from highwater.source) and pg_sequence_last_value('highwater.capture_until') > 0")
        .await;
    world.run("update book set title = 'logged again' where id = 5").await;
    assert_eq!(logged(&world).await, before + 1);
    world.until("not exists (select from highwater.touch)").await;
    world
        .until("(select suspect_since is not null from highwater.source)")
        .await; // waits for the open transaction
    open.execute("commit").await.expect("a commit");
    assert_in_step(&world, TRUTH, "after the lapse").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_takes_no_more_and_is_made_up_for() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    running.stop().await;
    world
        .run(
            "select setval('highwater.touch_until', coalesce(pg_sequence_last_value('highwater.touch_id_seq'), 0) + 1)",
        )
        .await;
    let before = logged(&world).await;
    world.run("update book set title = 'the last one' where id = 1").await;
    world
        .run("update book set title = 'one too many'; delete from book where id = 8")
        .await;
    assert_eq!(logged(&world).await, before + 1);
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "after the log was full").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_were_off_for_a_moment_are_noticed() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.configure(&[DEFINITION], "jobs: { drift_every: 200ms }\n");
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "before").await;
    for table in ["review", "book"] {
        let before = logged(&world).await;
        world
            .run(&format!(
                "alter table {table} disable trigger all; update {table} set id = -id where id = 11; delete from {table} where id = 12;
                 alter table {table} enable trigger all"
            ))
            .await;
        assert_eq!(logged(&world).await, before, "the triggers were off");
        // Enabled, but no longer in replica sessions: only the catalog rows' own versions tell that something was missed.
        world
            .until("exists (select from highwater.job where kind = 'sweep')")
            .await;
        world
            .until(&format!("(select bool_and(tgenabled = 'A') from pg_trigger where tgname like 'highwater%' and tgrelid = '{table}'::regclass)"))
            .await;
        assert_in_step(&world, TRUTH, table).await;
        world.run("delete from highwater.job").await;
    }
    world.run("drop trigger highwater_update on author").await;
    world
        .until("(select count(*) = 4 from pg_trigger where tgname like 'highwater%' and tgrelid = 'author'::regclass)")
        .await;
    step(&world, "update author set name = 'watched again' where id = 1").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_come_later_are_captured() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.configure(&[DEFINITION], "jobs: { drift_every: 200ms }\n");
    let running = world.start().await;
    world
        .run("create table stock_new partition of stock for values in ('new')")
        .await;
    world
        .until(
            "(select count(*) = 4 from pg_trigger where tgname like 'highwater%' and tgrelid = 'stock_new'::regclass)",
        )
        .await;
    step(&world, "insert into stock_new select id, 'new', 5 from book").await;
    running.stop().await;
}

/// `highwater check`'s words about a world's definitions.
fn check(world: &World) -> (Option<i32>, String) {
    let output = world.program(&["plan"]).output().expect("the program runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), said.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_rows_and_missing_tables_are_refused_with_a_remedy() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let role = world.index.clone();
    world
        .run(&format!(
            "create role {role} login; grant select on all tables in schema public to {role};
             alter table review enable row level security; create policy visible on review using (not spam)"
        ))
        .await;
    let mut url: url::Url = world.database.url().parse().expect("a URL");
    url.set_username(&role).expect("a user name");
    let elastic = std::env::var("STACK_ELASTICSEARCH_URL").expect("an address");
    world.configure_for(url.as_str(), &elastic, &[DEFINITION], "");
    let (code, said) = check(&world);
    assert_eq!(code, Some(78), "{said}");
    assert!(
        said.contains("row-level security") && said.contains("\"review\"") && said.contains("BYPASSRLS"),
        "{said}"
    );
    world
        .run("alter table review disable row level security; alter table review rename to opinion")
        .await;
    let (code, said) = check(&world);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("there is no table \"review\""), "{said}");
    world.run(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_table_is_waited_for_and_nothing_is_deleted() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.configure(&[DEFINITION], "jobs: { drift_every: 200ms }\n");
    let running = world.start().await;
    assert_in_step(&world, TRUTH, "before").await;
    let documents = world.documents().await.len();
    world.run("alter table review rename to opinion; update opinion set body = 'renamed' where id = 1; update book set title = 'waiting' where id = 1").await;
    running.is_unfit(&world.index, "there is no table \"review\"").await;
    assert_eq!(world.documents().await.len(), documents);
    world.run("alter table opinion rename to review").await;
    assert_in_step(&world, TRUTH, "back again").await;
    running.waits_for_nothing().await;
    running.stop().await;
}

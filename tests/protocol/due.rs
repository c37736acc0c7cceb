//! Documents change when a moment passes, though no row does.

use std::time::Duration;

use highwater::ledger::clock;

use crate::support::world::World;

const SCHEMA: &str = "create table article (id bigint primary key, title text, publish_at timestamptz, expires_at timestamp); \
    create index on article (publish_at); create index on article (expires_at); \
    create table offer (id bigint primary key, article_id bigint references article, ends_at timestamptz); \
    create index on offer (article_id); create index on offer (ends_at)";

const DEFINITION: &str = "index: '{index}'\ntable: article\ndue: [publish_at, expires_at]\n\
    where: publish_at <= highwater.clock() and (expires_at is null or expires_at > highwater.clock() at time zone 'UTC')\n\
    fields:\n  title: text\n  offers: { many: offer, where: ends_at > highwater.clock(), due: ends_at, value: id, type: long }\n";

/// By the server's clock, once every moment lies well behind or ahead of it.
const TRUTH: &str = "select id::text, json_build_object('title', title, 'offers', \
    coalesce((select json_agg(o.id order by o.id) from offer o where o.article_id = a.id and ends_at > now()), '[]')) \
    from article a where publish_at <= now() and (expires_at is null or expires_at > now() at time zone 'UTC')";

/// Waits until every moment within the next minute is behind.
async fn passed(world: &World) {
    world
        .until(
            "not exists (select from (select publish_at from article union all select expires_at at time zone 'UTC' from article \
             union all select ends_at from offer) as m(at) where at between now() and now() + interval '1 minute')",
        )
        .await;
}

async fn caught_up(world: &World) {
    passed(world).await;
    // The clock is behind the moments until it is moved, for a quarter of a second.
    world
        .until(
            "(select touched >= at and at >= (select max(at) from (select publish_at from article union all \
             select expires_at at time zone 'UTC' from article union all select ends_at from offer) as m(at) where at < now()) \
             from highwater.clock)",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_pass_make_documents_anew() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world
        .run(
            "insert into article values (1, 'now', now() - interval '1 hour', null), (2, 'soon', now() + interval '5 seconds', null), \
             (3, 'expires', now() - interval '1 hour', (now() + interval '5 seconds') at time zone 'UTC'), \
             (4, 'tomorrow', now() + interval '1 day', null), (5, 'never', null, null), (6, 'for ever', 'infinity', null); \
             insert into offer values (10, 1, now() + interval '1 second'), (11, 1, now() + interval '1 day'), (12, 2, now() + interval '1 second')",
        )
        .await;
    world.settled().await;
    assert!(world.document("1").await.is_some() && world.document("3").await.is_some());
    assert!(world.document("2").await.is_none());
    caught_up(&world).await;
    world.assert_in_step(TRUTH, "after the moments").await;
    let verify = world.program(&["verify"]).output().expect("it runs");
    assert!(verify.status.success(), "{verify:?}");
    let shown = world.program(&["show", &world.index, "2"]).output().expect("it runs");
    assert!(
        String::from_utf8_lossy(&shown.stdout).contains("holds the same"),
        "{shown:?}"
    );
    running.stop().await;

    world
        .run(
            "insert into article select g, 'while away', now() + interval '100 ms' from generate_series(100, 150) g; \
             update article set expires_at = (now() + interval '100 ms') at time zone 'UTC' where id = 1",
        )
        .await;
    passed(&world).await;
    let running = world.start().await;
    caught_up(&world).await;
    world.assert_in_step(TRUTH, "after a stop").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_daemons_one_touches_each_row_once() {
    let world = World::with(SCHEMA, &[DEFINITION], "jobs: { clock_every: 5ms }\n").await;
    let first = world.start().await;
    let second = world.start_with(world.config());
    world
        .run(
            "insert into article select g, 'spread', now() + interval '2 seconds' + g * interval '5 ms' from generate_series(1, 300) g",
        )
        .await;
    let logged = || async {
        let last = world
            .truth("select 'last', to_json(last_value) from highwater.touch_id_seq")
            .await;
        last["last"].as_i64().expect("a number")
    };
    let at_first = logged().await;
    caught_up(&world).await;
    world.assert_in_step(TRUTH, "spread over two daemons").await;
    assert_eq!(logged().await - at_first, 300, "each row is touched once");
    first.stop().await;
    second.stop().await;
}

/// A row is committed while the rows to touch are read, too late for them, and its moment has passed: whoever builds it
/// has to see that.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_while_others_are_touched_is_built_by_the_new_clock() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    // Whoever touches article 1 again waits until it is let go.
    world
        .run("insert into article values (1, 'slow', now() + interval '3 seconds')")
        .await;
    let mut gate = world.pool.acquire().await.expect("a connection");
    sqlx::raw_sql("select pg_advisory_lock(4711)")
        .execute(&mut *gate)
        .await
        .expect("a lock");
    world
        .run(
            "create function wait() returns trigger language plpgsql as $$ begin \
             if new.columns[1] = '1' then perform pg_advisory_xact_lock(4711); end if; return new; end $$; \
             create trigger wait before insert on highwater.touch for each row execute function wait()",
        )
        .await;
    world
        .until(
            "exists (select from pg_locks where locktype = 'advisory' and not granted \
             and database = (select oid from pg_database where datname = current_database()))",
        )
        .await;
    world
        .run("insert into article select 2, 'between', publish_at from article where id = 1")
        .await;
    world
        .until("not exists (select from highwater.touch where columns[1] = '2')")
        .await;
    sqlx::raw_sql("select pg_advisory_unlock(4711)")
        .execute(&mut *gate)
        .await
        .expect("unlocked");
    caught_up(&world).await;
    world.assert_in_step(TRUTH, "after the row in between").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_never_goes_back() {
    let world = World::with(SCHEMA, &[DEFINITION], "jobs: { clock_every: 5ms }\n").await;
    let running = world.start().await;
    // The server's clock was ahead for a while.
    world
        .run("update highwater.clock set at = now() + interval '1 hour', touched = now() + interval '1 hour'")
        .await;
    world
        .run("insert into article values (1, 'by the clock', now() + interval '30 minutes'), (2, 'past', now())")
        .await;
    world.settled().await;
    assert!(world.document("1").await.is_some() && world.document("2").await.is_some());
    clock::advance(&world.pool).await.expect("Postgres answers");
    world
        .until("(select at > now() + interval '50 minutes' from highwater.clock)")
        .await;
    running.stop().await;
}

/// A daemon whose set of indexes is an older one does not know every column.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_not_up_to_date_touches_nothing() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let mut config = world.config();
    config.job.clock_every = Duration::from_hours(1);
    let running = world.start_with(config);
    world.live().await;
    let old = clock::Timed::default();
    world
        .run("update highwater.clock set touched = at - interval '1 second'")
        .await;
    let refused = clock::touch_passed(&world.pool, &old)
        .await
        .expect_err("another revision");
    assert!(refused.to_string().contains("revision"), "{refused}");
    world.until("(select touched < at from highwater.clock)").await;
    running.stop().await;
}

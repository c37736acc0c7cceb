//! What `apply` installs and takes away, beside a daemon that goes on.

use sqlx::Row;

use crate::support::world::World;

const SCHEMA: &str = "create table publisher (id bigint primary key, name text, city text); \
    create table book (id bigint primary key, title text, pages int, publisher_id bigint references publisher); \
    insert into publisher select g, 'Publisher ' || g, 'City ' || g from generate_series(1, 5) g; \
    insert into book select g, 'Title ' || g, g, g % 5 + 1 from generate_series(1, 50) g; \
    create index on book (publisher_id)";
const NARROW: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const WIDE: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n  pages: integer\n  \
    publisher: { one: publisher, fields: { name: keyword } }\n";
const NARROW_TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";
const OFTEN: &str = "jobs:\n  drift_every: 50ms\n  watermark_every: 100ms\n";

/// What the daemon says of capture that is not as its set needs it.
const DRIFT: &str = "capture is not as it was installed";

/// Runs a verb that must succeed; returns what it said.
fn said(world: &World, verb: &[&str]) -> String {
    let output = world.program(verb).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until the daemon has compared what is installed with what its set needs: after a watermark, and before the next.
async fn looked_at(world: &World) {
    for _ in 0..2 {
        let now: String = sqlx::query("select clock_timestamp()::text")
            .fetch_one(&world.pool)
            .await
            .expect("Postgres answers")
            .get(0);
        world
            .until(&format!(
                "(select bool_and(as_of > '{now}') from highwater.watermark where table_name like '%book')"
            ))
            .await;
    }
}

async fn assert_never_suspected(world: &World) {
    let swept: bool = sqlx::query_scalar(
        "select exists (select from highwater.job where kind = 'sweep') or (select suspect_since is not null from highwater.source)",
    )
    .fetch_one(&world.pool)
    .await
    .expect("Postgres answers");
    assert!(!swept, "nothing was missed, and everything is swept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_installed_for_another_set_is_no_drift() {
    let world = World::with(SCHEMA, &[NARROW], OFTEN).await;
    let running = world.start_program();
    world.live().await;
    world.configure(&[WIDE], OFTEN);
    // `apply` has installed what its definition needs, and cannot add it yet.
    let mut held = world.pool.begin().await.expect("a transaction");
    sqlx::raw_sql("select pg_advisory_xact_lock(hashtextextended('highwater.generation', 0))")
        .execute(&mut *held)
        .await
        .expect("a lock");
    let mut applying = world.program(&["apply", "--yes"]).spawn().expect("it runs");
    world
        .until("exists (select from highwater.capture where table_name = 'publisher') and (select 'pages' = any(compared) from highwater.capture where table_name = 'book' and current)")
        .await;
    looked_at(&world).await;
    assert!(!world.log().contains(DRIFT), "{}", world.log());
    assert_never_suspected(&world).await;
    held.rollback().await.expect("the lock is free");
    let status = tokio::task::spawn_blocking(move || applying.wait()).await;
    assert!(status.expect("no panic").expect("it ends").success());
    world
        .until("exists (select from highwater.generation where number = 2 and state = 'live')")
        .await;
    // And back again: what only the retired generation needed is still installed.
    world.configure(&[NARROW], OFTEN);
    said(&world, &["apply", "--yes"]);
    world
        .until("exists (select from highwater.generation where number = 3 and state = 'live')")
        .await;
    looked_at(&world).await;
    assert!(!world.log().contains(DRIFT), "{}", world.log());
    assert_never_suspected(&world).await;
    // A trigger that was off is still noticed.
    world
        .run("alter table book disable trigger all; update book set title = 'unseen' where id = 3; alter table book enable trigger all")
        .await;
    world.said(DRIFT).await;
    world
        .until("exists (select from highwater.job where kind = 'sweep')")
        .await;
    world.assert_in_step(NARROW_TRUTH, "after the sweep").await;
    running.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_no_definition_needs_go() {
    let world = World::with(SCHEMA, &[WIDE], OFTEN).await;
    let running = world.start().await;
    world.configure(&[NARROW], OFTEN);
    let first = said(&world, &["apply", "--yes"]);
    assert!(!first.contains("no longer captures"), "an index is fed by it: {first}");
    world
        .until("exists (select from highwater.generation where number = 2 and state = 'live')")
        .await;
    let planned = said(&world, &["plan"]);
    assert!(planned.contains("public.publisher is no longer used"), "{planned}");
    // A writer is in the way for a moment, and not disturbed.
    let mut open = world.pool.begin().await.expect("a transaction");
    sqlx::raw_sql("update publisher set name = 'open' where id = 1")
        .execute(&mut *open)
        .await
        .expect("a change");
    let mut applying = world.program(&["apply", "--yes"]).spawn().expect("it runs");
    world
        .until("exists (select from pg_locks where not granted and relation = 'publisher'::regclass)")
        .await;
    open.commit().await.expect("a commit");
    let status = tokio::task::spawn_blocking(move || applying.wait()).await;
    assert!(status.expect("no panic").expect("it ends").success());
    for (what, count) in [
        (
            "triggers",
            "select count(*) from pg_trigger where tgname like 'highwater%' and tgrelid = 'publisher'::regclass",
        ),
        (
            "functions",
            "select count(*) from pg_proc where proname = 'capture_' || 'publisher'::regclass::oid",
        ),
        (
            "marks",
            "select count(*) from highwater.watermark where table_name like '%publisher'",
        ),
    ] {
        let left: i64 = sqlx::query_scalar(count)
            .fetch_one(&world.pool)
            .await
            .expect("a number");
        assert_eq!(left, 0, "{what}");
    }
    looked_at(&world).await;
    assert_never_suspected(&world).await;
    world
        .run("update publisher set name = 'unlogged'; update book set title = 'logged' where id = 9")
        .await;
    world.assert_in_step(NARROW_TRUTH, "without the other table").await;
    assert!(said(&world, &["apply", "--yes"]).contains("nothing to do"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_makes_no_new_generation() {
    let world = World::new(SCHEMA, NARROW).await;
    said(&world, &["apply", "--yes"]);
    world.configure(
        &[&format!(
            "# A comment.\n{}",
            NARROW.replace("  id: long", "  id:   'long'   # the key")
        )],
        "",
    );
    assert!(said(&world, &["apply", "--yes"]).contains("nothing to do"));
    world.configure(
        &[&NARROW.replace("  id: long\n  title: text", "  title: text\n  id: long")],
        "",
    );
    assert!(said(&world, &["apply", "--yes"]).contains("added a generation"));
}

/// After an edit, everything that is said is by the definition before, until it is applied.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_definition_is_told_until_it_is_applied() {
    let world = World::with(SCHEMA, &[NARROW], OFTEN).await;
    let running = world.start().await;
    world.settled().await;
    let heard = |verb: &[&str]| {
        let output = world.program(verb).output().expect("it runs");
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8_lossy(&output.stdout).into_owned(), complained)
    };
    let told = "0.yaml was not applied; run `highwater apply`";
    let verbs: [&[&str]; 4] = [
        &["status"],
        &["status", "--json"],
        &["show", &world.index, "1"],
        &["verify"],
    ];
    for verb in verbs {
        let (said, complained) = heard(verb);
        assert!(!said.contains(told) && complained.is_empty(), "{said}{complained}");
    }
    world.configure(&[&format!("# A comment says nothing.\n{NARROW}")], OFTEN);
    assert!(!heard(&["status"]).0.contains(told));
    world.configure(&[WIDE], OFTEN);
    assert!(heard(&["status"]).0.contains(told));
    let status: serde_json::Value = serde_json::from_str(&heard(&["status", "--json"]).0).expect("JSON");
    assert_eq!(status["not_applied"][0]["index"], world.index.as_str());
    for verb in &verbs[2..] {
        let (_, complained) = heard(verb);
        assert!(
            complained.contains(told) && complained.lines().count() == 1,
            "{complained}"
        );
    }
    said(&world, &["apply", "--yes"]);
    assert!(!heard(&["status"]).0.contains(told));
    running.stop().await;
}

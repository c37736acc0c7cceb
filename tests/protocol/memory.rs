//! Memory is bounded, whatever is backfilled or stormed.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::world::{World, assert_same};

/// What the program that runs tells of itself.
async fn metric(world: &World, name: &str) -> Option<f64> {
    let log = world.log();
    let line = log.lines().find(|line| line.contains("listening"))?;
    let port = line.split("127.0.0.1:").nth(1)?;
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let mut socket = TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()?;
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.ok()?;
    let value = answer
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn large_documents_stay_within_the_bytes_that_may_be_under_way() {
    // 12 MB of documents from 100 bytes to 240 kB, most of them small.
    let world = World::with(
        "create table note (id bigint primary key, body text); \
         insert into note select g, repeat('x', 100 + (g * g * 37) % case g % 3 when 0 then 240000 else 3000 end) from generate_series(1, 300) g",
        &["index: '{index}'\ntable: note\nfields:\n  id: long\n  body: { type: text, index: false }\n"],
        "pipeline:\n  queue_bytes: 1MB\n  body_bytes: 300kB\n  live_body_bytes: 100kB\n  max_document_bytes: 300kB\n",
    )
    .await;
    let truth = "select id::text, json_build_object('id', id, 'body', body) from note where id <= 300";
    let letter = format!("highwater_dead_letters{{index=\"{}\"}}", world.index);
    let daemon = world.start_program();
    world.live().await;
    world
        .run("insert into note values (1001, repeat('y', 400000)); update note set body = body || '!'")
        .await;
    world.settled().await;
    let letters: Vec<(String, String)> = sqlx::query_as("select key, reason from highwater.dead")
        .fetch_all(&world.pool)
        .await
        .expect("Postgres answers");
    assert!(
        matches!(&letters[..], [(key, reason)] if key == "1001" && reason.contains("max_document_bytes")),
        "{letters:?}"
    );
    assert_same(&world.truth(truth).await, &world.documents().await, "all others");
    // It tells what it counts once a second: the letter is in what it tells after all of this was written.
    let started = Instant::now();
    while metric(&world, "highwater_touches_waiting").await != Some(0.0) || metric(&world, &letter).await != Some(1.0) {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "it never tells of the letter"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let highest = metric(&world, "highwater_bytes_under_way_highest")
        .await
        .expect("a number");
    assert!(highest <= 1_000_000.0, "{highest} bytes were under way");
    assert!(highest >= 240_000.0, "not measured: {highest}");
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_with_a_hundred_thousand_children_is_limited_or_kept_aside() {
    let world = World::with(
        "create table book (id int primary key); create table review (id int primary key, book_id int references book, body text); \
         insert into book select generate_series(1, 40); create index on review (book_id, id); \
         insert into review select g, 1, 'Said ' || g from generate_series(1, 100000) g; \
         insert into review select 100000 + g, g % 39 + 2, 'Said ' || g from generate_series(1, 400) g",
        &[
            "index: '{index}'\ntable: book\nfields:\n  reviews: { many: review, order: id, limit: 50, value: body, type: text }\n",
            "index: '{index}'\ntable: book\nfields:\n  reviews: { many: review, order: id, value: body, type: text }\n",
        ],
        "pipeline:\n  max_document_bytes: 1MB\n  body_bytes: 1MB\n",
    )
    .await;
    let truth = |of: &str| {
        format!(
            "select book.id::text, json_build_object('reviews', (select json_agg(body order by id) from review where book_id = book.id{of}"
        )
    };
    let running = world.start().await;
    world.live().await;
    world
        .run("update review set body = body || '!' where id % 100 = 0")
        .await;
    world.settled().await;
    let limited = truth(" and id <= case book_id when 1 then 50 else 200000 end)) from book");
    assert_same(&world.truth(&limited).await, &world.documents().await, "fifty of each");
    let others = truth(")) from book where id > 1");
    let whole = world.documents_of(&format!("{}-2", world.index)).await;
    assert_same(&world.truth(&others).await, &whole, "all of each");
    let letters: Vec<(String, String)> = sqlx::query_as("select key, reason from highwater.dead")
        .fetch_all(&world.pool)
        .await
        .expect("Postgres answers");
    assert!(
        matches!(&letters[..], [(key, reason)] if key == "1" && reason.contains("max_document_bytes")),
        "{letters:?}"
    );
    running.stop().await;
}

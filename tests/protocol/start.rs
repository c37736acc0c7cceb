//! The first moments of a daemon: it can be asked before anything else answers, and names the server that it waits for.

use highwater::config::Config;
use tokio::net::{TcpListener, TcpStream};

use crate::support::proxy;
use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); insert into book values (1, 'One')";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";
const TRUTH: &str = "select id::text, json_build_object('id', id, 'title', title) from book";

/// Lets whoever connects through to `target`, from now on.
async fn open(port: u16, target: String) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port is free again");
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            let mut outside = TcpStream::connect(&target).await.expect("the server answers");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut inside, &mut outside).await });
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_answers_while_it_waits_for_postgres_and_then_goes_on() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = closed.local_addr().expect("an address").port();
    drop(closed);
    let mut url: url::Url = world.database.url().parse().expect("a URL");
    let target = proxy::target(url.as_str());
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(port)).expect("a port");
    world.configure_for(url.as_str(), world.elastic_url(), &[DEFINITION], "");
    let running = world.start_with(world.config());
    running.waits_for("postgres", "refused").await;
    running.waits_for("postgres", "nothing listens there").await;
    let (ready, _) = running.answer("/readyz").await.expect("an answer");
    let (healthy, page) = running.answer("/healthz").await.expect("an answer");
    assert_eq!((ready, healthy), (503, 200), "{page}");
    let door = open(port, target).await;
    world.live().await;
    running.waits_for_nothing().await;
    world.assert_in_step(TRUTH, "once Postgres answered").await;
    running.stop().await;
    door.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_waits_for_postgres_can_be_stopped() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.configure_for(
        "postgres://nobody@127.0.0.1:1/nowhere",
        world.elastic_url(),
        &[DEFINITION],
        "",
    );
    let running = world.start_with(world.config());
    running.waits_for("postgres", "refused").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_holds_up_is_told_of_postgres() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    running.waits_for_nothing().await;
    let mut application = world.pool.begin().await.expect("a transaction");
    sqlx::query("lock table book in access exclusive mode")
        .execute(&mut *application)
        .await
        .expect("a lock");
    world.run("select highwater.touch('book', '1')").await;
    running.waits_for("postgres", "lock timeout").await;
    let page = running.page("/readyz").await.expect("a page");
    assert_eq!(page["elasticsearch"]["ready"], true, "{page}");
    application.rollback().await.expect("an end");
    running.waits_for_nothing().await;
    running.stop().await;
}

/// The log of a daemon that cannot make one of its indexes says of which, why, and what to do; the others come up.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_made_is_named_and_stops_no_other() {
    let world = World::with(SCHEMA, &[DEFINITION, DEFINITION], "log: { format: json }\n").await;
    let config: Config = world.config();
    let mut owner = world.database.connect().await;
    highwater::job::apply::apply(&mut owner, &config.definitions, "postgres", &config.job)
        .await
        .expect("both are applied");
    // As a cluster that has changed its mind: what was applied is no longer taken.
    world
        .run("update highwater.generation set definition = replace(definition, 'title: text', 'title: { type: text, analyzer: gone }') \
              where id = (select min(id) from highwater.generation)")
        .await;
    world.configure(
        &[],
        "log: { format: json }\ncapture: { mode: check }\nindexes: [indexes/1.yaml]\n",
    );
    let program = world.start_program();
    world.said("bringing an index up has to wait").await;
    world
        .until("exists (select from highwater.generation where state = 'live')")
        .await;
    let log = world.log();
    let line = log
        .lines()
        .find(|line| line.contains("bringing an index up has to wait"))
        .expect("a line");
    let fields = &serde_json::from_str::<serde_json::Value>(line).expect("JSON")["fields"];
    assert_eq!(fields["index"], format!("{}-000001", world.index), "{line}");
    assert!(
        fields["error"].as_str().is_some_and(|error| error.contains("[gone]")),
        "{line}"
    );
    assert!(
        fields["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("change what the reason names")),
        "{line}"
    );
    drop(program);
}

//! A test's own little world: a database, an index name nobody else has, a configuration in a folder, and the daemon, as
//! a task of this process or as the real program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use highwater::config::Config;
use serde_json::Value;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::postgres::TestDatabase;

/// Everything one test uses. Indexes are deleted and the database is dropped with it.
pub struct World {
    pub database: TestDatabase,
    pub pool: PgPool,
    /// The alias; definitions say `{index}` for it.
    pub index: String,
    folder: tempfile::TempDir,
    elastic_url: String,
    transport: Transport,
}

/// The daemon as a task.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), highwater::daemon::DaemonError>>,
    /// Of its pages.
    address: SocketAddr,
}

impl Running {
    /// Stops it in order.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("an orderly end");
    }

    /// Ends it without any farewell, as far as a task can be: nothing is settled.
    pub async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// What one of its pages says.
    pub async fn page(&self, path: &str) -> Option<Value> {
        Some(self.answer(path).await?.1)
    }

    /// The same, with its status.
    pub async fn answer(&self, path: &str) -> Option<(u16, Value)> {
        let mut connection = TcpStream::connect(self.address).await.ok()?;
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        connection.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    }

    /// Waits until it says, on `/readyz`, that it waits for a server, and why.
    pub async fn waits_for(&self, server: &str, why: &str) {
        let waits = |page: &Value| {
            page[server]["waiting"]
                .as_str()
                .is_some_and(|reason| reason.contains(why))
        };
        self.says(&format!("{server} {why}"), waits).await;
    }

    /// Waits until it says that the database no longer fits the definition of an index, and why.
    pub async fn is_unfit(&self, index: &str, why: &str) {
        let unfit = |page: &Value| {
            let mut told = page["unfit"].as_object().into_iter().flatten();
            let of_index = |(generation, reason): (&String, &Value)| {
                generation.starts_with(index) && reason.as_str().is_some_and(|reason| reason.contains(why))
            };
            page["ready"] == false && page["indexes"][index] == "unfit" && told.any(of_index)
        };
        self.says(&format!("that {index} is unfit: {why}"), unfit).await;
    }

    /// Waits until it says that it waits for neither server.
    pub async fn waits_for_nothing(&self) {
        let well = |page: &Value| page["postgres"]["ready"] == true && page["elasticsearch"]["ready"] == true;
        self.says("that both servers are well", well).await;
    }

    async fn says(&self, what: &str, is: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        loop {
            let page = self.page("/readyz").await;
            if page.as_ref().is_some_and(&is) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "it never said: {what}; but {page:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for it to end by itself.
    pub async fn outcome(self) -> Result<(), highwater::daemon::DaemonError> {
        self.task.await.expect("no panic")
    }
}

/// The daemon as the real program; killed with this value.
pub struct Program(pub Child);

impl Program {
    /// kill -9.
    pub fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it is our child");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long anything may take before a test gives up; never a measure of speed.
const PATIENCE: Duration = Duration::from_mins(3);

impl World {
    /// A database with `schema`, and one definition, in which `{index}` stands for the index's name.
    pub async fn new(schema: &str, definition: &str) -> Self {
        Self::with(schema, &[definition], "").await
    }

    /// The same with several definitions (`{index}` gets a suffix each: none, `-2`, `-3`), and more configuration.
    pub async fn with(schema: &str, definitions: &[&str], more: &str) -> Self {
        Self::at((None, None), schema, definitions, more).await
    }

    /// The same on servers of its own: Postgres, Elasticsearch; the shared ones where absent.
    pub async fn at(
        (postgres, elastic): (Option<&str>, Option<&str>),
        schema: &str,
        definitions: &[&str],
        more: &str,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = match postgres {
            Some(server) => TestDatabase::create_on(server.parse().expect("a URL"), "").await,
            None => TestDatabase::create().await,
        };
        database.run(schema).await;
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(20)
            .connect(&database.url())
            .await
            .expect("the test database answers");
        let shared = || {
            std::env::var("STACK_ELASTICSEARCH_URL")
                .expect("STACK_ELASTICSEARCH_URL names no Elasticsearch: eval \"$(stack/stack env)\"")
        };
        let elastic_url = elastic.map_or_else(shared, str::to_owned);
        let nodes = SingleNodeConnectionPool::new(Url::parse(&elastic_url).expect("a URL"));
        let transport = TransportBuilder::new(nodes).build().expect("a transport");
        let index = database.name().replace("highwater_test_", "t");
        let world = Self {
            database,
            pool,
            index,
            folder: tempfile::tempdir().expect("a folder"),
            elastic_url,
            transport,
        };
        world.configure(definitions, more);
        world
    }

    /// Writes configuration and definitions anew.
    pub fn configure(&self, definitions: &[&str], more: &str) {
        self.configure_for(&self.database.url(), &self.elastic_url, definitions, more);
    }

    /// The same, with the servers reached another way, such as through a proxy.
    pub fn configure_for(&self, postgres: &str, elastic: &str, definitions: &[&str], more: &str) {
        let indexes = self.folder.path().join("indexes");
        std::fs::create_dir_all(&indexes).expect("a folder");
        for (position, definition) in definitions.iter().enumerate() {
            let name = if position == 0 {
                self.index.clone()
            } else {
                format!("{}-{}", self.index, position + 1)
            };
            std::fs::write(
                indexes.join(format!("{position}.yaml")),
                definition.replace("{index}", &name),
            )
            .expect("a file");
        }
        let mut text = String::new();
        writeln!(
            text,
            "postgres:\n  url: \"{postgres}\"\nelasticsearch:\n  url: \"{elastic}\""
        )
        .expect("text");
        writeln!(text, "http:\n  listen: 127.0.0.1:0").expect("text");
        text.push_str(more);
        std::fs::write(self.config_file(), text).expect("a file");
    }

    /// Where the cluster is.
    pub fn elastic_url(&self) -> &str {
        &self.elastic_url
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("highwater.yaml")
    }

    /// The configuration as the daemon reads it; change it before [`World::start_with`].
    pub fn config(&self) -> Config {
        Config::load(&self.config_file(), &|_| None).expect("a sound configuration")
    }

    /// Starts the daemon as a task and waits until the index is live.
    pub async fn start(&self) -> Running {
        let running = self.start_with(self.config());
        self.live().await;
        running
    }

    /// Starts the daemon as a task.
    #[expect(
        clippy::unused_self,
        reason = "a daemon is started in some world, even where the world is in its configuration"
    )]
    pub fn start_with(&self, mut config: Config) -> Running {
        let stop = CancellationToken::new();
        let free = std::net::TcpListener::bind(config.http.listen).and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        config.http.listen = address;
        let task = tokio::spawn(highwater::daemon::run(config, stop.clone()));
        Running { stop, task, address }
    }

    /// A verb of the real program.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.arg("--config").arg(self.config_file()).args(arguments);
        // Twins of the configuration would go before it.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HIGHWATER_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// `highwater run` as a process of its own; its log goes to `run.log` in the configuration's folder.
    pub fn start_program(&self) -> Program {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("run.log"))
            .expect("a log file");
        let child = self
            .program(&["run"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Program(child)
    }

    /// What the program logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("run.log")).unwrap_or_default()
    }

    /// Waits until the program has logged this.
    pub async fn said(&self, what: &str) {
        let started = Instant::now();
        while !self.log().contains(what) {
            assert!(started.elapsed() < PATIENCE, "never said: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until `question`, an SQL expression, is true.
    pub async fn until(&self, question: &str) {
        let started = Instant::now();
        loop {
            let answer = sqlx::query(AssertSqlSafe(format!("select coalesce(({question}), false)")))
                .fetch_one(&self.pool)
                .await;
            if answer.is_ok_and(|row| row.get::<bool, _>(0)) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "never came true: {question}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until every index is live.
    pub async fn live(&self) {
        self.until(
            "select count(*) > 0 and bool_and(state = 'live') from highwater.generation where state <> 'retired'",
        )
        .await;
    }

    /// Waits until everything that has committed by now is acknowledged.
    pub async fn settled(&self) {
        let mark: String = sqlx::query("select pg_current_xact_id()::text")
            .fetch_one(&self.pool)
            .await
            .expect("Postgres answers")
            .get(0);
        self.until(&format!(
            "not exists (select from highwater.touch where xid < '{mark}'::xid8) \
             and not exists (select from highwater.parked) \
             and not exists (select from highwater.clock where touched < at) \
             and not exists (select from highwater.job where state <> 'done') \
             and (select suspect_since is null from highwater.source)"
        ))
        .await;
    }

    /// Runs statements separated by semicolons, each outside any transaction of ours.
    pub async fn run(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{error}: {statements}"));
    }

    /// Asks Elasticsearch; returns status and answer.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string());
        let answer = self
            .transport
            .send(
                method,
                path,
                {
                    let mut headers = HeaderMap::new();
                    headers.insert("content-type", "application/json".parse().expect("a header"));
                    headers
                },
                None::<&()>,
                body,
                Some(Duration::from_secs(30)),
            )
            .await
            .expect("Elasticsearch answers");
        let status = answer.status_code().as_u16();
        let text = answer.text().await.expect("an answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// One document as the index holds it, by realtime GET; without the mark.
    pub async fn document(&self, id: &str) -> Option<Value> {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        let (status, mut answer) = self.ask(Method::Get, &format!("/{}/_doc/{id}", self.index), None).await;
        (status == 200).then(|| without_mark(answer["_source"].take()))
    }

    /// Waits until searches see everything written: a shard that has just started is not refreshed at once.
    async fn refreshed(&self, index: &str) {
        let asked = Instant::now();
        loop {
            let (status, answer) = self.ask(Method::Post, &format!("/{index}/_refresh"), None).await;
            let shards = &answer["_shards"];
            if status == 200 && shards["failed"] == 0 && shards["successful"] != 0 {
                return;
            }
            assert!(asked.elapsed() < PATIENCE, "not refreshed: {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The answer's text to a search for every document, after a refresh.
    pub async fn search_all(&self, index: &str) -> String {
        self.refreshed(index).await;
        let path = format!("/{index}/_search?size=10000");
        self.transport
            .send(
                Method::Get,
                &path,
                HeaderMap::new(),
                None::<&()>,
                None::<String>,
                Some(Duration::from_secs(30)),
            )
            .await
            .expect("Elasticsearch answers")
            .text()
            .await
            .expect("an answer")
    }

    /// Every document of an index (or alias), by id, without the mark.
    pub async fn documents_of(&self, index: &str) -> BTreeMap<String, Value> {
        self.refreshed(index).await;
        let query = serde_json::json!({ "size": 10_000, "query": { "match_all": {} } });
        let (status, mut answer) = self.ask(Method::Post, &format!("/{index}/_search"), Some(query)).await;
        assert_eq!(status, 200, "{answer}");
        let hits = answer["hits"]["hits"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        assert!(hits.len() < 10_000, "more documents than one page holds");
        hits.into_iter()
            .map(|mut hit| {
                (
                    hit["_id"].as_str().unwrap_or_default().to_owned(),
                    without_mark(hit["_source"].take()),
                )
            })
            .collect()
    }

    /// Every document of the world's index.
    pub async fn documents(&self) -> BTreeMap<String, Value> {
        self.documents_of(&self.index).await
    }

    /// The version of every document of the world's index, by id.
    pub async fn versions(&self) -> BTreeMap<String, i64> {
        self.refreshed(&self.index).await;
        let query = serde_json::json!({ "size": 10_000, "version": true, "_source": false });
        let (status, answer) = self
            .ask(Method::Post, &format!("/{}/_search", self.index), Some(query))
            .await;
        assert_eq!(status, 200, "{answer}");
        let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
        let id = |hit: &Value| hit["_id"].as_str().unwrap_or_default().to_owned();
        hits.iter()
            .map(|hit| (id(hit), hit["_version"].as_i64().expect("a version")))
            .collect()
    }

    /// What independent SQL says the documents are: rows of (id text, document json).
    pub async fn truth(&self, sql: &str) -> BTreeMap<String, Value> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&self.pool)
            .await
            .expect(sql);
        rows.iter().map(|row| (row.get(0), row.get::<Value, _>(1))).collect()
    }

    /// Waits for everything to settle, then compares every document with what `sql` says.
    pub async fn assert_in_step(&self, sql: &str, context: &str) {
        self.settled().await;
        assert_same(&self.truth(sql).await, &self.documents().await, context);
    }
}

/// Compares whole documents; names the ids that differ.
pub fn assert_same(truth: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>, context: &str) {
    let mut wrong = Vec::new();
    for id in truth
        .keys()
        .chain(found.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        if truth.get(id) != found.get(id) {
            wrong.push(format!(
                "{id}\n  should be {:?}\n  is        {:?}",
                truth.get(id),
                found.get(id)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{context}: {} documents differ\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}

fn without_mark(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.shift_remove("_highwater");
    }
    document
}

impl Drop for World {
    fn drop(&mut self) {
        let (url, index) = (self.elastic_url.clone(), self.index.clone());
        // `drop` cannot wait inside the test's own runtime.
        let thread = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                let Ok(url) = Url::parse(&url) else { return };
                let Ok(transport) = TransportBuilder::new(SingleNodeConnectionPool::new(url)).build() else {
                    return;
                };
                for path in [
                    format!("/{index}-0*,{index}-2-0*,{index}-3-0*?ignore_unavailable=true"),
                    format!("/_index_template/highwater-{index}"),
                ] {
                    let _ = transport
                        .send(
                            Method::Delete,
                            &path,
                            HeaderMap::new(),
                            None::<&()>,
                            None::<String>,
                            None,
                        )
                        .await;
                }
            });
        });
        drop(thread.join());
    }
}

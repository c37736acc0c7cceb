//! The server that `STACK_POSTGRES_URL` names, and a database of its own there for each test.

use std::hash::{BuildHasher, Hasher, RandomState};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

/// A database that is dropped with this value, as far as the server is still there.
pub struct TestDatabase {
    server: Url,
    name: String,
}

impl TestDatabase {
    pub async fn create() -> Self {
        Self::create_with("").await
    }

    /// `options` are those of `CREATE DATABASE`, such as `TEMPLATE template0 ENCODING 'LATIN1'`.
    pub async fn create_with(options: &str) -> Self {
        Self::create_on(server_url(), options).await
    }

    /// On another server than the shared one.
    pub async fn create_on(server: Url, options: &str) -> Self {
        // Every RandomState has keys of its own: random enough to tell tests and runs apart.
        let name = format!("highwater_test_{:016x}", RandomState::new().build_hasher().finish());
        let mut connection = PgConnection::connect(server.as_str())
            .await
            .expect("the test server answers");
        sqlx::query(AssertSqlSafe(format!("create database {name} {options}")))
            .execute(&mut connection)
            .await
            .expect("a new database");
        connection.close().await.expect("goodbye");
        Self { server, name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.into()
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url())
            .await
            .expect("the test database answers")
    }

    /// Runs statements separated by semicolons.
    pub async fn run(&self, statements: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&mut connection)
            .await
            .expect(statements);
        connection.close().await.expect("goodbye");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("drop database if exists {} with (force)", self.name);
        // `drop` cannot wait inside the test's own runtime.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(server.as_str())
                    .await
                    .map_err(std::io::Error::other)?;
                sqlx::query(AssertSqlSafe(statement))
                    .execute(&mut connection)
                    .await
                    .map_err(std::io::Error::other)
            })
        });
        drop(thread.join());
    }
}

/// For statements that make nothing: creating and dropping a database costs a checkpoint.
pub async fn connect_to_server() -> PgConnection {
    PgConnection::connect(server_url().as_str())
        .await
        .expect("the test server answers")
}

/// Statements by which a subscription writes to these tables, as far as the catalog tells: it never connects.
pub fn subscribed(tables: &[&str]) -> String {
    let rows = tables.iter().map(|table| {
        format!("; insert into pg_subscription_rel (srsubid, srrelid, srsubstate) select oid, '{table}'::regclass, 'r' from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())")
    });
    format!(
        "create subscription in_the_catalog connection 'dbname=nowhere' publication elsewhere with (connect = false){}",
        rows.collect::<String>()
    )
}

/// Its end: a database that has a subscription cannot be dropped.
pub const UNSUBSCRIBED: &str =
    "alter subscription in_the_catalog set (slot_name = none); drop subscription in_the_catalog";

fn server_url() -> Url {
    std::env::var("STACK_POSTGRES_URL")
        .expect("STACK_POSTGRES_URL names no Postgres: eval \"$(stack/stack env)\"")
        .parse()
        .expect("STACK_POSTGRES_URL is a URL")
}

//! `check` against real servers: every way a newcomer may get it wrong, and what they are told. What is told is held in
//! snapshots, for people to read.

use std::fs;
use std::path::PathBuf;

use highwater::cli::check::{Report, check};
use highwater::config::Reading;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::postgres::{TestDatabase, UNSUBSCRIBED, subscribed};

const SCHEMA: &str = "
    create table book (id int primary key, title text not null, pages int, published timestamptz, day date, tags text[],
      state text, price numeric, extra jsonb);
    create table author (id int primary key, book_id int references book, name text);
    create index on author (book_id)";

const BOOKS: &str = "index: check-books\ntable: book\nfields:\n  id: long\n  title: text\n";

/// The role need not own anything: somebody else puts ledger and triggers in place.
const BY_HAND: &str = "capture: { mode: check }\n";

/// A configuration on disk, and what differs from run to run in what is said of it.
struct Bench {
    directory: TempDir,
    postgres: String,
    elastic: String,
    more: String,
    hidden: Vec<(String, &'static str)>,
}

impl Bench {
    fn new(postgres: &str) -> Self {
        let elastic =
            std::env::var("STACK_ELASTICSEARCH_URL").expect("STACK_ELASTICSEARCH_URL: eval \"$(stack/stack env)\"");
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("indexes")).unwrap();
        let mut bench = Self {
            directory,
            postgres: postgres.to_owned(),
            elastic,
            more: String::new(),
            hidden: Vec::new(),
        };
        bench.hide_address(postgres);
        bench
            .hidden
            .push((format!("{}/", bench.directory.path().display()), ""));
        bench.define(BOOKS);
        bench
    }

    /// Database and port are chosen anew for each run.
    fn hide_address(&mut self, url: &str) {
        let url: url::Url = url.parse().unwrap();
        let database = url.path().trim_start_matches('/').to_owned();
        if let Some(port) = url.port() {
            self.hidden.push((format!(":{port}"), ":PORT"));
        }
        if !database.is_empty() {
            self.hidden.push((database, "DATABASE"));
        }
    }

    fn define(&self, definition: &str) {
        fs::write(self.directory.path().join("indexes/books.yaml"), definition).unwrap();
    }

    fn file(&self) -> PathBuf {
        let (postgres, elastic, more) = (&self.postgres, &self.elastic, &self.more);
        let text = format!("postgres: {{ url: '{postgres}' }}\nelasticsearch: {{ url: ['{elastic}'] }}\n{more}");
        let file = self.directory.path().join("highwater.yaml");
        fs::write(&file, text).unwrap();
        file
    }

    async fn check(&self, offline: bool) -> Report {
        check(&Reading::of(&self.file(), &|_| None), offline).await
    }

    /// What is said, and the exit code.
    async fn says(&self) -> String {
        let report = self.check(false).await;
        let mut text = format!("{report}\nexit {}", report.exit_code());
        for (hidden, word) in &self.hidden {
            text = text.replace(hidden.as_str(), word);
        }
        // Versions of the servers in the stack.
        let lines = text.lines().map(|line| match line.split_once(' ') {
            Some(("ok:", rest)) if rest.starts_with("Elasticsearch ") => "ok: Elasticsearch VERSION".to_owned(),
            Some(("ok:", rest)) if rest.starts_with("OpenSearch ") => "ok: Elasticsearch VERSION".to_owned(),
            Some(("ok:", rest)) if rest.starts_with("Postgres ") => {
                format!(
                    "ok: Postgres VERSION as {}",
                    rest.rsplit(' ').next().unwrap_or_default()
                )
            }
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

async fn filled() -> (TestDatabase, Bench) {
    let database = TestDatabase::create().await;
    database.run(SCHEMA).await;
    let bench = Bench::new(&database.url());
    (database, bench)
}

async fn deserted() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn all_is_well() {
    let (_database, bench) = filled().await;
    insta::assert_snapshot!(bench.says().await);
    let report = bench.check(true).await;
    assert_eq!((report.well.len(), report.exit_code()), (1, 0));
}

#[tokio::test]
async fn nobody_listens_at_the_port() {
    let mut bench = Bench::new(&format!("postgres://app@127.0.0.1:{}/shop", deserted().await));
    let elastic = deserted().await;
    bench.elastic = format!("http://127.0.0.1:{elastic}");
    bench.hidden.push((format!(":{elastic}"), ":PORT"));
    insta::assert_snapshot!(bench.says().await);
}

#[tokio::test]
async fn no_such_host() {
    let bench = Bench::new("postgres://app:hidden@no-such-host.invalid:5432/shop");
    let report = bench.check(false).await;
    let told = &report.unavailable.0[0];
    assert_eq!(report.exit_code(), 69);
    assert!(told.remedy.contains("check its name in postgres.url"), "{told}");
    assert!(!report.to_string().contains("hidden"), "{report}");
}

#[tokio::test]
async fn a_wrong_password() {
    let port = refuses_passwords().await;
    let bench = Bench::new(&format!("postgres://app:hidden@127.0.0.1:{port}/shop"));
    insta::assert_snapshot!(bench.says().await);
}

#[tokio::test]
async fn a_url_that_names_nobody() {
    let port = refuses_passwords().await;
    let bench = Bench::new(&format!("postgres://127.0.0.1:{port}/shop"));
    let told = bench.says().await;
    assert!(told.contains("remedy: postgres.url names no user, and \""), "{told}");
}

/// A server that answers every login as Postgres answers a wrong password: the local stack trusts everybody.
async fn refuses_passwords() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0_u8; 4096];
            // A request for TLS is eight bytes long; the login comes after the answer that there is none.
            if socket.read(&mut request).await.unwrap_or(0) == 8 {
                let _ = socket.write_all(b"N").await;
                let _ = socket.read(&mut request).await;
            }
            let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"app\"\0\0";
            let length = u32::try_from(fields.len() + 4).unwrap();
            let answer = [b"E".as_slice(), &length.to_be_bytes(), fields].concat();
            let _ = socket.write_all(&answer).await;
        }
    });
    port
}

#[tokio::test]
async fn a_missing_database() {
    let (database, mut bench) = filled().await;
    bench.postgres = format!("{}_not", database.url());
    insta::assert_snapshot!(bench.says().await);
}

#[tokio::test]
async fn a_missing_table_and_a_missing_column() {
    let (_database, bench) = filled().await;
    bench.define("index: check-books\ntable: books\nfields: { id: long }\n");
    insta::assert_snapshot!("missing_table", bench.says().await);
    bench.define("index: check-books\ntable: book\nfields: { id: long, titel: text, authors: { many: autor, fields: { id: long } } }\n");
    insta::assert_snapshot!("missing_column", bench.says().await);
}

#[tokio::test]
async fn a_role_without_rights_and_one_that_does_not_see_all() {
    let (database, mut bench) = filled().await;
    let name = database.url().rsplit_once('/').unwrap().1.to_owned();
    let role = format!("role_{name}");
    let setup = format!(
        "revoke temporary on database {name} from public; create role {role} login; create schema shut; create table shut.t (id int primary key);
         create table policed (id int primary key, n int); alter table policed enable row level security; grant select on policed to {role}"
    );
    database.run(&setup).await;
    let mut url: url::Url = database.url().parse().unwrap();
    url.set_username(&role).unwrap();
    bench.postgres = url.into();
    bench.hidden.insert(0, (role.clone(), "ROLE"));
    let without_rights = bench.says().await;
    bench.define("index: check-policed\ntable: policed\nfields: { id: long }\n");
    let policed = bench.says().await;
    database
        .run(&format!(
            "alter table policed disable row level security; alter role {role} set search_path = public"
        ))
        .await;
    bench.define("index: check-policed\ntable: policed\nfields: { id: long, twice: { sql: n * 2, type: long } }\n");
    bench.more = BY_HAND.to_owned();
    let not_proved = bench.says().await;
    database.run(&format!("drop owned by {role}; drop role {role}")).await;
    insta::assert_snapshot!("without_rights", without_rights);
    insta::assert_snapshot!("row_level_security", policed);
    insta::assert_snapshot!("no_temporary_views", not_proved);
}

#[tokio::test]
async fn a_role_that_may_not_use_the_ledger() {
    let (database, mut bench) = filled().await;
    bench.more = BY_HAND.to_owned();
    let role = format!("role_{}", database.name());
    database
        .run(&format!(
            "create role {role} login; grant select on book to {role}; create schema highwater; \
             create table highwater.touch (id bigserial primary key)"
        ))
        .await;
    let mut url: url::Url = database.url().parse().unwrap();
    url.set_username(&role).unwrap();
    bench.postgres = url.into();
    bench.hidden.insert(0, (role.clone(), "ROLE"));
    let closed = bench.says().await;
    database
        .run(&format!(
            "grant usage on schema highwater to {role}; grant select, update, delete on highwater.touch to {role}; \
             grant usage, select, update on highwater.touch_id_seq to {role}"
        ))
        .await;
    let half_open = bench.says().await;
    database
        .run(&format!("grant insert on highwater.touch to {role}"))
        .await;
    let open = bench.check(false).await;
    database.run(&format!("drop owned by {role}; drop role {role}")).await;
    insta::assert_snapshot!("closed_ledger", closed);
    insta::assert_snapshot!("half_open_ledger", half_open);
    assert_eq!(open.exit_code(), 0, "{open}");
}

#[tokio::test]
async fn logical_replication_in_and_out() {
    let (database, mut bench) = filled().await;
    bench.more = BY_HAND.to_owned();
    let role = format!("role_{}", database.name());
    database
        .run(&format!(
            "create role {role} login; grant select on book, author to {role}; create publication everything for all tables; {}",
            subscribed(&["author"])
        ))
        .await;
    let mut url: url::Url = database.url().parse().unwrap();
    url.set_username(&role).unwrap();
    bench.postgres = url.into();
    bench.hidden.insert(0, (role.clone(), "ROLE"));
    let published = bench.says().await;
    bench.define("index: check-books\ntable: book\nfields: { id: long, authors: { many: author, value: name, type: keyword } }\n");
    let subscribed = bench.says().await;
    database
        .run(&format!("{UNSUBSCRIBED}; drop owned by {role}; drop role {role}"))
        .await;
    insta::assert_snapshot!("publication_for_all_tables", published);
    insta::assert_snapshot!("subscribed_table", subscribed);
}

#[tokio::test]
async fn a_mapping_that_elasticsearch_refuses() {
    let (_database, bench) = filled().await;
    bench.define(
        "index: check-books\ntable: book\nfields:\n  id: long\n  title:\n    { type: text, analyzer: englisch }\n",
    );
    insta::assert_snapshot!(bench.says().await);
}

#[tokio::test]
async fn kafka_is_an_extra() {
    let (_database, mut bench) = filled().await;
    let port = deserted().await;
    bench.hidden.push((format!(":{port}"), ":PORT"));
    bench.more = format!("kafka: {{ brokers: ['127.0.0.1:{port}'], topics: [orders] }}\n");
    insta::assert_snapshot!("without_brokers", bench.says().await);
    bench.more = format!(
        "kafka: {{ brokers: ['127.0.0.1:{port}'], topics: [orders], properties: {{ security.protokol: ssl }} }}\n"
    );
    insta::assert_snapshot!("wrong_property", bench.says().await);
}

/// Expressions over the row of `book`, each `sql | type`.
const GOOD: [&str; 22] = [
    "lower(title)",
    "title || ' (' || pages || ')'",
    "extract(year from published)::int",
    "published::date",
    "published::text",
    "date_trunc('day', published)::text",
    "to_char(published, 'YYYY-MM')",
    "day > '2020-01-01'",
    "day < published",
    "published + interval '1 month' > '2020-01-01 00:00+00'",
    "concat_ws(' ', title, pages)",
    "coalesce(extra ->> 'subtitle', title)",
    "pages::text",
    "(extra ->> 'n')::int",
    "array_to_string(tags, ',')",
    "state = 'today'",
    "jsonb_build_object('t', title, 'p', price)",
    "case when pages > 100 then 'long' else 'short' end",
    "to_date(state, 'YYYY-MM-DD')",
    "book.title",
    "title -- as it is",
    "pages between 1 and 10 and title is not null",
];

/// And what is said of those that will not do.
const BAD: [(&str, &str); 21] = [
    ("now()::text", "now() may give another result"),
    ("current_date::text", "the clock and the session's user"),
    ("random()::text", "random() may give another result"),
    ("published > 'today'::timestamptz", "are the clock"),
    (
        "age(published)::text",
        "age(timestamp with time zone) may give another result",
    ),
    ("state::date::text", "a cast of text to date"),
    ("state::timestamptz::text", "a cast of text to timestamp with time zone"),
    ("(select max(id) from public.author)", "a subquery"),
    ("count(*)", "an aggregate"),
    ("row_number() over ()", "a window function"),
    ("unnest(tags)", "several rows"),
    ("ctid::text", "system columns"),
    ("to_char(price, '9D9')", "to_char(numeric,text) may give another result"),
    ("titel", "column \"titel\" does not exist"),
    (
        "public.volatile_one(id)",
        "public.volatile_one(integer) may give another result",
    ),
    (
        "lower(title",
        "the expression is not complete, or closes more than it opens",
    ),
    ("lower(title))", "the expression is not complete"),
    ("title || 'it", "the expression is not complete"),
    ("lower(,title)", "syntax error at or near \",\""),
    ("(select max(id) from author)", "relation \"author\" does not exist"),
    (
        "published > highwater.clock()",
        "highwater.clock() may give another result",
    ),
];

#[tokio::test]
async fn expressions_may_read_their_row_alone() {
    let (database, bench) = filled().await;
    database
        .run("create function public.volatile_one(int) returns int language sql volatile as 'select $1'")
        .await;
    let field = |(at, sql): (usize, &&str)| format!("  f{at}: {{ sql: {}, type: keyword }}\n", serde_json::json!(sql));
    let define = |list: &[&str]| {
        let fields: String = list.iter().enumerate().map(field).collect();
        bench.define(&format!(
            "index: check-books\ntable: book\nfields:\n  id: long\n{fields}"
        ));
    };
    define(&GOOD);
    let report = bench.check(false).await;
    assert!(report.mistakes.0.is_empty(), "{report}");

    bench.define(
        "index: check-books\ntable: book\ndue: published\nwhere: published <= highwater.clock()\nfields:\n  id: long\n",
    );
    let report = bench.check(false).await;
    assert!(report.mistakes.0.is_empty(), "{report}");
    assert!(
        report
            .to_string()
            .contains("CREATE INDEX CONCURRENTLY ON \"public\".\"book\" (\"published\")"),
        "{report}"
    );

    let (sqls, messages): (Vec<&str>, Vec<&str>) = BAD.into_iter().unzip();
    define(&sqls);
    let report = bench.check(false).await;
    assert_eq!(
        (report.mistakes.0.len(), report.exit_code()),
        (BAD.len(), 78),
        "{report}"
    );
    for (at, (mistake, message)) in report.mistakes.0.iter().zip(messages).enumerate() {
        assert_eq!(mistake.place.line, at + 5, "{mistake}");
        assert!(mistake.found.contains(message), "{}: {mistake}", sqls[at]);
        let (sql, remedy) = (sqls[at], &mistake.remedy);
        let clock = ["now()", "current_date", "'today'", "age("]
            .iter()
            .any(|clock| sql.contains(clock));
        assert_eq!(
            remedy.contains("use highwater.clock(), and name"),
            clock,
            "{sql}: {remedy}"
        );
        let subquery = sql.contains("select") || ["an aggregate", "a window function"].contains(&message);
        assert_eq!(remedy.contains("`max: review.stars`"), subquery, "{sql}: {remedy}");
    }
    let mut left = database.connect().await;
    let views: i64 = sqlx::query_scalar("select count(*) from pg_class where relname = 'highwater proof'")
        .fetch_one(&mut left)
        .await
        .unwrap();
    assert_eq!(views, 0);
}

#[tokio::test]
async fn a_filter_is_a_condition_and_may_name_its_junctions() {
    let (database, bench) = filled().await;
    database
        .run(
            "create table tag (id int primary key, name text);
             create table book_tag (book_id int references book, tag_id int references tag, weight int, primary key (book_id, tag_id));
             create index on book_tag (tag_id)",
        )
        .await;
    bench.define(
        "index: check-books\ntable: book\nwhere: title\nfields:\n  id: long\n  tags:\n    many: tag\n    through: book_tag\n    \
         where: book_tag.weight > 1 and name <> ''\n    fields: { id: long, strong: { sql: book_tag.weight > 5, type: boolean } }\n",
    );
    let report = bench.check(false).await;
    let found: Vec<_> = report
        .mistakes
        .0
        .iter()
        .map(|mistake| (mistake.place.line, mistake.found.as_str()))
        .collect();
    let expected = "Postgres refuses the expression: argument of WHERE must be type boolean, not type text";
    assert_eq!(found, [(3, expected)], "{report}");
}

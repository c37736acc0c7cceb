//! Where cases are run: a database with a ledger, and highwater's own parts, from the definition's text to documents and
//! from the touch log to keys. No Elasticsearch: documents are held in a map.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use highwater::copies::Copies;
use highwater::definition::Definition;
use highwater::draft::Op;
use highwater::key::Key;
use highwater::ledger::claim::{End, claim};
use highwater::ledger::{capture, lease, migrate};
use highwater::pipeline::{Fleet, Generation, intake};
use highwater::plan::Plan;
use highwater::source::build::Builder;
use highwater::source::catalog::read_catalog;
use highwater::source::{Built, Postgres, PostgresSettings, Scope, snapshot};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::case::Script;
use super::truth::DEAD;
use crate::support::exact::{Documents, canonical};
use crate::support::postgres::TestDatabase;

/// How a case fails.
#[derive(Debug)]
pub enum Failure {
    /// Postgres refuses what the generator wrote: its schema, its rows or its statement.
    Broken(String),
    /// highwater refuses the definition.
    Refused(String),
    /// It cannot build the documents.
    Unbuilt(String),
    /// It builds others.
    Differs(String),
    /// A changed document is not among those that the touches reach.
    Unreached(String),
}

impl Failure {
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn broken(error: &impl ToString) -> Self {
        Self::Broken(error.to_string())
    }

    fn unbuilt(error: &impl ToString) -> Self {
        Self::Unbuilt(error.to_string())
    }
}

/// What a build pins, for the plain statement.
const SETTINGS: &str = "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; \
    set bytea_output = 'hex'; set extra_float_digits = 1; set search_path = pg_catalog; set jit = off; set client_min_messages = warning";

/// The generation that cases are followed up for.
const GENERATION: i32 = 1;

pub struct Bench {
    database: TestDatabase,
    /// Sets cases up, changes rows, says what is true.
    connection: PgConnection,
}

impl Bench {
    pub async fn new() -> Self {
        let database = TestDatabase::create_with("template template0 locale_provider icu icu_locale 'en-US'").await;
        // Nothing here outlives a crash, and a case has many small commits.
        let lazy = format!("alter database {} set synchronous_commit = off", database.name());
        database.run(&lazy).await;
        let mut connection = database.connect().await;
        migrate::migrate(&mut connection).await.expect("a ledger");
        lease::start(&mut connection, std::time::Duration::from_hours(10), 1_000_000_000)
            .await
            .expect("a lease");
        Self { database, connection }
    }

    /// Builds every document, and again what each change reaches.
    pub async fn run(&mut self, script: &Script) -> Result<(), Failure> {
        self.clear().await;
        let rows = if script.rows.is_empty() { "" } else { &script.rows };
        let setup = format!("begin;\n{};\n{rows};\ncommit; {SETTINGS}", script.schema);
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut self.connection).await {
            let _ = sqlx::raw_sql("rollback").execute(&mut self.connection).await;
            return Err(Failure::broken(&error));
        }
        let mut turn = Turn::new(self, script).await?;
        let outcome = turn.all(script).await;
        turn.postgres.pool().close().await;
        outcome
    }

    async fn clear(&mut self) {
        let clear = "set client_min_messages = warning; reset search_path; drop schema public cascade; drop schema if exists \"zweites \"\"Schema\"\"\" cascade; create schema public; \
            delete from highwater.touch; delete from highwater.capture; \
            do $$ declare f regprocedure; begin for f in select oid from pg_catalog.pg_proc where pronamespace = 'highwater'::regnamespace \
            and proname like 'capture\\_%' loop execute 'drop function ' || f; end loop; end $$";
        sqlx::raw_sql(clear)
            .execute(&mut self.connection)
            .await
            .expect("an empty database");
    }
}

/// One case under way.
struct Turn<'b> {
    connection: &'b mut PgConnection,
    postgres: Postgres,
    plan: Arc<Plan>,
    fleet: Fleet,
    builder: Builder,
    revision: i64,
    documents: Documents,
}

impl<'b> Turn<'b> {
    /// Plans the definition, and captures what it shows.
    async fn new(bench: &'b mut Bench, script: &Script) -> Result<Self, Failure> {
        let settings = PostgresSettings {
            url: SecretString::from(bench.database.url()),
            max_connections: 4,
            ..PostgresSettings::default()
        };
        let postgres = Postgres::new(&settings).map_err(|error| Failure::broken(&error))?;
        let mut own = postgres
            .pool()
            .acquire()
            .await
            .map_err(|error| Failure::broken(&error))?;
        let catalog = read_catalog(&mut own).await.map_err(|error| Failure::broken(&error))?;
        let text = script.definition.replace("{index}", "generated");
        let definition =
            Definition::parse("case.yaml", &text).map_err(|mistakes| Failure::Refused(mistakes.to_string()))?;
        let plan = Plan::new(&definition, &catalog).map_err(|mistakes| Failure::Refused(mistakes.to_string()))?;
        let plan = Arc::new(plan);
        for wanted in plan.captures.iter().filter(|_| !script.changes.is_empty()) {
            let installed = capture::install(&mut own, wanted).await;
            installed.map_err(|error| Failure::unbuilt(&error))?;
        }
        let layouts = capture::layouts(postgres.pool()).await.expect("layouts");
        let revision: i64 = sqlx::query_scalar("select revision from highwater.source")
            .fetch_one(&mut *own)
            .await
            .expect("a revision");
        drop(own);
        let fences = snapshot::fence_pool(postgres.pool());
        Ok(Self {
            connection: &mut bench.connection,
            builder: Builder::new(&postgres, &fences, 100_000_000, 1_000_000_000),
            fleet: fleet(&plan, revision, layouts),
            postgres,
            plan,
            revision,
            documents: Documents::new(),
        })
    }

    async fn all(&mut self, script: &Script) -> Result<(), Failure> {
        let everything = Scope::Range { low: None, high: None };
        self.build(everything).await?;
        let mut before = self.truth(&script.truth).await?;
        same(&before, &self.documents, "at first")?;
        for (at, statements) in script.changes.iter().enumerate() {
            self.change(statements).await;
            let after = self.truth(&script.truth).await?;
            let reached = self.reached(&before, &after).await?;
            let changed = |key: &&String| before.get(*key) != after.get(*key);
            let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let missed: Vec<&String> = all
                .into_iter()
                .filter(changed)
                .filter(|key| !reached.contains(&Key::from_text(key)))
                .collect();
            if !missed.is_empty() {
                let text = format!("change {at} of {statements:#?} reaches {reached:?}, but not {missed:?}");
                return Err(Failure::Unreached(text));
            }
            let keys: Vec<Key> = reached.into_iter().collect();
            if !keys.is_empty() {
                self.build(Scope::Keys(&keys, &Copies::default())).await?;
            }
            same(&after, &self.documents, &format!("after change {at}"))?;
            before = after;
        }
        Ok(())
    }

    /// One transaction; what fails in it, fails alone.
    async fn change(&mut self, statements: &[String]) {
        let mut transaction = self.connection.begin().await.expect("a transaction");
        for statement in statements {
            let mut attempt = transaction.begin().await.expect("a savepoint");
            if sqlx::raw_sql(AssertSqlSafe(statement.clone()))
                .execute(&mut *attempt)
                .await
                .is_ok()
            {
                attempt.commit().await.expect("a release");
            } else {
                attempt.rollback().await.expect("a rollback");
            }
        }
        transaction.commit().await.expect("a commit");
    }

    /// The keys that the touches lead to; everything, where a table was emptied.
    async fn reached(&mut self, before: &Documents, after: &Documents) -> Result<BTreeSet<Key>, Failure> {
        let claimed = claim(self.postgres.pool(), 1_000_000, End::Oldest)
            .await
            .expect("a claim");
        let Some(claimed) = claimed else {
            return Ok(BTreeSet::new());
        };
        let resolved = intake::resolve(&self.postgres, &self.fleet, &claimed.touches, 1_000_000).await;
        let resolved = resolved.map_err(|error| Failure::unbuilt(&error))?;
        claimed.transaction.rollback().await.expect("a rollback");
        let deleted = sqlx::query("delete from highwater.touch")
            .execute(&mut *self.connection)
            .await;
        deleted.expect("an empty log");
        let mut reached: BTreeSet<Key> = resolved.targets.into_iter().map(|(_, key)| key).collect();
        if !resolved.jobs.is_empty() {
            reached.extend(before.keys().chain(after.keys()).map(|key| Key::from_text(key)));
        }
        Ok(reached)
    }

    async fn build(&mut self, scope: Scope<'_>) -> Result<(), Failure> {
        let built = self.builder.build(&self.plan, scope, self.revision).await;
        let built = built.map_err(|error| Failure::unbuilt(&error))?;
        self.hold(&built);
        Ok(())
    }

    fn hold(&mut self, built: &Built) {
        for draft in &built.drafts.items {
            let key = draft.key.as_str().to_owned();
            if draft.op == Op::Delete {
                self.documents.remove(&key);
                continue;
            }
            let lines = std::str::from_utf8(&built.drafts.body[draft.span.clone()]).expect("text");
            let (_, source) = lines.split_once('\n').expect("two lines");
            self.documents.insert(key, canonical(source));
        }
        for unfit in &built.unfit {
            self.documents.insert(unfit.key.as_str().to_owned(), DEAD.to_owned());
        }
    }

    async fn truth(&mut self, sql: &str) -> Result<Documents, Failure> {
        let sql = format!("select key, document::text from ({sql}) as truth (key, document)");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *self.connection).await;
        let rows = rows.map_err(|error| Failure::broken(&error))?;
        let document = |text: &str| {
            let document = canonical(text);
            if document.contains(DEAD) {
                DEAD.to_owned()
            } else {
                document
            }
        };
        Ok(rows.iter().map(|row| (row.get(0), document(row.get(1)))).collect())
    }
}

fn fleet(plan: &Arc<Plan>, revision: i64, layouts: HashMap<i32, capture::Layout>) -> Fleet {
    let generation = Generation {
        id: GENERATION,
        index: "generated".to_owned(),
        concrete: "generated-000001".to_owned(),
        live: true,
        made: true,
        hash: plan.hash.clone(),
        plan: Ok(plan.clone()),
    };
    Fleet {
        revision,
        generations: BTreeMap::from([(GENERATION, Arc::new(generation))]),
        layouts,
    }
}

fn same(truth: &Documents, found: &Documents, when: &str) -> Result<(), Failure> {
    let keys: BTreeSet<&String> = truth.keys().chain(found.keys()).collect();
    let wrong = |key: &&String| truth.get(*key) != found.get(*key);
    let Some(key) = keys.into_iter().find(wrong) else {
        return Ok(());
    };
    Err(Failure::Differs(format!(
        "{when}, document {key:?}\n  should be {:?}\n  is        {:?}",
        truth.get(key),
        found.get(key)
    )))
}

//! Ways to the documents, or to the rows they are made of.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use highwater::draft::Op;
use highwater::pipeline::Fleet;
use highwater::plan::Plan;
use highwater::source::build::Builder;
use highwater::source::fetch::{Batch, each_row, raw};
use highwater::source::{Postgres, Scope, SourceError, snapshot};
use sqlx::postgres::{PgPoolCopyExt, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use std::sync::Arc;

use super::books::Books;
use super::cost::{Cost, Spent};
use super::{Ask, Mode};

pub const OURS: &str = "highwater";
pub const ORACLE: &str = "LATERAL and json_agg";
pub const READER: &str = "the same rows, thrown away";
pub const COPY: &str = "COPY of every table";

/// Documents by key, as JSON whose fields stand in the definition's order.
pub type Documents = BTreeMap<i64, serde_json::Value>;

pub trait Way: Send {
    fn name(&self) -> &'static str;
    /// Does the batches; what it cost, or nothing where this way does not know the mode.
    fn turn<'a>(&'a mut self, mode: Mode, batches: &'a [Ask]) -> BoxFuture<'a, Result<Option<Cost>>>;
    /// All documents once; how many rows one of them is made of on average, where this way knows.
    fn rows<'a>(&'a mut self, _batches: &'a [Ask]) -> BoxFuture<'a, Result<Option<f64>>> {
        Box::pin(async { Ok(None) })
    }
    /// The documents of one batch, where this way makes any.
    fn documents<'a>(&'a mut self, _batch: &'a Ask) -> BoxFuture<'a, Result<Documents>> {
        Box::pin(async { Ok(Documents::new()) })
    }
}

/// Bytes of one of these documents, on average, in thousands.
pub fn kilobytes(documents: &Documents) -> f64 {
    let bytes: usize = documents.values().map(|document| document.to_string().len()).sum();
    bytes as f64 / documents.len().max(1) as f64 / 1e3
}

/// Every way, over the same plan. Each has connections of its own.
pub async fn all(books: &Books) -> Result<Vec<Box<dyn Way>>> {
    let fleet = Fleet::read(&books.postgres).await?;
    let (_, plan) = fleet
        .plans()
        .last()
        .ok_or_else(|| anyhow!("the definition cannot be planned"))?;
    let watch = PgPoolOptions::new().max_connections(1).connect(&books.url).await?;
    let pool = PgPoolOptions::new().max_connections(1).connect(&books.url).await?;
    for setting in ["set jit = off", "set plan_cache_mode = force_generic_plan"] {
        sqlx::raw_sql(setting).execute(&pool).await?;
    }
    let fences = snapshot::fence_pool(books.postgres.pool());
    Ok(vec![
        Box::new(Ours {
            builder: Builder::new(&books.postgres, &fences, 100_000_000, 1_000_000_000),
            plan: plan.clone(),
            revision: fleet.revision,
            watch: watch.clone(),
        }),
        Box::new(Oracle {
            pool: pool.clone(),
            watch: watch.clone(),
        }),
        Box::new(Reader {
            pool: pool.clone(),
            postgres: books.postgres.clone(),
            plan: plan.clone(),
            watch: watch.clone(),
        }),
        Box::new(Copy {
            pool,
            books: usize::try_from(books.count)?,
            watch,
        }),
    ])
}

/// highwater's builder, from keys to the body of a bulk request: snapshot, proofs and fence with it.
struct Ours {
    builder: Builder,
    plan: Arc<Plan>,
    revision: i64,
    watch: PgPool,
}

impl Way for Ours {
    fn name(&self) -> &'static str {
        OURS
    }

    fn rows<'a>(&'a mut self, batches: &'a [Ask]) -> BoxFuture<'a, Result<Option<f64>>> {
        Box::pin(async move {
            let (mut rows, mut documents) = (0, 0);
            for batch in batches {
                documents += self.build(batch).await?.drafts.items.len();
                let levels = &self.builder.batch().rows;
                rows += levels.iter().map(|level| level.entries.len()).sum::<usize>();
            }
            Ok(Some(rows as f64 / documents.max(1) as f64))
        })
    }

    fn turn<'a>(&'a mut self, _: Mode, batches: &'a [Ask]) -> BoxFuture<'a, Result<Option<Cost>>> {
        Box::pin(async move {
            let (before, mut documents) = (Spent::now(&self.watch).await?, 0);
            for batch in batches {
                documents += self.build(batch).await?.drafts.items.len();
            }
            Ok(Some(Spent::now(&self.watch).await?.since(&before, documents)))
        })
    }

    fn documents<'a>(&'a mut self, batch: &'a Ask) -> BoxFuture<'a, Result<Documents>> {
        Box::pin(async move {
            let built = self.build(batch).await?;
            let mut documents = Documents::new();
            for draft in built.drafts.items.iter().filter(|draft| draft.op == Op::Index) {
                let lines = &built.drafts.body[draft.span.clone()];
                let source = lines.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default();
                let mut document: serde_json::Value = serde_json::from_slice(source)?;
                if let Some(fields) = document.as_object_mut() {
                    fields.shift_remove("_highwater");
                }
                documents.insert(draft.key.as_str().parse()?, document);
            }
            Ok(documents)
        })
    }
}

impl Ours {
    async fn build(&mut self, batch: &Ask) -> Result<highwater::source::Built> {
        let (plan, revision) = (self.plan.clone(), self.revision);
        let owned = batch.owned();
        self.builder
            .build(&plan, owned.scope(), revision)
            .await
            .map_err(|error| anyhow!("{error}"))
    }
}

/// What most people write: one statement with a LATERAL subquery a relation, JSON made by the server.
struct Oracle {
    pool: PgPool,
    watch: PgPool,
}

const DOCUMENT: &str = r"select b.id, json_build_object('id', b.id, 'isbn', b.isbn, 'title', b.title, 'blurb', b.blurb, 'price', b.price, 'pages', b.pages,
    'rating', b.rating, 'published', b.published, 'added', b.added, 'in_print', b.in_print, 'publisher', p.j,
    'authors', coalesce(a.j, '[]'), 'reviews', coalesce(r.j, '[]'), 'tags', coalesce(t.j, '[]'), 'editions', coalesce(e.j, '[]'))::text
from book b
left join lateral (select json_build_object('id', p.id, 'name', p.name, 'founded', p.founded, 'country',
    (select json_build_object('code', c.code, 'name', c.name) from country c where c.id = p.country_id)) j from publisher p where p.id = b.publisher_id) p on true
left join lateral (select json_agg(json_build_object('id', a.id, 'name', a.name, 'born', a.born, 'bio', a.bio) order by ba.position, a.id) j
    from book_author ba join author a on a.id = ba.author_id where ba.book_id = b.id) a on true
left join lateral (select json_agg(json_build_object('id', r.id, 'reviewer', r.reviewer, 'stars', r.stars, 'body', r.body, 'created_at', r.created_at) order by r.id) j
    from review r where r.book_id = b.id) r on true
left join lateral (select json_agg(t.name order by t.id) j from book_tag bt join tag t on t.id = bt.tag_id where bt.book_id = b.id) t on true
left join lateral (select json_agg(json_build_object('id', e.id, 'format', e.format, 'pages', e.pages, 'isbn', e.isbn, 'printings', coalesce(
    (select json_agg(json_build_object('id', p.id, 'no', p.no, 'copies', p.copies, 'printed', p.printed) order by p.id) from printing p where p.edition_id = e.id), '[]'))
    order by e.id) j from edition e where e.book_id = b.id) e on true where ";

impl Oracle {
    async fn each(&self, batch: &Ask, mut then: impl FnMut(i64, &str) -> Result<()>) -> Result<usize> {
        let condition = match batch {
            Ask::Keys(_) => "b.id = any($1)",
            Ask::Range(..) => "b.id > $1 and b.id <= $2",
        };
        let query = sqlx::query(AssertSqlSafe(format!("{DOCUMENT}{condition}")));
        let query = match batch {
            Ask::Keys(keys) => query.bind(keys),
            Ask::Range(low, high) => query.bind(low.unwrap_or(0)).bind(high.unwrap_or(i64::MAX)),
        };
        let (mut rows, mut documents) = (query.fetch(&self.pool), 0);
        while let Some(row) = rows.try_next().await? {
            then(row.try_get(0)?, row.try_get(1)?)?;
            documents += 1;
        }
        Ok(documents)
    }
}

impl Way for Oracle {
    fn name(&self) -> &'static str {
        ORACLE
    }

    fn turn<'a>(&'a mut self, _: Mode, batches: &'a [Ask]) -> BoxFuture<'a, Result<Option<Cost>>> {
        Box::pin(async move {
            let (before, mut documents) = (Spent::now(&self.watch).await?, 0);
            for batch in batches {
                documents += self.each(batch, |_, _| Ok(())).await?;
            }
            Ok(Some(Spent::now(&self.watch).await?.since(&before, documents)))
        })
    }

    fn documents<'a>(&'a mut self, batch: &'a Ask) -> BoxFuture<'a, Result<Documents>> {
        Box::pin(async move {
            let mut documents = Documents::new();
            let keep = |id, text: &str| {
                documents.insert(id, serde_json::from_str(text)?);
                Ok(())
            };
            self.each(batch, keep).await?;
            Ok(documents)
        })
    }
}

/// highwater's statements with highwater's parameters through the same client, and nothing done with the rows.
struct Reader {
    pool: PgPool,
    postgres: Postgres,
    plan: Arc<Plan>,
    watch: PgPool,
}

impl Way for Reader {
    fn name(&self) -> &'static str {
        READER
    }

    fn turn<'a>(&'a mut self, _: Mode, batches: &'a [Ask]) -> BoxFuture<'a, Result<Option<Cost>>> {
        Box::pin(async move {
            let mut cost = Cost::default();
            let mut documents = 0;
            let mut batch = Batch::bounded(1_000_000_000);
            for ask in batches {
                let owned = ask.owned();
                let mut connection = self.pool.acquire().await?;
                batch
                    .read(&self.plan, owned.scope(), &mut connection, &self.postgres)
                    .await
                    .map_err(|error| anyhow!("{error}"))?;
                let before = Spent::now(&self.watch).await?;
                for position in 0..self.plan.levels.len() {
                    self.read(&batch, owned.scope(), position, &mut connection)
                        .await
                        .map_err(|error| anyhow!("{error}"))?;
                }
                let spent = Spent::now(&self.watch).await?.since(&before, 1000);
                cost.database += spent.database;
                cost.worker += spent.worker;
                cost.allocations += spent.allocations * 1000.0;
                documents += batch.keys.len();
            }
            let share = 1000.0 / documents.max(1) as f64;
            Ok(Some(Cost {
                database: cost.database * share,
                worker: cost.worker * share,
                allocations: cost.allocations / documents.max(1) as f64,
            }))
        })
    }
}

impl Reader {
    /// Binds, asks and looks at every value, as a build does, and no more.
    async fn read(
        &self,
        batch: &Batch,
        scope: Scope<'_>,
        position: usize,
        connection: &mut PgConnection,
    ) -> Result<(), SourceError> {
        let Some((sql, arguments)) = batch.query(&self.plan, scope, position)? else {
            return Ok(());
        };
        let columns = self.plan.levels[position].select.wires.len();
        let throw_away = |row: &PgRow| {
            for at in 0..columns {
                std::hint::black_box(raw(row, at)?);
            }
            Ok(())
        };
        each_row(connection, sql, arguments, throw_away).await
    }
}

/// Each table read once from end to end: the least that all of its rows can cost.
struct Copy {
    pool: PgPool,
    books: usize,
    watch: PgPool,
}

const TABLES: [&str; 10] = [
    "country",
    "publisher",
    "author",
    "book",
    "book_author",
    "review",
    "tag",
    "book_tag",
    "edition",
    "printing",
];

impl Way for Copy {
    fn name(&self) -> &'static str {
        COPY
    }

    fn turn<'a>(&'a mut self, mode: Mode, _: &'a [Ask]) -> BoxFuture<'a, Result<Option<Cost>>> {
        Box::pin(async move {
            if mode != Mode::Ranges {
                return Ok(None);
            }
            let before = Spent::now(&self.watch).await?;
            for table in TABLES {
                let mut bytes = self
                    .pool
                    .copy_out_raw(&format!("copy {table} to stdout (format binary)"))
                    .await?;
                while let Some(chunk) = bytes.try_next().await? {
                    std::hint::black_box(chunk);
                }
            }
            Ok(Some(Spent::now(&self.watch).await?.since(&before, self.books)))
        })
    }
}

//! Runs a level's statement and encodes each row as it arrives.

use futures::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, Either, Executor, PgConnection, Row, ValueRef};

use crate::catalog::Wire;
use crate::key::Key;
use crate::plan::{Level, Link, MAX_JOIN, Plan};

use super::arena::{Entry, Links, NO_LINK, NO_REASON, Rows, count};
use super::build::Scope;
use super::connect::Postgres;
use super::encode;
use super::error::SourceError;
use super::output::encode_outputs;
use super::rank::{push_key, push_rank};

/// Everything a batch holds, level by level; kept by a worker and used again.
#[derive(Default)]
pub struct Batch {
    pub rows: Vec<Rows>,
    /// The values by which rows of each level are found; unused for the root.
    pub links: Vec<Links>,
    /// The roots' keys, in order of arrival.
    pub keys: Vec<Key>,
    /// Their routings likewise, where the index has any.
    pub routings: Vec<Option<String>>,
    scratch: Vec<u8>,
    /// Bytes of the levels read so far.
    read: usize,
    /// Bytes of all levels together that one batch may take.
    pub limit: usize,
}

impl Batch {
    /// An empty one that may take so many bytes.
    pub fn bounded(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Bytes that are kept for the next batch.
    pub fn capacity(&self) -> usize {
        self.rows.iter().map(Rows::capacity).sum()
    }

    fn reset(&mut self, plan: &Plan) {
        self.rows.resize_with(plan.levels.len(), Rows::default);
        self.links.resize_with(plan.levels.len(), Links::default);
        self.rows.iter_mut().for_each(Rows::reset);
        self.keys.clear();
        self.routings.clear();
        self.read = 0;
        for (links, level) in self.links.iter_mut().zip(&plan.levels) {
            links.reset(level.parent_link.len());
        }
    }

    /// Reads every level, the root first.
    ///
    /// # Errors
    /// Those of the statements; [`SourceError::TooLarge`] when the batch outgrows its bound.
    pub async fn read(
        &mut self,
        plan: &Plan,
        scope: Scope<'_>,
        connection: &mut PgConnection,
        postgres: &Postgres,
    ) -> Result<(), SourceError> {
        self.reset(plan);
        for position in 0..plan.levels.len() {
            let Some((sql, arguments)) = self.query(plan, scope, position)? else {
                self.rows[position].sort(0, None);
                continue;
            };
            let reading = each_row(connection, sql, arguments, |row| self.take(plan, position, row));
            postgres.within(reading).await?;
            let links = if position == 0 {
                self.keys.len()
            } else {
                self.links[position].count()
            };
            self.rows[position].sort(links, plan.levels[position].distinct);
            self.read += self.rows[position].size();
        }
        Ok(())
    }

    /// Bytes of all rows as they stand in documents.
    #[must_use]
    pub fn fragments(&self) -> usize {
        self.rows.iter().map(|rows| rows.bytes.len()).sum()
    }

    /// A level's statement and what is bound to it, once the levels above are read; none where no row above links to it.
    ///
    /// # Errors
    /// A key that is not one of the root's.
    pub fn query(
        &self,
        plan: &Plan,
        scope: Scope<'_>,
        position: usize,
    ) -> Result<Option<(String, PgArguments)>, SourceError> {
        if position == 0 {
            root_query(plan, scope).map(Some)
        } else if self.links[position].count() == 0 {
            Ok(None)
        } else {
            level_query(plan, position, &self.links[position]).map(Some)
        }
    }

    fn take(&mut self, plan: &Plan, position: usize, row: &PgRow) -> Result<(), SourceError> {
        let level = &plan.levels[position];
        if let Some(routing) = plan.routing.as_ref().filter(|_| position == 0) {
            let found = text(row, routing.at, Wire::Text, &mut self.scratch)?;
            self.routings.push(found.map(str::to_owned));
        }
        let Some(link) = self.link(level, position, row)? else {
            return Ok(());
        };
        let rows = &mut self.rows[position];
        let start = count(rows.bytes.len());
        if !push_key(level, row, &mut rows.bytes)? {
            return Ok(());
        }
        let key_end = count(rows.bytes.len());
        let sort = push_rank(level, row, &mut rows.sort)?;
        let numbers = count(rows.numbers.len());
        let mut unfit = None;
        for (at, segment) in level.segments.iter().enumerate() {
            if at > 0 {
                rows.numbers.push(count(rows.bytes.len()));
            }
            if unfit.is_none() {
                unfit = encode_outputs(segment, &level.select.wires, row, &mut rows.bytes)?;
            }
        }
        let unfit = unfit.map_or(NO_REASON, |reason| {
            rows.unfit.push(reason);
            count(rows.unfit.len() - 1)
        });
        rows.entries.push(Entry {
            link,
            sort,
            fragment: (start, count(rows.bytes.len())),
            key_end,
            numbers,
            unfit,
        });
        for child in &level.children {
            let number = self.child_link(plan, *child, &level.select.wires, row)?;
            self.rows[position].numbers.push(number);
        }
        if self.read + self.rows[position].size() > self.limit {
            Err(SourceError::TooLarge { limit: self.limit })
        } else {
            Ok(())
        }
    }

    /// Which row above this one belongs to; `None` when to none of them, and for a root without a key.
    fn link(&mut self, level: &Level, position: usize, row: &PgRow) -> Result<Option<u32>, SourceError> {
        match &level.link {
            Link::Key(columns) => {
                if let [at] = columns.as_slice() {
                    let Some(key) = text(row, *at, level.select.wires[*at], &mut self.scratch)? else {
                        return Ok(None);
                    };
                    self.keys.push(Key::from_text(key));
                    return Ok(Some(count(self.keys.len() - 1)));
                }
                let mut parts = Vec::with_capacity(columns.len());
                for at in columns {
                    let Some(part) = text(row, *at, level.select.wires[*at], &mut self.scratch)? else {
                        return Ok(None);
                    };
                    parts.push(part.to_owned());
                }
                self.keys.push(Key::from_parts(parts.iter().map(String::as_str)));
                Ok(Some(count(self.keys.len() - 1)))
            }
            Link::Value(at) => {
                self.scratch.clear();
                let Some(bytes) = raw(row, *at)? else { return Ok(None) };
                encode::push_text(level.select.wires[*at], bytes, &mut self.scratch).map_err(malformed)?;
                Ok(self.links[position].find(&self.scratch))
            }
            Link::Ordinal(at) => {
                let ordinal: i64 = row.try_get(*at)?;
                Ok(u32::try_from(ordinal - 1).ok())
            }
        }
    }

    fn child_link(&mut self, plan: &Plan, child: usize, wires: &[Wire], row: &PgRow) -> Result<u32, SourceError> {
        let columns = &plan.levels[child].parent_link;
        self.scratch.clear();
        let mut parts = [(0, 0); MAX_JOIN];
        for (part, at) in parts.iter_mut().zip(columns) {
            let start = count(self.scratch.len());
            let Some(bytes) = raw(row, *at)? else {
                return Ok(NO_LINK);
            };
            encode::push_text(wires[*at], bytes, &mut self.scratch).map_err(malformed)?;
            *part = (start, count(self.scratch.len()));
        }
        Ok(self.links[child].number(&self.scratch, &parts[..columns.len()]))
    }
}

fn root_query(plan: &Plan, scope: Scope<'_>) -> Result<(String, PgArguments), SourceError> {
    let width = plan.key.len();
    let parts = |key: &Key| {
        key.parts(width)
            .map(|parts| parts.into_iter().map(std::borrow::Cow::into_owned).collect::<Vec<_>>())
            .ok_or_else(|| SourceError::Key(key.clone()))
    };
    let mut arguments = PgArguments::default();
    match scope {
        Scope::Keys(keys, _) => {
            let mut columns: Vec<Vec<String>> = vec![Vec::with_capacity(keys.len()); width];
            for key in keys {
                for (column, part) in columns.iter_mut().zip(parts(key)?) {
                    column.push(part);
                }
            }
            for column in columns {
                bind(&mut arguments, column)?;
            }
            Ok((plan.root().select.sql.clone(), arguments))
        }
        Scope::Range { low, high } => {
            for key in [low, high].into_iter().flatten() {
                for part in parts(key)? {
                    bind(&mut arguments, part)?;
                }
            }
            Ok((plan.range_sql(low.is_some(), high.is_some()), arguments))
        }
    }
}

fn level_query(plan: &Plan, position: usize, links: &Links) -> Result<(String, PgArguments), SourceError> {
    let level = &plan.levels[position];
    let mut arguments = PgArguments::default();
    for part in 0..level.parent_link.len() {
        bind(&mut arguments, links.texts(part))?;
    }
    Ok((level.select.sql.clone(), arguments))
}

/// Runs a statement and hands over each row as it arrives.
///
/// # Errors
/// Those of the statement and of `take`.
pub async fn each_row(
    connection: &mut PgConnection,
    sql: String,
    arguments: PgArguments,
    mut take: impl FnMut(&PgRow) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    // Not `fetch`, which puts one more stream around this one and moves every row once more.
    let mut answers = connection.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
    while let Some(answer) = answers.try_next().await? {
        if let Either::Right(row) = answer {
            take(&row)?;
        }
    }
    Ok(())
}

/// Adds one value to bind.
pub fn bind<'q, T>(arguments: &mut PgArguments, value: T) -> Result<(), SourceError>
where
    T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    use sqlx::Arguments;
    arguments
        .add(value)
        .map_err(|error| SourceError::Postgres(sqlx::Error::Encode(error)))
}

/// A value as it came; `None` for null.
pub fn raw(row: &PgRow, at: usize) -> Result<Option<&[u8]>, SourceError> {
    let value = row.try_get_raw(at);
    // By reference: moved out of the result, the value is copied twice, which costs more than all else here.
    match &value {
        Ok(value) if value.is_null() => Ok(None),
        Ok(value) => value
            .as_bytes()
            .map(Some)
            .map_err(|error| SourceError::Postgres(sqlx::Error::Decode(error))),
        Err(_) => value.map(|_| None).map_err(SourceError::from),
    }
}

fn text<'s>(row: &PgRow, at: usize, wire: Wire, scratch: &'s mut Vec<u8>) -> Result<Option<&'s str>, SourceError> {
    scratch.clear();
    let Some(bytes) = raw(row, at)? else { return Ok(None) };
    encode::push_text(wire, bytes, scratch).map_err(malformed)?;
    std::str::from_utf8(scratch)
        .map(Some)
        .map_err(|error| SourceError::Postgres(sqlx::Error::Decode(error.into())))
}

/// A value that is not of its type's form: no row's fault.
pub fn malformed(unfit: encode::Unfit) -> SourceError {
    SourceError::Postgres(sqlx::Error::Decode(Box::new(unfit)))
}

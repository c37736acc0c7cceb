//! What one commit says at the end of a claim: what is done goes, what is not done is kept elsewhere. All or nothing.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Row, Transaction};

use super::error::LedgerError;
use super::job::NewJob;
use crate::draft::{Delete, Version};
use crate::key::Key;

/// The rows that change when a claim is settled or closed.
#[derive(Debug, Default)]
pub struct Settlement {
    /// Touches that are done, or kept in the rows below.
    pub touches: Vec<(i64, String)>,
    /// Parked keys that are done, at the serial they were taken with.
    pub unparked: Vec<(i32, Key, i64)>,
    /// Keys to try again later.
    pub parked: Vec<Park>,
    pub dead: Vec<Death>,
    /// Documents written: dead letters of older versions are over.
    pub written: Vec<(i32, Key, Version)>,
    /// Deletes to send once more.
    pub deletes: Vec<(i32, Key, Delete)>,
    /// After how long.
    pub repeat_after: std::time::Duration,
    pub jobs: Vec<NewJob>,
    /// The revision that the touches were resolved by: another one may have a generation that they never reached. One
    /// that comes after this commit is backfilled from a snapshot that sees what was touched.
    pub revision: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Park {
    pub generation: i32,
    pub key: Key,
    /// Routings under which copies may stand.
    pub copies: Vec<String>,
    pub reason: String,
    /// The stamp of the oldest touch that it stands for.
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct Death {
    pub generation: i32,
    pub key: Key,
    pub version: Version,
    /// Never a row's content.
    pub reason: String,
    /// Routings under which copies may stand that were not deleted.
    pub copies: Vec<String>,
}

impl Settlement {
    /// Writes everything and commits.
    ///
    /// # Errors
    /// Nothing is changed then, and the claim is open to others again.
    pub async fn commit(&self, mut transaction: Transaction<'static, Postgres>) -> Result<(), LedgerError> {
        self.write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes everything, as part of a transaction.
    ///
    /// # Errors
    /// Those of the statements.
    pub async fn write(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let found = self.remove_done(connection).await?;
        if self.revision.is_some_and(|revision| revision != found) {
            return Err(LedgerError::Refused(format!(
                "the set of indexes has moved on to revision {found}"
            )));
        }
        if !self.unparked.is_empty() {
            self.unpark(connection).await?;
        }
        if !self.parked.is_empty() {
            self.park(connection).await?;
        }
        if !self.dead.is_empty() {
            self.bury(connection).await?;
        }
        if !self.deletes.is_empty() {
            self.remember_deletes(connection).await?;
        }
        for job in &self.jobs {
            job.insert(connection).await?;
        }
        Ok(())
    }

    /// Touches and the dead letters of written documents, in one round trip that returns the ledger's revision too. A
    /// letter's copies are still to be deleted: whoever wrote the document need not have known of them.
    async fn remove_done(&self, connection: &mut PgConnection) -> Result<i64, LedgerError> {
        let (ids, xids): (Vec<i64>, Vec<&str>) = self.touches.iter().map(|(id, xid)| (*id, xid.as_str())).unzip();
        let generations: Vec<i32> = self.written.iter().map(|written| written.0).collect();
        let keys: Vec<&str> = self.written.iter().map(|written| written.1.as_str()).collect();
        let versions: Vec<i64> = self.written.iter().map(|written| written.2.0).collect();
        let row = sqlx::query(
            "WITH done AS (DELETE FROM highwater.touch AS touch USING unnest($1::bigint[], $2::text[]::xid8[]) AS done(id, xid) \
             WHERE touch.id = done.id AND touch.xid = done.xid), \
             over AS (DELETE FROM highwater.dead AS dead USING unnest($3::int[], $4::text[], $5::bigint[]) AS written(generation, key, version) \
             WHERE dead.generation = written.generation AND dead.key = written.key AND dead.version <= written.version \
             RETURNING dead.generation, dead.key, dead.copies), \
             left_over AS (INSERT INTO highwater.touch (generation, columns, copies) \
             SELECT generation, ARRAY[key], copies FROM over WHERE copies <> '{}') \
             SELECT revision FROM highwater.source",
        )
        .bind(ids)
        .bind(xids)
        .bind(generations)
        .bind(keys)
        .bind(versions)
        .fetch_one(connection)
        .await?;
        Ok(row.try_get(0)?)
    }

    async fn unpark(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let generations: Vec<i32> = self.unparked.iter().map(|parked| parked.0).collect();
        let keys: Vec<&str> = self.unparked.iter().map(|parked| parked.1.as_str()).collect();
        let serials: Vec<i64> = self.unparked.iter().map(|parked| parked.2).collect();
        sqlx::query(
            "DELETE FROM highwater.parked AS parked USING unnest($1::int[], $2::text[], $3::bigint[]) AS done(generation, key, serial) \
             WHERE parked.generation = done.generation AND parked.key = done.key AND parked.serial = done.serial",
        )
        .bind(generations)
        .bind(keys)
        .bind(serials)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A key that is parked already gets a new serial: whoever works on the older state may not remove it.
    async fn park(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let mut sorted: Vec<&Park> = self.parked.iter().collect();
        // In key order, so that two that park the same keys do not wait for each other in a circle.
        sorted.sort_by(|left, right| (left.generation, &left.key).cmp(&(right.generation, &right.key)));
        sorted.dedup_by(|left, right| (left.generation, &left.key) == (right.generation, &right.key));
        sqlx::query(
            "INSERT INTO highwater.parked AS parked (generation, key, reason, at, copies) \
             SELECT parking.generation, parking.key, parking.reason, parking.at, ARRAY(SELECT jsonb_array_elements_text(parking.copies)) \
             FROM unnest($1::int[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[]) AS parking(generation, key, reason, at, copies) \
             JOIN highwater.generation AS generation ON generation.id = parking.generation AND generation.state <> 'retired' \
             ON CONFLICT (generation, key) DO UPDATE SET serial = nextval('highwater.serial'), reason = excluded.reason, \
             at = least(parked.at, excluded.at), \
             copies = ARRAY(SELECT DISTINCT unnest(parked.copies || excluded.copies)), attempts = parked.attempts + 1, due_at = now() + interval '1 second' * power(2, least(parked.attempts, 6))",
        )
        .bind(sorted.iter().map(|park| park.generation).collect::<Vec<_>>())
        .bind(sorted.iter().map(|park| park.key.as_str()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|park| park.reason.as_str()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|park| park.at).collect::<Vec<_>>())
        .bind(sorted.iter().map(|park| Json(&park.copies)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A letter that was not there before is confirmed: its key is touched in the same commit, and built once more. The
    /// document may have been written from a newer snapshot meanwhile, by a claim that was settled before this one and
    /// found no letter to remove; now it does.
    async fn bury(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let mut sorted: Vec<&Death> = self.dead.iter().collect();
        sorted.sort_by(|left, right| (left.generation, &left.key).cmp(&(right.generation, &right.key)));
        sorted.dedup_by(|left, right| (left.generation, &left.key) == (right.generation, &right.key));
        sqlx::query(
            "WITH buried AS (INSERT INTO highwater.dead AS dead (generation, key, version, reason, copies) \
             SELECT dying.generation, dying.key, dying.version, dying.reason, ARRAY(SELECT jsonb_array_elements_text(dying.copies)) \
             FROM unnest($1::int[], $2::text[], $3::bigint[], $4::text[], $5::jsonb[]) AS dying(generation, key, version, reason, copies) \
             JOIN highwater.generation AS generation ON generation.id = dying.generation \
             ON CONFLICT (generation, key) DO UPDATE SET version = greatest(dead.version, excluded.version), reason = excluded.reason, \
             copies = ARRAY(SELECT DISTINCT unnest(dead.copies || excluded.copies)), \
             attempts = dead.attempts + 1, last_at = now() RETURNING generation, key, copies, xmax = 0 AS first) \
             INSERT INTO highwater.touch (generation, columns, copies) SELECT generation, ARRAY[key], copies FROM buried WHERE first",
        )
        .bind(sorted.iter().map(|death| death.generation).collect::<Vec<_>>())
        .bind(sorted.iter().map(|death| death.key.as_str()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|death| death.version.0).collect::<Vec<_>>())
        .bind(sorted.iter().map(|death| death.reason.as_str()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|death| Json(&death.copies)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn remember_deletes(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let seconds = self.repeat_after.as_secs_f64();
        sqlx::query(
            "INSERT INTO highwater.repeated_delete (generation, key, version, routing, due_at) \
             SELECT deleted.generation, deleted.key, deleted.version, coalesce(deleted.routing, ''), now() + $5 * interval '1 second' \
             FROM unnest($1::int[], $2::text[], $3::bigint[], $4::text[]) AS deleted(generation, key, version, routing) \
             JOIN highwater.generation AS generation ON generation.id = deleted.generation ON CONFLICT DO NOTHING",
        )
        .bind(self.deletes.iter().map(|delete| delete.0).collect::<Vec<_>>())
        .bind(self.deletes.iter().map(|delete| delete.1.as_str()).collect::<Vec<_>>())
        .bind(self.deletes.iter().map(|delete| delete.2.version.0).collect::<Vec<_>>())
        .bind(self.deletes.iter().map(|delete| delete.2.routing.as_deref()).collect::<Vec<_>>())
        .bind(seconds)
        .execute(connection)
        .await?;
        Ok(())
    }
}

//! From keys to drafts: one snapshot, every level read once, documents put together as bytes.

use std::time::Instant;

use hashbrown::HashSet;
use sqlx::postgres::PgPool;

use crate::copies::Copies;
use crate::draft::{Draft, Drafts, Op, Unfit, Version};
use crate::key::Key;
use crate::plan::{ENCODER, Plan};

use super::arena::Entry;
use super::connect::Postgres;
use super::document::{Assembly, Presence};
use super::encode::push_hex;
use super::error::SourceError;
use super::fetch::Batch;
use super::output::enclose;
use super::snapshot::{self, Expected};

/// Which documents to build.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// These, and where else copies of them may stand; a key without a row becomes a delete.
    Keys(&'a [Key], &'a Copies),
    /// All rows with `low < key <= high`, open where absent.
    Range {
        low: Option<&'a Key>,
        high: Option<&'a Key>,
    },
}

/// What one snapshot gave.
#[derive(Debug)]
pub struct Built {
    pub drafts: Drafts,
    /// Content hashes of the indexed documents, by draft position; empty for deletes.
    pub hashes: Vec<u128>,
    /// Documents that cannot be built.
    pub unfit: Vec<Unfit>,
    /// Keys without a row, in an index with routing, of which nothing says where a document may stand. What deleted the
    /// row does.
    pub absent: Vec<Key>,
    /// When the snapshot was taken.
    pub taken: Instant,
}

/// Builds batches; keeps its buffers. One a worker.
pub struct Builder {
    postgres: Postgres,
    fences: PgPool,
    batch: Batch,
    /// Of one document, in bytes.
    max_document: usize,
    version: Version,
}

impl Builder {
    #[must_use]
    pub fn new(postgres: &Postgres, fences: &PgPool, max_document: usize, max_batch: usize) -> Self {
        Self {
            postgres: postgres.clone(),
            fences: fences.clone(),
            batch: Batch::bounded(max_batch),
            max_document,
            version: Version(0),
        }
    }

    /// Sets the bytes that one batch may take from now on; buffers of much larger ones are given back.
    pub fn bound(&mut self, bytes: usize) {
        if self.batch.capacity() > bytes.saturating_mul(2) {
            self.batch = Batch::bounded(bytes);
        }
        self.batch.limit = bytes;
    }

    /// Of the last snapshot that was taken, whether or not anything could be built from it.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// What was read last.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Builds the documents of `scope` from one snapshot, fenced.
    ///
    /// # Errors
    /// Nothing is built then; see [`SourceError::verdict`].
    pub async fn build(&mut self, plan: &Plan, scope: Scope<'_>, revision: i64) -> Result<Built, SourceError> {
        let started = Instant::now();
        let postgres = &self.postgres;
        let opened = snapshot::open(postgres.pool(), Expected::of(plan, revision), postgres.lock_timeout);
        let mut snapshot = postgres.within(opened).await?;
        self.version = snapshot.version;
        // The fence needs only to follow the snapshot, so it runs beside the statements.
        let (fenced, read) = tokio::join!(
            postgres.within(snapshot::fence(&self.fences)),
            self.batch.read(plan, scope, &mut snapshot.transaction, postgres)
        );
        read?;
        fenced?;
        let (version, taken) = (snapshot.version, snapshot.taken);
        postgres.within(snapshot.transaction.rollback()).await?; // read only: the same as a commit, and cheaper
        let built = self.assemble(plan, scope, version, revision, taken)?;
        crate::metrics::built(started.elapsed());
        Ok(built)
    }

    fn assemble(
        &mut self,
        plan: &Plan,
        scope: Scope<'_>,
        version: Version,
        revision: i64,
        taken: Instant,
    ) -> Result<Built, SourceError> {
        let assembly = Assembly {
            plan,
            batch: &self.batch,
        };
        let mut out = Output::with_room(self.batch.keys.len(), self.batch.fragments());
        let none = Copies::default();
        let (asked, copies) = match scope {
            Scope::Keys(keys, copies) => (keys, copies),
            Scope::Range { .. } => ([].as_slice(), &none),
        };
        let doubled = if plan.key_is_said {
            doubled(&self.batch.keys)
        } else {
            HashSet::new()
        };
        out.unfit.extend(doubled.iter().map(|key| Unfit {
            key: (*key).clone(),
            reason: "several rows have this key; name columns that tell them apart as key:".to_owned(),
        }));
        for entry in &self.batch.rows[0].entries {
            let place = self.place(plan, entry.link as usize);
            if doubled.contains(place.key) {
                continue;
            }
            self.document(&assembly, entry, &place, version, revision, &mut out);
            for copy in copies.of(place.key).filter(|copy| Some(*copy) != place.routing) {
                out.delete(place.key.clone(), Some(copy), version.before());
            }
            // A row that many documents share stands once in the arena, and in each of them here.
            if out.body.len() > self.batch.limit {
                return Err(SourceError::TooLarge {
                    limit: self.batch.limit,
                });
            }
        }
        for key in out.missing(asked) {
            out.gone(key, plan.routing.is_some(), copies, version);
        }
        Ok(Built {
            drafts: Drafts {
                version,
                body: out.body.into(),
                items: out.items,
            },
            hashes: out.hashes,
            unfit: out.unfit,
            absent: out.absent,
            taken,
        })
    }

    fn document(
        &self,
        assembly: &Assembly<'_>,
        entry: &Entry,
        place: &Place<'_>,
        version: Version,
        revision: i64,
        out: &mut Output,
    ) {
        let (start, key) = (out.body.len(), place.key);
        if let Some(reason) = place.nowhere(assembly.plan) {
            out.unfit(key, reason);
            return;
        }
        let id = key.document_id();
        out.action("index", &id, place.routing, version, assembly.plan.pipeline.as_deref());
        let source = out.body.len();
        let outcome = assembly.fields(0, entry, &mut out.body);
        if let Ok(Presence::Here) = outcome {
            let content = out.body.get(source + 1..).unwrap_or_default();
            let hash = xxhash_rust::xxh3::xxh3_128(content);
            out.mark(key, hash, version, revision);
            enclose([b'{', b'}'], source, &mut out.body);
            out.body.push(b'\n');
            let length = out.body.len() - source;
            if length <= self.max_document {
                out.items.push(Draft {
                    key: key.clone(),
                    id,
                    routing: place.routing.map(str::to_owned),
                    version,
                    op: Op::Index,
                    span: start..out.body.len(),
                });
                out.hashes.push(hash);
                return;
            }
            out.body.truncate(start);
            let reason = format!(
                "the document has {length} bytes, more than max_document_bytes ({})",
                self.max_document
            );
            out.unfit(key, reason);
            return;
        }
        out.body.truncate(start);
        match outcome {
            Err(reason) => out.unfit(key, reason),
            Ok(_) => out.delete(key.clone(), place.routing, version), // a required relation has no row: no document
        }
    }

    /// Where the document of a row belongs.
    fn place(&self, plan: &Plan, row: usize) -> Place<'_> {
        let routing = plan.routing.as_ref().and_then(|_| self.batch.routings[row].as_deref());
        Place {
            key: &self.batch.keys[row],
            // To Elasticsearch an empty one is none.
            routing: routing.filter(|routing| !routing.is_empty()),
        }
    }
}

/// Where a document belongs.
struct Place<'a> {
    key: &'a Key,
    routing: Option<&'a str>,
}

impl Place<'_> {
    /// Why there is no such place, if there is none.
    fn nowhere(&self, plan: &Plan) -> Option<String> {
        let wanted = plan.routing.as_ref().filter(|_| self.routing.is_none())?;
        Some(format!(
            "column {} of {} is null or empty, and it says where the document is kept (routing)",
            wanted.column, plan.table.sql
        ))
    }
}

/// The keys that are there more than once.
fn doubled(keys: &[Key]) -> HashSet<&Key> {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().filter(|key| !seen.insert(*key)).collect()
}

struct Output {
    body: Vec<u8>,
    items: Vec<Draft>,
    hashes: Vec<u128>,
    unfit: Vec<Unfit>,
    absent: Vec<Key>,
}

impl Output {
    /// Room for all fragments and what stands between them: action lines, marks, names of relations.
    fn with_room(documents: usize, fragments: usize) -> Self {
        Self {
            body: Vec::with_capacity(fragments + fragments / 8 + documents * 320),
            items: Vec::with_capacity(documents),
            hashes: Vec::with_capacity(documents),
            unfit: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// Those of the keys of which nothing has been said yet.
    fn missing(&self, asked: &[Key]) -> Vec<Key> {
        if asked.is_empty() {
            return Vec::new(); // a range asks for none by name
        }
        let unfit = self.unfit.iter().map(|unfit| &unfit.key);
        let said: HashSet<&Key> = unfit.chain(self.items.iter().map(|draft| &draft.key)).collect();
        asked.iter().filter(|key| !said.contains(key)).cloned().collect()
    }

    fn action(&mut self, op: &str, id: &str, routing: Option<&str>, version: Version, pipeline: Option<&str>) {
        self.body.extend_from_slice(b"{\"");
        self.body.extend_from_slice(op.as_bytes());
        self.body.extend_from_slice(b"\":{");
        if let Some(pipeline) = pipeline {
            self.body.extend_from_slice(b"\"pipeline\":");
            json_text(&mut self.body, pipeline);
            self.body.push(b',');
        }
        self.body.extend_from_slice(b"\"_id\":");
        json_text(&mut self.body, id);
        if let Some(routing) = routing {
            self.body.extend_from_slice(b",\"routing\":");
            json_text(&mut self.body, routing);
        }
        self.body.extend_from_slice(b",\"version\":");
        self.body
            .extend_from_slice(itoa::Buffer::new().format(version.0).as_bytes());
        self.body.extend_from_slice(b",\"version_type\":\"external_gte\"}}\n");
    }

    fn unfit(&mut self, key: &Key, reason: String) {
        self.unfit.push(Unfit {
            key: key.clone(),
            reason,
        });
    }

    /// No row has this key: its document goes, and every copy.
    fn gone(&mut self, key: Key, is_routed: bool, copies: &Copies, version: Version) {
        if !is_routed {
            return self.delete(key, None, version);
        }
        if copies.of(&key).next().is_none() {
            return self.absent.push(key);
        }
        for routing in copies.of(&key) {
            self.delete(key.clone(), Some(routing), version);
        }
    }

    fn delete(&mut self, key: Key, routing: Option<&str>, version: Version) {
        let start = self.body.len();
        let id = key.document_id();
        self.action("delete", &id, routing, version, None);
        self.items.push(Draft {
            key,
            id,
            routing: routing.map(str::to_owned),
            version,
            op: Op::Delete,
            span: start..self.body.len(),
        });
        self.hashes.push(0);
    }

    /// Adds the field that says what the document was built from.
    fn mark(&mut self, key: &Key, hash: u128, version: Version, revision: i64) {
        self.body.extend_from_slice(b",\"_highwater\":{\"key\":");
        json_text(&mut self.body, key.as_str());
        self.body.extend_from_slice(b",\"hash\":\"");
        push_hex(&hash.to_be_bytes(), &mut self.body);
        let mut digits = itoa::Buffer::new();
        self.body.extend_from_slice(b"\",\"version\":");
        self.body.extend_from_slice(digits.format(version.0).as_bytes());
        self.body.extend_from_slice(b",\"encoder\":");
        self.body.extend_from_slice(digits.format(ENCODER).as_bytes());
        self.body.extend_from_slice(b",\"revision\":");
        self.body.extend_from_slice(digits.format(revision).as_bytes());
        self.body.push(b'}');
    }
}

fn json_text(out: &mut Vec<u8>, text: &str) {
    // A string is a value that Postgres would send as its own bytes: it cannot be unfit.
    let _ = super::encode::encode(crate::catalog::Wire::Text, text.as_bytes(), out);
}

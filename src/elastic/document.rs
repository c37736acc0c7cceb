//! Documents read back one by one, in real time: what was acknowledged is found without a refresh.

use elasticsearch::http::Method;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::client::{Elastic, Request};
use super::error::ElasticError;
use super::fault::Fault;
use super::path::segment;
use super::scan::Page;
use crate::copies::Copies;
use crate::draft::{Draft, Version};
use crate::key::Key;

/// The field in which every document says what it was built from.
pub(super) const MARK_FIELD: &str = "_highwater";

/// Which document: a routed one is found only with its routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentId<'a> {
    #[serde(rename = "_id")]
    pub id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing: Option<&'a str>,
}

impl<'a> From<&'a Draft> for DocumentId<'a> {
    fn from(draft: &'a Draft) -> Self {
        Self {
            id: &draft.id,
            routing: draft.routing.as_deref(),
        }
    }
}

impl<'a> From<&'a str> for DocumentId<'a> {
    fn from(id: &'a str) -> Self {
        Self { id, routing: None }
    }
}

/// A document as it stands in the index.
#[derive(Debug)]
pub struct Document {
    pub version: Version,
    /// The JSON that was sent, byte for byte.
    pub source: Box<RawValue>,
}

/// What a document says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mark {
    /// The key's text.
    pub key: String,
    /// Of the content.
    pub hash: String,
    /// The position of the snapshot it was built from.
    pub version: i64,
    /// The encoder's number: two of them may write the same content differently.
    pub encoder: u32,
    /// Of the ledger's set of definitions.
    pub revision: i64,
}

/// A document's place in the index, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: String,
    pub routing: Option<String>,
    pub version: Version,
    /// `None` for a document that highwater did not write.
    pub mark: Option<Mark>,
}

impl Stored {
    /// Whose document it is, by what it says of itself; where it stands is noted.
    #[must_use]
    pub fn found(&self, copies: &mut Copies) -> Key {
        let key = Key::from_text(self.mark.as_ref().map_or(&self.id, |mark| &mark.key));
        if let Some(routing) = &self.routing {
            copies.add(&key, routing);
        }
        key
    }
}

/// A hit of a search, or one found by id.
#[derive(Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_version")]
    version: i64,
    #[serde(rename = "_source", default)]
    source: MarkedSource,
    /// Of a search that sorts: what `search_after` takes.
    pub sort: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
struct MarkedSource {
    #[serde(rename = "_highwater", default, deserialize_with = "mark_or_none")]
    mark: Option<Mark>,
}

/// Somebody else's document may have anything in that place.
fn mark_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mark>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

impl From<Hit> for Stored {
    fn from(hit: Hit) -> Self {
        Self {
            id: hit.id,
            routing: hit.routing,
            version: Version(hit.version),
            mark: hit.source.mark,
        }
    }
}

/// One answer of a multi-get: `found` decides how the rest is read.
#[derive(Deserialize)]
struct Found<'a> {
    #[serde(default)]
    found: bool,
    #[serde(borrow, default)]
    error: Option<Fault<'a>>,
}

impl Elastic {
    /// The document as it stands, `None` if there is none.
    pub async fn get(&self, index: &str, id: DocumentId<'_>) -> Result<Option<Document>, ElasticError> {
        #[derive(Deserialize)]
        struct Whole {
            #[serde(rename = "_version")]
            version: i64,
            #[serde(rename = "_source")]
            source: Box<RawValue>,
        }
        let found = self.multi_get::<Whole>(index, "", &[id]).await?;
        let document = found.into_iter().next().flatten();
        Ok(document.map(|whole| Document {
            version: Version(whole.version),
            source: whole.source,
        }))
    }

    /// Place and mark of each document, in the order of the ids; `None` where there is none.
    pub async fn mget_marks(&self, index: &str, ids: &[DocumentId<'_>]) -> Result<Vec<Option<Stored>>, ElasticError> {
        let query = format!("?_source_includes={MARK_FIELD}");
        let hits = self.multi_get::<Hit>(index, &query, ids).await?;
        Ok(hits.into_iter().map(|hit| hit.map(Stored::from)).collect())
    }

    /// The version that stands in the index, for a conflict whose reason did not say it. `None` when there is no
    /// document: then a newer delete stood in the way.
    pub async fn stored_version(&self, index: &str, id: DocumentId<'_>) -> Result<Option<Version>, ElasticError> {
        let stored = self.mget_marks(index, &[id]).await?;
        Ok(stored.into_iter().next().flatten().map(|stored| stored.version))
    }

    /// Every document with this id, under whatever routing, as far as searches see it.
    pub async fn find(&self, index: &str, id: &str) -> Result<Vec<Stored>, ElasticError> {
        let search = json!({
            "query": { "ids": { "values": [id] } },
            "size": 100,
            "version": true,
            "track_total_hits": false,
            "_source": [MARK_FIELD],
        });
        let path = format!("{}/_search", segment(index));
        let found: Page = self.ask(&Request::new(Method::Post, path).json(&search)?).await?;
        Ok(found.hits()?.into_iter().map(Stored::from).collect())
    }

    async fn multi_get<T: for<'de> Deserialize<'de>>(
        &self,
        index: &str,
        query: &str,
        ids: &[DocumentId<'_>],
    ) -> Result<Vec<Option<T>>, ElasticError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = format!("{}/_mget{query}", segment(index));
        let body = self
            .send(&Request::new(Method::Post, path).json(&json!({ "docs": ids }))?)
            .await?;
        parse(index, ids, &body)
    }
}

fn parse<T: for<'de> Deserialize<'de>>(
    index: &str,
    ids: &[DocumentId<'_>],
    body: &[u8],
) -> Result<Vec<Option<T>>, ElasticError> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        docs: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Id {
        _id: String,
    }
    let garbled = |error: serde_json::Error| ElasticError::garbled("_mget", &error);
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(garbled)?;
    if answer.docs.len() != ids.len() {
        return Err(ElasticError::Garbled {
            detail: format!("_mget: {} answers to {} ids", answer.docs.len(), ids.len()),
        });
    }
    let one = |(raw, wanted): (&&RawValue, &DocumentId<'_>)| {
        let Id { _id: id } = serde_json::from_str(raw.get()).map_err(garbled)?;
        if id != wanted.id {
            return Err(ElasticError::Garbled {
                detail: "_mget: the answers are not in the order of the ids".into(),
            });
        }
        let Found { found, error } = serde_json::from_str(raw.get()).map_err(garbled)?;
        match error {
            Some(fault) if fault.is("index_not_found_exception") => Err(ElasticError::IndexMissing {
                index: index.to_owned(),
            }),
            // A shard that is not there at the moment.
            Some(fault) => Err(ElasticError::Busy {
                status: 503,
                reason: fault.in_full(),
            }),
            None if found => serde_json::from_str(raw.get()).map(Some).map_err(garbled),
            None => Ok(None),
        }
    };
    answer.docs.iter().zip(ids).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded from Elasticsearch 9.5.3.

    #[test]
    fn documents_without_a_mark_are_foreign_not_missing() {
        let body = br#"{"docs":[
            {"_index":"pp","_id":"1","_version":7,"_seq_no":0,"_primary_term":1,"_routing":"r1","found":true,
             "_source":{"_highwater":{"key":"1","hash":"h","version":7,"encoder":1,"revision":3}}},
            {"_index":"pp","_id":"a","_version":1,"_seq_no":3,"_primary_term":1,"found":true,"_source":{}},
            {"_index":"pp","_id":"b","_version":1,"_seq_no":3,"_primary_term":1,"found":true,"_source":{"_highwater":"x"}},
            {"_index":"pp","_id":"nope","found":false}]}"#;
        let ids = ["1", "a", "b", "nope"].map(DocumentId::from);
        let found: Vec<Option<Stored>> = parse::<Hit>("pp", &ids, body)
            .unwrap()
            .into_iter()
            .map(|hit| hit.map(Stored::from))
            .collect();
        let ours = found[0].as_ref().unwrap();
        assert_eq!(ours.routing.as_deref(), Some("r1"));
        assert_eq!(
            ours.mark
                .as_ref()
                .map(|mark| (mark.version, mark.encoder, mark.revision)),
            Some((7, 1, 3))
        );
        assert!(found[1].as_ref().unwrap().mark.is_none() && found[2].as_ref().unwrap().mark.is_none());
        assert!(found[3].is_none());
    }

    #[test]
    fn a_missing_index_and_mixed_up_answers_are_errors() {
        let missing = br#"{"docs":[{"_index":"nope","_id":"1","error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [nope]"}],"type":"index_not_found_exception","reason":"no such index [nope]"}}]}"#;
        assert!(matches!(
            parse::<Hit>("nope", &["1".into()], missing),
            Err(ElasticError::IndexMissing { .. })
        ));
        let other = br#"{"docs":[{"_index":"pp","_id":"2","found":false}]}"#;
        assert!(matches!(
            parse::<Hit>("pp", &["1".into()], other),
            Err(ElasticError::Garbled { .. })
        ));
        assert!(matches!(
            parse::<Hit>("pp", &["1".into()], br#"{"docs":[]}"#),
            Err(ElasticError::Garbled { .. })
        ));
    }
}

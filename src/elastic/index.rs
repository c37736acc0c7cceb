//! Concrete indexes: made, looked at, changed, deleted.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Elastic, Request};
use super::error::{ElasticError, Verdict};
use super::path::segment;

/// How long an index remembers the versions of what was deleted. Elasticsearch's own minute is shorter than a write
/// may be under way (a batch up to a minute old, a request of half a minute): a late write would find the delete
/// forgotten and bring the document back. An hour outlasts any of them, at some 50 bytes a delete.
pub const GC_DELETES: &str = "1h";

/// What an index is made of.
#[derive(Clone, Copy, Debug)]
pub struct IndexPlan<'a> {
    pub settings: &'a Map<String, Value>,
    pub mappings: &'a Map<String, Value>,
    pub origin: Origin<'a>,
}

/// What an index was made from and for; kept in the mapping's `_meta`.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The definition's hash.
    pub definition: &'a str,
    /// The name of the database's ledger towards the cluster.
    pub source: &'a str,
}

/// The same, as an index has it; nothing where highwater did not make it.
#[derive(Debug, Default, Deserialize)]
pub struct Made {
    pub definition: Option<String>,
    pub source: Option<String>,
}

/// Whether [`Elastic::create_index`] found it done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Created,
    /// It was there, made from whatever: compare [`Elastic::origin`].
    Exists,
}

/// The settings of a new generation: the user's, and `index.gc_deletes` unless they set it, in any of its spellings.
#[must_use]
pub fn generation_settings(mut user: Map<String, Value>) -> Map<String, Value> {
    let nested = user.get("index").is_some_and(|index| index.get("gc_deletes").is_some());
    if !nested && !user.contains_key("gc_deletes") && !user.contains_key("index.gc_deletes") {
        user.insert("index.gc_deletes".into(), GC_DELETES.into());
    }
    user
}

impl Elastic {
    /// Creates the index; that it exists already is no error.
    ///
    /// # Errors
    /// [`ElasticError::Refused`] with the server's reason when settings or mapping are wrong.
    pub async fn create_index(&self, name: &str, plan: IndexPlan<'_>) -> Result<Created, ElasticError> {
        let mut settings = plan.settings.clone();
        if !self.product().await?.forbids_auto_create() {
            // Takes away what the template of `template.rs` puts on indexes that nobody made.
            settings.insert("index.blocks.write".into(), false.into());
        }
        let body = json!({ "settings": settings, "mappings": with_origin(plan) });
        match self.send(&Request::new(Method::Put, segment(name)).json(&body)?).await {
            Ok(_) => Ok(Created::Created),
            Err(ElasticError::Refused { kind, .. }) if kind == "resource_already_exists_exception" => {
                Ok(Created::Exists)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds fields to the mapping and replaces its origin.
    ///
    /// # Errors
    /// [`ElasticError::Refused`] when a field would have to change its type.
    pub async fn put_mapping(&self, index: &str, plan: IndexPlan<'_>) -> Result<(), ElasticError> {
        let path = format!("{}/_mapping", segment(index));
        self.send(&Request::new(Method::Put, path).json(&with_origin(plan))?)
            .await
            .map(drop)
    }

    /// What the index was made from and for.
    pub async fn origin(&self, index: &str) -> Result<Made, ElasticError> {
        #[derive(Deserialize)]
        struct Index {
            mappings: Mappings,
        }
        #[derive(Deserialize)]
        struct Mappings {
            #[serde(rename = "_meta", default)]
            meta: Map<String, Value>,
        }
        let path = format!("{}/_mapping", segment(index));
        let indexes: BTreeMap<String, Index> = self.ask(&Request::get(path)).await?;
        let meta = indexes.into_values().next().map(|index| index.mappings.meta);
        let ours = meta.and_then(|mut meta| meta.remove("highwater"));
        // What people wrote there themselves is nothing of ours.
        Ok(ours
            .and_then(|ours| serde_json::from_value(ours).ok())
            .unwrap_or_default())
    }

    /// Whether an index or alias of that name exists.
    ///
    /// A server that has just started answers 404 for every index until it has read its own state. Asked not to mind
    /// what is missing, it says then that it knows nothing yet, which is an error here, and gives an empty answer only
    /// when it knows.
    pub async fn index_exists(&self, name: &str) -> Result<bool, ElasticError> {
        let path = format!(
            "{}/_settings?ignore_unavailable=true&filter_path=*.settings.index.uuid",
            segment(name)
        );
        let found: Map<String, Value> = self.ask(&Request::get(path)).await?;
        Ok(!found.is_empty())
    }

    /// Deletes the index; that it is missing is no error.
    pub async fn delete_index(&self, name: &str) -> Result<(), ElasticError> {
        match self.send(&Request::new(Method::Delete, segment(name))).await {
            Ok(_) | Err(ElasticError::IndexMissing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes everything written so far visible to searches.
    pub async fn refresh(&self, index: &str) -> Result<(), ElasticError> {
        self.send(&Request::new(Method::Post, format!("{}/_refresh", segment(index))))
            .await
            .map(drop)
    }

    /// How many documents searches see; nested ones do not count.
    pub async fn count(&self, index: &str) -> Result<u64, ElasticError> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let count: Count = self.ask(&Request::get(format!("{}/_count", segment(index)))).await?;
        Ok(count.count)
    }

    /// Whether there is an ingest pipeline of that name.
    pub async fn has_pipeline(&self, name: &str) -> Result<bool, ElasticError> {
        let path = format!("_ingest/pipeline/{}?filter_path=*.version", segment(name));
        match self.send(&Request::get(path)).await {
            Ok(_) => Ok(true),
            Err(ElasticError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks the server what it thinks of settings and mapping, by an index that lives for a moment: its complaint, or
    /// `None` when it has none.
    ///
    /// # Errors
    /// As every request; the server's refusal is no error here.
    pub async fn try_mapping(&self, alias: &str, plan: IndexPlan<'_>) -> Result<Option<String>, ElasticError> {
        let name = format!("{alias}-check-{:016x}", RandomState::new().build_hasher().finish());
        match self.create_index(&name, plan).await {
            Ok(_) => self.delete_index(&name).await.map(|()| None),
            Err(ElasticError::Refused { reason, .. }) => Ok(Some(reason)),
            Err(error) => {
                // It may have come to be although the answer was lost.
                if error.verdict() == Verdict::Retry {
                    let _ = self.delete_index(&name).await;
                }
                Err(error)
            }
        }
    }
}

/// The mapping with its origin in `_meta`, beside what the user keeps there.
fn with_origin(plan: IndexPlan<'_>) -> Map<String, Value> {
    let mut mappings = plan.mappings.clone();
    let ours = json!({ "definition": plan.origin.definition, "source": plan.origin.source });
    match mappings.get_mut("_meta").and_then(Value::as_object_mut) {
        Some(meta) => {
            meta.insert("highwater".into(), ours);
        }
        None => {
            mappings.insert("_meta".into(), json!({ "highwater": ours }));
        }
    }
    mappings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(user: Value) -> Map<String, Value> {
        let Value::Object(user) = user else {
            panic!("not an object")
        };
        generation_settings(user)
    }

    #[test]
    fn deletes_are_remembered_unless_the_user_says_otherwise() {
        assert_eq!(settings(json!({"number_of_shards": 1}))["index.gc_deletes"], "1h");
        for own in [
            json!({"gc_deletes": "2h"}),
            json!({"index.gc_deletes": "2h"}),
            json!({"index": {"gc_deletes": "2h"}}),
        ] {
            assert_eq!(Value::Object(settings(own.clone())), own);
        }
    }

    #[test]
    fn the_origin_stands_beside_the_users_meta() {
        let mappings = json!({"_meta": {"owner": "us"}});
        let plan = IndexPlan {
            settings: &Map::new(),
            mappings: mappings.as_object().unwrap(),
            origin: Origin {
                definition: "abc",
                source: "one",
            },
        };
        let expected = json!({"_meta": {"owner": "us", "highwater": {"definition": "abc", "source": "one"}}});
        assert_eq!(Value::Object(with_origin(plan)), expected);
    }
}

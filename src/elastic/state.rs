//! One note a source, kept in the cluster it feeds.
//!
//! The same random note is committed to the ledger first and then put here. If the note here is unknown to the ledger,
//! the database was set back or is another one; if it is older than the last confirmed, the cluster was set back.

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Elastic, Request};
use super::error::ElasticError;
use super::path::segment;

/// Where the notes are: hidden, so that searches over `*` do not find them.
pub const STATE_INDEX: &str = "highwater-state";

impl Elastic {
    /// Replaces the note of the source.
    pub async fn put_nonce(&self, source_id: &str, nonce: &str) -> Result<(), ElasticError> {
        self.ensure_state_index().await?;
        let path = format!("{STATE_INDEX}/_doc/{}", segment(source_id));
        self.send(&Request::new(Method::Put, path).json(&json!({ "nonce": nonce }))?)
            .await
            .map(drop)
    }

    /// The note of the source, `None` if there is none.
    pub async fn get_nonce(&self, source_id: &str) -> Result<Option<String>, ElasticError> {
        #[derive(Deserialize)]
        struct Note {
            nonce: String,
        }
        let document = match self.get(STATE_INDEX, source_id.into()).await {
            Err(ElasticError::IndexMissing { .. }) => return Ok(None),
            other => other?,
        };
        let Some(document) = document else { return Ok(None) };
        let note: Note =
            serde_json::from_str(document.source.get()).map_err(|error| ElasticError::garbled(STATE_INDEX, &error))?;
        Ok(Some(note.nonce))
    }

    /// Takes the note away, for a source that is given up; that it is missing is no error.
    pub async fn delete_nonce(&self, source_id: &str) -> Result<(), ElasticError> {
        let path = format!("{STATE_INDEX}/_doc/{}", segment(source_id));
        match self.send(&Request::new(Method::Delete, path)).await {
            Ok(_) | Err(ElasticError::Refused { status: 404, .. } | ElasticError::IndexMissing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the index before the first note: a write alone would make it visible and guess its mapping.
    async fn ensure_state_index(&self) -> Result<(), ElasticError> {
        if self.index_exists(STATE_INDEX).await? {
            return Ok(());
        }
        let body = json!({
            // `0-1` replicas: one where there is a second node, and no yellow cluster where there is none.
            "settings": { "index.hidden": true, "number_of_shards": 1, "auto_expand_replicas": "0-1" },
            "mappings": { "dynamic": "strict", "properties": { "nonce": { "type": "keyword" } } },
        });
        match self.send(&Request::new(Method::Put, STATE_INDEX).json(&body)?).await {
            Ok(_) => Ok(()),
            // Another daemon was faster.
            Err(ElasticError::Refused { kind, .. }) if kind == "resource_already_exists_exception" => Ok(()),
            Err(error) => Err(error),
        }
    }
}

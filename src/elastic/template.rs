//! Keeps a late write from making an index.
//!
//! A bulk request, even a delete, to an index that is gone makes it anew with a guessed mapping, and from then on it
//! takes whatever comes. A template that forbids it has to stand before the first generation is made and stay after
//! the last one is dropped. `require_alias` does not serve: it does not hold for deletes.
//!
//! The template replaces every other composable template for the names it matches, so it matches generations
//! (`books-000001`) only: with `books-*` it would also rule over indexes like `books-archive` that belong to others.

use elasticsearch::http::Method;
use serde_json::json;

use super::client::{Elastic, Request};
use super::error::ElasticError;
use super::path::segment;

/// Above whatever templates people write by hand: their priorities are hundreds, of which the highest wins.
const PRIORITY: u64 = 1_000_000;

impl Elastic {
    /// Puts the template that forbids generations of `alias` to be made by a write. Generations are numbered with six
    /// digits, so that their names begin with `alias-0`.
    ///
    /// On servers that cannot forbid it, such an index comes to be, but empty and closed to writes; [`Elastic::create_index`]
    /// opens the ones it makes.
    pub async fn put_template(&self, alias: &str) -> Result<(), ElasticError> {
        let mut template = json!({ "index_patterns": [format!("{alias}-0*")], "priority": PRIORITY });
        if self.product().await?.forbids_auto_create() {
            template["allow_auto_create"] = false.into();
        } else {
            template["template"] = json!({ "settings": { "index.blocks.write": true } });
        }
        let path = format!("_index_template/{}", segment(&template_name(alias)));
        self.send(&Request::new(Method::Put, path).json(&template)?)
            .await
            .map(drop)
    }

    /// Takes the template away; that it is missing is no error. Only when nothing can be writing any more.
    pub async fn delete_template(&self, alias: &str) -> Result<(), ElasticError> {
        let path = format!("_index_template/{}", segment(&template_name(alias)));
        match self.send(&Request::new(Method::Delete, path)).await {
            Ok(_) | Err(ElasticError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn template_name(alias: &str) -> String {
    format!("highwater-{alias}")
}

//! Which server is at the other end, and where its dialect differs.

use serde::Deserialize;

use super::client::{Elastic, Request};
use super::error::ElasticError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    Elasticsearch,
    OpenSearch,
}

/// What `GET /` says of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub distribution: Distribution,
    pub version: (u32, u32, u32),
    /// Changes when the cluster is made anew; not when it is restored from a snapshot.
    pub cluster_uuid: String,
}

impl Product {
    /// Whether an index template can forbid that an index comes to be by a write: Elasticsearch since 7.11. OpenSearch,
    /// whose ancestor is 7.10, refuses the key.
    pub(super) fn forbids_auto_create(&self) -> bool {
        self.distribution == Distribution::Elasticsearch && self.version >= (7, 11, 0)
    }

    /// A sort key that no two documents of a point in time share. OpenSearch has `_shard_doc` since 3.3; before, the
    /// id has to serve, which costs the server memory, and which Elasticsearch forbids.
    pub(super) fn tie_breaker(&self) -> &'static str {
        match self.distribution {
            Distribution::OpenSearch if self.version < (3, 3, 0) => "_id",
            Distribution::OpenSearch | Distribution::Elasticsearch => "_shard_doc",
        }
    }
}

#[derive(Deserialize)]
struct Root {
    cluster_uuid: String,
    version: RootVersion,
}

#[derive(Deserialize)]
struct RootVersion {
    number: String,
    distribution: Option<String>,
}

impl Elastic {
    /// Asks the cluster who it is.
    ///
    /// # Errors
    /// As every request; [`ElasticError::Garbled`] when something else answers.
    pub async fn info(&self) -> Result<Product, ElasticError> {
        let body = self.send(&Request::get("")).await?;
        parse(&body)
    }

    /// [`Elastic::info`], asked once for the dialect.
    pub(super) async fn product(&self) -> Result<&Product, ElasticError> {
        self.product_cell().get_or_try_init(|| self.info()).await
    }
}

fn parse(body: &[u8]) -> Result<Product, ElasticError> {
    let root: Root = serde_json::from_slice(body).map_err(|error| ElasticError::garbled("GET /", &error))?;
    let distribution = match root.version.distribution.as_deref() {
        Some("opensearch") => Distribution::OpenSearch,
        None => Distribution::Elasticsearch,
        Some(other) => {
            return Err(ElasticError::Garbled {
                detail: format!("GET /: unknown distribution {other:?}"),
            });
        }
    };
    let number = root.version.number.split(['-', '+']).next().unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let mut part = || parts.next().unwrap_or_default();
    Ok(Product {
        distribution,
        version: (part(), part(), part()),
        cluster_uuid: root.cluster_uuid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_are_told_apart() {
        let elasticsearch = br#"{"name":"local","cluster_uuid":"ziURwNCyTuuMa8OXw4HkbA","version":{"number":"9.5.3",
            "build_flavor":"default"},"tagline":"You Know, for Search"}"#;
        let product = parse(elasticsearch).unwrap();
        assert_eq!(
            (product.distribution, product.version),
            (Distribution::Elasticsearch, (9, 5, 3))
        );
        assert_eq!(product.cluster_uuid, "ziURwNCyTuuMa8OXw4HkbA");
        assert!(product.forbids_auto_create());

        let opensearch = br#"{"cluster_uuid":"RyeAcLYURvCFiEroS-bpCA","version":{"distribution":"opensearch",
            "number":"2.19.1-SNAPSHOT"}}"#;
        let product = parse(opensearch).unwrap();
        assert_eq!(
            (product.distribution, product.version),
            (Distribution::OpenSearch, (2, 19, 1))
        );
        assert!(!product.forbids_auto_create());
        assert_eq!(product.tie_breaker(), "_id");
    }

    #[test]
    fn something_else_is_garbled() {
        assert!(matches!(parse(b"<html>"), Err(ElasticError::Garbled { .. })));
    }
}

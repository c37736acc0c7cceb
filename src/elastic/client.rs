//! The client: a few addresses of one cluster, used in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::error::ElasticError;
use super::node::Node;
use super::product::Product;
use super::settings::ElasticSettings;

/// A cluster. Clones share connections.
#[derive(Clone, Debug)]
pub struct Elastic(Arc<Cluster>);

#[derive(Debug)]
struct Cluster {
    nodes: Vec<Node>,
    turn: AtomicUsize,
    timeout: Duration,
    product: OnceCell<Product>,
}

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(super) struct Request {
    pub method: Method,
    /// With the query, without the leading slash; names in it are encoded.
    pub path: String,
    pub content_type: &'static str,
    pub body: Option<Bytes>,
    /// Whether the body holds row content, which a complaint may quote.
    pub holds_rows: bool,
}

impl Request {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type: "application/json",
            body: None,
            holds_rows: false,
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    pub fn json(mut self, body: &impl Serialize) -> Result<Self, ElasticError> {
        let body = serde_json::to_vec(body).map_err(|error| ElasticError::garbled(&self.path, &error))?;
        self.body = Some(body.into());
        Ok(self)
    }

    /// A bulk body.
    pub fn rows(mut self, body: Bytes) -> Self {
        self.content_type = "application/x-ndjson";
        self.body = Some(body);
        self.holds_rows = true;
        self
    }
}

impl Elastic {
    /// Prepares the connections; the server need not be up.
    ///
    /// # Errors
    /// [`ElasticError::Settings`] only.
    pub fn connect(settings: &ElasticSettings) -> Result<Self, ElasticError> {
        let nodes = settings
            .urls
            .iter()
            .map(|url| Node::new(url, settings))
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(ElasticError::Settings {
                detail: "no URL is given".into(),
            });
        }
        Ok(Self(Arc::new(Cluster {
            nodes,
            turn: AtomicUsize::new(0),
            timeout: settings.request_timeout,
            product: OnceCell::new(),
        })))
    }

    /// Sends to the node whose turn it is, and to the others in turn while nobody answers.
    ///
    /// Every request of this module may arrive twice: writes carry versions, the rest is looked at again afterwards.
    /// A node that does not answer in time is not asked again by another one: the time is used up.
    pub(super) async fn send(&self, request: &Request) -> Result<Bytes, ElasticError> {
        let nodes = &self.0.nodes;
        let first = self.0.turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
        let (before, after) = nodes.split_at(first);
        let mut in_turn: Vec<&Node> = after.iter().chain(before).collect();
        in_turn.sort_by_key(|node| node.rests()); // stable: the turn stays within both groups
        let mut outcome = Err(ElasticError::Settings {
            detail: "no URL is given".into(),
        });
        for node in in_turn {
            outcome = node.attempt(request).await;
            if !matches!(outcome, Err(ElasticError::Unreachable { .. })) {
                break;
            }
        }
        outcome
    }

    /// Sends and parses the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ElasticError> {
        let body = self.send(request).await?;
        let place = request.path.split('?').next().unwrap_or_default();
        serde_json::from_slice(&body).map_err(|error| ElasticError::garbled(place, &error))
    }

    pub(super) fn request_timeout(&self) -> Duration {
        self.0.timeout
    }

    pub(super) fn product_cell(&self) -> &OnceCell<Product> {
        &self.0.product
    }
}

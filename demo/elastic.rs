//! The three things the demo asks of Elasticsearch: documents by id, a search, and to drop the indices of an earlier demo.

use anyhow::{Context, Result, bail};
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use serde_json::Value;
use std::time::Duration;

#[derive(Clone)]
pub struct Elastic {
    transport: Transport,
    /// As a person would paste it into a console.
    pub url: String,
}

impl Elastic {
    pub fn new(url: &str) -> Result<Self> {
        let address: Url = url.parse().context("the address of Elasticsearch")?;
        let transport = TransportBuilder::new(SingleNodeConnectionPool::new(address))
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            transport,
            url: url.trim_end_matches('/').to_string(),
        })
    }

    /// The status and the answer; an error only if there was no answer.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = body.map(Value::to_string);
        let response = self
            .transport
            .send(method, path, headers, None::<&()>, body, None)
            .await
            .context("asking Elasticsearch")?;
        let status = response.status_code().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    pub async fn search(&self, index: &str, query: &Value) -> Result<Value> {
        match self
            .ask(Method::Post, &format!("/{index}/_search"), Some(query))
            .await?
        {
            (200, answer) => Ok(answer),
            (status, answer) => bail!(
                "Elasticsearch answers {status}: {}",
                answer.pointer("/error/reason").unwrap_or(&answer)
            ),
        }
    }

    /// Removes `index` and its generations, whatever made them.
    pub async fn forget(&self, index: &str) -> Result<()> {
        let (_, found) = self
            .ask(
                Method::Get,
                &format!("/{index},{index}-*/_alias?ignore_unavailable=true"),
                None,
            )
            .await?;
        for name in found
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with(index))
        {
            self.ask(Method::Delete, &format!("/{name}"), None).await?;
        }
        Ok(())
    }
}

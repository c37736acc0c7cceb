//! The search page: four files baked into the program, and the answers its script asks for.
//!
//! The browser never talks to Elasticsearch. It gets plain text and values, and builds the page from them without ever reading
//! text as HTML.

use crate::elastic::Elastic;
use crate::query::{self, Ask};
use anyhow::{Context, Result};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::Utc;
use elasticsearch::http::Method;
use serde_json::{Value, json};
use std::time::Instant;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Site {
    elastic: Elastic,
    index: String,
}

pub async fn serve(listen: &str, elastic: Elastic, index: String) -> Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}"))?;
    println!("http://{}/", listener.local_addr()?);
    let routes = Router::new()
        .route(
            "/",
            get(async || file("text/html; charset=utf-8", include_str!("page/index.html"))),
        )
        .route(
            "/page.css",
            get(async || file("text/css", include_str!("page/page.css"))),
        )
        .route(
            "/page.js",
            get(async || file("text/javascript", include_str!("page/page.js"))),
        )
        .route(
            "/favicon.svg",
            get(async || file("image/svg+xml", include_str!("page/favicon.svg"))),
        )
        .route("/search", get(search))
        .route("/section/{id}", get(section))
        .route("/pulse", get(pulse))
        .route("/console", get(console))
        .with_state(Site { elastic, index });
    axum::serve(listener, routes)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let only_own = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'";
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, only_own),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        content,
    )
}

async fn search(State(site): State<Site>, Query(ask): Query<Ask>) -> Result<Json<Value>, Unavailable> {
    let start = Instant::now();
    let answer = site.elastic.search(&site.index, &query::search(&ask)).await?;
    let facets: Value = query::FACETS
        .iter()
        .map(|(name, _)| (name.to_string(), facet(&answer, name)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let hits: Vec<Value> = answer
        .pointer("/hits/hits")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(hit)
        .collect();
    Ok(Json(json!({
        "took_ms": answer["took"],
        "round_trip_ms": start.elapsed().as_secs_f64() * 1000.0,
        "total": answer.pointer("/hits/total/value"),
        "page_size": query::PAGE_SIZE,
        "hits": hits,
        "facets": facets,
    })))
}

fn facet(answer: &Value, name: &str) -> Value {
    let buckets = answer
        .pointer(&format!("/aggregations/{name}/values/buckets"))
        .and_then(Value::as_array);
    buckets
        .into_iter()
        .flatten()
        .map(|bucket| json!({ "value": bucket["key"], "count": bucket["doc_count"] }))
        .collect()
}

fn hit(hit: &Value) -> Value {
    let source = &hit["_source"];
    json!({
        "id": hit["_id"],
        "title": hit.pointer("/highlight/title/0").unwrap_or(&source["title"]),
        "excerpt": hit.pointer("/highlight/body"),
        "breadcrumb": source["breadcrumb"],
        "document": source["document"],
        "anchor": source["anchor"],
        "objects": source["objects"],
        "notes": source["notes"],
        "labels": source["labels"],
        "linked_from": source["linked_from"],
        "changed_at": source["changed_at"],
    })
}

async fn section(State(site): State<Site>, Path(id): Path<u64>) -> Result<Json<Value>, Unavailable> {
    let (_, document) = site
        .elastic
        .ask(Method::Get, &format!("/{}/_doc/{id}", site.index), None)
        .await?;
    Ok(Json(json!({ "body": document.pointer("/_source/body") })))
}

async fn pulse(State(site): State<Site>) -> Result<Json<Value>, Unavailable> {
    let answer = site.elastic.search(&site.index, &query::pulse()).await?;
    let newest = ["section", "document"]
        .iter()
        .filter_map(|name| answer.pointer(&format!("/aggregations/{name}/value"))?.as_f64());
    let newest = newest.fold(f64::NAN, f64::max);
    let releases = answer
        .pointer("/aggregations/releases/buckets")
        .and_then(Value::as_array);
    let age = (!newest.is_nan()).then(|| (Utc::now().timestamp_millis() as f64 - newest).max(0.0));
    Ok(Json(json!({
        "documents": answer.pointer("/hits/total/value"),
        "age_ms": age,
        "newest": answer.pointer("/hits/hits/0/_source"),
        "releases": releases.into_iter().flatten().map(|bucket| json!({ "series": bucket["key"], "count": bucket["doc_count"] })).collect::<Value>(),
    })))
}

async fn console(State(site): State<Site>) -> Json<Value> {
    let lines = query::console(&site.elastic.url, &site.index);
    Json(
        lines
            .into_iter()
            .map(|(what, line)| json!({ "what": what, "line": line }))
            .collect(),
    )
}

/// Elasticsearch is away, or the index is still being built: the page says so and asks again.
struct Unavailable(anyhow::Error);

impl From<anyhow::Error> for Unavailable {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "error": format!("{:#}", self.0) })),
        )
            .into_response()
    }
}

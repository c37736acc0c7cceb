//! A small Elasticsearch in memory: bulk requests with external versions, and faults on order. Or a real one behind it,
//! which then answers everything else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use elasticsearch::http::Method;
use elasticsearch::http::headers::{HeaderMap, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

/// What goes wrong with one request.
pub enum Fault {
    /// 429 to the request, nothing is written.
    Busy,
    /// 429 to the item at this place.
    BusyAt(usize),
    /// All is written, then the connection breaks before the answer.
    LoseAnswer,
    /// All is written, no answer comes.
    NeverAnswer,
    /// All is written, the items are answered backwards.
    Reverse,
    /// All is written, the item at this place is not answered.
    Forget(usize),
}

#[derive(Default)]
struct Memory {
    versions: HashMap<String, i64>,
    faults: VecDeque<Fault>,
    requests: usize,
    /// Every item of every bulk request is answered with 429.
    busy: bool,
    behind: Option<Transport>,
}

/// The server; it ends with this value.
pub struct Fake {
    pub url: Url,
    memory: Arc<Mutex<Memory>>,
    _task: JoinSet<()>,
}

impl Fake {
    pub async fn start(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::serve(Memory {
            faults: faults.into_iter().collect(),
            ..Memory::default()
        })
        .await
    }

    /// In front of a real server, which gets everything that is not refused here.
    pub async fn before(url: &str) -> Self {
        let nodes = SingleNodeConnectionPool::new(url.parse().unwrap());
        Self::serve(Memory {
            behind: Some(TransportBuilder::new(nodes).build().unwrap()),
            ..Memory::default()
        })
        .await
    }

    async fn serve(memory: Memory) -> Self {
        let memory = Arc::new(Mutex::new(memory));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new()
            .route("/{index}/_bulk", post(bulk))
            .fallback(forward)
            .with_state(memory.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            memory,
            _task: task,
        }
    }

    pub fn version(&self, id: &str) -> Option<i64> {
        self.memory.lock().unwrap().versions.get(id).copied()
    }

    /// From now on, no document is taken; or all of them again.
    pub fn busy(&self, busy: bool) {
        self.memory.lock().unwrap().busy = busy;
    }

    pub fn requests(&self) -> usize {
        self.memory.lock().unwrap().requests
    }
}

async fn bulk(state: State<Arc<Mutex<Memory>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (busy, real) = {
        let memory = state.0.lock().unwrap();
        (memory.busy, memory.behind.is_some())
    };
    let text = String::from_utf8(body.to_vec()).unwrap();
    if busy {
        let items = refuse(&text);
        return json!({ "took": 0, "errors": true, "items": items })
            .to_string()
            .into_response();
    }
    if real {
        return forward(state, Request::from_parts(parts, body.into())).await;
    }
    answer(&state.0, &text).await
}

/// Asks the server behind; without one, nothing is known here.
async fn forward(State(memory): State<Arc<Mutex<Memory>>>, request: Request) -> Response {
    let Some(behind) = memory.lock().unwrap().behind.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (parts, body) = request.into_parts();
    let method = match parts.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => Method::Post,
    };
    let mut headers = HeaderMap::new();
    if let Some(kind) = parts.headers.get("content-type") {
        headers.insert("content-type", kind.clone());
    }
    headers.insert("accept", HeaderValue::from_static("application/json"));
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let body = (!body.is_empty()).then_some(body);
    let sent = behind.send(method, path, headers, None::<&()>, body, None).await;
    let Ok(answer) = sent else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = StatusCode::from_u16(answer.status_code().as_u16()).unwrap();
    let kind = answer.headers().get("content-type").cloned();
    let kind = kind.unwrap_or(HeaderValue::from_static("application/json"));
    (
        status,
        [("content-type", kind)],
        answer.bytes().await.unwrap_or_default(),
    )
        .into_response()
}

/// 429 to each item.
fn refuse(body: &str) -> Vec<Value> {
    let mut lines = body.lines();
    let mut items = Vec::new();
    while let Some(line) = lines.next() {
        let action: HashMap<String, Value> = serde_json::from_str(line).unwrap();
        let (op, meta) = action.into_iter().next().unwrap();
        if op == "index" {
            lines.next().unwrap();
        }
        items.push(json!({ op: { "_id": meta["_id"], "status": 429, "error": rejection()["error"] } }));
    }
    items
}

async fn answer(memory: &Mutex<Memory>, body: &str) -> Response {
    let (fault, mut items) = {
        let mut memory = memory.lock().unwrap();
        memory.requests += 1;
        let fault = memory.faults.pop_front();
        if matches!(fault, Some(Fault::Busy)) {
            return (StatusCode::TOO_MANY_REQUESTS, rejection().to_string()).into_response();
        }
        let busy = if let Some(Fault::BusyAt(place)) = fault {
            Some(place)
        } else {
            None
        };
        (fault, write(&mut memory.versions, body, busy))
    };
    match fault {
        None | Some(Fault::Busy | Fault::BusyAt(_)) => {}
        Some(Fault::LoseAnswer) => {
            let broken = futures::stream::iter([Err::<&str, _>(std::io::Error::other("lost"))]);
            return Response::new(Body::from_stream(broken));
        }
        Some(Fault::NeverAnswer) => std::future::pending().await,
        Some(Fault::Reverse) => items.reverse(),
        Some(Fault::Forget(place)) => drop(items.remove(place)),
    }
    json!({ "took": 0, "errors": true, "items": items })
        .to_string()
        .into_response()
}

fn rejection() -> Value {
    json!({ "error": { "type": "es_rejected_execution_exception", "reason": "queue full" }, "status": 429 })
}

/// Applies each action as `external_gte` does and answers it.
fn write(versions: &mut HashMap<String, i64>, body: &str, busy: Option<usize>) -> Vec<Value> {
    let mut lines = body.lines();
    let mut items = Vec::new();
    while let Some(line) = lines.next() {
        let action: HashMap<String, Value> = serde_json::from_str(line).unwrap();
        let (op, meta) = action.into_iter().next().unwrap();
        if op == "index" {
            lines.next().unwrap();
        }
        let (id, version) = (meta["_id"].as_str().unwrap(), meta["version"].as_i64().unwrap());
        let stored = versions.get(id).copied().unwrap_or_default();
        let item = if busy == Some(items.len()) {
            json!({ "_id": id, "status": 429, "error": rejection()["error"] })
        } else if stored > version {
            let reason = format!(
                "[{id}]: version conflict, current version [{stored}] is higher than the one provided [{version}]"
            );
            json!({ "_id": id, "status": 409, "error": { "type": "version_conflict_engine_exception", "reason": reason } })
        } else {
            versions.insert(id.to_owned(), version);
            let result = if op == "index" { "created" } else { "deleted" };
            json!({ "_id": id, "status": 200, "result": result, "_version": version })
        };
        items.push(json!({ op: item }));
    }
    items
}

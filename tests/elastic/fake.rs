//! A small Elasticsearch in memory: bulk requests with external versions, and faults on order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
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
}

/// The server; it ends with this value.
pub struct Fake {
    pub url: Url,
    memory: Arc<Mutex<Memory>>,
    _task: JoinSet<()>,
}

impl Fake {
    pub async fn start(faults: impl IntoIterator<Item = Fault>) -> Self {
        let memory = Arc::new(Mutex::new(Memory {
            faults: faults.into_iter().collect(),
            ..Memory::default()
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new()
            .route("/{index}/_bulk", post(bulk))
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

    pub fn requests(&self) -> usize {
        self.memory.lock().unwrap().requests
    }
}

async fn bulk(State(memory): State<Arc<Mutex<Memory>>>, body: String) -> Response {
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
        (fault, write(&mut memory.versions, &body, busy))
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

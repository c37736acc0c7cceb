//! What the daemon tells over HTTP: probes, metrics, status. Everything here only reads what others publish, and answers
//! at once whatever the state of Postgres, Elasticsearch and Kafka.

mod page;
pub mod ready;
pub mod settings;
pub mod status;

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use ready::{Readiness, State as IndexState};
use settings::HttpSettings;
use status::Status;

use crate::task::Health;

/// What the answers are read from.
#[derive(Clone, Debug)]
pub struct HttpState {
    pub health: Health,
    pub prometheus: PrometheusHandle,
    pub readiness: watch::Receiver<Readiness>,
    pub status: watch::Receiver<Status>,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot listen on {address}: {cause}")]
    Bind { address: SocketAddr, cause: std::io::Error },
    #[error("the page's socket failed: {0}")]
    Socket(std::io::Error),
}

impl HttpError {
    /// What a person does about it, as a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Bind { cause, .. } if cause.kind() == std::io::ErrorKind::AddrInUse => {
                "another program, perhaps another highwater, listens there: set `http.listen` to a free port, or port 0"
            }
            Self::Bind { .. } => "set `http.listen` to an address of this machine, and a port above 1023",
            Self::Socket(_) => "start the daemon again",
        }
    }
}

/// Takes the address, so that it can be told before anybody asks; with port 0, the system chooses.
///
/// # Errors
/// The address is taken or not ours.
pub async fn bind(settings: &HttpSettings) -> Result<TcpListener, HttpError> {
    let address = settings.listen;
    TcpListener::bind(address)
        .await
        .map_err(|cause| HttpError::Bind { address, cause })
}

/// Requests under way when the daemon stops have so long.
const GRACE: Duration = Duration::from_secs(1);

/// Histograms keep every sample until they are rendered or tended; without this, a daemon that nobody scrapes would grow.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Answers until `stop`.
///
/// # Errors
/// The socket fails.
pub async fn serve(listener: TcpListener, state: HttpState, stop: CancellationToken) -> Result<(), HttpError> {
    let prometheus = state.prometheus.clone();
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server.into_future() => ended.map_err(HttpError::Socket),
        () = overdue => Ok(()),
        () = upkeep(&prometheus) => Ok(()),
    }
}

async fn upkeep(prometheus: &PrometheusHandle) {
    let mut due = tokio::time::interval(UPKEEP_EVERY);
    loop {
        due.tick().await;
        prometheus.run_upkeep();
    }
}

/// The routes, for a server of one's own or a test without one.
pub fn router(state: HttpState) -> Router {
    Router::new()
        .route("/", get(status_page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/v1/status", get(status_json))
        .fallback(nothing)
        .with_state(state)
}

/// Nothing here loads anything from elsewhere, is framed, or is worth keeping.
const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
];

async fn status_page(State(state): State<HttpState>) -> Response {
    let readiness = state.readiness.borrow().clone();
    let page = page::render(&state.status.borrow(), &readiness, &state.health.snapshot());
    (PAGE_HEADERS, Html(page)).into_response()
}

/// The process lives and so do its tasks. One that waits for a server lives: to restart us would not bring it back.
async fn healthz(State(state): State<HttpState>) -> Response {
    let stopped = state.health.stopped();
    let code = if stopped.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(json!({ "healthy": stopped.is_empty(), "stopped": stopped }))).into_response()
}

async fn readyz(State(state): State<HttpState>) -> Response {
    let readiness = state.readiness.borrow().clone();
    let code = if readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(readiness.to_json())).into_response()
}

async fn metrics(State(state): State<HttpState>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.prometheus.render(),
    )
        .into_response()
}

async fn status_json(State(state): State<HttpState>) -> Response {
    let status = state.status.borrow().clone();
    Json(json!({ "status": status, "tasks": state.health.snapshot() })).into_response()
}

async fn nothing() -> Response {
    let known = ["/", "/healthz", "/readyz", "/metrics", "/v1/status"];
    (
        StatusCode::NOT_FOUND,
        Json(json!({ "error": "there is no such page", "pages": known })),
    )
        .into_response()
}

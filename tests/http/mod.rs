//! The pages as a probe, a scraper and a browser see them, over a socket.

use highwater::http::settings::HttpSettings;
use highwater::http::status::{Index, Status};
use highwater::http::{HttpError, HttpState, IndexState, Readiness, bind, serve};
use highwater::task::Health;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Server {
    address: std::net::SocketAddr,
    health: Health,
    readiness: watch::Sender<Readiness>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), HttpError>>,
}

impl Server {
    async fn start() -> Self {
        let settings = HttpSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            ..HttpSettings::default()
        };
        let listener = bind(&settings).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (readiness, status) = (
            watch::Sender::new(Readiness::default()),
            watch::Sender::new(Status::default()),
        );
        let (health, stop) = (Health::default(), CancellationToken::new());
        let recorder = highwater::metrics::recorder().unwrap();
        metrics::with_local_recorder(&recorder, highwater::metrics::describe);
        let state = HttpState {
            health: health.clone(),
            prometheus: recorder.handle(),
            readiness: readiness.subscribe(),
            status: status.subscribe(),
        };
        let task = tokio::spawn(serve(listener, state, stop.clone()));
        Self {
            address,
            health,
            readiness,
            status,
            stop,
            task,
        }
    }

    /// Status code, head and body.
    async fn get(&self, path: &str) -> (u16, String, String) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            head.to_owned(),
            body.to_owned(),
        )
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let (code, _, body) = self.get(path).await;
        (code, serde_json::from_str(&body).unwrap())
    }
}

#[tokio::test]
async fn an_outage_is_no_reason_to_restart_the_end_of_a_task_is() {
    let server = Server::start().await;
    let reporter = server.health.handle("writer");
    reporter.waiting("Elasticsearch does not answer");
    assert_eq!(
        server.json("/healthz").await,
        (200, json!({ "healthy": true, "stopped": [] }))
    );
    drop(reporter);
    assert_eq!(
        server.json("/healthz").await,
        (503, json!({ "healthy": false, "stopped": ["writer"] }))
    );
}

#[tokio::test]
async fn ready_once_caught_up() {
    let server = Server::start().await;
    let (code, body) = server.json("/readyz").await;
    assert_eq!((code, &body["postgres"]["waiting"]), (503, &json!("not asked yet")));
    let indexes = [("books".to_owned(), IndexState::Live)].into();
    let well = Readiness {
        postgres: None,
        elasticsearch: None,
        kafka: Some("refused".to_owned()),
        indexes,
        unfit: [].into(),
    };
    server.readiness.send_replace(well);
    let (code, body) = server.json("/readyz").await;
    assert_eq!(
        (code, &body["ready"], &body["indexes"]),
        (200, &json!(true), &json!({ "books": "live" }))
    );
    assert_eq!(body["kafka"], json!({ "ready": false, "waiting": "refused" }));
}

#[tokio::test]
async fn the_page_and_its_json_tell_the_same() {
    let server = Server::start().await;
    let index = Index {
        index: "books".into(),
        generation: "books-000001".into(),
        dead: 7,
        ..Index::default()
    };
    server.status.send_replace(Status {
        version: "1.2.3",
        revision: 4,
        indexes: vec![index],
        ..Status::default()
    });
    let (code, head, page) = server.get("/").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(
        page.contains("books-000001") && page.contains("dead letters: 7") && page.contains("highwater 1.2.3"),
        "{page}"
    );
    let (_, body) = server.json("/v1/status").await;
    assert_eq!(
        (&body["status"]["revision"], &body["status"]["indexes"][0]["dead"]),
        (&json!(4), &json!(7))
    );
    let (code, body) = server.json("/nowhere").await;
    assert_eq!((code, body["pages"].as_array().map(Vec::len)), (404, Some(5)));
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let server = Server::start().await;
    let (code, head, body) = server.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(
        body.contains(concat!(
            "highwater_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        )),
        "{body}"
    );
}

#[tokio::test]
async fn it_stops_with_a_connection_open() {
    let server = Server::start().await;
    let _idle = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(server.get("/healthz").await.0, 200);
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_port_says_what_to_do() {
    let server = Server::start().await;
    let error = bind(&HttpSettings {
        listen: server.address,
        ..HttpSettings::default()
    })
    .await
    .unwrap_err();
    assert!(error.remedy().contains("`http.listen`"), "{error}: {}", error.remedy());
}

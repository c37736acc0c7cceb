//! What a real server does too seldom to wait for.

use std::time::Duration;

use highwater::draft::Drafts;
use highwater::elastic::{Elastic, ElasticError, ElasticSettings, Outcome, Verdict};
use serde_json::json;
use url::Url;

use super::drafts;
use super::fake::{Fake, Fault};

fn client(urls: &[&Url], timeout: Duration) -> Elastic {
    let urls = urls.iter().map(|url| (*url).clone()).collect();
    Elastic::connect(&ElasticSettings {
        urls,
        request_timeout: timeout,
        ..ElasticSettings::default()
    })
    .unwrap()
}

fn three(version: i64) -> Drafts {
    drafts(version, &[("a", Some(json!({}))), ("b", Some(json!({}))), ("c", None)])
}

/// An address where nobody listens.
async fn deserted() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://user:hidden@{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap()
}

const PATIENT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let fake = Fake::start([Fault::Busy, Fault::BusyAt(1)]).await;
    let elastic = client(&[&fake.url], PATIENT);
    let error = elastic.bulk("i", &three(5)).await.unwrap_err();
    assert!(matches!(error, ElasticError::Busy { status: 429, .. }), "{error}");
    assert_eq!(error.verdict(), Verdict::Retry);
    let outcomes = elastic.bulk("i", &three(5)).await.unwrap();
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Indexed, Outcome::Retry { .. }, Outcome::Deleted]
        ),
        "{outcomes:?}"
    );
    assert_eq!(fake.version("b"), None);
    let again = elastic.bulk("i", &three(5).subset(&[1])).await.unwrap();
    assert_eq!(again, [Outcome::Indexed]);
}

#[tokio::test]
async fn a_server_that_knows_no_index_yet_does_not_say_that_one_is_gone() {
    let fake = Fake::start([]).await; // 404 for whatever it is asked, as a real one before it has read its state
    let elastic = client(&[&fake.url], PATIENT);
    let error = elastic.index_exists("i").await.unwrap_err();
    assert!(matches!(error, ElasticError::Refused { status: 404, .. }), "{error}");
}

#[tokio::test]
async fn a_lost_answer_settles_nothing_and_the_repetition_does() {
    let fake = Fake::start([Fault::LoseAnswer]).await;
    let elastic = client(&[&fake.url], PATIENT);
    let error = elastic.bulk("i", &three(5)).await.unwrap_err();
    assert!(matches!(error.verdict(), Verdict::Retry | Verdict::Split), "{error}");
    assert_eq!(fake.version("a"), Some(5), "it was written all the same");
    assert!(
        elastic
            .bulk("i", &three(5))
            .await
            .unwrap()
            .iter()
            .all(Outcome::is_settled)
    );
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let fake = Fake::start([Fault::NeverAnswer]).await;
    let elastic = client(&[&fake.url], Duration::from_millis(200));
    let error = elastic.bulk("i", &three(5)).await.unwrap_err();
    assert!(matches!(error, ElasticError::Timeout { .. }), "{error}");
    assert_eq!(error.verdict(), Verdict::Retry);
}

#[tokio::test]
async fn answers_out_of_order_reach_their_drafts() {
    let fake = Fake::start([Fault::Reverse, Fault::Forget(0)]).await;
    let elastic = client(&[&fake.url], PATIENT);
    elastic.bulk("i", &drafts(9, &[("a", None)])).await.unwrap();
    let outcomes = elastic.bulk("i", &three(5)).await.unwrap();
    // `a` was not answered; `b` and `c`, one place early, were.
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Retry { .. }, Outcome::Indexed, Outcome::Deleted]
        ),
        "{outcomes:?}"
    );

    let fake = Fake::start([Fault::Reverse]).await;
    let elastic = client(&[&fake.url], PATIENT);
    let outcomes = elastic.bulk("i", &three(5)).await.unwrap();
    assert_eq!(outcomes, [Outcome::Indexed, Outcome::Indexed, Outcome::Deleted]);
}

#[tokio::test]
async fn another_node_takes_over_from_one_that_is_down() {
    let fake = Fake::start([]).await;
    let down = deserted().await;
    let elastic = client(&[&down, &fake.url], PATIENT);
    for version in 1..=4 {
        assert!(
            elastic
                .bulk("i", &three(version))
                .await
                .unwrap()
                .iter()
                .all(Outcome::is_settled)
        );
    }
    assert_eq!(fake.requests(), 4);
}

#[tokio::test]
async fn nobody_there_is_said_without_the_password() {
    let elastic = client(&[&deserted().await], PATIENT);
    let error = elastic.info().await.unwrap_err();
    assert!(matches!(error, ElasticError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    let shown = format!("{error} {error:?} {elastic:?} {}", error.remedy());
    assert!(!shown.contains("hidden"), "{shown}");
}

#[tokio::test]
async fn a_port_without_tls_is_said_to_be_one() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let fake = Fake::start([]).await;
    let mut url = fake.url.clone();
    url.set_scheme("https").unwrap();
    let error = client(&[&url], PATIENT).info().await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the port does not speak TLS: write http:// in place of https://"),
        "{error}"
    );
}

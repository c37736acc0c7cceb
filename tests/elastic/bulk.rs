//! Every outcome that a real server can be brought to.

use highwater::draft::Version;
use highwater::elastic::{IndexPlan, Outcome, Verdict};
use serde_json::json;

use super::{drafts, mappings, object, of, on_server};

#[tokio::test]
async fn versions_decide_what_is_kept() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let write = async |version, id: &str, source| {
            bench
                .elastic
                .bulk(&index, &drafts(version, &[(id, source)]))
                .await
                .unwrap()
                .remove(0)
        };
        let superseded = |version| Outcome::Superseded {
            stored: Some(Version(version)),
        };
        assert_eq!(write(10, "1", Some(json!({ "n": 1 }))).await, Outcome::Indexed);
        assert_eq!(
            write(10, "1", Some(json!({ "n": 1 }))).await,
            Outcome::Indexed,
            "an equal version is the same content"
        );
        assert_eq!(write(9, "1", Some(json!({ "n": 0 }))).await, superseded(10));
        assert_eq!(write(9, "1", None).await, superseded(10));
        assert_eq!(write(12, "none", None).await, Outcome::Absent);
        assert_eq!(
            write(11, "none", Some(json!({ "n": 1 }))).await,
            superseded(12),
            "a delete's version is remembered"
        );
        assert_eq!(write(13, "1", None).await, Outcome::Deleted);
        assert_eq!(write(12, "1", Some(json!({ "n": 1 }))).await, superseded(13));
        // The largest version there is, and an id full of what a path or JSON could trip over.
        let odd = "a/b?c#\"\\%2F é current version [7]";
        assert_eq!(write(i64::MAX, odd, Some(json!({ "n": 1 }))).await, Outcome::Indexed);
        assert_eq!(write(1, odd, None).await, superseded(i64::MAX));
    })
    .await;
}

#[tokio::test]
async fn one_bad_document_does_not_stop_the_others_and_is_not_quoted() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let batch = drafts(
            5,
            &[
                ("bad", Some(json!({ "n": "confidential" }))),
                ("good", Some(json!({ "n": 1 }))),
                ("unknown", Some(json!({ "m": "confidential" }))),
                ("date", Some(json!({ "day": "confidential" }))),
            ],
        );
        let outcomes = bench.elastic.bulk(&index, &batch).await.unwrap();
        let reason = |at: usize| {
            let Outcome::Rejected { reason } = &outcomes[at] else {
                panic!("{:?}", outcomes[at])
            };
            reason.clone()
        };
        assert_eq!(outcomes[1], Outcome::Indexed);
        assert!(
            reason(0).contains("failed to parse field [n] of type [integer]"),
            "{}",
            reason(0)
        );
        assert!(reason(2).contains("dynamic introduction of [m]"), "{}", reason(2));
        assert!(
            reason(3).contains("failed to parse field [day] of type [date]"),
            "{}",
            reason(3)
        );
        assert!(!format!("{outcomes:?}").contains("confidential"), "{outcomes:?}");
        let broken = drafts(6, &[("x", None)]);
        let broken = highwater::draft::Drafts {
            body: "confidential".into(),
            ..broken
        };
        let error = bench.elastic.bulk(&index, &broken).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Stop);
        assert!(!format!("{error:?}").contains("confidential"), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_index_is_not_made_again() {
    on_server(|bench| async move {
        bench.elastic.put_template(&bench.alias).await.unwrap();
        bench.elastic.put_template(&bench.alias).await.unwrap();
        let index = bench.create(1).await;
        bench.elastic.delete_index(&index).await.unwrap();
        let late = drafts(5, &[("1", Some(json!({ "n": 1 }))), ("2", None)]);
        let outcomes = bench.elastic.bulk(&index, &late).await.unwrap();
        // Where the server cannot forbid it, the index is there again, empty and closed.
        for outcome in &outcomes {
            assert!(
                matches!(outcome, Outcome::IndexMissing | Outcome::Blocked { .. }),
                "{outcome:?}"
            );
        }
        if outcomes.iter().all(|outcome| *outcome == Outcome::IndexMissing) {
            assert!(!bench.elastic.index_exists(&index).await.unwrap());
        } else {
            assert_eq!(bench.elastic.count(&index).await.unwrap(), 0);
        }
        // The next generation is made and written all the same.
        let next = bench.create(2).await;
        assert!(
            bench
                .elastic
                .bulk(&next, &late)
                .await
                .unwrap()
                .iter()
                .all(Outcome::is_settled)
        );
    })
    .await;
}

#[tokio::test]
async fn a_read_only_index_is_blocked_not_refused() {
    on_server(|bench| async move {
        let name = bench.generation(1);
        // What the server itself puts on every index when its disk is nearly full.
        let settings = object(json!({ "number_of_replicas": 0, "index.blocks.read_only_allow_delete": true }));
        let plan = IndexPlan {
            settings: &settings,
            mappings: &mappings(),
            origin: of("x"),
        };
        bench.elastic.create_index(&name, plan).await.unwrap();
        let batch = drafts(5, &[("1", Some(json!({ "n": 1 }))), ("2", None)]);
        for outcome in bench.elastic.bulk(&name, &batch).await.unwrap() {
            assert!(
                matches!(&outcome, Outcome::Blocked { reason } if reason.contains("read-only")),
                "{outcome:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_to_be_split() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        // Elasticsearch takes 100 MB unless told otherwise.
        let batch = drafts(5, &[("1", Some(json!({ "n": "x".repeat(105 << 20) })))]);
        let error = bench.elastic.bulk(&index, &batch).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Split, "{error}");
        // The connection's end does no harm to the next request.
        let outcomes = bench
            .elastic
            .bulk(&index, &drafts(5, &[("1", Some(json!({ "n": 1 })))]))
            .await
            .unwrap();
        assert_eq!(outcomes, [Outcome::Indexed]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_many_answers_each() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let ids: Vec<String> = (0..3_000).map(|number| number.to_string()).collect();
        let documents: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(json!({ "n": 1 })))).collect();
        let outcomes = bench.elastic.bulk(&index, &drafts(7, &documents)).await.unwrap();
        assert_eq!(outcomes.len(), 3_000);
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Indexed));
        bench.elastic.refresh(&index).await.unwrap();
        assert_eq!(bench.elastic.count(&index).await.unwrap(), 3_000);
        assert_eq!(bench.elastic.bulk(&index, &drafts(7, &[])).await.unwrap(), []);
    })
    .await;
}

//! Documents, marks and notes read back from a real server.

use std::collections::HashSet;

use highwater::draft::Version;
use highwater::elastic::{DocumentId, ElasticError};
use serde_json::{Value, json};

use super::{drafts, on_server};

fn marked(key: &str, version: i64) -> Value {
    json!({ "n": 1, "_highwater": { "key": key, "hash": "h", "version": version, "encoder": 1, "revision": 3 } })
}

#[tokio::test]
async fn what_was_acknowledged_is_read_at_once() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let odd = "a/../b?c";
        let batch = drafts(
            7,
            &[
                ("1", Some(marked("1", 7))),
                (odd, Some(marked(odd, 7))),
                ("foreign", Some(json!({ "n": 2 }))),
            ],
        );
        bench.elastic.bulk(&index, &batch).await.unwrap();
        let document = bench.elastic.get(&index, odd.into()).await.unwrap().unwrap();
        assert_eq!(document.version, Version(7));
        assert_eq!(document.source.get(), marked(odd, 7).to_string());
        assert!(bench.elastic.get(&index, "none".into()).await.unwrap().is_none());
        let ids = ["foreign", "none", odd].map(DocumentId::from);
        let found = bench.elastic.mget_marks(&index, &ids).await.unwrap();
        assert!(
            found[0].as_ref().is_some_and(|stored| stored.mark.is_none()),
            "{found:?}"
        );
        assert!(found[1].is_none(), "{found:?}");
        assert_eq!(found[2].as_ref().unwrap().mark.as_ref().unwrap().key, odd);
        assert_eq!(
            bench.elastic.stored_version(&index, "1".into()).await.unwrap(),
            Some(Version(7))
        );
        assert_eq!(bench.elastic.mget_marks(&index, &[]).await.unwrap(), []);
        bench.elastic.delete_index(&index).await.unwrap();
        let error = bench.elastic.get(&index, "1".into()).await.unwrap_err();
        assert!(matches!(error, ElasticError::IndexMissing { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_scan_sees_every_document_once_and_the_foreign_ones_last() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let keys: Vec<String> = (0..2_500).map(|number| format!("{number:05}")).collect();
        let foreign: Vec<String> = (0..25).map(|number| format!("foreign-{number}")).collect();
        let ours = keys.iter().map(|key| (key.as_str(), Some(marked(key, 7))));
        let theirs = foreign.iter().map(|id| (id.as_str(), Some(json!({ "n": 2 }))));
        let batch = drafts(7, &ours.chain(theirs).collect::<Vec<_>>());
        bench.elastic.bulk(&index, &batch).await.unwrap();
        bench.elastic.refresh(&index).await.unwrap();

        let mut scan = bench.elastic.scan_marks(&index, 10).await.unwrap();
        assert_eq!(scan.page().await.unwrap().len(), 10);
        scan.close().await.unwrap();

        // A page's end falls among the foreign documents, which no key tells apart.
        let mut scan = bench.elastic.scan_marks(&index, 501).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let page = scan.page().await.unwrap();
            if page.is_empty() {
                break;
            }
            // What changes meanwhile does not move the walk.
            bench
                .elastic
                .bulk(
                    &index,
                    &drafts(8, &[("00000", None), ("99999", Some(marked("99999", 8)))]),
                )
                .await
                .unwrap();
            bench.elastic.refresh(&index).await.unwrap();
            seen.extend(page);
        }
        assert!(scan.page().await.unwrap().is_empty());
        scan.close().await.unwrap();
        assert_eq!(seen.len(), 2_525);
        let marked_keys: Vec<_> = seen
            .iter()
            .filter_map(|stored| Some(&stored.mark.as_ref()?.key))
            .collect();
        assert!(marked_keys.iter().copied().eq(keys.iter()), "in order of key");
        assert!(seen[2_500..].iter().all(|stored| stored.mark.is_none()));
        let ids: HashSet<_> = seen.iter().map(|stored| &stored.id).collect();
        assert_eq!(ids.len(), 2_525);
    })
    .await;
}

#[tokio::test]
async fn an_index_that_never_saw_a_mark_is_walked_too() {
    on_server(|bench| async move {
        let index = bench.generation(1);
        bench
            .elastic
            .bulk(&index, &drafts(7, &[("1", Some(json!({ "x": 2 })))]))
            .await
            .unwrap();
        bench.elastic.refresh(&index).await.unwrap();
        let mut scan = bench.elastic.scan_marks(&index, 10).await.unwrap();
        assert_eq!(scan.page().await.unwrap().len(), 1);
        scan.close().await.unwrap();
        let error = bench.elastic.scan_marks(&bench.generation(2), 10).await.unwrap_err();
        assert!(matches!(error, ElasticError::IndexMissing { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_note_is_kept_for_each_source() {
    on_server(|bench| async move {
        let (one, two) = (format!("{}/1", bench.alias), format!("{}/2", bench.alias));
        assert_eq!(bench.elastic.get_nonce(&one).await.unwrap(), None);
        bench.elastic.put_nonce(&one, "a").await.unwrap();
        bench.elastic.put_nonce(&two, "b").await.unwrap();
        bench.elastic.put_nonce(&one, "c").await.unwrap();
        assert_eq!(bench.elastic.get_nonce(&one).await.unwrap().as_deref(), Some("c"));
        assert_eq!(bench.elastic.get_nonce(&two).await.unwrap().as_deref(), Some("b"));
        bench.elastic.delete_nonce(&one).await.unwrap();
        bench.elastic.delete_nonce(&two).await.unwrap();
        bench.elastic.delete_nonce(&two).await.unwrap();
        assert_eq!(bench.elastic.get_nonce(&one).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_highest_version_is_that_of_our_own_documents() {
    on_server(|bench| async move {
        let index = bench.generation(1);
        assert_eq!(bench.elastic.highest_version(&index).await.unwrap(), None, "no index");
        bench.create(1).await;
        assert_eq!(
            bench.elastic.highest_version(&index).await.unwrap(),
            None,
            "no document"
        );
        for version in [7, 9, 8] {
            let id = version.to_string();
            let batch = drafts(version, &[(&id, Some(marked(&id, version)))]);
            bench.elastic.bulk(&index, &batch).await.unwrap();
        }
        let foreign = drafts(20, &[("foreign", Some(json!({ "n": 2 })))]);
        bench.elastic.bulk(&index, &foreign).await.unwrap();
        bench.elastic.refresh(&index).await.unwrap();
        assert_eq!(bench.elastic.highest_version(&index).await.unwrap(), Some(Version(9)));
    })
    .await;
}

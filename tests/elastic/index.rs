//! Indexes, templates and aliases on a real server.

use highwater::elastic::{Behind, Created, Distribution, ElasticError, IndexPlan, PointAlias, Verdict};
use serde_json::{Map, json};

use super::{drafts, mappings, object, of, on_server};

#[tokio::test]
async fn the_server_says_who_it_is() {
    on_server(|bench| async move {
        let product = bench.elastic.info().await.unwrap();
        assert!(matches!(
            product.distribution,
            Distribution::Elasticsearch | Distribution::OpenSearch
        ));
        assert!(
            product.version.0 >= 2 && !product.cluster_uuid.is_empty(),
            "{product:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn creating_twice_is_creating_once() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let plan = IndexPlan {
            settings: &Map::new(),
            mappings: &mappings(),
            origin: of("second"),
        };
        assert_eq!(bench.elastic.create_index(&index, plan).await.unwrap(), Created::Exists);
        assert_eq!(
            bench.elastic.origin(&index).await.unwrap().definition.as_deref(),
            Some("first")
        );
        bench.elastic.put_mapping(&index, plan).await.unwrap();
        assert_eq!(
            bench.elastic.origin(&index).await.unwrap().definition.as_deref(),
            Some("second")
        );
        assert!(bench.elastic.index_exists(&index).await.unwrap());
        bench.elastic.delete_index(&index).await.unwrap();
        bench.elastic.delete_index(&index).await.unwrap();
        assert!(!bench.elastic.index_exists(&index).await.unwrap());
        let error = bench.elastic.origin(&index).await.unwrap_err();
        assert!(
            matches!(&error, ElasticError::IndexMissing { index: missing } if *missing == index),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_type_cannot_change_in_place() {
    on_server(|bench| async move {
        let index = bench.create(1).await;
        let changed = object(json!({ "properties": { "n": { "type": "keyword" } } }));
        let plan = IndexPlan {
            settings: &Map::new(),
            mappings: &changed,
            origin: of("second"),
        };
        let error = bench.elastic.put_mapping(&index, plan).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("[n] cannot be changed from type [integer] to [keyword]"),
            "{error}"
        );
        assert_eq!(error.verdict(), Verdict::Stop);
        assert_eq!(
            bench.elastic.origin(&index).await.unwrap().definition.as_deref(),
            Some("first")
        );
    })
    .await;
}

#[tokio::test]
async fn the_alias_moves_and_takes_a_concrete_indexs_place() {
    on_server(|bench| async move {
        let (elastic, alias) = (&bench.elastic, bench.alias.as_str());
        let plan = IndexPlan {
            settings: &Map::new(),
            mappings: &mappings(),
            origin: of("x"),
        };
        assert_eq!(elastic.behind(alias).await.unwrap(), Behind::Nothing);
        elastic.create_index(alias, plan).await.unwrap();
        assert_eq!(elastic.behind(alias).await.unwrap(), Behind::Concrete);
        let (one, two) = (bench.create(1).await, bench.create(2).await);
        let swap = PointAlias {
            alias,
            to: &one,
            from: &[],
            remove_index: false,
        };
        elastic.point_alias(swap).await.unwrap_err();
        assert_eq!(elastic.behind(alias).await.unwrap(), Behind::Concrete);
        elastic
            .point_alias(PointAlias {
                remove_index: true,
                ..swap
            })
            .await
            .unwrap();
        assert_eq!(elastic.behind(alias).await.unwrap(), Behind::Indexes(vec![one.clone()]));
        elastic
            .bulk(&two, &drafts(5, &[("1", Some(json!({ "n": 1 })))]))
            .await
            .unwrap();
        elastic.refresh(&two).await.unwrap();
        let swap = PointAlias {
            alias,
            to: &two,
            from: &[&one, &two],
            remove_index: false,
        };
        elastic.point_alias(swap).await.unwrap();
        assert_eq!(elastic.behind(alias).await.unwrap(), Behind::Indexes(vec![two.clone()]));
        assert_eq!(elastic.count(alias).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_server_judges_a_mapping_without_keeping_it() {
    on_server(|bench| async move {
        let tried = async |settings, mappings| {
            let (settings, mappings) = (object(settings), object(mappings));
            let plan = IndexPlan {
                settings: &settings,
                mappings: &mappings,
                origin: of("x"),
            };
            bench.elastic.try_mapping(&bench.alias, plan).await.unwrap()
        };
        assert_eq!(
            tried(json!({}), json!({ "properties": { "n": { "type": "integer" } } })).await,
            None
        );
        let complaint = tried(json!({}), json!({ "properties": { "n": { "type": "nonsense" } } }))
            .await
            .unwrap();
        assert!(
            complaint.contains("nonsense") && complaint.contains("[n]"),
            "{complaint}"
        );
        let complaint = tried(json!({ "index": { "nonsense": 1 } }), json!({})).await.unwrap();
        assert!(complaint.contains("unknown setting [index.nonsense]"), "{complaint}");
        assert_eq!(
            bench.elastic.behind(&format!("{}-check-*", bench.alias)).await.unwrap(),
            Behind::Nothing
        );
    })
    .await;
}

//! What `src/elastic` says to a real server and understands of its answers; and to a fake one where a real one would
//! have to be broken first.

use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use highwater::draft::{Draft, Drafts, Op, Version};
use highwater::elastic::{Behind, Created, Elastic, ElasticSettings, IndexPlan, Origin, generation_settings};
use highwater::key::Key;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

mod bulk;
pub mod fake;
mod faults;
mod index;
mod read;

/// Names of one test on the shared server.
struct Bench {
    elastic: Elastic,
    alias: String,
}

impl Bench {
    fn generation(&self, number: u32) -> String {
        format!("{}-{number:06}", self.alias)
    }

    /// The first generation, with a small mapping.
    async fn create(&self, number: u32) -> String {
        let name = self.generation(number);
        let settings = generation_settings(object(json!({ "number_of_shards": 1, "number_of_replicas": 0 })));
        let plan = IndexPlan {
            settings: &settings,
            mappings: &mappings(),
            origin: of("first"),
        };
        assert_eq!(self.elastic.create_index(&name, plan).await.unwrap(), Created::Created);
        name
    }
}

/// Runs a test on the server of the local stack and takes away what it left, whether it passed or not.
async fn on_server<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Arc<Bench>) -> F) {
    let url = std::env::var("STACK_ELASTICSEARCH_URL").unwrap_or_else(|_| {
        panic!("no Elasticsearch to test against: run `make test`, or eval \"$(stack/stack env)\" first")
    });
    let settings = ElasticSettings {
        urls: vec![url.parse().unwrap()],
        ..ElasticSettings::default()
    };
    let alias = format!("test-elastic-{:08x}", RandomState::new().build_hasher().finish() >> 32);
    let bench = Arc::new(Bench {
        elastic: Elastic::connect(&settings).unwrap(),
        alias,
    });
    let mut task = JoinSet::new();
    task.spawn(test(bench.clone()));
    let result = task.join_next().await.unwrap();
    if let Behind::Indexes(left) = bench.elastic.behind(&format!("{}*", bench.alias)).await.unwrap() {
        for index in left {
            bench.elastic.delete_index(&index).await.unwrap();
        }
    }
    bench.elastic.delete_template(&bench.alias).await.unwrap();
    if let Err(failure) = result {
        std::panic::resume_unwind(failure.into_panic());
    }
}

fn mappings() -> Map<String, Value> {
    object(json!({
        "dynamic": "strict",
        "properties": {
            "n": { "type": "integer" },
            "day": { "type": "date" },
            "_highwater": { "properties": {
                "key": { "type": "keyword" },
                "hash": { "type": "keyword" },
                "version": { "type": "long" },
                "encoder": { "type": "integer" },
                "revision": { "type": "long" },
            } },
        },
    }))
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else {
        panic!("not an object: {value}")
    };
    map
}

/// A batch at one version: a document for each `(id, Some(source))`, a delete for each `(id, None)`.
fn drafts(version: i64, documents: &[(&str, Option<Value>)]) -> Drafts {
    let mut body = Vec::new();
    let mut items = Vec::new();
    for (id, source) in documents {
        let start = body.len();
        let op = if source.is_some() { "index" } else { "delete" };
        let action = json!({ op: { "_id": id, "version": version, "version_type": "external_gte" } });
        body.extend_from_slice(format!("{action}\n").as_bytes());
        if let Some(source) = source {
            body.extend_from_slice(format!("{source}\n").as_bytes());
        }
        let op = if source.is_some() { Op::Index } else { Op::Delete };
        items.push(Draft {
            key: Key::from_text(id),
            id: (*id).into(),
            routing: None,
            version: Version(version),
            op,
            span: start..body.len(),
        });
    }
    Drafts {
        version: Version(version),
        body: body.into(),
        items,
    }
}

/// From a definition with this hash.
fn of(definition: &str) -> Origin<'_> {
    Origin {
        definition,
        source: "one",
    }
}

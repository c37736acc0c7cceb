//! The page's questions to Elasticsearch, as values.

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub const PAGE_SIZE: u64 = 10;

/// Around the words that matched. Private characters, because the text may hold any markup itself: whoever shows it splits by them.
pub const MARK: (&str, &str) = ("\u{e000}", "\u{e001}");

/// Name of the facet and the field behind it.
pub const FACETS: [(&str, &str); 4] = [
    ("release", "document.release.series"),
    ("kind", "objects.kind"),
    ("folder", "document.folder"),
    ("version", "notes.version"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ask {
    pub q: String,
    pub release: String,
    pub kind: String,
    pub folder: String,
    pub version: String,
    pub from: u64,
}

impl Ask {
    fn chosen(&self, facet: &str) -> Option<&str> {
        let value = match facet {
            "release" => &self.release,
            "kind" => &self.kind,
            "folder" => &self.folder,
            _ => &self.version,
        };
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// The filters of all facets but `except`: a facet counts what choosing another of its values would bring.
    fn filters(&self, except: &str) -> Vec<Value> {
        let others = FACETS.iter().filter(|(name, _)| *name != except);
        others
            .filter_map(|(name, field)| self.chosen(name).map(|value| json!({ "term": { *field: value } })))
            .collect()
    }
}

pub fn search(ask: &Ask) -> Value {
    let facets: Map<String, Value> = FACETS
        .iter()
        .map(|(name, field)| {
            let terms = json!({ "terms": { "field": field, "size": 12 } });
            (
                name.to_string(),
                json!({ "filter": { "bool": { "filter": ask.filters(name) } }, "aggs": { "values": terms } }),
            )
        })
        .collect();
    let newest_first = json!([{ "document.changed_at": "desc" }, { "changed_at": "desc" }]);
    let best_first = json!(["_score", { "level": "asc" }, { "id": "asc" }]);
    json!({
        "from": ask.from.min(500),
        "size": PAGE_SIZE,
        "track_total_hits": true,
        "query": text(ask.q.trim()),
        "post_filter": { "bool": { "filter": ask.filters("") } },
        "sort": if ask.q.trim().is_empty() { newest_first } else { best_first },
        "aggs": facets,
        "highlight": highlight(),
        "_source": { "excludes": ["body"] },
    })
}

/// Best where words are whole and stand in the title; but the last word may still be being typed. What explains goes before what
/// reports: half of the documentation is release notes.
fn text(q: &str) -> Value {
    if q.is_empty() {
        return json!({ "match_all": {} });
    }
    let readers_first = json!({ "terms": { "document.folder": ["ref", "topics", "howto", "intro"], "boost": 4 } });
    json!({ "bool": { "must": { "dis_max": { "tie_breaker": 0.4, "queries": [
        { "multi_match": { "query": q, "type": "cross_fields", "operator": "and", "fields": ["title^3", "breadcrumb", "document.title^2", "body"] } },
        { "multi_match": { "query": q, "type": "bool_prefix", "operator": "and", "fields": ["title.words^3", "objects.name.words^2"] } },
        { "multi_match": { "query": q, "type": "phrase_prefix", "fields": ["title^3", "body"], "max_expansions": 30 } },
        { "term": { "objects.name": { "value": q, "boost": 20 } } },
        { "term": { "labels": { "value": q, "boost": 10 } } },
    ] } }, "should": readers_first } })
}

fn highlight() -> Value {
    json!({
        "pre_tags": [MARK.0], "post_tags": [MARK.1],
        "require_field_match": false, // a word half typed matches title.words; the reader sees the title
        "fields": {
            "title": { "number_of_fragments": 0 },
            "body": { "fragment_size": 180, "number_of_fragments": 2, "no_match_size": 240 },
        },
    })
}

/// What has come in of late, and how far the site has moved from release to release.
pub fn pulse() -> Value {
    json!({
        "size": 1,
        "track_total_hits": true,
        "sort": [{ "document.changed_at": "desc" }],
        "_source": ["title", "document.title", "document.path"],
        "aggs": {
            "section": { "max": { "field": "changed_at" } },
            "document": { "max": { "field": "document.changed_at" } },
            "releases": { "terms": { "field": "document.release.series", "order": { "_key": "asc" } } },
        },
    })
}

/// Lines for a console, with the real address.
pub fn console(elastic: &str, index: &str) -> Vec<(&'static str, String)> {
    let post = |body: &str| {
        format!("curl -s '{elastic}/{index}/_search?pretty' -H 'Content-Type: application/json' -d '{body}'")
    };
    vec![
        (
            "How many documents there are",
            format!("curl -s '{elastic}/{index}/_count?pretty'"),
        ),
        (
            "One document as it is indexed",
            format!("curl -s '{elastic}/{index}/_doc/1?pretty'"),
        ),
        (
            "Search",
            post(
                r#"{"query":{"match":{"title":"database transactions"}},"_source":["title","document.path","breadcrumb"]}"#,
            ),
        ),
        (
            "Where a setting is described",
            post(r#"{"query":{"term":{"objects.name":"DATABASES"}},"_source":["title","objects","linked_from"]}"#),
        ),
        (
            "What a release deprecates",
            post(
                r#"{"query":{"bool":{"filter":[{"term":{"notes.kind":"deprecated"}},{"term":{"notes.version":"5.2"}}]}},"_source":["title","document.path"]}"#,
            ),
        ),
        (
            "Sections by release",
            post(r#"{"size":0,"aggs":{"releases":{"terms":{"field":"document.release.series"}}}}"#),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facet_is_not_narrowed_by_its_own_choice() {
        let ask = Ask {
            q: "form".into(),
            release: "5.1".into(),
            kind: "class".into(),
            ..Ask::default()
        };
        let query = search(&ask);
        assert_eq!(
            query.pointer("/aggs/release/filter/bool/filter").unwrap(),
            &json!([{ "term": { "objects.kind": "class" } }])
        );
        assert_eq!(
            query
                .pointer("/post_filter/bool/filter")
                .unwrap()
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn without_words_the_newest_come_first() {
        assert_eq!(
            search(&Ask {
                q: "  ".into(),
                ..Ask::default()
            })["query"],
            json!({ "match_all": {} })
        );
    }
}

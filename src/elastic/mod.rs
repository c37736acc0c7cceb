//! The only module that talks to Elasticsearch.

mod settings;

pub use settings::{Auth, ElasticSettings};

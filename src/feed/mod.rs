//! Sources of touches. The touch log is the record of work; Kafka only says "look now".

pub mod kafka;
pub mod settings;
pub mod touch_log;

pub use settings::{Feed, FeedSettings, KafkaSettings, TouchLogSettings};

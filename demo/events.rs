//! What the application tells the world after a commit: which rows changed, on a Kafka topic.
//!
//! An event is a courtesy. It never holds up the application: without a broker, or with a full queue, it is dropped and counted.

use crate::edit::Edit;
use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub struct Events {
    producer: Option<ThreadedProducer<DefaultProducerContext>>,
    topic: String,
    pub sent: AtomicUsize,
    pub dropped: AtomicUsize,
}

impl Events {
    /// Without brokers nothing is sent.
    pub async fn new(brokers: Option<&str>, topic: &str) -> Result<Self> {
        let producer = match brokers.filter(|brokers| !brokers.is_empty()) {
            Some(brokers) => Some(producer(brokers, topic).await?),
            None => None,
        };
        Ok(Self {
            producer,
            topic: topic.to_string(),
            sent: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        })
    }

    pub fn edited(&self, edit: &Edit) {
        for section in edit.inserted.iter().chain(&edit.updated).chain(&edit.deleted) {
            self.changed("section", *section);
        }
        self.changed("document", edit.document);
    }

    pub fn changed(&self, table: &str, id: i64) {
        let Some(producer) = &self.producer else { return };
        let (key, payload) = (
            format!("{table}:{id}"),
            format!(r#"{{"table":"{table}","key":{{"id":{id}}}}}"#),
        );
        let count = match producer.send(BaseRecord::to(&self.topic).key(&key).payload(&payload)) {
            Ok(()) => &self.sent,
            Err(_) => &self.dropped,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives what is still queued a moment to leave.
    pub fn flush(&self) {
        if let Some(producer) = &self.producer {
            let _ = producer.flush(Duration::from_secs(5));
        }
    }
}

async fn producer(brokers: &str, topic: &str) -> Result<ThreadedProducer<DefaultProducerContext>> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "0") // somebody waits for the event
        .set("message.timeout.ms", "5000") // older than that it tells nobody anything new
        .set("reconnect.backoff.max.ms", "500")
        .set("log_level", "0");
    let admin: AdminClient<DefaultClientContext> = config.create().context("the Kafka client")?;
    // A topic that exists, or a broker that is away, is no reason not to start.
    let _ = admin
        .create_topics(
            &[NewTopic::new(topic, 1, TopicReplication::Fixed(1))],
            &AdminOptions::new().operation_timeout(Some(Duration::from_secs(3))),
        )
        .await;
    config.create().context("the Kafka producer")
}

//! Kafka as an alarm clock: a message of a topic says "look now" and nothing more.
//!
//! The touch log is the record of work, so nothing here is owed to anyone: what a message holds is not read, its offset is
//! committed in the background, and without brokers a change waits for the next look of the feed, some milliseconds.
//! Hence the consumer never ends by itself and never asks anyone to wait: absent brokers, missing topics and refused
//! logins are said once and tried again by librdkafka. Only settings that can never work are an error.

mod context;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::Message as _;
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::settings::KafkaSettings;
use crate::metrics;
use crate::task::Reporter;
use context::Listening;

/// Why there is no consumer.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// These settings can never work.
    #[error("the section `kafka` cannot be used: {detail}")]
    Settings { detail: String },
    /// No broker answered.
    #[error("Kafka at {brokers} cannot be reached: {detail}")]
    Unreachable { brokers: String, detail: String },
}

impl KafkaError {
    /// What a person does about it, as a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Settings { detail } if detail.contains("not available at build time") => {
                "use a build with the feature `kafka-tls`, or a listener without TLS and SASL"
            }
            Self::Settings { .. } => {
                "correct `kafka:`; below `properties` stand librdkafka's own, such as `security.protocol`"
            }
            Self::Unreachable { .. } => {
                "check `kafka.brokers`, that they run, and `security.protocol` and `sasl.*` below `kafka.properties`; \
                 nothing is missed meanwhile, changes only wait for the next look"
            }
        }
    }
}

/// How long leaving the group may take. The group notices a member that did not say goodbye by itself.
const GOODBYE: Duration = Duration::from_millis(500);

/// Before a consumer that librdkafka has given up on is made anew.
const RENEWAL: Duration = Duration::from_secs(10);

/// Wakes `wake` at each message until `stop`. One permit is kept where nobody waits, so that no message between two looks
/// is lost.
///
/// # Errors
/// [`KafkaError::Settings`], at once.
pub async fn run(
    settings: KafkaSettings,
    wake: Arc<Notify>,
    reporter: Reporter,
    stop: CancellationToken,
) -> Result<(), KafkaError> {
    let reporter = Arc::new(reporter);
    let config = config(&settings)?;
    let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    while !stop.is_cancelled() {
        let context = Listening::new(Arc::downgrade(&reporter), settings.brokers.join(", "));
        let consumer = StreamConsumer::from_config_and_context(&config, context).map_err(|error| refused(&error))?;
        consumer.subscribe(&topics).map_err(|error| refused(&error))?;
        let alive = tokio::select! {
            () = stop.cancelled() => false,
            () = listen(&consumer, &wake) => true,
        };
        leave(move || drop(consumer)).await;
        if alive {
            let _ = tokio::time::timeout(RENEWAL, stop.cancelled()).await;
        }
    }
    Ok(())
}

/// Leaving the group asks the coordinator, if there is one, and blocks; once seen, for ever. A thread of its own: the
/// runtime would wait for a blocking task of its, and the program would never end.
async fn leave(goodbye: impl FnOnce() + Send + 'static) {
    let (left, leaving) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        goodbye();
        let _ = left.send(()); // nobody waits that long
    });
    if tokio::time::timeout(GOODBYE, leaving).await.is_err() {
        tracing::debug!("the consumer of Kafka leaves its group in the background");
    }
}

/// Returns only when librdkafka says that this consumer is beyond repair.
async fn listen(consumer: &StreamConsumer<Listening>, wake: &Notify) {
    loop {
        match consumer.recv().await {
            Ok(message) => {
                wake.notify_one();
                metrics::kafka_message(message.topic());
                consumer.context().message_came();
            }
            Err(error) => {
                consumer.context().failed(&error);
                if error.rdkafka_error_code() == Some(Code::Fatal) {
                    return;
                }
            }
        }
    }
}

/// Keys of librdkafka that have their own place in the configuration, or that we depend on.
const OURS: [(&str, &str); 4] = [
    ("bootstrap.servers", "write it as `kafka.brokers`"),
    ("metadata.broker.list", "write it as `kafka.brokers`"),
    ("group.id", "write it as `kafka.group`"),
    (
        "statistics.interval.ms",
        "leave it out: the health of the connection is read from the statistics",
    ),
];

fn config(settings: &KafkaSettings) -> Result<ClientConfig, KafkaError> {
    for (key, remedy) in OURS {
        if settings.properties.contains_key(key) {
            return Err(KafkaError::Settings {
                detail: format!("`properties` holds `{key}`; {remedy}"),
            });
        }
    }
    let mut config = ClientConfig::new();
    config
        .set("client.id", "highwater")
        // What came while nobody listened is in the touch log.
        .set("auto.offset.reset", "latest")
        .set("allow.auto.create.topics", "false")
        // A topic that is made later is noticed within this time; the request is small.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("reconnect.backoff.max.ms", "2000")
        // A daemon that was killed holds its partitions for so long.
        .set("session.timeout.ms", "10000")
        .set("partition.assignment.strategy", "cooperative-sticky")
        // Contents are thrown away, so there is no use in keeping many ready: librdkafka's own default is 64 MB.
        .set("queued.max.messages.kbytes", "1024")
        .set("queued.min.messages", "100")
        .set("socket.keepalive.enable", "true")
        .set_log_level(RDKafkaLogLevel::Info);
    for (key, value) in &settings.properties {
        config.set(key, value);
    }
    config
        .set("bootstrap.servers", settings.brokers.join(","))
        .set("group.id", &settings.group)
        .set(
            "statistics.interval.ms",
            context::STATISTICS_EVERY.as_millis().to_string(),
        );
    Ok(config)
}

/// Looks once: which of the topics do not exist? For `check`; `run` needs no such look.
///
/// # Errors
/// Settings that cannot work, and brokers that do not answer within `patience`.
pub async fn missing_topics(settings: &KafkaSettings, patience: Duration) -> Result<Vec<String>, KafkaError> {
    let mut config = config(settings)?;
    config.remove("group.id");
    let settings = settings.clone();
    let look = tokio::task::spawn_blocking(move || look(&config, &settings, patience));
    look.await.unwrap_or_else(|error| {
        Err(KafkaError::Settings {
            detail: error.to_string(),
        })
    })
}

fn look(config: &ClientConfig, settings: &KafkaSettings, patience: Duration) -> Result<Vec<String>, KafkaError> {
    let context = Listening::silent();
    let consumer = BaseConsumer::from_config_and_context(config, context).map_err(|error| refused(&error))?;
    let mut missing = Vec::new();
    for topic in &settings.topics {
        let metadata = consumer.fetch_metadata(Some(topic), patience).map_err(|error| {
            // The reason waits in the queue of events, among lines of the log.
            for _ in 0..10 {
                if consumer.context().cause().is_none() {
                    consumer.poll(Duration::from_millis(20));
                }
            }
            let detail = consumer.context().cause().unwrap_or_else(|| plain(&error));
            KafkaError::Unreachable {
                brokers: settings.brokers.join(", "),
                detail,
            }
        })?;
        let known = metadata
            .topics()
            .iter()
            .any(|found| found.name() == topic && found.error().is_none());
        if !known {
            missing.push(topic.clone());
        }
    }
    Ok(missing)
}

/// An error at the creation of a client: always the settings.
fn refused(error: &ClientError) -> KafkaError {
    let detail = match error {
        // The value stays out: it may be a password.
        ClientError::ClientConfig(_, reason, key, _) => format!("`{key}`: {reason}"),
        other => plain(other),
    };
    KafkaError::Settings { detail }
}

fn plain(error: &ClientError) -> String {
    error
        .rdkafka_error_code()
        .map_or_else(|| error.to_string(), |code| code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Health;

    fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
        KafkaSettings {
            brokers: vec!["127.0.0.1:1".into()],
            topics: vec!["orders".into()],
            properties: properties
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..KafkaSettings::default()
        }
    }

    async fn error(properties: &[(&str, &str)]) -> String {
        let reporter = Health::default().handle("kafka");
        let ended = run(settings(properties), Arc::default(), reporter, CancellationToken::new()).await;
        ended.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn settings_that_cannot_work_end_it_at_once() {
        let text = error(&[("security.protokol", "ssl")]).await;
        assert!(
            text.contains("`security.protokol`: No such configuration property"),
            "{text}"
        );
        let text = error(&[("session.timeout.ms", "soon")]).await;
        assert!(text.contains("session.timeout.ms"), "{text}");
        let text = error(&[("group.id", "x")]).await;
        assert!(text.contains("write it as `kafka.group`"), "{text}");
    }

    #[test]
    fn a_goodbye_that_never_ends_keeps_neither_the_task_nor_the_program() {
        let started = std::time::Instant::now();
        let (held, never) = std::sync::mpsc::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(leave(move || _ = never.recv()));
        drop(runtime); // this waits for blocking tasks
        assert!(started.elapsed() < GOODBYE * 20, "{:?}", started.elapsed());
        drop(held);
    }

    #[tokio::test]
    async fn no_password_is_shown() {
        let text = error(&[
            ("sasl.password", "hidden"),
            ("sasl.mechanism", "hidden-too"),
            ("sasl.usrname", "hidden"),
        ])
        .await;
        assert!(!text.contains("hidden\""), "{text}");
    }
}

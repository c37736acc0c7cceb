//! What librdkafka tells beside the messages: its log, its errors, its statistics; and what a person hears of it.
//!
//! Errors come for each broker and each try, often several a second, and there is no event for "it is well again". So the
//! connection's health is read from the statistics, which name each broker's state; errors only supply the reason.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::task::Reporter;

/// How often the state of the connections is looked at.
pub const STATISTICS_EVERY: Duration = Duration::from_secs(1);

/// So long may no broker be connected before it is said: connections are made anew now and then.
const PATIENCE: Duration = Duration::from_secs(3);

/// One line of librdkafka's log a subject in this time; the others are at debug.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// What keeps messages from coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Unreachable,
    Login,
    Topic,
    Other,
}

/// The context of one consumer.
pub struct Listening {
    /// None for a look that nobody follows. Weak, since librdkafka may let go of this long after the task has ended.
    reporter: Option<Weak<Reporter>>,
    brokers: String,
    state: Mutex<Seen>,
}

struct Seen {
    trouble: Option<Trouble>,
    /// What the last error said.
    cause: Option<String>,
    /// When a broker was last seen connected; at first, when this was made.
    connected: Instant,
    logged: HashMap<String, Instant>,
}

impl Listening {
    pub fn new(reporter: Weak<Reporter>, brokers: String) -> Self {
        Self {
            reporter: Some(reporter),
            brokers,
            ..Self::silent()
        }
    }

    pub fn silent() -> Self {
        let seen = Seen {
            trouble: None,
            cause: None,
            connected: Instant::now(),
            logged: HashMap::new(),
        };
        Self {
            reporter: None,
            brokers: String::new(),
            state: Mutex::new(seen),
        }
    }

    /// What the last error said.
    pub fn cause(&self) -> Option<String> {
        self.seen().cause.clone()
    }

    /// A message is the best sign of all.
    pub fn message_came(&self) {
        self.seen().connected = Instant::now();
        self.well();
    }

    /// An error in place of a message.
    pub fn failed(&self, error: &KafkaError) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if let Some(trouble) = trouble_of(code) {
            self.trouble(trouble, &code.to_string());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // plain values: none is ever half written
    }

    fn well(&self) {
        self.seen().trouble = None;
        if let Some(reporter) = self.reporter.as_ref().and_then(Weak::upgrade) {
            reporter.running();
        }
    }

    /// Says it, unless it was said: the reason's wording changes from try to try.
    fn trouble(&self, trouble: Trouble, reason: &str) {
        let mut seen = self.seen();
        if seen.trouble.replace(trouble) == Some(trouble) {
            return;
        }
        let cause = seen.cause.as_deref().unwrap_or(reason);
        let text = match trouble {
            Trouble::Unreachable => format!("Kafka at {} does not answer: {cause}", self.brokers),
            Trouble::Login => format!("Kafka does not accept the login, see kafka.properties: {cause}"),
            Trouble::Topic => format!("Kafka gives no messages of a topic, see kafka.topics: {reason}"),
            Trouble::Other => format!("Kafka: {reason}"),
        };
        drop(seen);
        if let Some(reporter) = self.reporter.as_ref().and_then(Weak::upgrade) {
            reporter.waiting(text);
        }
    }
}

/// What an error means for the messages; `None` where librdkafka only tells of one of several brokers, or of nothing that
/// keeps them from coming.
fn trouble_of(code: Code) -> Option<Trouble> {
    match code {
        Code::AllBrokersDown => Some(Trouble::Unreachable),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => Some(Trouble::Login),
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::TopicAuthorizationFailed => Some(Trouble::Topic),
        Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed | Code::Fatal => Some(Trouble::Other),
        _ => None, // more than a hundred codes, new ones with each version; librdkafka retries by itself
    }
}

/// `[thread]: host:port/id: Connect to … failed: Connection refused (after 0ms in state CONNECT)` without what changes from
/// try to try, or is said beside it.
fn cause(reason: &str) -> String {
    let reason = reason.split(" (after").next().unwrap_or(reason);
    reason.rsplit(" failed: ").next().unwrap_or(reason).to_owned()
}

impl ConsumerContext for Listening {
    /// A group without a topic that exists assigns nothing.
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance
            && partitions.count() > 0
        {
            self.well();
        }
    }
}

impl ClientContext for Listening {
    fn stats(&self, statistics: Statistics) {
        let connected = statistics.brokers.values().any(|broker| broker.state == "UP");
        let joined = statistics.cgrp.is_some_and(|group| group.join_state == "steady");
        let mut seen = self.seen();
        if connected {
            seen.connected = Instant::now();
        }
        let (trouble, absent) = (seen.trouble, seen.connected.elapsed() > PATIENCE);
        drop(seen);
        match trouble {
            None | Some(Trouble::Unreachable | Trouble::Login) if connected && joined => self.well(),
            None if absent => self.trouble(Trouble::Unreachable, "no broker is connected"),
            _ => {}
        }
    }

    /// Called from [`StreamConsumer::recv`](rdkafka::consumer::StreamConsumer::recv), before it returns the error itself.
    fn error(&self, _: KafkaError, reason: &str) {
        if !reason.contains("brokers are down") {
            self.seen().cause = Some(cause(reason));
        }
    }

    fn log(&self, level: Level, subject: &str, line: &str) {
        if self.reporter.is_none() {
            if subject == "FAIL" || subject == "ERROR" {
                self.seen().cause.get_or_insert_with(|| cause(line));
            }
            return;
        }
        let due = {
            let mut seen = self.seen();
            let last = seen.logged.get(subject).copied();
            let due = last.is_none_or(|last| last.elapsed() > LOG_EVERY);
            if due {
                seen.logged.insert(subject.to_owned(), Instant::now());
            }
            due
        };
        match level {
            Level::Debug => tracing::trace!(target: "librdkafka", subject, "{line}"),
            _ if !due => tracing::debug!(target: "librdkafka", subject, "{line}"),
            Level::Notice | Level::Info => tracing::info!(target: "librdkafka", subject, "{line}"),
            // Never an error: nothing is lost, and what a person should know the reporter says.
            Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
                tracing::warn!(target: "librdkafka", subject, "{line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_short() {
        let line = "[thrd:a:1/bootstrap]: a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        assert_eq!(cause(line), "Connection refused");
        assert_eq!(cause("Disconnected"), "Disconnected");
    }
}

//! Which feeds there are, and how they poll.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Where touches come from.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    pub feeds: Vec<Feed>,
    pub touch_log: TouchLogSettings,
    /// Messages that wake the poll before its time; without them it looks by itself.
    pub kafka: Option<KafkaSettings>,
}

impl Default for FeedSettings {
    /// The touch log: it needs Postgres alone, and misses nothing.
    fn default() -> Self {
        Self {
            feeds: vec![Feed::TouchLog],
            touch_log: TouchLogSettings::default(),
            kafka: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The ledger's table of touches, filled by triggers.
    TouchLog,
}

/// How the touch log is read.
#[derive(Clone, Debug)]
pub struct TouchLogSettings {
    /// Touches taken at once. Enough to fill a batch, few enough that a crash repeats little.
    pub claim_size: u32,
    /// Claims open at a time, each on its own connection: the next is filled while the last awaits Elasticsearch.
    pub claims: usize,
    /// Between two looks while changes flow. A look that finds nothing costs about 0.1 ms.
    pub poll_min: Duration,
    /// Between two looks once nothing has come for a while. The longest a change waits unseen without Kafka.
    pub poll_max: Duration,
    /// How long a claim may stay open: what Elasticsearch has not acknowledged by then is parked in the ledger, so that
    /// the claim's transaction does not hold back the application's vacuum.
    pub close_after: Duration,
    /// Roots concerned by one claim above which the fan-out becomes durable work in a lane of lower priority, so that a
    /// storm does not delay single changes.
    pub expansion_above: u64,
}

impl Default for TouchLogSettings {
    fn default() -> Self {
        Self {
            claim_size: 500,
            claims: 4,
            poll_min: Duration::from_millis(2),
            poll_max: Duration::from_millis(50),
            close_after: Duration::from_mins(1),
            expansion_above: 5000,
        }
    }
}

/// The consumer whose messages wake the poll.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `host:port` of some brokers; they name the others.
    pub brokers: Vec<String>,
    pub topics: Vec<String>,
    /// The consumer group.
    pub group: String,
    /// Passed on to librdkafka as they stand: `security.protocol`, `sasl.username`, ….
    pub properties: BTreeMap<String, String>,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topics: Vec::new(),
            // One group for all daemons of one ledger: each message need wake only one of them.
            group: "highwater".to_owned(),
            properties: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for KafkaSettings {
    /// Values of properties may be passwords: their names only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("topics", &self.topics)
            .field("group", &self.group)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

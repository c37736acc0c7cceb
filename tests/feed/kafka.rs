//! The consumer that wakes the feed, against the mock cluster inside librdkafka and against nobody at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater::feed::kafka::{KafkaError, missing_topics, run};
use highwater::feed::settings::KafkaSettings;
use highwater::task::{Health, State};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A first join of a group takes three seconds; this is for a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

struct Consumer {
    wake: Arc<Notify>,
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<Result<(), KafkaError>>,
}

impl Consumer {
    fn start(brokers: &str) -> Self {
        let (wake, health, stop) = (Arc::new(Notify::new()), Health::default(), CancellationToken::new());
        let task = tokio::spawn(run(
            settings(brokers),
            Arc::clone(&wake),
            health.handle("kafka"),
            stop.clone(),
        ));
        Self {
            wake,
            health,
            stop,
            task,
        }
    }

    async fn comes_into(&self, what: &str, is: impl Fn(&State) -> bool) {
        let waits = tokio::time::timeout(PATIENCE, self.health.wait_for("kafka", is));
        waits
            .await
            .unwrap_or_else(|_| panic!("never {what}: {:?}", self.health.snapshot()));
    }

    async fn ends(self) -> Duration {
        let asked = Instant::now();
        self.stop.cancel();
        self.task.await.expect("no panic").expect("no error");
        assert_eq!(self.health.stopped().len(), 1);
        asked.elapsed()
    }
}

fn settings(brokers: &str) -> KafkaSettings {
    KafkaSettings {
        brokers: vec![brokers.to_owned()],
        topics: vec!["orders".to_owned()],
        ..KafkaSettings::default()
    }
}

fn is_unreachable(state: &State) -> bool {
    matches!(state, State::Waiting { on } if on.contains("does not answer"))
}

async fn deserted() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_wakes_and_an_outage_passes() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 2, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let consumer = Consumer::start(&brokers);
    consumer.comes_into("running", |state| *state == State::Running).await;
    wakes(&consumer, &brokers).await;

    cluster.broker_down(1).unwrap();
    consumer.comes_into("waiting", is_unreachable).await;
    assert!(!consumer.task.is_finished());
    cluster.broker_up(1).unwrap();
    consumer
        .comes_into("running again", |state| *state == State::Running)
        .await;
    wakes(&consumer, &brokers).await;
    let took = consumer.ends().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// Sends until one message wakes: those sent before the partitions are assigned are nobody's.
async fn wakes(consumer: &Consumer, brokers: &str) {
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let sending = async {
        loop {
            let record = FutureRecord::<str, str>::to("orders").payload("{}");
            let _ = producer.send(record, Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        () = consumer.wake.notified() => {}
        () = sending => unreachable!("it sends for ever"),
        () = tokio::time::sleep(PATIENCE) => panic!("no message woke"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_brokers_it_says_so_and_stops_at_once() {
    let brokers = deserted().await;
    let consumer = Consumer::start(&brokers);
    consumer
        .comes_into("waiting", |state| {
            is_unreachable(state)
                && matches!(state, State::Waiting { on } if on.contains(&brokers) && on.contains("Connection refused"))
        })
        .await;
    assert!(!consumer.task.is_finished());
    let took = consumer.ends().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_does_not_exist_is_waited_for() {
    let cluster = MockCluster::new(1).unwrap();
    // Someone else's topic: the mock makes any topic that is asked for by name.
    cluster
        .topic_error(
            "orders",
            rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        )
        .unwrap();
    let consumer = Consumer::start(&cluster.bootstrap_servers());
    let is_missing = |state: &State| matches!(state, State::Waiting { on } if on.contains("kafka.topics"));
    consumer.comes_into("waiting", is_missing).await;
    assert!(!consumer.task.is_finished());
    consumer.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_tells_what_is_missing() {
    let brokers = std::env::var("STACK_KAFKA_BROKERS").expect("STACK_KAFKA_BROKERS: eval \"$(stack/stack env)\"");
    let missing = KafkaSettings {
        topics: vec!["highwater-test-no-such-topic".into()],
        ..settings(&brokers)
    };
    assert_eq!(
        missing_topics(&missing, PATIENCE).await.unwrap(),
        ["highwater-test-no-such-topic"]
    );
    let error = missing_topics(&settings(&deserted().await), Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(matches!(error, KafkaError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

//! Whether the daemon is caught up, dependency by dependency.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// Of one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its first documents are still being made.
    #[default]
    Building,
    /// Readers see it, and changes reach it.
    Live,
    /// Nothing can be built for it: the database no longer fits its definition.
    Unfit,
}

impl State {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Live => "live",
            Self::Unfit => "unfit",
        }
    }
}

/// What the daemon waits for; `None` where it waits for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub postgres: Option<String>,
    pub elasticsearch: Option<String>,
    /// Told, and no reason to be unready: without Kafka changes only wait for the next look.
    pub kafka: Option<String>,
    pub indexes: BTreeMap<String, State>,
    /// Why an index is unfit.
    pub unfit: BTreeMap<String, String>,
}

impl Default for Readiness {
    /// At the start nothing is known to be well.
    fn default() -> Self {
        let unknown = || Some("not asked yet".to_owned());
        Self {
            postgres: unknown(),
            elasticsearch: unknown(),
            kafka: None,
            indexes: BTreeMap::new(),
            unfit: BTreeMap::new(),
        }
    }
}

impl Readiness {
    /// Whether readers of the indexes see what Postgres holds, but for a moment.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.postgres.is_none()
            && self.elasticsearch.is_none()
            && self.indexes.values().all(|state| *state == State::Live)
    }

    /// `{"ready": …, "postgres": {"ready": true}, "elasticsearch": {"ready": false, "waiting": "…"}, …}`
    #[must_use]
    pub fn to_json(&self) -> Value {
        let dependency = |reason: &Option<String>| match reason {
            None => json!({ "ready": true }),
            Some(reason) => json!({ "ready": false, "waiting": reason }),
        };
        let mut told = json!({
            "ready": self.is_ready(),
            "postgres": dependency(&self.postgres),
            "elasticsearch": dependency(&self.elasticsearch),
            "kafka": dependency(&self.kafka),
            "indexes": self.indexes,
        });
        if !self.unfit.is_empty() {
            told["unfit"] = json!(self.unfit);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Readiness {
        let indexes = [("books".to_owned(), State::Live)].into();
        Readiness {
            postgres: None,
            elasticsearch: None,
            kafka: None,
            indexes,
            unfit: BTreeMap::new(),
        }
    }

    #[test]
    fn a_start_is_not_ready() {
        assert!(!Readiness::default().is_ready());
        assert!(well().is_ready());
    }

    #[test]
    fn elasticsearch_and_a_backfill_matter_kafka_does_not() {
        assert!(
            !Readiness {
                elasticsearch: Some("refused".into()),
                ..well()
            }
            .is_ready()
        );
        assert!(
            !Readiness {
                indexes: [("books".into(), State::Building)].into(),
                ..well()
            }
            .is_ready()
        );
        let unfit = Readiness {
            indexes: [("books".into(), State::Unfit)].into(),
            unfit: [("books".into(), "no column".into())].into(),
            ..well()
        };
        assert!(!unfit.is_ready());
        assert_eq!(unfit.to_json()["unfit"], json!({ "books": "no column" }));
        let without_kafka = Readiness {
            kafka: Some("refused".into()),
            ..well()
        };
        assert!(without_kafka.is_ready());
        assert_eq!(
            without_kafka.to_json()["kafka"],
            json!({ "ready": false, "waiting": "refused" })
        );
    }
}

//! How the tasks of the daemon are: each publishes its state under a name, the status page and the probes read it.
//!
//! A register on a `watch` channel, no more: it starts nothing and ends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::watch;

/// What a task is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    Starting,
    Running,
    /// It lives, and goes on by itself when what it waits for is there again.
    Waiting {
        on: String,
    },
    /// It has ended, in whatever way.
    Stopped,
}

/// One task, as others see it.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    pub name: Arc<str>,
    #[serde(flatten)]
    pub state: State,
    /// When it came into this state.
    pub since: DateTime<Utc>,
}

type Tasks = BTreeMap<Arc<str>, Task>;

/// The register. Clones are the same register.
#[derive(Clone, Debug)]
pub struct Health(Arc<watch::Sender<Tasks>>);

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Tasks::new())))
    }
}

impl Health {
    /// Enters a task as starting. One of the same name that has stopped is replaced; beside one that lives, the new one is
    /// called `name 2`, and so on.
    #[must_use]
    pub fn handle(&self, name: &str) -> Reporter {
        let mut free: Arc<str> = name.into();
        self.0.send_modify(|tasks| {
            let mut twin = 2;
            while tasks.get(&free).is_some_and(|task| task.state != State::Stopped) {
                free = format!("{name} {twin}").into();
                twin += 1;
            }
            let task = Task {
                name: Arc::clone(&free),
                state: State::Starting,
                since: Utc::now(),
            };
            tasks.insert(Arc::clone(&free), task);
        });
        Reporter {
            health: self.clone(),
            name: free,
        }
    }

    /// Every task, by name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Task> {
        self.0.borrow().values().cloned().collect()
    }

    /// Names of tasks that have ended.
    #[must_use]
    pub fn stopped(&self) -> Vec<Arc<str>> {
        let tasks = self.0.borrow();
        tasks
            .values()
            .filter(|task| task.state == State::Stopped)
            .map(|task| Arc::clone(&task.name))
            .collect()
    }

    /// Returns once the task is in such a state; at once, if it is already.
    pub async fn wait_for(&self, name: &str, is: impl Fn(&State) -> bool) {
        let mut changes = self.0.subscribe();
        // It fails when every sender is gone, and `self` is one.
        let _ = changes
            .wait_for(|tasks| tasks.get(name).is_some_and(|task| is(&task.state)))
            .await;
    }
}

/// A task's own pen. When it is dropped, by a return or by a panic, the task has stopped.
#[derive(Debug)]
pub struct Reporter {
    health: Health,
    name: Arc<str>,
}

impl Reporter {
    /// All is well.
    pub fn running(&self) {
        let Some(before) = self.publish(&State::Running) else {
            return;
        };
        if let State::Waiting { on } = &before.state {
            let waited_ms = (Utc::now() - before.since).num_milliseconds();
            tracing::info!(task = %self.name, waited_ms, reason = %on, "a task goes on");
        }
    }

    /// It lives, but something outside must come first: `on` says what, for a person, without a full stop. Said again,
    /// it is logged once.
    pub fn waiting(&self, on: impl Into<String>) {
        let on = on.into();
        if self.publish(&State::Waiting { on: on.clone() }).is_some() {
            tracing::warn!(task = %self.name, reason = %on, "a task waits");
        }
    }

    /// The task as it was before, if this is a change.
    fn publish(&self, state: &State) -> Option<Task> {
        let mut before = None;
        self.health.0.send_if_modified(|tasks| {
            if tasks.get(&self.name).is_some_and(|task| task.state == *state) {
                return false;
            }
            let task = Task {
                name: Arc::clone(&self.name),
                state: state.clone(),
                since: Utc::now(),
            };
            before = Some(tasks.insert(Arc::clone(&self.name), task.clone()).unwrap_or(task));
            true
        });
        before
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.publish(&State::Stopped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(health: &Health) -> Vec<(String, State)> {
        health
            .snapshot()
            .into_iter()
            .map(|task| (task.name.to_string(), task.state))
            .collect()
    }

    #[test]
    fn tasks_are_listed_by_name_in_their_state() {
        let health = Health::default();
        let (writer, feed) = (health.handle("writer"), health.handle("feed"));
        feed.running();
        assert_eq!(
            states(&health),
            [("feed".into(), State::Running), ("writer".into(), State::Starting)]
        );
        writer.waiting("Elasticsearch does not answer");
        drop(feed);
        assert_eq!(health.stopped(), ["feed".into()]);
        assert_eq!(
            states(&health)[1].1,
            State::Waiting {
                on: "Elasticsearch does not answer".into()
            }
        );
    }

    #[test]
    fn twins_do_not_hide_each_other() {
        let health = Health::default();
        let (one, two) = (health.handle("worker"), health.handle("worker"));
        drop(two);
        assert_eq!(health.stopped(), ["worker 2".into()]);
        let _three = health.handle("worker");
        assert!(health.stopped().is_empty());
        drop(one);
        assert_eq!(health.stopped(), ["worker".into()]);
    }

    #[test]
    fn a_panic_is_an_end() {
        let health = Health::default();
        let reporter = health.handle("feed");
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            reporter.running();
            std::panic::resume_unwind(Box::new("a bug"));
        }));
        assert!(ended.is_err());
        assert_eq!(health.stopped(), ["feed".into()]);
    }

    #[test]
    fn the_same_state_again_is_no_change() {
        let health = Health::default();
        let reporter = health.handle("feed");
        assert!(reporter.publish(&State::Waiting { on: "a".into() }).is_some());
        let since = health.snapshot()[0].since;
        assert!(reporter.publish(&State::Waiting { on: "a".into() }).is_none());
        assert_eq!(health.snapshot()[0].since, since);
        assert!(reporter.publish(&State::Waiting { on: "b".into() }).is_some());
    }

    #[tokio::test]
    async fn a_change_can_be_waited_for() {
        let health = Health::default();
        let reporter = health.handle("feed");
        let waits = health.wait_for("feed", |state| *state == State::Running);
        let ((), ()) = tokio::join!(waits, async { reporter.running() });
    }

    #[test]
    fn the_json_is_flat() {
        let health = Health::default();
        health.handle("feed").waiting("Kafka");
        let task = Task {
            state: State::Waiting { on: "Kafka".into() },
            ..health.snapshot().remove(0)
        };
        let json = serde_json::to_value(task).unwrap();
        assert_eq!(
            (&json["name"], &json["state"], &json["on"]),
            (&"feed".into(), &"waiting".into(), &"Kafka".into())
        );
    }
}

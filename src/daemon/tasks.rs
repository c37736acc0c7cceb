//! Tasks by name: started here and nowhere else, entered in the register of health, and missed when they end.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::task::Health;

/// Tasks that run until they are told to stop.
pub struct Tasks {
    running: JoinSet<&'static str>,
    health: Health,
}

impl Tasks {
    pub fn new(health: &Health) -> Self {
        Self {
            running: JoinSet::new(),
            health: health.clone(),
        }
    }

    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let reporter = self.health.handle(name);
        self.running.spawn(async move {
            reporter.running();
            task.await;
            name
        });
    }

    /// The name of the first task that ends.
    pub async fn ended(&mut self) -> &'static str {
        match self.running.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(error)) => {
                tracing::error!(error = %error, "a task failed");
                "that failed"
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for all of them, and drops those that take longer.
    pub async fn finish(&mut self, grace: Duration) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("not everything was settled in time; the ledger has it");
            self.running.shutdown().await;
        }
    }
    /// Drops all of them where they stand.
    pub async fn abort(&mut self) {
        self.running.shutdown().await;
    }
}

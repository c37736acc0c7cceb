//! The bytes that may be under way: built, and not yet acknowledged, by all who build.
//!
//! Whoever builds takes a share first, and builds no more than fits it. A share is sized by the documents seen so far;
//! where it turns out too small for a batch, the batch is halved, and for a single document the share grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Everyone's bytes.
#[derive(Debug)]
pub struct Budget {
    kilobytes: Semaphore,
    limit: usize,
    held: AtomicUsize,
    highest: AtomicUsize,
}

/// A part of the budget; free again when dropped.
#[derive(Debug)]
pub struct Share<'a> {
    /// What may be built on it.
    pub bytes: usize,
    budget: &'a Budget,
    _permit: Option<SemaphorePermit<'a>>,
}

/// Bytes that are held in fact, until dropped.
#[derive(Debug)]
pub struct Held<'a> {
    bytes: usize,
    budget: &'a Budget,
}

const KILOBYTE: usize = 1024;

impl Budget {
    #[must_use]
    pub fn new(bytes: usize) -> Arc<Self> {
        let kilobytes = (bytes / KILOBYTE).max(1);
        Arc::new(Self {
            kilobytes: Semaphore::new(kilobytes),
            limit: kilobytes * KILOBYTE,
            held: AtomicUsize::new(0),
            highest: AtomicUsize::new(0),
        })
    }

    /// Waits for a share of so many bytes, or of all there are. Who holds a share must not wait for another one.
    pub async fn share(&self, bytes: usize) -> Share<'_> {
        let kilobytes = bytes.clamp(KILOBYTE, self.limit) / KILOBYTE;
        let permits = u32::try_from(kilobytes).unwrap_or(u32::MAX);
        Share {
            bytes: kilobytes * KILOBYTE,
            budget: self,
            _permit: self.kilobytes.acquire_many(permits).await.ok(), // it is never closed
        }
    }

    /// Notes bytes that are held.
    pub fn hold(&self, bytes: usize) -> Held<'_> {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.highest.fetch_max(held, Ordering::Relaxed);
        Held { bytes, budget: self }
    }

    /// Bytes held now, and the most that ever were at once.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.held.load(Ordering::Relaxed), self.highest.load(Ordering::Relaxed))
    }
}

impl Share<'_> {
    /// Whether there is no larger one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes == self.budget.limit
    }

    /// A larger one in its place, after a wait.
    pub async fn grown(self) -> Self {
        let (bytes, budget) = (self.bytes, self.budget);
        drop(self); // two that each waited for a part of the other's would wait for ever
        budget.share(bytes.saturating_mul(4)).await
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn shares_are_never_more_than_the_whole() {
        let budget = Budget::new(10 * KILOBYTE);
        let most = budget.share(9 * KILOBYTE).await;
        let least = budget.share(1).await;
        assert_eq!((most.bytes, least.bytes), (9 * KILOBYTE, KILOBYTE));
        assert!(budget.share(1).now_or_never().is_none(), "nothing is left");
        drop(most);
        let grown = least.grown().await;
        assert_eq!(grown.bytes, 4 * KILOBYTE, "its own part was free for it");
        assert!(!grown.is_whole());
        let whole = grown.grown().await;
        assert!(whole.is_whole() && whole.bytes == 10 * KILOBYTE);
        drop(whole);
        assert_eq!(budget.share(usize::MAX).await.bytes, 10 * KILOBYTE);
    }

    #[test]
    fn the_most_that_was_held_is_remembered() {
        let budget = Budget::new(1 << 20);
        let (first, second) = (budget.hold(100), budget.hold(50));
        drop(first);
        assert_eq!(budget.held(), (50, 150));
        drop(second);
        assert_eq!(budget.held(), (0, 150));
    }
}

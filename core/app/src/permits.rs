//! Waiting for a place: the core decides whose turn it is, this wakes them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kubevirt_redfish_core::fairness::{Bounds, Turns};
use tokio::sync::oneshot;

/// Places that parties take in turn.
#[derive(Debug)]
pub(crate) struct Permits<K: Ord + Clone> {
    inner: Arc<Inner<K>>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit<K: Ord + Clone> {
    inner: Arc<Inner<K>>,
    party: K,
}

/// As many wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wait already")]
pub(crate) struct Full;

#[derive(Debug)]
struct Inner<K: Ord + Clone> {
    turns: Mutex<Turns<K, Waiting<K>>>,
    last: AtomicU64,
}

#[derive(Debug)]
struct Waiting<K: Ord + Clone> {
    number: u64,
    wake: oneshot::Sender<Permit<K>>,
}

impl<K: Ord + Clone> Permits<K> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { inner: Arc::new(Inner { turns: Mutex::new(Turns::new(bounds)), last: AtomicU64::new(0) }) }
    }

    /// Waits for a place, unless as many wait as may. Whoever stops waiting leaves the line.
    pub(crate) async fn acquire(&self, party: &K) -> Result<Permit<K>, Full> {
        let number = self.inner.last.fetch_add(1, Ordering::Relaxed);
        let (wake, woken) = oneshot::channel();
        self.inner.turns().wait(party, Waiting { number, wake }).map_err(|_| Full)?;
        let _line = Line { inner: &self.inner, party, number };
        self.inner.serve();
        woken.await.map_err(|_| Full)
    }

    /// Takes a place without waiting, if there is one for the party.
    pub(crate) fn try_acquire(&self, party: &K) -> Option<Permit<K>> {
        let taken = self.inner.turns().try_take(party);
        taken.then(|| Permit { inner: Arc::clone(&self.inner), party: party.clone() })
    }
}

impl<K: Ord + Clone> Permit<K> {
    /// Whose it is.
    pub(crate) fn party(&self) -> &K {
        &self.party
    }

    /// Gives the place back, and counts so much of what was made in it until that is dropped.
    pub(crate) fn hold(self, amount: usize) -> Load<K> {
        self.inner.turns().hold(&self.party, amount);
        Load { inner: Arc::clone(&self.inner), party: self.party.clone(), amount }
    }
}

/// What is held of a party's, until this is dropped.
#[derive(Debug)]
pub(crate) struct Load<K: Ord + Clone> {
    inner: Arc<Inner<K>>,
    party: K,
    amount: usize,
}

impl<K: Ord + Clone> Drop for Load<K> {
    fn drop(&mut self) {
        self.inner.turns().let_go(&self.party, self.amount);
        self.inner.serve();
    }
}

impl<K: Ord + Clone> Clone for Permits<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Ord + Clone> Drop for Permit<K> {
    fn drop(&mut self) {
        self.inner.turns().give_back(&self.party);
        self.inner.serve();
    }
}

/// Somebody in a line, who leaves it when this is dropped.
struct Line<'a, K: Ord + Clone> {
    inner: &'a Inner<K>,
    party: &'a K,
    number: u64,
}

impl<K: Ord + Clone> Drop for Line<'_, K> {
    fn drop(&mut self) {
        self.inner.turns().withdraw(self.party, |waiting| waiting.number == self.number);
    }
}

impl<K: Ord + Clone> Inner<K> {
    /// What is behind the lock is whole between any two calls, so that a panic elsewhere does not matter.
    fn turns(&self) -> MutexGuard<'_, Turns<K, Waiting<K>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives places to those whose turn it is.
    fn serve(self: &Arc<Self>) {
        loop {
            let next = self.turns().admit();
            let Some((party, waiting)) = next else { return };
            // Who has gone meanwhile does not take it, and gives it back by that.
            let _ = waiting.wake.send(Permit { inner: Arc::clone(self), party });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const ONE: Bounds = Bounds { waiting_of_one: 2, ..Bounds::of(1, 8) };

    #[tokio::test]
    async fn a_place_is_handed_on_when_it_is_free() {
        let permits = Permits::new(ONE);
        let first = permits.acquire(&"a").await.unwrap();
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { permits.acquire(&"b").await.map(|permit| permit.party) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished() && permits.try_acquire(&"c").is_none());
        drop(first);
        assert_eq!(waiting.await.unwrap(), Ok("b"));
        assert!(permits.try_acquire(&"c").is_some());
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_nothing_behind() {
        let permits = Permits::new(ONE);
        let first = permits.acquire(&"a").await.unwrap();
        let mut context = Context::from_waker(Waker::noop());
        {
            let (mut one, mut other) = (pin!(permits.acquire(&"b")), pin!(permits.acquire(&"b")));
            assert!(one.as_mut().poll(&mut context).is_pending() && other.as_mut().poll(&mut context).is_pending());
            assert_eq!(permits.acquire(&"b").await.err(), Some(Full), "the line of one is full");
            drop(first);
            // The place was given to the first, who does not ask for it any more.
        }
        let turns = permits.inner.turns();
        assert_eq!((turns.taken(), turns.waiting()), (0, 0));
    }
}

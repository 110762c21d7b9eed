//! So many at once, and then so many in a time, of each of many: what is beyond is left out and counted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Instant;

/// How much each source has of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many at once …
    pub burst: u32,
    /// … and one more after every such time.
    pub every: Duration,
}

/// What each of many sources has had.
#[derive(Debug)]
pub struct Quota<K> {
    /// How many sources are told apart; of more, those are forgotten that have been quiet for the longest.
    most: usize,
    sources: BTreeMap<K, Spent>,
}

#[derive(Debug)]
struct Spent {
    /// When it will have made up for all that it had.
    even: Instant,
    left_out: u64,
}

impl<K: Ord + Clone> Quota<K> {
    /// Nobody has had anything.
    pub const fn new(most: usize) -> Self {
        Self { most, sources: BTreeMap::new() }
    }

    /// Whether a source may have one more; if not, it is counted.
    pub fn take(&mut self, now: Instant, source: &K, rate: Rate) -> bool {
        if !self.sources.contains_key(source) {
            self.make_room(now);
            self.sources.insert(source.clone(), Spent { even: now, left_out: 0 });
        }
        let Some(spent) = self.sources.get_mut(source) else { return true };
        let even = spent.even.max(now) + rate.every;
        let may = even.saturating_since(now) <= rate.every.saturating_mul(rate.burst);
        if may {
            spent.even = even;
        } else {
            spent.left_out = spent.left_out.saturating_add(1);
        }
        may
    }

    /// How many were left out of each source that something was left out of; each is said once.
    pub fn take_left_out(&mut self) -> Vec<(K, u64)> {
        let counted = self.sources.iter_mut().filter(|(_, spent)| spent.left_out > 0);
        counted.map(|(source, spent)| (source.clone(), std::mem::take(&mut spent.left_out))).collect()
    }

    fn make_room(&mut self, now: Instant) {
        if self.sources.len() < self.most {
            return;
        }
        self.sources.retain(|_, spent| spent.even > now || spent.left_out > 0);
        if self.sources.len() >= self.most
            && let Some(first) =
                self.sources.iter().min_by_key(|(_, spent)| spent.even).map(|(source, _)| source.clone())
        {
            self.sources.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(2) };

    fn at(seconds: u64) -> Instant {
        Instant::new(Duration::from_secs(seconds))
    }

    #[test]
    fn one_that_has_had_its_share_is_counted_and_others_have_theirs() {
        let mut quota = Quota::new(8);
        let taken = (0..100).filter(|_| quota.take(at(0), &"loud", RATE)).count();
        assert_eq!((taken, quota.take(at(0), &"quiet", RATE)), (3, true));
        assert_eq!((quota.take_left_out(), quota.take_left_out()), (vec![("loud", 97)], vec![]));
        assert!(
            !quota.take(at(1), &"loud", RATE) && quota.take(at(2), &"loud", RATE) && !quota.take(at(2), &"loud", RATE)
        );
        let taken = (0..100).filter(|_| quota.take(at(60), &"loud", RATE)).count();
        assert_eq!(taken, 3, "what was not used is not saved up");
    }

    #[test]
    fn the_table_is_bounded() {
        let mut quota = Quota::new(8);
        for source in 0..1_000 {
            assert!(quota.take(at(0), &source, RATE));
        }
        assert_eq!(quota.sources.len(), 8);
    }
}

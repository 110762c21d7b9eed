//! Jitter and backoff, reproducible from a seed: the same seed and the same events give the same waits.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A source of jitter.
#[derive(Clone, Debug)]
pub(crate) struct Entropy {
    seed: u64,
    drawn: u64,
}

impl Entropy {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A source of its own for `name`, so that streams with the same seed do not move in step.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        Self::new(xxh3_64_with_seed(name.as_bytes(), seed))
    }

    /// `around` made up to a quarter shorter or longer.
    pub(crate) fn jitter(&mut self, around: Duration) -> Duration {
        self.drawn = self.drawn.wrapping_add(1);
        let drawn = xxh3_64_with_seed(&self.drawn.to_le_bytes(), self.seed);
        // 750 to 1250 thousandths.
        let thousandths = u32::try_from(drawn % 501).unwrap_or(250) + 750;
        around.saturating_mul(thousandths) / 1000
    }

    /// How long to wait after the `failures`th failure in a row (counted from 1): doubles from `first` up to `cap`.
    pub(crate) fn backoff(&mut self, first: Duration, cap: Duration, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.jitter(first.saturating_mul(1 << doublings).min(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap_and_repeats_for_the_same_seed() {
        let (first, cap) = (Duration::from_millis(250), Duration::from_secs(30));
        let waits = |seed| -> Vec<Duration> {
            let mut entropy = Entropy::new(seed);
            (0..12).map(|failures| entropy.backoff(first, cap, failures)).collect()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        assert!(waits(1).iter().all(|wait| *wait >= first * 3 / 4 && *wait <= cap * 5 / 4));
        assert!(waits(1)[11] > waits(1)[3]);
    }
}

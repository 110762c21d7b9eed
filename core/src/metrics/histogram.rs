//! How long things took, in a few classes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The classes: durations up to this, in microseconds, and how that is written.
const BOUNDS: [(u64, &str); 14] = [
    (100, "0.0001"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_500_000, "2.5"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
    (30_000_000, "30.0"),
];

/// Durations, counted by how long they were. Counting waits for nobody.
#[derive(Debug, Default)]
pub struct Histogram {
    classes: [AtomicU64; BOUNDS.len()],
    longer: AtomicU64,
    /// In nanoseconds: five centuries fit in.
    sum: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn add(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let class = BOUNDS.iter().zip(&self.classes).find(|((bound, _), _)| nanoseconds <= bound * 1_000);
        class.map_or(&self.longer, |(_, class)| class).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.cumulated().last().map_or(0, |(_, count)| count)
    }

    /// How long all of them took together.
    pub(crate) fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum.load(Ordering::Relaxed))
    }

    /// How many there were up to each bound.
    pub(crate) fn cumulated(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        bounds.zip(self.classes.iter().chain([&self.longer])).scan(0, |sum: &mut u64, (bound, count)| {
            *sum = sum.saturating_add(count.load(Ordering::Relaxed));
            Some((bound, *sum))
        })
    }
}

//! Time as an argument. The core never asks a clock: whoever drives it says what time it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A point on the runtime's monotonic clock, as the time since that runtime began.
///
/// It prints as seconds (`12.345s`), so recorded conversations stay the same from run to run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The instant `since_start` after the runtime began.
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// The time from the runtime's beginning to this instant.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to `self`, or zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant that much before, or the runtime's beginning.
    #[must_use]
    pub const fn earlier(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0.as_secs(), self.0.subsec_millis())
    }
}

/// Wall-clock time: seconds since 1970-01-01T00:00:00Z. Shown to clients, never used to measure durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Reads an RFC 3339 time such as Kubernetes writes (`2026-11-21T02:56:28Z`).
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_second()))
    }

    /// Reads the date of an HTTP header, such as `Tue, 01 Dec 2026 01:40:06 GMT`.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Self(time.as_second()))
    }
}

/// Prints the form that DSP0266 asks of dates: `YYYY-MM-DDThh:mm:ssZ`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// A wall clock that does not go back while the process runs: what is over by it stays over. Where the wall clock goes
/// back, this one goes on with the monotonic clock.
#[derive(Clone, Debug)]
pub struct SteadyClock {
    /// By how many seconds it is ahead of the monotonic clock: the most that the wall clock ever was.
    ahead: Arc<AtomicI64>,
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self { ahead: Arc::new(AtomicI64::new(i64::MIN)) }
    }
}

impl SteadyClock {
    /// What time it is. Any thread may ask.
    pub fn read(&self, now: Now) -> UnixTime {
        let mono = i64::try_from(now.mono.since_start().as_secs()).unwrap_or(i64::MAX);
        let ahead = now.unix.0.saturating_sub(mono);
        let most = self.ahead.load(Ordering::Relaxed);
        if ahead > most {
            self.ahead.fetch_max(ahead, Ordering::Relaxed);
        }
        UnixTime(mono.saturating_add(ahead.max(most)))
    }
}

/// What time it is: one reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// The monotonic clock, for deadlines.
    pub mono: Instant,
    /// The wall clock, for what clients read.
    pub unix: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_seconds() {
        assert_eq!(format!("{:?}", Instant::new(Duration::from_millis(12_345))), "12.345s");
    }

    #[test]
    fn a_steady_clock_does_not_go_back() {
        let clock = SteadyClock::default();
        let at = |mono: u64, unix: i64| Now { mono: Instant::new(Duration::from_secs(mono)), unix: UnixTime(unix) };
        assert_eq!(clock.read(at(10, 1_000)), UnixTime(1_000));
        assert_eq!(clock.read(at(20, 400)), UnixTime(1_010));
        assert_eq!(clock.read(at(30, 1_500)), UnixTime(1_500));
        let same = clock.clone();
        assert_eq!(same.read(at(40, 1_600)), UnixTime(1_600));
        assert_eq!(clock.read(at(50, 1_020)), UnixTime(1_610), "one clock for all");
    }

    #[test]
    fn unix_time_reads_and_writes_rfc_3339() {
        let time = UnixTime::parse("2026-11-21T02:56:28Z");
        assert_eq!(time.map(|time| time.to_string()).as_deref(), Some("2026-11-21T02:56:28Z"));
        assert_eq!(UnixTime::parse("yesterday"), None);
    }
}

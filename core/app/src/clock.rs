//! The clocks of the machine, as the core wants to be told the time.

use std::time::{self, Duration, SystemTime};

use kubevirt_redfish_core::time::{Instant, Now, UnixTime};

/// Reads the clocks; time counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: time::Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { start: time::Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now { mono: self.mono(), unix: UnixTime(i64::try_from(unix.as_secs()).unwrap_or(i64::MAX)) }
    }

    /// What time it is by the monotonic clock.
    pub fn mono(&self) -> Instant {
        Instant::new(self.start.elapsed())
    }

    /// The time at which a timer set for `instant` has to go off.
    ///
    /// Timers may go off a fraction of a millisecond early: whoever is woken has to ask again what time it is.
    pub fn timer(&self, instant: Instant) -> time::Instant {
        // A deadline that is too far away to be told is one that never comes; a year is long enough.
        let far = Duration::from_hours(365 * 24);
        self.start + instant.since_start().min(self.start.elapsed() + far)
    }
}

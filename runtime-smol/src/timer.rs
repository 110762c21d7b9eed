//! Timers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// A timer that is over at a point in time.
#[derive(Debug)]
pub struct Timer(smol::Timer);

impl Timer {
    pub(crate) fn at(deadline: Instant) -> Self {
        Self(smol::Timer::at(deadline))
    }

    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.0.set_at(deadline);
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}

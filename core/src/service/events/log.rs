//! The events of the recent past, for streams that were interrupted.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Event, EventId};

#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<Arc<Event>>,
    /// The number of the newest event that is not kept any more.
    dropped: u64,
}

impl Log {
    pub(super) fn keep(&mut self, event: Arc<Event>) {
        if self.events.len() >= MAX_KEPT
            && let Some(oldest) = self.events.pop_front()
        {
            self.dropped = oldest.id.number;
        }
        self.events.push_back(event);
    }

    /// Forgets everything: who may learn of it is not known any more.
    pub(super) fn clear(&mut self) {
        self.dropped = self.events.pop_back().map_or(self.dropped, |newest| newest.id.number);
        self.events.clear();
    }

    /// The number of the oldest event that is kept, or that the next one will have at least.
    pub(super) fn first(&self) -> u64 {
        self.events.front().map_or(self.dropped + 1, |event| event.id.number)
    }

    /// What came after the event `last` in this run, and whether some of it is missing.
    pub(super) fn since(&self, run: u32, last: EventId) -> (bool, impl Iterator<Item = &Arc<Event>>) {
        let number = if last.run == run { last.number } else { 0 };
        let gap = last.run != run || number < self.dropped;
        (gap, self.events.iter().filter(move |event| event.id.number > number))
    }
}

/// A client that reconnects has missed seconds, in which hundreds of machines may have changed; about a kilobyte each.
const MAX_KEPT: usize = 1_024;

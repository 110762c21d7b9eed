//! Lines that others cause: of each source so many, the others are counted.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kubevirt_redfish_core::fairness::{LOG_CHANGES, LOG_SOURCES, LOG_WARNINGS, Quota};
use kubevirt_redfish_core::time;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::Context;

use super::writer::Writer;

/// Fields that name who caused a line, the best first.
const NAMES: [&str; 8] = ["remote_addr", "client", "address", "user", "subscription", "host", "vm", "namespace"];

/// What has been written of which source.
#[derive(Debug)]
pub(super) struct Sources {
    start: Instant,
    quota: Mutex<Quota<Source>>,
}

/// Who caused a line, and which line it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    message: String,
    name: String,
}

impl Sources {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), quota: Mutex::new(Quota::new(LOG_SOURCES)) }
    }

    /// Says how many lines have been left out of whom since this was last said.
    pub(super) fn sum_up(&self) {
        let left_out = self.quota.lock().unwrap_or_else(PoisonError::into_inner).take_left_out();
        for (Source { message, name }, lines) in &left_out {
            tracing::warn!(
                source = name,
                lines,
                line = message,
                "lines of the log were left out: one source caused too many"
            );
        }
    }

    fn takes(&self, level: Level, source: &Source) -> bool {
        let rate = if level == Level::INFO { LOG_CHANGES } else { LOG_WARNINGS };
        let now = time::Instant::new(self.start.elapsed());
        self.quota.lock().unwrap_or_else(PoisonError::into_inner).take(now, source, rate)
    }
}

/// Leaves lines out.
#[derive(Debug)]
pub(super) struct Layer {
    sources: Arc<Sources>,
    writer: Writer,
}

impl Layer {
    pub(super) fn new(sources: Arc<Sources>, writer: Writer) -> Self {
        Self { sources, writer }
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Layer {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let level = *event.metadata().level();
        // Who asks for more than the usual wants all of it.
        if level > Level::INFO || !event.metadata().fields().iter().any(|field| NAMES.contains(&field.name())) {
            return true;
        }
        let mut found = Found::default();
        event.record(&mut found);
        let source = Source { message: found.message, name: found.name.map(|(_, name)| name).unwrap_or_default() };
        let takes = self.sources.takes(level, &source);
        if !takes {
            self.writer.left_out();
        }
        takes
    }
}

/// What an event says of its source.
#[derive(Default)]
struct Found {
    message: String,
    /// With its rank among the names.
    name: Option<(usize, String)>,
}

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.record_str(field, &text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else if let Some(rank) = NAMES.iter().position(|name| *name == field.name())
            && self.name.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            self.name = Some((rank, value.chars().take(LONGEST).collect()));
        }
    }
}

/// The longest name of a source, in characters; what is longer is told apart by its beginning.
const LONGEST: usize = 128;

//! What the engine counts, and what it tells of itself to who measures it.

use std::collections::BTreeMap;

use http::StatusCode;

use super::{Engine, LogEvent, Target};
use crate::kubevirt::{Asked, TransportError};
use crate::metrics::{Histogram, Page};
use crate::service::Notice;
use crate::time::{Instant, Now};

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Requests to the API server that ended, by what came of them.
    answers: BTreeMap<(Asked, Answered), u64>,
    /// How long the API server took to begin its answer, by verb.
    took: BTreeMap<&'static str, Histogram>,
    /// Times that a watch was begun again.
    restarts: BTreeMap<&'static str, u64>,
    commands: BTreeMap<(&'static str, &'static str), u64>,
    deliveries: BTreeMap<&'static str, u64>,
    lockouts: u64,
}

/// What came of a request to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answered {
    Status(u16),
    Not(&'static str),
}

/// A request to the API server that has not been answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    asked: Asked,
    since: Instant,
}

impl Waiting {
    /// What is to be remembered of a request, if it goes to the API server.
    pub(super) fn of(target: &Target, request: &http::Request<bytes::Bytes>, since: Instant) -> Option<Self> {
        let is_of_cluster = matches!(target, Target::ApiServer { .. });
        is_of_cluster.then(|| Self { asked: Asked::of(request.method(), request.uri()), since })
    }
}

impl Counted {
    /// The API server has begun to answer.
    pub(super) fn answered(&mut self, now: Instant, waiting: Waiting, status: StatusCode) {
        self.took.entry(waiting.asked.verb).or_default().add(now.saturating_since(waiting.since));
        *self.answers.entry((waiting.asked, Answered::Status(status.as_u16()))).or_default() += 1;
    }

    /// It has not answered, and will not.
    pub(super) fn failed(&mut self, waiting: Waiting, error: &TransportError) {
        let how = match error {
            TransportError::NotSent(_) => "not_sent",
            TransportError::Broken(_) => "broken",
            TransportError::TimedOut => "timed_out",
        };
        *self.answers.entry((waiting.asked, Answered::Not(how))).or_default() += 1;
    }

    /// It was not waited for any longer.
    pub(super) fn aborted(&mut self, waiting: Waiting) {
        *self.answers.entry((waiting.asked, Answered::Not("aborted"))).or_default() += 1;
    }

    /// A watch of this kind is begun again.
    pub(super) fn restarted(&mut self, kind: &'static str) {
        *self.restarts.entry(kind).or_default() += 1;
    }

    /// Something is told to the log.
    pub(super) fn logged(&mut self, event: &LogEvent) {
        match event {
            LogEvent::Command { action, result, .. } => {
                *self.commands.entry((action, if result.is_ok() { "done" } else { "failed" })).or_default() += 1;
            }
            LogEvent::Delivery { result, .. } => {
                let result = match result {
                    Ok(status) if status.is_success() => "delivered",
                    Ok(_) => "refused",
                    Err(_) => "failed",
                };
                *self.deliveries.entry(result).or_default() += 1;
            }
            LogEvent::Notice(Notice::AccountLocked { .. }) => self.lockouts += 1,
            _ => {}
        }
    }

    fn write(&self, page: &mut Page) {
        let mut family = page.counter(
            "kubevirt_redfish_kubernetes_requests",
            "Requests to the API server, by verb, resource and status.",
        );
        for ((Asked { verb, resource }, answered), count) in &self.answers {
            let status = match answered {
                Answered::Status(status) => status.to_string(),
                Answered::Not(how) => (*how).to_owned(),
            };
            family.sample(&[("verb", verb), ("resource", resource), ("status", &status)], *count);
        }
        let mut family = page.histogram(
            "kubevirt_redfish_kubernetes_request_duration_seconds",
            "Time until the API server began to answer, by verb.",
        );
        for (verb, took) in &self.took {
            family.buckets(&[("verb", verb)], took);
        }
        let mut family =
            page.counter("kubevirt_redfish_watch_restarts", "Times that the watch of a resource was begun again.");
        for (kind, count) in &self.restarts {
            family.sample(&[("resource", kind)], *count);
        }
        let mut family = page.counter("kubevirt_redfish_commands", "What was done in the cluster, by kind and result.");
        for ((action, result), count) in &self.commands {
            family.sample(&[("action", action), ("result", result)], *count);
        }
        let mut family = page.counter("kubevirt_redfish_event_deliveries", "Attempts to push events, by result.");
        for result in ["delivered", "refused", "failed"] {
            family.sample(&[("result", result)], self.deliveries.get(result).copied().unwrap_or_default());
        }
        page.counter("kubevirt_redfish_account_lockouts", "Times that wrong passwords locked an account.")
            .sample(&[], self.lockouts);
    }
}

impl Engine {
    /// Tells what happened so far, and how much waits.
    pub fn measure(&self, now: Now, page: &mut Page) {
        self.core.counted.write(page);
        self.service.measure(now, page);
        let mut family =
            page.gauge("kubevirt_redfish_queue_depth", "How much waits for its turn, by what it waits for.");
        for (queue, depth) in self.service.depths().into_iter().chain(self.operations.depths()) {
            family.count(&[("queue", queue)], depth);
        }
        page.gauge("kubevirt_redfish_operations", "What is being carried out in the cluster.")
            .count(&[], self.operations.len());
    }
}

//! The watches of the cluster: their requests, what comes back, and when they are looked at again.

use super::{Answer, Core, Due, LogEvent, Owner, Target};
use crate::engine::RequestId;
use crate::kubevirt::{TransportError, Watch, WatchStep};
use crate::model::{Observation, Source};
use crate::time::Instant;

/// A watch by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WatchId(usize);

#[derive(Debug)]
pub(super) struct Watches(Vec<Running>);

#[derive(Debug)]
struct Running {
    watch: Watch,
    /// The cluster has shown something: whatever is asked next is asked again.
    begun: bool,
    /// The request whose answer is being read.
    request: Option<RequestId>,
}

impl Watches {
    pub(super) fn new(watches: impl IntoIterator<Item = Watch>) -> Self {
        Self(watches.into_iter().map(|watch| Running { watch, begun: false, request: None }).collect())
    }

    pub(super) fn sources(&self) -> Vec<Source> {
        self.0.iter().map(|running| running.watch.source().clone()).collect()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = WatchId> + use<> {
        (0..self.0.len()).map(WatchId)
    }

    /// Watches these as well, unless it does already; what is watched of machines is listed once more. Those that are new.
    pub(super) fn extend(&mut self, now: Instant, watches: Vec<Watch>, core: &mut Core) -> Vec<Source> {
        let mut new = Vec::new();
        for watch in watches {
            let known = self.0.iter_mut().find(|running| running.watch.source() == watch.source());
            match known {
                Some(Running { watch, request, .. }) if watch.source().namespace.is_some() => {
                    core.abort(request.take());
                    watch.list_again(now);
                }
                Some(_) => {}
                None => {
                    new.push(watch.source().clone());
                    self.0.push(Running { watch, begun: false, request: None });
                }
            }
        }
        new
    }

    /// The cluster answers again, which is what a watch may be waiting for.
    pub(super) fn wake(&mut self, now: Instant) {
        for running in &mut self.0 {
            running.watch.wake(now);
        }
    }

    /// Takes in a part of an answer.
    pub(super) fn answered(&mut self, now: Instant, id: WatchId, request: RequestId, answer: Answer) {
        let Some(running) = self.0.get_mut(id.0).filter(|running| running.request == Some(request)) else { return };
        let Running { watch, request, .. } = running;
        match answer {
            Answer::Head(head) => watch.handle_head(now, &head),
            Answer::Data(data) => watch.handle_data(now, &data),
            Answer::End => {
                *request = None;
                watch.handle_end(now, Ok(()));
            }
            Answer::Failed(error) => {
                *request = None;
                watch.handle_end(now, Err(error));
            }
            Answer::Datagram { .. } => {}
        }
    }

    /// Has a watch go on as far as it can; what it has seen goes to `see`.
    pub(super) fn step(&mut self, now: Instant, id: WatchId, core: &mut Core, mut see: impl FnMut(Observation)) {
        let Some(Running { watch, begun, request }) = self.0.get_mut(id.0) else { return };
        loop {
            while let Some(observation) = watch.poll_observation() {
                if matches!(observation, Observation::Seen(_)) && std::mem::replace(begun, true) {
                    core.counted.restarted(watch.source().kind);
                }
                if let Some(event) = LogEvent::of(&observation) {
                    core.log(event);
                }
                see(observation);
            }
            match watch.poll(now) {
                WatchStep::Send(next) => {
                    core.abort(request.take());
                    *request = Some(core.send(Owner::Watch(id), Target::ApiServer { watch: true }, next, None, None));
                }
                WatchStep::Read { .. } if request.is_none() => {
                    watch.handle_end(now, Err(TransportError::Broken("nothing is being read".to_owned())));
                }
                WatchStep::Read { until } => return core.timers.set(Due::Watch(id), until),
                WatchStep::WaitUntil(until) => {
                    core.abort(request.take());
                    return core.timers.set(Due::Watch(id), until);
                }
            }
        }
    }
}

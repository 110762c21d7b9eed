//! Pushing events: what waits for one server, one delivery at a time, and when to try again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

use super::{Channel, Delivery, DeliveryId, Events, SubscriptionEdit};
use crate::event::{Draft, Event, EventId, Heartbeat, Kind, RetryPolicy, SubscriptionId, Witness, payload};
use crate::service::timers::Timer;
use crate::service::{Output, Service};
use crate::time::{Instant, Now, UnixTime};

/// What waits for one server.
///
/// ```text
///          events wait         it is their turn         2xx
///   idle ───────────────▶ in line ──────────────▶ in flight ───▶ idle
///                          ▲                         │
///              retry is due│                         │ anything else, or nothing until the deadline
///                          └──────── resting ────────┘
///                                       └──▶ suspended or deleted, as the policy says
/// ```
#[derive(Debug)]
pub(super) struct Push {
    queue: VecDeque<Arc<Event>>,
    /// Events were dropped since the last delivery that arrived.
    lost: bool,
    in_line: bool,
    in_flight: Option<InFlight>,
    /// Deliveries that failed in a row.
    failures: u32,
    rests_until: Option<Instant>,
    heartbeat: Option<Heartbeat>,
    heartbeat_at: Option<Instant>,
}

#[derive(Debug)]
struct InFlight {
    id: DeliveryId,
    events: Vec<Arc<Event>>,
    /// When it is taken for failed if nobody has said what came of it.
    until: Instant,
}

impl Push {
    pub(super) fn new(now: Instant, heartbeat: Option<Heartbeat>) -> Self {
        let mut push = Self {
            queue: VecDeque::new(),
            lost: false,
            in_line: false,
            in_flight: None,
            failures: 0,
            rests_until: None,
            heartbeat: None,
            heartbeat_at: None,
        };
        push.set_heartbeat(now, heartbeat);
        push
    }

    /// How many events wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Lets an event wait; the oldest makes room.
    pub(super) fn enqueue(&mut self, event: Arc<Event>) {
        self.queue.push_back(event);
        self.bound();
    }

    /// Whether this changed anything.
    pub(super) fn set_heartbeat(&mut self, now: Instant, heartbeat: Option<Heartbeat>) -> bool {
        let changed = self.heartbeat != heartbeat;
        if changed {
            self.heartbeat = heartbeat;
            self.heartbeat_at = heartbeat.map(|heartbeat| now + heartbeat.interval());
        }
        changed
    }

    pub(super) fn heartbeat_at(&self) -> Option<Instant> {
        self.heartbeat_at
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// The delivery that is under way.
    pub(super) fn in_flight(&self) -> Option<DeliveryId> {
        self.in_flight.as_ref().map(|in_flight| in_flight.id)
    }

    /// Whether there is something to send, and nothing that it has to wait for but its turn.
    fn is_due(&self, now: Instant) -> bool {
        let rests = self.rests_until.is_some_and(|until| now < until);
        self.in_flight.is_none() && !rests && (!self.queue.is_empty() || self.lost)
    }

    /// Forgets what another replica pushes.
    pub(super) fn leave_to_others(&mut self) {
        self.queue.retain(|event| event.witness == Witness::Alone);
        self.lost = false;
    }

    /// Has events wait that nobody has pushed, and says so if some are missing.
    pub(super) fn take_over(&mut self, gap: bool, events: impl Iterator<Item = Arc<Event>>) {
        self.lost |= gap;
        self.queue.extend(events);
        self.bound();
    }

    /// Forgets what waits: its subscriber may not see all of it any more.
    pub(super) fn clear(&mut self) {
        self.lost |= !self.queue.is_empty();
        self.queue.clear();
    }

    /// Begins anew after a rest, with what happened since then at the earliest.
    pub(super) fn resume(&mut self, since: Option<UnixTime>) {
        self.failures = 0;
        self.rests_until = None;
        if let Some(since) = since {
            self.queue.retain(|event| since <= event.time);
            self.lost &= !self.queue.is_empty();
        }
    }

    /// Takes the heartbeat that is due, if one is.
    fn take_heartbeat(&mut self, now: Instant) -> Option<Instant> {
        let heartbeat = self.heartbeat?;
        self.heartbeat_at.filter(|at| *at <= now)?;
        let next = now + heartbeat.interval();
        self.heartbeat_at = Some(next);
        Some(next)
    }

    /// Puts back what did not arrive.
    fn put_back(&mut self, events: Vec<Arc<Event>>) {
        for event in events.into_iter().rev() {
            self.queue.push_front(event);
        }
        self.bound();
    }

    fn bound(&mut self) {
        while self.queue.len() > MAX_QUEUED {
            self.queue.pop_front();
            self.lost = true;
        }
    }
}

impl Service {
    /// This replica pushes from now on, beginning with what happened after an event.
    pub(in crate::service) fn push_since(&mut self, number: u64) {
        let Events { log, subscribers, run, .. } = &mut self.events;
        for subscriber in subscribers.values_mut() {
            let Channel::Push(push) = &mut subscriber.channel else { continue };
            let (gap, events) = log.since(*run, EventId { run: *run, number });
            let (chassis, filter) = (&subscriber.chassis, &subscriber.subscription.filter);
            let wanted = |event: &&Arc<Event>| {
                let is_known = event.audience.includes(chassis) && filter.wants(&event.facts);
                event.witness == Witness::Everyone && is_known
            };
            push.take_over(gap, events.filter(wanted).cloned());
        }
    }

    /// Another replica pushes from now on.
    pub(in crate::service) fn leave_to_others(&mut self) {
        if self.access.is_in_memory() {
            return;
        }
        for subscriber in self.events.subscribers.values_mut() {
            if let Channel::Push(push) = &mut subscriber.channel {
                push.leave_to_others();
            }
        }
    }

    /// Looks at every subscription.
    pub(in crate::service) fn attend_all(&mut self) {
        self.events.attention.extend(self.events.subscribers.keys().cloned());
    }

    /// Sends what waits for a server, if nothing is under way to it.
    pub(super) fn attend_push(&mut self, now: Now, id: &SubscriptionId) {
        let Some(subscriber) = self.events.subscribers.get_mut(id) else { return };
        let Channel::Push(push) = &mut subscriber.channel else { return };
        let late = push.in_flight.take_if(|in_flight| in_flight.until <= now.mono);
        if let Some(late) = late {
            // Nothing is sent again before the first attempt has been stopped.
            self.events.outbox.ended(late.id);
            self.outputs.push_back(Output::Abandon(late.id));
            push.in_flight = Some(late);
            self.delivery_ended(now, id, false);
            return;
        }
        let due = push.take_heartbeat(now.mono);
        let idle = push.queue.is_empty() && push.in_flight.is_none();
        let in_doubt = self.election.is_in_doubt(now.mono) && !self.access.is_in_memory();
        let wanted = !subscriber.subscription.suspended && !in_doubt;
        if let Some(next) = due {
            self.timers.set(next, Timer::Subscription(id.clone()));
            // Events are a sign of life as well.
            if idle && wanted && self.pushes() {
                let event = Arc::new(Event::new(self.events.next_event(), now.unix, Draft::heartbeat(id)));
                if let Some(Channel::Push(push)) = self.events.subscribers.get_mut(id).map(|known| &mut known.channel) {
                    push.enqueue(event);
                }
            }
        }
        if wanted {
            self.line_up(now, id);
        }
    }

    /// Has a subscription that has something to send wait for its turn.
    fn line_up(&mut self, now: Now, id: &SubscriptionId) {
        let Some(subscriber) = self.events.subscribers.get_mut(id) else { return };
        let Channel::Push(push) = &mut subscriber.channel else { return };
        let Kind::Push { destination, .. } = &subscriber.subscription.kind else { return };
        if push.in_line || !push.is_due(now.mono) {
            return;
        }
        push.in_line = self.events.outbox.wait(&subscriber.subscription.owner, id, destination.uri());
        if !push.in_line {
            self.timers.set(now.mono + NO_ROOM, Timer::Subscription(id.clone()));
        }
    }

    /// Sends for those whose turn it is.
    pub(super) fn send_admitted(&mut self, now: Now) {
        while let Some((delivery, id)) = self.events.outbox.admit() {
            if !self.send_waiting(now, delivery, &id) {
                self.events.outbox.ended(delivery);
            }
        }
    }

    /// Sends what waits for a server; whether anything is to be sent still.
    fn send_waiting(&mut self, now: Now, delivery: DeliveryId, id: &SubscriptionId) -> bool {
        let in_doubt = self.election.is_in_doubt(now.mono) && !self.access.is_in_memory();
        let Some(subscriber) = self.events.subscribers.get_mut(id) else { return false };
        let Channel::Push(push) = &mut subscriber.channel else { return false };
        push.in_line = false;
        if subscriber.subscription.suspended || in_doubt || !push.is_due(now.mono) {
            return false;
        }
        if push.lost {
            self.events.last_event += 1;
            let event = EventId { run: self.events.run, number: self.events.last_event };
            push.queue.push_front(Arc::new(Event::new(event, now.unix, Draft::gap(id))));
            push.lost = false;
        }
        let Kind::Push { destination, headers, verify_certificate, .. } = &subscriber.subscription.kind else {
            return false;
        };
        let context = subscriber.subscription.context.as_deref();
        let (body, count) = payload(context, push.queue.iter().take(MAX_BATCH));
        let events = push.queue.drain(..count.min(push.queue.len())).collect();
        let deadline = now.mono + DELIVERY_TIME;
        let until = deadline + GRACE;
        push.in_flight = Some(InFlight { id: delivery, events, until });
        push.rests_until = None;
        let mut headers = headers.as_map().clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
        self.outputs.push_back(Output::Deliver(Delivery {
            id: delivery,
            subscription: id.to_string(),
            destination: destination.uri().clone(),
            headers,
            body,
            verify_certificate: *verify_certificate,
            deadline,
            policy: self.inventory.config().events.policy.clone(),
        }));
        self.timers.set(until, Timer::Subscription(id.clone()));
        true
    }

    /// A delivery came to its end, one way or the other.
    pub(super) fn delivery_ended(&mut self, now: Now, id: &SubscriptionId, success: bool) {
        let events = &self.inventory.config().events;
        let (attempts, interval) = (events.retry_attempts, events.retry_interval);
        let ours = self.pushes();
        let Some(subscriber) = self.events.subscribers.get_mut(id) else { return };
        let Channel::Push(push) = &mut subscriber.channel else { return };
        let Some(in_flight) = push.in_flight.take() else { return };
        let was_failing = push.is_failing();
        if success {
            push.failures = 0;
            if was_failing {
                self.show_subscription(id);
            }
            self.events.attention.insert(id.clone());
            return;
        }
        push.put_back(in_flight.events);
        if !ours {
            push.leave_to_others();
        }
        push.failures = push.failures.saturating_add(1);
        let exhausted = push.failures > attempts;
        let Kind::Push { retry_policy, .. } = &subscriber.subscription.kind else { return };
        let (rest, end) = match retry_policy {
            RetryPolicy::TerminateAfterRetries if exhausted => (interval, Some(SubscriptionEdit::Remove(id.clone()))),
            RetryPolicy::SuspendRetries if exhausted => (interval, Some(SubscriptionEdit::Suspend(id.clone()))),
            RetryPolicy::TerminateAfterRetries | RetryPolicy::SuspendRetries | RetryPolicy::RetryForever => {
                (interval, None)
            }
            RetryPolicy::RetryForeverWithBackoff => (backoff(interval, push.failures), None),
        };
        // Also if this is to be the end: until that is stored it goes on.
        let until = now.mono + rest;
        push.rests_until = Some(until);
        self.timers.set(until, Timer::Subscription(id.clone()));
        if !was_failing {
            self.show_subscription(id);
        }
        if let Some(edit) = end {
            self.edit_subscriptions(edit, None);
        }
    }
}

impl Heartbeat {
    fn interval(self) -> Duration {
        Duration::from_secs(60 * u64::from(self.0))
    }
}

/// Twice as long after every failure.
fn backoff(interval: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    interval.saturating_mul(1 << doublings).min(LONGEST_REST.max(interval))
}

/// Events that wait for one server: some minutes of a busy chassis; about a kilobyte each, shared among subscribers.
const MAX_QUEUED: usize = 256;

/// Events of one delivery: receivers read them one by one, and should not read for long.
const MAX_BATCH: usize = 64;

/// The longest rest after failures: how late a receiver that comes back learns of what happened.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// The time for one delivery, from looking the name up to the answer.
pub(crate) const DELIVERY_TIME: Duration = Duration::from_secs(10);

/// How much later than its deadline a delivery is given up of which nothing has been heard.
const GRACE: Duration = Duration::from_secs(5);

/// When a subscription asks again for a place to wait in.
const NO_ROOM: Duration = Duration::from_secs(1);

const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

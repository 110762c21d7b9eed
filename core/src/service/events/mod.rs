//! Events on their way: who is subscribed, what waits for them, what is replayed.
//!
//! Nothing here knows what an event says. A subscriber that is slow or gone costs nothing to the others: each has a
//! bounded queue of its own, from which the oldest go first, and is told that they did.

mod carry_out;
mod kept;
mod log;
mod outbox;
mod owners;
mod push;
mod reach;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use sha2::{Digest as _, Sha256};

use super::timers::Timer;
use super::{Output, Service, Stopping};
use crate::changes::changes;
use crate::event::{
    Draft, Event, EventId, KEEP_ALIVE, Kind, Standing, Subscribed, Subscription, SubscriptionId, Witness, frame,
};
use crate::intent::StreamId;
use crate::model::AddressPolicy;
use crate::time::{Instant, Now};
use log::Log;
use outbox::Outbox;
use owners::Owners;
use push::Push;

pub(super) use kept::{SubscriptionEdit, SubscriptionsContent};
pub(super) use owners::OWNERS_REVIEWED_EVERY;

/// Tells one delivery from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub u64);

/// Events to be sent to a server: one POST, without following redirects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To be given back with [`Input::Delivered`](super::Input::Delivered).
    pub id: DeliveryId,
    /// Whose it is, for the log.
    pub subscription: String,
    /// Where to.
    pub destination: Uri,
    /// The headers, without those that say how the message is sent.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether the server has to have a certificate that can be trusted.
    pub verify_certificate: bool,
    /// When to stop, whatever has come of it, and to report [`DeliveryError::TimedOut`].
    pub deadline: Instant,
    /// Which addresses may be connected to, whatever the destination's name stands for.
    pub policy: AddressPolicy,
}

/// Why a delivery has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// There is no connection, or no address that may be connected to.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// The connection broke, or what came back is not HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Who is subscribed, and what is kept for them.
#[derive(Debug)]
pub(super) struct Events {
    /// Which run of the service this is: part of every id, so that ids of different replicas and runs differ.
    run: u32,
    last_event: u64,
    last_subscription: u64,
    last_stream: u64,
    subscribers: BTreeMap<SubscriptionId, Subscriber>,
    streams: BTreeMap<StreamId, SubscriptionId>,
    outbox: Outbox,
    /// Owners without an account, as far as they are being reviewed.
    pub(super) owners: Owners,
    /// Subscriptions that something may have to be done for.
    attention: BTreeSet<SubscriptionId>,
    log: Log,
}

#[derive(Debug)]
struct Subscriber {
    subscription: Subscription,
    /// The chassis whose events it gets: indices into the configuration, ascending.
    chassis: Box<[u16]>,
    channel: Channel,
}

#[derive(Debug)]
enum Channel {
    Push(Push),
    Stream { id: StreamId, keep_alive_at: Instant },
}

impl Events {
    /// How many events wait for servers that they are pushed to.
    pub(super) fn waiting(&self) -> usize {
        let queue = |subscriber: &Subscriber| match &subscriber.channel {
            Channel::Push(push) => push.waiting(),
            Channel::Stream { .. } => 0,
        };
        self.subscribers.values().map(queue).sum()
    }

    /// `entropy` is secret: what is shown of it cannot be turned back.
    pub(super) fn new(entropy: &[u8; 32]) -> Self {
        let hash = Sha256::new().chain_update(b"events").chain_update(entropy).finalize();
        let run = hash.iter().take(4).fold(0, |run, byte| run << 8 | u32::from(*byte));
        Self {
            run,
            last_event: 0,
            last_subscription: 0,
            last_stream: 0,
            subscribers: BTreeMap::new(),
            streams: BTreeMap::new(),
            outbox: Outbox::default(),
            owners: Owners::default(),
            attention: BTreeSet::new(),
            log: Log::default(),
        }
    }

    /// Tells this run of the service from all others.
    pub(super) fn run(&self) -> u32 {
        self.run
    }

    /// The number of the newest event.
    pub(super) fn last_number(&self) -> u64 {
        self.last_event
    }

    fn next_event(&mut self) -> EventId {
        self.last_event += 1;
        EventId { run: self.run, number: self.last_event }
    }
}

impl Service {
    /// Tells everyone who may learn of it and wants to.
    ///
    /// Whatever happens that a client may care for comes through here, once it has happened.
    pub(super) fn raise(&mut self, now: Now, draft: Draft) {
        let event = Arc::new(Event::new(self.events.next_event(), now.unix, draft));
        self.events.log.keep(Arc::clone(&event));
        let pushed = event.witness == Witness::Alone || self.pushes();
        for (id, subscriber) in &mut self.events.subscribers {
            let Subscriber { subscription, chassis, channel, .. } = subscriber;
            if !event.audience.includes(chassis) || !subscription.filter.wants(&event.facts) {
                continue;
            }
            match channel {
                Channel::Push(_) if !pushed => {}
                Channel::Push(push) => {
                    push.enqueue(Arc::clone(&event));
                    self.events.attention.insert(id.clone());
                }
                Channel::Stream { id, .. } => {
                    let mut data = Vec::new();
                    frame(subscription.context.as_deref(), &event, &mut data);
                    self.outputs.push_back(Output::Send { stream: *id, data: data.into() });
                }
            }
        }
    }

    /// Tells what became of the machines that the last input changed.
    pub(super) fn raise_changes(&mut self, now: Now) {
        for (id, before) in self.inventory.take_touched() {
            let mut drafts = changes(self.inventory.current(), before.as_ref(), self.inventory.system(&id));
            if drafts.len() > 1 {
                let group = i64::try_from(self.events.last_event).unwrap_or_default() + 1;
                for draft in &mut drafts {
                    draft.group = Some(group);
                }
            }
            for draft in drafts {
                self.raise(now, draft);
            }
        }
    }

    /// Sends what is due to be sent.
    pub(super) fn deliver(&mut self, now: Now) {
        while let Some(id) = self.events.attention.pop_first() {
            if self.stopping == Stopping::No {
                self.attend(now, &id);
            }
        }
        if self.stopping == Stopping::No {
            self.send_admitted(now);
        }
    }

    /// A subscription is to be looked at again.
    pub(super) fn subscription_due(&mut self, id: SubscriptionId) {
        self.events.attention.insert(id);
    }

    /// Takes in what came of a delivery.
    pub(super) fn delivered(&mut self, now: Now, id: DeliveryId, result: Result<StatusCode, DeliveryError>) {
        let Some(subscription) = self.events.outbox.ended(id) else { return };
        let success = result.is_ok_and(|status| status.is_success());
        self.delivery_ended(now, &subscription, success);
    }

    /// A client has gone, or was sent away because it did not read.
    pub(super) fn stream_closed(&mut self, stream: StreamId) {
        if let Some(id) = self.events.streams.remove(&stream) {
            self.events.subscribers.remove(&id);
            self.timers.cancel(&Timer::Subscription(id.clone()));
            self.inventory.show_subscription(&id, None);
        }
    }

    /// The service ends: clients that read are told by the end of what they read.
    pub(super) fn close_streams(&mut self) {
        let streams: Vec<SubscriptionId> = self.events.streams.values().cloned().collect();
        for id in streams {
            self.unsubscribe(&id);
        }
    }

    fn subscribe(&mut self, now: Now, subscription: Subscription) {
        let id = subscription.id.clone();
        let channel = match &subscription.kind {
            Kind::Push { heartbeat, .. } => {
                let push = Push::new(now.mono, *heartbeat);
                if let Some(at) = push.heartbeat_at() {
                    self.timers.set(at, Timer::Subscription(id.clone()));
                }
                Channel::Push(push)
            }
            Kind::Stream { .. } => {
                self.events.last_stream += 1;
                let stream = StreamId(self.events.last_stream);
                self.events.streams.insert(stream, id.clone());
                let keep_alive_at = now.mono + KEEP_ALIVE_INTERVAL;
                self.timers.set(keep_alive_at, Timer::Subscription(id.clone()));
                Channel::Stream { id: stream, keep_alive_at }
            }
        };
        let subscriber = Subscriber { chassis: Box::default(), subscription, channel };
        self.events.subscribers.insert(id.clone(), subscriber);
        self.alter(now, &id);
    }

    /// A subscription is another than it was: what reads see of it changes, and what it gets may.
    fn alter(&mut self, now: Now, id: &SubscriptionId) {
        let Some(subscriber) = self.events.subscribers.get(id) else { return };
        let chassis = self.chassis_of(&subscriber.subscription);
        let Some(subscriber) = self.events.subscribers.get_mut(id) else { return };
        if let (Kind::Push { heartbeat, .. }, Channel::Push(push)) =
            (&subscriber.subscription.kind, &mut subscriber.channel)
            && push.set_heartbeat(now.mono, *heartbeat)
            && let Some(at) = push.heartbeat_at()
        {
            self.timers.set(at, Timer::Subscription(id.clone()));
        }
        subscriber.chassis = chassis;
        self.show_subscription(id);
        self.events.attention.insert(id.clone());
    }

    fn show_subscription(&mut self, id: &SubscriptionId) {
        let Some(subscriber) = self.events.subscribers.get(id) else { return };
        let standing = match &subscriber.channel {
            _ if subscriber.subscription.suspended => Standing::Suspended,
            Channel::Push(push) if push.is_failing() => Standing::Failing,
            Channel::Push(_) | Channel::Stream { .. } => Standing::Enabled,
        };
        let shown =
            Subscribed { subscription: subscriber.subscription.clone(), chassis: subscriber.chassis.clone(), standing };
        self.inventory.show_subscription(id, Some(Arc::new(shown)));
    }

    fn unsubscribe(&mut self, id: &SubscriptionId) {
        let Some(subscriber) = self.events.subscribers.remove(id) else { return };
        // A sign of life may be due in weeks.
        self.timers.cancel(&Timer::Subscription(id.clone()));
        match subscriber.channel {
            Channel::Stream { id, .. } => {
                self.events.streams.remove(&id);
                self.outputs.push_back(Output::Close(id));
            }
            Channel::Push(push) => {
                self.events.outbox.withdraw(&subscriber.subscription.owner, id);
                if let Some(delivery) = push.in_flight() {
                    self.events.outbox.ended(delivery);
                    self.outputs.push_back(Output::Abandon(delivery));
                }
            }
        }
        self.inventory.show_subscription(id, None);
    }

    /// Does for one subscription what is due.
    fn attend(&mut self, now: Now, id: &SubscriptionId) {
        let Some(subscriber) = self.events.subscribers.get_mut(id) else { return };
        match &mut subscriber.channel {
            Channel::Stream { id: stream, keep_alive_at } => {
                if *keep_alive_at <= now.mono {
                    *keep_alive_at = now.mono + KEEP_ALIVE_INTERVAL;
                    self.timers.set(*keep_alive_at, Timer::Subscription(id.clone()));
                    self.outputs.push_back(Output::Send { stream: *stream, data: Bytes::from_static(KEEP_ALIVE) });
                }
            }
            Channel::Push(_) => self.attend_push(now, id),
        }
    }
}

/// Shorter than the minute after which proxies give up a connection on which nothing moves.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(25);

//! What clients want done about subscriptions, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::{Channel, Events, StreamId};
use crate::event::{
    Draft, Event, EventId, Headers, KEEP_ALIVE, Kind, Proposal, RetryPolicy, Subscription, SubscriptionId, frame,
};
use crate::service::{OutcomeKind, Output, Service, Stopping, Ticket};
use crate::time::Now;

/// What a client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventIntent {
    /// Make a subscription.
    Subscribe(Proposal),
    /// Open a stream; with what came after an event, if the client has read up to there before.
    Open { proposal: Proposal, after: Option<EventId> },
    /// Change a subscription. With a revision: only if it is still that one.
    Change { id: SubscriptionId, revision: Option<u64>, change: EventChange },
    /// Remove a subscription; a stream ends by it.
    Delete(SubscriptionId),
    /// Send nothing until it is resumed.
    Suspend(SubscriptionId),
    /// Send again, beginning with what waits and is not older than this.
    Resume { id: SubscriptionId, age: Option<Duration> },
    /// Tell everyone of it.
    Raise(Draft),
}

/// New values for what may be changed of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventChange {
    pub(crate) context: NewContext,
    pub(crate) headers: Option<Headers>,
    pub(crate) verify_certificate: Option<bool>,
    pub(crate) retry_policy: Option<RetryPolicy>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventOutcome {
    /// There is a subscription now.
    Subscribed(SubscriptionId),
    /// There is a stream now.
    Opened(StreamId),
    /// There are as many as there may be.
    LimitReached,
    /// There is no such subscription any more.
    Gone,
}

/// What becomes of the context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum NewContext {
    /// It stays.
    #[default]
    Same,
    /// It is this from now on, or none.
    Is(Option<Box<str>>),
}

impl EventChange {
    /// A stream has nothing but its context that could be changed.
    fn apply(self, subscription: &mut Subscription) {
        if let NewContext::Is(context) = self.context {
            subscription.context = context;
        }
        if let Kind::Push { headers, verify_certificate, retry_policy, .. } = &mut subscription.kind {
            if let Some(new) = self.headers {
                *headers = new;
            }
            *verify_certificate = self.verify_certificate.unwrap_or(*verify_certificate);
            *retry_policy = self.retry_policy.unwrap_or(*retry_policy);
        }
    }
}

impl Service {
    pub(in crate::service) fn event_intent(&mut self, now: Now, ticket: Ticket, intent: EventIntent) {
        if self.stopping != Stopping::No {
            self.answer(ticket, OutcomeKind::ShuttingDown);
            return;
        }
        let outcome = match intent {
            EventIntent::Subscribe(proposal) => self.admit(now, proposal).map(EventOutcome::Subscribed),
            EventIntent::Open { proposal, after } => {
                // The outcome goes first: who it is for has to know of the stream before anything is sent to it.
                match self.admit(now, proposal) {
                    Ok(id) => self.opened(now, ticket, &id, after),
                    Err(outcome) => self.answer(ticket, outcome),
                }
                return;
            }
            EventIntent::Change { id, revision, change } => self.change(now, &id, revision, change),
            EventIntent::Delete(id) => {
                if self.unsubscribe(&id) {
                    Err(OutcomeKind::Done)
                } else {
                    Ok(EventOutcome::Gone)
                }
            }
            EventIntent::Suspend(id) => self.with_push(&id, |subscription, _| subscription.suspended = true),
            EventIntent::Resume { id, age } => self.with_push(&id, |subscription, push| {
                subscription.suspended = false;
                push.resume(now, age);
            }),
            EventIntent::Raise(draft) => {
                self.raise(now, draft);
                Err(OutcomeKind::Done)
            }
        };
        self.answer(ticket, outcome.map_or_else(|outcome| outcome, OutcomeKind::Event));
    }

    /// Makes a subscription of a proposal, if there is room for it.
    fn admit(&mut self, now: Now, proposal: Proposal) -> Result<SubscriptionId, OutcomeKind> {
        let is_stream = matches!(proposal.kind, Kind::Stream { .. });
        let (most, most_of_one) =
            if is_stream { (MAX_STREAMS, MAX_STREAMS_OF_ONE) } else { (MAX_SUBSCRIPTIONS, MAX_SUBSCRIPTIONS_OF_ONE) };
        if self.events.count(is_stream, None) >= most
            || self.events.count(is_stream, Some(&proposal.owner)) >= most_of_one
        {
            return Err(OutcomeKind::Event(EventOutcome::LimitReached));
        }
        self.events.last_subscription += 1;
        let id = SubscriptionId::new(&format!("{:08x}-{}", self.events.run, self.events.last_subscription));
        self.subscribe(now, Subscription::new(id.clone(), proposal));
        Ok(id)
    }

    /// Answers whoever opened a stream, and sends what they missed.
    fn opened(&mut self, now: Now, ticket: Ticket, id: &SubscriptionId, after: Option<EventId>) {
        let run = self.events.run;
        let Some(subscriber) = self.events.subscribers.get(id) else { return };
        let Channel::Stream { id: stream, .. } = subscriber.channel else { return };
        let subscription = &subscriber.subscription;
        let context = subscription.context.as_deref();
        // A first sign of life: the client then knows that the stream is open.
        let mut data = KEEP_ALIVE.to_vec();
        if let Some(after) = after {
            let (gap, events) = self.events.log.since(run, after);
            let mut missed = Vec::new();
            for event in events {
                if event.audience.includes(&subscriber.chassis) && subscription.filter.wants(&event.facts) {
                    frame(context, event, &mut missed);
                }
            }
            if gap {
                // Its id is that of an event before those that follow, so that a client which stops reading here is
                // sent them again.
                let before = EventId { run, number: self.events.log.first().saturating_sub(1) };
                frame(context, &Arc::new(Event::new(before, now.unix, Draft::gap(id))), &mut data);
            }
            data.append(&mut missed);
        }
        self.answer(ticket, OutcomeKind::Event(EventOutcome::Opened(stream)));
        self.outputs.push_back(Output::Send { stream, data: data.into() });
    }

    fn change(
        &mut self,
        now: Now,
        id: &SubscriptionId,
        revision: Option<u64>,
        change: EventChange,
    ) -> Result<EventOutcome, OutcomeKind> {
        let Some(subscriber) = self.events.subscribers.get_mut(id) else {
            return Ok(EventOutcome::Gone);
        };
        if revision.is_some_and(|revision| revision != subscriber.revision) {
            return Err(OutcomeKind::Superseded);
        }
        change.apply(&mut subscriber.subscription);
        self.alter(now, id);
        Err(OutcomeKind::Done)
    }

    fn with_push(
        &mut self,
        id: &SubscriptionId,
        change: impl FnOnce(&mut Subscription, &mut super::Push),
    ) -> Result<EventOutcome, OutcomeKind> {
        let Some(subscriber) = self.events.subscribers.get_mut(id) else {
            return Ok(EventOutcome::Gone);
        };
        if let Channel::Push(push) = &mut subscriber.channel {
            change(&mut subscriber.subscription, push);
        }
        self.show_subscription(id);
        self.events.attention.insert(id.clone());
        Err(OutcomeKind::Done)
    }
}

impl Events {
    /// How many subscriptions of a kind there are; of one account, if it is given.
    fn count(&self, streams: bool, owner: Option<&str>) -> usize {
        let subscriptions = self.subscribers.values().map(|subscriber| &subscriber.subscription);
        subscriptions
            .filter(|known| known.is_stream() == streams && owner.is_none_or(|owner| *known.owner == *owner))
            .count()
    }
}

/// Subscriptions in all, and of one account: a tenant cannot take all of them.
const MAX_SUBSCRIPTIONS: usize = 512;
const MAX_SUBSCRIPTIONS_OF_ONE: usize = 64;

/// Streams in all, each of which holds a connection of the server, and of one account.
const MAX_STREAMS: usize = 256;
const MAX_STREAMS_OF_ONE: usize = 32;

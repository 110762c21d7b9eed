//! Carries out what clients want done about subscriptions and streams.

use std::sync::Arc;

use super::Channel;
use super::kept::SubscriptionEdit;
use crate::event::{Draft, Event, EventId, KEEP_ALIVE, Proposal, Subscription, SubscriptionId, frame};
use crate::intent::{EventChange, EventIntent, EventOutcome};
use crate::service::{OutcomeKind, Output, Service, Stopping, Ticket};
use crate::time::Now;

impl Service {
    pub(in crate::service) fn event_intent(&mut self, now: Now, ticket: Ticket, intent: EventIntent) {
        if self.stopping != Stopping::No {
            self.answer(ticket, OutcomeKind::ShuttingDown);
            return;
        }
        match intent {
            EventIntent::Subscribe(proposal) => {
                let subscription = self.subscription_of(proposal);
                self.edit_subscriptions(SubscriptionEdit::Add(Box::new(subscription)), Some(ticket));
            }
            // The outcome goes first: who it is for has to know of the stream before anything is sent to it.
            EventIntent::Open { proposal, after } => match self.open_stream(now, proposal) {
                Some(id) => self.opened(now, ticket, &id, after),
                None => self.answer(ticket, OutcomeKind::Event(EventOutcome::LimitReached)),
            },
            EventIntent::Change { id, expected, change } if self.is_stream(&id) => {
                let outcome = self.change_stream(now, &id, expected.as_deref(), &change);
                self.answer(ticket, outcome);
            }
            EventIntent::Delete(id) if self.is_stream(&id) => {
                self.unsubscribe(&id);
                self.answer(ticket, OutcomeKind::Done);
            }
            EventIntent::Change { id, expected, change } => {
                self.edit_subscriptions(SubscriptionEdit::Change { id, expected, change }, Some(ticket));
            }
            EventIntent::Delete(id) => self.edit_subscriptions(SubscriptionEdit::Remove(id), Some(ticket)),
            EventIntent::Suspend(id) => self.edit_subscriptions(SubscriptionEdit::Suspend(id), Some(ticket)),
            EventIntent::Resume { id, age } => {
                self.edit_subscriptions(SubscriptionEdit::Resume { id, age }, Some(ticket));
            }
            EventIntent::Raise(draft) => {
                self.raise(now, draft);
                self.answer(ticket, OutcomeKind::Done);
            }
        }
    }

    fn subscription_of(&mut self, proposal: Proposal) -> Subscription {
        self.events.last_subscription += 1;
        let id = SubscriptionId::new(&format!("{:08x}-{}", self.events.run, self.events.last_subscription));
        Subscription::new(id, proposal)
    }

    /// Opens a stream, if there is room for it.
    fn open_stream(&mut self, now: Now, proposal: Proposal) -> Option<SubscriptionId> {
        let streams = || self.events.subscribers.values().map(|known| &known.subscription).filter(|it| it.is_stream());
        let of_owner = streams().filter(|known| known.owner == proposal.owner).count();
        if streams().count() >= MAX_STREAMS || of_owner >= MAX_STREAMS_OF_ONE {
            return None;
        }
        let subscription = self.subscription_of(proposal);
        let id = subscription.id.clone();
        self.subscribe(now, subscription);
        Some(id)
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

    fn is_stream(&self, id: &SubscriptionId) -> bool {
        self.events.subscribers.get(id).is_some_and(|known| known.subscription.is_stream())
    }

    fn change_stream(
        &mut self,
        now: Now,
        id: &SubscriptionId,
        expected: Option<&Subscription>,
        change: &EventChange,
    ) -> OutcomeKind {
        let Some(subscriber) = self.events.subscribers.get_mut(id) else {
            return OutcomeKind::Event(EventOutcome::Gone);
        };
        if expected.is_some_and(|expected| *expected != subscriber.subscription) {
            return OutcomeKind::Superseded;
        }
        change.apply(&mut subscriber.subscription);
        self.alter(now, id);
        OutcomeKind::Done
    }
}

/// Streams in all, each of which holds a connection of the server, and of one account.
const MAX_STREAMS: usize = 256;
const MAX_STREAMS_OF_ONE: usize = 32;

//! The subscriptions that outlive a replica: all but streams. They count once they are stored.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Channel, Subscriber};
use crate::auth::merged;
use crate::event::{Resumption, Subscription, SubscriptionId};
use crate::intent::{EventChange, EventOutcome};
use crate::model::LONGEST_DOCUMENT;
use crate::service::stored_document::{Applied, Content, EditContext};
use crate::service::{OutcomeKind, Service};
use crate::time::{Now, UnixTime};

/// The content of the document of subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::service) struct SubscriptionsContent {
    /// Different with every writing, so that a writer recognises what it wrote.
    stamp: String,
    subscriptions: Vec<Subscription>,
}

/// A change of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) enum SubscriptionEdit {
    /// There is one more.
    Add(Box<Subscription>),
    /// Change one; only while it is as expected, if that is given.
    Change { id: SubscriptionId, expected: Option<Box<Subscription>>, change: EventChange },
    /// It is no more.
    Remove(SubscriptionId),
    /// Nothing is to be sent until it is resumed.
    Suspend(SubscriptionId),
    /// Those of an owner are to hear of no other chassis than these; those that would hear of none are no more.
    Narrow { owner: Box<str>, chassis: Vec<Box<str>> },
    /// Send again, beginning with what waits and is not older than this.
    Resume { id: SubscriptionId, age: Option<Duration> },
}

impl Content for SubscriptionsContent {
    type Edit = SubscriptionEdit;

    fn merge(&self, base: &Self, mut theirs: Self) -> Self {
        let find = |content: &Self, id: &SubscriptionId| content.subscriptions.iter().find(|it| it.id == *id).cloned();
        theirs.subscriptions.retain(|known| find(base, &known.id).is_none() || find(self, &known.id).is_some());
        for known in &mut theirs.subscriptions {
            if let (Some(base), Some(ours)) = (find(base, &known.id), find(self, &known.id)) {
                // A subscription hears of nothing that was taken from it anywhere.
                let chassis = ours.chassis.iter().filter(|named| known.chassis.contains(named)).cloned().collect();
                *known = Subscription { chassis, ..merged(&base, &ours, known) };
            }
        }
        let made = self.subscriptions.iter().filter(|ours| find(base, &ours.id).is_none());
        let made: Vec<_> = made.filter(|ours| find(&theirs, &ours.id).is_none()).cloned().collect();
        theirs.subscriptions.extend(made);
        theirs
    }

    fn apply(&mut self, edit: &SubscriptionEdit, context: &mut EditContext<'_>) -> Applied {
        match edit {
            SubscriptionEdit::Add(subscription) => self.add(subscription),
            SubscriptionEdit::Change { id, expected, change } => self.change(id, expected.as_deref(), change),
            SubscriptionEdit::Remove(id) => {
                let before = self.subscriptions.len();
                self.subscriptions.retain(|known| known.id != *id);
                if self.subscriptions.len() < before { Applied::Changed(OutcomeKind::Done) } else { gone() }
            }
            SubscriptionEdit::Suspend(id) => {
                let Some(known) = self.find(id) else { return gone() };
                if std::mem::replace(&mut known.suspended, true) {
                    Applied::Unchanged(OutcomeKind::Done)
                } else {
                    Applied::Changed(OutcomeKind::Done)
                }
            }
            SubscriptionEdit::Narrow { owner, chassis } => {
                let named = |known: &Self| known.subscriptions.iter().map(|known| known.chassis.len()).sum::<usize>();
                let before = named(self);
                for known in self.subscriptions.iter_mut().filter(|known| known.owner == *owner) {
                    known.chassis.retain(|named| chassis.contains(named));
                }
                self.subscriptions.retain(|known| known.owner != *owner || !known.chassis.is_empty());
                if named(self) < before {
                    Applied::Changed(OutcomeKind::Done)
                } else {
                    Applied::Unchanged(OutcomeKind::Done)
                }
            }
            SubscriptionEdit::Resume { id, age } => {
                let Some(known) = self.find(id) else { return gone() };
                known.suspended = false;
                let number = known.resumption.number.wrapping_add(1);
                known.resumption = Resumption { number, since: age.map(|age| since(context.now, age)) };
                Applied::Changed(OutcomeKind::Done)
            }
        }
    }

    fn stamp(&mut self, stamp: String) {
        self.stamp = stamp;
    }
}

impl SubscriptionsContent {
    fn find(&mut self, id: &SubscriptionId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|known| known.id == *id)
    }

    fn add(&mut self, subscription: &Subscription) -> Applied {
        let of_owner = self.subscriptions.iter().filter(|known| known.owner == subscription.owner).count();
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS || of_owner >= MAX_SUBSCRIPTIONS_OF_ONE {
            return limit_reached();
        }
        self.subscriptions.push(subscription.clone());
        if !self.fits(&subscription.owner) {
            self.subscriptions.pop();
            return limit_reached();
        }
        Applied::Changed(OutcomeKind::Event(EventOutcome::Subscribed(subscription.id.clone())))
    }

    fn change(&mut self, id: &SubscriptionId, expected: Option<&Subscription>, change: &EventChange) -> Applied {
        let Some(known) = self.find(id) else { return gone() };
        if expected.is_some_and(|expected| *expected != *known) {
            return Applied::Refused(OutcomeKind::Superseded);
        }
        let before = known.clone();
        change.apply(known);
        if *known == before {
            return Applied::Unchanged(OutcomeKind::Done);
        }
        if !self.fits(&before.owner) {
            if let Some(known) = self.find(id) {
                *known = before;
            }
            return limit_reached();
        }
        Applied::Changed(OutcomeKind::Done)
    }

    /// Whether all of it can be stored, and what is the owner's leaves room for others.
    fn fits(&self, owner: &str) -> bool {
        let of_owner: usize = self.subscriptions.iter().filter(|known| *known.owner == *owner).map(length).sum();
        of_owner <= LONGEST_OF_ONE && length(self) <= LONGEST_DOCUMENT - RESERVE
    }
}

impl Service {
    /// Brings the subscribers up to date with what is stored: those that are not known are new, those that are not
    /// stored are gone.
    pub(in crate::service) fn subscriptions_changed(&mut self, now: Now) {
        if !self.access.subscriptions().take_changed() {
            return;
        }
        let kept: Vec<Subscription> = self.access.subscriptions().content().subscriptions.clone();
        let kept_ids: BTreeSet<&SubscriptionId> = kept.iter().map(|subscription| &subscription.id).collect();
        let pushed =
            self.events.subscribers.values().map(|known| &known.subscription).filter(|known| !known.is_stream());
        let gone: Vec<SubscriptionId> =
            pushed.map(|known| known.id.clone()).filter(|id| !kept_ids.contains(id)).collect();
        for id in gone {
            self.unsubscribe(&id);
        }
        // Should a stream ever have been stored, nobody would read it.
        for subscription in kept.into_iter().filter(|subscription| !subscription.is_stream()) {
            match self.events.subscribers.get_mut(&subscription.id) {
                Some(known) if known.subscription == subscription => {}
                Some(Subscriber { subscription: known, channel, .. }) => {
                    if let Channel::Push(push) = channel
                        && known.resumption != subscription.resumption
                    {
                        push.resume(subscription.resumption.since);
                    }
                    if let Channel::Push(push) = channel
                        && known.chassis != subscription.chassis
                    {
                        // What waits may be of a chassis that it is to hear of no more.
                        push.clear();
                    }
                    let id = subscription.id.clone();
                    *known = subscription;
                    self.alter(now, &id);
                }
                None => self.subscribe(now, subscription),
            }
        }
    }
}

/// The time that was so long ago; after now for nothing at all.
fn since(now: Now, age: Duration) -> UnixTime {
    if age.is_zero() {
        return UnixTime(now.unix.0.saturating_add(1));
    }
    UnixTime(now.unix.0.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)))
}

fn gone() -> Applied {
    Applied::Refused(OutcomeKind::Event(EventOutcome::Gone))
}

fn limit_reached() -> Applied {
    Applied::Refused(OutcomeKind::Event(EventOutcome::LimitReached))
}

/// How many bytes something takes in a document.
fn length<T: Serialize>(value: &T) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // Counting does not fail; what cannot be written does not fit.
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

/// Subscriptions in all, and of one account: a tenant cannot take all of them.
const MAX_SUBSCRIPTIONS: usize = 512;
const MAX_SUBSCRIPTIONS_OF_ONE: usize = 64;

/// What all subscriptions of one account may take of the document.
const LONGEST_OF_ONE: usize = LONGEST_DOCUMENT / 4;

/// Room for what changes without being asked for: stamps, and subscriptions that are suspended and resumed.
const RESERVE: usize = 50_000;

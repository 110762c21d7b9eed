//! Which chassis a subscription hears of: those that its owner saw when making it and still sees.
//!
//! Of an owner without an account it is known what they see whenever a token of theirs is reviewed. In between, and when
//! they come no more, it stays as it was.

use super::{Channel, Service, SubscriptionEdit};
use crate::auth::{ExternalUser, is_external};
use crate::event::{Subscription, SubscriptionId};
use crate::time::Now;

impl Service {
    /// Indices into the configuration, ascending; none if the owner is gone.
    pub(super) fn chassis_of(&self, subscription: &Subscription) -> Box<[u16]> {
        let granted = self.inventory.grants(&subscription.owner);
        let is_granted =
            |index: &u16| is_external(&subscription.owner) || granted.is_some_and(|granted| granted.contains(index));
        let chassis = self.inventory.config().chassis.iter().enumerate();
        let named = chassis.filter(|(_, chassis)| {
            let name = chassis.name.as_str();
            subscription.chassis.iter().any(|named| **named == *name)
        });
        named.filter_map(|(index, _)| u16::try_from(index).ok()).filter(is_granted).collect()
    }

    /// Subscriptions of someone without an account hear no more of what their owner is now known not to see, and those
    /// that would hear of nothing end.
    pub(in crate::service) fn narrow_subscriptions(&mut self, owner: &ExternalUser) {
        let config = self.inventory.config();
        let seen = owner.chassis.iter().filter_map(|index| config.chassis.get(usize::from(*index)));
        let seen: Vec<Box<str>> = seen.map(|chassis| chassis.name.as_str().into()).collect();
        let theirs = self.events.subscribers.iter().filter(|(_, known)| known.subscription.owner == owner.uid);
        let excessive =
            theirs.filter(|(_, known)| known.subscription.chassis.iter().any(|named| !seen.contains(named)));
        let (streams, stored): (Vec<_>, Vec<_>) = excessive.partition(|(_, known)| known.subscription.is_stream());
        let (streams, stored) = (streams.into_iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), !stored.is_empty());
        // Who reads one opens it again and finds out.
        for id in streams {
            self.unsubscribe(&id);
        }
        if stored {
            self.edit_subscriptions(SubscriptionEdit::Narrow { owner: owner.uid.clone(), chassis: seen }, None);
        }
    }

    /// What each subscription hears of, to find out whether that has changed.
    pub(in crate::service) fn reaches(&self) -> Vec<Box<[u16]>> {
        self.events.subscribers.values().map(|known| self.chassis_of(&known.subscription)).collect()
    }

    /// Chassis and grants are others than before: everyone's reach is found out anew, and what was kept under the old
    /// ones is let go.
    pub(in crate::service) fn reconsider_subscriptions(&mut self, now: Now) {
        self.events.log.clear();
        let all: Vec<SubscriptionId> = self.events.subscribers.keys().cloned().collect();
        for id in all {
            let Some(subscriber) = self.events.subscribers.get_mut(&id) else { continue };
            if let Channel::Push(push) = &mut subscriber.channel {
                push.clear();
            }
            self.alter(now, &id);
        }
    }
}

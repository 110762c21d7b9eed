//! Which chassis a subscription hears of: those that its owner saw when making it and still sees.

use super::{Channel, Service};
use crate::event::{Subscription, SubscriptionId};
use crate::time::Now;

impl Service {
    /// Indices into the configuration, ascending; none if the owner is gone.
    pub(super) fn chassis_of(&self, subscription: &Subscription) -> Box<[u16]> {
        let Some(granted) = self.inventory.grants(&subscription.owner) else {
            return Box::default();
        };
        let chassis = &self.inventory.config().chassis;
        let is_named = |index: &u16| {
            let name = chassis.get(usize::from(*index)).map(|chassis| chassis.name.as_str());
            name.is_some_and(|name| subscription.chassis.iter().any(|named| **named == *name))
        };
        granted.iter().copied().filter(is_named).collect()
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

//! Which deliveries are under way: a few at a time, in turn by who subscribed, and not all to one server.

use std::collections::BTreeMap;

use http::Uri;

use super::DeliveryId;
use crate::event::SubscriptionId;
use crate::fairness::{DELIVERIES, Turns};

/// Deliveries that are under way, and subscriptions that wait for theirs to begin.
#[derive(Debug)]
pub(super) struct Outbox {
    last: u64,
    turns: Turns<Box<str>, Waiting>,
    under_way: BTreeMap<DeliveryId, UnderWay>,
    /// How many are under way to each server.
    by_host: BTreeMap<Box<str>, usize>,
}

#[derive(Debug)]
struct Waiting {
    subscription: SubscriptionId,
    host: Box<str>,
}

#[derive(Debug)]
struct UnderWay {
    subscription: SubscriptionId,
    owner: Box<str>,
    host: Box<str>,
}

impl Default for Outbox {
    fn default() -> Self {
        let (under_way, by_host) = Default::default();
        Self { last: 0, turns: Turns::new(DELIVERIES), under_way, by_host }
    }
}

impl Outbox {
    /// Lets a subscription wait for its next delivery to begin; whether there was room for it to wait.
    pub(super) fn wait(&mut self, owner: &str, subscription: &SubscriptionId, destination: &Uri) -> bool {
        let host = destination.host().unwrap_or_default().to_ascii_lowercase().into();
        self.turns.wait(&owner.into(), Waiting { subscription: subscription.clone(), host }).is_ok()
    }

    /// The next subscription that may send, and the delivery by which it does. It is under way until it has
    /// [`ended`](Self::ended).
    pub(super) fn admit(&mut self) -> Option<(DeliveryId, SubscriptionId)> {
        let is_open = |waiting: &Waiting| self.by_host.get(&waiting.host).is_none_or(|busy| *busy < MAX_TO_ONE_HOST);
        let (owner, Waiting { subscription, host }) = self.turns.admit_of(is_open)?;
        *self.by_host.entry(host.clone()).or_default() += 1;
        self.last += 1;
        let id = DeliveryId(self.last);
        self.under_way.insert(id, UnderWay { subscription: subscription.clone(), owner, host });
        Some((id, subscription))
    }

    /// A delivery is over; whose it was.
    pub(super) fn ended(&mut self, id: DeliveryId) -> Option<SubscriptionId> {
        let UnderWay { subscription, owner, host } = self.under_way.remove(&id)?;
        self.turns.give_back(&owner);
        if let Some(busy) = self.by_host.get_mut(&host) {
            *busy -= 1;
            if *busy == 0 {
                self.by_host.remove(&host);
            }
        }
        Some(subscription)
    }

    /// A subscription does not wait any more.
    pub(super) fn withdraw(&mut self, owner: &str, subscription: &SubscriptionId) {
        self.turns.withdraw(&owner.into(), |waiting| waiting.subscription == *subscription);
    }
}

/// Deliveries to one server at a time, whoever subscribed: one that does not answer keeps those to others going.
pub(crate) const MAX_TO_ONE_HOST: usize = 8;

const _: () = assert!(MAX_TO_ONE_HOST < DELIVERIES.places, "no server may take all");

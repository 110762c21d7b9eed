//! What is wanted done about subscriptions and streams, and what came of it.

use std::time::Duration;

use crate::event::{Draft, EventId, Headers, Kind, Proposal, RetryPolicy, Subscription, SubscriptionId};

/// An open stream of events. The caller has a bounded buffer for each, and closes one whose client does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What a client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventIntent {
    /// Make a subscription.
    Subscribe(Proposal),
    /// Open a stream; with what came after an event, if the client has read up to there before.
    Open { proposal: Proposal, after: Option<EventId> },
    /// Change a subscription; only while it is as expected, if that is given.
    Change { id: SubscriptionId, expected: Option<Box<Subscription>>, change: EventChange },
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
    pub(crate) fn apply(&self, subscription: &mut Subscription) {
        if let NewContext::Is(context) = &self.context {
            subscription.context.clone_from(context);
        }
        if let Kind::Push { headers, verify_certificate, retry_policy, .. } = &mut subscription.kind {
            if let Some(new) = &self.headers {
                headers.clone_from(new);
            }
            *verify_certificate = self.verify_certificate.unwrap_or(*verify_certificate);
            *retry_policy = self.retry_policy.unwrap_or(*retry_policy);
        }
    }
}

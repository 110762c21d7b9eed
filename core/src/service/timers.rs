//! What is to happen later.

use std::collections::BTreeSet;

use crate::event::SubscriptionId;
use crate::intent::TaskId;
use crate::model::{CommandId, VmId};
use crate::time::Instant;

/// What a timeout is for, as a log would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A command has taken too long.
    GiveUp,
    /// A power state that was asked for should have been seen by now.
    Expected,
    /// A subscription is to be looked at: for another attempt, a sign of life, or because nothing was heard.
    Subscription,
    /// A task has been kept long enough.
    Task,
    /// A machine is to be looked after again.
    Reconcile,
    /// It is to be noted when sessions were last used.
    Sessions,
    /// It is to be seen which replica pushes events.
    Lease,
    /// It is to be seen whether the cluster answers.
    Probe,
    /// What is known of the cluster gets old.
    Sight,
    /// Something is to be told of an outage.
    Outage,
    /// Passwords have waited for too long, or none has been worked on for a while.
    Passwords,
    /// Tokens have waited for too long.
    Reviews,
    /// Owners of subscriptions are to be reviewed.
    Owners,
    /// What could not be stored is to be stored.
    Documents,
    /// Representations are to be let go that nobody reads any more.
    Rendered,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    GiveUp(CommandId),
    Expected(VmId),
    Subscription(SubscriptionId),
    Task(TaskId),
    Reconcile(VmId),
    Sessions,
    Lease,
    Probe,
    Sight,
    Outage,
    Passwords,
    PasswordMemory,
    Reviews,
    Owners,
    Documents,
    Rendered,
}

/// All timers, by their time. One that is no longer wanted is left to expire: what it leads to looks at the state.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    /// Takes all timers out that are like this one: what they would lead to looking at is gone for good.
    pub(super) fn cancel(&mut self, timer: &Timer) {
        self.0.retain(|(_, set)| set != timer);
    }

    /// Takes out the next timer that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Timer> {
        let (at, _) = self.0.first()?;
        if *at > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }

    pub(super) fn next(&self) -> Option<(Instant, Reason)> {
        let (at, timer) = self.0.first()?;
        let reason = match timer {
            Timer::GiveUp(_) => Reason::GiveUp,
            Timer::Expected(_) => Reason::Expected,
            Timer::Subscription(_) => Reason::Subscription,
            Timer::Task(_) => Reason::Task,
            Timer::Reconcile(_) => Reason::Reconcile,
            Timer::Sessions => Reason::Sessions,
            Timer::Lease => Reason::Lease,
            Timer::Probe => Reason::Probe,
            Timer::Sight => Reason::Sight,
            Timer::Outage => Reason::Outage,
            Timer::Rendered => Reason::Rendered,
            Timer::Passwords | Timer::PasswordMemory => Reason::Passwords,
            Timer::Reviews => Reason::Reviews,
            Timer::Owners => Reason::Owners,
            Timer::Documents => Reason::Documents,
        };
        Some((*at, reason))
    }
}

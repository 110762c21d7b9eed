//! The leadership to push events, which one of several replicas has: each sees the same things happen, and receivers want to
//! be told once.
//!
//! ```text
//!                    ours                        not renewed in time
//!   Waiting ─────────────────────▶ Holding ───────────────────────────▶ (holding, but silent)
//!      ▲  ▲                         │   ▲                                      │        │
//!      │  └──── another's ──────────┘   └──────────────── renewed ────────────┘        │
//!      └────────────────────────── another's ───────────────────────────────────────────┘
//!
//!   Alone: nothing is to be agreed on, or there is no right to: it pushes whatever others do
//! ```

use std::time::Duration;

use super::timers::Timer;
use super::{Notice, Output, Service};
use crate::model::{
    CommandError, CommandId, Completion, Leadership as Shown, LeaseGoal, LeaseRequest, Observation, Version,
};
use crate::time::{Instant, Now};

#[derive(Debug)]
pub(super) struct Election {
    /// What this replica calls itself.
    name: Box<str>,
    state: State,
    /// The request that is under way, and when it was sent.
    asked: Option<(CommandId, Instant)>,
    /// The state of the other's leadership that was seen last, since when it lasts, and for how long it may.
    seen: Option<Seen>,
    /// The state in which this replica left it when it last was its own.
    left: Option<Version>,
    /// The newest event at the last look, and the one up to which whoever has the leadership certainly lived to push.
    looked_at: u64,
    told_until: u64,
    ending: bool,
    noticed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    version: Version,
    since: Instant,
    lasts: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Alone,
    Waiting,
    Holding { until: Instant },
}

impl Election {
    /// `run` tells this replica from others.
    pub(super) fn new(run: u32) -> Self {
        Self {
            name: format!("kubevirt-redfish-{run:08x}").into(),
            state: State::Alone,
            asked: None,
            seen: None,
            left: None,
            looked_at: 0,
            told_until: 0,
            ending: false,
            noticed: false,
        }
    }

    pub(super) fn is_asking(&self, id: CommandId) -> bool {
        self.asked.is_some_and(|(asked, _)| asked == id)
    }

    /// Whether the service may not end yet.
    pub(super) fn is_ending(&self) -> bool {
        self.ending && self.asked.is_some()
    }

    /// Whether events that every replica sees are this one's to push.
    pub(super) fn is_ours(&self) -> bool {
        self.state != State::Waiting
    }

    /// Whether it may have become another's without this replica having seen it: nothing is to be sent then.
    pub(super) fn is_in_doubt(&self, now: Instant) -> bool {
        matches!(self.state, State::Holding { until } if until <= now)
    }
}

impl Service {
    /// Whether events that every replica sees are this one's to push. Who is subscribed here alone is told by it alone.
    pub(super) fn pushes(&self) -> bool {
        self.election.is_ours() || self.access.is_in_memory()
    }

    /// There are, or may be, other replicas.
    pub(super) fn request_leadership(&mut self, now: Now) {
        self.election.state = State::Waiting;
        self.request_lease(now);
    }

    /// It is time to look whose the leadership is, and to renew it if it is ours.
    pub(super) fn request_lease(&mut self, now: Now) {
        if self.election.asked.is_some() || self.election.ending {
            return;
        }
        let expired = self.election.seen.filter(|seen| seen.since + seen.lasts <= now.mono).map(|seen| seen.version);
        self.send_request(now, LeaseGoal::Hold { expired });
    }

    /// The service ends: what it has of the leadership others are to have at once.
    pub(super) fn release_leadership(&mut self, now: Now) {
        self.election.ending = true;
        if self.election.asked.is_none() && matches!(self.election.state, State::Holding { .. }) {
            self.send_request(now, LeaseGoal::Release);
        }
    }

    fn send_request(&mut self, now: Now, goal: LeaseGoal) {
        let id = self.commands.next_id();
        let interval = self.inventory.config().lease_renew_interval;
        let deadline = now.mono + ANSWERED_WITHIN.min(interval);
        self.election.asked = Some((id, now.mono));
        self.timers.set(deadline + super::commands::GRACE, Timer::GiveUp(id));
        let replica = self.election.name.clone();
        let (left, lasts) = (self.election.left, interval * EXPIRES_AFTER);
        self.outputs.push_back(Output::Lease(LeaseRequest {
            id,
            replica,
            goal,
            left,
            lasts,
            time: now.unix,
            deadline,
        }));
    }

    /// Takes in what came of a request for the lease.
    pub(super) fn lease_answered(&mut self, now: Now, result: Result<Completion, CommandError>) {
        let Some((_, sent)) = self.election.asked.take() else { return };
        let shown = result.map(|completion| {
            completion.observations.into_iter().find_map(|observation| match observation {
                Observation::Leadership(leadership) => Some(leadership),
                _ => None,
            })
        });
        match &shown {
            Ok(_) | Err(CommandError::Forbidden(_) | CommandError::Refused(_) | CommandError::Conflict(_)) => {
                self.api_answered(now, now.mono, false);
            }
            Err(_) => self.api_failed(),
        }
        let interval = self.inventory.config().lease_renew_interval;
        self.election.left = None;
        let next = match shown {
            Ok(Some(Shown { holder, version, .. })) if holder.as_ref() == Some(&self.election.name) => {
                self.election.left = Some(version);
                // Counted from before the renewal, as others count from after it.
                self.hold(sent + interval * TRUSTED_FOR);
                sent + interval
            }
            Ok(Some(Shown { version, lasts, .. })) => {
                let lasts = lasts.unwrap_or(interval * EXPIRES_AFTER).clamp(SHORTEST_LEASE, LONGEST_LEASE);
                self.another_has_it(now, version, lasts)
            }
            Err(CommandError::Forbidden(reason) | CommandError::Refused(reason)) => {
                self.election.state = State::Alone;
                if !std::mem::replace(&mut self.election.noticed, true) {
                    self.outputs.push_back(Output::Notice(Notice::LeadershipNotShared(reason)));
                }
                now.mono + ASKED_AGAIN_AFTER
            }
            Ok(None) | Err(_) => now.mono + TRIED_AGAIN_AFTER.min(interval),
        };
        if !self.election.ending {
            self.timers.set(next, Timer::Lease);
        } else if matches!(self.election.state, State::Holding { .. }) {
            self.election.state = State::Waiting;
            self.send_request(now, LeaseGoal::Release);
        }
    }

    fn hold(&mut self, until: Instant) {
        let began = self.election.state == State::Waiting;
        self.election.state = State::Holding { until };
        self.election.seen = None;
        if began && !self.election.ending && !self.access.is_in_memory() {
            self.push_since(self.election.told_until);
        }
        self.attend_all();
    }

    /// When to look again.
    fn another_has_it(&mut self, now: Now, version: Version, lasts: Duration) -> Instant {
        if self.election.state != State::Waiting {
            self.election.state = State::Waiting;
            self.election.looked_at = self.events.last_number();
            self.leave_to_others();
        }
        let since = match self.election.seen {
            Some(seen) if seen.version == version => seen.since,
            Some(_) | None => {
                // It was renewed after the last look, so its holder lived then.
                self.election.told_until = self.election.looked_at;
                self.election.seen = Some(Seen { version, since: now.mono, lasts });
                now.mono
            }
        };
        self.election.looked_at = self.events.last_number();
        let expires = since + lasts;
        let soon = now.mono + self.inventory.config().lease_renew_interval * 2 / LOOKS_IN_TWO_RENEWALS;
        if now.mono < expires { soon.min(expires) } else { soon }
    }
}

/// For how many renewals it is trusted to be ours without one: fewer than it takes others to take it.
const TRUSTED_FOR: u32 = 2;

/// For how many renewals it is its holder's without one.
const EXPIRES_AFTER: u32 = 3;

/// How often those look who have not got it: when its holder ends, another is to have it soon.
const LOOKS_IN_TWO_RENEWALS: u32 = 5;

/// What another holder may say of that, whoever wrote it.
const SHORTEST_LEASE: Duration = Duration::from_secs(3);
const LONGEST_LEASE: Duration = Duration::from_mins(10);

/// How soon it is tried again after no answer.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How often it is tried whether there is a right to share it by now.
const ASKED_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The time for one request for the lease, and no more than from one to the next.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

//! Passwords that are to be checked or hashed: each costs a processor some milliseconds and up to 64 MiB.
//!
//! ```text
//! LogIn, Hash ──▶ in the client's line ──▶ begun ─┬─▶ Output::Password ──▶ answered
//!                        │                        └─────────────────────▶ answered: nothing to compute
//!                        └──▶ refused: the line is full, or it took too long
//! ```
//!
//! The lines of the clients take turns. A client has one password at work at a time, so that there is always a place for
//! who comes next, and what an attempt is worth is found out when its turn comes: until then others may have locked the
//! account, or used up what the client may try.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::timers::Timer;
use super::{Notice, OutcomeKind, Output, Service, Ticket};
use crate::auth::{AccountEdit, Attempt, Lock, PasswordCheck, Verdict};
use crate::config::{Credential, PasswordHash, Secret};
use crate::fairness::{Bounds, Turns, client_of};
use crate::intent::{AccessEdit, PasswordOutcome};
use crate::time::{Instant, Now};

/// Work on a password: to be done where slow work does no harm, and to be reported with
/// [`Input::Password`](super::Input::Password).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordWork {
    /// Which one.
    pub id: PasswordWorkId,
    /// What is to be found out.
    pub task: PasswordTask,
}

/// Tells one work on a password from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasswordWorkId(pub u64);

/// What is to be found out about a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordTask {
    /// Whether it is the right one.
    Verify(PasswordCheck),
    /// Its hash, with a salt that is random.
    Hash(Secret),
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordResult {
    /// Whether it is the right one. Whatever goes wrong, it is not.
    Verified(bool),
    /// Its hash, in a form that [`PasswordCheck`] takes; `None` if it could not be computed.
    Hashed(Option<PasswordHash>),
}

/// Passwords that wait, and those at work.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Turns<IpAddr, Ticket>,
    waiting: BTreeMap<Ticket, Waiting>,
    at_work: BTreeMap<PasswordWorkId, AtWork>,
    last: u64,
    /// The runtime may have memory for this work, since when nothing was to be done.
    idle_since: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    client: IpAddr,
    wanted: Wanted,
    until: Instant,
}

#[derive(Debug)]
enum Wanted {
    LogIn(Attempt),
    Hash(Secret),
}

#[derive(Debug)]
struct AtWork {
    ticket: Ticket,
    client: IpAddr,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    LogIn(Attempt),
    Hash,
}

impl Default for Passwords {
    fn default() -> Self {
        let bounds =
            Bounds { places_of_one: 1, waiting_of_one: MOST_WAITING_OF_ONE, ..Bounds::of(PLACES, MOST_WAITING) };
        Self {
            turns: Turns::new(bounds),
            waiting: BTreeMap::new(),
            at_work: BTreeMap::new(),
            last: 0,
            idle_since: None,
        }
    }
}

impl Passwords {
    pub(super) fn has_waiters(&self) -> bool {
        !self.waiting.is_empty() || !self.at_work.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn begin(&mut self, at_work: AtWork) -> PasswordWorkId {
        self.last += 1;
        let id = PasswordWorkId(self.last);
        self.at_work.insert(id, at_work);
        self.idle_since = None;
        id
    }
}

impl Service {
    /// Someone wants to log in.
    pub(super) fn log_in(&mut self, now: Now, ticket: Ticket, client: IpAddr, attempt: Attempt) {
        self.wait_for_turn(now, ticket, client, Wanted::LogIn(attempt));
    }

    /// A new password is to be hashed.
    pub(super) fn hash_password(&mut self, now: Now, ticket: Ticket, client: IpAddr, password: Secret) {
        self.wait_for_turn(now, ticket, client, Wanted::Hash(password));
    }

    fn wait_for_turn(&mut self, now: Now, ticket: Ticket, client: IpAddr, wanted: Wanted) {
        let client = client_of(client);
        if self.passwords.turns.wait(&client, ticket).is_err() {
            return self.answer(ticket, OutcomeKind::Overloaded);
        }
        let until = now.mono + LONGEST_WAIT;
        self.passwords.waiting.insert(ticket, Waiting { client, wanted, until });
        self.timers.set(until, Timer::Passwords);
        self.begin_passwords(now);
    }

    /// Begins what can be begun.
    fn begin_passwords(&mut self, now: Now) {
        while let Some((client, ticket)) = self.passwords.turns.admit() {
            let begun = match self.passwords.waiting.remove(&ticket).map(|waiting| waiting.wanted) {
                Some(Wanted::LogIn(attempt)) => self.begin_log_in(now, ticket, client, attempt),
                Some(Wanted::Hash(password)) => {
                    let id = self.passwords.begin(AtWork { ticket, client, purpose: Purpose::Hash });
                    let task = PasswordTask::Hash(password);
                    self.outputs.push_back(Output::Password(PasswordWork { id, task }));
                    true
                }
                None => false,
            };
            if !begun {
                self.passwords.turns.give_back(&client);
            }
        }
    }

    /// An attempt's turn has come. Whether something is to be computed for it; otherwise it is answered.
    fn begin_log_in(&mut self, now: Now, ticket: Ticket, client: IpAddr, mut attempt: Attempt) -> bool {
        // Somebody with the same password may have been quicker.
        if let Some(account) = &attempt.account
            && self.inventory.current().is_remembered(account, &attempt.key, now.mono)
        {
            let outcome = PasswordOutcome::Right(Arc::clone(account));
            self.answer(ticket, OutcomeKind::Password(outcome));
            return false;
        }
        if let Some(until) = self.access.login_limiter().throttled_until(client, now.mono) {
            self.answer(ticket, OutcomeKind::Password(PasswordOutcome::TooManyFailures(until)));
            return false;
        }
        let policy = self.access.accounts().policy;
        // Whoever cannot log in is treated as if nobody could: it takes as long, and counts for the client alone.
        attempt.account = attempt.account.filter(|account| {
            self.may_log_in(now, account, None) && !self.access.login_limiter().is_shut(account, policy, now.mono)
        });
        self.access.login_limiter().begin(client, attempt.account.as_ref(), policy, now.mono);
        if attempt.account.is_none() {
            attempt.verdict = Verdict::Wrong;
        }
        let check = match attempt.verdict {
            Verdict::Right => None,
            Verdict::Wrong | Verdict::Open => attempt.check.clone(),
        };
        let Some(check) = check else {
            let right = attempt.verdict == Verdict::Right;
            self.end_log_in(now, ticket, client, &attempt, right);
            return false;
        };
        let id = self.passwords.begin(AtWork { ticket, client, purpose: Purpose::LogIn(attempt) });
        self.outputs.push_back(Output::Password(PasswordWork { id, task: PasswordTask::Verify(check) }));
        true
    }

    /// Work on a password is done.
    pub(super) fn password_done(&mut self, now: Now, id: PasswordWorkId, result: PasswordResult) {
        let Some(AtWork { ticket, client, purpose }) = self.passwords.at_work.remove(&id) else { return };
        self.passwords.turns.give_back(&client);
        match (purpose, result) {
            (Purpose::LogIn(attempt), result) => {
                let right = attempt.verdict == Verdict::Open && result == PasswordResult::Verified(true);
                self.end_log_in(now, ticket, client, &attempt, right);
            }
            (Purpose::Hash, PasswordResult::Hashed(Some(hash))) => {
                self.answer(ticket, OutcomeKind::Password(PasswordOutcome::Hashed(hash)));
            }
            (Purpose::Hash, _) => self.answer(ticket, OutcomeKind::Password(PasswordOutcome::NotHashed)),
        }
        self.begin_passwords(now);
        if self.passwords.at_work.is_empty() {
            self.passwords.idle_since = Some(now.mono);
            self.timers.set(now.mono + MEMORY_KEPT, Timer::PasswordMemory);
        }
    }

    /// An attempt is over: it is right if it still is now that the answer is there.
    fn end_log_in(&mut self, now: Now, ticket: Ticket, client: IpAddr, attempt: &Attempt, right: bool) {
        let hash = attempt.check.as_ref().map(|check| &check.hash).filter(|_| attempt.verdict == Verdict::Open);
        let account = attempt.account.as_ref();
        if let Some(account) = account.filter(|account| right && self.may_log_in(now, account, hash)) {
            self.access.login_limiter().succeeded(account);
            self.access.login_limiter().succeeded_from(client);
            self.inventory.remember(account, attempt.key, now.mono);
            let outcome = PasswordOutcome::Right(Arc::clone(account));
            return self.answer(ticket, OutcomeKind::Password(outcome));
        }
        self.failed_from(now, client);
        let policy = self.access.accounts().policy;
        if let Some(account) = account.filter(|account| self.access.login_limiter().failed(account, policy, now.mono)) {
            self.show_locks();
            if let Some(known) = self.inventory.current().directory.by_uid(account) {
                let (user, request) = (Arc::clone(&known.user_name), attempt.request.clone());
                let notice = Notice::AccountLocked { user, client, seconds: policy.duration, request };
                self.outputs.push_back(Output::Notice(notice));
            }
            let steady = self.inventory.current().sessions.clock.read(now);
            let until = steady.0.saturating_add(i64::from(policy.duration));
            let lock = AccountEdit::Lock { uid: Arc::clone(account), lock: Lock { until } };
            self.edit(AccessEdit::Account(lock), None);
        }
        self.answer(ticket, OutcomeKind::Password(PasswordOutcome::Wrong));
    }

    /// Whether there is an account that can log in now; with a hash, only if that is still the hash of its password.
    fn may_log_in(&self, now: Now, account: &str, hash: Option<&PasswordHash>) -> bool {
        let view = self.inventory.current();
        view.directory.by_uid(account).is_some_and(|account| {
            let same = hash.is_none_or(|hash| matches!(&account.credential, Credential::Hashed(now) if now == hash));
            account.enabled && same && !view.is_locked(account, now)
        })
    }

    /// An attempt of a client has failed.
    pub(super) fn failed_from(&mut self, now: Now, client: IpAddr) {
        if let Some(until) = self.access.login_limiter().throttled_until(client, now.mono) {
            self.inventory.throttle(client_of(client), until, now.mono);
        }
    }

    /// Lets those go who have waited for too long: their clients will not wait much longer.
    pub(super) fn expire_passwords(&mut self, now: Now) {
        let expired = |waiting: &Waiting| waiting.until <= now.mono;
        let tickets: Vec<_> =
            self.passwords.waiting.iter().filter(|(_, waiting)| expired(waiting)).map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            if let Some(Waiting { client, .. }) = self.passwords.waiting.remove(&ticket) {
                self.passwords.turns.withdraw(&client, |waiting| *waiting == ticket);
            }
            self.answer(ticket, OutcomeKind::Overloaded);
        }
    }

    /// Has memory given back that has not been needed for a while.
    pub(super) fn release_password_memory(&mut self, now: Now) {
        if self.passwords.idle_since.is_some_and(|since| since + MEMORY_KEPT <= now.mono) {
            self.passwords.idle_since = None;
            self.outputs.push_back(Output::ReleasePasswordMemory);
        }
    }
}

/// How many passwords are at work at a time, whatever number of processors there is: each takes one of them, and up to
/// 64 MiB.
const PLACES: usize = 2;

/// How many may wait in all, and of one client: more than a client may get wrong at once, and a rack of machines whose
/// passwords are right.
const MOST_WAITING: usize = 1_024;
const MOST_WAITING_OF_ONE: usize = 128;

/// How long one may wait: clients wait that long for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long the memory is kept for the next password: who guesses one after the other does not have it made anew.
const MEMORY_KEPT: Duration = Duration::from_secs(1);

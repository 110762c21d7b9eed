//! Wrong passwords: who sent them, and for which account. Keeps guessing slow without letting it lock others out.
//!
//! It counts on this replica only; that an account is locked is stored, so that it is locked everywhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Policy;
use crate::fairness::client_of;
use crate::time::Instant;

/// Wrong passwords of late, and attempts that may turn out to be.
#[derive(Debug, Default)]
pub(super) struct LoginLimiter {
    accounts: BTreeMap<Arc<str>, Failures>,
    /// Accounts that were locked here, until it is seen that this is stored.
    locks: BTreeMap<Arc<str>, Instant>,
    /// For each client the time at which it will have made up for its wrong passwords.
    clients: BTreeMap<IpAddr, Instant>,
}

#[derive(Debug)]
struct Failures {
    /// Attempts that failed, and those that have begun and may fail.
    count: u32,
    last: Instant,
}

impl LoginLimiter {
    /// Whether an account is locked, or would be if the attempts that have begun fail.
    pub(super) fn is_shut(&self, account: &str, policy: Policy, now: Instant) -> bool {
        let failures = self.accounts.get(account).filter(|failures| !failures.are_forgotten(policy, now));
        let spent = failures.is_some_and(|failures| failures.count >= policy.threshold);
        self.locked_until(account, now).is_some() || (policy.locks() && spent)
    }

    /// Until when an account is locked here.
    pub(super) fn locked_until(&self, account: &str, now: Instant) -> Option<Instant> {
        self.locks.get(account).copied().filter(|until| now < *until)
    }

    /// An attempt begins. It counts as one that fails until it is seen that it does not.
    pub(super) fn begin(&mut self, client: IpAddr, account: Option<&Arc<str>>, policy: Policy, now: Instant) {
        self.begin_from(client, now);
        let Some(account) = account else { return };
        if self.accounts.len() >= MAX_ACCOUNTS {
            self.accounts.retain(|_, failures| !failures.are_forgotten(policy, now));
        }
        let failures = self.accounts.entry(Arc::clone(account)).or_insert(Failures { count: 0, last: now });
        if failures.are_forgotten(policy, now) {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// An attempt of a client begins.
    pub(super) fn begin_from(&mut self, client: IpAddr, now: Instant) {
        let client = client_of(client);
        if self.clients.len() >= MAX_CLIENTS {
            self.clients.retain(|_, even| *even > now);
        }
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client) {
            // So many at once: who has the least to make up for is let go.
            let least = self.clients.iter().min_by_key(|(_, even)| **even).map(|(client, _)| *client);
            if let Some(least) = least {
                self.clients.remove(&least);
            }
        }
        let even = self.clients.entry(client).or_insert(now);
        *even = (*even).max(now) + EACH_COSTS;
    }

    /// An attempt of a client has succeeded, and costs it nothing.
    pub(super) fn succeeded_from(&mut self, client: IpAddr) {
        if let Some(even) = self.clients.get_mut(&client_of(client)) {
            *even = even.earlier(EACH_COSTS);
        }
    }

    /// An attempt has failed. Whether the account is to be locked for it.
    pub(super) fn failed(&mut self, account: &Arc<str>, policy: Policy, now: Instant) -> bool {
        let failures = self.accounts.get(account);
        let lock = policy.locks() && failures.is_some_and(|failures| failures.count >= policy.threshold);
        if lock {
            self.accounts.remove(account);
            self.locks.retain(|_, until| now < *until);
            self.locks.insert(Arc::clone(account), now + Duration::from_secs(u64::from(policy.duration)));
        }
        lock
    }

    /// A right password makes up for the wrong ones before it.
    pub(super) fn succeeded(&mut self, account: &str) {
        self.accounts.remove(account);
    }

    /// That an account is locked is stored: what is stored says from now on until when.
    pub(super) fn lock_is_stored(&mut self, account: &str) {
        self.locks.remove(account);
    }

    /// An account is as good as one that was never guessed at.
    pub(super) fn forgive(&mut self, account: &str) {
        self.accounts.remove(account);
        self.locks.remove(account);
    }

    /// Accounts that are locked here, and until when.
    pub(super) fn locks(&self) -> impl Iterator<Item = (&Arc<str>, Instant)> {
        self.locks.iter().map(|(account, until)| (account, *until))
    }

    /// Until when a client is not to try again, if too many of its attempts have failed.
    pub(super) fn throttled_until(&self, client: IpAddr, now: Instant) -> Option<Instant> {
        let excess_time = self.clients.get(&client_of(client))?.saturating_since(now);
        excess_time.checked_sub(MAX_DEBT).filter(|excess| !excess.is_zero()).map(|excess| now + excess)
    }
}

impl Failures {
    fn are_forgotten(&self, policy: Policy, now: Instant) -> bool {
        now.saturating_since(self.last) >= Duration::from_secs(u64::from(policy.reset_after))
    }
}

/// A client may send a wrong password every so often for ever …
const EACH_COSTS: Duration = Duration::from_secs(2);

/// … and thirty at once: a rack of machines behind one address whose password has just changed.
const MAX_DEBT: Duration = Duration::from_mins(1);

/// How many clients are kept account of.
const MAX_CLIENTS: usize = 4_096;

/// How many accounts are; there are not many more.
const MAX_ACCOUNTS: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::new(Duration::from_secs(seconds))
    }

    /// An attempt that fails; until when its client is to wait.
    fn wrong_from(login_limiter: &mut LoginLimiter, client: IpAddr, now: Instant) -> Option<Instant> {
        login_limiter.begin_from(client, now);
        login_limiter.throttled_until(client, now)
    }

    #[test]
    fn a_client_that_guesses_is_slowed_down_and_others_are_not() {
        let mut login_limiter = LoginLimiter::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!((0..30).all(|_| wrong_from(&mut login_limiter, one, at(100)).is_none()));
        assert_eq!(wrong_from(&mut login_limiter, one, at(100)), Some(at(102)));
        assert_eq!(wrong_from(&mut login_limiter, other, at(100)), None);
        assert_eq!(wrong_from(&mut login_limiter, one, at(200)), None);
    }

    #[test]
    fn an_attempt_that_succeeds_costs_nothing() {
        let mut login_limiter = LoginLimiter::default();
        let client = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..100 {
            login_limiter.begin_from(client, at(100));
            login_limiter.succeeded_from(client);
        }
        assert!((0..30).all(|_| wrong_from(&mut login_limiter, client, at(100)).is_none()));
        assert_eq!(wrong_from(&mut login_limiter, client, at(100)), Some(at(102)));
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let of = |text: &str| client_of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[test]
    fn an_account_is_locked_by_wrong_passwords_in_a_row() {
        let policy = Policy { threshold: 3, duration: 60, reset_after: 10 };
        let account: Arc<str> = "a".into();
        let client = IpAddr::from([10, 0, 0, 1]);
        let mut login_limiter = LoginLimiter::default();
        let wrong = |login_limiter: &mut LoginLimiter, policy, now| {
            login_limiter.begin(client, Some(&account), policy, now);
            login_limiter.failed(&account, policy, now)
        };
        assert!(!wrong(&mut login_limiter, policy, at(0)));
        assert!(!wrong(&mut login_limiter, policy, at(1)));
        assert!(!wrong(&mut login_limiter, policy, at(11)), "the first two are forgotten");
        assert!(!wrong(&mut login_limiter, policy, at(12)));
        assert!(wrong(&mut login_limiter, policy, at(13)));
        assert_eq!(login_limiter.locked_until("a", at(72)), Some(at(73)));
        assert_eq!(login_limiter.locked_until("a", at(73)), None);
        login_limiter.forgive("a");
        assert!(!login_limiter.is_shut("a", policy, at(13)));
        let never = Policy { threshold: 0, ..policy };
        assert!(
            (0..100).all(|_| !wrong(&mut login_limiter, never, at(20)) && !login_limiter.is_shut("a", never, at(20)))
        );
    }

    /// D6: an attempt counts from its beginning.
    #[test]
    fn attempts_at_the_same_time_are_not_more_than_one_after_the_other() {
        let policy = Policy { threshold: 3, duration: 60, reset_after: 10 };
        let account: Arc<str> = "a".into();
        let mut login_limiter = LoginLimiter::default();
        for number in 0..3 {
            assert!(!login_limiter.is_shut("a", policy, at(0)));
            login_limiter.begin([10, 0, 0, number].into(), Some(&account), policy, at(0));
        }
        assert!(login_limiter.is_shut("a", policy, at(0)), "they may all fail");
        login_limiter.succeeded("a");
        assert!(!login_limiter.is_shut("a", policy, at(0)), "one did not");
    }

    #[test]
    fn the_tables_are_bounded() {
        let mut login_limiter = LoginLimiter::default();
        for number in 0..u32::try_from(MAX_CLIENTS).unwrap() + 100 {
            wrong_from(&mut login_limiter, IpAddr::from(number.to_be_bytes()), at(1));
        }
        assert_eq!(login_limiter.clients.len(), MAX_CLIENTS);
    }
}

//! Wrong passwords: who sent them, and for which account. Keeps guessing slow without letting it lock others out.
//!
//! It counts on this replica only; that an account is locked is stored, so that it is locked everywhere.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Policy;
use crate::time::Instant;

/// Wrong passwords of late.
#[derive(Debug, Default)]
pub(super) struct Guard {
    accounts: BTreeMap<Arc<str>, Failures>,
    /// For each client the time at which it will have made up for its wrong passwords.
    clients: BTreeMap<IpAddr, Instant>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

/// What an address counts as: an IPv6 client has a network of its own to choose addresses from.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Guard {
    /// Counts a wrong password for an account; whether the account is to be locked for it.
    pub(super) fn wrong_password(&mut self, account: &Arc<str>, policy: Policy, now: Instant) -> bool {
        let reset_after = Duration::from_secs(u64::from(policy.reset_after));
        if self.accounts.len() >= MAX_ACCOUNTS {
            self.accounts.retain(|_, failures| now.saturating_since(failures.last) < reset_after);
        }
        let failures = self.accounts.entry(Arc::clone(account)).or_insert(Failures { count: 0, last: now });
        if now.saturating_since(failures.last) >= reset_after {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        let lock = policy.threshold > 0 && failures.count >= policy.threshold;
        if lock {
            self.accounts.remove(account);
        }
        lock
    }

    /// A right password makes up for the wrong ones before it.
    pub(super) fn right_password(&mut self, account: &str) {
        self.accounts.remove(account);
    }

    /// Counts a wrong password from a client; until when it is not to try again, if it sent too many.
    pub(super) fn wrong_from(&mut self, client: IpAddr, now: Instant) -> Option<Instant> {
        let client = client_of(client);
        if self.clients.len() >= MAX_CLIENTS {
            self.clients.retain(|_, even| *even > now);
        }
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client) {
            // So many at once: who has the least to make up for is let go.
            let least = self.clients.iter().min_by_key(|(_, even)| **even).map(|(client, _)| *client);
            self.clients.remove(&least?);
        }
        let even = self.clients.entry(client).or_insert(now);
        *even = (*even).max(now) + EACH_COSTS;
        let debt = even.saturating_since(now);
        debt.checked_sub(MAX_DEBT).filter(|excess| !excess.is_zero()).map(|excess| now + excess)
    }
}

/// A client may send a wrong password every so often for ever …
const EACH_COSTS: Duration = Duration::from_secs(2);

/// … and thirty at once: a rack of machines behind one address whose password has just changed.
const MAX_DEBT: Duration = Duration::from_mins(1);

/// How many clients are kept account of.
const MAX_CLIENTS: usize = 4_096;

/// How many accounts are; there are not many more.
const MAX_ACCOUNTS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::new(Duration::from_secs(seconds))
    }

    #[test]
    fn a_client_that_guesses_is_slowed_down_and_others_are_not() {
        let mut guard = Guard::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!((0..30).all(|_| guard.wrong_from(one, at(100)).is_none()));
        assert_eq!(guard.wrong_from(one, at(100)), Some(at(102)));
        assert_eq!(guard.wrong_from(other, at(100)), None);
        assert_eq!(guard.wrong_from(one, at(200)), None);
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
        let mut guard = Guard::default();
        assert!(!guard.wrong_password(&account, policy, at(0)));
        assert!(!guard.wrong_password(&account, policy, at(1)));
        assert!(!guard.wrong_password(&account, policy, at(11)), "the first two are forgotten");
        assert!(!guard.wrong_password(&account, policy, at(12)));
        assert!(guard.wrong_password(&account, policy, at(13)));
        guard.right_password(&account);
        let never = Policy { threshold: 0, ..policy };
        assert!((0..100).all(|_| !guard.wrong_password(&account, never, at(20))));
    }

    #[test]
    fn the_tables_are_bounded() {
        let mut guard = Guard::default();
        for number in 0..u32::try_from(MAX_CLIENTS).unwrap() + 100 {
            guard.wrong_from(IpAddr::from(number.to_be_bytes()), at(1));
        }
        assert_eq!(guard.clients.len(), MAX_CLIENTS);
    }
}

//! From a user name and a password to an account, at the price of a keyed hash for whoever was right a moment ago.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use subtle::ConstantTimeEq as _;

use super::mac::{Keyed, first_8};
use super::{Account, BasicCredentials, Directory, TokenKey};
use crate::config::{Credential, PasswordHash, Secret};
use crate::model::{BearerToken, CorrelationId};
use crate::time::Instant;

/// What came of looking at credentials.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// They were found right a moment ago, and nothing that counts has changed since.
    Remembered(Arc<Account>),
    /// They have to be checked, which counts as an attempt.
    Unverified(Attempt),
}

/// An attempt to log in with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The `uid` of the account that the password would be for; `None` if nobody could log in with that user name.
    pub(crate) account: Option<Arc<str>>,
    /// What the credentials are remembered by if they are right.
    pub(crate) key: CredentialKey,
    /// What is known without computing anything.
    pub(crate) verdict: Verdict,
    /// What is to be computed. For credentials that are known to be wrong it is computed all the same, so that the time
    /// taken does not tell which names there are.
    pub(crate) check: Option<PasswordCheck>,
    /// The request that it comes with, for the log.
    pub(crate) request: Option<CorrelationId>,
}

/// What is known of a password before any hash is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    /// The check says whether it is right.
    Open,
}

/// A password and the hash to check it against. Takes milliseconds of computing on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordCheck {
    /// bcrypt's modular form or the PHC string of argon2.
    pub hash: PasswordHash,
    /// What the client sent.
    pub password: Secret,
}

/// A password that was found right, and when it was last used: written by every request that uses it, on any thread.
#[derive(Debug)]
pub(crate) struct Remembered {
    key: CredentialKey,
    /// In seconds of the monotonic clock.
    used: AtomicU64,
}

impl Remembered {
    pub(crate) fn new(key: CredentialKey, now: Instant) -> Self {
        Self { key, used: AtomicU64::new(now.since_start().as_secs()) }
    }

    /// Whether these credentials are the ones, and were used lately. Using them keeps them remembered.
    pub(crate) fn recognises(&self, key: &CredentialKey, now: Instant) -> bool {
        let now = now.since_start().as_secs();
        let used = self.used.load(Ordering::Relaxed);
        let recognised = self.key == *key && now.saturating_sub(used) < REMEMBERED_FOR;
        if recognised && used < now {
            self.used.fetch_max(now, Ordering::Relaxed);
        }
        recognised
    }
}

/// A keyed hash of a user name, a password and what it is checked against. It remembers a password that was checked
/// without keeping the password, and is void as soon as the account's password or hash is another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CredentialKey([u8; 32]);

impl fmt::Debug for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Checks credentials against accounts.
pub(crate) struct Authenticator {
    key: Keyed,
    /// The hashes of all accounts, to spend time on where there is none to check.
    hashes: Box<[PasswordHash]>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

impl Authenticator {
    /// `key` is secret and random; with it remembered credentials are hashed.
    pub(crate) fn new(directory: &Directory, key: [u8; 32]) -> Self {
        let hashes = directory.accounts().filter_map(|account| match &account.credential {
            Credential::Hashed(hash) => Some(hash.clone()),
            Credential::Plain(_) => None,
        });
        Self { key: Keyed::new(&key), hashes: hashes.collect() }
    }

    /// `is_remembered` tells whether a credential of an account has been found right before. Whether the account is locked
    /// is found out when the attempt is made: whoever was right a moment ago stays right while others guess.
    pub(crate) fn check(
        &self,
        directory: &Directory,
        credentials: BasicCredentials,
        is_remembered: impl FnOnce(&Account, &CredentialKey) -> bool,
    ) -> Login {
        let BasicCredentials { user_name, password } = credentials;
        let is_possible = password.expose().len() <= LONGEST_TRIED;
        let found = directory.by_name(&user_name).filter(|_| is_possible);
        let key = self.credential_key(&user_name, &password, found.map(|account| &account.credential));
        // One that is disabled is to look as if the password were wrong, also in the time that it takes.
        let account = found.filter(|account| account.enabled);
        if let Some(account) = account.filter(|account| is_remembered(account, &key)) {
            return Login::Remembered(Arc::clone(account));
        }
        let pretence = |password: Secret| self.pretence(&user_name).map(|hash| PasswordCheck { hash, password });
        let (verdict, check) = match found.map(|account| &account.credential) {
            Some(Credential::Plain(secret)) => {
                let right = bool::from(secret.expose().ct_eq(password.expose()));
                (if right { Verdict::Right } else { Verdict::Wrong }, pretence(password))
            }
            Some(Credential::Hashed(hash)) => (Verdict::Open, Some(PasswordCheck { hash: hash.clone(), password })),
            // What is too long is not kept while it waits.
            None if is_possible => (Verdict::Wrong, pretence(password)),
            None => (Verdict::Wrong, pretence(Secret::new(b""))),
        };
        let account = account.map(|account| Arc::clone(&account.uid));
        Login::Unverified(Attempt { account, key, verdict, check, request: None })
    }

    /// What a bearer token is known by once it has been reviewed.
    pub(crate) fn token_key(&self, token: &BearerToken) -> TokenKey {
        TokenKey::new(&self.key, token)
    }

    /// What is known to be wrong takes as long as what has to be found out: as long as some account's hash, for each name
    /// always the same one, so that no name stands out.
    fn pretence(&self, user_name: &str) -> Option<PasswordHash> {
        let drawn = self.key.hmac(&[b"time", user_name.as_bytes()]);
        let number = u64::from_be_bytes(first_8(drawn));
        let index = usize::try_from(number % self.hashes.len().max(1) as u64).unwrap_or_default();
        self.hashes.get(index).cloned()
    }

    fn credential_key(&self, user_name: &str, password: &Secret, credential: Option<&Credential>) -> CredentialKey {
        let (kind, checked_against): (&[u8], &[u8]) = match credential {
            Some(Credential::Plain(secret)) => (b"plain", secret.expose()),
            Some(Credential::Hashed(hash)) => (b"hashed", hash.as_str().as_bytes()),
            None => (b"none", b""),
        };
        CredentialKey(self.key.hmac(&[kind, user_name.as_bytes(), checked_against, password.expose()]))
    }
}

/// For how many seconds after its last use a password that was found right is not checked again: longer than any client
/// waits between two polls. It is forgotten at once when the account is changed.
const REMEMBERED_FOR: u64 = 1_800;

/// No password is longer, in bytes: what is longer is wrong, and is not hashed.
const LONGEST_TRIED: usize = 1_024;

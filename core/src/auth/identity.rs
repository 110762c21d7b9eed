//! Who is asking: from credentials to an identity, at the price of a hash for those who were checked before.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::mac::{first_8, hmac};
use super::session::SessionId;
use super::{Account, BasicCredentials, Directory, ExternalUser, Privilege, Privileges, TokenKey};
use crate::config::{Credential, PasswordHash};
use crate::model::BearerToken;
use crate::time::UnixTime;

/// Someone who proved who they are: what they may do, and to which chassis.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    who: Who,
    /// The chassis they see: indices into [`Config::chassis`](crate::config::Config::chassis), ascending.
    pub(crate) chassis: Arc<[u16]>,
    /// The session that they prove it with, if it is one.
    pub(crate) session: Option<SessionId>,
}

#[derive(Clone, Debug)]
enum Who {
    /// Someone with an account: they may do the same to all of their chassis.
    Account(Arc<Account>),
    /// Someone whom the cluster vouches for: they may do something else to each.
    External(Arc<ExternalUser>),
}

/// What a request is about, as far as it decides what its sender may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent<'a> {
    /// No chassis in particular: what somebody may do to any of theirs, they may do here.
    Service,
    /// What is in any of these chassis: a system and what belongs to it.
    In(&'a [u16]),
    /// What reaches all of these chassis: an account, a session, a subscription.
    Reaching(&'a [u16]),
}

impl Identity {
    /// Someone who logged in to an account.
    pub(crate) fn of(account: &Arc<Account>) -> Self {
        Self { chassis: Arc::clone(&account.chassis), who: Who::Account(Arc::clone(account)), session: None }
    }

    /// Someone whom the cluster vouches for.
    pub(crate) fn of_external(user: &Arc<ExternalUser>) -> Self {
        Self { chassis: Arc::clone(&user.chassis), who: Who::External(Arc::clone(user)), session: None }
    }

    /// The same in a session.
    pub(crate) fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// The same who looks at one chassis alone.
    pub(crate) fn within(&self, chassis: u16) -> Self {
        Self { chassis: [chassis].into(), ..self.clone() }
    }

    /// Their account, if they have one.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        match &self.who {
            Who::Account(account) => Some(account),
            Who::External(_) => None,
        }
    }

    /// What tells them from everyone else, by which what they make is theirs.
    pub(crate) fn uid(&self) -> &str {
        match &self.who {
            Who::Account(account) => &account.uid,
            Who::External(user) => &user.uid,
        }
    }

    /// The privileges that they have over what a request is about.
    pub(crate) fn privileges(&self, extent: Extent<'_>) -> Privileges {
        let everywhere = match &self.who {
            Who::Account(account) => account.privileges,
            Who::External(user) => user.privileges(),
        };
        let over = |index: &u16| match &self.who {
            _ if !self.chassis.contains(index) => Privileges::default(),
            Who::Account(account) => account.privileges,
            Who::External(user) => user.privileges_over(*index),
        };
        match extent {
            Extent::Service => everywhere,
            Extent::In(chassis) => chassis.iter().map(over).fold(Privileges::default(), Privileges::union),
            Extent::Reaching(chassis) => chassis.iter().map(over).fold(everywhere, Privileges::intersection),
        }
    }

    /// Whether they have a privilege over everything that reaches these chassis.
    pub(crate) fn has_over_all(&self, privilege: Privilege, chassis: &[u16]) -> bool {
        self.privileges(Extent::Reaching(chassis)).has(privilege)
    }

    /// The chassis over which they have a privilege.
    pub(crate) fn chassis_with(&self, privilege: Privilege) -> impl Iterator<Item = u16> {
        self.chassis.iter().copied().filter(move |index| self.privileges(Extent::In(&[*index])).has(privilege))
    }

    /// Whether any of `chassis` is among those granted.
    pub(crate) fn sees_any(&self, chassis: &[u16]) -> bool {
        chassis.iter().any(|index| self.chassis.contains(index))
    }

    /// Whether all of `chassis` are among those granted.
    pub(crate) fn sees_all(&self, chassis: &[u16]) -> bool {
        chassis.iter().all(|index| self.chassis.contains(index))
    }
}

/// What came of looking at credentials.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// They are right.
    Accepted(Arc<Account>),
    /// They are wrong. `account` is whose password was to be guessed, if it is one that can log in. Where there is a hash,
    /// it is to be computed all the same, so that the time taken does not tell which names there are.
    Refused { account: Option<Arc<Account>>, hash: Option<PasswordHash> },
    /// A hash has to be computed first.
    Unverified { hash: PasswordHash, account: Arc<Account>, key: CredentialKey },
}

/// A keyed hash of a user name, a password and what it is checked against. It remembers a password that was checked
/// without keeping the password, and is void as soon as the account's hash is another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CredentialKey([u8; 32]);

impl fmt::Debug for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Checks credentials against accounts.
pub(crate) struct Authenticator {
    key: [u8; 32],
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
        Self { key, hashes: hashes.collect() }
    }

    /// `is_remembered` tells whether a credential has been found right before.
    pub(crate) fn check(
        &self,
        directory: &Directory,
        credentials: &BasicCredentials,
        now: UnixTime,
        is_remembered: impl FnOnce(&CredentialKey) -> bool,
    ) -> Login {
        let found = directory.by_name(&credentials.user_name);
        // One that is disabled or locked is to look as if the password were wrong, also in the time that it takes.
        let may_log_in = found.filter(|account| account.enabled && !account.is_locked(now));
        match found.map(|account| &account.credential) {
            Some(Credential::Plain(password)) => {
                let right = bool::from(password.expose().ct_eq(credentials.password.expose()));
                match may_log_in.filter(|_| right) {
                    Some(account) => Login::Accepted(Arc::clone(account)),
                    None => self.refused(credentials, may_log_in),
                }
            }
            Some(Credential::Hashed(hash)) => {
                let key = self.credential_key(credentials, hash);
                match may_log_in {
                    Some(account) if is_remembered(&key) => Login::Accepted(Arc::clone(account)),
                    Some(account) => Login::Unverified { hash: hash.clone(), account: Arc::clone(account), key },
                    None => Login::Refused { account: None, hash: Some(hash.clone()) },
                }
            }
            None => self.refused(credentials, None),
        }
    }

    /// What a bearer token is known by once it has been reviewed.
    pub(crate) fn token_key(&self, token: &BearerToken) -> TokenKey {
        TokenKey::new(&self.key, token)
    }

    /// What is known to be wrong takes as long as what has to be found out: as long as some account's hash, for each name
    /// always the same one, so that no name stands out.
    fn refused(&self, credentials: &BasicCredentials, account: Option<&Arc<Account>>) -> Login {
        let drawn = hmac(&self.key, &[b"time", credentials.user_name.as_bytes()]);
        let number = u64::from_be_bytes(first_8(drawn));
        let index = usize::try_from(number % self.hashes.len().max(1) as u64).unwrap_or_default();
        Login::Refused { account: account.cloned(), hash: self.hashes.get(index).cloned() }
    }

    fn credential_key(&self, credentials: &BasicCredentials, hash: &PasswordHash) -> CredentialKey {
        let parts = [credentials.user_name.as_bytes(), hash.as_str().as_bytes(), credentials.password.expose()];
        CredentialKey(hmac(&self.key, &parts))
    }
}

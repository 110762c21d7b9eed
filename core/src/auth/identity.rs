//! Who is asking: from credentials to an identity, at the price of a hash for those who were checked before.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::mac::hmac;
use super::session::SessionId;
use super::{Account, BasicCredentials, Directory, Privilege};
use crate::config::{Credential, PasswordHash};
use crate::time::UnixTime;

/// Someone who proved who they are: what they may do, and which chassis they see.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) account: Arc<Account>,
    /// Indices into [`Config::chassis`](crate::config::Config::chassis), ascending.
    pub(crate) chassis: Arc<[u16]>,
    /// The session that they prove it with, if it is one.
    pub(crate) session: Option<SessionId>,
}

impl Identity {
    /// Someone who logged in to an account.
    pub(crate) fn of(account: &Arc<Account>) -> Self {
        Self { chassis: Arc::clone(&account.chassis), account: Arc::clone(account), session: None }
    }

    /// The same in a session.
    pub(crate) fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Whether they have a privilege.
    pub(crate) fn has(&self, privilege: Privilege) -> bool {
        self.account.privileges.has(privilege)
    }

    /// Whether any of `chassis` is among those granted.
    pub(crate) fn sees_any(&self, chassis: &[u16]) -> bool {
        chassis.iter().any(|index| self.chassis.contains(index))
    }

    /// Whether all of `chassis` are among those granted: only then may they deal with an account that sees these.
    pub(crate) fn sees_all(&self, chassis: &[u16]) -> bool {
        chassis.iter().all(|index| self.chassis.contains(index))
    }
}

/// What came of looking at credentials.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// They are right.
    Accepted(Identity),
    /// They are wrong.
    Refused,
    /// A hash has to be computed first. `account` is whose it is; `None` if nobody can log in with that name, and the
    /// hash is computed all the same, so that the time taken does not tell which names exist.
    Unverified { hash: PasswordHash, account: Option<Arc<Account>>, key: CredentialKey },
}

/// A keyed hash of a user name, a password and what it is checked against. It remembers a password that was checked
/// without keeping the password, and is void as soon as the account's hash is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CredentialKey([u8; 32]);

/// Checks credentials against accounts.
#[derive(Debug)]
pub(crate) struct Authenticator {
    key: [u8; 32],
    /// Some account's hash, to spend time on when there is no such account.
    any_hash: Option<PasswordHash>,
}

impl Authenticator {
    /// `key` is secret and random; with it remembered credentials are hashed.
    pub(crate) fn new(directory: &Directory, key: [u8; 32]) -> Self {
        let any_hash = directory.accounts().find_map(|account| match &account.credential {
            Credential::Hashed(hash) => Some(hash.clone()),
            Credential::Plain(_) => None,
        });
        Self { key, any_hash }
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
                    Some(account) => Login::Accepted(Identity::of(account)),
                    None => Login::Refused,
                }
            }
            Some(Credential::Hashed(hash)) => {
                let key = self.credential_key(credentials, hash);
                match may_log_in {
                    Some(account) if is_remembered(&key) => Login::Accepted(Identity::of(account)),
                    _ => Login::Unverified { hash: hash.clone(), account: may_log_in.cloned(), key },
                }
            }
            None => match &self.any_hash {
                Some(hash) => {
                    let key = self.credential_key(credentials, hash);
                    Login::Unverified { hash: hash.clone(), account: None, key }
                }
                None => Login::Refused,
            },
        }
    }

    fn credential_key(&self, credentials: &BasicCredentials, hash: &PasswordHash) -> CredentialKey {
        let parts = [credentials.user_name.as_bytes(), hash.as_str().as_bytes(), credentials.password.expose()];
        CredentialKey(hmac(&self.key, &parts))
    }
}

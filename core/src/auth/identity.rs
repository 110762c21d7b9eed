//! Who is asking: from credentials to an identity, at the price of a hash for those who were checked before.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{BasicCredentials, Role};
use crate::config::{Account, Config, Credential, PasswordHash};

/// Someone who proved who they are: what they may do, and which chassis they see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user_name: Arc<str>,
    pub(crate) role: Role,
    /// Indices into [`Config::chassis`], ascending.
    pub(crate) chassis: Arc<[u16]>,
}

impl Identity {
    /// Whether any of `chassis` is among those granted.
    pub(crate) fn sees_any(&self, chassis: &[u16]) -> bool {
        chassis.iter().any(|index| self.chassis.contains(index))
    }

    fn of(account: &Account, config: &Config) -> Self {
        let mut chassis: Vec<u16> = account
            .chassis
            .iter()
            .filter_map(|name| config.chassis.iter().position(|chassis| chassis.name == *name))
            .filter_map(|index| u16::try_from(index).ok())
            .collect();
        chassis.sort_unstable();
        chassis.dedup();
        Self { user_name: account.user_name.as_str().into(), role: account.role, chassis: chassis.into() }
    }
}

/// What came of looking at credentials.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// They are right.
    Accepted(Identity),
    /// They are wrong.
    Refused,
    /// A hash has to be computed first. `identity` is who it would be; `None` if there is no such account, and the
    /// hash is computed all the same, so that the time taken does not tell which names exist.
    Unverified { hash: PasswordHash, identity: Option<Identity>, key: CredentialKey },
}

/// A keyed hash of a user name, a password and what it is checked against. It remembers a password that was checked
/// without keeping the password, and is void as soon as the account's hash is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CredentialKey([u8; 32]);

/// Checks credentials against the accounts of a configuration.
#[derive(Debug)]
pub(crate) struct Authenticator {
    key: [u8; 32],
    /// In the order of [`Config::accounts`].
    identities: Vec<Identity>,
    /// Some account's hash, to spend time on when there is no such account.
    any_hash: Option<PasswordHash>,
}

impl Authenticator {
    /// `key` is secret and random; with it remembered credentials are hashed.
    pub(crate) fn new(config: &Config, key: [u8; 32]) -> Self {
        let any_hash = config.accounts.iter().find_map(|account| match &account.credential {
            Credential::Hashed(hash) => Some(hash.clone()),
            Credential::Plain(_) => None,
        });
        let identities = config.accounts.iter().map(|account| Identity::of(account, config)).collect();
        Self { key, identities, any_hash }
    }

    /// The account of that name as it is now.
    pub(crate) fn identity(&self, user_name: &str) -> Option<&Identity> {
        self.identities.iter().find(|identity| *identity.user_name == *user_name)
    }

    /// `is_remembered` tells whether a credential has been found right before.
    pub(crate) fn check(
        &self,
        config: &Config,
        credentials: &BasicCredentials,
        is_remembered: impl FnOnce(&CredentialKey) -> bool,
    ) -> Login {
        let found = config
            .accounts
            .iter()
            .zip(&self.identities)
            .find(|(account, _)| account.user_name == credentials.user_name);
        match found.map(|(account, identity)| (&account.credential, identity)) {
            Some((Credential::Plain(password), identity)) => {
                if bool::from(password.expose().ct_eq(credentials.password.expose())) {
                    Login::Accepted(identity.clone())
                } else {
                    Login::Refused
                }
            }
            Some((Credential::Hashed(hash), identity)) => {
                let key = self.credential_key(credentials, hash);
                if is_remembered(&key) {
                    Login::Accepted(identity.clone())
                } else {
                    Login::Unverified { hash: hash.clone(), identity: Some(identity.clone()), key }
                }
            }
            None => match &self.any_hash {
                Some(hash) => {
                    let key = self.credential_key(credentials, hash);
                    Login::Unverified { hash: hash.clone(), identity: None, key }
                }
                None => Login::Refused,
            },
        }
    }

    fn credential_key(&self, credentials: &BasicCredentials, hash: &PasswordHash) -> CredentialKey {
        // HMAC takes keys of any length, so this cannot fail; without it nothing would be remembered wrongly.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return CredentialKey(self.key);
        };
        for part in [credentials.user_name.as_bytes(), hash.as_str().as_bytes(), credentials.password.expose()] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        CredentialKey(mac.finalize().into_bytes().into())
    }
}

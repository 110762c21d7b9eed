//! Accounts: those of the configuration and those that were made over Redfish, and what becomes of the latter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::mac::Entropy;
use super::{EditError, Edited, Privileges, Role, merged};
use crate::config::{ChassisName, Config, Credential, PasswordHash};
use crate::model::LONGEST_DOCUMENT;
use crate::network::NetworkSettings;
use crate::time::UnixTime;

/// Someone who may log in.
#[derive(Debug)]
pub(crate) struct Account {
    /// The last segment of its URI; stays as it is when the user name changes.
    pub(crate) id: Arc<str>,
    /// Tells it from an account of the same name that is made later.
    pub(crate) uid: Arc<str>,
    pub(crate) user_name: Arc<str>,
    pub(crate) credential: Credential,
    pub(crate) role_name: Arc<str>,
    /// `None` if the configuration no longer has the role; then it may do nothing.
    pub(crate) role: Option<Role>,
    pub(crate) privileges: Privileges,
    /// Indices into [`Config::chassis`], ascending.
    pub(crate) chassis: Arc<[u16]>,
    pub(crate) enabled: bool,
    pub(crate) password_change_required: bool,
    pub(crate) lock: Option<Lock>,
    /// What is stored of it; `None` for one of the configuration's, which cannot be changed here.
    pub(crate) stored: Option<Arc<StoredAccount>>,
}

impl Account {
    /// Whether too many wrong passwords keep it from logging in.
    pub(crate) fn is_locked(&self, now: UnixTime, policy: Policy) -> bool {
        self.lock.is_some_and(|lock| lock.holds(now, policy))
    }
}

/// Every account, by all that one is looked for by.
#[derive(Debug)]
pub(crate) struct Directory {
    by_id: BTreeMap<Arc<str>, Arc<Account>>,
    by_uid: BTreeMap<Arc<str>, Arc<Account>>,
    by_name: BTreeMap<Arc<str>, Arc<Account>>,
    pub(crate) policy: Policy,
}

impl Directory {
    /// The accounts of the configuration and those of the document. Of two with the same name the configuration's
    /// counts, so that nobody can take its place.
    pub(crate) fn new(config: &Config, content: &AccountsContent) -> Self {
        let mut directory =
            Self { by_id: BTreeMap::new(), by_uid: BTreeMap::new(), by_name: BTreeMap::new(), policy: content.policy };
        for account in &config.accounts {
            let id = unused_id(&account.user_name, |id| directory.by_id.contains_key(id));
            let uid = configured_uid(&account.user_name);
            directory.insert(Account {
                id: id.into(),
                user_name: account.user_name.as_str().into(),
                credential: account.credential.clone(),
                role_name: account.role.name(config).into(),
                role: Some(account.role),
                privileges: account.role.privileges(config),
                chassis: chassis_indices(account.chassis.iter().map(ChassisName::as_str), config),
                enabled: true,
                password_change_required: false,
                lock: content.locks.get(&uid).copied(),
                uid: uid.into(),
                stored: None,
            });
        }
        for stored in &content.accounts {
            if directory.by_name.contains_key(&*stored.user_name) || directory.by_id.contains_key(&*stored.id) {
                continue;
            }
            let role = Role::find(&stored.role, config);
            directory.insert(Account {
                id: stored.id.as_str().into(),
                uid: stored.uid.as_str().into(),
                user_name: stored.user_name.as_str().into(),
                credential: Credential::Hashed(PasswordHash::new(&stored.hash)),
                role_name: stored.role.as_str().into(),
                role,
                privileges: role.map_or_else(Privileges::default, |role| role.privileges(config)),
                chassis: chassis_indices(stored.chassis.iter().map(String::as_str), config),
                enabled: stored.enabled,
                password_change_required: stored.password_change_required,
                lock: content.locks.get(&stored.uid).copied(),
                stored: Some(Arc::new(stored.clone())),
            });
        }
        directory
    }

    /// All of them, in the order of their ids.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.by_id.values()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Arc<Account>> {
        self.by_id.get(id)
    }

    pub(crate) fn by_uid(&self, uid: &str) -> Option<&Arc<Account>> {
        self.by_uid.get(uid)
    }

    pub(crate) fn by_name(&self, user_name: &str) -> Option<&Arc<Account>> {
        self.by_name.get(user_name)
    }

    fn insert(&mut self, account: Account) {
        let account = Arc::new(account);
        self.by_uid.insert(Arc::clone(&account.uid), Arc::clone(&account));
        // The first of a name counts, as in the configuration.
        self.by_name.entry(Arc::clone(&account.user_name)).or_insert_with(|| Arc::clone(&account));
        self.by_id.insert(Arc::clone(&account.id), account);
    }
}

/// The content of the document of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AccountsContent {
    /// Different with every writing, so that a writer recognises what it wrote.
    pub(crate) stamp: String,
    /// The `UUID` of the service, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_uuid: Option<String>,
    pub(crate) policy: Policy,
    pub(crate) accounts: Vec<StoredAccount>,
    /// Accounts that too many wrong passwords have locked, by their `uid`.
    pub(crate) locks: BTreeMap<String, Lock>,
    pub(crate) network: NetworkSettings,
}

/// An account as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAccount {
    pub(crate) uid: String,
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) hash: String,
    pub(crate) role: String,
    pub(crate) chassis: Vec<String>,
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) password_change_required: bool,
}

impl StoredAccount {
    /// About how many bytes it takes in the document.
    fn length(&self) -> usize {
        let names: usize = self.chassis.iter().map(|name| name.len() + 3).sum();
        let texts = [&self.uid, &self.id, &self.user_name, &self.hash, &self.role];
        FRAME + names + texts.iter().map(|text| text.len()).sum::<usize>()
    }

    fn merge(base: &Self, ours: &Self, theirs: &Self) -> Self {
        Self {
            uid: theirs.uid.clone(),
            id: theirs.id.clone(),
            user_name: merged(&base.user_name, &ours.user_name, &theirs.user_name),
            hash: merged(&base.hash, &ours.hash, &theirs.hash),
            role: merged(&base.role, &ours.role, &theirs.role),
            chassis: merged(&base.chassis, &ours.chassis, &theirs.chassis),
            enabled: merged(&base.enabled, &ours.enabled, &theirs.enabled),
            password_change_required: merged(
                &base.password_change_required,
                &ours.password_change_required,
                &theirs.password_change_required,
            ),
        }
    }
}

/// Without the hash.
impl std::fmt::Debug for StoredAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredAccount").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

/// That an account is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// In seconds since 1970.
    pub(crate) until: i64,
}

impl Lock {
    /// A replica whose clock was far ahead does not lock an account for long.
    fn holds(self, now: UnixTime, policy: Policy) -> bool {
        let longest = i64::from(policy.duration).saturating_add(SKEW);
        now.0 < self.until && self.until.saturating_sub(now.0) <= longest
    }
}

/// What holds for all accounts: when wrong passwords lock one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Policy {
    /// How many wrong passwords in a row lock an account; 0 for no number.
    pub(crate) threshold: u32,
    /// For how many seconds; with 0 no account is locked.
    pub(crate) duration: u32,
    /// After how many seconds without a wrong password they are forgotten.
    pub(crate) reset_after: u32,
}

impl Policy {
    /// Whether any number of wrong passwords locks an account.
    pub(crate) const fn locks(self) -> bool {
        self.threshold > 0 && self.duration > 0
    }
}

/// Ten wrong passwords within a minute of each other lock an account for a minute. That leaves whoever guesses ten
/// attempts a minute, and an operator whose script has an old password a minute to wait.
impl Default for Policy {
    fn default() -> Self {
        Self { threshold: 10, duration: 60, reset_after: 60 }
    }
}

/// The shortest password that is accepted, in characters.
pub(crate) const SHORTEST_PASSWORD: usize = 8;

/// The longest: enough for every phrase, and little to hash.
pub(crate) const LONGEST_PASSWORD: usize = 64;

/// By how many seconds the clocks of replicas may differ.
const SKEW: i64 = 60;

/// How many accounts may be made over Redfish in all, and by those who see the same chassis: more than any site has
/// operators, and little to store.
const MAX_ACCOUNTS: usize = 1_024;
const MAX_ACCOUNTS_OF_TENANT: usize = 256;

/// How many bytes of the document they may take, with room for what goes with them.
const LONGEST_OF_ALL: usize = 600_000;
const LONGEST_OF_TENANT: usize = LONGEST_DOCUMENT / 4;

/// A change of the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountEdit {
    Create(NewAccount),
    /// Change an account that was `from`.
    Change {
        from: Arc<StoredAccount>,
        change: AccountChange,
    },
    /// Delete an account that was `from`.
    Delete {
        from: Arc<StoredAccount>,
    },
    /// Let no one log in to an account for a while.
    Lock {
        uid: Arc<str>,
        lock: Lock,
    },
    /// Let one log in again.
    Unlock {
        uid: Arc<str>,
    },
    /// Change what holds for all, from what is known to be so.
    Policy {
        from: Policy,
        to: Policy,
    },
    /// Give the service a UUID, if it has none.
    Name {
        uuid: String,
    },
    /// Change what the network protocols are set to, from what is known to be so.
    Network {
        from: NetworkSettings,
        to: NetworkSettings,
    },
}

/// An account to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewAccount {
    pub(crate) user_name: String,
    /// Empty until it has been computed.
    pub(crate) hash: PasswordHash,
    pub(crate) role: String,
    pub(crate) chassis: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) password_change_required: bool,
}

/// A change of an account; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct AccountChange {
    pub(crate) user_name: Option<String>,
    pub(crate) hash: Option<PasswordHash>,
    pub(crate) role: Option<String>,
    pub(crate) enabled: Option<bool>,
    /// Let it log in again although too many wrong passwords were sent for it.
    pub(crate) unlock: bool,
    pub(crate) password_change_required: Option<bool>,
}

impl NewAccount {
    fn length(&self) -> usize {
        let names: usize = self.chassis.iter().map(|name| name.len() + 3).sum();
        FRAME + names + 2 * self.user_name.len() + self.hash.as_str().len() + self.role.len()
    }
}

/// What the names of its properties take, and its `uid`.
const FRAME: usize = 150;

impl AccountEdit {
    /// The user name that an account is to have by it.
    pub(crate) fn user_name(&self) -> Option<&str> {
        match self {
            Self::Create(new) => Some(&new.user_name),
            Self::Change { change, .. } => change.user_name.as_deref(),
            _ => None,
        }
    }

    /// Fills in the hash of the password that it is about.
    pub(crate) fn with_hash(mut self, hash: PasswordHash) -> Self {
        match &mut self {
            Self::Create(new) => new.hash = hash,
            Self::Change { change, .. } => change.hash = Some(hash),
            Self::Delete { .. }
            | Self::Lock { .. }
            | Self::Unlock { .. }
            | Self::Policy { .. }
            | Self::Name { .. }
            | Self::Network { .. } => {}
        }
        self
    }
}

impl AccountsContent {
    /// What others have stored, with everything that was changed here since both were `base`. Of two accounts that were
    /// given the same name the one counts that was stored first.
    pub(crate) fn merge(&self, base: &Self, theirs: Self) -> Self {
        let find = |content: &Self, uid: &str| content.accounts.iter().find(|account| account.uid == uid).cloned();
        let mut merged = Self {
            service_uuid: theirs.service_uuid.or_else(|| self.service_uuid.clone()),
            policy: merged(&base.policy, &self.policy, &theirs.policy),
            network: merged(&base.network, &self.network, &theirs.network),
            ..theirs
        };
        // What was deleted stays deleted.
        merged.accounts.retain(|account| find(base, &account.uid).is_none() || find(self, &account.uid).is_some());
        for theirs in &mut merged.accounts {
            if let (Some(base), Some(ours)) = (find(base, &theirs.uid), find(self, &theirs.uid)) {
                *theirs = StoredAccount::merge(&base, &ours, theirs);
            }
        }
        for ours in self.accounts.iter().filter(|ours| find(base, &ours.uid).is_none()) {
            let is_there = |theirs: &StoredAccount| theirs.uid == ours.uid || theirs.user_name == ours.user_name;
            if !merged.accounts.iter().any(is_there) {
                let id = unused_id(&ours.user_name, |id| merged.accounts.iter().any(|theirs| theirs.id == id));
                let id = if merged.accounts.iter().any(|theirs| theirs.id == ours.id) { id } else { ours.id.clone() };
                merged.accounts.push(StoredAccount { id, ..ours.clone() });
            }
        }
        merged.locks.retain(|uid, _| !base.locks.contains_key(uid) || self.locks.contains_key(uid));
        let locked = self.locks.iter().filter(|(uid, lock)| base.locks.get(*uid) != Some(lock));
        merged.locks.extend(locked.map(|(uid, lock)| (uid.clone(), *lock)));
        merged
    }

    /// Makes a change, or says why it is not made; then nothing has changed.
    pub(crate) fn apply(
        &mut self,
        edit: &AccountEdit,
        config: &Config,
        now: UnixTime,
        entropy: &mut Entropy,
    ) -> Result<Edited, EditError> {
        match edit {
            AccountEdit::Create(new) => {
                self.check_room(new)?;
                self.check_name(&new.user_name, config, None)?;
                let directory = Directory::new(config, self);
                let stored = |id: &str| self.accounts.iter().any(|account| account.id == id);
                let id = unused_id(&new.user_name, |id| directory.by_id.contains_key(id) || stored(id));
                self.accounts.push(StoredAccount {
                    uid: entropy.name(),
                    id: id.clone(),
                    user_name: new.user_name.clone(),
                    hash: new.hash.as_str().to_owned(),
                    role: new.role.clone(),
                    chassis: new.chassis.clone(),
                    enabled: new.enabled,
                    password_change_required: new.password_change_required,
                });
                Ok(Edited::Created(id.into()))
            }
            AccountEdit::Change { from, change } => self.change(from, change, config, now),
            AccountEdit::Delete { from } => {
                let index = self.position(from)?;
                let gone = self.accounts.remove(index);
                self.locks.remove(&gone.uid);
                Ok(Edited::Done)
            }
            AccountEdit::Lock { uid, lock } => {
                let policy = self.policy;
                self.locks.retain(|_, lock| lock.holds(now, policy));
                self.locks.insert((**uid).to_owned(), *lock);
                Ok(Edited::Done)
            }
            AccountEdit::Unlock { uid } => match self.locks.remove(&**uid) {
                Some(_) => Ok(Edited::Done),
                None => Ok(Edited::Unchanged),
            },
            AccountEdit::Policy { from, .. } if *from != self.policy => Err(EditError::Superseded),
            AccountEdit::Policy { from, to } if from == to => Ok(Edited::Unchanged),
            AccountEdit::Policy { to, .. } => {
                self.policy = *to;
                Ok(Edited::Done)
            }
            AccountEdit::Name { .. } if self.service_uuid.is_some() => Ok(Edited::Unchanged),
            AccountEdit::Name { uuid } => {
                self.service_uuid = Some(uuid.clone());
                Ok(Edited::Done)
            }
            AccountEdit::Network { from, .. } if *from != self.network => Err(EditError::Superseded),
            AccountEdit::Network { from, to } if from == to => Ok(Edited::Unchanged),
            AccountEdit::Network { to, .. } => {
                self.network.clone_from(to);
                Ok(Edited::Done)
            }
        }
    }

    fn change(
        &mut self,
        from: &StoredAccount,
        change: &AccountChange,
        config: &Config,
        now: UnixTime,
    ) -> Result<Edited, EditError> {
        let index = self.position(from)?;
        if let Some(user_name) = &change.user_name {
            self.check_name(user_name, config, Some(&from.uid))?;
        }
        let Some(account) = self.accounts.get_mut(index) else { return Err(EditError::NotFound) };
        if let Some(user_name) = &change.user_name {
            account.user_name.clone_from(user_name);
        }
        if let Some(hash) = &change.hash {
            hash.as_str().clone_into(&mut account.hash);
            account.password_change_required = false;
        }
        if let Some(role) = &change.role {
            account.role.clone_from(role);
        }
        account.enabled = change.enabled.unwrap_or(account.enabled);
        account.password_change_required = change.password_change_required.unwrap_or(account.password_change_required);
        let (after, uid) = (account.clone(), account.uid.clone());
        let unlocked = change.unlock && self.locks.remove(&uid).is_some_and(|lock| lock.holds(now, self.policy));
        Ok(if after == *from && !unlocked { Edited::Unchanged } else { Edited::Done })
    }

    fn position(&self, from: &StoredAccount) -> Result<usize, EditError> {
        let index = self.accounts.iter().position(|account| account.uid == from.uid).ok_or(EditError::NotFound)?;
        if self.accounts.get(index) == Some(from) { Ok(index) } else { Err(EditError::Superseded) }
    }

    /// Whether there is room for another account: those who see the same chassis have a share of it, so that nobody who
    /// makes accounts keeps others from making theirs.
    fn check_room(&self, new: &NewAccount) -> Result<(), EditError> {
        let of_tenant = self.accounts.iter().filter(|account| account.chassis == new.chassis);
        let (count, length) =
            of_tenant.fold((1, new.length()), |(count, length), account| (count + 1, length + account.length()));
        let all: usize = self.accounts.iter().map(StoredAccount::length).sum();
        let fits = count <= MAX_ACCOUNTS_OF_TENANT
            && length <= LONGEST_OF_TENANT
            && self.accounts.len() < MAX_ACCOUNTS
            && all + new.length() <= LONGEST_OF_ALL;
        if fits { Ok(()) } else { Err(EditError::TooManyAccounts) }
    }

    /// Whether a name is free. Names that differ in nothing but the case of letters cannot be told apart by people.
    fn check_name(&self, user_name: &str, config: &Config, own: Option<&str>) -> Result<(), EditError> {
        let taken = |name: &str| name.eq_ignore_ascii_case(user_name);
        let configured = config.accounts.iter().any(|account| taken(&account.user_name));
        let stored = self.accounts.iter().any(|other| taken(&other.user_name) && Some(&*other.uid) != own);
        if configured || stored { Err(EditError::NameTaken) } else { Ok(()) }
    }
}

/// What tells an account of the configuration from others. It is the same on every replica and after every restart, and
/// no account that is made can have it.
fn configured_uid(user_name: &str) -> String {
    format!("config:{user_name}")
}

/// A segment of a URI for a user name: the name itself if it can stand there.
fn unused_id(user_name: &str, used: impl Fn(&str) -> bool) -> String {
    use std::fmt::Write as _;
    let mut id = String::with_capacity(user_name.len());
    for byte in user_name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            id.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(id, "_x{byte:02x}");
        }
    }
    // Two dots would be taken for the parent, and `Members` is another name of the collection.
    if id.bytes().all(|byte| byte == b'.') || id == "Members" {
        id.insert(0, '_');
    }
    let base = id.clone();
    let mut number = 2;
    while used(&id) {
        id = format!("{base}-{number}");
        number += 1;
    }
    id
}

fn chassis_indices<'a>(names: impl Iterator<Item = &'a str>, config: &Config) -> Arc<[u16]> {
    let mut indices: Vec<u16> = names
        .filter_map(|name| config.chassis.iter().position(|chassis| chassis.name.as_str() == name))
        .filter_map(|index| u16::try_from(index).ok())
        .collect();
    indices.sort_unstable();
    indices.dedup();
    indices.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_can_stand_in_a_uri_and_are_unlike_each_other() {
        let fresh = |name: &str| unused_id(name, |_| false);
        assert_eq!(fresh("admin"), "admin");
        assert_eq!(fresh("a b"), "a_x20b");
        assert_eq!(fresh("käse"), "k_xc3_xa4se");
        assert_eq!(fresh(".."), "_..");
        assert_eq!(fresh("Members"), "_Members");
        assert_eq!(unused_id("admin", |id| id == "admin" || id == "admin-2"), "admin-3");
    }

    #[test]
    fn names_that_differ_by_case_alone_are_one_name() {
        let new = |name: &str| NewAccount {
            user_name: name.to_owned(),
            hash: PasswordHash::new("hash:x"),
            role: "ReadOnly".to_owned(),
            chassis: Vec::new(),
            enabled: true,
            password_change_required: false,
        };
        let (config, now, mut entropy) = (Config::default(), UnixTime::default(), Entropy::new([1; 32]));
        let mut content = AccountsContent::default();
        let mut create = |content: &mut AccountsContent, name: &str| {
            content.apply(&AccountEdit::Create(new(name)), &config, now, &mut entropy)
        };
        assert!(create(&mut content, "eve").is_ok());
        assert_eq!(create(&mut content, "Eve"), Err(EditError::NameTaken));
        let from = Arc::new(content.accounts[0].clone());
        let rename = AccountChange { user_name: Some("EVE".to_owned()), ..AccountChange::default() };
        let edit = AccountEdit::Change { from, change: rename };
        assert_eq!(content.apply(&edit, &config, now, &mut entropy), Ok(Edited::Done), "its own name");
    }

    /// A tenant that makes accounts does not keep others from making theirs.
    #[test]
    fn those_who_see_the_same_have_a_share_of_the_accounts() {
        let (config, now, mut entropy) = (Config::default(), UnixTime::default(), Entropy::new([1; 32]));
        let mut content = AccountsContent::default();
        let mut create = |content: &mut AccountsContent, name: &str, chassis: &str| {
            let new = NewAccount {
                user_name: name.to_owned(),
                hash: PasswordHash::new(&"x".repeat(97)),
                role: "ReadOnly".to_owned(),
                chassis: vec![chassis.to_owned()],
                enabled: true,
                password_change_required: false,
            };
            content.apply(&AccountEdit::Create(new), &config, now, &mut entropy)
        };
        let made = (0..300).filter(|number| create(&mut content, &format!("a-{number}"), "one").is_ok()).count();
        assert_eq!(made, MAX_ACCOUNTS_OF_TENANT);
        assert!(create(&mut content, "other", "two").is_ok());
        // Names of chassis take room as well.
        let long = "x".repeat(2_000);
        let made = (0..300).filter(|number| create(&mut content, &format!("b-{number}"), &long).is_ok()).count();
        assert!((50..100).contains(&made), "{made}");
        let written = serde_json::to_vec(&content).unwrap().len();
        assert!(written < LONGEST_DOCUMENT / 2, "{written}");
    }

    #[test]
    fn a_change_of_what_has_changed_is_superseded() {
        let (config, now, mut entropy) = (Config::default(), UnixTime::default(), Entropy::new([1; 32]));
        let mut content = AccountsContent::default();
        let new = NewAccount {
            user_name: "eve".to_owned(),
            hash: PasswordHash::new("hash:x"),
            role: "ReadOnly".to_owned(),
            chassis: Vec::new(),
            enabled: true,
            password_change_required: false,
        };
        let mut apply = |content: &mut AccountsContent, edit| content.apply(&edit, &config, now, &mut entropy);
        assert_eq!(apply(&mut content, AccountEdit::Create(new.clone())), Ok(Edited::Created("eve".into())));
        assert_eq!(apply(&mut content, AccountEdit::Create(new)), Err(EditError::NameTaken));
        let from = Arc::new(content.accounts[0].clone());
        let disable = AccountChange { enabled: Some(false), ..AccountChange::default() };
        let edit = AccountEdit::Change { from: Arc::clone(&from), change: disable };
        assert_eq!(apply(&mut content, edit.clone()), Ok(Edited::Done));
        let before = content.clone();
        assert_eq!(apply(&mut content, edit), Err(EditError::Superseded));
        assert_eq!(apply(&mut content, AccountEdit::Delete { from }), Err(EditError::Superseded));
        assert_eq!(content, before);
    }
}

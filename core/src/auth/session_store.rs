//! The document of sessions: what is kept of them, and what becomes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::mac::{Entropy, first_8, hmac, to_hex};
use super::session::{Key, SessionId, has_ended};
use super::{EditError, Edited, merged};
use crate::config::Config;
use crate::time::UnixTime;

/// The content of the document of sessions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SessionsContent {
    /// Different with every writing, so that a writer recognises what it wrote.
    pub(crate) stamp: String,
    pub(super) key: Option<String>,
    pub(crate) timeout: u32,
    pub(crate) sessions: Vec<StoredSession>,
    /// Sessions that ended so soon that a replica might not have seen that they were ever entered here.
    pub(super) revoked: Vec<Revoked>,
}

/// Without the key.
impl fmt::Debug for SessionsContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionsContent({} sessions)", self.sessions.len())
    }
}

impl Default for SessionsContent {
    fn default() -> Self {
        Self { stamp: String::new(), key: None, timeout: DEFAULT_TIMEOUT, sessions: Vec::new(), revoked: Vec::new() }
    }
}

/// A session as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) user_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    pub(crate) created: i64,
    pub(crate) used: i64,
    /// Whose share of the sessions it is part of: see [`tenant`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tenant: String,
    /// What its token is signed with, if that is not the document's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

impl StoredSession {
    fn is_ahead_of(&self, now: UnixTime) -> bool {
        self.used > now.0.saturating_add(SKEW)
    }
}

/// Without the key.
impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Revoked {
    pub(super) id: String,
    created: i64,
}

/// A change of who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionEdit {
    /// Log someone in who has proved who they are.
    Open { account: Arc<str>, user_name: Arc<str>, tenant: String, client: IpAddr, context: Option<String> },
    /// Log someone out.
    Close(SessionId),
    /// Log an account out everywhere, but for one session.
    CloseAll { account: Arc<str>, except: Option<SessionId> },
    /// Note when sessions were last used, and drop those that have ended.
    Touch(Vec<(SessionId, UnixTime)>),
    /// Change after how many seconds without use sessions end; from what is known to be so.
    Timeout { from: u32, to: u32 },
}

impl SessionsContent {
    /// What others have stored, with everything that was changed here since both were `base`.
    pub(crate) fn merge(&self, base: &Self, mut theirs: Self) -> Self {
        let by_id = |content: &Self| -> BTreeMap<String, StoredSession> {
            content.sessions.iter().map(|session| (session.id.clone(), session.clone())).collect()
        };
        let (known, mut ours) = (by_id(base), by_id(self));
        // What was ended stays ended.
        theirs.sessions.retain(|session| !known.contains_key(&session.id) || ours.contains_key(&session.id));
        for session in &mut theirs.sessions {
            if let Some(ours) = ours.remove(&session.id) {
                session.used = session.used.max(ours.used);
            }
        }
        // Tokens that were given away go on being recognised.
        theirs.key = theirs.key.or_else(|| self.key.clone());
        let signed_with = |session: &StoredSession| session.key.clone().or_else(|| self.key.clone());
        let opened = ours.into_values().filter(|session| !known.contains_key(&session.id));
        theirs.sessions.extend(opened.map(|session| StoredSession {
            key: signed_with(&session).filter(|key| theirs.key.as_ref() != Some(key)),
            ..session
        }));
        theirs.timeout = merged(&base.timeout, &self.timeout, &theirs.timeout);
        let ended = self.revoked.iter().filter(|ended| !base.revoked.contains(ended)).cloned();
        let ended: Vec<_> = ended.filter(|ended| !theirs.revoked.contains(ended)).collect();
        theirs.revoked.extend(ended);
        theirs
    }

    /// Makes a change, or says why it is not made; then nothing has changed.
    pub(crate) fn apply(
        &mut self,
        edit: &SessionEdit,
        now: UnixTime,
        entropy: &mut Entropy,
    ) -> Result<Edited, EditError> {
        self.forget(now);
        match edit {
            SessionEdit::Open { account, user_name, tenant, client, context } => {
                self.make_room(now, account, tenant)?;
                let key = self.key.as_deref().and_then(Key::parse).unwrap_or_else(|| Key::draw(entropy));
                self.key = Some(key.expose());
                let id = SessionId::draw(entropy);
                self.sessions.push(StoredSession {
                    id: id.to_string(),
                    account: (**account).to_owned(),
                    user_name: (**user_name).to_owned(),
                    client: Some(client.to_canonical().to_string()),
                    context: context.clone(),
                    created: now.0,
                    used: now.0,
                    tenant: tenant.clone(),
                    key: None,
                });
                Ok(Edited::Opened { id, token: key.token(id, account, now) })
            }
            SessionEdit::Close(id) => {
                if self.close(now, |session| *session.id == id.to_string()) {
                    Ok(Edited::Done)
                } else {
                    Err(EditError::NotFound)
                }
            }
            SessionEdit::CloseAll { account, except } => {
                let except = except.map(|id| id.to_string());
                let closed =
                    self.close(now, |session| *session.account == **account && Some(&session.id) != except.as_ref());
                Ok(if closed { Edited::Done } else { Edited::Unchanged })
            }
            SessionEdit::Touch(marks) => {
                let before = self.sessions.len();
                let mut touched = false;
                let marks: BTreeMap<String, UnixTime> =
                    marks.iter().map(|(id, used)| (id.to_string(), *used)).collect();
                for session in &mut self.sessions {
                    // Noted by a replica whose clock is wrong, or by this one when its clock was.
                    if session.is_ahead_of(now) {
                        session.used = now.0;
                        touched = true;
                    }
                    if let Some(used) = marks.get(&session.id).filter(|used| session.used < used.0) {
                        session.used = used.0;
                        touched = true;
                    }
                }
                // Another replica may have seen a use that it has not noted yet.
                let timeout = self.timeout.saturating_add(self.timeout / 4);
                self.sessions.retain(|session| !has_ended(session.used, now.0, timeout));
                Ok(if touched || self.sessions.len() != before { Edited::Done } else { Edited::Unchanged })
            }
            SessionEdit::Timeout { from, .. } if *from != self.timeout => Err(EditError::Superseded),
            SessionEdit::Timeout { from, to } if from == to => Ok(Edited::Unchanged),
            SessionEdit::Timeout { to, .. } => {
                self.timeout = *to;
                Ok(Edited::Done)
            }
        }
    }

    /// Whether any session was used in the future: by a clock that was wrong.
    pub(crate) fn is_ahead_of(&self, now: UnixTime) -> bool {
        self.sessions.iter().any(|session| session.is_ahead_of(now))
    }

    /// Makes room for a session of an account: ends one that is not used, or one of whoever has more than their share.
    ///
    /// An account has room for so many, and so has everyone who sees the same chassis: nobody ends a session of others by
    /// opening many, for those who have most lose one first.
    fn make_room(&mut self, now: UnixTime, account: &str, tenant: &str) -> Result<(), EditError> {
        if self.sessions.iter().filter(|session| session.account == account).count() >= MAX_OF_ACCOUNT {
            return self.end_unused(now, |session| session.account == account);
        }
        if self.sessions.len() < MAX_SESSIONS {
            return Ok(());
        }
        let mut of_tenant = BTreeMap::<&str, usize>::new();
        for session in &self.sessions {
            *of_tenant.entry(&session.tenant).or_default() += 1;
        }
        let own = of_tenant.get(tenant).copied().unwrap_or_default();
        let most =
            of_tenant.iter().max_by_key(|(_, count)| **count).map(|(tenant, count)| ((*tenant).to_owned(), *count));
        let Some((hog, _)) = most.filter(|(_, count)| *count > own + 1) else {
            return self.end_unused(now, |session| session.tenant == tenant);
        };
        // Of its accounts the one that has most.
        let mut of_account = BTreeMap::<&str, usize>::new();
        for session in self.sessions.iter().filter(|session| session.tenant == hog) {
            *of_account.entry(&session.account).or_default() += 1;
        }
        let most = of_account.iter().max_by_key(|(_, count)| **count).map(|(account, _)| (*account).to_owned());
        let oldest = self.least_used(|session| session.tenant == hog && Some(&session.account) == most.as_ref());
        self.end(now, oldest)
    }

    /// Ends the session of these that was not used for longest, if that is so long ago that no replica can have seen it
    /// used since.
    fn end_unused(&mut self, now: UnixTime, which: impl Fn(&StoredSession) -> bool) -> Result<(), EditError> {
        let unused_for = i64::from(self.timeout / 4);
        let oldest = self.least_used(|session| which(session) && now.0.saturating_sub(session.used) > unused_for);
        self.end(now, oldest)
    }

    fn least_used(&self, which: impl Fn(&StoredSession) -> bool) -> Option<String> {
        let session = self.sessions.iter().filter(|session| which(session)).min_by_key(|session| session.used);
        session.map(|session| session.id.clone())
    }

    fn end(&mut self, now: UnixTime, id: Option<String>) -> Result<(), EditError> {
        let id = id.ok_or(EditError::TooManySessions)?;
        self.close(now, |session| session.id == id);
        Ok(())
    }

    fn close(&mut self, now: UnixTime, which: impl Fn(&StoredSession) -> bool) -> bool {
        let (closed, open): (Vec<_>, Vec<_>) = self.sessions.drain(..).partition(which);
        self.sessions = open;
        let any = !closed.is_empty();
        let young = closed.into_iter().filter(|session| now.0.abs_diff(session.created) <= REVOKED_FOR);
        self.revoked.extend(young.map(|session| Revoked { id: session.id, created: session.created }));
        any
    }

    /// A token that is older than its grace is refused without an entry here.
    fn forget(&mut self, now: UnixTime) {
        self.revoked.retain(|revoked| now.0.abs_diff(revoked.created) <= REVOKED_FOR);
    }
}

/// Who shares the room for sessions with whom: those who see the same chassis. An account that somebody makes sees what
/// they see, so nobody gets more room by making accounts.
pub(crate) fn tenant(config: &Config, chassis: &[u16]) -> String {
    let names = chassis.iter().filter_map(|index| config.chassis.get(usize::from(*index)));
    let names: Vec<&[u8]> = names.map(|chassis| chassis.name.as_str().as_bytes()).collect();
    to_hex(&first_8(hmac(&[0; 32], &names)))
}

/// Half an hour, as BMCs have it.
pub(crate) const DEFAULT_TIMEOUT: u32 = 1_800;

/// How many sessions one account may have: a fleet of clients that share an account, and not all there are.
const MAX_OF_ACCOUNT: usize = 256;

/// How many sessions there may be: what fits into a document several times over.
pub(crate) const MAX_SESSIONS: usize = 1_024;

/// For how many seconds a session's end is kept: longer than the grace, for replicas whose clocks differ.
const REVOKED_FOR: u64 = 120;

/// By how many seconds the clocks of replicas may differ.
const SKEW: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// However many accounts a tenant opens sessions with, others have room.
    #[test]
    fn who_has_most_sessions_makes_room_for_who_has_fewer() {
        let mut entropy = Entropy::new([1; 32]);
        let mut content = SessionsContent::default();
        let mut open = |content: &mut SessionsContent, account: &str, tenant: &str, now: i64| {
            let edit = SessionEdit::Open {
                account: account.into(),
                user_name: account.into(),
                tenant: tenant.to_owned(),
                client: [10, 0, 0, 1].into(),
                context: None,
            };
            content.apply(&edit, UnixTime(now), &mut entropy)
        };
        for number in 0..2 {
            assert!(open(&mut content, "two", "other", number).is_ok());
        }
        let opened = (0..2_000).filter(|number| open(&mut content, &format!("x-{}", number % 20), "hog", 10).is_ok());
        assert_eq!(opened.count(), MAX_SESSIONS - 2, "there is no more room, and nobody else makes some");
        for number in 0..300 {
            let account = if number % 2 == 0 { "two" } else { "three" };
            assert!(open(&mut content, account, account, 20).is_ok(), "{number}");
        }
        assert_eq!(content.sessions.len(), MAX_SESSIONS);
        let of = |account: &str| content.sessions.iter().filter(|session| session.account == account).count();
        assert_eq!((of("two"), of("three")), (152, 150), "none of theirs made room");
        let of_hog: Vec<usize> = (0..20).map(|number| of(&format!("x-{number}"))).collect();
        assert!(of_hog.iter().all(|count| (35..=37).contains(count)), "from each of its accounts: {of_hog:?}");
    }

    #[test]
    fn those_who_see_the_same_are_one_tenant() {
        let chassis = ["a", "b", "ab"].map(|name| crate::config::Chassis {
            name: crate::config::ChassisName::new(name).unwrap(),
            namespace: "lab".to_owned(),
            selector: Vec::new(),
            names: Vec::new(),
            description: None,
        });
        let config = Config { chassis: chassis.to_vec(), ..Config::default() };
        assert_eq!(tenant(&config, &[0, 1]), tenant(&config, &[0, 1]));
        assert_ne!(tenant(&config, &[0, 1]), tenant(&config, &[2]));
    }
}

//! Sessions: how tokens are made and recognised, who is logged in, and what becomes of that.
//!
//! A token is 96 hexadecimal digits. The first 16 name the session, the next 32 say under a mask when it was opened and
//! by which account, the last 48 sign both with a key that only the service's document of sessions has. So a token
//! looks random, says nothing to whoever finds it, and can be checked by every replica: also by one that has not yet
//! seen the document in which another has entered the session.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::mac::{Entropy, first_8, from_hex, hmac, to_hex};
use super::{Directory, EditError, Edited, Identity, merged};
use crate::time::{Now, UnixTime};

/// What names a session: 16 hexadecimal digits. Knowing it is of no use without the token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId([u8; 8]);

impl SessionId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // One spelling only, so that one session has one URI.
        let id = from_hex(text.as_bytes()).map(Self)?;
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What proves a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token([u8; 48]);

impl Token {
    /// As it stands in `X-Auth-Token`.
    pub(crate) fn expose(&self) -> String {
        to_hex(&self.0)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        from_hex(text).map(Self)
    }

    fn parts(&self) -> ([u8; 8], [u8; 16], [u8; 24]) {
        let mut parts = ([0; 8], [0; 16], [0; 24]);
        let places = parts.0.iter_mut().chain(&mut parts.1).chain(&mut parts.2);
        for (place, byte) in places.zip(self.0) {
            *place = byte;
        }
        parts
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What signs tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u8; 32]);

impl Key {
    fn parse(text: &str) -> Option<Self> {
        from_hex(text.as_bytes()).map(Self)
    }

    fn token(&self, id: SessionId, account: &str, created: UnixTime) -> Token {
        let mut said = [0; 16];
        let says = created.0.to_be_bytes().into_iter().chain(self.account_tag(account));
        for ((place, byte), mask) in said.iter_mut().zip(says).zip(self.mask(id.0)) {
            *place = byte ^ mask;
        }
        let mut token = [0; 48];
        let bytes = id.0.into_iter().chain(said).chain(self.signature(id.0, said));
        for (place, byte) in token.iter_mut().zip(bytes) {
            *place = byte;
        }
        Token(token)
    }

    /// When a token was made and for which account, if it was made with this key.
    fn read(&self, token: &Token) -> Option<(UnixTime, [u8; 8])> {
        let (id, said, signature) = token.parts();
        if !bool::from(signature.ct_eq(&self.signature(id, said))) {
            return None;
        }
        let mut says = said.into_iter().zip(self.mask(id)).map(|(byte, mask)| byte ^ mask);
        let mut eight = || {
            let mut bytes = [0; 8];
            for (place, byte) in bytes.iter_mut().zip(&mut says) {
                *place = byte;
            }
            bytes
        };
        let created = UnixTime(i64::from_be_bytes(eight()));
        Some((created, eight()))
    }

    fn account_tag(&self, account: &str) -> [u8; 8] {
        first_8(hmac(&self.0, &[b"account", account.as_bytes()]))
    }

    fn mask(&self, id: [u8; 8]) -> [u8; 32] {
        hmac(&self.0, &[b"mask", &id])
    }

    fn signature(&self, id: [u8; 8], said: [u8; 16]) -> [u8; 24] {
        let mut signature = [0; 24];
        for (place, byte) in signature.iter_mut().zip(hmac(&self.0, &[b"token", &id, &said])) {
            *place = byte;
        }
        signature
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Someone who is logged in.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    token: Token,
    /// What the token is signed with.
    key: Key,
    /// The account's `uid`, which tells it from a later one of the same name.
    pub(crate) account: Arc<str>,
    pub(crate) user_name: Arc<str>,
    pub(crate) client: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) created: UnixTime,
    /// When it was last used: written by every request that uses it, on any thread. That it is seen late does no harm.
    used: AtomicI64,
}

impl Session {
    /// When it was last used, as far as this replica knows.
    pub(crate) fn used(&self) -> UnixTime {
        UnixTime(self.used.load(Ordering::Relaxed))
    }
}

/// Who is logged in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    key: Option<Key>,
    /// After how many seconds without use a session ends.
    pub(crate) timeout: u32,
    by_id: RedBlackTreeMapSync<SessionId, Arc<Session>>,
    revoked: Arc<BTreeSet<SessionId>>,
}

impl Sessions {
    /// What the document says, with what this replica knows besides: when sessions were last used.
    pub(crate) fn of(content: &SessionsContent, before: &Self) -> Self {
        let key = content.key.as_deref().and_then(Key::parse);
        let mut by_id = RedBlackTreeMapSync::new_sync();
        for stored in &content.sessions {
            let signed_with = stored.key.as_deref().map_or(key, Key::parse);
            let (Some(id), Some(key)) = (SessionId::parse(&stored.id), signed_with) else { continue };
            let known = before.by_id.get(&id).filter(|known| known.key == key && *known.account == *stored.account);
            let session = known.map_or_else(
                || {
                    Arc::new(Session {
                        id,
                        token: key.token(id, &stored.account, UnixTime(stored.created)),
                        key,
                        account: stored.account.as_str().into(),
                        user_name: stored.user_name.as_str().into(),
                        client: stored.client.clone(),
                        context: stored.context.clone(),
                        created: UnixTime(stored.created),
                        used: AtomicI64::new(stored.used),
                    })
                },
                Arc::clone,
            );
            session.used.fetch_max(stored.used, Ordering::Relaxed);
            by_id.insert_mut(id, session);
        }
        let revoked = content.revoked.iter().filter_map(|revoked| SessionId::parse(&revoked.id)).collect();
        Self { key, timeout: content.timeout, by_id, revoked: Arc::new(revoked) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.by_id.values()
    }

    /// The session of that id that has not ended.
    pub(crate) fn find(&self, id: SessionId, now: UnixTime) -> Option<&Arc<Session>> {
        self.by_id.get(&id).filter(|session| !self.has_ended(session, now))
    }

    /// The account of a session that is known, whether or not it has ended.
    pub(crate) fn account_of(&self, id: SessionId) -> Option<&Arc<str>> {
        self.by_id.get(&id).map(|session| &session.account)
    }

    pub(crate) fn has_ended(&self, session: &Session, now: UnixTime) -> bool {
        has_ended(session.used().0, now.0, self.timeout)
    }

    /// Who a token belongs to. Using it keeps the session from ending.
    pub(crate) fn authenticate(&self, token: &[u8], directory: &Directory, now: UnixTime) -> Option<Identity> {
        let token = Token::parse(token)?;
        let id = SessionId(token.parts().0);
        if let Some(session) = self.by_id.get(&id) {
            if !bool::from(session.token.0.ct_eq(&token.0)) || self.has_ended(session, now) {
                return None;
            }
            let account = directory.by_uid(&session.account).filter(|account| account.enabled)?;
            session.used.fetch_max(now.0, Ordering::Relaxed);
            return Some(Identity::of(account).in_session(id));
        }
        let (created, tag) = self.key?.read(&token)?;
        if now.0.abs_diff(created.0) > GRACE || self.revoked.contains(&id) {
            return None;
        }
        let key = self.key?;
        let account = directory.accounts().find(|account| account.enabled && key.account_tag(&account.uid) == tag)?;
        Some(Identity::of(account).in_session(id))
    }
}

/// The content of the document of sessions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SessionsContent {
    /// Different with every writing, so that a writer recognises what it wrote.
    pub(crate) stamp: String,
    key: Option<String>,
    pub(crate) timeout: u32,
    pub(crate) sessions: Vec<StoredSession>,
    /// Sessions that ended so soon that a replica might not have seen that they were ever entered here.
    revoked: Vec<Revoked>,
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
    /// What its token is signed with, if that is not the document's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Without the key.
impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Revoked {
    id: String,
    created: i64,
}

/// A change of who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionEdit {
    /// Log someone in who has proved who they are.
    Open { account: Arc<str>, user_name: Arc<str>, client: IpAddr, context: Option<String> },
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
    pub(crate) fn apply(&mut self, edit: &SessionEdit, now: Now, entropy: &mut Entropy) -> Result<Edited, EditError> {
        self.forget(now.unix);
        match edit {
            SessionEdit::Open { account, user_name, client, context } => {
                let of_account = self.sessions.iter().filter(|session| *session.account == **account).count();
                if of_account >= MAX_OF_ACCOUNT || self.sessions.len() >= MAX_SESSIONS {
                    return Err(EditError::TooManySessions);
                }
                let key = self.key.as_deref().and_then(Key::parse).unwrap_or_else(|| Key(entropy.draw()));
                self.key = Some(to_hex(&key.0));
                let id = SessionId(first_8(entropy.draw()));
                self.sessions.push(StoredSession {
                    id: id.to_string(),
                    account: (**account).to_owned(),
                    user_name: (**user_name).to_owned(),
                    client: Some(client.to_canonical().to_string()),
                    context: context.clone(),
                    created: now.unix.0,
                    used: now.unix.0,
                    key: None,
                });
                Ok(Edited::Opened { id, token: key.token(id, account, now.unix) })
            }
            SessionEdit::Close(id) => {
                if self.close(now.unix, |session| *session.id == id.to_string()) {
                    Ok(Edited::Done)
                } else {
                    Err(EditError::NotFound)
                }
            }
            SessionEdit::CloseAll { account, except } => {
                let except = except.map(|id| id.to_string());
                let closed = self
                    .close(now.unix, |session| *session.account == **account && Some(&session.id) != except.as_ref());
                Ok(if closed { Edited::Done } else { Edited::Unchanged })
            }
            SessionEdit::Touch(marks) => {
                let before = self.sessions.len();
                let mut touched = false;
                let marks: BTreeMap<String, UnixTime> =
                    marks.iter().map(|(id, used)| (id.to_string(), *used)).collect();
                for session in &mut self.sessions {
                    if let Some(used) = marks.get(&session.id).filter(|used| session.used < used.0) {
                        session.used = used.0;
                        touched = true;
                    }
                }
                // Another replica may have seen a use that it has not noted yet.
                let timeout = self.timeout.saturating_add(self.timeout / 4);
                self.sessions.retain(|session| !has_ended(session.used, now.unix.0, timeout));
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

fn has_ended(used: i64, now: i64, timeout: u32) -> bool {
    now.saturating_sub(used) > i64::from(timeout)
}

/// Half an hour, as BMCs have it.
pub(crate) const DEFAULT_TIMEOUT: u32 = 1_800;

/// How many sessions one account may have: a fleet of clients that share an account, and not all there are.
const MAX_OF_ACCOUNT: usize = 256;

/// How many sessions there may be: what fits into a document several times over.
pub(crate) const MAX_SESSIONS: usize = 1_024;

/// For how many seconds a token counts that another replica made and that has not been seen entered: much longer than
/// a watch is behind, and short enough to be of no use to whoever finds an old token.
const GRACE: u64 = 30;

/// For how many seconds a session's end is kept: longer than the grace, for replicas whose clocks differ.
const REVOKED_FOR: u64 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_and_when_to_whoever_has_the_key() {
        let (key, id) = (Key([3; 32]), SessionId([5; 8]));
        let token = key.token(id, "config:admin", UnixTime(1_000));
        assert_eq!(key.read(&token), Some((UnixTime(1_000), key.account_tag("config:admin"))));
        assert_eq!(Key([4; 32]).read(&token), None);
        for index in 0..48 {
            let mut forged = token;
            forged.0[index] ^= 1;
            assert_eq!(key.read(&forged), None, "byte {index}");
        }
        assert_eq!(token.expose().len(), 96);
        assert_eq!(Token::parse(token.expose().as_bytes()), Some(token));
    }

    #[test]
    fn tokens_have_every_digit_equally_often() {
        let key = Key([9; 32]);
        let mut entropy = Entropy::new([1; 32]);
        let mut counts = [0_u32; 16];
        for second in 0..1_000 {
            let token = key.token(SessionId(first_8(entropy.draw())), "config:admin", UnixTime(second / 10));
            for digit in token.expose().bytes() {
                counts[char::from(digit).to_digit(16).unwrap() as usize] += 1;
            }
        }
        // 96,000 digits: 6,000 of each, give or take six times the standard deviation of 75.
        assert!(counts.iter().all(|count| (5_550..6_450).contains(count)), "{counts:?}");
    }
}

//! Sessions: how tokens are made and recognised, who is logged in, and what becomes of that.
//!
//! A token is 96 hexadecimal digits. The first 16 name the session, the next 32 say under a mask when it was opened and
//! by which account, the last 48 sign both with a key that only the service's document of sessions has. So a token
//! looks random, says nothing to whoever finds it, and can be checked by every replica: also by one that has not yet
//! seen the document in which another has entered the session.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rpds::RedBlackTreeMapSync;
use subtle::ConstantTimeEq as _;

use super::mac::{Entropy, first_8, from_hex, hmac, to_hex};
use super::{Directory, Identity, SessionsContent};
use crate::time::{Now, SteadyClock, UnixTime};

/// What names a session: 16 hexadecimal digits. Knowing it is of no use without the token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId([u8; 8]);

impl SessionId {
    pub(super) fn draw(entropy: &mut Entropy) -> Self {
        Self(first_8(entropy.draw()))
    }

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

    fn session(&self) -> SessionId {
        SessionId(self.0.first_chunk().copied().unwrap_or_default())
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
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        from_hex(text.as_bytes()).map(Self)
    }

    pub(super) fn draw(entropy: &mut Entropy) -> Self {
        Self(entropy.draw())
    }

    /// As it is stored.
    pub(super) fn expose(&self) -> String {
        to_hex(&self.0)
    }

    pub(super) fn token(&self, id: SessionId, account: &str, created: UnixTime) -> Token {
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
    /// By which they end: one that has ended stays so, whatever becomes of the wall clock.
    pub(crate) clock: SteadyClock,
}

impl Sessions {
    /// What the document says, with what this replica knows besides: when sessions were last used.
    pub(crate) fn of(content: &SessionsContent, before: &Self, now: Now) -> Self {
        let now = before.clock.read(now).0;
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
                        // Before this process began the clock may have been ahead.
                        used: AtomicI64::new(stored.used.min(now)),
                    })
                },
                Arc::clone,
            );
            if stored.used <= now {
                session.used.fetch_max(stored.used, Ordering::Relaxed);
            }
            by_id.insert_mut(id, session);
        }
        let revoked = content.revoked.iter().filter_map(|revoked| SessionId::parse(&revoked.id)).collect();
        Self { key, timeout: content.timeout, by_id, revoked: Arc::new(revoked), clock: before.clock.clone() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.by_id.values()
    }

    /// The session of that id that has not ended.
    pub(crate) fn find(&self, id: SessionId, now: Now) -> Option<&Arc<Session>> {
        self.by_id.get(&id).filter(|session| !self.has_ended(session, now))
    }

    /// The account of a session that is known, whether or not it has ended.
    pub(crate) fn account_of(&self, id: SessionId) -> Option<&Arc<str>> {
        self.by_id.get(&id).map(|session| &session.account)
    }

    pub(crate) fn has_ended(&self, session: &Session, now: Now) -> bool {
        has_ended(session.used().0, self.clock.read(now).0, self.timeout)
    }

    /// Who a token belongs to. Using it keeps the session from ending.
    pub(crate) fn authenticate(&self, token: &[u8], directory: &Directory, now: Now) -> Option<Identity> {
        let token = Token::parse(token)?;
        let id = token.session();
        if let Some(session) = self.by_id.get(&id) {
            if !bool::from(session.token.0.ct_eq(&token.0)) || self.has_ended(session, now) {
                return None;
            }
            let account = directory.by_uid(&session.account).filter(|account| account.enabled)?;
            session.used.fetch_max(self.clock.read(now).0, Ordering::Relaxed);
            return Some(Identity::of(account).in_session(id));
        }
        let (created, tag) = self.key?.read(&token)?;
        if self.clock.read(now).0.abs_diff(created.0) > GRACE || self.revoked.contains(&id) {
            return None;
        }
        let key = self.key?;
        let account = directory.accounts().find(|account| account.enabled && key.account_tag(&account.uid) == tag)?;
        Some(Identity::of(account).in_session(id))
    }
}

pub(super) fn has_ended(used: i64, now: i64, timeout: u32) -> bool {
    now.saturating_sub(used) > i64::from(timeout)
}

/// For how many seconds a token counts that another replica made and that has not been seen entered: much longer than
/// a watch is behind, and short enough to be of no use to whoever finds an old token.
const GRACE: u64 = 30;

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

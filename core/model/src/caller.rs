//! Callers that the cluster vouches for: what is asked of it about them, and what it says.

use std::fmt;
use std::sync::Arc;

use super::CommandId;
use crate::time::Instant;

/// Find out who a token belongs to, if that is not known, and what they may do in some namespaces.
///
/// Its completion shows an [`Observation::Caller`](super::Observation::Caller).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerReview {
    /// Which command it is.
    pub id: CommandId,
    /// Who it is about.
    pub reviewee: Reviewee,
    /// The namespaces that matter.
    pub namespaces: Vec<Arc<str>>,
    /// When to give up.
    pub deadline: Instant,
}

/// Somebody about whom the cluster is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewee {
    /// Whoever has this token.
    Token(BearerToken),
    /// Somebody whose token has been reviewed before.
    Known {
        /// Their name in the cluster.
        name: Arc<str>,
        /// Their groups.
        groups: Vec<Arc<str>>,
    },
}

/// A token as a client sent it. Whoever has it is whom it stands for, so no log may show it.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(Arc<str>);

impl BearerToken {
    /// Takes `text` if it has the form of a token (RFC 6750, section 2.1) and is not longer than any that is issued.
    pub fn new(text: &str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        let valid = (1..=LONGEST_TOKEN).contains(&text.len())
            && !body.is_empty()
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        valid.then(|| Self(text.into()))
    }

    /// The text, for whoever has to send or hash it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Someone whom the cluster vouches for, and what it lets them do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Their name in the cluster.
    pub name: Arc<str>,
    /// The groups that they belong to.
    pub groups: Vec<Arc<str>>,
    /// The namespaces in which they may do anything, with what.
    pub permissions: Vec<(Arc<str>, Permission)>,
}

/// What someone may do to the machines of a namespace. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See them.
    See,
    /// Change them and their power.
    Operate,
    /// Bring images into the namespace.
    Import,
}

/// A token is sent with every request, and servers refuse heads that are much larger.
const LONGEST_TOKEN: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_form_and_do_not_print() {
        for text in ["abc", "a.b-c_d~e+f/g==", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
            assert_eq!(BearerToken::new(text).map(|token| format!("{token:?}")), Some("***".to_owned()));
        }
        for text in ["", "=", "a b", "a=b", "ä", "a\"b", &"x".repeat(8_193)] {
            assert_eq!(BearerToken::new(text), None, "{text}");
        }
    }
}

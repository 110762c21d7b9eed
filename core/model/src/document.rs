//! Documents: what the service itself has to keep, beyond any one replica and any restart.

use bytes::Bytes;

use super::{CommandId, Version};
use crate::time::Instant;

/// Which document it is. There is one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentName {
    /// Accounts that were made over the service's own interface, and what goes with all accounts.
    Accounts,
    /// Who is logged in.
    Sessions,
    /// Who is to be told of events.
    Subscriptions,
}

impl DocumentName {
    /// Every document there is.
    pub const ALL: &'static [Self] = &[Self::Accounts, Self::Sessions, Self::Subscriptions];

    /// Its name: lower-case letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Sessions => "sessions",
            Self::Subscriptions => "subscriptions",
        }
    }
}

/// A document as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Which one.
    pub name: DocumentName,
    /// Which state of it.
    pub version: Version,
    /// What it says; only the service that wrote it understands it.
    pub content: Bytes,
}

/// Secrets may be in it, so its content does not print.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} {:?}, {} bytes)", self.name.as_str(), self.version, self.content.len())
    }
}

/// A document to be stored, unless somebody else has stored it since it was read.
///
/// Its completion shows the document as it then is. Who wrote tells by the content whether that is what was written;
/// if it is not, nothing was written.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentWrite {
    /// Which command it is.
    pub id: CommandId,
    /// Which document.
    pub name: DocumentName,
    /// The version that it replaces; `None` if there is to be none yet.
    pub expected: Option<Version>,
    /// What it is to say, at most [`LONGEST_DOCUMENT`] bytes.
    pub content: Bytes,
    /// When to give up.
    pub deadline: Instant,
}

/// Secrets may be in it, so its content does not print.
impl std::fmt::Debug for DocumentWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, name, expected, content, deadline } = self;
        write!(f, "DocumentWrite({id:?} {} over {expected:?}, {} bytes, by {deadline:?})", name.as_str(), content.len())
    }
}

/// The largest content: what fits into an object of 1 MiB when it is written as text, with a reserve.
pub const LONGEST_DOCUMENT: usize = 700_000;

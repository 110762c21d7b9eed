//! What comes of a change of accounts or sessions.

use std::sync::Arc;

use super::session::{SessionId, Token};

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    /// It was so already.
    Unchanged,
    /// It is so now.
    Done,
    /// An account was made, with this id.
    Created(Arc<str>),
    /// A session was opened.
    Opened {
        /// Which one.
        id: SessionId,
        /// What proves it.
        token: Token,
    },
}

/// Why a change was not made. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EditError {
    /// What it was made for is not so any more: find out again.
    Superseded,
    /// There is no such account or session.
    NotFound,
    /// Another account has the name.
    NameTaken,
    /// There is no room for another account.
    TooManyAccounts,
    /// There is no room for another session.
    TooManySessions,
}

/// A value as it is to be when others have changed it too: as it was changed here, or else as others have it.
pub(crate) fn merged<T: PartialEq + Clone>(base: &T, ours: &T, theirs: &T) -> T {
    if ours == base { theirs.clone() } else { ours.clone() }
}

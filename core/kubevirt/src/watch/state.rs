//! Where a stream is.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use foldhash::fast::FixedState;
use http::StatusCode;

use super::lines::Lines;
use crate::time::Instant;

/// Where a stream is.
///
/// ```text
///         +------------------- 410, version unusable -------------------+
///         v                                                             |
///   Due{List} --poll--> Sent{List} --last page--> Due{Watch} --poll--> Sent{Watch}
///     ^   ^                |  |                     ^   ^                |   |
///     |   +--- next page --+  |                     |   +- regular end --+   |
///     +-- wait -- refused, ---+                     +-- wait --- refused, ---+
///                 broken, not believed                           broken, not believed, silent
/// ```
///
/// A refusal for lack of rights or of the kind leads to a slow `Due{List}` from anywhere. What is not watched goes from
/// its list to the next one.
#[derive(Debug)]
pub(super) enum State {
    /// Something is to be sent when the time has come.
    Due { at: Instant, next: Next },
    /// It was sent, and this much of the answer is here.
    Sent {
        next: Next,
        sent: Instant,
        /// When anything of the answer arrived last.
        progress: Instant,
        /// For how long the server was asked to keep a watch open.
        asked: Duration,
        answer: Answer,
    },
}

impl State {
    pub(super) fn due_to_list(now: Instant) -> Self {
        Self::Due { at: now, next: Next::List(Listing::default()) }
    }
}

/// What is or was to be sent.
#[derive(Debug)]
pub(super) enum Next {
    List(Listing),
    Watch,
}

impl Next {
    /// A list from its beginning.
    pub(super) fn list() -> Self {
        Self::List(Listing::default())
    }
}

/// A list in the making.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The token of the page to come; `None` for the first.
    pub(super) page: Option<Box<str>>,
    /// What the pages so far held.
    pub(super) seen: BTreeSet<Box<str>>,
    /// Hashes of the uids of that.
    pub(super) uids: HashSet<u64, FixedState>,
}

/// What is here of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    None,
    Refusal {
        status: StatusCode,
        retry_after: Option<Duration>,
        body: Vec<u8>,
    },
    Page {
        body: Vec<u8>,
        too_large: bool,
    },
    /// A stream that began at that time.
    Events {
        since: Instant,
        lines: Lines,
    },
    /// An event said that no more will come.
    Over(Ending),
}

/// Why a stream is over.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// The version to watch from is too old.
    Expired,
    /// The server said so, or what came was not to be believed.
    Failed(String),
}

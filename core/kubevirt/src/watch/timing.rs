//! How long streams wait, and for what.

use std::time::Duration;

/// How long the server is asked to keep a watch open on which no power state depends.
pub(super) const LONG_WATCH: Duration = Duration::from_secs(290);

/// The same for machines and their instances: a stream that has died without a word is found out by then. The server sends a
/// bookmark two seconds before the end, so each of them also proves that nothing was missed.
pub(super) const SHORT_WATCH: Duration = Duration::from_secs(30);

/// With many namespaces these watches are asked for longer, so that no more than this many of them begin a minute.
pub(super) const SHORT_WATCHES_A_MINUTE: u32 = 40;

/// How much longer than it was asked for, or than bookmarks take to come, a stream may be silent.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Bookmarks come every minute.
pub(super) const BOOKMARKS: Duration = Duration::from_secs(70);

/// How long an answer may take to begin, or a page to go on.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// How long a page may take as a whole.
pub(super) const PAGE_PATIENCE: Duration = Duration::from_mins(2);

/// A stream after a failure shows what there is once it has lasted that long, or shown anything.
pub(super) const SETTLED: Duration = Duration::from_secs(2);

/// A stream that lasted that long was none of a server that breaks every stream.
pub(super) const LASTED: Duration = Duration::from_secs(10);

/// Watches are not begun faster than that, should the server end them at once.
pub(super) const SHORTEST_WATCH: Duration = Duration::from_secs(1);

/// How often to list what is not watched.
pub(super) const RELIST_INTERVAL: Duration = Duration::from_mins(2);

/// A version that is too old again so soon has not become so by time.
pub(super) const EXPIRES_AGAIN: Duration = Duration::from_mins(1);

pub(super) const FIRST_RETRY: Duration = Duration::from_millis(250);
pub(super) const LAST_RETRY: Duration = Duration::from_secs(30);

/// How often it is tried whether a right on machines has been given, and how seldom at least one on anything else.
pub(super) const RIGHTS_RETRY: Duration = Duration::from_secs(5);
pub(super) const LAST_RIGHTS_RETRY: Duration = Duration::from_secs(30);

/// How often to list what may be listed and not watched.
pub(super) const LISTED_INSTEAD: Duration = Duration::from_secs(10);

/// How seldom at least it is tried whether there is a kind by now.
pub(super) const LAST_KIND_RETRY: Duration = Duration::from_mins(5);

/// No server is obeyed that asks to be left alone for longer.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(2);

/// An attempt that failed is worth a report if nothing was seen for that long, or the next one is that far away.
pub(super) const WORTH_A_REPORT: Duration = Duration::from_secs(2);

pub(super) const FAILURES_BEFORE_LISTING: u32 = 5;

/// How far apart streams begin that are woken together.
pub(super) const WAKE_SPREAD: Duration = Duration::from_millis(400);

/// How long a stream that was woken is not woken again: servers that answer a little must not defeat its backoff.
pub(super) const WAKE_AGAIN: Duration = Duration::from_secs(10);

/// Objects to a page: as many as kubectl asks for.
pub(super) const LARGEST_PAGE: u32 = 500;

/// A page of 500 objects of 100 KB each would fit; more is asked for in smaller pages.
pub(super) const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What is read of a refusal: a Status object has a few hundred bytes.
pub(super) const LARGEST_REFUSAL: usize = 64 * 1024;

/// An object is 1.5 MiB at most in etcd, somewhat more as JSON.
pub(super) const LONGEST_LINE: usize = 4 * 1024 * 1024;

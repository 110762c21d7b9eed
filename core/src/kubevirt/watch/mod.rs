//! One stream of one kind of object: listed in pages, then watched from where the list ended.
//!
//! It owns when to list, to watch, to begin again and to wait, and which objects are gone. It keeps their names and
//! nothing else of them. One object that makes no sense never ends a stream: it is counted and passed over.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::entropy::Entropy;
use super::request::{Collection, Path, Place, get};
use super::{Settings, TransportError};
use crate::model::{Listed, Namespace, Observation, Source, Version};
use crate::time::Instant;

mod kind;
mod lines;
#[cfg(test)]
mod tests;

use kind::Event;
use lines::{Line, Lines};

/// The watches that the exposed namespaces need: machines, instances and imports of each, and what the cluster can
/// do. Namespaces named twice are watched once, and what can be the name of none is not. `seed` decides how far apart they
/// retry.
pub fn watches<'a>(namespaces: impl IntoIterator<Item = &'a str>, seed: u64) -> Vec<Watch> {
    let namespaces: BTreeSet<Namespace> = namespaces.into_iter().filter_map(Namespace::new).collect();
    let mut watches = Vec::from([Collection::KubeVirts, Collection::Verbs].map(|what| Watch::new(what, None, seed)));
    for namespace in namespaces {
        for collection in [Collection::VirtualMachines, Collection::VirtualMachineInstances, Collection::DataVolumes] {
            watches.push(Watch::new(collection, Some(namespace.clone()), seed));
        }
    }
    watches
}

/// The watch of the service's own documents; `None` if it has no namespace to keep them in.
pub fn document_watch(settings: &Settings, seed: u64) -> Option<Watch> {
    let namespace = settings.own_namespace.clone()?;
    Some(Watch::new(Collection::Secrets, Some(namespace), seed))
}

/// One stream of one kind of object in one namespace.
///
/// Ask [`poll`](Self::poll) what to do, do it, report what came of it by the `handle_*` functions and drain
/// [`poll_observation`](Self::poll_observation) after each of them. It never ends.
pub struct Watch {
    collection: Collection,
    namespace: Option<Namespace>,
    source: Source,
    state: State,
    entropy: Entropy,
    /// The objects that have been reported and not yet been reported gone.
    known: BTreeSet<Box<str>>,
    /// Up to which version everything has been reported, once it has.
    version: Option<Box<str>>,
    /// Objects to a page.
    page_size: u32,
    /// Attempts in a row that came to nothing.
    failures: u32,
    /// When the version to go on from was last too old.
    expired_at: Option<Instant>,
    freshness: Freshness,
    skipped: u64,
    observations: VecDeque<Observation>,
}

/// What a watch wants next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives from one function to the next")]
pub enum WatchStep {
    /// Send this, then report the head, the pieces and the end of its answer.
    Send(http::Request<Bytes>),
    /// Keep reading the answer; if nothing at all arrives until then, drop it and report its end as timed out.
    Read {
        /// Until when.
        until: Instant,
    },
    /// Nothing to do before then.
    WaitUntil(Instant),
}

/// Without what it has read so far: secrets may be in it.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Watch {
    fn new(collection: Collection, namespace: Option<Namespace>, seed: u64) -> Self {
        let entropy = Entropy::named(seed, &collection_path(collection, namespace.as_ref()).to_string());
        let source = Source {
            kind: collection.plural(),
            namespace: namespace.as_deref().map(Into::into),
            purpose: collection.purpose(),
        };
        Self {
            collection,
            namespace,
            source,
            state: State::Due { at: Instant::default(), next: Next::List(Listing::default()) },
            entropy,
            known: BTreeSet::new(),
            version: None,
            page_size: LARGEST_PAGE,
            failures: 0,
            expired_at: None,
            freshness: Freshness::Unknown,
            skipped: 0,
            observations: VecDeque::new(),
        }
    }

    /// What to do next. Ask again after every `handle_*` and when the time it named has come.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> WatchStep {
        match std::mem::replace(&mut self.state, State::due_to_list(now)) {
            State::Due { at, next } if now < at => {
                self.state = State::Due { at, next };
                WatchStep::WaitUntil(at)
            }
            State::Due { at: _, next } => {
                let path = self.path(&next);
                self.state = State::Sent { next, sent: now, heard: now, answer: Answer::None };
                WatchStep::Send(get(&path))
            }
            State::Sent { next, sent, heard, answer } => {
                let patience = if matches!(answer, Answer::Events(_)) { STREAM_PATIENCE } else { ANSWER_PATIENCE };
                self.state = State::Sent { next, sent, heard, answer };
                WatchStep::Read { until: heard + patience }
            }
        }
    }

    /// The answer to the last request began.
    pub fn handle_head(&mut self, now: Instant, head: &http::Response<()>) {
        let State::Sent { next, heard, answer, .. } = &mut self.state else {
            return;
        };
        *heard = now;
        *answer = match (head.status(), &*next) {
            (StatusCode::OK, Next::List(_)) => Answer::Page { body: Vec::new(), too_large: false },
            (StatusCode::OK, Next::Watch) => Answer::Events(Lines::new(LONGEST_LINE)),
            (status, _) => Answer::Refusal { status, retry_after: retry_after(head) },
        };
        if matches!(answer, Answer::Events(_)) {
            self.failures = 0;
            self.report_fresh();
        }
    }

    /// A piece of its body, of any size.
    pub fn handle_data(&mut self, now: Instant, data: &[u8]) {
        let State::Sent { heard, answer, .. } = &mut self.state else {
            return;
        };
        *heard = now;
        match answer {
            Answer::Page { body, too_large } => {
                if *too_large || body.len().saturating_add(data.len()) > LARGEST_BODY {
                    *too_large = true;
                    *body = Vec::new();
                } else {
                    body.extend_from_slice(data);
                }
            }
            Answer::Events(lines) => {
                let mut events = Vec::new();
                let (collection, namespace) = (self.collection, self.source.namespace.as_deref());
                lines.push(data, |line| match line {
                    Line::Whole(line) => events.extend(kind::read_event(collection, namespace, line)),
                    Line::TooLong => events.push(Event::Unreadable { version: None }),
                });
                for event in events {
                    self.handle_event(event);
                }
            }
            // The status alone decides; and an event that ended the stream was the last.
            Answer::None | Answer::Refusal { .. } | Answer::Over(_) => {}
        }
    }

    /// Its body ended, broke, or the request failed; also to be called when nothing arrived in the time that
    /// [`WatchStep::Read`] named.
    pub fn handle_end(&mut self, now: Instant, end: Result<(), TransportError>) {
        let (next, sent, answer) = match std::mem::replace(&mut self.state, State::due_to_list(now)) {
            State::Sent { next, sent, answer, .. } => (next, sent, answer),
            State::Due { at, next } => {
                self.state = State::Due { at, next };
                return;
            }
        };
        self.state = match (answer, next, end) {
            (Answer::Over(Ending::Expired), _, _) => self.expired(now),
            (Answer::Refusal { status, retry_after }, next, _) => self.refused(now, next, status, retry_after),
            (Answer::Page { too_large: true, .. }, Next::List(_), _) if self.page_size > 1 => {
                // Begin again with pages small enough. What has been seen of them was reported and stays known.
                self.page_size = (self.page_size / 4).max(1);
                State::due_to_list(now)
            }
            (Answer::Page { body, too_large: false }, Next::List(listing), Ok(())) => {
                match kind::read_page(self.collection, self.source.namespace.as_deref(), &body) {
                    Some(page) => self.listed(now, listing, page),
                    None => self.failed(now, Next::List(listing), None),
                }
            }
            (Answer::Events(_), next, Ok(())) => {
                // The server ends every watch after the time that was asked for; one that it ends at once must not
                // make for a busy loop.
                State::Due { at: now.max(sent + self.entropy.jitter(SHORTEST_WATCH)), next }
            }
            // Broken, or over too early.
            (Answer::None | Answer::Page { .. } | Answer::Events(_) | Answer::Over(Ending::Failed), next, _) => {
                self.failed(now, next, None)
            }
        };
    }

    /// What was seen; drain after every `handle_*`.
    #[must_use]
    pub fn poll_observation(&mut self) -> Option<Observation> {
        self.observations.pop_front()
    }

    /// What is watched.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How many objects and events were passed over because they made no sense.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn handle_event(&mut self, event: Event) {
        let State::Sent { answer, .. } = &mut self.state else {
            return;
        };
        if !matches!(answer, Answer::Events(_)) {
            return;
        }
        let version = match event {
            Event::Present { name, observation, version } => {
                self.present(name, observation);
                version
            }
            Event::Gone { name, version } => {
                if self.known.remove(&name) {
                    let as_of = version.as_deref().and_then(|version| version.parse().ok()).map(Version);
                    self.report_gone(&name, as_of.unwrap_or(Version::LATEST));
                }
                version
            }
            Event::Bookmark { version } => version,
            Event::Unreadable { version } => {
                self.skipped += 1;
                version
            }
            Event::Error { code } => {
                *answer = Answer::Over(if code == 410 { Ending::Expired } else { Ending::Failed });
                return;
            }
        };
        if version.is_some() {
            self.version = version;
        }
    }

    /// A page was read: report it, then go on with the next, or with the watch.
    fn listed(&mut self, now: Instant, mut listing: Listing, page: kind::Page) -> State {
        self.failures = 0;
        self.skipped += page.skipped;
        for (name, observation) in page.items {
            listing.seen.insert(name.clone());
            self.present(name, observation);
        }
        if page.next.is_some() {
            listing.page = page.next;
            return State::Due { at: now, next: Next::List(listing) };
        }
        let as_of = page.version.as_deref().and_then(|version| version.parse().ok()).map(Version);
        let gone: Vec<Box<str>> = self.known.difference(&listing.seen).cloned().collect();
        for name in gone {
            self.known.remove(&name);
            // A command may have seen one of that name since.
            self.report_gone(&name, as_of.unwrap_or(Version::LATEST));
        }
        if let (Some(kind), Some(namespace), Some(as_of)) =
            (kind::seen_elsewhere(self.collection), self.source.namespace.clone(), as_of)
        {
            let listed = Listed { kind, namespace, names: listing.seen, as_of };
            self.observations.push_back(Observation::Listed(listed));
        }
        // What cannot be watched is listed all the time, which is no news.
        if page.version.is_some() || self.freshness != Freshness::Fresh {
            self.observations.push_back(Observation::Synchronised(self.source.clone()));
        }
        self.freshness = Freshness::Fresh;
        self.version = page.version;
        if self.version.is_some() {
            State::Due { at: now, next: Next::Watch }
        } else {
            // No place to watch from: list again now and then.
            State::Due { at: now + self.entropy.jitter(RELIST_INTERVAL), next: Next::List(Listing::default()) }
        }
    }

    fn refused(&mut self, now: Instant, next: Next, status: StatusCode, retry_after: Option<Duration>) -> State {
        match (status, next) {
            // The page token or the version to watch from is too old.
            (StatusCode::GONE, Next::Watch) => self.expired(now),
            (StatusCode::GONE, Next::List(listing)) if listing.page.is_some() => self.expired(now),
            // May be listed and not watched, as KubeVirt's own default role has it for its custom resource.
            (StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED, Next::Watch)
                if self.collection == Collection::KubeVirts =>
            {
                State::Due { at: now + self.entropy.jitter(RELIST_INTERVAL), next: Next::List(Listing::default()) }
            }
            // No right, or no such kind: that changes only when somebody installs or grants something.
            (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, _) => {
                self.failures = self.failures.saturating_add(1);
                self.report_stale();
                self.report_refused();
                if status == StatusCode::NOT_FOUND {
                    self.report_missing();
                }
                let wait = self.entropy.backoff(FIRST_SLOW_RETRY, LAST_SLOW_RETRY, self.failures);
                State::Due { at: now + wait, next: Next::List(Listing::default()) }
            }
            // The server does not like the request; a fresh list makes a fresh one.
            (StatusCode::BAD_REQUEST, Next::Watch) => self.failed(now, Next::List(Listing::default()), None),
            (_, next) => self.failed(now, next, retry_after),
        }
    }

    /// The version to go on from is too old: list again, at once unless that has just not helped.
    fn expired(&mut self, now: Instant) -> State {
        let again = self.expired_at.replace(now).is_some_and(|before| now.saturating_since(before) < RELIST_INTERVAL);
        let wait = if again { self.entropy.jitter(SHORTEST_WATCH) } else { Duration::ZERO };
        State::Due { at: now + wait, next: Next::List(Listing::default()) }
    }

    /// An attempt came to nothing: try again, later each time.
    fn failed(&mut self, now: Instant, next: Next, retry_after: Option<Duration>) -> State {
        self.failures = self.failures.saturating_add(1);
        // A stream that breaks and is taken up at once has missed nothing.
        if self.failures > 1 {
            self.report_stale();
        }
        let backoff = self.entropy.backoff(FIRST_RETRY, LAST_RETRY, self.failures);
        let wait = retry_after.map_or(backoff, |asked| asked.min(LONGEST_RETRY_AFTER).max(backoff));
        // A watch that keeps failing may fail because of the version it starts from.
        let next = if self.failures >= FAILURES_BEFORE_LISTING { Next::List(Listing::default()) } else { next };
        State::Due { at: now + wait, next }
    }

    fn present(&mut self, name: Box<str>, observation: Option<Observation>) {
        if let Some(observation) = observation {
            self.known.insert(name);
            self.observations.push_back(observation);
            return;
        }
        self.skipped += 1;
        // What was known of it is no longer so.
        if self.known.remove(&name) {
            self.report_gone(&name, Version::LATEST);
        }
    }

    fn report_gone(&mut self, name: &str, as_of: Version) {
        self.observations.extend(kind::gone(self.collection, self.source.namespace.as_deref(), name, as_of));
    }

    fn report_stale(&mut self) {
        if matches!(self.freshness, Freshness::Unknown | Freshness::Fresh) {
            self.freshness = Freshness::Stale;
            self.observations.push_back(Observation::Stale(self.source.clone()));
        }
    }

    fn report_refused(&mut self) {
        if !matches!(self.freshness, Freshness::Refused | Freshness::Missing) {
            self.freshness = Freshness::Refused;
            self.observations.push_back(Observation::Refused(self.source.clone()));
        }
    }

    fn report_missing(&mut self) {
        if self.freshness != Freshness::Missing {
            self.freshness = Freshness::Missing;
            self.observations.push_back(Observation::Missing(self.source.clone()));
        }
    }

    /// A watch goes on from where it was: nothing has been missed after all.
    fn report_fresh(&mut self) {
        if matches!(self.freshness, Freshness::Stale | Freshness::Refused | Freshness::Missing) {
            self.freshness = Freshness::Fresh;
            self.observations.push_back(Observation::Synchronised(self.source.clone()));
        }
    }

    fn path(&mut self, next: &Next) -> Path {
        let path = collection_path(self.collection, self.namespace.as_ref());
        let path = match next {
            Next::List(_) if self.collection == Collection::Verbs => return path,
            Next::List(listing) => {
                let path = path.with("limit", self.page_size);
                match &listing.page {
                    Some(token) => path.with("continue", token),
                    None => path,
                }
            }
            Next::Watch => {
                let timeout = self.entropy.jitter(WATCH_TIMEOUT).as_secs();
                let version = self.version.as_deref().unwrap_or_default();
                let path = path.with("watch", true).with("allowWatchBookmarks", true);
                path.with("timeoutSeconds", timeout).with("resourceVersion", version)
            }
        };
        kind::selected(self.collection, path)
    }
}

/// Where a stream is.
///
/// ```text
///         +------------------- 410, version unusable -------------------+
///         v                                                             |
///   Due{List} --poll--> Sent{List} --last page--> Due{Watch} --poll--> Sent{Watch}
///     ^   ^                |  |                     ^   ^                |   |
///     |   +--- next page --+  |                     |   +- regular end --+   |
///     +-- wait -- refused, ---+                     +-- wait --- refused, ---+
///                 broken                                         broken
/// ```
///
/// A refusal for lack of rights or of the kind leads to a slow `Due{List}` from anywhere.
#[derive(Debug)]
enum State {
    /// Something is to be sent when the time has come.
    Due { at: Instant, next: Next },
    /// It was sent, and this much of the answer is here.
    Sent { next: Next, sent: Instant, heard: Instant, answer: Answer },
}

impl State {
    fn due_to_list(now: Instant) -> Self {
        Self::Due { at: now, next: Next::List(Listing::default()) }
    }
}

/// What is or was to be sent.
#[derive(Debug)]
enum Next {
    List(Listing),
    Watch,
}

/// A list in the making.
#[derive(Debug, Default)]
struct Listing {
    /// The token of the page to come; `None` for the first.
    page: Option<Box<str>>,
    /// What the pages so far held.
    seen: BTreeSet<Box<str>>,
}

/// What is here of an answer.
#[derive(Debug)]
enum Answer {
    None,
    Refusal {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    Page {
        body: Vec<u8>,
        too_large: bool,
    },
    Events(Lines),
    /// An event said that no more will come.
    Over(Ending),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The version to watch from is too old.
    Expired,
    Failed,
}

/// What was said last about how good the knowledge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    Unknown,
    Fresh,
    Stale,
    /// Stale, because the cluster does not show it.
    Refused,
    /// Refused, because the cluster does not have the kind.
    Missing,
}

/// Where a collection is, in a namespace or in all of them.
fn collection_path(collection: Collection, namespace: Option<&Namespace>) -> Path {
    namespace.map_or_else(|| collection.everywhere(), |namespace| collection.within(namespace))
}

fn retry_after(head: &http::Response<()>) -> Option<Duration> {
    let value = head.headers().get(http::header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Objects to a page: as many as kubectl asks for.
const LARGEST_PAGE: u32 = 500;
/// A page of 500 objects of 100 KB each would fit; more is asked for in smaller pages.
const LARGEST_BODY: usize = 64 * 1024 * 1024;
/// An object is 1.5 MiB at most in etcd, somewhat more as JSON.
const LONGEST_LINE: usize = 4 * 1024 * 1024;
/// How long the server is asked to keep a watch open.
const WATCH_TIMEOUT: Duration = Duration::from_secs(290);
/// A stream on which nothing arrives for that long is taken for dead: bookmarks come every minute.
const STREAM_PATIENCE: Duration = Duration::from_secs(100);
/// How long an answer may take to begin, or a page to go on.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);
/// Watches are not begun faster than that, should the server end them at once.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);
/// How often to list what cannot be watched.
const RELIST_INTERVAL: Duration = Duration::from_mins(1);
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(30);
const FIRST_SLOW_RETRY: Duration = Duration::from_secs(5);
const LAST_SLOW_RETRY: Duration = Duration::from_mins(5);
/// No server is obeyed that asks to be left alone for longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(2);
const FAILURES_BEFORE_LISTING: u32 = 5;

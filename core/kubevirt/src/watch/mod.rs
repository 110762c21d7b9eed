//! One stream of one kind of object: listed in pages, then watched from where the list ended.
//!
//! It owns when to list, to watch, to begin again and to wait, and which objects are gone. It keeps their names and
//! nothing else of them. One object that means nothing here never ends a stream. What is no list, or no event, of this
//! kind is not believed: then nothing is known to be gone, and the stream says that it does not see.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::entropy::Entropy;
use super::object::Status;
use super::request::{Collection, Path, Place, get};
use super::{Settings, TransportError};
use crate::model::{Blindness, Listed, Namespace, Observation, Obstacle, Purpose, Sight, Source, Version};
use crate::time::Instant;

mod kind;
mod lines;
mod state;
#[cfg(test)]
mod tests;
mod timing;

use kind::Event;
use lines::{Line, Lines};
use state::{Answer, Ending, Listing, Next, State};
use timing::{
    ANSWER_PATIENCE, BOOKMARKS, EXPIRES_AGAIN, FAILURES_BEFORE_LISTING, FIRST_RETRY, GRACE, LARGEST_BODY, LARGEST_PAGE,
    LARGEST_REFUSAL, LAST_KIND_RETRY, LAST_RETRY, LAST_RIGHTS_RETRY, LASTED, LISTED_INSTEAD, LONG_WATCH, LONGEST_LINE,
    LONGEST_RETRY_AFTER, PAGE_PATIENCE, RELIST_INTERVAL, RIGHTS_RETRY, SETTLED, SHORT_WATCH, SHORT_WATCHES_A_MINUTE,
    SHORTEST_WATCH, WAKE_AGAIN, WAKE_SPREAD, WORTH_A_REPORT,
};

/// The watches that the exposed namespaces need: machines, instances and imports of each, and what the cluster can
/// do. Namespaces named twice are watched once, and what can be the name of none is not. `seed` decides how far apart they
/// retry.
pub fn watches<'a>(namespaces: impl IntoIterator<Item = &'a str>, seed: u64) -> Vec<Watch> {
    let namespaces: BTreeSet<Namespace> = namespaces.into_iter().filter_map(Namespace::new).collect();
    let mut watches = Vec::from([Collection::KubeVirts, Collection::Verbs].map(|what| Watch::new(what, None, seed)));
    let count = u32::try_from(namespaces.len()).unwrap_or(u32::MAX);
    for namespace in namespaces {
        for collection in [Collection::VirtualMachines, Collection::VirtualMachineInstances, Collection::DataVolumes] {
            let mut watch = Watch::new(collection, Some(namespace.clone()), seed);
            if collection.purpose() == Purpose::Machines {
                watch.lasts = short_watch(count);
            }
            watches.push(watch);
        }
    }
    watches
}

/// How long watches of machines are asked for if there are so many namespaces: two of them for each.
fn short_watch(namespaces: u32) -> Duration {
    let spread = Duration::from_mins(1).saturating_mul(namespaces.saturating_mul(2)) / SHORT_WATCHES_A_MINUTE;
    spread.clamp(SHORT_WATCH, LONG_WATCH)
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
    /// For how long the server is asked to keep a watch open.
    lasts: Duration,
    /// Attempts in a row that came to nothing, or to little.
    failures: u32,
    /// When the version to go on from was last too old.
    expired_at: Option<Instant>,
    /// When it was last begun before its time.
    woken_at: Option<Instant>,
    /// When it was last certain that nothing had been missed.
    last_seen: Option<Instant>,
    reported: Reported,
    /// It may be listed, and was not to be watched.
    only_listed: bool,
    skipped: u64,
    observations: VecDeque<Observation>,
}

/// What was said last about how well it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    Nothing,
    Seen,
    Unseen(Lack),
}

/// The obstacles that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    Answer,
    /// This one.
    Right(&'static str),
    Kind,
}

/// What a watch wants next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives from one function to the next")]
pub enum WatchStep {
    /// Give up what is being read, if anything is. Send this, then report the head, the pieces and the end of its answer.
    Send(http::Request<Bytes>),
    /// Keep waiting for the answer and reading it, and ask again at that time at the latest.
    Read {
        /// Until when.
        until: Instant,
    },
    /// Give up what is being read, if anything is. Nothing to do before then.
    WaitUntil(Instant),
}

/// Without what it has read so far: secrets may be in it.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Watch {
    pub(crate) fn new(collection: Collection, namespace: Option<Namespace>, seed: u64) -> Self {
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
            state: State::due_to_list(Instant::default()),
            entropy,
            known: BTreeSet::new(),
            version: None,
            page_size: LARGEST_PAGE,
            lasts: LONG_WATCH,
            failures: 0,
            expired_at: None,
            woken_at: None,
            last_seen: None,
            reported: Reported::Nothing,
            only_listed: false,
            skipped: 0,
            observations: VecDeque::new(),
        }
    }

    /// What to do next. Ask again after every `handle_*` and when the time it named has come.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> WatchStep {
        self.look_at_the_time(now);
        match std::mem::replace(&mut self.state, State::due_to_list(now)) {
            State::Due { at, next } if now < at => {
                self.state = State::Due { at, next };
                WatchStep::WaitUntil(at)
            }
            State::Due { at: _, next } => {
                let asked = self.entropy.jitter(self.lasts);
                let path = self.path(&next, asked);
                self.state = State::Sent { next, sent: now, progress: now, asked, answer: Answer::None };
                WatchStep::Send(get(&path))
            }
            sent @ State::Sent { .. } => {
                let until = self.patience(&sent);
                self.state = sent;
                WatchStep::Read { until }
            }
        }
    }

    /// When something is to be done though nothing arrives.
    fn patience(&self, state: &State) -> Instant {
        let State::Sent { sent, progress, asked, answer, .. } = state else { return Instant::default() };
        match answer {
            Answer::None | Answer::Refusal { .. } => *sent + ANSWER_PATIENCE,
            Answer::Page { .. } => (*progress + ANSWER_PATIENCE).min(*sent + PAGE_PATIENCE),
            Answer::Events { since, .. } if self.reported != Reported::Seen => *since + SETTLED,
            Answer::Events { since, .. } => self.last_seen.unwrap_or(*since) + BOOKMARKS.min(*asked) + GRACE,
            Answer::Over(_) => *sent,
        }
    }

    /// Gives up an answer that takes too long, and finds that a stream has lasted.
    fn look_at_the_time(&mut self, now: Instant) {
        let State::Sent { answer, .. } = &self.state else { return };
        if self.patience(&self.state) > now {
            return;
        }
        match answer {
            Answer::Events { .. } if self.reported != Reported::Seen => self.report_seen(now),
            Answer::Events { .. } => self.end(now, Err(Obstacle::Silent)),
            // What it said is known already: what else comes does not matter.
            Answer::Over(_) => self.end(now, Ok(())),
            Answer::None | Answer::Refusal { .. } | Answer::Page { .. } => {
                self.end(now, Err(Obstacle::Unreachable(TransportError::TimedOut.to_string())));
            }
        }
    }

    /// The answer to the last request began.
    pub fn handle_head(&mut self, now: Instant, head: &http::Response<()>) {
        let State::Sent { next, progress, answer, .. } = &mut self.state else {
            return;
        };
        *progress = now;
        *answer = match (head.status(), &*next) {
            (StatusCode::OK, Next::List(_)) => Answer::Page { body: Vec::new(), too_large: false },
            (StatusCode::OK, Next::Watch) => Answer::Events { since: now, lines: Lines::new(LONGEST_LINE) },
            (status, _) => Answer::Refusal { status, retry_after: retry_after(head), body: Vec::new() },
        };
        if matches!(answer, Answer::Events { .. }) {
            self.only_listed = false;
        }
        // A server that breaks every stream begins it all the same.
        if matches!(answer, Answer::Events { .. }) && self.failures == 0 {
            self.report_seen(now);
        }
    }

    /// A piece of its body, of any size.
    pub fn handle_data(&mut self, now: Instant, data: &[u8]) {
        let State::Sent { progress, answer, .. } = &mut self.state else {
            return;
        };
        *progress = now;
        match answer {
            Answer::Page { body, too_large } => {
                if *too_large || body.len().saturating_add(data.len()) > LARGEST_BODY {
                    *too_large = true;
                    *body = Vec::new();
                } else {
                    body.extend_from_slice(data);
                }
            }
            Answer::Events { lines, .. } => {
                let mut events = Vec::new();
                let (collection, namespace) = (self.collection, self.source.namespace.as_deref());
                lines.push(data, |line| match line {
                    Line::Whole(line) => events.extend(kind::read_event(collection, namespace, line)),
                    Line::TooLong => events.push(Event::TooLong),
                });
                for event in events {
                    self.handle_event(now, event);
                }
            }
            Answer::Refusal { body, .. } => {
                let room = LARGEST_REFUSAL.saturating_sub(body.len());
                body.extend_from_slice(data.get(..room).unwrap_or(data));
            }
            // An event that ended the stream was the last.
            Answer::None | Answer::Over(_) => {}
        }
    }

    /// Its body ended or broke, or the request failed.
    pub fn handle_end(&mut self, now: Instant, end: Result<(), TransportError>) {
        self.end(now, end.map_err(|error| Obstacle::Unreachable(error.to_string())));
    }

    fn end(&mut self, now: Instant, end: Result<(), Obstacle>) {
        let (next, sent, asked, answer) = match std::mem::replace(&mut self.state, State::due_to_list(now)) {
            State::Sent { next, sent, asked, answer, .. } => (next, sent, asked, answer),
            State::Due { at, next } => {
                self.state = State::Due { at, next };
                return;
            }
        };
        match &answer {
            Answer::Events { since, .. } if now.saturating_since(*since) >= LASTED.min(asked) => self.failures = 0,
            Answer::Events { .. } | Answer::Over(_) => {}
            // Nothing was shown all the while that it took to fail.
            _ if now.saturating_since(sent) >= WORTH_A_REPORT => self.failures = self.failures.max(1),
            _ => {}
        }
        self.state = match (answer, next, end) {
            (Answer::Over(Ending::Expired), _, _) => self.expired(now),
            (Answer::Over(Ending::Failed(reason)), next, _) => {
                self.failed(now, next, Obstacle::Unreachable(reason), None)
            }
            (Answer::Refusal { status, retry_after, body }, next, _) => {
                self.refused(now, next, status, retry_after, &body)
            }
            (Answer::Page { too_large: true, .. }, Next::List(_), _) if self.page_size > 1 => {
                // Begin again with pages small enough. What has been seen of them was reported and stays known.
                self.page_size = (self.page_size / 4).max(1);
                State::due_to_list(now)
            }
            (Answer::Page { body, too_large: false }, Next::List(listing), Ok(())) => {
                match kind::read_page(self.collection, self.source.namespace.as_deref(), &body) {
                    Ok(page) => self.listed(now, listing, page),
                    Err(nonsense) => self.not_believed(now, Next::list(), nonsense),
                }
            }
            (Answer::Events { lines, .. }, next, Ok(())) if lines.is_cut() => {
                self.not_believed(now, next, "it ends in the middle of an event")
            }
            (Answer::Events { since, .. }, next, Ok(())) => self.ended(now, next, since),
            // A stream that broke is taken up where it was, and has missed nothing then.
            (_, next, Err(obstacle)) => self.failed(now, next, obstacle, None),
            // Over too early.
            (Answer::None | Answer::Page { .. }, next, Ok(())) => {
                self.failed(now, next, Obstacle::Unreachable("the answer ended too early".to_owned()), None)
            }
        };
    }

    /// What was seen; drain after every `handle_*`.
    #[must_use]
    pub fn poll_observation(&mut self) -> Option<Observation> {
        self.observations.pop_front()
    }

    /// The API server answers others again: whatever waits for that, or for an answer that was lost, waits no longer.
    pub fn wake(&mut self, now: Instant) {
        let rested = self.woken_at.is_none_or(|woken| woken + WAKE_AGAIN <= now);
        if !rested || !matches!(self.reported, Reported::Unseen(_)) {
            return;
        }
        let soon = now + self.entropy.jitter(WAKE_SPREAD / 2);
        match &mut self.state {
            State::Due { at, .. } if *at > soon => *at = soon,
            State::Sent { sent, answer: Answer::None, .. } if *sent + WORTH_A_REPORT <= now => {
                self.state = State::Due { at: soon, next: Next::list() };
            }
            State::Due { .. } | State::Sent { .. } => return,
        }
        self.woken_at = Some(now);
    }

    /// Lists everything once more, as soon as [`poll`](Self::poll) is asked: somebody wants to see what they have not kept.
    /// What is being read is given up.
    pub fn list_again(&mut self, now: Instant) {
        self.state = State::due_to_list(now);
    }

    /// What is watched.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How many objects and events were passed over because they mean nothing here.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        let State::Sent { answer, .. } = &mut self.state else {
            return;
        };
        if !matches!(answer, Answer::Events { .. }) {
            return;
        }
        match event {
            Event::Present { name, observation, version } => {
                self.present(name, observation);
                self.version = Some(version);
            }
            Event::Gone { name, version } => {
                if self.known.remove(&name) {
                    self.report_gone(&name, as_of(&version));
                }
                self.version = Some(version);
            }
            Event::Bookmark { version } => self.version = Some(version),
            Event::TooLong => {
                self.skipped += 1;
                return;
            }
            Event::Error { code: 410, .. } => {
                *answer = Answer::Over(Ending::Expired);
                return;
            }
            Event::Error { code, message } => {
                *answer = Answer::Over(Ending::Failed(format!("the watch ended with {code}: {message}")));
                return;
            }
            Event::Nonsense(reason) => {
                *answer = Answer::Over(Ending::Failed(format!("an event is not believed: {reason}")));
                return;
            }
        }
        self.report_seen(now);
    }

    /// A page was read: report it, then go on with the next, or with the watch.
    fn listed(&mut self, now: Instant, mut listing: Listing, page: kind::Page) -> State {
        for kind::Item { name, uid, .. } in &page.items {
            if !listing.seen.insert(name.clone()) || uid.is_some_and(|uid| !listing.uids.insert(uid)) {
                return self.not_believed(now, Next::list(), "it has an object twice");
            }
        }
        for kind::Item { name, observation, .. } in page.items {
            self.present(name, observation);
        }
        if page.next.is_some() {
            listing.page = page.next;
            return State::Due { at: now, next: Next::List(listing) };
        }
        let as_of = page.version.as_deref().map(as_of);
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
        // What is listed now and then is no news each time.
        if (self.collection.is_watched() && !self.only_listed) || self.reported != Reported::Seen {
            self.observations.push_back(Observation::Synchronised(self.source.clone()));
        }
        if self.only_listed {
            // As good as seen, for a while.
            self.last_seen = Some(now);
            self.reported = Reported::Nothing;
            self.report_unseen(Obstacle::Forbidden("watch"));
        } else {
            self.report_seen(now);
        }
        if self.collection.is_watched() {
            self.version = page.version;
            return State::Due { at: now, next: Next::Watch };
        }
        self.failures = 0;
        State::Due { at: now + self.entropy.jitter(RELIST_INTERVAL), next: Next::list() }
    }

    /// The server ended a watch, as it does after the time that was asked for.
    fn ended(&mut self, now: Instant, next: Next, since: Instant) -> State {
        if now.saturating_since(since) >= SHORTEST_WATCH {
            self.report_seen(now);
            return State::Due { at: now, next };
        }
        self.failed(now, next, Obstacle::Unreachable("the watch ended at once".to_owned()), None)
    }

    fn refused(
        &mut self,
        now: Instant,
        next: Next,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> State {
        let said = Status::read(body);
        let verb = if matches!(next, Next::Watch) { "watch" } else { "list" };
        let text = said.as_ref().and_then(|said| said.message.0.as_deref()).unwrap_or_default();
        let reason = if text.is_empty() { status.to_string() } else { format!("{status}: {text}") };
        match (status, next) {
            // The page token or the version to watch from is too old.
            (StatusCode::GONE, Next::Watch) => self.expired(now),
            (StatusCode::GONE, Next::List(listing)) if listing.page.is_some() => self.expired(now),
            // Whether it may at least be listed is to be seen.
            (StatusCode::FORBIDDEN, Next::Watch) if said.is_some() && !self.only_listed => {
                self.only_listed = true;
                State::due_to_list(now)
            }
            (StatusCode::FORBIDDEN, _) if said.is_some() => {
                self.only_listed = verb == "watch";
                let (first, last) = match self.source.purpose {
                    _ if self.only_listed => (LISTED_INSTEAD, LISTED_INSTEAD),
                    Purpose::Machines => (RIGHTS_RETRY, RIGHTS_RETRY),
                    _ => (RIGHTS_RETRY, LAST_RIGHTS_RETRY),
                };
                self.withheld(now, Obstacle::Forbidden(verb), first, last)
            }
            (StatusCode::NOT_FOUND, _) if said.is_some() || self.is_not_served(body) => {
                self.withheld(now, Obstacle::Missing, RIGHTS_RETRY, LAST_KIND_RETRY)
            }
            // The server does not like the request; a fresh list makes a fresh one.
            (StatusCode::BAD_REQUEST, Next::Watch) => {
                self.failed(now, Next::list(), Obstacle::Unreachable(reason), retry_after)
            }
            (_, next) => self.failed(now, next, Obstacle::Unreachable(reason), retry_after),
        }
    }

    /// Whether a refusal without a Status is the API server's way to say that it has no such kind. It looks like what a
    /// proxy may say, so it is not believed of what must not seem to be gone.
    fn is_not_served(&self, body: &[u8]) -> bool {
        self.source.purpose != Purpose::Machines && body.trim_ascii() == b"404 page not found"
    }

    /// No right, or no such kind: that changes only when somebody grants or installs something.
    fn withheld(&mut self, now: Instant, obstacle: Obstacle, first: Duration, last: Duration) -> State {
        self.failures = self.failures.saturating_add(1);
        self.report_unseen(obstacle);
        State::Due { at: now + self.entropy.backoff(first, last, self.failures), next: Next::list() }
    }

    /// The version to go on from is too old: list again, at once unless that has just not helped.
    fn expired(&mut self, now: Instant) -> State {
        let again = self.expired_at.replace(now).is_some_and(|before| now.saturating_since(before) < EXPIRES_AGAIN);
        if !again {
            return State::due_to_list(now);
        }
        self.failures = self.failures.saturating_add(1);
        State::Due { at: now + self.entropy.backoff(SHORTEST_WATCH, LAST_RETRY, self.failures), next: Next::list() }
    }

    /// What came looks like an answer and is none.
    fn not_believed(&mut self, now: Instant, next: Next, reason: &str) -> State {
        self.failed(now, next, Obstacle::Unreachable(format!("an answer is not believed: {reason}")), None)
    }

    /// An attempt came to nothing: try again, later each time.
    fn failed(&mut self, now: Instant, next: Next, obstacle: Obstacle, retry_after: Option<Duration>) -> State {
        self.failures = self.failures.saturating_add(1);
        let backoff = self.entropy.backoff(FIRST_RETRY, LAST_RETRY, self.failures);
        let wait = retry_after.map_or(backoff, |asked| asked.min(LONGEST_RETRY_AFTER).max(backoff));
        // A stream that breaks and is taken up at once has missed nothing.
        let blind = self.last_seen.is_none_or(|seen| now.saturating_since(seen) >= WORTH_A_REPORT);
        if (self.failures > 1 && blind) || wait >= WORTH_A_REPORT || obstacle == Obstacle::Silent {
            self.report_unseen(obstacle);
        }
        // A watch that keeps failing may fail because of the version it starts from.
        let next = if self.failures >= FAILURES_BEFORE_LISTING { Next::list() } else { next };
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

    /// Nothing has been missed up to now.
    fn report_seen(&mut self, now: Instant) {
        self.last_seen = Some(now);
        if self.reported != Reported::Seen {
            self.reported = Reported::Seen;
            let sight = Sight { source: self.source.clone(), at: now, failures: self.failures };
            self.observations.push_back(Observation::Seen(sight));
        }
    }

    fn report_unseen(&mut self, obstacle: Obstacle) {
        let reported = Reported::Unseen(match obstacle {
            Obstacle::Unreachable(_) | Obstacle::Silent => Lack::Answer,
            Obstacle::Forbidden(verb) => Lack::Right(verb),
            Obstacle::Missing => Lack::Kind,
        });
        if self.reported != reported {
            self.reported = reported;
            let blindness = Blindness { source: self.source.clone(), last_seen: self.last_seen, obstacle };
            self.observations.push_back(Observation::Unseen(blindness));
        }
    }

    fn path(&self, next: &Next, asked: Duration) -> Path {
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
                let version = self.version.as_deref().unwrap_or_default();
                let path = path.with("watch", true).with("allowWatchBookmarks", true);
                path.with("timeoutSeconds", asked.as_secs()).with("resourceVersion", version)
            }
        };
        kind::selected(self.collection, path)
    }
}

/// Where a collection is, in a namespace or in all of them.
fn collection_path(collection: Collection, namespace: Option<&Namespace>) -> Path {
    namespace.map_or_else(|| collection.everywhere(), |namespace| collection.within(namespace))
}

fn as_of(version: &str) -> Version {
    version.parse().map_or(Version::LATEST, Version)
}

fn retry_after(head: &http::Response<()>) -> Option<Duration> {
    let value = head.headers().get(http::header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

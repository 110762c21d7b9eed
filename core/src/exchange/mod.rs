//! One request's way from its head to its response.
//!
//! An exchange owns what it has read of the request and nothing else: what it needs to know it is handed as a
//! [`View`], what it needs done it asks for with a [`Step`]. It ends in exactly one response.

mod admission;
mod bearer;
mod log_in;
mod precondition;
mod response;
mod session;
mod stream;
mod tasks;
mod write;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, Method, Request, Response, StatusCode};

use crate::auth::{self, Extent, Identity, Owned, Privilege, Required};
use crate::fairness::Party;
use crate::fairness::client_of;
use crate::http::{Encoding, Refusal, Unknown, accepts, client, is_preflight, normalised};
use crate::intent::{Answer, Intent, Outcome, OutcomeKind, PasswordOutcome, StreamId};
use crate::metrics::Requests;
use crate::model::BearerToken;
use crate::query::{self, Query};
use crate::resources::{self, Context, Plan};
use crate::route::{Alias, Location, Route, Template};
use crate::time::Now;
use crate::view::View;

pub use admission::{refuse_head, refuse_stopped};
use bearer::{Sent, TokensAsPasswords};
use precondition::Verdict;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address it connects from.
    pub address: IpAddr,
    /// The connection is encrypted.
    pub secure: bool,
}

/// What an exchange wants next. Whoever drives it does so and calls [`Exchange::resume`] with what came of it.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this; the exchange is over. A response to HEAD has no body and the length that GET would have.
    Respond(Response<Bytes>),
    /// Read the request's body, at most `limit` bytes; then [`Signal::Body`], or what kept it from being read.
    ReadBody {
        /// The largest body that is wanted, in bytes.
        limit: usize,
        /// The time that the client has for it.
        within: Duration,
    },
    /// The answer takes long to work out, up to a second among a hundred thousand systems: go on where slow work does no
    /// harm, with [`Signal::Proceed`].
    Defer,
    /// Send this head and go on with what [`Output::StreamData`](crate::Output::StreamData) has for the stream, until that is closed
    /// or the client goes away, which is an [`Input::StreamClosed`](crate::Input::StreamClosed). The exchange is over.
    Stream {
        /// The head.
        head: Response<()>,
        /// Which stream.
        stream: StreamId,
    },
    /// Hand this to the service; then [`Signal::Outcome`], with a view that is not older than the outcome.
    Submit(Intent),
}

/// What came of a [`Step`].
pub enum Signal {
    /// The request's body.
    Body(Bytes),
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body cannot be read: it ends too early, or its chunks are none.
    BodyBroken,
    /// The body did not arrive in time.
    BodyLate,
    /// The exchange is where it may take its time.
    Proceed,
    /// Whatever the step wanted is not to be had: as much is under way for its [party](Exchange::party) as may be.
    NoRoom,
    /// What the service says.
    Outcome(Outcome),
}

/// Passwords are in bodies.
impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(body) => write!(f, "Body({} bytes)", body.len()),
            Self::BodyTooLarge => f.write_str("BodyTooLarge"),
            Self::BodyBroken => f.write_str("BodyBroken"),
            Self::BodyLate => f.write_str("BodyLate"),
            Self::Proceed => f.write_str("Proceed"),
            Self::NoRoom => f.write_str("NoRoom"),
            Self::Outcome(outcome) => write!(f, "Outcome({outcome:?})"),
        }
    }
}

/// One request's way from its head to its response.
///
/// ```text
/// begin ─▶ credentials ─┬─────────────────────────────────────────▶ Respond
///          ▲    ▲   ▲   ├─▶ Submit(log in) ─┐                        ▲
///          │    │   │   └───────────────────┤                        │
///          │    │   └── ReadBody ◀── no body yet                     │
///          │    └────── superseded ◀───────────────┐                 │
///          └─────────── Submit(hash) ◀── password ◀┴── Submit ───────┘
/// ```
///
/// A write goes back to its credentials whenever it has waited for anything: see `write`. The credentials of a log-in
/// are in its body: see `session`.
pub struct Exchange {
    head: Parts,
    peer: Peer,
    /// Whether a bearer token could have been sent instead of what was refused.
    bearer_tokens: bool,
    /// What tells who sent it from everyone else, once they have proved who they are.
    user: Option<Arc<str>>,
    /// What the log calls them.
    user_name: Option<Arc<str>>,
    /// The body and what came of it so far, of a write whose body has been read.
    write: Option<write::Write>,
    /// The kind of URI that it goes to, for who counts requests.
    template: Template,
    state: State,
}

/// Only what is asked for: credentials are in the head, and passwords in bodies.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({} {} from {})", self.head.method, self.path(), self.peer.address)
    }
}

enum State {
    /// It is being found out whether the password of a request is right.
    LoggingIn,
    /// The same of a session to be opened, with what the client attaches to it.
    OpeningSession { context: Option<String> },
    /// The cluster is being asked whom a token stands for.
    Reviewing(Sent),
    /// A read that takes long waits for its place.
    Deferred { identity: Identity },
    /// The body is being read.
    Reading,
    /// The password of a change is being hashed.
    Hashing,
    /// The service has the write. With `done` what was asked for has been done, and it has what follows.
    Submitted { identity: Identity, plan: Box<Plan>, done: Option<OutcomeKind> },
    /// The response has been given.
    Done,
}

impl View {
    /// Begins an exchange with a request's head.
    pub fn begin(self: &Arc<Self>, now: Now, peer: &Peer, head: Request<()>) -> (Exchange, Step) {
        let (mut head, ()) = head.into_parts();
        if let Some(uri) = normalised(&head.uri) {
            head.uri = uri;
        }
        let address = client(peer.address, &head.headers, &self.config.trusted_proxies);
        let mut exchange = Exchange {
            head,
            peer: Peer { address, ..*peer },
            bearer_tokens: self.config.bearer_tokens,
            user: None,
            user_name: None,
            write: None,
            template: Template::OTHER,
            state: State::Done,
        };
        let step = exchange.turn_away(self).or_else(|| exchange.preflight());
        let step = step.unwrap_or_else(|| exchange.authenticate(self, now));
        let step = exchange.finish(step);
        (exchange, step)
    }
}

impl Exchange {
    /// Goes on with what came of the last step. `view` is the newest there is, or that of the outcome.
    ///
    /// A signal that does not answer the last step ends the exchange with 500: it is a mistake of the caller.
    pub fn resume(&mut self, view: &Arc<View>, now: Now, signal: Signal) -> Step {
        let step = self.advance(view, now, signal);
        self.finish(step)
    }

    /// Whose it is, as far as that is known: by it is counted what is under way.
    pub fn party(&self) -> Party {
        match &self.user {
            Some(user) => Party::User(Arc::clone(user)),
            None => Party::Client(client_of(self.peer.address)),
        }
    }

    /// The address of its client: of whoever connected, or from whom a trusted proxy has it.
    pub fn client(&self) -> IpAddr {
        self.peer.address
    }

    /// What it asks for.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path that it goes to, with every character as it is that needs no percent-encoding.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// What its client says that it is.
    pub fn user_agent(&self) -> Option<&str> {
        self.head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok())
    }

    /// Whether it came with a user name and a password, or with a token of the cluster.
    pub fn has_credentials(&self) -> bool {
        self.head.headers.contains_key(AUTHORIZATION)
    }

    /// What the log calls whoever sent it, once they have proved who they are.
    pub fn user_name(&self) -> Option<&Arc<str>> {
        self.user_name.as_ref()
    }

    /// The kind of URI that it goes to.
    pub fn template(&self) -> Template {
        self.template
    }

    /// Whether an answer with this status says that its credentials are wrong, or are not looked at for now.
    pub fn is_refused_login(&self, status: StatusCode) -> bool {
        matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS)
            && (self.has_credentials() || self.template == Template::from(&Route::Sessions))
    }

    /// Counts it, when it has been answered.
    pub fn count(&self, requests: &Requests, status: StatusCode, took: Duration) {
        requests.count(self.template, &self.head.method, status, took);
        if self.is_refused_login(status) {
            requests.refused_login();
        }
    }

    /// Whether its sender has proved who they are.
    pub fn is_authenticated(&self) -> bool {
        self.user.is_some()
    }

    fn advance(&mut self, view: &Arc<View>, now: Now, signal: Signal) -> Step {
        let state = std::mem::replace(&mut self.state, State::Done);
        match (state, signal) {
            (_, Signal::NoRoom) => self.refuse(&Refusal::too_many_requests()),
            (State::LoggingIn, Signal::Outcome(Outcome(outcome))) => match self.logged_in(view, now, &outcome) {
                Ok(account) => self.authorised(view, now, Some(Identity::of(&account))),
                Err(refusal) => self.refuse(&refusal),
            },
            (State::Reviewing(sent), Signal::Outcome(Outcome(outcome))) => self.reviewed(view, now, outcome, sent),
            (State::OpeningSession { context }, Signal::Outcome(Outcome(outcome))) => {
                match self.logged_in(view, now, &outcome) {
                    Ok(account) => self.open_session(view, now, &account, context),
                    Err(refusal) => self.refuse(&refusal),
                }
            }
            (State::Deferred { identity }, Signal::Proceed) => self.deferred(view, now, &identity),
            (State::Reading, Signal::Body(body)) => self.body_read(view, now, body),
            (State::Reading, Signal::BodyTooLarge) => self.refuse(&Refusal::payload_too_large()),
            (State::Reading, Signal::BodyBroken) => self.refuse(&Refusal::malformed_request()),
            (State::Reading, Signal::BodyLate) => self.refuse(&Refusal::body_late(BODY_TIME)),
            (State::Hashing, Signal::Outcome(Outcome(outcome))) => match outcome {
                OutcomeKind::Password(PasswordOutcome::Hashed(hash)) => self.hashed(view, now, hash),
                outcome => self.refuse(&self.not_done(&outcome, None)),
            },
            (State::Submitted { identity, plan, done }, Signal::Outcome(Outcome(outcome))) => {
                self.submitted(view, now, identity, plan, done, outcome)
            }
            (
                State::LoggingIn
                | State::OpeningSession { .. }
                | State::Reviewing(_)
                | State::Deferred { .. }
                | State::Reading
                | State::Hashing
                | State::Submitted { .. }
                | State::Done,
                _,
            ) => self.refuse(&Refusal::internal_error()),
        }
    }

    /// The answer to a browser that asks what it may do: the methods, which are the same for everyone, and no grant.
    /// It asks without credentials, so it is answered before any are looked for.
    fn preflight(&self) -> Option<Step> {
        if !is_preflight(&self.head) {
            return None;
        }
        let location = Location::parse(self.path())?;
        Some(Step::Respond(response::options(&location.route)))
    }

    /// Before anything else that could affect the response (DSP0266 clause 13.2).
    ///
    /// What needs no credentials is answered whatever credentials come along: clients send what they have had all along,
    /// and who cannot log in with a dead token can never log in again. A token that counts keeps its session alive.
    fn authenticate(&mut self, view: &Arc<View>, now: Now) -> Step {
        // Read once, for all that follows.
        let uri = self.head.uri.clone();
        let location = Location::parse(uri.path());
        if let Some(location) = &location {
            self.template = Template::from(&location.route);
        }
        let token = self.head.headers.get(X_AUTH_TOKEN);
        if location.as_ref().is_some_and(|location| self.needs_nothing(location)) {
            let session =
                |token: &http::HeaderValue| view.sessions.authenticate(token.as_bytes(), &view.directory, now);
            let identity = token.and_then(session);
            return self.authorised_at(view, now, identity, location);
        }
        if let Some(name) = [X_AUTH_TOKEN, AUTHORIZATION].into_iter().find(|name| self.stands_twice(name)) {
            return self.refuse(&Refusal::header_invalid(StatusCode::BAD_REQUEST, &name));
        }
        if let Some(token) = token {
            return match view.sessions.authenticate(token.as_bytes(), &view.directory, now) {
                Some(identity) => self.authorised_at(view, now, Some(identity), location),
                None if !view.accounts_known => self.refuse(&Refusal::not_yet_known(Unknown::Documents)),
                None => self.refuse(&Refusal::no_valid_session(self.path())),
            };
        }
        let Some(value) = self.head.headers.get(AUTHORIZATION) else {
            return self.authorised_at(view, now, None, location);
        };
        if let Some(token) = auth::bearer(value.as_bytes()).filter(|_| view.config.bearer_tokens) {
            let token = std::str::from_utf8(token).ok().and_then(BearerToken::new);
            return self.review(view, now, token, Sent::AsToken);
        }
        self.basic(view, now, TokensAsPasswords::Possible, location)
    }

    /// Whether the request may be made by anyone and shows nothing that some may not see.
    fn needs_nothing(&self, location: &Location<'_>) -> bool {
        let free = location.route.required(&self.head.method) == Required::Nothing;
        // What is brought in from elsewhere is not free.
        free && !self.head.uri.query().is_some_and(|query| Query::parse(query).is_ok_and(|query| query.expands()))
    }

    /// Whether a header has more than one line, though it may have no more than one value.
    fn stands_twice(&self, name: &HeaderName) -> bool {
        self.head.headers.get_all(name).iter().nth(1).is_some()
    }

    /// Goes on for someone whose credentials, if there were any, are right.
    fn authorised(&mut self, view: &Arc<View>, now: Now, identity: Option<Identity>) -> Step {
        let uri = self.head.uri.clone();
        self.authorised_at(view, now, identity, Location::parse(uri.path()))
    }

    /// The same with what the path says.
    fn authorised_at(
        &mut self,
        view: &Arc<View>,
        now: Now,
        identity: Option<Identity>,
        location: Option<Location<'_>>,
    ) -> Step {
        self.user = identity.as_ref().map(Identity::user);
        self.user_name = identity.as_ref().map(Identity::user_name);
        match self.check_head(view, now, identity.as_ref(), location) {
            Err(refusal) => self.refuse(&refusal),
            Ok((location, query))
                if !view.accounts_known
                    && self.head.method != Method::OPTIONS
                    && (location.route.needs_documents() || query.expands()) =>
            {
                self.refuse(&Refusal::not_yet_known(Unknown::Documents))
            }
            Ok((location, query)) => match (&self.head.method, identity) {
                (&Method::OPTIONS, identity) => self.options(view, now, identity.as_ref(), &location),
                (&Method::GET | &Method::HEAD, Some(identity)) if location.route == Route::ServerSentEvents => {
                    self.open_stream(view, now, identity)
                }
                (&Method::GET | &Method::HEAD, Some(identity)) if query::takes_long(view, &location, &query) => {
                    self.state = State::Deferred { identity };
                    Step::Defer
                }
                (&Method::GET | &Method::HEAD, identity) => self.get(view, now, identity.as_ref(), &location, &query),
                (&Method::POST, _) if location.route == Route::Sessions => {
                    self.log_in(view, now, TokensAsPasswords::Possible)
                }
                // A write needs a privilege, so there is someone; but the types do not say so.
                (_, None) => self.refuse(&Refusal::unauthorized(self.path())),
                (_, Some(identity)) => self.write(view, now, identity),
            },
        }
    }

    /// Everything that the head alone can be refused for, in the order in which it is to be found out.
    fn check_head<'a>(
        &self,
        view: &View,
        now: Now,
        identity: Option<&Identity>,
        location: Option<Location<'a>>,
    ) -> Result<(Location<'a>, Query), Refusal> {
        let path = self.path();
        let required =
            location.as_ref().map_or(Required::AnyOf(&[]), |location| location.route.required(&self.head.method));
        if required != Required::Nothing && identity.is_none() {
            return Err(Refusal::unauthorized(path));
        }
        let location = location.ok_or_else(|| Refusal::no_such_resource(path))?;
        if !location.route.allows(&self.head.method) {
            return Err(Refusal::method_not_allowed(location.route.allow()));
        }
        if let Some(identity) = identity {
            // Until a password is changed, only changing it and logging out are open to who has to change it.
            let held_up = identity.account().filter(|account| account.password_change_required);
            if let Some(account) = held_up.filter(|_| required != Required::Nothing) {
                let owned = resources::owned(view, &location.route, identity);
                if !self.may_before_change(&location.route, owned) {
                    let uri = Route::Account(&account.id).to_string();
                    return Err(Refusal::password_change_required(&uri));
                }
            }
            self.check_privileges(view, now, identity, &location, required)?;
        }
        if self.head.headers.get_all(ODATA_VERSION).iter().any(|version| version != "4.0") {
            return Err(Refusal::precondition_failed());
        }
        let query = self.head.uri.query().unwrap_or_default();
        if location.route == Route::ServerSentEvents {
            // Its `$filter` has a grammar of its own.
            return stream::check_parameters(query).map(|()| (location, Query::default()));
        }
        let query = match self.head.method {
            Method::GET | Method::HEAD => Query::parse(query)?,
            Method::OPTIONS => Query::default(),
            _ => Query::refuse_for_write(query).map(|()| Query::default())?,
        };
        Ok((location, query))
    }

    /// Answers a read that was put off. What its head asks for is read from it once more: that is little beside the rest.
    fn deferred(&self, view: &Arc<View>, now: Now, identity: &Identity) -> Step {
        match self.check_head(view, now, Some(identity), Location::parse(self.path())) {
            Ok((location, query)) => self.get(view, now, Some(identity), &location, &query),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Whether someone has the privileges that the request needs over what it is about.
    fn check_privileges(
        &self,
        view: &View,
        now: Now,
        identity: &Identity,
        location: &Location<'_>,
        required: Required,
    ) -> Result<(), Refusal> {
        if required == Required::Nothing {
            return Ok(());
        }
        // Nothing is open to who may not log in.
        if !identity.privileges(Extent::Service).has(Privilege::Login) {
            return Err(Refusal::forbidden());
        }
        let owned = resources::owned(view, &location.route, identity);
        // Who may read anything may read here, if it is there for them: that is found out by reading it.
        let reads = matches!(self.head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if reads && required.is_met_by(identity.privileges(Extent::Service), owned) {
            return Ok(());
        }
        let extent = resources::extent(&Context { view, identity: Some(identity), now }, location);
        let privileges = identity.privileges(*extent.as_ref().unwrap_or(&Extent::Service));
        if required.is_met_by(privileges, owned) {
            return Ok(());
        }
        // What is not there for them is not there, whatever they wanted with it.
        Err(match extent {
            Ok(_) => Refusal::forbidden(),
            Err(not_found) => {
                let context = Context { view, identity: Some(identity), now };
                resources::not_known(&context, location, false).unwrap_or(not_found)
            }
        })
    }

    /// What may be done before a password is changed that must be: change it, see whose it is, and log out.
    fn may_before_change(&self, route: &Route<'_>, owned: Owned) -> bool {
        owned == Owned::Own
            && match route {
                Route::Account(_) => matches!(self.head.method, Method::GET | Method::HEAD | Method::PATCH),
                Route::Session(_) => self.head.method == Method::DELETE,
                _ => false,
            }
    }

    /// What may be done with what is there.
    fn options(&self, view: &Arc<View>, now: Now, identity: Option<&Identity>, location: &Location<'_>) -> Step {
        match resources::extent(&Context { view, identity, now }, location) {
            Err(refusal) if refusal.status == StatusCode::NOT_FOUND => self.refuse(&refusal),
            _ => Step::Respond(response::options(&location.route)),
        }
    }

    fn get(
        &self,
        view: &Arc<View>,
        now: Now,
        identity: Option<&Identity>,
        location: &Location<'_>,
        query: &Query,
    ) -> Step {
        let Some(charset) = accepts(&self.head.headers, resources::media_type(&location.route)) else {
            return self.refuse(&Refusal::header_invalid(StatusCode::NOT_ACCEPTABLE, &ACCEPT));
        };
        let Some(encoding) = Encoding::accepted(&self.head.headers) else {
            return self.refuse(&Refusal::header_invalid(StatusCode::NOT_ACCEPTABLE, &ACCEPT_ENCODING));
        };
        let context = Context { view, identity, now };
        if let Some(refusal) = resources::not_known(&context, location, query.expands()) {
            return self.refuse(&refusal);
        }
        if matches!(location.route, Route::TaskMonitor(_)) {
            return self.monitor(view, now, identity, &location.route);
        }
        let representation = match query::answer(&context, location, query) {
            Ok(representation) => representation,
            Err(refusal) => return self.refuse(&refusal),
        };
        let canonical = context.canonical(location);
        if let (Some(canonical), Some(Alias::Chassis(_))) = (&canonical, location.alias)
            && view.config.legacy_redirects
        {
            return Step::Respond(response::redirect(canonical, self.head.uri.query()));
        }
        match self.judge_read(&representation) {
            Ok(Verdict::Show) => {}
            Ok(Verdict::NotModified) => return Step::Respond(response::not_modified(&representation)),
            Err(refusal) => return self.refuse(&refusal),
        }
        let canonical = canonical.as_deref();
        let mut response = response::representation(&location.route, &representation, canonical, charset, encoding);
        if self.head.method == Method::HEAD {
            response = response::without_body(response);
        }
        Step::Respond(response)
    }

    /// The change at `path` has been made.
    fn answer(&self, view: &Arc<View>, now: Now, identity: &Identity, path: &str, answer: Answer) -> Step {
        if answer == Answer::NoContent {
            return Step::Respond(response::no_content());
        }
        let result = locate(path).and_then(|location| {
            let created = answer.created(&location.route);
            let location = created.map_or(location, |route| Location { route, alias: location.alias });
            let context = Context { view, identity: Some(identity), now };
            let representation = resources::read(&context, &location)?;
            let charset = accepts(&self.head.headers, resources::media_type(&location.route)).unwrap_or(false);
            let canonical = context.canonical(&location);
            let encoding = Encoding::accepted(&self.head.headers).unwrap_or(Encoding::Identity);
            let canonical = canonical.as_deref();
            Ok(match created {
                Some(route) => response::created(&route, &representation, charset),
                None => response::representation(&location.route, &representation, canonical, charset, encoding),
            })
        });
        match result {
            Ok(response) => Step::Respond(response),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn location(&self) -> Result<Location<'_>, Refusal> {
        locate(self.path())
    }

    /// The action that the request is sent to, by the name that messages have for it.
    fn action(&self) -> Option<&str> {
        let (_, action) = self.path().rsplit_once("/Actions/")?;
        Some(action.strip_suffix('/').unwrap_or(action))
    }

    /// Has the body read, unless it is too large by what its head says.
    fn read_body(&mut self, limit: usize) -> Step {
        if self.announced_length().is_some_and(|length| length > limit as u64) {
            return self.refuse(&Refusal::payload_too_large());
        }
        self.state = State::Reading;
        Step::ReadBody { limit, within: BODY_TIME }
    }

    fn announced_length(&self) -> Option<u64> {
        self.head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// What every response has that does not depend on what it is about.
    fn finish(&self, step: Step) -> Step {
        match step {
            Step::Respond(response) => {
                Step::Respond(response::finish(response, &self.head, self.peer, self.bearer_tokens))
            }
            Step::Stream { head, stream } => {
                let response = response::finish(head.map(|()| Bytes::new()), &self.head, self.peer, self.bearer_tokens);
                Step::Stream { head: response.map(drop), stream }
            }
            other => other,
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Step {
        let response = response::refusal(refusal);
        let bodiless = self.head.method == Method::HEAD;
        Step::Respond(if bodiless { response::without_body(response) } else { response })
    }
}

fn locate(path: &str) -> Result<Location<'_>, Refusal> {
    Location::parse(path).ok_or_else(|| Refusal::no_such_resource(path))
}

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

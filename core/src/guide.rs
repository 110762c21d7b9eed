//! How to put this service into a program of your own.
//!
//! The core does nothing by itself. Your program owns the sockets, the clock and the threads, and calls the core with what
//! happened. `examples/` has three programs that do: `std_server` (a thread for each connection, no async), `axum_router` (a
//! `tower::Service` beside other routes) and `in_process` (for tests).
//!
//! It speaks in the types of the crates `http` 1 and `bytes` 1, which are exported as [`reexports`](crate::reexports).
//!
//! # 1. Make an engine
//!
//! An [`Engine`](crate::Engine) is the whole service: one value, owned by one thread or task, called with `&mut`.
//!
//! ```
//! use std::time::Duration;
//!
//! use kubevirt_redfish_core::config::{Account, Chassis, ChassisName, Config, Credential, Protocol, Secret};
//! use kubevirt_redfish_core::kubevirt::Settings;
//! use kubevirt_redfish_core::model::Namespace;
//! use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
//! use kubevirt_redfish_core::{Engine, Role, Setup};
//!
//! let lab = ChassisName::new("lab").expect("a name that can stand in a URL");
//! let config = Config {
//!     // The machines that clients see: those of the namespace `lab`.
//!     chassis: vec![Chassis {
//!         name: lab.clone(),
//!         namespace: "lab".to_owned(),
//!         selector: Vec::new(),
//!         names: Vec::new(),
//!         description: None,
//!     }],
//!     accounts: vec![Account {
//!         user_name: "admin".to_owned(),
//!         credential: Credential::Plain(Secret::new(b"secret")),
//!         role: Role::Administrator,
//!         chassis: vec![lab],
//!     }],
//!     // Only where nothing in front of the program has TLS: see below.
//!     protocol: Protocol::Http,
//!     ..Config::default()
//! };
//! // Where accounts, sessions and subscriptions are kept; without a namespace they are in memory only.
//! let settings = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
//! let entropy = [7; 32]; // 32 bytes from the operating system
//! let seed = 7; // another random number: it spreads retries, and keeps nothing secret
//! let now = Now { mono: Instant::new(Duration::ZERO), unix: UnixTime(1_792_540_800) };
//! let mut engine = Engine::new(Setup::new(config, settings, entropy, seed), now);
//! # assert!(engine.poll_timeout().is_some());
//! ```
//!
//! What of a configuration does not fit together (an account of a chassis that does not exist, a namespace that can be none)
//! is left out silently: check it where you read it, as our programs do.
//!
//! [`Config::protocol`](crate::config::Config::protocol) is HTTPS unless you say otherwise: a request whose
//! [`Peer::secure`](crate::Peer::secure) is false is then redirected or refused.
//!
//! The credentials for the API server need the rights that `docs/rights.md` lists.
//!
//! **Time** is an argument of every call. `mono` is the time since your program began, by a clock that never goes back;
//! `unix` is the wall clock in seconds, and may go back. Each call of the engine must be given a `mono` that is not less than
//! that of the call before; for exchanges on other threads a slightly older one does no harm.
//!
//! **Entropy** is an argument too. Keys of sessions are made of it: it must be random and secret. With the same arguments the
//! engine gives the same outputs, byte for byte.
//!
//! # 2. The run loop
//!
//! 1. Take outputs until there are none.
//! 2. Wait until something happens, or until the time that [`Engine::poll_timeout`](crate::Engine::poll_timeout) names.
//! 3. Hand it in: [`Engine::handle_input`](crate::Engine::handle_input), or
//!    [`Engine::handle_timeout`](crate::Engine::handle_timeout). Then begin anew: both may give new outputs and another time.
//!
//! A timeout that comes early does nothing, and one that comes late does what is due by then. Call `handle_timeout` also when
//! inputs never stop. `handle_input` may be called between two outputs. One bounded queue for everything that happens is
//! enough; [`fairness::round`](crate::fairness::round) is for those who have several.
//!
//! ```
//! # use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
//! # use kubevirt_redfish_core::{Answer, Input, Setup, Target, kubevirt::TransportError};
//! # use kubevirt_redfish_core::kubevirt::Settings;
//! # use kubevirt_redfish_fixtures::laboratory;
//! # use std::time::Duration;
//! use kubevirt_redfish_core::{Engine, Output};
//!
//! # let at = |seconds| Now { mono: Instant::new(Duration::from_secs(seconds)), unix: UnixTime(1_792_540_800) };
//! # let mut engine = Engine::new(Setup::new(laboratory::config(), Settings::default(), [7; 32], 7), at(0));
//! let mut sent = Vec::new();
//! while let Some(output) = engine.poll_output() {
//!     match output {
//!         Output::Send(outbound) => sent.push(outbound), // begin the request, go on
//!         Output::Publish(view) => drop(view),           // let reads use this view from now on
//!         _ => {} // a real loop has no such arm: every output wants something, see below
//!     }
//! }
//! // At the beginning it lists the machines of every namespace.
//! assert!(sent.iter().any(|outbound| outbound.request.uri().path().ends_with("/virtualmachines")));
//! // Later, when an answer comes or does not:
//! let answer = Answer::Failed(TransportError::NotSent("connection refused".to_owned()));
//! engine.handle_input(at(1), Input::Answer { id: sent[0].id, answer });
//! // It will try again, and says when it wants to be woken for that.
//! let (wake_at, _reason) = engine.poll_timeout().expect("there is always something to look at later");
//! // A real loop waits for an input for so long: `wake_at.saturating_since(now.mono)`.
//! engine.handle_timeout(Now { mono: wake_at, ..at(1) });
//! ```
//!
//! # 3. Outbound requests
//!
//! [`Output::Send`](crate::Output::Send) has an id, a [`Target`](crate::Target), an `http::Request` and a deadline. Report
//! with that id, in this order: [`Answer::Head`](crate::Answer::Head), any number of [`Answer::Data`](crate::Answer::Data),
//! [`Answer::End`](crate::Answer::End). Pass on what you read as soon as you have it: the answer to a watch goes on for
//! minutes. If anything goes wrong, report [`Answer::Failed`](crate::Answer::Failed) instead, once:
//!
//! | what happened | what to report |
//! |---|---|
//! | no connection, no credentials: certainly nothing was sent | `TransportError::NotSent` |
//! | anything after the first byte was sent | `TransportError::Broken` |
//! | your own time limit, if you need one | `TransportError::TimedOut` |
//!
//! The difference matters. A request that was sent and not answered may still be carried out, and the engine waits for that
//! before it says that a machine is off.
//!
//! Do not retry. Set one time limit, [`CONNECT_TIMEOUT`](crate::CONNECT_TIMEOUT) to connect; every other is the engine's. At a
//! deadline, or when nobody wants the answer any more, it says [`Output::Abort`](crate::Output::Abort); then stop, and report
//! nothing. A client that blocks keeps a clone of its socket by the request's id: shutting that down is an abort. What you
//! report late all the same is ignored. Lists and watches of the cluster have no deadline of their own; the engine aborts them.
//!
//! The headers are those that mean something. Add what the connection needs: `Host`, `Content-Length`, `User-Agent`.
//!
//! For `Target::ApiServer` add the address and the credentials. For the others the URL is absolute, and its host was named by
//! a client: resolve the name, connect only to addresses that [`Outside::permits`](crate::Outside::permits), and verify the
//! certificate as [`Outside::verification`](crate::Outside) says. Report the head; an `Abort` follows. The answer to a HEAD has
//! no body, whatever its `Content-Length`.
//!
//! At a time there are at most 64 requests of commands, 32 questions to image servers, 32 deliveries, and one watch for each of
//! a few kinds in each namespace.
//!
//! [`Output::SendDatagram`](crate::Output::SendDatagram) is a question to a time server that an administrator has set over
//! Redfish. Send it to an address that [`OutboundDatagram::permits`](crate::OutboundDatagram::permits), and report each datagram
//! that comes back from there; or report `NotSent`, and the log says that no time server answers.
//!
//! # 4. Requests of clients
//!
//! An [`Exchange`](crate::Exchange) carries one request, on any thread, with no lock: it needs only the newest
//! [`View`](crate::View). Keep that where all threads find it (an `ArcSwap`, or a `Mutex` that is held for a moment).
//!
//! ```
//! # use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
//! # use kubevirt_redfish_core::{Engine, Setup, kubevirt::Settings};
//! # use kubevirt_redfish_fixtures::laboratory;
//! # use std::time::Duration;
//! use http::Request;
//! use kubevirt_redfish_core::{Peer, Step};
//!
//! # let now = Now { mono: Instant::new(Duration::ZERO), unix: UnixTime(1_792_540_800) };
//! # let engine = Engine::new(Setup::new(laboratory::config(), Settings::default(), [7; 32], 7), now);
//! let view = engine.view();
//! let peer = Peer { address: [192, 0, 2, 1].into(), secure: true };
//! let head = Request::get("/redfish/v1/").header("host", "bmc.example").body(()).unwrap();
//! let (_exchange, step) = view.begin(now, &peer, head);
//! let Step::Respond(response) = step else { panic!("the service root is answered at once") };
//! assert_eq!(response.status(), 200);
//! ```
//!
//! Any other [`Step`](crate::Step) wants something, and [`Exchange::resume`](crate::Exchange::resume) takes what came of it
//! as a [`Signal`](crate::Signal), until there is a response. Give it the newest view each time.
//!
//! | step | do this | signal |
//! |---|---|---|
//! | `ReadBody { limit, within }` | read the body, no more and no longer than that | `Body`, `BodyTooLarge`, `BodyLate`, `BodyBroken` |
//! | `Submit(intent)` | `Input::Submitted` with a ticket of your own; wait for `Output::Outcome` with that ticket | `Outcome` |
//! | `Defer` | go on where it keeps nobody waiting: a thread pool | `Proceed` |
//! | `Stream { head, stream }` | send the head, then the data of every `Output::StreamData` for that stream | none |
//! | any | your own bound for [`Exchange::party`](crate::Exchange::party) is reached | `NoRoom`: it is told to come again |
//!
//! A client may hang up at any time: drop the exchange. What it had submitted goes on.
//!
//! **Streams.** An outcome may have a [stream](crate::Outcome::stream). Make its buffer (of
//! [`STREAM_BUFFER`](crate::fairness::STREAM_BUFFER) pieces) before you pass the outcome on: data may follow at once. Hand in
//! [`Input::StreamClosed`](crate::Input::StreamClosed) when the client has gone, when its buffer is full, and also if nobody
//! waits for the outcome any more. At [`Output::CloseStream`](crate::Output::CloseStream) send what is there, and close.
//!
//! **HTTP/1.1.** Hand in the head as it came: a missing `Host`, an absolute URL and `OPTIONS *` are the core's business. Yours
//! is the framing. Refuse a head that cannot be read, and one with contradictory lengths, by
//! [`refuse_head`](crate::refuse_head). `Expect: 100-continue` is answered when the body is asked for. Responses have their
//! `Content-Length` where there is one; add `Date` and `Connection`, and nothing else. If a response comes before the body has
//! been read, read it away or close the connection.
//!
//! # 5. The rest
//!
//! - [`Output::Publish`](crate::Output::Publish) always comes before the outcomes that it explains: store the view before you
//!   pass on an outcome, and whoever made a change sees it.
//! - [`Output::Password`](crate::Output::Password): a hash of argon2 or bcrypt to check or (argon2id) to make, on a thread pool.
//!   Every one must be answered by [`Input::Password`](crate::Input::Password): its client waits. Who cannot do it answers
//!   `Verified(false)` or `Hashed(None)`. With plain passwords only it comes when somebody sets a password over Redfish. How
//!   many at a time is the engine's to say.
//! - [`Output::Log`](crate::Output::Log): for the operator; it prints as one line, without secrets. What it tells of a client's
//!   request carries an id if you gave it one ([`Intent::asked_by`](crate::Intent::asked_by)).
//! - The end: go on for [`Config::drain_delay`](crate::config::Config::drain_delay) with `Connection: close`, if you have
//!   clients that have to go elsewhere. Then hand in [`Input::Shutdown`](crate::Input::Shutdown): changes are refused from now on,
//!   and when nothing that was begun is left the engine says [`Output::Stopped`](crate::Output::Stopped). The outcomes are out
//!   then, the responses may not be: let the connections finish. Who submits later is answered by
//!   [`refuse_stopped`](crate::refuse_stopped).
//! - [`View::is_ready`](crate::View::is_ready) is what a readiness probe wants to know.
//!
//! # Bounds
//!
//! Whatever a client or a server can make the engine keep is bounded; `docs/limits.md` lists every bound. Your program bounds
//! what it keeps itself: connections, bodies that are being read, submissions that wait ([`fairness`](crate::fairness) has the
//! numbers that our programs use, and the queues that share them out fairly).
//!
//! No input makes the engine panic: requests, answers and configuration are all taken for what anybody may have written.

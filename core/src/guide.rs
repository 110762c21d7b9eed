//! How to put this service into a program of your own.
//!
//! The core does nothing by itself. Your program owns the sockets, the clock and the threads, and calls the core with what
//! happened. `examples/` has three programs that do: `std_server` (a thread for each connection, no async), `axum_router` (a
//! `tower::Service` beside other routes) and `in_process` (for tests).
//!
//! # 1. Make an engine
//!
//! An [`Engine`](crate::Engine) is the whole service: one value, owned by one thread or task, called with `&mut`.
//!
//! ```
//! use kubevirt_redfish_core::config::Config;
//! use kubevirt_redfish_core::kubevirt::Settings;
//! use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
//! use kubevirt_redfish_core::{Engine, Setup};
//! use std::time::Duration;
//!
//! let entropy = [7; 32]; // 32 bytes from the operating system
//! let seed = 7; // another random number: it spreads retries, and keeps nothing secret
//! let now = Now { mono: Instant::new(Duration::ZERO), unix: UnixTime(1_792_540_800) };
//! let mut engine = Engine::new(Setup::new(Config::default(), Settings::default(), entropy, seed), now);
//! # assert!(engine.poll_timeout().is_some());
//! ```
//!
//! **Time** is an argument of every call. `mono` is the time since your program began, by a clock that never goes back;
//! `unix` is the wall clock in seconds. Each call must be given a `mono` that is not less than that of the call before.
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
//! A timeout that comes early does nothing, and one that comes late does what is due by then.
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
//!         _ => {}
//!     }
//! }
//! // At the beginning it lists the machines of every namespace.
//! assert!(sent.iter().any(|outbound| outbound.request.uri().path().ends_with("/virtualmachines")));
//! // Later, when an answer comes or does not:
//! let answer = Answer::Failed(TransportError::NotSent("connection refused".to_owned()));
//! engine.handle_input(at(1), Input::Answer { id: sent[0].id, answer });
//! // It will try again, and says when it wants to be woken for that.
//! let (wake_at, _reason) = engine.poll_timeout().expect("there is always something to look at later");
//! engine.handle_timeout(at(wake_at.since_start().as_secs() + 1));
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
//! Do not retry, and set no time limit: the engine does both. At a deadline, or when nobody wants the answer any more, it says
//! [`Output::Abort`](crate::Output::Abort); then stop, and report nothing. What you report late all the same is ignored.
//!
//! For `Target::ApiServer` add the address and the credentials. For the others the URL is absolute, and its host was named by
//! a client: resolve the name, and connect only to addresses that `Outside::policy` permits.
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
//!
//! A client may hang up at any time: drop the exchange. What it had submitted goes on. For a stream, hand in
//! [`Input::StreamClosed`](crate::Input::StreamClosed).
//!
//! # 5. The rest
//!
//! - [`Output::Publish`](crate::Output::Publish) always comes before the outcomes that it explains: store the view before you
//!   pass on an outcome, and whoever made a change sees it.
//! - [`Output::Password`](crate::Output::Password): argon2 or bcrypt on a thread pool, then
//!   [`Input::Password`](crate::Input::Password). How many at a time is the engine's to say.
//! - [`Output::Log`](crate::Output::Log): for the operator. No secrets are in it.
//! - [`Input::Shutdown`](crate::Input::Shutdown): the engine finishes what it has begun, then says
//!   [`Output::Stopped`](crate::Output::Stopped).
//!
//! # Bounds
//!
//! Whatever a client or a server can make the engine keep is bounded; `docs/limits.md` lists every bound. Your program bounds
//! what it keeps itself: connections, bodies that are being read, submissions that wait ([`fairness`](crate::fairness) has the
//! numbers that our programs use, and the queues that share them out fairly).
//!
//! No input makes the engine panic: requests, answers and configuration are all taken for what anybody may have written.

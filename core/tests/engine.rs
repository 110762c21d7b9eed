//! The engine as a runtime sees it: what it asks for, when it is to be called again, and what it does about silence.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::fairness::Bounds;
use kubevirt_redfish_core::kubevirt::{Settings, TransportError};
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
use kubevirt_redfish_core::{Answer, Engine, Input, Outbound, Output, Reason, RequestId, Setup, Signal, Step, Target};
use kubevirt_redfish_fixtures::{laboratory, stub};

/// An engine and what it has asked for and not been answered.
struct Lab {
    engine: Engine,
    now: Now,
    open: BTreeMap<RequestId, Outbound>,
    /// Everything that it has said, as text.
    said: Vec<String>,
}

impl Lab {
    fn new(config: Config) -> Self {
        let now = Now { mono: Instant::new(Duration::from_secs(1)), unix: UnixTime(1_792_540_800) };
        let kubevirt = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
        let setup = Setup { cluster_requests: Bounds::of(2, 64), ..Setup::new(config, kubevirt, [7; 32], 7) };
        let mut lab = Self { engine: Engine::new(setup, now), now, open: BTreeMap::new(), said: Vec::new() };
        lab.drain();
        lab
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            self.said.push(match &output {
                Output::Publish(_) => "Publish".to_owned(),
                other => format!("{other:?}"),
            });
            match output {
                Output::Send(outbound) => {
                    self.open.insert(outbound.id, *outbound);
                }
                Output::Abort(id) => {
                    assert!(self.open.remove(&id).is_some(), "{id:?} is not under way");
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, id: RequestId, answer: Answer) {
        if matches!(answer, Answer::End | Answer::Failed(_)) {
            self.open.remove(&id);
        }
        self.engine.handle_input(self.now, Input::Answer { id, answer });
        self.drain();
    }

    /// Lets time pass up to then, from one timeout to the next.
    fn advance(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, _)) = self.engine.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now.mono = at.max(self.now.mono);
            self.engine.handle_timeout(self.now);
            self.drain();
            let next = self.engine.poll_timeout();
            assert!(next.is_none_or(|(next, _)| next > self.now.mono), "it is due again at once: {next:?}");
        }
        self.now.mono = end;
    }

    /// Requests to the cluster under way whose path ends so.
    fn sent(&self, path: &str) -> Vec<RequestId> {
        let ends = |outbound: &&Outbound| outbound.request.uri().path().ends_with(path);
        self.open.values().filter(ends).map(|outbound| outbound.id).collect()
    }
}

#[test]
fn every_request_that_gets_no_answer_is_aborted_and_made_again_later() {
    let mut lab = Lab::new(stub::config());
    let first: Vec<RequestId> = lab.open.keys().copied().collect();
    assert!(
        first.len() > 4
            && lab
                .open
                .values()
                .all(|outbound| outbound.target == Target::ApiServer { watch: true } || outbound.deadline.is_some())
    );
    lab.advance(Duration::from_mins(10));
    assert!(first.iter().all(|id| !lab.open.contains_key(id)), "nobody waits for ten minutes");
    assert!(lab.open.keys().all(|id| *id > first[first.len() - 1]), "an id is never used twice");
    assert!(!lab.sent("/virtualmachines").is_empty(), "they are asked for again");
}

#[test]
fn answers_after_an_abort_and_to_nothing_change_nothing() {
    let mut lab = Lab::new(stub::config());
    let watch = lab.sent("/virtualmachines")[0];
    lab.answer(watch, Answer::Failed(TransportError::Broken("cut".to_owned())));
    let said = lab.said.len();
    for id in [watch, RequestId(0), RequestId(u64::MAX)] {
        for answer in [
            Answer::Head(Response::new(())),
            Answer::Data(Bytes::from_static(b"{}")),
            Answer::Datagram { data: Bytes::new(), sent: Duration::ZERO, received: Duration::ZERO },
            Answer::End,
            Answer::Failed(TransportError::TimedOut),
        ] {
            lab.answer(id, answer);
        }
    }
    assert_eq!(lab.said.len(), said);
    assert!(matches!(lab.engine.poll_timeout(), Some((_, Reason::Watch | Reason::Operation | Reason::Service(_)))));
}

/// A request for the lease that came late would be another replica's to have: it waits for no command.
#[test]
fn a_request_for_the_lease_waits_for_no_command() {
    let mut lab = Lab::new(stub::config());
    // Two log-ins with tokens that nobody answers take every place that there is for commands.
    lab.advance(Duration::from_millis(1));
    for token in ["a", "b", "c", "d"] {
        let request = Request::get("/redfish/v1/Systems").header("authorization", format!("Bearer {token}"));
        let head = stub::with_host(request.body(()).unwrap());
        let peer = kubevirt_redfish_core::Peer { address: [10, 0, 0, 1].into(), secure: true };
        let (_, step) = lab.engine.view().begin(lab.now, &peer, head);
        let Step::Submit(intent) = step else { continue };
        lab.engine.handle_input(
            lab.now,
            Input::Submitted { ticket: kubevirt_redfish_core::Ticket(token.len() as u64), intent },
        );
        lab.drain();
    }
    let asked = |lab: &Lab| lab.said.iter().filter(|said| said.contains("/leases/")).count();
    let before = asked(&lab);
    lab.advance(Duration::from_secs(20));
    assert!(asked(&lab) > before, "{:#?}", lab.said);
}

/// The same inputs give the same outputs, to the byte: what happened can be played again.
#[test]
fn equal_inputs_have_equal_outputs() {
    let play = || {
        let mut lab = Lab::new(stub::config());
        for round in 0..20_u64 {
            let open: Vec<RequestId> = lab.open.keys().copied().collect();
            for (place, id) in open.into_iter().enumerate() {
                let mut head = Response::new(());
                match (place as u64 + round) % 4 {
                    0 => lab.answer(id, Answer::Failed(TransportError::NotSent("nobody listens".to_owned()))),
                    1 => {
                        *head.status_mut() = StatusCode::OK;
                        lab.answer(id, Answer::Head(head));
                        lab.answer(
                            id,
                            Answer::Data(Bytes::from_static(
                                b"{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}",
                            )),
                        );
                        lab.answer(id, Answer::End);
                    }
                    2 => {
                        *head.status_mut() = StatusCode::FORBIDDEN;
                        lab.answer(id, Answer::Head(head));
                        lab.answer(id, Answer::End);
                    }
                    _ => {}
                }
            }
            lab.advance(Duration::from_secs(round));
        }
        lab.said
    };
    let said = play();
    assert!(said.len() > 100);
    assert_eq!(said, play());
}

/// What a client submits is answered exactly once, whatever the cluster does not.
#[test]
fn a_submission_is_answered_once_though_the_cluster_never_answers() {
    let mut lab = Lab::new(stub::config());
    let request = laboratory::request(Method::GET, "/redfish/v1/Chassis", None);
    let (head, _) = request.into_parts();
    let peer = kubevirt_redfish_core::Peer { address: [10, 0, 0, 1].into(), secure: true };
    let (mut exchange, step) = lab.engine.view().begin(lab.now, &peer, stub::with_host(Request::from_parts(head, ())));
    let Step::Submit(intent) = step else { panic!("an unknown password has to be worked on: {step:?}") };
    lab.engine.handle_input(lab.now, Input::Submitted { ticket: kubevirt_redfish_core::Ticket(1), intent });
    let mut outcomes = Vec::new();
    for _ in 0..600 {
        while let Some(output) = lab.engine.poll_output() {
            if let Output::Outcome { outcome, .. } = output {
                outcomes.push(outcome);
            }
        }
        lab.now.mono = lab.now.mono + Duration::from_secs(1);
        lab.engine.handle_timeout(lab.now);
    }
    let [outcome] = outcomes.try_into().unwrap();
    match exchange.resume(&lab.engine.view(), lab.now, Signal::Outcome(outcome)) {
        Step::Respond(response) => assert_eq!(response.status(), StatusCode::OK),
        step => panic!("{step:?}"),
    }
}

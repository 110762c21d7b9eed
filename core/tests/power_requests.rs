//! An older and a newer request for power, wherever the older one's request to the cluster is: in the end it is as the newer
//! one asked, or whoever asked was told that it is not certain.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::fairness::Bounds;
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect};
use kubevirt_redfish_fixtures::world::{ExchangeId, World};
use serde_json::json;

mod lab;

use lab::power::{REQUESTS, RESET, SECOND, truth, turn_on};
use lab::{NODE, request, reset};

/// Where the older request's own request is when the newer one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    /// It waits for its turn to be sent.
    Waiting,
    /// It has been sent, and arrives only after that many seconds, whoever waits for it.
    Late(u64),
    /// It has been sent and carried out, and is answered after that many seconds.
    AnsweredLate(u64),
    /// It has been carried out, and nobody learns that.
    AnswerLost,
    /// The same, and the connection broke.
    Cut,
    /// It never arrives.
    Lost,
}

impl Position {
    /// Before and after the deadlines of the commands (30 seconds each), and after the newer one has been answered.
    const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Late(3),
        Self::Late(28),
        Self::Late(33),
        Self::Late(50),
        Self::Late(100),
        Self::AnsweredLate(3),
        Self::AnsweredLate(28),
        Self::AnsweredLate(100),
        Self::AnswerLost,
        Self::Cut,
        Self::Lost,
    ];

    /// With whatever the older one may send.
    fn of_methods(self) -> Vec<(Method, Self)> {
        match self {
            Self::Waiting => vec![(Method::PUT, self)],
            _ => vec![(Method::PUT, self), (Method::PATCH, self)],
        }
    }

    fn effect(self) -> Option<FaultEffect> {
        Some(match self {
            Self::Waiting => return None,
            Self::Late(seconds) => FaultEffect::LateEffect(Duration::from_secs(seconds)),
            Self::AnsweredLate(seconds) => FaultEffect::SlowAnswer(Duration::from_secs(seconds)),
            Self::AnswerLost => FaultEffect::SilenceAfterEffect,
            Self::Cut => FaultEffect::CutBeforeAnswer,
            Self::Lost => FaultEffect::Silence,
        })
    }
}

/// Who carries out the newer request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    /// The replica that carries out the older one.
    Same,
    /// Another one.
    Another,
    /// The only one, which was killed in the middle of the older one and has been started again.
    Restarted,
}

impl Through {
    const ALL: [Self; 3] = [Self::Same, Self::Another, Self::Restarted];
}

/// A machine with that strategy, off or with a guest that runs, and replicas that send one request at a time for each
/// namespace.
fn world(strategy: &str, on: bool, replicas: usize) -> World {
    let mut world = lab::power::world(strategy, &[1]);
    world.set_places(Bounds::of(2, 64));
    turn_on(&mut world, replicas);
    if !on {
        assert_eq!(reset(&mut world, "ForceOff"), StatusCode::NO_CONTENT);
    }
    world.advance(5 * SECOND);
    world
}

fn begin(world: &mut World, reset_type: &str) -> ExchangeId {
    begin_through(world, 0, reset_type)
}

fn begin_through(world: &mut World, replica: usize, reset_type: &str) -> ExchangeId {
    world.begin(replica, request(Method::POST, RESET, Some(&json!({ "ResetType": reset_type }))))
}

/// What a machine is at last if that was asked for last and carried out; `None` where it depends on what it was.
fn wanted(reset_type: &str) -> Option<&'static str> {
    match reset_type {
        "ForceOff" | "GracefulShutdown" => Some("Off"),
        "Pause" => Some("Paused"),
        "PushPowerButton" | "Nmi" => None,
        _ => Some("On"),
    }
}

/// Has the older one's request, of that method, in that place when the newer one comes; what came of the newer one, or
/// nothing if the older one sends no such request.
fn play(strategy: &str, case: &Case) -> Option<StatusCode> {
    let Case { on, older, newer, position, method, through } = case;
    let (on, position) = (*on, *position);
    let name = format!("{strategy} on={on} {older}, {newer}, {position:?} {method}, {through:?}");
    let world = &mut world(strategy, on, if *through == Through::Another { 2 } else { 1 });
    if let Some(effect) = position.effect() {
        world.cluster.inject(Fault::new(effect).path("/node-0").method(method.clone()).times(1));
    } else {
        // Somebody else of the same namespace has the only place for a while.
        let busy = Fault::new(FaultEffect::SlowAnswer(20 * SECOND)).path("/node-1").times(1);
        world.cluster.inject(busy);
        let path = RESET.replace("node-0", "node-1");
        world.begin(0, request(Method::POST, &path, Some(&json!({ "ResetType": "On" }))));
    }
    world.take_calls();
    let first = begin(world, older);
    world.advance(2 * SECOND);
    let sent = world.cluster.faults_left() == 0;
    if position != Position::Waiting && !sent {
        return None;
    }
    let replica = usize::from(*through == Through::Another);
    if *through == Through::Restarted {
        world.kill(0);
        world.advance(SECOND);
        world.restart(0);
        world.advance(SECOND * 5);
    }
    let second = begin_through(world, replica, newer);
    assert!(world.run_until(Duration::from_mins(5), |world| world.is_answered(second)), "{name}: no answer");
    let code = world.response(second).unwrap().status();
    let certain = code.is_success() && *newer == "ForceOff";
    // Of a forced power-off everything that follows counts, of others what is so at last.
    for _ in 0..130 {
        assert!(!certain || truth(world) == "Off", "{name}: it is on again");
        assert!(!certain || !world.cluster.guest_runs("lab", "node-0"), "{name}: its guest runs");
        world.advance(2 * SECOND);
    }
    let alive = *through != Through::Restarted;
    assert!(!alive || world.is_answered(first), "{name}: the older one is never answered");
    let at_last = truth(world);
    for replica in 0..=replica {
        let response = world.send(replica, request(Method::GET, NODE, None)).unwrap();
        let shown: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(shown["PowerState"], json!(at_last), "{name}: replica {replica}");
    }
    if code.is_success() {
        if let Some(wanted) = wanted(newer) {
            assert_eq!(at_last, wanted, "{name}");
        }
    } else {
        let states = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::CONFLICT];
        assert!(states.contains(&code), "{name}: {code}");
        assert!(code != StatusCode::CONFLICT || ["Pause", "Resume", "Nmi"].contains(newer), "{name}: {code}");
    }
    Some(code)
}

/// An older and a newer request.
#[derive(Clone, Debug)]
struct Case {
    on: bool,
    older: &'static str,
    newer: &'static str,
    position: Position,
    method: Method,
    through: Through,
}

/// Plays a share of the cases of a strategy, or all of them (`lab::share`).
fn walk(strategy: &str, first: usize) {
    let step = lab::share(SHARE);
    let mut cases = Vec::new();
    for on in [false, true] {
        for older in REQUESTS {
            for (method, position) in Position::ALL.into_iter().flat_map(Position::of_methods) {
                for newer in REQUESTS {
                    let method = method.clone();
                    let case = |through| Case { on, older, newer, position, method: method.clone(), through };
                    cases.extend(Through::ALL.map(case));
                }
            }
        }
    }
    // Every pair has its turn, in a third of the places, in another one if the replica was killed.
    if lab::power_cases("all") {
        let mut number = 0;
        cases.retain(|case| {
            number += 1;
            let third = (number - 1) / Through::ALL.len() % 3;
            match case.through {
                Through::Same => true,
                Through::Another => third == 0,
                Through::Restarted => third == 1,
            }
        });
    }
    let mut failed = 0;
    let mut counts: BTreeMap<(Position, u16), u32> = BTreeMap::new();
    for case in cases.into_iter().skip(first % step).step_by(step) {
        match std::panic::catch_unwind(|| play(strategy, &case)) {
            Ok(Some(code)) => *counts.entry((case.position, code.as_u16())).or_default() += 1,
            Ok(None) => {}
            Err(_) => failed += 1,
        }
    }
    println!("{strategy}: {} cases", counts.values().sum::<u32>());
    for ((position, code), count) in counts {
        println!("  {position:?}: {count} times {code}");
    }
    assert_eq!(failed, 0, "{strategy}");
}

/// A prime number, so every request and every place has its turn.
const SHARE: usize = 157;

/// D7: requests whose clients have hung up are carried out once, not one after the other.
#[test]
fn a_thousand_power_offs_of_clients_that_hung_up_are_one_or_two() {
    let world = &mut world("Always", true, 1);
    world.take_calls();
    for number in 0..1_000 {
        let off = begin(world, "ForceOff");
        if number % 10 != 0 {
            world.hang_up(off);
        }
    }
    let last = begin(world, "ForceOff");
    assert!(world.run_until(SECOND * 5, |world| world.is_answered(last)));
    assert_eq!(world.response(last).unwrap().status(), StatusCode::NO_CONTENT);
    let stops = world.take_calls().iter().filter(|call| call.request.uri().path().ends_with("/stop")).count();
    assert!(stops <= 2, "{stops}");
    assert_eq!(world.commands_under_way(), 0);
}

/// D9: what has been called off while it waited for its turn is not sent, nor is what has no time left.
#[test]
fn a_power_on_that_was_called_off_while_it_waited_for_its_turn_is_not_sent() {
    let world = &mut world("Manual", false, 1);
    let busy = Fault::new(FaultEffect::SlowAnswer(20 * SECOND)).path("/node-1").times(1);
    world.cluster.inject(busy);
    world.begin(0, request(Method::POST, &RESET.replace("node-0", "node-1"), Some(&json!({ "ResetType": "On" }))));
    world.take_calls();
    let body = json!({ "ResetType": "On" });
    let mut asynchronous = request(Method::POST, RESET, Some(&body));
    asynchronous.headers_mut().insert("prefer", http::HeaderValue::from_static("respond-async"));
    let on = world.begin(0, asynchronous);
    let response = world.response(on).unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let monitor = response.headers()["location"].to_str().unwrap().to_owned();
    world.advance(SECOND);
    let gone = world.begin(0, request(Method::DELETE, &monitor, None));
    world.advance(Duration::from_mins(1));
    assert!(world.response(gone).unwrap().status().is_success());
    let calls = world.take_calls();
    let sent: Vec<_> = calls.iter().filter(|call| call.request.uri().path().contains("/node-0")).collect();
    assert!(sent.is_empty(), "{sent:?}");
    assert!(!world.cluster.guest_runs("lab", "node-0"));
}

#[test]
fn always() {
    walk("Always", 0);
}

#[test]
fn rerun_on_failure() {
    walk("RerunOnFailure", 10);
}

#[test]
fn manual() {
    walk("Manual", 20);
}

#[test]
fn once() {
    walk("Once", 30);
}

#[test]
fn halted() {
    walk("Halted", 40);
}

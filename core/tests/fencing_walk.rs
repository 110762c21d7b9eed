//! Whatever the cluster is in the middle of when somebody asks for another power state, and however long it takes to go on:
//! what was said to be off stays off until somebody asks for power, and what was pending comes about.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kubevirt_redfish_fixtures::cluster::ClusterStep;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::power::{REQUESTS, RESET, SECOND, truth, turn_on};
use lab::{NODE, request, reset};

/// What begins a series of steps of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Beginning {
    /// The guest crashes.
    Crash,
    /// The guest shuts itself down.
    Shutdown,
    /// Somebody deletes the instance.
    DeleteInstance,
    /// Somebody restarts it, with `virtctl`.
    Restart,
    /// Somebody stops it, with `virtctl`.
    Stop,
    /// Somebody starts it, with `virtctl`.
    Start,
    /// Its owner rewrites the strategy.
    Rewrite(&'static str),
}

impl Beginning {
    const ALL: [Self; 9] = [
        Self::Crash,
        Self::Shutdown,
        Self::DeleteInstance,
        Self::Restart,
        Self::Stop,
        Self::Start,
        Self::Rewrite("Always"),
        Self::Rewrite("RerunOnFailure"),
        Self::Rewrite("Halted"),
    ];

    /// Whether there is a guest before.
    fn needs_guest(self) -> bool {
        !matches!(self, Self::Start | Self::Rewrite("Always" | "RerunOnFailure"))
    }

    fn happen(self, world: &mut World) {
        let verb = |world: &mut World, verb: &str| {
            let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/lab/virtualmachines/node-0/{verb}");
            let now = world.now();
            world.cluster.handle_request(now, Request::put(path).body(Bytes::new()).unwrap());
        };
        match self {
            Self::Crash => assert!(world.cluster.guest_crash("lab", "node-0")),
            Self::Shutdown => assert!(world.cluster.guest_shutdown("lab", "node-0")),
            Self::DeleteInstance => assert!(world.cluster.delete("virtualmachineinstances", "lab", "node-0")),
            Self::Restart => verb(world, "restart"),
            Self::Stop => verb(world, "stop"),
            Self::Start => verb(world, "start"),
            Self::Rewrite(strategy) => lab::redefine(world, |machine| {
                machine["spec"]["runStrategy"] = json!(strategy);
                if let Some(notes) = machine.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
                    notes.remove("redfish.kubevirt.io/run-strategy");
                }
            }),
        }
    }
}

/// Where the cluster is, and in front of how many replicas.
#[derive(Clone, Copy, Debug)]
struct Place {
    strategy: &'static str,
    beginning: Beginning,
    step: ClusterStep,
    replicas: usize,
}

impl Place {
    /// A world in which the cluster is about to take that step.
    fn world(self) -> World {
        let mut world = lab::power::world(self.strategy, &[]);
        turn_on(&mut world, self.replicas);
        if !self.beginning.needs_guest() {
            assert_eq!(reset(&mut world, "ForceOff"), StatusCode::NO_CONTENT);
        }
        // Everybody is known to every replica, so that reads are answered at once.
        for replica in 0..self.replicas {
            world.send(replica, request(Method::GET, NODE, None)).expect("an answer");
        }
        world.advance(SECOND);
        world.cluster.hold(self.step);
        self.beginning.happen(&mut world);
        world.advance(2 * SECOND);
        world
    }

    /// Whether the cluster comes to that step, so that it is a place of its own. What virt-api decides upon a request of the
    /// service comes only with that.
    fn is_there(self) -> bool {
        let verb = matches!(self.beginning, Beginning::Restart | Beginning::Stop | Beginning::Start);
        match self.step {
            // Whose request virt-api carries out first, the service's or somebody else's, nobody can know.
            ClusterStep::WriteVerb => !verb,
            step => self.world().cluster.waiting_at(step) > 0,
        }
    }
}

/// Lets time pass; whenever a replica says that the machine is off, no guest may run from then on.
fn watch(world: &mut World, replicas: usize, time: Duration, asked_for_power: bool) {
    let end = world.now() + time;
    let mut seen: Vec<_> = (0..replicas).map(|_| None).collect();
    while world.now() < end {
        for (replica, seen) in seen.iter_mut().enumerate() {
            let view = world.view(replica).map(Arc::clone);
            if view.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
                continue;
            }
            *seen = view;
            let shown = world.peek(replica, request(Method::GET, NODE, None)).expect("an answer");
            let shown: Value = serde_json::from_slice(shown.body()).unwrap();
            if shown["PowerState"] == "Off" {
                assert!(!world.cluster.guest_runs("lab", "node-0"), "replica {replica}: off, while a guest runs");
                if !asked_for_power {
                    world.fence("lab", "node-0");
                }
            }
        }
        let rest = end.saturating_sub(world.now());
        world.run_until(rest, |world| {
            seen.iter()
                .enumerate()
                .any(|(replica, seen)| world.view(replica).map(Arc::as_ptr) != seen.as_ref().map(Arc::as_ptr))
        });
    }
}

/// Asks for a power state while the cluster is in that place, and lets the cluster go on after a while.
fn play(place: Place, reset_type: &str, delay: Duration) -> StatusCode {
    let name = format!("{place:?} {reset_type} {delay:?}");
    let world = &mut place.world();
    let asks_for_power = !matches!(reset_type, "ForceOff" | "GracefulShutdown" | "Pause" | "Resume" | "Nmi");
    let last = place.replicas - 1;
    watch(world, place.replicas, SECOND, false);
    if asks_for_power {
        world.unfence("lab", "node-0");
    }
    let id = world.begin(last, request(Method::POST, RESET, Some(&json!({ "ResetType": reset_type }))));
    let mut code = None;
    let released_at = world.now() + delay;
    let end = released_at + 40 * SECOND;
    while world.now() < end {
        let before_release = released_at.saturating_sub(world.now());
        if before_release.is_zero() {
            world.cluster.release(place.step);
        }
        let rest = if before_release.is_zero() { end.saturating_sub(world.now()) } else { before_release };
        watch(world, place.replicas, rest.min(SECOND), asks_for_power);
        if code.is_none()
            && let Some(response) = world.response(id)
        {
            code = Some(response.status());
            if reset_type == "ForceOff" && response.status().is_success() {
                assert!(!world.cluster.guest_runs("lab", "node-0"), "{name}: 204, while a guest runs");
                world.fence("lab", "node-0");
            }
        }
    }
    let code = code.unwrap_or_else(|| panic!("{name}: no answer"));
    assert_eq!(world.breaches(), [""; 0], "{name}: {code}");
    let at_last = truth(world);
    for replica in 0..place.replicas {
        let shown = world.send(replica, request(Method::GET, NODE, None)).expect("an answer");
        let shown: Value = serde_json::from_slice(shown.body()).unwrap();
        assert_eq!(shown["PowerState"], at_last, "{name}: {code}");
    }
    match (code, reset_type) {
        (StatusCode::NO_CONTENT, "ForceOff" | "GracefulShutdown") => assert_eq!(at_last, "Off", "{name}"),
        (StatusCode::NO_CONTENT, "On" | "GracefulRestart" | "ForceRestart" | "PowerCycle") => {
            assert_eq!(at_last, "On", "{name}");
        }
        (StatusCode::NO_CONTENT, "Pause") => assert!(matches!(at_last, "Paused"), "{name}: {at_last}"),
        (StatusCode::NO_CONTENT | StatusCode::SERVICE_UNAVAILABLE, _)
        | (StatusCode::CONFLICT, "Pause" | "Resume" | "Nmi") => {}
        _ => panic!("{name}: {code}"),
    }
    code
}

/// Plays a share of the cases of a strategy, or all of them (`lab::share`).
fn walk(strategy: &'static str, first: usize) {
    let mut cases = Vec::new();
    for (beginning, step) in
        Beginning::ALL.into_iter().flat_map(|beginning| ClusterStep::ALL.map(|step| (beginning, step)))
    {
        for reset_type in REQUESTS {
            for (replicas, delay) in [(1, 3), (1, 40), (2, 3), (2, 40)] {
                cases.push((Place { strategy, beginning, step, replicas }, reset_type, delay * SECOND));
            }
        }
    }
    let step = lab::share(SHARE);
    let mut failed = 0;
    let mut there = BTreeMap::new();
    let mut counts = BTreeMap::<(&str, u16), u32>::new();
    for (place, reset_type, delay) in cases.into_iter().skip(first % step).step_by(step) {
        let is_there = *there.entry((place.beginning, place.step)).or_insert_with(|| place.is_there());
        if !is_there {
            continue;
        }
        match std::panic::catch_unwind(|| play(place, reset_type, delay)) {
            Ok(code) => *counts.entry((reset_type, code.as_u16())).or_default() += 1,
            Err(_) => failed += 1,
        }
    }
    let places = there.values().filter(|there| **there).count();
    println!("{strategy}: {} cases in {places} places", counts.values().sum::<u32>());
    for ((reset_type, code), count) in counts {
        println!("  {reset_type}: {count} times {code}");
    }
    assert_eq!(failed, 0, "{strategy}");
}

/// A prime number, so every step and every reset type has its turn.
const SHARE: usize = 31;

#[test]
fn always() {
    walk("Always", 0);
}

#[test]
fn rerun_on_failure() {
    walk("RerunOnFailure", 3);
}

#[test]
fn manual() {
    walk("Manual", 6);
}

#[test]
fn once() {
    walk("Once", 9);
}

#[test]
fn halted() {
    walk("Halted", 12);
}

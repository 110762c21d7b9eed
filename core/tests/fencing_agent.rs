//! What `fence_redfish` does (fence-agents 4.12: read `PowerState`, ask for `ForceOff` whatever the answer is, read once a
//! second until it is `Off`), against guests that crash at any moment around it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use http::Method;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::power::{RESET, SECOND, turn_on};
use lab::{NODE, request};

const STEP: Duration = Duration::from_millis(10);

/// The moment of the crash, to which time goes on however the agent waits.
struct Crash(Duration);

impl Crash {
    fn advance(&mut self, world: &mut World, time: Duration) {
        let end = world.now() + time;
        if self.0 <= end {
            world.advance(self.0.saturating_sub(world.now()));
            world.cluster.guest_crash("lab", "node-0");
            self.0 = Duration::MAX;
        }
        world.advance(end.saturating_sub(world.now()));
    }
}

fn power(world: &mut World) -> Value {
    let answer = world.send(0, request(Method::GET, NODE, None)).expect("an answer");
    let system: Value = serde_json::from_slice(answer.body()).unwrap();
    system["PowerState"].clone()
}

/// How long the agent took, if the guest crashes that long after it began, or before.
fn fence(strategy: &str, lead: Duration, crash: Duration) -> Duration {
    let world = &mut lab::power::world(strategy, &[]);
    turn_on(world, 1);
    world.advance(5 * SECOND);
    let begin = world.now() + lead;
    let mut crash = Crash(world.now() + crash);
    crash.advance(world, lead);
    if power(world) != "Off" {
        let off = world.begin(0, request(Method::POST, RESET, Some(&json!({ "ResetType": "ForceOff" }))));
        while !world.is_answered(off) {
            crash.advance(world, STEP);
            assert!(world.now() < begin + 40 * SECOND, "{strategy} {:?}: no answer", crash.0);
        }
        if world.response(off).expect("an answer").status().is_success() {
            world.fence("lab", "node-0");
        }
        while power(world) != "Off" {
            crash.advance(world, SECOND);
            assert!(world.now() < begin + Duration::from_mins(1), "{strategy} {:?}: not off", crash.0);
        }
    }
    world.fence("lab", "node-0");
    let took = world.now().saturating_sub(begin);
    crash.advance(world, 30 * SECOND);
    assert_eq!(world.breaches(), [""; 0], "{strategy}, {lead:?} {:?}", crash.0);
    took
}

/// R1: a crash at each ten milliseconds from four seconds before the agent begins until four seconds after.
#[test]
fn an_agent_that_believes_off_is_right_whenever_the_guest_crashes() {
    let lead = 4 * SECOND;
    let moments: Vec<_> = (0..800).map(|step| STEP * step).collect();
    let (mut tried, mut slowest) = (0, Duration::ZERO);
    for (first, strategy) in ["RerunOnFailure", "Always", "Once", "Manual"].into_iter().enumerate() {
        let share = lab::share(SHARE);
        for moment in moments.iter().skip(first % share).step_by(share) {
            slowest = slowest.max(fence(strategy, lead, *moment));
            tried += 1;
        }
    }
    println!("{tried} crashes, none of which brought a machine back; the slowest agent took {slowest:?}");
    assert!(slowest < 20 * SECOND, "fence_redfish gives up after 20 s: {slowest:?}");
}

/// One crash every 170 ms with each strategy, at other moments with each.
const SHARE: usize = 17;

//! Every request of every command, with everything that may go wrong on its way: the command does all the same what it
//! should, or it says why it does not, and then it has done all of it or nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use kubevirt_redfish_core::kubevirt::TransportError;
use kubevirt_redfish_core::model::{
    Action, BootChange, BootDevice, BootEnabled, BootOrderChange, BootTarget, CommandError, Completion,
    ImageCredentials, ImagePassword, InsertMedia, MachineChange, PowerRequest, Slot, Uid,
};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Simulation};
use kubevirt_redfish_fixtures::sample::{small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{Answer, NAMESPACE, World, cut, image_of};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// Somebody else was faster.
    Conflict,
    /// A test in a patch failed, as the API server says it.
    FailedTest,
    /// The same, as virt-api says it.
    FailedTestOfVirtApi,
    /// A webhook does not like it.
    Denied,
    TooMany,
    Unavailable,
    /// The service lacks the right.
    Forbidden,
    /// No answer in time.
    TimedOut,
    /// The connection is cut, with and without effect.
    Cut {
        effect: bool,
    },
}

impl Mishap {
    const ALL: [Self; 10] = [
        Self::Conflict,
        Self::FailedTest,
        Self::FailedTestOfVirtApi,
        Self::Denied,
        Self::TooMany,
        Self::Unavailable,
        Self::Forbidden,
        Self::TimedOut,
        Self::Cut { effect: false },
        Self::Cut { effect: true },
    ];

    /// Whether it can happen to a request. What is only read is not refused for what is in it.
    fn concerns(self, request: &str) -> bool {
        let of_writes = matches!(
            self,
            Self::Conflict | Self::FailedTest | Self::FailedTestOfVirtApi | Self::Denied | Self::Cut { effect: true }
        );
        !of_writes || !request.starts_with("GET ")
    }

    /// Whether trying again helps, if it happens only once.
    const fn passes(self) -> bool {
        !matches!(self, Self::Denied | Self::Forbidden)
    }

    fn happen(self, sim: &mut Simulation, request: Request<Bytes>) -> Answer {
        let status = |code: u16, reason: &str, message: &str| FaultEffect::Status {
            code: StatusCode::from_u16(code).expect("a status code"),
            retry_after: (code == 429).then_some(1),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        let rejected = "the server rejected our request due to an error in our request";
        let effect = match self {
            Self::Conflict => FaultEffect::conflict(),
            Self::FailedTest => status(422, "Invalid", rejected),
            Self::FailedTestOfVirtApi => status(500, "InternalError", &format!("Internal error occurred: {rejected}")),
            Self::Denied => status(
                422,
                "Invalid",
                "admission webhook \"virtualmachine-validator.kubevirt.io\" denied the request: not on Sundays",
            ),
            Self::TooMany => status(429, "TooManyRequests", "too many requests"),
            Self::Unavailable => FaultEffect::unavailable(),
            Self::Forbidden => {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                status(403, "Forbidden", &format!("User \"sa\" cannot {method} resource \"{path}\""))
            }
            Self::Cut { effect } => {
                if effect {
                    sim.try_send(request);
                }
                return Err(cut());
            }
            Self::TimedOut => {
                sim.advance(Duration::from_secs(10));
                return Err(TransportError::TimedOut);
            }
        };
        sim.cluster.inject(Fault::new(effect).times(1));
        let answer = sim.try_send(request).ok_or_else(cut);
        sim.cluster.clear_faults();
        answer
    }
}

/// A command, with what has to be there before it.
struct Case {
    name: &'static str,
    version: KubevirtVersion,
    strategy: &'static str,
    before: Vec<Action>,
    action: Action,
}

/// Until then nothing is left to come of a command.
const AFTER: Duration = Duration::from_secs(20);

const IMAGE: &str = "http://images.example/a.iso";

fn insert(slot: Slot, image: &str) -> Action {
    Action::InsertMedia(InsertMedia { slot, image: image_of(image), write_protected: true, credentials: None })
}

fn boot(change: BootChange) -> Action {
    Action::Change(MachineChange { boot: Some(change), ..MachineChange::default() })
}

fn cases() -> Vec<Case> {
    let target =
        |target, enabled| boot(BootChange { target: Some(target), enabled: Some(enabled), ..BootChange::default() });
    let once = |to| target(to, BootEnabled::Once);
    let order = BootChange {
        order: Some(BootOrderChange::Whole([BootDevice::Nic("default".into())].into())),
        ..BootChange::default()
    };
    let login = ImageCredentials { user_name: "user".into(), password: ImagePassword::new("secret") };
    let secret = InsertMedia {
        slot: Slot::Cd,
        image: image_of("https://images.example/a.iso"),
        write_protected: true,
        credentials: Some(login),
    };
    let changes: Vec<(&'static str, Vec<Action>, Action)> = vec![
        ("boot Cd once", vec![], once(BootTarget::Cd)),
        ("boot Pxe always", vec![], target(BootTarget::Pxe, BootEnabled::Continuous)),
        ("boot as ever", vec![once(BootTarget::Pxe)], target(BootTarget::None, BootEnabled::Disabled)),
        ("boot in another order", vec![], boot(order)),
        (
            "put the order back",
            vec![once(BootTarget::Pxe)],
            Action::RestoreBoot { booted: true, used_by: Uid::new("somebody") },
        ),
        ("insert", vec![], insert(Slot::Cd, IMAGE)),
        ("insert with a log-in", vec![], Action::InsertMedia(secret)),
        ("insert something else", vec![insert(Slot::Cd, IMAGE)], insert(Slot::Cd, "http://images.example/b.iso")),
        ("insert the same", vec![insert(Slot::Cd, IMAGE)], insert(Slot::Cd, IMAGE)),
        ("eject", vec![insert(Slot::Cd, IMAGE)], Action::EjectMedia(Slot::Cd)),
        ("plug in", vec![], insert(Slot::Usb, IMAGE)),
        ("pull out", vec![insert(Slot::Usb, IMAGE)], Action::EjectMedia(Slot::Usb)),
        ("reset the firmware", vec![], Action::ResetFirmware),
    ];
    let mut cases = Vec::new();
    let (new, old) = (KubevirtVersion::V1_9, KubevirtVersion::V1_8);
    for (version, strategy) in [(new, "Always"), (new, "Halted"), (old, "Always")] {
        for (name, before, action) in &changes {
            // Elsewhere the two differ in nothing that could go wrong.
            if version == new || matches!(*name, "insert" | "insert something else" | "eject") {
                cases.push(Case { name, version, strategy, before: before.clone(), action: action.clone() });
            }
        }
    }
    for request in PowerRequest::ALL {
        let before = match request {
            PowerRequest::Resume => vec![Action::Power(PowerRequest::Pause)],
            _ => Vec::new(),
        };
        cases.push(Case { name: "power", version: new, strategy: "Always", before, action: Action::Power(*request) });
    }
    cases
}

impl Case {
    fn is_power(&self) -> bool {
        matches!(self.action, Action::Power(_))
    }

    /// The cluster before the command; `None` if it is not possible there.
    fn world(&self) -> World {
        let config = ClusterConfig { interrupt: true, ..ClusterConfig::new(self.version) };
        let mut world = World::of(config);
        let make = if self.version == KubevirtVersion::V1_9 { small_with_drive } else { small };
        world.create(make(NAMESPACE, "vm", self.strategy));
        for action in &self.before {
            // A machine that is off cannot be paused; the command is refused just so.
            let _ = world.run("vm", action.clone());
            world.rest(Duration::from_secs(8));
        }
        world.sent.clear();
        world
    }

    fn run(
        &self,
        world: &mut World,
        way: impl FnMut(&mut Simulation, usize, Request<Bytes>) -> Answer,
    ) -> Result<Completion, CommandError> {
        let command = world.command("vm", self.action.clone(), Duration::from_mins(1));
        world.carry_by(command, way)
    }

    fn describe(&self) -> String {
        format!("{} {:?} {} {:?}", self.name, self.version, self.strategy, self.action)
    }
}

/// What there is of the machine: its definition, what is noted down with it, what it is doing.
fn picture(world: &World) -> (Value, String) {
    let machine = world.machine("vm");
    let mut notes = machine["metadata"]["annotations"].clone();
    if let Some(notes) = notes.as_object_mut() {
        // What replicas tell each other of their requests is no part of what is defined.
        let requests = "redfish.kubevirt.io/power-requests";
        notes.retain(|name, _| name.starts_with("redfish.kubevirt.io/") && name != requests);
    }
    let definition = json!({ "notes": notes, "spec": machine["spec"] });
    // What is drawn differs from time to time.
    let text = definition.to_string();
    let run = world.run_uid("vm").unwrap_or_default();
    let text = if run.is_empty() { text } else { text.replace(&run, "run") };
    (serde_json::from_str(&text).expect("JSON"), world.phase("vm"))
}

/// Something goes wrong once, with one request after the other.
#[test]
fn what_goes_wrong_once_is_got_over_or_said() {
    let mut tried = 0;
    for case in cases() {
        let mut world = case.world();
        let plain = case.run(&mut world, |sim, _, request| sim.try_send(request).ok_or_else(cut));
        let requests = world.sent.clone();
        world.rest(AFTER);
        let expected = picture(&world);
        for (number, request) in requests.iter().enumerate() {
            for mishap in Mishap::ALL.into_iter().filter(|mishap| mishap.concerns(request)) {
                tried += 1;
                let mut world = case.world();
                let before = picture(&world);
                let result = case.run(&mut world, |sim, at, request| {
                    if at == number { mishap.happen(sim, request) } else { sim.try_send(request).ok_or_else(cut) }
                });
                world.rest(AFTER);
                let found = picture(&world);
                let untouched = found == before || found == expected;
                // A note of what is about to be replaced says nothing while it has not been.
                let strategy = |of: &(Value, String)| of.0["spec"]["runStrategy"].clone();
                let untouched =
                    untouched || case.is_power() && strategy(&found) == strategy(&before) && found.1 == before.1;
                let story = format!("{}: request {number} {mishap:?}: {result:?}\n{:#?}", case.describe(), world.sent);
                match (&result, &plain) {
                    (Ok(_), Ok(_)) if case.is_power() => assert_eq!(found.1, expected.1, "{story}"),
                    (Ok(_), Ok(_)) => assert_eq!(found, expected, "{story}"),
                    // It was not possible anyway.
                    (Err(CommandError::Conflict(_)), Err(CommandError::Conflict(_))) => {}
                    (Err(CommandError::Forbidden(text)), _) => {
                        assert!(mishap == Mishap::Forbidden && text.contains("cannot"), "{story}");
                        assert!(untouched, "half of it is done: {story}");
                    }
                    (Err(CommandError::Refused(text)), _) => {
                        assert!(mishap == Mishap::Denied && text.contains("Sundays"), "{story}");
                        assert!(untouched, "half of it is done: {story}");
                    }
                    _ => panic!("{story}"),
                }
                assert!(result.is_ok() || plain.is_err() || !mishap.passes(), "{story}");
            }
        }
    }
    assert!(tried > 700, "{tried}");
}

/// From one request on everything goes wrong, until the command is given up.
#[test]
fn what_goes_on_going_wrong_is_said_and_nothing_is_half_done() {
    let cases = cases().into_iter().filter(|case| !case.is_power() && case.version == KubevirtVersion::V1_9);
    for case in cases {
        let mut world = case.world();
        let _ = case.run(&mut world, |sim, _, request| sim.try_send(request).ok_or_else(cut));
        let requests = world.sent.len();
        world.rest(AFTER);
        let expected = picture(&world);
        for number in 0..requests {
            for mishap in [Mishap::Conflict, Mishap::Unavailable, Mishap::TimedOut] {
                let mut world = case.world();
                let before = picture(&world);
                let result = case.run(&mut world, |sim, at, request| {
                    if at >= number { mishap.happen(sim, request) } else { sim.try_send(request).ok_or_else(cut) }
                });
                world.rest(AFTER);
                let found = picture(&world);
                let story = format!("{}: from {number} {mishap:?}: {result:?}\n{:#?}", case.describe(), world.sent);
                let said = match &result {
                    Ok(_) => found == expected,
                    Err(CommandError::Unavailable { .. } | CommandError::TimedOut) => true,
                    Err(CommandError::Contended) => mishap == Mishap::Conflict,
                    Err(_) => false,
                };
                assert!(said, "{story}");
                assert!(found == before || found == expected, "half of it is done: {story}");
                // The same again does what is left to do.
                let again = case.run(&mut world, |sim, _, request| sim.try_send(request).ok_or_else(cut));
                world.rest(AFTER);
                assert!(again.is_ok(), "{again:?} {story}");
                assert_eq!(picture(&world), expected, "{story}");
            }
        }
    }
}

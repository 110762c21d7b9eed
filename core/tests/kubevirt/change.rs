//! Changes of how a machine is defined: one patch each, and a machine that goes on as it was.

use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, BootChange, BootEnabled, BootTarget, CommandError, FirmwareSettings, Indicator, MachineChange,
    PowerRequest, PowerRestore, Tpm,
};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::sample::{small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, seen};

const POLICIES: [PowerRestore; 3] = [PowerRestore::AlwaysOn, PowerRestore::LastState, PowerRestore::AlwaysOff];

fn restore(policy: PowerRestore) -> Action {
    Action::Change(MachineChange { power_restore: Some(policy), ..MachineChange::default() })
}

/// What the machine is seen to be, by a change that changes nothing.
fn shown(world: &mut World) -> (PowerRestore, Indicator) {
    let completion = world.run("vm", Action::Change(MachineChange::default())).expect("nothing to do");
    let (machine, _) = seen(&completion);
    let machine = machine.expect("it was read");
    (machine.power_restore, machine.indicator)
}

/// An instance that has ended may stay or go: the machine is off.
fn power_of(world: &World) -> String {
    let phase = world.phase("vm");
    if ["Succeeded", "Failed"].contains(&phase.as_str()) { "Off".to_owned() } else { phase }
}

/// A machine with this strategy, or with the deprecated field.
fn machine(strategy: &str) -> Value {
    let mut machine = small(NAMESPACE, "vm", "Always");
    let spec = machine["spec"].as_object_mut().expect("an object");
    spec.remove("runStrategy");
    match strategy.strip_prefix("running=") {
        Some(running) => spec.insert("running".to_owned(), json!(running == "true")),
        None => spec.insert("runStrategy".to_owned(), json!(strategy)),
    };
    machine
}

#[test]
fn everything_in_one_patch_or_nothing() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let all = |target, tag: &str| {
        Action::Change(MachineChange {
            boot: Some(BootChange { target: Some(target), enabled: Some(BootEnabled::Once), ..BootChange::default() }),
            asset_tag: Some(Some(tag.into())),
            indicator: Some(Indicator::Blinking),
            power_restore: Some(PowerRestore::AlwaysOn),
            firmware: FirmwareSettings { tpm: Some(Tpm::Volatile), ..FirmwareSettings::default() },
        })
    };
    let tag = |world: &World| world.annotation("vm", "asset-tag");
    world.run("vm", all(BootTarget::Hdd, "rack")).expect("set");
    assert_eq!(world.writes().len(), 1, "one patch");
    assert_eq!((tag(&world), world.annotation("vm", "boot-override").is_some()), (Some("rack".into()), true));
    assert_eq!(shown(&mut world), (PowerRestore::AlwaysOn, Indicator::Blinking));
    world.run("vm", all(BootTarget::Hdd, "rack")).expect("nothing to do");
    assert_eq!(world.writes(), Vec::<String>::new());
    world.run("vm", all(BootTarget::Hdd, "cellar")).expect("only the tag");
    assert_eq!(tag(&world), Some("cellar".into()));
    world.writes();
    let devices = json!({ "interfaces": [], "autoattachPodInterface": false });
    let none = json!({ "spec": { "template": { "spec": { "domain": { "devices": devices }, "networks": [] } } } });
    world.patch("vm", &none);
    let result = world.run("vm", all(BootTarget::Pxe, "roof"));
    assert!(matches!(result, Err(CommandError::Conflict(_))), "{result:?}");
    assert_eq!(world.writes(), Vec::<String>::new());
    assert_eq!(tag(&world), Some("cellar".into()));
}

#[test]
fn an_indicator_that_is_off_leaves_nothing_behind() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let set = |indicator| Action::Change(MachineChange { indicator: Some(indicator), ..MachineChange::default() });
    for indicator in [Indicator::Lit, Indicator::Blinking] {
        world.run("vm", set(indicator)).expect("set");
        assert_eq!(shown(&mut world).1, indicator);
    }
    world.run("vm", set(Indicator::Off)).expect("off");
    assert_eq!((shown(&mut world).1, world.annotation("vm", "indicator-led")), (Indicator::Off, None));
    let nonsense = json!({ "metadata": { "annotations": { "redfish.kubevirt.io/indicator-led": "Purple" } } });
    world.patch("vm", &nonsense);
    assert_eq!(shown(&mut world).1, Indicator::Off);
}

/// Choosing what becomes of it neither starts nor stops a machine, whatever it does just now; the choice is read back,
/// and is there after it has been turned off and on.
#[test]
fn a_choice_of_power_restore_leaves_the_machine_as_it_is_and_lasts() {
    type Step = fn(&mut World);
    // What is done to a running machine, if it does run, and how long before the choice is made.
    let states: &[(&str, Step, u64)] = &[
        ("as it was made", |_| {}, 0),
        ("off", |world| drop(world.power("vm", PowerRequest::ForceOff)), 10_000),
        ("stopping", |world| drop(world.power("vm", PowerRequest::GracefulShutdown)), 10),
        ("started", |world| drop(world.power("vm", PowerRequest::On)), 0),
        ("running", |world| drop(world.power("vm", PowerRequest::On)), 20_000),
        (
            "paused",
            |world| {
                drop(world.power("vm", PowerRequest::On));
                world.rest(Duration::from_secs(10));
                drop(world.power("vm", PowerRequest::Pause));
            },
            1_000,
        ),
        (
            "ended",
            |world| {
                drop(world.power("vm", PowerRequest::On));
                world.rest(Duration::from_secs(10));
                world.sim.cluster.guest_shutdown(NAMESPACE, "vm");
            },
            10_000,
        ),
        (
            "ending",
            |world| {
                drop(world.power("vm", PowerRequest::On));
                world.rest(Duration::from_secs(10));
                world.sim.cluster.guest_shutdown(NAMESPACE, "vm");
            },
            50,
        ),
        (
            "restarting",
            |world| {
                drop(world.power("vm", PowerRequest::On));
                world.rest(Duration::from_secs(10));
                drop(world.power("vm", PowerRequest::PowerCycle));
            },
            10,
        ),
    ];
    let strategies = ["Always", "RerunOnFailure", "Manual", "Once", "Halted", "running=true", "running=false"];
    for strategy in strategies {
        for (state, reach, time) in states {
            let reached = || {
                let mut world = World::of(ClusterConfig::new(KubevirtVersion::V1_8));
                world.create(machine(strategy));
                reach(&mut world);
                world.rest(Duration::from_millis(*time));
                world
            };
            let mut undisturbed = reached();
            undisturbed.rest(Duration::from_mins(1));
            for policy in POLICIES {
                let context = format!("{strategy}, {state}, {policy:?}");
                let mut world = reached();
                world.writes();
                world.run("vm", restore(policy)).unwrap_or_else(|error| panic!("{context}: {error}"));
                let writes = world.writes();
                assert!(writes.len() <= 1, "{context}: {writes:#?}");
                world.rest(Duration::from_mins(1));
                assert_eq!(power_of(&world), power_of(&undisturbed), "{context}: {writes:#?}");
                assert_eq!(shown(&mut world).0, policy, "{context}");
                world.writes();
                world.run("vm", restore(policy)).expect("nothing to do");
                assert_eq!(world.writes(), Vec::<String>::new(), "{context}: it is so already");
                for request in [PowerRequest::ForceOff, PowerRequest::On] {
                    world.power("vm", request).unwrap_or_else(|error| panic!("{context}: {error}"));
                    world.rest(Duration::from_secs(20));
                    assert_eq!(shown(&mut world).0, policy, "{context}: after {request:?}");
                    let expected = if request == PowerRequest::On { "Running" } else { "Off" };
                    assert_eq!(power_of(&world), expected, "{context}: after {request:?}");
                }
            }
        }
    }
}

/// The guest's own reboot after an installation counts as a new boot only where a new instance follows by itself.
#[test]
fn the_reboot_policy_of_a_boot_override_follows_the_choice() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let once = BootChange { target: Some(BootTarget::Cd), enabled: Some(BootEnabled::Once), ..BootChange::default() };
    world.run("vm", Action::Change(MachineChange { boot: Some(once), ..MachineChange::default() })).expect("set");
    let policy = |world: &World| world.machine("vm").pointer("/spec/template/spec/domain/rebootPolicy").cloned();
    assert_eq!(policy(&world), Some(json!("Terminate")));
    let record = world.annotation("vm", "boot-override");
    world.run("vm", restore(PowerRestore::AlwaysOff)).expect("set");
    assert_eq!(policy(&world), None);
    world.run("vm", restore(PowerRestore::AlwaysOn)).expect("set");
    assert_eq!(policy(&world), Some(json!("Terminate")));
    assert_eq!(world.annotation("vm", "boot-override"), record);
}

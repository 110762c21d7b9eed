//! The machine's own boot order: chosen, left to the cluster again, and overridden meanwhile.

use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, BootChange, BootDevice, BootEnabled, BootOrderChange, BootTarget, CommandError, InsertMedia, MachineChange,
    PowerRequest, Slot, Uid, Url,
};
use kubevirt_redfish_fixtures::sample::small_with_drive;
use serde_json::{Value, json};

use crate::boot::{run, template};
use crate::harness::{NAMESPACE, World, seen};

fn drive(name: &str) -> BootDevice {
    BootDevice::Drive(name.into())
}

fn nic(name: &str) -> BootDevice {
    BootDevice::Nic(name.into())
}

fn order<const N: usize>(devices: [BootDevice; N]) -> Action {
    change(BootChange { order: Some(BootOrderChange::Whole(devices.into())), ..BootChange::default() })
}

fn once(target: BootTarget, next: Option<BootDevice>) -> Action {
    let (target, enabled) = (Some(target), Some(BootEnabled::Once));
    change(BootChange { target, enabled, next, ..BootChange::default() })
}

fn change(boot: BootChange) -> Action {
    Action::Change(MachineChange { boot: Some(boot), ..MachineChange::default() })
}

/// A disk, an empty drive and two network interfaces, none of which has a place.
fn with_two_interfaces() -> Value {
    let mut machine = small_with_drive(NAMESPACE, "vm", "Manual");
    let spec = &mut machine["spec"]["template"]["spec"];
    for (list, item) in [
        ("/domain/devices/interfaces", json!({ "name": "lan", "bridge": {} })),
        ("/networks", json!({ "name": "lan", "multus": { "networkName": "lan" } })),
    ] {
        let list = spec.pointer_mut(list).and_then(Value::as_array_mut);
        list.expect("the sample has one").push(item);
    }
    machine
}

/// One device at a time: what counts is the order that is there when it is written, not one that somebody has read.
#[test]
fn devices_are_enabled_and_disabled_one_by_one() {
    let mut world = World::new();
    world.create(with_two_interfaces());
    let mut one = |boot_order: BootOrderChange| {
        let result = world.run("vm", change(BootChange { order: Some(boot_order), ..BootChange::default() }));
        let (machine, _) = seen(&result?);
        let machine = machine.expect("it was read");
        let drives = machine.drives.iter().map(|drive| (drive.boot_order, &drive.name));
        let mut placed: Vec<_> = drives.chain(machine.nics.iter().map(|nic| (nic.boot_order, &nic.name))).collect();
        placed.retain(|(place, _)| place.is_some());
        placed.sort();
        Ok::<_, CommandError>(placed.into_iter().map(|(_, name)| name.to_string()).collect::<Vec<_>>().join(" "))
    };
    // Nobody has chosen an order: the disk is tried, and nothing else.
    assert_eq!(one(BootOrderChange::Enable(drive("root"))).expect("it is tried"), "");
    assert_eq!(one(BootOrderChange::Disable(drive("cd"))).expect("it is not tried"), "");
    let only = one(BootOrderChange::Disable(drive("root")));
    assert!(matches!(only, Err(CommandError::Conflict(_))), "{only:?}");
    assert_eq!(one(BootOrderChange::Enable(drive("cd"))).expect("enabled"), "root cd");
    assert_eq!(one(BootOrderChange::Enable(nic("lan"))).expect("enabled"), "root cd lan");
    assert_eq!(one(BootOrderChange::Enable(drive("root"))).expect("it keeps its place"), "root cd lan");
    assert_eq!(one(BootOrderChange::Disable(drive("root"))).expect("disabled"), "cd lan");
    assert_eq!(one(BootOrderChange::Disable(drive("cd"))).expect("disabled"), "lan");
    let only = one(BootOrderChange::Disable(nic("lan")));
    assert!(matches!(only, Err(CommandError::Conflict(_))), "{only:?}");
    let unknown = one(BootOrderChange::Enable(nic("gone")));
    assert!(matches!(unknown, Err(CommandError::Conflict(_))), "{unknown:?}");
}

#[test]
fn an_order_is_chosen_and_left_to_the_cluster_again() {
    let mut world = World::new();
    world.create(with_two_interfaces());
    let before = world.machine("vm")["spec"]["template"].clone();
    world.writes();
    let chosen = [nic("lan"), drive("root"), drive("cd")];
    let (machine, _) = seen(&world.run("vm", order(chosen.clone())).expect("set"));
    let machine = machine.expect("it was read");
    let places: Vec<_> = machine.drives.iter().map(|drive| drive.boot_order).collect();
    assert_eq!(places, [Some(2), Some(3)]);
    assert_eq!(template(&world), ["lan", "root", "cd"]);
    insta::assert_snapshot!(world.writes().join("\n"));
    world.run("vm", order(chosen)).expect("it is so");
    assert_eq!(world.writes(), Vec::<String>::new());
    world.run("vm", order([drive("root")])).expect("set");
    assert_eq!(template(&world), ["root"], "what is left out is not tried");
    world.run("vm", order([])).expect("cleared");
    assert_eq!(world.machine("vm")["spec"]["template"], before);
}

#[test]
fn an_order_that_names_the_same_sequence_by_other_numbers_is_no_change() {
    let mut world = World::new();
    let mut machine = with_two_interfaces();
    machine["spec"]["template"]["spec"]["domain"]["devices"]["disks"][0]["bootOrder"] = json!(7);
    machine["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][1]["bootOrder"] = json!(9);
    world.create(machine);
    world.run("vm", order([drive("root"), nic("lan")])).expect("it is so");
    assert_eq!(world.writes(), Vec::<String>::new());
}

/// What is chosen while an override is in force is what comes after it.
#[test]
fn an_override_in_force_goes_on_over_another_order() {
    for enabled in [BootEnabled::Once, BootEnabled::Continuous] {
        let mut world = World::new();
        world.create(with_two_interfaces());
        let target = BootChange { target: Some(BootTarget::Cd), enabled: Some(enabled), ..BootChange::default() };
        world.run("vm", change(target)).expect("set");
        assert_eq!(template(&world), ["cd", "root"]);
        let (machine, _) = seen(&world.run("vm", order([nic("lan"), drive("root")])).expect("set"));
        let machine = machine.expect("it was read");
        assert_eq!((machine.boot.target, machine.boot.enabled), (BootTarget::Cd, enabled));
        let places: Vec<_> = machine.nics.iter().map(|nic| nic.boot_order).collect();
        assert_eq!(places, [None, Some(1)], "the machine's own order is shown");
        assert_eq!(template(&world), ["cd", "lan", "root"]);
        let disabled = BootChange { enabled: Some(BootEnabled::Disabled), ..BootChange::default() };
        world.run("vm", change(disabled)).expect("cleared");
        assert_eq!(template(&world), ["lan", "root"]);
    }
}

/// Pain P16: with several network interfaces somebody has to say which one is booted from.
#[test]
fn one_device_is_booted_from_once() {
    let mut world = World::new();
    world.create(with_two_interfaces());
    let before = world.machine("vm")["spec"]["template"].clone();
    world.writes();
    world.run("vm", once(BootTarget::UefiBootNext, Some(nic("lan")))).expect("set");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(10));
    assert_eq!(run(&world), ["lan", "root"]);
    world.writes();
    let used_by = Uid::new(&world.run_uid("vm").expect("it runs"));
    world.run("vm", Action::RestoreBoot { booted: true, used_by }).expect("put back");
    insta::assert_snapshot!(world.writes().join("\n"));
    assert_eq!(world.machine("vm")["spec"]["template"], before);
}

#[test]
fn a_device_that_went_cannot_be_chosen() {
    let mut world = World::new();
    world.create(with_two_interfaces());
    for action in [order([drive("root"), drive("gone")]), once(BootTarget::UefiBootNext, Some(nic("gone")))] {
        let result = world.run("vm", action);
        assert!(matches!(result, Err(CommandError::Conflict(_))), "{result:?}");
    }
    assert_eq!(world.writes(), Vec::<String>::new());
}

/// Booting over HTTP, request by request: what it is told, what the service does about the image, and the end of both.
#[test]
fn an_image_is_booted_over_http() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
    let before = world.machine("vm")["spec"]["template"]["spec"]["volumes"].clone();
    let image = Url::parse("https://images.example/boot.iso?token=a").expect("a URL");
    let mut story = String::new();
    let mut step = |world: &mut World, action: Action| {
        world.writes();
        world.run("vm", action).expect("it can be done");
        story.push_str(&world.writes().join("\n"));
        story.push_str("\n\n");
    };
    let (target, enabled) = (Some(BootTarget::UefiHttp), Some(BootEnabled::Once));
    step(
        &mut world,
        change(BootChange { target, enabled, http_uri: Some(Some(image.clone())), ..BootChange::default() }),
    );
    step(&mut world, Action::InsertMedia(InsertMedia::to_boot_over_http(image)));
    world.rest(Duration::from_secs(30));
    step(&mut world, Action::Power(PowerRequest::On));
    world.rest(Duration::from_secs(30));
    assert_eq!(run(&world), ["redfish-http", "root"]);
    let used_by = Uid::new(&world.run_uid("vm").expect("it runs"));
    step(&mut world, Action::RestoreBoot { booted: true, used_by });
    // It is in use, and stays until it is not.
    step(&mut world, Action::EjectMedia(Slot::Http));
    step(&mut world, Action::Power(PowerRequest::ForceOff));
    world.rest(Duration::from_secs(10));
    step(&mut world, Action::EjectMedia(Slot::Http));
    insta::assert_snapshot!(story);
    assert_eq!(world.machine("vm")["spec"]["template"]["spec"]["volumes"], before);
}

//! The boot override over its life: set, used up, put back, and other people's edits in between.

use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, BootChange, BootDevice, BootEnabled, BootMode, BootOverride, BootTarget, CommandError, MachineChange,
    PowerRequest, Uid,
};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::sample::{small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, seen};

fn set(target: BootTarget, enabled: BootEnabled) -> Action {
    change(BootChange { target: Some(target), enabled: Some(enabled), ..BootChange::default() })
}

fn change(boot: BootChange) -> Action {
    Action::Change(MachineChange { boot: Some(boot), ..MachineChange::default() })
}

/// The boot sequence of an object, by name.
fn sequence(object: &Value, spec: &str) -> Vec<String> {
    let devices = object.pointer(&format!("{spec}/domain/devices")).cloned().unwrap_or_default();
    let all = ["disks", "interfaces"].map(|list| devices[list].as_array().cloned().unwrap_or_default()).concat();
    let mut places: Vec<(u64, String)> = all
        .iter()
        .filter_map(|device| Some((device["bootOrder"].as_u64()?, device["name"].as_str()?.to_owned())))
        .collect();
    places.sort();
    places.into_iter().map(|(_, name)| name).collect()
}

pub(crate) fn template(world: &World) -> Vec<String> {
    sequence(&world.machine("vm"), "/spec/template/spec")
}

pub(crate) fn run(world: &World) -> Vec<String> {
    sequence(&world.object("virtualmachineinstances", "vm").expect("it runs"), "/spec")
}

fn with_own_order(strategy: &str) -> Value {
    let mut machine = small_with_drive(NAMESPACE, "vm", strategy);
    machine["spec"]["template"]["spec"]["domain"]["devices"]["disks"][0]["bootOrder"] = json!(3);
    machine["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][0]["bootOrder"] = json!(7);
    machine
}

#[test]
fn once_is_used_up_by_the_next_run_and_the_order_comes_back_exactly() {
    for strategy in ["Always", "Manual", "Halted"] {
        let mut world = World::new();
        world.create(with_own_order(strategy));
        world.power("vm", PowerRequest::On).expect("on");
        world.rest(Duration::from_secs(10));
        let before = world.machine("vm")["spec"]["template"].clone();
        let first = world.run_uid("vm").expect("it runs");
        let completion = world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
        let (machine, _) = seen(&completion);
        let expected = BootOverride {
            target: BootTarget::Cd,
            enabled: BootEnabled::Once,
            next: None,
            http_uri: None,
            device: Some(BootDevice::Drive("cd".into())),
            armed_for: Some(Uid::new(&first)),
            mode_on_trial: false,
            outlives_reboot: strategy == "Manual",
        };
        assert_eq!(machine.expect("it was read").boot, expected);
        assert_eq!(template(&world), ["cd", "root", "default"], "{strategy}");
        // Nothing has used it up yet.
        world.run("vm", Action::RestoreBoot { booted: true, used_by: Uid::new(&first) }).expect("nothing to do");
        assert_eq!(template(&world), ["cd", "root", "default"]);
        // A restart that would keep the instance will not do.
        world.power("vm", PowerRequest::ForceRestart).expect("restarted");
        world.rest(Duration::from_secs(20));
        let second = world.run_uid("vm").expect("it runs");
        assert_ne!(first, second, "{strategy}");
        assert_eq!(run(&world), ["cd", "root", "default"]);
        world.run("vm", Action::RestoreBoot { booted: true, used_by: Uid::new(&second) }).expect("put back");
        assert_eq!(world.machine("vm")["spec"]["template"], before, "{strategy}");
        assert_eq!(world.annotation("vm", "boot-override"), None);
        // And again: nothing happens.
        world.writes();
        world.run("vm", Action::RestoreBoot { booted: true, used_by: Uid::new(&second) }).expect("nothing to do");
        assert_eq!(world.writes(), Vec::<String>::new());
    }
}

#[test]
fn a_guest_that_reboots_after_an_installation_does_not_boot_the_medium_again() {
    let mut world = World::new();
    world.create(with_own_order("Always"));
    world.power("vm", PowerRequest::ForceOff).expect("off");
    world.rest(Duration::from_secs(5));
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(20));
    assert_eq!(run(&world), ["cd", "root", "default"]);
    let installing = world.run_uid("vm").expect("it runs");
    world.run("vm", Action::RestoreBoot { booted: true, used_by: Uid::new(&installing) }).expect("put back");
    world.sim.cluster.guest_reboot(NAMESPACE, "vm");
    world.rest(Duration::from_secs(20));
    assert_ne!(world.run_uid("vm"), Some(installing));
    assert_eq!(run(&world), ["root", "default"]);
    assert_eq!(world.machine("vm").pointer("/spec/template/spec/domain/rebootPolicy"), None);
}

#[test]
fn an_order_that_somebody_changed_meanwhile_is_kept() {
    let mut world = World::new();
    world.create(with_own_order("Manual"));
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    assert_eq!(template(&world), ["cd", "root", "default"]);
    let mut disks = devices(&world, "disks");
    disks[0]["bootOrder"] = json!(1);
    disks[1]["bootOrder"] = json!(2);
    world.patch("vm", &domain(&json!({ "devices": { "disks": disks } })));
    world.run("vm", set(BootTarget::None, BootEnabled::Disabled)).expect("cleared");
    assert_eq!(template(&world), ["root", "cd", "default"]);
    assert_eq!(world.annotation("vm", "boot-override"), None);
}

fn devices(world: &World, list: &str) -> Value {
    world.machine("vm")["spec"]["template"]["spec"]["domain"]["devices"][list].clone()
}

fn domain(domain: &Value) -> Value {
    json!({ "spec": { "template": { "spec": { "domain": domain } } } })
}

#[test]
fn a_device_that_was_added_meanwhile_follows_the_order_that_comes_back() {
    let mut world = World::new();
    world.create(with_own_order("Manual"));
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    let mut disks = devices(&world, "disks").as_array().cloned().unwrap_or_default();
    disks.push(json!({ "name": "data", "disk": { "bus": "virtio" }, "bootOrder": 4 }));
    let mut volumes =
        world.machine("vm")["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    volumes.push(json!({ "name": "data", "emptyDisk": { "capacity": "1Gi" } }));
    let spec = json!({ "volumes": volumes, "domain": { "devices": { "disks": disks } } });
    world.patch("vm", &json!({ "spec": { "template": { "spec": spec } } }));
    assert_eq!(template(&world), ["cd", "root", "default", "data"]);
    world.run("vm", set(BootTarget::None, BootEnabled::Disabled)).expect("cleared");
    assert_eq!(template(&world), ["root", "default", "data"]);
}

#[test]
fn a_device_that_went_meanwhile_is_not_missed() {
    let mut world = World::new();
    world.create(with_own_order("Manual"));
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    let mut disks = devices(&world, "disks").as_array().cloned().unwrap_or_default();
    disks.remove(1);
    world.patch("vm", &domain(&json!({ "devices": { "disks": disks } })));
    world.run("vm", set(BootTarget::None, BootEnabled::Disabled)).expect("cleared");
    assert_eq!(devices(&world, "disks")[0]["bootOrder"], 3);
    assert_eq!(devices(&world, "interfaces")[0]["bootOrder"], 7);
}

/// A volume without a disk gets one from the cluster, which has no place in any order and so would not be tried.
#[test]
fn a_disk_that_the_cluster_makes_itself_is_tried_as_well() {
    let mut world = World::new();
    let mut machine = small_with_drive(NAMESPACE, "vm", "Manual");
    let list = &mut machine["spec"]["template"]["spec"]["domain"]["devices"]["disks"];
    list.as_array_mut().expect("a list").remove(0);
    world.create(machine);
    let before = world.machine("vm")["spec"]["template"].clone();
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    assert_eq!(template(&world), ["cd", "root"]);
    world.run("vm", set(BootTarget::Hdd, BootEnabled::Once)).expect("set");
    assert_eq!(template(&world), ["root"]);
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(10));
    assert_eq!(run(&world), ["root"]);
    let used_by = Uid::new(&world.run_uid("vm").expect("it runs"));
    world.run("vm", Action::RestoreBoot { booted: true, used_by }).expect("put back");
    assert_eq!(world.machine("vm")["spec"]["template"], before);
}

/// A run that is over and still shown has not used up what was asked for after it.
#[test]
fn a_run_that_has_ended_does_not_use_up_an_override() {
    let mut world = World::new();
    world.create(with_own_order("Manual"));
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(10));
    world.sim.cluster.guest_shutdown(NAMESPACE, "vm");
    world.rest(Duration::from_secs(10));
    assert_eq!(world.phase("vm"), "Succeeded");
    let over = Uid::new(&world.run_uid("vm").expect("it is still shown"));
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    world.writes();
    world.run("vm", Action::RestoreBoot { booted: true, used_by: over }).expect("nothing to do");
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[test]
fn one_override_after_another_goes_back_to_the_first_order() {
    let mut world = World::new();
    world.create(with_own_order("Manual"));
    world.run("vm", set(BootTarget::Pxe, BootEnabled::Continuous)).expect("set");
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("set");
    world.run("vm", set(BootTarget::Hdd, BootEnabled::Continuous)).expect("set");
    assert_eq!(template(&world), ["root", "default"]);
    world.writes();
    world.run("vm", set(BootTarget::Hdd, BootEnabled::Continuous)).expect("set");
    assert_eq!(world.writes(), Vec::<String>::new(), "it is so already");
    world.run("vm", set(BootTarget::None, BootEnabled::Disabled)).expect("cleared");
    let disks = &world.machine("vm")["spec"]["template"]["spec"]["domain"]["devices"]["disks"];
    assert_eq!((disks[0]["bootOrder"].as_u64(), disks[1]["bootOrder"].as_u64()), (Some(3), None));
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    let change = |target, enabled| change(BootChange { target, enabled, ..BootChange::default() });
    let shown = |world: &mut World, action| {
        let (machine, _) = seen(&world.run("vm", action).expect("set"));
        let boot = machine.expect("it was read").boot.clone();
        (boot.target, boot.enabled)
    };
    let (cd, pxe) = (BootTarget::Cd, BootTarget::Pxe);
    assert_eq!(shown(&mut world, change(Some(cd), None)), (cd, BootEnabled::Disabled));
    assert_eq!(template(&world), Vec::<String>::new());
    assert_eq!(shown(&mut world, change(None, Some(BootEnabled::Once))), (cd, BootEnabled::Once));
    assert_eq!(shown(&mut world, change(Some(pxe), None)), (pxe, BootEnabled::Once));
    assert_eq!(template(&world), ["default", "root"]);
    assert_eq!(shown(&mut world, change(None, Some(BootEnabled::Disabled))), (BootTarget::None, BootEnabled::Disabled));
    assert_eq!(template(&world), Vec::<String>::new());
}

#[test]
fn the_mode_is_the_bootloader() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let mode = |mode| change(BootChange { mode: Some(mode), ..BootChange::default() });
    let loader = |world: &World| world.machine("vm").pointer("/spec/template/spec/domain/firmware/bootloader").cloned();
    world.run("vm", mode(BootMode::Uefi)).expect("set");
    assert_eq!(loader(&world), Some(json!({ "efi": { "secureBoot": false } })));
    world.writes();
    world.run("vm", mode(BootMode::Uefi)).expect("set");
    assert_eq!(world.writes(), Vec::<String>::new());
    world.run("vm", mode(BootMode::Legacy)).expect("set");
    assert_eq!(loader(&world), None, "as it was");
}

#[test]
fn a_machine_without_the_device_says_so() {
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Manual");
    machine["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"] = json!([]);
    machine["spec"]["template"]["spec"]["networks"] = json!([]);
    machine["spec"]["template"]["spec"]["domain"]["devices"]["autoattachPodInterface"] = json!(false);
    world.create(machine);
    let result = world.run("vm", set(BootTarget::Pxe, BootEnabled::Once));
    assert!(matches!(result, Err(CommandError::Conflict(_))), "{result:?}");
    assert_eq!(world.writes(), Vec::<String>::new());
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("an empty drive is added");
    assert_eq!(template(&world), ["redfish-cd", "root"]);
}

#[test]
fn without_empty_drives_the_override_waits_for_a_medium() {
    let mut world = World::of(ClusterConfig::new(KubevirtVersion::V1_8));
    world.create(small(NAMESPACE, "vm", "Manual"));
    world.run("vm", set(BootTarget::Cd, BootEnabled::Once)).expect("noted");
    assert_eq!(template(&world), Vec::<String>::new());
    let record = world.annotation("vm", "boot-override").expect("it is noted");
    assert_eq!((record["target"].as_str(), record["enabled"].as_str()), (Some("Cd"), Some("Once")));
}

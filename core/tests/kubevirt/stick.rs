//! The second slot: a stick with an image on it, beside the CD-ROM drive and out of the boot order's way.

use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, BootChange, BootEnabled, BootTarget, ImportState, InsertMedia, MachineChange, Observation, PowerRequest,
    Slot, Uid,
};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::sample::{small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of, seen};

const CONFIGURATION: &str = "http://images.example/redfish/configdrive-5f4c";
const OTHER: &str = "http://images.example/redfish/configdrive-77aa";

fn insert(slot: Slot, image: &str) -> Action {
    Action::InsertMedia(InsertMedia { slot, image: image_of(image), write_protected: true, credentials: None })
}

fn template(world: &World) -> Value {
    world.machine("vm")["spec"]["template"]["spec"].clone()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect()
}

/// The stick as it is in the template or the instance.
fn stick(spec: &Value) -> Value {
    let disks = spec["domain"]["devices"]["disks"].as_array().cloned().unwrap_or_default();
    disks.into_iter().find(|disk| disk["name"] == "redfish-usb").unwrap_or_default()
}

fn conditions(world: &World) -> String {
    world.machine("vm")["status"]["conditions"].to_string()
}

#[test]
fn a_stick_is_plugged_into_a_running_machine_and_pulled_out_again() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let run = world.run_uid("vm");
    world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(30));
    let completion = world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new(), "the same image is in");
    let (machine, instance) = seen(&completion);
    let machine = machine.expect("it was read");
    assert!(!machine.restart_required && machine.media[0].write_protected);
    assert_eq!((machine.media[0].slot, &*machine.media[0].image), (Slot::Usb, CONFIGURATION));
    assert_eq!(instance.expect("it runs").ready_media.to_vec(), ["redfish-usb".into()]);

    world.run("vm", Action::EjectMedia(Slot::Usb)).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(10));
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    for spec in [template(&world), instance["spec"].clone()] {
        assert_eq!(names(&spec["domain"]["devices"]["disks"]), ["root", "cd"]);
        assert_eq!(names(&spec["volumes"]), ["root"]);
    }
    assert!(!conditions(&world).contains("RestartRequired") && !conditions(&world).contains("Failure"));
    assert_eq!((world.run_uid("vm"), world.sim.cluster.count("datavolumes")), (run, 0));
    world.run("vm", Action::EjectMedia(Slot::Usb)).expect("nothing to do");
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[test]
fn each_slot_has_a_medium_of_its_own() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    // The same image in both: two drives cannot share one import that either may eject.
    world.run("vm", insert(Slot::Cd, CONFIGURATION)).expect("inserted");
    let completion = world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    let media = seen(&completion).0.expect("it was read").media.clone();
    assert_eq!(media.iter().map(|medium| &*medium.drive).collect::<Vec<_>>(), ["cd", "redfish-usb"]);
    assert_ne!(media[0].import, media[1].import);
    world.rest(Duration::from_secs(30));
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    world.rest(Duration::from_secs(10));
    assert_eq!(names(&template(&world)["volumes"]), ["root", "redfish-usb"]);
    assert_eq!(world.sim.cluster.count("datavolumes"), 1);
    world.run("vm", Action::EjectMedia(Slot::Usb)).expect("ejected");
    world.rest(Duration::from_secs(10));
    assert_eq!(world.sim.cluster.count("datavolumes"), 0);
    assert!(!world.machine("vm")["metadata"]["annotations"].to_string().contains("media"));
}

#[test]
fn another_stick_replaces_the_first_while_the_machine_runs() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    world.rest(Duration::from_secs(30));
    let writable = InsertMedia { slot: Slot::Usb, image: image_of(OTHER), write_protected: false, credentials: None };
    let completion = world.run("vm", Action::InsertMedia(writable)).expect("replaced");
    assert!(!seen(&completion).0.expect("it was read").media[0].write_protected);
    world.rest(Duration::from_secs(30));
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!(stick(&instance["spec"]), json!({ "name": "redfish-usb", "disk": { "bus": "scsi" } }));
    assert_eq!(names(&instance["spec"]["volumes"]), ["root", "redfish-usb"]);
    assert!(!conditions(&world).contains("RestartRequired"), "{}", conditions(&world));
    assert_eq!(world.sim.cluster.count("datavolumes"), 1);
}

#[test]
fn where_nothing_is_plugged_live_a_stick_waits_for_the_next_boot() {
    let mut world = World::of(ClusterConfig::new(KubevirtVersion::V1_8));
    world.create(small(NAMESPACE, "vm", "Always"));
    world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(20));
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!(stick(&instance["spec"]), Value::Null);
    world.power("vm", PowerRequest::ForceRestart).expect("restarted");
    world.rest(Duration::from_secs(20));
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!(stick(&instance["spec"]), json!({ "name": "redfish-usb", "disk": { "bus": "usb", "readonly": true } }));
    world.run("vm", Action::EjectMedia(Slot::Usb)).expect("ejected");
    assert_eq!(names(&template(&world)["domain"]["devices"]["disks"]), ["root"]);
}

/// P5, for the stick: it is in nobody's way, whatever order is in force.
#[test]
fn a_stick_does_not_touch_the_boot_order() {
    let override_of = |target| {
        let boot = Some(BootChange { target: Some(target), enabled: Some(BootEnabled::Once), ..BootChange::default() });
        Action::Change(MachineChange { boot, ..MachineChange::default() })
    };
    let places = |world: &World| -> Vec<(String, u64)> {
        let disks = template(world)["domain"]["devices"]["disks"].as_array().cloned().unwrap_or_default();
        let place = |disk: &Value| Some((disk["name"].as_str()?.to_owned(), disk["bootOrder"].as_u64()?));
        disks.iter().filter_map(place).collect()
    };
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
    world.run("vm", override_of(BootTarget::Cd)).expect("set");
    let before = (places(&world), world.annotation("vm", "boot-override"));
    world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    assert_eq!((places(&world), world.annotation("vm", "boot-override")), before);
    assert_eq!(world.phase("vm"), "Off", "inserting does not start it");
    world.run("vm", Action::EjectMedia(Slot::Usb)).expect("ejected");
    assert_eq!((places(&world), world.annotation("vm", "boot-override")), before);
    // Nor does it become the disk that the machine boots from.
    world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    world.run("vm", override_of(BootTarget::Hdd)).expect("set");
    assert_eq!(places(&world), [("root".to_owned(), 1)]);
    world.run("vm", override_of(BootTarget::Pxe)).expect("set");
    assert_eq!(places(&world), [("root".to_owned(), 2)]);
}

/// An override that asks for the stick waits until one is plugged in, and again when it is pulled out.
#[test]
fn a_machine_boots_from_its_stick_once() {
    for version in [KubevirtVersion::V1_8, KubevirtVersion::V1_9] {
        let mut world = World::of(ClusterConfig::new(version));
        world.create(small(NAMESPACE, "vm", "Manual"));
        let before = template(&world);
        let (target, enabled) = (Some(BootTarget::Usb), Some(BootEnabled::Once));
        let boot = BootChange { target, enabled, ..BootChange::default() };
        world.run("vm", Action::Change(MachineChange { boot: Some(boot), ..MachineChange::default() })).expect("noted");
        assert_eq!(template(&world), before);
        world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
        world.writes();
        world.run("vm", Action::EjectMedia(Slot::Usb)).expect("ejected");
        assert_eq!(template(&world), before, "{version:?}");
        world.writes();
        world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
        world.rest(Duration::from_secs(30));
        world.power("vm", PowerRequest::On).expect("on");
        world.rest(Duration::from_secs(30));
        let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
        assert_eq!(stick(&instance["spec"])["bootOrder"], 1, "{version:?}");
        let used_by = Uid::new(&world.run_uid("vm").expect("it runs"));
        world.run("vm", Action::RestoreBoot { booted: true, used_by }).expect("put back");
        assert_eq!(template(&world)["domain"]["devices"]["disks"][0], before["domain"]["devices"]["disks"][0]);
        assert_eq!(world.annotation("vm", "boot-override"), None);
    }
}

#[test]
fn a_machine_that_is_off_boots_with_its_stick() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
    world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("inserted");
    world.rest(Duration::from_secs(30));
    let completion = world.run("vm", insert(Slot::Usb, CONFIGURATION)).expect("it is in");
    let done =
        |seen: &Observation| matches!(seen, Observation::Import(import) if import.state == ImportState::Succeeded);
    assert!(completion.observations.iter().any(done));
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(30));
    assert_eq!(world.phase("vm"), "Running");
    assert!(!conditions(&world).contains("RestartRequired"), "{}", conditions(&world));
}

/// A place in the boot order that a device of the run has is not one for what is plugged into it.
#[test]
fn a_stick_that_is_to_be_booted_from_waits_for_the_next_boot() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let once = BootChange { target: Some(BootTarget::Usb), enabled: Some(BootEnabled::Once), ..BootChange::default() };
    world.run("vm", Action::Change(MachineChange { boot: Some(once), ..MachineChange::default() })).expect("noted");
    for image in [CONFIGURATION, OTHER] {
        world.run("vm", insert(Slot::Usb, image)).expect("inserted");
        world.rest(Duration::from_secs(30));
        assert!(!conditions(&world).contains("Failure"), "{}", conditions(&world));
        let template = template(&world);
        assert_eq!(stick(&template)["bootOrder"], 1);
        let volume = template["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == "redfish-usb");
        assert_eq!(volume.unwrap()["dataVolume"].get("hotpluggable"), None);
        let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
        assert_eq!(stick(&instance["spec"]), Value::Null);
    }
    world.power("vm", PowerRequest::PowerCycle).expect("restarted");
    world.rest(Duration::from_secs(30));
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!((stick(&instance["spec"])["bootOrder"].as_u64(), world.phase("vm")), (Some(1), "Running".to_owned()));
}

/// Where there is neither SATA nor that kind of USB.
#[test]
fn other_architectures_have_their_drives_on_scsi() {
    for version in [KubevirtVersion::V1_8, KubevirtVersion::V1_9] {
        let mut world = World::of(ClusterConfig::new(version));
        let mut machine = small(NAMESPACE, "vm", "Halted");
        machine["spec"]["template"]["spec"]["architecture"] = json!("arm64");
        world.create(machine);
        let once =
            BootChange { target: Some(BootTarget::Cd), enabled: Some(BootEnabled::Once), ..BootChange::default() };
        world.run("vm", Action::Change(MachineChange { boot: Some(once), ..MachineChange::default() })).expect("set");
        for (slot, image) in [(Slot::Cd, OTHER), (Slot::Usb, CONFIGURATION)] {
            world.run("vm", insert(slot, image)).expect("inserted");
        }
        let disks = template(&world)["domain"]["devices"]["disks"].clone();
        let buses: Vec<_> = disks
            .as_array()
            .unwrap()
            .iter()
            .skip(1)
            .map(|disk| disk.pointer("/cdrom/bus").or_else(|| disk.pointer("/disk/bus")).cloned().unwrap_or_default())
            .collect();
        assert_eq!(buses, ["scsi", "scsi"], "{disks}");
        world.rest(Duration::from_secs(30));
        world.power("vm", PowerRequest::On).expect("on");
        world.rest(Duration::from_secs(30));
        assert_eq!(world.phase("vm"), "Running");
    }
}

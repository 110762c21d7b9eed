//! What somebody else has put into a machine's CD-ROM drive: seen, and taken out when a client asks for that.

use std::time::Duration;

use kubevirt_redfish_core::model::{Action, InsertMedia, Medium, Slot};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::sample::{data_volume, small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of, seen};

const IMAGE: &str = "http://images.example/boot.iso";

fn eject() -> Action {
    Action::EjectMedia(Slot::Cd)
}

fn insert() -> Action {
    let image = image_of(IMAGE);
    Action::InsertMedia(InsertMedia { slot: Slot::Cd, image, write_protected: true, credentials: None })
}

/// Puts something into a drive of the machine, as `kubectl edit` does.
fn put_in(world: &mut World, drive: &str, mut volume: Value) {
    volume["name"] = json!(drive);
    let mut template = world.machine("vm")["spec"]["template"]["spec"].clone();
    let disks = template["domain"]["devices"]["disks"].as_array_mut().expect("a list");
    if !disks.iter().any(|disk| disk["name"] == drive) {
        disks.push(json!({ "name": drive, "cdrom": { "bus": "sata" } }));
    }
    template["volumes"].as_array_mut().expect("a list").push(volume);
    let devices = json!({ "disks": template["domain"]["devices"]["disks"] });
    let changed = json!({ "domain": { "devices": devices }, "volumes": template["volumes"] });
    world.patch("vm", &json!({ "spec": { "template": { "spec": changed } } }));
}

/// What the service shows to be in the drive.
fn shown(world: &mut World) -> Option<Medium> {
    let change =
        Action::SetImageTrust { slot: Slot::Cd, change: kubevirt_redfish_core::model::TrustChange::Verify(true) };
    let completion = world.run("vm", change).expect("a look at it");
    seen(&completion).0.expect("it was read").media.iter().find(|medium| medium.slot == Slot::Cd).cloned()
}

fn volumes(world: &World) -> Vec<String> {
    let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    volumes.iter().filter_map(|volume| volume["name"].as_str().map(ToOwned::to_owned)).collect()
}

#[test]
fn a_disc_of_others_is_seen_and_ejected_and_stays_in_the_cluster() {
    for version in [KubevirtVersion::V1_8, KubevirtVersion::V1_9] {
        for (volume, image) in [
            (json!({ "dataVolume": { "name": "theirs" } }), "dv://theirs"),
            (json!({ "persistentVolumeClaim": { "claimName": "theirs" } }), "pvc://theirs"),
            (json!({ "containerDisk": { "image": "quay.io/team/iso:v1" } }), "docker://quay.io/team/iso:v1"),
        ] {
            let mut world = World::of(ClusterConfig::new(version));
            let now = world.sim.now;
            world.sim.cluster.apply(now, data_volume(NAMESPACE, "theirs", IMAGE)).expect("the sample is valid");
            world.create(small(NAMESPACE, "vm", "Halted"));
            put_in(&mut world, "disc", volume);
            let medium = shown(&mut world).expect("it is seen");
            assert_eq!((&*medium.image, &*medium.drive, medium.of_others), (image, "disc", true));
            world.run("vm", eject()).expect("ejected");
            assert_eq!((shown(&mut world), volumes(&world)), (None, vec!["root".to_owned()]));
            world.rest(Duration::from_secs(10));
            assert!(
                world.object("datavolumes", "theirs").is_some()
                    && world.object("persistentvolumeclaims", "theirs").is_some()
            );
            // As Ironic goes on.
            world.run("vm", insert()).expect("inserted");
            let medium = shown(&mut world).expect("it is in");
            assert_eq!((&*medium.image, medium.of_others), (IMAGE, false));
        }
    }
}

#[test]
fn what_a_machine_cannot_do_without_is_no_medium() {
    let cloud_init = json!({ "cloudInitNoCloud": { "userData": "#cloud-config" } });
    let sysprep = json!({ "sysprep": { "configMap": { "name": "answers" } } });
    for volume in [cloud_init, sysprep] {
        let mut world = World::new();
        world.create(small(NAMESPACE, "vm", "Halted"));
        put_in(&mut world, "disc", volume);
        assert_eq!(shown(&mut world), None);
        world.run("vm", eject()).expect("nothing to do");
        assert_eq!(volumes(&world), ["root", "disc"]);
    }
    // The only disk of a machine that lives on a disc.
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Halted");
    machine["spec"]["template"]["spec"]["domain"]["devices"]["disks"] =
        json!([{ "name": "root", "cdrom": { "bus": "sata" } }]);
    world.create(machine);
    world.run("vm", eject()).expect("nothing to do");
    assert_eq!((shown(&mut world), volumes(&world)), (None, vec!["root".to_owned()]));
    // What is made with the machine.
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Halted");
    let mut template = data_volume(NAMESPACE, "vm-disc", IMAGE);
    template["metadata"] = json!({ "name": "vm-disc" });
    machine["spec"]["dataVolumeTemplates"] = json!([template]);
    let spec = &mut machine["spec"]["template"]["spec"];
    let disc = json!({ "name": "disc", "dataVolume": { "name": "vm-disc" } });
    spec["volumes"].as_array_mut().expect("a list").push(disc);
    let drive = json!({ "name": "disc", "cdrom": { "bus": "sata" } });
    spec["domain"]["devices"]["disks"].as_array_mut().expect("a list").push(drive);
    world.create(machine);
    world.run("vm", eject()).expect("nothing to do");
    assert_eq!((shown(&mut world), volumes(&world)), (None, vec!["root".to_owned(), "disc".to_owned()]));
}

/// Nobody can say which of them stands for the virtual drive.
#[test]
fn of_several_drives_only_what_the_service_has_inserted_counts() {
    for version in [KubevirtVersion::V1_8, KubevirtVersion::V1_9] {
        let mut world = World::of(ClusterConfig::new(version));
        world.create(small(NAMESPACE, "vm", "Halted"));
        let drivers = json!({ "containerDisk": { "image": "quay.io/kubevirt/virtio-container-disk" } });
        put_in(&mut world, "drivers", drivers.clone());
        put_in(&mut world, "more", drivers);
        world.run("vm", eject()).expect("nothing to do");
        assert_eq!((shown(&mut world), volumes(&world).len()), (None, 3));
        world.run("vm", insert()).expect("inserted");
        assert_eq!(shown(&mut world).map(|medium| medium.of_others), Some(false));
        world.run("vm", eject()).expect("ejected");
        assert_eq!(volumes(&world), ["root", "drivers", "more"]);
    }
}

/// One ejection takes out one medium: what the service has inserted, and not what then is the only one.
#[test]
fn an_ejection_does_not_go_on_with_what_others_have_inserted() {
    let mut world = World::of(ClusterConfig::new(KubevirtVersion::V1_8));
    world.create(small(NAMESPACE, "vm", "Halted"));
    world.run("vm", insert()).expect("inserted");
    put_in(&mut world, "drivers", json!({ "containerDisk": { "image": "quay.io/kubevirt/virtio-container-disk" } }));
    world.run("vm", eject()).expect("ejected");
    assert_eq!(volumes(&world), ["root", "drivers"]);
}

#[test]
fn a_disc_of_others_is_ejected_live_where_that_is_possible() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let now = world.sim.now;
    world.sim.cluster.apply(now, data_volume(NAMESPACE, "theirs", IMAGE)).expect("the sample is valid");
    put_in(&mut world, "cd", json!({ "dataVolume": { "name": "theirs", "hotpluggable": true } }));
    world.rest(Duration::from_secs(30));
    let run = world.run_uid("vm");
    world.run("vm", eject()).expect("ejected");
    world.rest(Duration::from_secs(10));
    assert_eq!(world.run_uid("vm"), run);
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!(instance["spec"]["volumes"].as_array().map(Vec::len), Some(1));
    assert!(!world.machine("vm")["status"]["conditions"].to_string().contains("RestartRequired"));
}

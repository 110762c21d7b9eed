//! Where images come from: servers, registries, and volumes that are there already.

use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, CommandError, ImageCredentials, ImagePassword, ImportState, InsertMedia, Observation, Slot,
};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::sample::{data_volume, small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of, seen};

fn insert(slot: Slot, image: &str) -> Action {
    Action::InsertMedia(InsertMedia { slot, image: image_of(image), write_protected: true, credentials: None })
}

/// Puts a claim into the namespace, offered to machines or not.
fn claim(world: &mut World, name: &str, offered: bool) {
    let labels = if offered { json!({ "redfish.kubevirt.io/media": "true" }) } else { json!({}) };
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels },
        "spec": { "accessModes": ["ReadOnlyMany"], "resources": { "requests": { "storage": "1Gi" } } },
    });
    let now = world.sim.now;
    world.sim.cluster.apply(now, claim).expect("the sample is valid");
    world.rest(Duration::from_secs(5));
}

fn volume(world: &World, name: &str) -> Value {
    let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    volumes.into_iter().find(|volume| volume["name"] == name).unwrap_or_default()
}

fn refused(reason: &str) -> Result<(), CommandError> {
    Err(CommandError::Refused(reason.to_owned()))
}

#[test]
fn the_disk_in_a_container_image_is_imported_from_its_registry() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let image = "docker://quay.io/team/installer:v1";
    let credentials = ImageCredentials { user_name: "robot".into(), password: ImagePassword::new("token") };
    let media =
        InsertMedia { slot: Slot::Cd, image: image_of(image), write_protected: true, credentials: Some(credentials) };
    world.run("vm", Action::InsertMedia(media.clone())).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(30));
    let completion = world.run("vm", Action::InsertMedia(media)).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new(), "the same image is in");
    let done =
        |seen: &Observation| matches!(seen, Observation::Import(import) if import.state == ImportState::Succeeded);
    assert!(completion.observations.iter().any(done));
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(10));
    assert_eq!((world.sim.cluster.count("secrets"), world.sim.cluster.count("datavolumes")), (0, 0));
}

#[test]
fn a_claim_that_is_there_is_used_as_it_is_and_stays() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    claim(&mut world, "installer", true);
    let completion = world.run("vm", insert(Slot::Cd, "pvc://installer")).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    let medium = seen(&completion).0.expect("it was read").media[0].clone();
    assert_eq!((&*medium.image, medium.import), ("pvc://installer", None));
    world.rest(Duration::from_secs(20));
    let completion = world.run("vm", insert(Slot::Cd, "pvc://installer")).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new(), "the same image is in");
    assert_eq!(seen(&completion).1.expect("it runs").ready_media.to_vec(), ["cd".into()]);
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(10));
    assert!(world.object("persistentvolumeclaims", "installer").is_some());
    assert_eq!(volume(&world, "cd"), Value::Null);
}

#[test]
fn a_data_volume_that_is_there_is_used_once_it_is_filled_and_stays() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let mut existing = data_volume(NAMESPACE, "installer", "http://images.example/boot.iso");
    existing["metadata"]["labels"] = json!({ "redfish.kubevirt.io/media": "true" });
    let now = world.sim.now;
    world.sim.cluster.apply(now, existing).expect("the sample is valid");
    let result = world.run("vm", insert(Slot::Cd, "dv://lab/installer"));
    assert!(matches!(result, Err(CommandError::Conflict(_))), "{result:?}");
    world.rest(Duration::from_secs(30));
    world.run("vm", insert(Slot::Cd, "dv://lab/installer")).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(20));
    // In both slots at once: it is nobody's own.
    world.run("vm", insert(Slot::Usb, "dv://installer")).expect("inserted");
    for slot in [Slot::Cd, Slot::Usb] {
        world.run("vm", Action::EjectMedia(slot)).expect("ejected");
    }
    world.rest(Duration::from_secs(10));
    assert!(world.object("datavolumes", "installer").is_some());
}

#[test]
fn volumes_that_are_not_offered_do_not_exist() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    claim(&mut world, "root-of-another-machine", false);
    let before = world.machine("vm")["spec"].clone();
    for name in ["root-of-another-machine", "missing"] {
        let result = world.run("vm", insert(Slot::Cd, &format!("pvc://{name}"))).map(drop);
        let reason = format!(
            "the namespace has no PersistentVolumeClaim named {name} with the label redfish.kubevirt.io/media=true"
        );
        assert_eq!(result, refused(&reason));
    }
    let result = world.run("vm", insert(Slot::Cd, "dv://missing")).map(drop);
    let reason = "the namespace has no DataVolume named missing with the label redfish.kubevirt.io/media=true";
    assert_eq!(result, refused(reason));
    // What was imported for a machine goes with it, whatever it is labelled.
    world.run("vm", insert(Slot::Cd, "http://images.example/boot.iso")).expect("inserted");
    world.rest(Duration::from_secs(30));
    let import = volume(&world, "cd")["dataVolume"]["name"].as_str().unwrap_or_default().to_owned();
    let result = world.run("vm", insert(Slot::Usb, &format!("dv://{import}")));
    assert!(matches!(result, Err(CommandError::Refused(_))), "{result:?}");
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    assert_eq!(world.machine("vm")["spec"], before);
}

#[test]
fn images_of_all_kinds_replace_each_other() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    claim(&mut world, "installer", true);
    for image in
        ["http://images.example/a.iso", "pvc://installer", "docker://quay.io/team/installer:v1", "pvc://installer"]
    {
        let completion = world.run("vm", insert(Slot::Cd, image)).expect("inserted");
        assert_eq!(&*seen(&completion).0.expect("it was read").media[0].image, image);
        world.rest(Duration::from_secs(30));
        let imports = usize::from(!image.starts_with("pvc:"));
        assert_eq!(world.sim.cluster.count("datavolumes"), imports, "{image}");
        let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
        assert!(instance["spec"]["volumes"].as_array().is_some_and(|volumes| volumes.contains(&volume(&world, "cd"))));
    }
}

#[test]
fn a_claim_waits_for_the_next_boot_where_nothing_is_plugged_live() {
    let mut world = World::of(ClusterConfig::new(KubevirtVersion::V1_8));
    world.create(small(NAMESPACE, "vm", "Halted"));
    claim(&mut world, "installer", true);
    world.run("vm", insert(Slot::Cd, "pvc://installer")).expect("inserted");
    let expected = json!({ "name": "redfish-cd", "persistentVolumeClaim": { "claimName": "installer" } });
    assert_eq!(volume(&world, "redfish-cd"), expected);
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    assert_eq!(volume(&world, "redfish-cd"), Value::Null);
}

//! How imports know the servers of images: verified or not, by the cluster's certificates or by others.

use std::sync::Arc;
use std::time::Duration;

use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::{
    Action, CommandError, ImageCertificate, ImportState, InsertMedia, ObjectName, Observation, Slot, TrustChange,
};
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect};
use kubevirt_redfish_fixtures::sample::small_with_drive;
use kubevirt_redfish_fixtures::stub::certificate;
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of, seen};

const IMAGE: &str = "https://images.internal/boot.iso";

fn insert(image: &str) -> Action {
    Action::InsertMedia(InsertMedia {
        slot: Slot::Cd,
        image: image_of(image),
        write_protected: true,
        credentials: None,
    })
}

fn trust(change: TrustChange) -> Action {
    Action::SetImageTrust { slot: Slot::Cd, change }
}

fn pem(number: u8) -> ImageCertificate {
    ImageCertificate::parse(&certificate(number)).expect("it has the form")
}

fn world(settings: Settings) -> World {
    let mut world = World::new();
    world.settings = Arc::new(settings);
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    world
}

/// The source of the one import that there is.
fn source(world: &World) -> Value {
    let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let name = volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).expect("something is in");
    world.object("datavolumes", name).expect("it is imported")["spec"]["source"].clone()
}

/// P18: images from servers that a private authority has certified.
#[test]
fn a_configured_authority_is_known_to_imports() {
    let mut world = world(Settings { ca_bundle: vec![pem(1)], ..Settings::default() });
    world.run("vm", insert(IMAGE)).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(30));
    let completion = world.run("vm", insert(IMAGE)).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new(), "the same image is in");
    let done =
        |seen: &Observation| matches!(seen, Observation::Import(import) if import.state == ImportState::Succeeded);
    assert!(completion.observations.iter().any(done), "it got the certificates that it waited for");
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    world.rest(Duration::from_secs(10));
    assert_eq!((world.sim.cluster.count("configmaps"), world.sim.cluster.count("datavolumes")), (0, 0));
    // The same again, and registries too.
    for image in [IMAGE, "docker://registry.internal/installer:v1"] {
        world.run("vm", insert(image)).expect("inserted");
        world.rest(Duration::from_secs(30));
        assert_eq!(world.sim.cluster.count("configmaps"), 1, "{image}");
    }
    // Nothing to know where nothing is encrypted.
    world.run("vm", insert("http://images.internal/boot.iso")).expect("inserted");
    world.rest(Duration::from_secs(30));
    assert_eq!(world.sim.cluster.count("configmaps"), 0);
}

/// The successor of an earlier service names a `ConfigMap` that its owner looks after.
#[test]
fn an_import_takes_the_certificates_that_are_there_under_a_configured_name() {
    let settings = Settings { cert_config_map: ObjectName::new("registry-ca"), ..Settings::default() };
    let mut world = world(settings);
    let imports = [IMAGE, "docker://registry.internal/installer:v1"].map(|image| {
        world.run("vm", insert(image)).expect("inserted");
        source(&world)
    });
    assert_eq!(imports[0]["http"]["certConfigMap"], "registry-ca");
    assert_eq!(imports[1]["registry"]["certConfigMap"], "registry-ca");
    let writes = world.writes();
    assert!(!writes.iter().any(|write| write.contains(" configmaps ")), "it is not the service's: {writes:?}");
    // Nothing to know where nothing is encrypted.
    world.run("vm", insert("http://images.internal/boot.iso")).expect("inserted");
    assert_eq!(source(&world)["http"].get("certConfigMap"), None);
    // What a client has added to the drive is what it wants to know servers by.
    world.run("vm", trust(TrustChange::Add(pem(2)))).expect("added");
    world.run("vm", insert(IMAGE)).expect("inserted");
    let name = source(&world)["http"]["certConfigMap"].as_str().expect("it has one").to_owned();
    assert_ne!(name, "registry-ca");
    assert_eq!(world.object("configmaps", &name).expect("it is there")["data"]["ca.pem"], certificate(2));
}

#[test]
fn certificates_of_a_drive_are_known_to_its_imports() {
    let mut world = world(Settings { ca_bundle: vec![pem(1)], ..Settings::default() });
    let completion = world.run("vm", trust(TrustChange::Add(pem(2)))).expect("added");
    assert_eq!(seen(&completion).0.expect("it was read").trust[0].certificates.to_vec(), [pem(2)]);
    world.run("vm", trust(TrustChange::Add(pem(2)))).expect("it is there");
    assert_eq!(world.writes().len(), 1, "the same one twice is one");
    world.run("vm", insert(IMAGE)).expect("inserted");
    let name = source(&world)["http"]["certConfigMap"].as_str().expect("it has one").to_owned();
    let bundle = world.object("configmaps", &name).expect("it is there")["data"]["ca.pem"].clone();
    assert_eq!(bundle, format!("{}{}", certificate(1), certificate(2)));
    // The other slot knows nothing of it, and what is removed is gone.
    let other = InsertMedia { slot: Slot::Usb, image: image_of(IMAGE), write_protected: true, credentials: None };
    world.run("vm", Action::InsertMedia(other)).expect("inserted");
    assert_eq!(world.sim.cluster.count("configmaps"), 2);
    world.run("vm", trust(TrustChange::Remove(pem(2).id()))).expect("removed");
    assert!(!world.machine("vm")["metadata"]["annotations"].to_string().contains("trust"));
    for number in 1..=4 {
        world.run("vm", trust(TrustChange::Add(pem(number)))).expect("added");
    }
    let result = world.run("vm", trust(TrustChange::Add(pem(5))));
    assert!(matches!(result, Err(CommandError::Conflict(_))), "{result:?}");
}

#[test]
fn a_drive_may_leave_servers_unverified_where_that_is_allowed() {
    let mut world = world(Settings { allow_insecure_tls: true, ca_bundle: vec![pem(1)], ..Settings::default() });
    world.run("vm", insert(IMAGE)).expect("inserted");
    assert_eq!(source(&world)["http"], json!({ "url": IMAGE, "insecureSkipVerify": true }));
    world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
    world.rest(Duration::from_secs(10));
    world.run("vm", trust(TrustChange::Verify(true))).expect("set");
    world.run("vm", insert(IMAGE)).expect("inserted");
    assert_eq!(source(&world)["http"].get("insecureSkipVerify"), None);
    assert!(source(&world)["http"]["certConfigMap"].is_string());
}

#[test]
fn no_drive_may_leave_servers_unverified_where_that_is_not_allowed() {
    let mut world = world(Settings::default());
    world.run("vm", trust(TrustChange::Verify(false))).expect("written");
    world.run("vm", insert(IMAGE)).expect("inserted");
    assert_eq!(source(&world)["http"], json!({ "url": IMAGE }));
}

#[test]
fn without_the_right_to_certificates_nothing_is_left_behind() {
    let mut world = world(Settings { ca_bundle: vec![pem(1)], ..Settings::default() });
    let before = world.machine("vm")["spec"].clone();
    let refusal = FaultEffect::Status {
        code: http::StatusCode::FORBIDDEN,
        retry_after: None,
        reason: "Forbidden".to_owned(),
        message: "configmaps is forbidden: User \"x\" cannot create resource \"configmaps\"".to_owned(),
    };
    world.sim.cluster.inject(Fault::new(refusal).path("/configmaps"));
    let result = world.run("vm", insert(IMAGE));
    assert!(matches!(result, Err(CommandError::Forbidden(_))), "{result:?}");
    world.rest(Duration::from_secs(5));
    assert_eq!(world.machine("vm")["spec"], before);
    assert_eq!((world.sim.cluster.count("configmaps"), world.sim.cluster.count("datavolumes")), (0, 0));
}

#[test]
fn certificates_whose_creation_was_not_answered_are_there() {
    let mut world = world(Settings { ca_bundle: vec![pem(1)], ..Settings::default() });
    world.sim.cluster.inject(Fault::new(FaultEffect::CutBeforeAnswer).path("/configmaps").times(1));
    world.run("vm", insert(IMAGE)).expect("inserted");
    assert_eq!(world.sim.cluster.count("configmaps"), 1);
}

/// P4: what the importer does not know of a storage class can be said.
#[test]
fn access_and_volume_mode_are_the_storage_profiles_unless_configured() {
    let storage = |settings| {
        let mut world = world(settings);
        world.run("vm", insert(IMAGE)).expect("inserted");
        let created = world.writes().into_iter().find(|line| line.starts_with("POST datavolumes")).expect("created");
        let object: Value = serde_json::from_str(created.trim_start_matches("POST datavolumes ")).expect("JSON");
        object["spec"]["storage"].clone()
    };
    let size = json!({ "requests": { "storage": "3Gi" } });
    assert_eq!(storage(Settings::default()), json!({ "resources": size }));
    let block = Settings {
        storage_class: ObjectName::new("lvms-vg1"),
        access_modes: vec!["ReadWriteOnce".to_owned()],
        volume_mode: Some("Block".to_owned()),
        ..Settings::default()
    };
    let expected = json!({
        "resources": size, "storageClassName": "lvms-vg1", "accessModes": ["ReadWriteOnce"], "volumeMode": "Block",
    });
    assert_eq!(storage(block), expected);
}

#[test]
fn an_attempt_that_was_cut_short_leaves_no_certificates_that_the_next_would_lose() {
    let mut world = world(Settings { ca_bundle: vec![pem(1)], ..Settings::default() });
    // The import and its certificates are made, the machine's change is not.
    world.sim.cluster.inject(Fault::new(FaultEffect::unavailable()).method(http::Method::PATCH).times(100));
    let command = world.command("vm", insert(IMAGE), Duration::from_secs(5));
    assert!(world.carry_out(command).is_err());
    world.sim.cluster.clear_faults();
    world.run("vm", insert(IMAGE)).expect("inserted");
    world.rest(Duration::from_mins(1));
    let completion = world.run("vm", insert(IMAGE)).expect("it is in");
    let done =
        |seen: &Observation| matches!(seen, Observation::Import(import) if import.state == ImportState::Succeeded);
    assert!(completion.observations.iter().any(done), "it did not wait for ever");
    assert_eq!(world.sim.cluster.count("configmaps"), 1);
}

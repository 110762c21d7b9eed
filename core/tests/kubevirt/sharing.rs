//! One import for all machines of a namespace that insert the same image, where the storage allows it.

use std::sync::Arc;
use std::time::Duration;

use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::{
    Action, ImageCertificate, ImageCredentials, ImagePassword, ImportId, InsertMedia, Namespace, ObjectName,
    Observation, PowerRequest, Slot, TrustChange,
};
use kubevirt_redfish_core::time::UnixTime;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::sample::small_with_drive;
use kubevirt_redfish_fixtures::stub::certificate;
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of};

const IMAGE: &str = "https://images.example/boot.iso?token=a%20b";

/// Machines `a`, `b` and `c` on storage that several can use at a time.
fn world() -> World {
    let mut config = ClusterConfig::new(KubevirtVersion::V1_9);
    config.shared_storage = true;
    world_of(config)
}

fn world_of(config: ClusterConfig) -> World {
    let mut world = World::of(config);
    for name in ["a", "b", "c"] {
        world.create(small_with_drive(NAMESPACE, name, "Manual"));
    }
    world
}

fn media(slot: Slot, image: &str) -> InsertMedia {
    InsertMedia { slot, image: image_of(image), write_protected: true, credentials: None }
}

fn insert(image: &str) -> Action {
    Action::InsertMedia(media(Slot::Cd, image))
}

fn eject() -> Action {
    Action::EjectMedia(Slot::Cd)
}

/// The name of what is in a machine's drive.
fn held(world: &World, machine: &str) -> Option<String> {
    let record = world.annotation(machine, "media-cd")?;
    record["dataVolume"].as_str().map(ToOwned::to_owned)
}

fn owners(world: &World, import: &str) -> Vec<String> {
    let import = world.object("datavolumes", import).unwrap_or_default();
    let owners = import["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    owners.iter().filter_map(|owner| owner["name"].as_str().map(ToOwned::to_owned)).collect()
}

fn imports(world: &World) -> usize {
    world.sim.cluster.count("datavolumes")
}

#[test]
fn machines_share_an_import_and_the_last_one_removes_it() {
    let mut world = world();
    world.run("a", insert(IMAGE)).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    let import = held(&world, "a").expect("it is in");
    assert!(ImportId::is_name_of_shared(&import));
    world.run("b", insert(IMAGE)).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.run("c", insert(IMAGE)).expect("inserted");
    assert_eq!((imports(&world), owners(&world, &import)), (1, vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    for name in ["a", "b"] {
        world.power(name, PowerRequest::On).expect("on");
    }
    world.rest(Duration::from_secs(30));
    assert_eq!((world.phase("a"), world.phase("b")), ("Running".to_owned(), "Running".to_owned()));
    // The same again is nothing to do.
    world.writes();
    let completion = world.run("b", insert(IMAGE)).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new());
    let seen = completion.observations.iter().find_map(|seen| match seen {
        Observation::Import(import) => Some(import.machines.iter().map(|id| id.name().to_owned()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(seen.expect("it was read"), ["a", "b", "c"]);

    world.run("a", eject()).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    // Another image in place of it releases it as well.
    world.run("b", insert("http://images.example/other.iso")).expect("replaced");
    assert_eq!((imports(&world), owners(&world, &import)), (2, vec!["c".to_owned()]));
    world.writes();
    world.run("c", eject()).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(10));
    assert_eq!(owners(&world, &import), Vec::<String>::new());
    assert_eq!(imports(&world), 1);
}

#[test]
fn what_cannot_be_shared_is_not() {
    let alone = |mut world: World, first: Action, second: Action| {
        world.run("a", first).expect("inserted");
        world.run("b", second).expect("inserted");
        assert_eq!(imports(&world), 2);
    };
    // On storage that one machine can use at a time, or of which nothing is known.
    alone(world_of(ClusterConfig::new(KubevirtVersion::V1_9)), insert(IMAGE), insert(IMAGE));
    for rule in [
        Rule::new("list", "storage.k8s.io", "storageclasses"),
        Rule::new("get", "cdi.kubevirt.io", "storageprofiles"),
        Rule::new("patch", "cdi.kubevirt.io", "datavolumes"),
    ] {
        let mut world = world();
        world.sim.cluster.forbid(vec![rule]);
        alone(world, insert(IMAGE), insert(IMAGE));
    }
    let with = |settings: Settings| {
        let mut world = world();
        world.settings = Arc::new(settings);
        world
    };
    alone(with(Settings { share_imports: false, ..Settings::default() }), insert(IMAGE), insert(IMAGE));
    let modes = vec!["ReadWriteOnce".to_owned()];
    alone(with(Settings { access_modes: modes, ..Settings::default() }), insert(IMAGE), insert(IMAGE));
    alone(
        with(Settings { volume_mode: Some("Block".to_owned()), ..Settings::default() }),
        insert(IMAGE),
        insert(IMAGE),
    );
    // What a guest writes to, what somebody logs in for, another image, another trust.
    let stick = || Action::InsertMedia(InsertMedia { write_protected: false, ..media(Slot::Usb, IMAGE) });
    alone(world(), stick(), stick());
    let credentials = ImageCredentials { user_name: "user".into(), password: ImagePassword::new("secret") };
    let login = || InsertMedia { credentials: Some(credentials.clone()), ..media(Slot::Cd, IMAGE) };
    alone(world(), Action::InsertMedia(login()), Action::InsertMedia(login()));
    alone(world(), insert(IMAGE), Action::InsertMedia(login()));
    alone(world(), insert(IMAGE), insert("https://images.example/boot.iso?token=b"));
    let mut trusting = world();
    let certificate = ImageCertificate::parse(&certificate(1)).expect("it has the form");
    let trust = Action::SetImageTrust { slot: Slot::Cd, change: TrustChange::Add(certificate) };
    trusting.run("b", trust).expect("added");
    alone(trusting, insert(IMAGE), insert(IMAGE));
}

#[test]
fn configured_access_modes_decide_without_a_look_at_the_storage() {
    let mut world = world_of(ClusterConfig::new(KubevirtVersion::V1_9));
    let access_modes = vec!["ReadWriteMany".to_owned()];
    world.settings = Arc::new(Settings { access_modes, ..Settings::default() });
    for name in ["a", "b"] {
        world.run(name, insert(IMAGE)).expect("inserted");
    }
    assert_eq!(imports(&world), 1);
    assert!(
        !world
            .sent
            .iter()
            .any(|line| line.contains("storage") && line.starts_with("GET") && !line.contains("datavolumes"))
    );
}

#[test]
fn each_drive_of_a_machine_has_an_import_of_its_own() {
    let mut world = world();
    world.run("a", insert(IMAGE)).expect("inserted");
    world.run("a", Action::InsertMedia(media(Slot::Usb, IMAGE))).expect("inserted");
    assert_eq!(imports(&world), 2);
    let import = held(&world, "a").expect("it is in");
    world.run("a", Action::EjectMedia(Slot::Usb)).expect("ejected");
    assert_eq!(owners(&world, &import), ["a"]);
}

#[test]
fn a_failed_import_is_left_to_those_who_wait_for_it() {
    let mut world = world();
    let image = "http://images.invalid/boot.iso";
    world.run("a", insert(image)).expect("inserted");
    world.rest(Duration::from_secs(30));
    world.run("b", insert(image)).expect("inserted");
    assert_eq!(imports(&world), 2);
    assert_ne!(held(&world, "a"), held(&world, "b"));
    // Nobody waits for it any more but for what a crash has left of the first.
    let import = held(&world, "a").expect("it is in");
    world.patch("a", &json!({ "metadata": { "annotations": { "redfish.kubevirt.io/media-cd": null } } }));
    let volumes = json!([world.machine("a")["spec"]["template"]["spec"]["volumes"][0]]);
    world.patch("a", &json!({ "spec": { "template": { "spec": { "volumes": volumes } } } }));
    let uid = world.object("datavolumes", &import).expect("it is there")["metadata"]["uid"].clone();
    world.run("a", insert(image)).expect("inserted");
    assert_eq!(held(&world, "a").as_deref(), Some(&*import));
    assert_ne!(world.object("datavolumes", &import).expect("it is there")["metadata"]["uid"], uid, "another attempt");
}

#[test]
fn something_else_of_that_name_is_left_alone() {
    let mut world = world();
    world.run("a", insert(IMAGE)).expect("inserted");
    let import = held(&world, "a").expect("it is in");
    world.sim.cluster.edit("datavolumes", NAMESPACE, &import, |import| {
        import["metadata"]["annotations"]["redfish.kubevirt.io/image"] = json!("http://elsewhere.example/");
    });
    let before = world.object("datavolumes", &import);
    world.run("b", insert(IMAGE)).expect("inserted");
    assert_eq!(world.object("datavolumes", &import), before);
    assert_eq!(imports(&world), 2);
}

#[test]
fn a_machine_that_is_removed_leaves_the_import_to_the_others() {
    let mut world = world();
    for name in ["a", "b"] {
        world.run(name, insert(IMAGE)).expect("inserted");
    }
    let import = held(&world, "b").expect("it is in");
    world.sim.cluster.delete("virtualmachines", NAMESPACE, "a");
    world.rest(Duration::from_secs(10));
    assert_eq!(owners(&world, &import), ["b"]);
    world.sim.cluster.delete("virtualmachines", NAMESPACE, "b");
    world.rest(Duration::from_secs(10));
    assert_eq!(imports(&world), 0);
}

#[test]
fn a_refusal_releases_what_others_use() {
    let mut world = world();
    world.run("a", insert(IMAGE)).expect("inserted");
    let import = held(&world, "a").expect("it is in");
    let refusal = FaultEffect::Status {
        code: http::StatusCode::UNPROCESSABLE_ENTITY,
        retry_after: None,
        reason: "Invalid".to_owned(),
        message: "admission webhook \"policy.example\" denied the request: no media on Fridays".to_owned(),
    };
    world.sim.cluster.inject(Fault::new(refusal).method(http::Method::PATCH).path("/virtualmachines"));
    assert!(world.run("b", insert(IMAGE)).is_err());
    assert_eq!(owners(&world, &import), ["a"]);
}

/// What a crash has left is released for that machine alone, and not if it has been put to use since.
#[test]
fn an_orphan_of_one_machine_stays_with_the_others() {
    let mut world = world();
    for name in ["a", "b"] {
        world.run(name, insert(IMAGE)).expect("inserted");
    }
    let import = held(&world, "a").expect("it is in");
    let claimed = |world: &World| -> UnixTime {
        let object = world.object("datavolumes", &import).unwrap_or_default();
        let metadata = &object["metadata"];
        let time = |value: &Value| UnixTime::parse(value.as_str().unwrap_or_default());
        time(&metadata["annotations"]["redfish.kubevirt.io/claimed"]).max(time(&metadata["creationTimestamp"])).unwrap()
    };
    let orphan = |made| Action::RemoveOrphan {
        import: ImportId {
            namespace: Namespace::new(NAMESPACE).expect("a namespace"),
            name: ObjectName::new(&import).expect("a name"),
        },
        made,
    };
    let made = claimed(&world);
    world.run("a", orphan(made)).expect("it is in use");
    assert_eq!(owners(&world, &import), ["a", "b"]);
    world.patch("b", &json!({ "metadata": { "annotations": { "redfish.kubevirt.io/media-cd": null } } }));
    let volumes = json!([world.machine("b")["spec"]["template"]["spec"]["volumes"][0]]);
    world.patch("b", &json!({ "spec": { "template": { "spec": { "volumes": volumes } } } }));
    world.rest(Duration::from_secs(5));
    world.run("c", insert(IMAGE)).expect("inserted");
    world.run("b", orphan(made)).expect("somebody has come since");
    assert_eq!(owners(&world, &import), ["a", "b", "c"]);
    let made = claimed(&world);
    world.run("b", orphan(made)).expect("released");
    assert_eq!(owners(&world, &import), ["a", "c"]);
}

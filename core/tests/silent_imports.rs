//! What nobody has said is not so: an import that fails and then stays silent, as one in a long back-off does (R2), and
//! power-ons that go on as soon as what was in their way has gone (R7).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{CD, NODE, VERSIONS, get, instance, lab, machine, post, reset, until};

const USB: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Usb";
const IMAGE: &str = "https://images.example/boot.iso";
const NOWHERE: &str = "http://images.invalid/boot.iso";
const STRATEGIES: [&str; 5] = ["Always", "RerunOnFailure", "Manual", "Once", "Halted"];

fn insert(world: &mut World, slot: &str, image: &str) {
    let path = format!("{slot}/Actions/VirtualMedia.InsertMedia");
    assert!(post(world, &path, &json!({ "Image": image })).is_success());
}

fn eject(world: &mut World, slot: &str) {
    let path = format!("{slot}/Actions/VirtualMedia.EjectMedia");
    assert!(post(world, &path, &json!({})).is_success());
}

/// A machine that is off and has this strategy; what brings one up by itself is stopped first.
fn off(world: &mut World, strategy: &str) {
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| machine["spec"]["runStrategy"] = json!(strategy));
    world.advance(Duration::from_secs(5));
    assert!(reset(world, "ForceOff").is_success());
    until(world, NODE, "/PowerState", &json!("Off"));
    world.advance(Duration::from_secs(10));
}

fn health(world: &mut World, slot: &str) -> Value {
    get(world, slot)["Status"]["Health"].clone()
}

fn left_out(world: &mut World) -> Option<String> {
    let conditions = get(world, NODE)["Status"]["Conditions"].clone();
    let mut conditions = conditions.as_array().cloned().unwrap_or_default().into_iter();
    let said = conditions.find(|condition| condition["MessageId"] == "KubeVirt.1.0.MediaLeftOut")?;
    said["Message"].as_str().map(ToOwned::to_owned)
}

/// R2: a reading without the import is no reading of its absence.
#[test]
fn r2_an_image_that_fails_silently_stays_critical_until_it_is_left_out() {
    for version in VERSIONS {
        for strategy in STRATEGIES {
            let world = &mut lab(version);
            off(world, strategy);
            insert(world, CD, NOWHERE);
            until(world, CD, "/Status/Health", &json!("Critical"));
            let since = world.now();
            assert!(reset(world, "On").is_success(), "{strategy}");
            while get(world, CD)["Inserted"] == json!(true) {
                assert_eq!(health(world, CD), "Critical", "{version:?} {strategy}: nobody has said otherwise");
                assert!(
                    world.now().saturating_sub(since) < Duration::from_secs(90),
                    "{version:?} {strategy}: it is never left out"
                );
                world.advance(Duration::from_millis(500));
            }
            let out = world.now();
            assert!(left_out(world).is_some_and(|text| text.contains("404 Not Found")));
            until(world, NODE, "/PowerState", &json!("On"));
            assert!(
                world.now().saturating_sub(out) < Duration::from_secs(15),
                "{version:?} {strategy}: {:?}",
                world.now().saturating_sub(out)
            );
        }
    }
}

/// R2, its neighbours: both drives at once, a second image after the first, a restart of the service, two replicas.
#[test]
fn r2_several_images_that_fail_are_told_apart() {
    for replicas in 1..=2 {
        for restart in [false, true] {
            let world = &mut lab(VERSIONS[2]);
            (1..replicas).for_each(|_| assert!(world.start() > 0));
            off(world, "Manual");
            insert(world, CD, NOWHERE);
            insert(world, USB, "http://other.invalid/config.img");
            until(world, CD, "/Status/Health", &json!("Critical"));
            until(world, USB, "/Status/Health", &json!("Critical"));
            eject(world, CD);
            insert(world, CD, IMAGE);
            assert_ne!(health(world, CD), "Critical");
            assert_eq!(health(world, USB), "Critical");
            assert!(reset(world, "On").is_success());
            assert_eq!(health(world, USB), "Critical");
            if restart {
                world.restart(0);
                laboratory::ready(world, 0);
                assert_eq!(health(world, USB), "Critical");
            }
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!((&get(world, CD)["Inserted"], &get(world, USB)["Inserted"]), (&json!(true), &json!(false)));
            assert!(left_out(world).is_some_and(|text| text.contains("other.invalid")));
        }
    }
}

/// An import that somebody deletes by hand is gone, and is told so by whoever sees it.
#[test]
fn r2_an_import_that_is_deleted_by_hand_is_gone() {
    let world = &mut lab(VERSIONS[2]);
    insert(world, CD, NOWHERE);
    until(world, CD, "/Status/Health", &json!("Critical"));
    let volumes = machine(world)["spec"]["template"]["spec"]["volumes"].clone();
    let import = volumes.as_array().unwrap().iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).unwrap();
    world.cluster.delete("datavolumes", "lab", import);
    world.cluster.delete("persistentvolumeclaims", "lab", import);
    world.advance(Duration::from_secs(1));
    assert_eq!(health(world, CD), "OK");
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(get(world, CD)["Inserted"], false);
}

/// An import that its owner pauses, or that is in a phase that nobody here knows, is waited for as any other, and no longer.
#[test]
fn r2_an_import_in_another_phase_is_waited_for_and_no_longer_than_any() {
    for phase in ["Paused", "SnapshotForSmartCloneInProgress", "ExpansionInProgress", "Wandering", ""] {
        let mut cluster = ClusterConfig::new(VERSIONS[2]);
        cluster.timing.import = Duration::from_hours(5);
        let config = laboratory::config();
        let patience = config.import_timeout;
        let world = &mut laboratory::world(cluster, config, Settings::default(), &[0]);
        laboratory::start(world);
        insert(world, CD, IMAGE);
        let volumes = machine(world)["spec"]["template"]["spec"]["volumes"].clone();
        let import = volumes
            .as_array()
            .unwrap()
            .iter()
            .find_map(|volume| volume["dataVolume"]["name"].as_str())
            .unwrap()
            .to_owned();
        world.advance(Duration::from_secs(5));
        world.cluster.edit("datavolumes", "lab", &import, |import| import["status"]["phase"] = json!(phase));
        assert!(reset(world, "On").is_success());
        world.advance(patience / 2);
        assert_eq!(
            (&*get(world, NODE)["PowerState"].to_string(), instance(world)),
            ("\"PoweringOn\"", None),
            "{phase}"
        );
        assert_eq!(get(world, CD)["Inserted"], true, "{phase}");
        world.advance(patience / 2 + Duration::from_secs(30));
        assert_eq!(
            (&get(world, NODE)["PowerState"], &get(world, CD)["Inserted"]),
            (&json!("On"), &json!(false)),
            "{phase}"
        );
    }
}

/// What a replica may not read is not gone.
#[test]
fn r2_an_import_that_may_not_be_read_is_not_gone() {
    let world = &mut lab(VERSIONS[2]);
    off(world, "Manual");
    insert(world, CD, NOWHERE);
    until(world, CD, "/Status/Health", &json!("Critical"));
    world.cluster.forbid(vec![Rule::new("get", "cdi.kubevirt.io", "datavolumes")]);
    assert!(reset(world, "On").is_success());
    world.advance(Duration::from_secs(2));
    if get(world, CD)["Inserted"] == json!(true) {
        assert_eq!(health(world, CD), "Critical");
    }
    world.cluster.forbid(Vec::new());
    until(world, NODE, "/PowerState", &json!("On"));
}

/// For how long a machine is off after a moment.
fn until_on(world: &mut World) -> Duration {
    let since = world.now();
    until(world, NODE, "/PowerState", &json!("On"));
    world.now().saturating_sub(since)
}

/// R7: what was in the way of a power-on goes while the last attempt is being rested from.
#[test]
fn r7_a_power_on_goes_on_as_soon_as_a_medium_is_ejected() {
    for after in [5, 20, 60, 100] {
        let mut cluster = ClusterConfig::new(VERSIONS[2]);
        cluster.timing.import = Duration::from_hours(5);
        let world = &mut laboratory::world(cluster, laboratory::config(), Settings::default(), &[0]);
        laboratory::start(world);
        insert(world, CD, IMAGE);
        // Nobody sees how far it is, so it is looked again and again.
        world.cluster.forbid(["list", "watch"].map(|verb| Rule::new(verb, "cdi.kubevirt.io", "datavolumes")).into());
        world.restart(0);
        laboratory::ready(world, 0);
        assert!(reset(world, "On").is_success());
        world.advance(Duration::from_secs(after));
        assert_eq!(get(world, NODE)["PowerState"], "PoweringOn");
        eject(world, CD);
        let waited = until_on(world);
        assert!(waited < Duration::from_secs(15), "{after}: {waited:?}");
    }
}

/// R7: the right to start comes back.
#[test]
fn r7_a_power_on_goes_on_soon_after_a_right_is_regained() {
    for after in [30, 100, 200] {
        let mut cluster = ClusterConfig::new(VERSIONS[2]);
        cluster.timing.import = Duration::from_secs(5);
        let world = &mut laboratory::world(cluster, laboratory::config(), Settings::default(), &[0]);
        laboratory::start(world);
        insert(world, CD, IMAGE);
        assert!(reset(world, "On").is_success());
        world.cluster.forbid(vec![
            Rule::new("patch", "kubevirt.io", "virtualmachines"),
            Rule::new("update", "subresources.kubevirt.io", "virtualmachines/start"),
        ]);
        world.advance(Duration::from_secs(after));
        assert_eq!(get(world, NODE)["PowerState"], "PoweringOn");
        world.cluster.forbid(Vec::new());
        let waited = until_on(world);
        assert!(waited < Duration::from_secs(45), "{after}: {waited:?}");
    }
}

/// R7: what the service may do again it does when it is seen that it may.
#[test]
fn r7_a_power_on_goes_on_at_once_when_a_right_is_seen_to_be_there() {
    let mut cluster = ClusterConfig::new(VERSIONS[2]);
    cluster.timing.import = Duration::from_secs(5);
    let world = &mut laboratory::world(cluster, laboratory::config(), Settings::default(), &[0, 1]);
    laboratory::start(world);
    insert(world, CD, IMAGE);
    assert!(reset(world, "On").is_success());
    world.cluster.forbid(vec![
        Rule::new("patch", "kubevirt.io", "virtualmachines"),
        Rule::new("update", "subresources.kubevirt.io", "virtualmachines/start"),
    ]);
    world.advance(Duration::from_secs(90));
    assert_eq!(get(world, NODE)["PowerState"], "PoweringOn");
    world.cluster.forbid(Vec::new());
    let tag = json!({ "AssetTag": "it may" });
    let other = lab::request(http::Method::PATCH, "/redfish/v1/Systems/lab.node-1", Some(&tag));
    assert!(world.send(0, other).unwrap().status().is_success());
    let waited = until_on(world);
    assert!(waited < Duration::from_secs(15), "{waited:?}");
}

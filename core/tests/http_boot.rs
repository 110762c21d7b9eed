//! Images that a machine is to boot over HTTP and that cannot be had, or that not everybody knows of yet.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kubevirt_redfish_core::model::{
    Action, BootEnabled, BootOverride, BootTarget, CommandError, Completion, Phase, Url,
};
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect, Rule};
use kubevirt_redfish_fixtures::stub::StubCluster;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{NODE, VERSIONS, get, instance, lab, patch, post, request, reset, until};

const IMAGE: &str = "https://images.example/boot.iso";

fn over_http() -> Value {
    json!({ "Boot": {
        "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once", "HttpBootUri": IMAGE,
    } })
}

fn turn_on(world: &mut World, replica: usize) -> Response<Bytes> {
    let path = format!("{NODE}/Actions/ComputerSystem.Reset");
    let request = request(Method::POST, &path, Some(&json!({ "ResetType": "On" })));
    world.send(replica, request).expect("an answer")
}

fn offered(world: &mut World) -> bool {
    let values = get(world, NODE)["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"].clone();
    values.as_array().unwrap().contains(&json!("UefiHttp"))
}

#[test]
fn it_is_offered_where_images_can_be_fetched() {
    let world = &mut lab(VERSIONS[2]);
    assert!(offered(world));
    world.cluster.remove_api_group("cdi.kubevirt.io");
    world.restart(0);
    assert!(world.run_until(Duration::from_secs(30), |world| world.view(0).is_some_and(|view| view.is_ready())));
    assert!(!offered(world));
    assert_eq!(patch(world, &over_http()), StatusCode::BAD_REQUEST);
    // Somebody installs it.
    world.cluster.restore_api_group("cdi.kubevirt.io");
    world.advance(Duration::from_mins(6));
    assert!(offered(world));
    assert_eq!(patch(world, &over_http()), StatusCode::OK);
}

/// Whoever wants another system installed does not want the old one to come up.
#[test]
fn a_machine_whose_image_cannot_be_asked_for_is_not_started() {
    let quota = || {
        let message = "datavolumes.cdi.kubevirt.io \"x\" is forbidden: exceeded quota: images, requested: count=1";
        let effect = FaultEffect::Status {
            code: StatusCode::FORBIDDEN,
            retry_after: None,
            reason: "Forbidden".to_owned(),
            message: message.to_owned(),
        };
        Fault::new(effect).method(Method::POST).path("/datavolumes")
    };
    let lacking = (StatusCode::SERVICE_UNAVAILABLE, ["lacks the right", "documentation names"]);
    let too_much = (StatusCode::BAD_REQUEST, ["to be booted over HTTP", "exceeded quota"]);
    for (lacks_right, (status, told)) in [(true, lacking), (false, too_much)] {
        let world = &mut lab(VERSIONS[2]);
        if lacks_right {
            world.cluster.forbid(vec![Rule::new("create", "cdi.kubevirt.io", "datavolumes")]);
        } else {
            world.cluster.inject(quota());
        }
        assert_eq!(patch(world, &over_http()), StatusCode::OK);
        world.advance(Duration::from_secs(2));
        let answer = turn_on(world, 0);
        assert_eq!(answer.status(), status);
        let text = String::from_utf8_lossy(answer.body());
        assert!(told.iter().all(|told| text.contains(told)), "{text}");
        world.advance(Duration::from_mins(1));
        assert_eq!((&get(world, NODE)["PowerState"], instance(world)), (&json!("Off"), None));
        // It is known what to do about it: another target, or seeing to it.
        world.cluster.forbid(Vec::new());
        world.cluster.clear_faults();
        assert_eq!(turn_on(world, 0).status(), StatusCode::NO_CONTENT);
        until(world, NODE, "/PowerState", &json!("On"));
        assert!(instance(world).unwrap()["spec"]["volumes"].to_string().contains("redfish-http"));
    }
}

/// Nor is one restarted that runs.
#[test]
fn a_machine_whose_image_cannot_be_asked_for_goes_on_running() {
    for reset_type in ["ForceRestart", "GracefulRestart", "PowerCycle"] {
        let world = &mut lab(VERSIONS[2]);
        assert!(reset(world, "On").is_success());
        until(world, NODE, "/PowerState", &json!("On"));
        let first = instance(world).unwrap()["metadata"]["uid"].clone();
        world.cluster.forbid(vec![Rule::new("create", "cdi.kubevirt.io", "datavolumes")]);
        assert_eq!(patch(world, &over_http()), StatusCode::OK);
        assert_eq!(reset(world, reset_type), StatusCode::SERVICE_UNAVAILABLE, "{reset_type}");
        world.advance(Duration::from_mins(1));
        assert_eq!(instance(world).unwrap()["metadata"]["uid"], first, "{reset_type}");
        world.cluster.forbid(Vec::new());
        assert!(reset(world, reset_type).is_success());
        world.advance(Duration::from_mins(1));
        until(world, NODE, "/PowerState", &json!("On"));
        let disks = instance(world).unwrap()["spec"]["domain"]["devices"]["disks"].clone();
        let first = disks.as_array().unwrap().iter().find(|disk| disk["bootOrder"] == 1).unwrap();
        assert_eq!(first["name"], "redfish-http", "{reset_type}");
    }
}

/// What was pending is kept, as with an import that fails: without the image, and that is said.
#[test]
fn a_promised_start_is_carried_out_without_the_image() {
    let world = &mut lab(VERSIONS[2]);
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    assert!(reset(world, "GracefulShutdown").is_success());
    world.advance(Duration::from_secs(2));
    world.cluster.forbid(vec![Rule::new("create", "cdi.kubevirt.io", "datavolumes")]);
    assert_eq!(patch(world, &over_http()), StatusCode::OK);
    assert_eq!(turn_on(world, 0).status(), StatusCode::NO_CONTENT);
    world.advance(Duration::from_mins(5));
    until(world, NODE, "/PowerState", &json!("On"));
    let system = get(world, NODE);
    assert_eq!(system["Boot"]["BootSourceOverrideTarget"], "None");
    assert_eq!(system["Status"]["Conditions"][0]["MessageId"], "KubeVirt.1.0.MediaLeftOut", "{system}");
}

/// A client that is sent to another replica by every request.
#[test]
fn a_replica_that_has_not_seen_the_image_waits_for_it_all_the_same() {
    for version in VERSIONS {
        for over_http in [true, false] {
            let world = &mut lab(version);
            world.start();
            assert!(
                world.run_until(Duration::from_secs(10), |world| world.view(1).is_some_and(|view| view.is_ready()))
            );
            // What the second replica sees of the cluster, it sees late.
            world.cluster.inject(Fault::new(FaultEffect::CutBeforeAnswer).watches());
            world.disconnect();
            if over_http {
                assert_eq!(patch(world, &self::over_http()), StatusCode::OK);
            } else {
                let path = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
                assert!(post(world, path, &json!({ "Image": IMAGE })).is_success());
            }
            assert_eq!(turn_on(world, 1).status(), StatusCode::NO_CONTENT);
            let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
            let pending = &machine["metadata"]["annotations"]["redfish.kubevirt.io/pending-power-on"];
            assert!(
                pending.is_string() && instance(world).is_none(),
                "{version:?}: the image is not there yet {machine}"
            );
            world.cluster.clear_faults();
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            assert!(instance(world).unwrap()["spec"]["volumes"].to_string().contains("dataVolume"), "{version:?}");
        }
    }
}

/// What is refused again and again keeps nothing else waiting that the service does of its own accord.
#[test]
fn an_image_that_is_refused_again_and_again_keeps_nothing_else_waiting() {
    let mut stub = StubCluster::new();
    stub.redefine("lab.node-0", |machine| {
        machine.boot = BootOverride {
            target: BootTarget::UefiHttp,
            enabled: BootEnabled::Continuous,
            http_uri: Url::parse(IMAGE),
            ..BootOverride::default()
        };
    });
    for _ in 0..5 {
        assert!(matches!(stub.commands.front().unwrap().action, Action::InsertMedia(_)));
        stub.complete(Err(CommandError::Refused("exceeded quota".to_owned())));
        assert!(stub.commands.is_empty());
        stub.advance(Duration::from_mins(2));
    }
    stub.complete(Err(CommandError::Refused("exceeded quota".to_owned())));
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    stub.redefine("lab.node-0", |machine| machine.power_restore_deferred = true);
    assert!(matches!(stub.commands.front().unwrap().action, Action::Change(_)));
    stub.redefine("lab.node-0", |machine| machine.power_restore_deferred = false);
    stub.complete(Ok(Completion::default()));
    stub.advance(Duration::from_secs(30));
    assert!(stub.commands.is_empty(), "the image is left alone for as long as before");
    stub.advance(Duration::from_mins(2));
    assert!(matches!(stub.commands.front().unwrap().action, Action::InsertMedia(_)));
}

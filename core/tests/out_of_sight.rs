//! What becomes of machines while the service does not see them.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{CD, NODE, VERSIONS, get, lab, post, reset, until};

/// From here on only commands see the cluster.
fn blind(world: &mut World) {
    world.cluster.inject(Fault::new(FaultEffect::CutBeforeAnswer).watches());
    world.disconnect();
}

/// What has happened in between cannot be told any more: everything is listed anew.
fn seeing(world: &mut World) {
    world.cluster.compact();
    world.cluster.clear_faults();
    world.advance(Duration::from_mins(1));
}

#[test]
fn a_run_that_only_a_command_has_seen_does_not_stay_for_ever() {
    let world = &mut lab(VERSIONS[2]);
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| machine["spec"]["runStrategy"] = json!("Manual"));
    world.advance(Duration::from_secs(1));
    blind(world);
    assert!(reset(world, "On").is_success());
    world.advance(Duration::from_secs(1));
    // This one sees the run.
    assert!(reset(world, "On").is_success());
    assert_eq!(get(world, NODE)["PowerState"], "PoweringOn");
    assert!(world.cluster.delete("virtualmachineinstances", "lab", "node-0"));
    world.advance(Duration::from_secs(1));
    assert_eq!(world.cluster.count("virtualmachineinstances"), 0);
    seeing(world);
    assert_eq!(get(world, NODE)["PowerState"], "Off");
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn an_import_that_only_a_command_has_seen_does_not_stay_for_ever() {
    let world = &mut lab(VERSIONS[2]);
    blind(world);
    let image = json!({ "Image": "https://images.example/boot.iso" });
    assert!(post(world, &format!("{CD}/Actions/VirtualMedia.InsertMedia"), &image).is_success());
    let tasks = "/redfish/v1/TaskService/Tasks?$expand=.";
    assert_eq!(get(world, tasks)["Members@odata.count"], 1);
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().unwrap().clone();
    let import = volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).unwrap();
    world.cluster.delete("datavolumes", "lab", import);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.cluster.count("datavolumes"), 0);
    seeing(world);
    assert_eq!(get(world, tasks)["Members"], Value::Array(Vec::new()));
}

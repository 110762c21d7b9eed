//! A laboratory: a simulated cluster with three machines, and what tests ask of the service in front of it.

#![allow(dead_code, unused_imports, reason = "each test needs some of it")]

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::laboratory;
pub(crate) use kubevirt_redfish_fixtures::laboratory::request;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

pub(crate) mod power;

pub(crate) const VERSIONS: [KubevirtVersion; 3] = [KubevirtVersion::V1_6, KubevirtVersion::V1_8, KubevirtVersion::V1_9];
pub(crate) const NODE: &str = "/redfish/v1/Systems/lab.node-0";
pub(crate) const CD: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd";

/// A laboratory of three machines that are off, and one replica.
pub(crate) fn lab(version: KubevirtVersion) -> World {
    let mut world =
        laboratory::world(ClusterConfig::new(version), laboratory::config(), Settings::default(), &[0, 1, 2]);
    laboratory::start(&mut world);
    world
}

pub(crate) fn get(world: &mut World, path: &str) -> Value {
    let response = world.send(0, request(Method::GET, path, None)).expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    serde_json::from_slice(response.body()).unwrap()
}

pub(crate) fn post(world: &mut World, path: &str, body: &Value) -> StatusCode {
    let response = world.send(0, request(Method::POST, path, Some(body))).expect("an answer");
    if !response.status().is_success() {
        println!("{path} {body}: {}", String::from_utf8_lossy(response.body()));
    }
    response.status()
}

pub(crate) fn reset(world: &mut World, reset_type: &str) -> StatusCode {
    post(world, &format!("{NODE}/Actions/ComputerSystem.Reset"), &json!({ "ResetType": reset_type }))
}

pub(crate) fn patch(world: &mut World, body: &Value) -> StatusCode {
    world.send(0, request(Method::PATCH, NODE, Some(body))).expect("an answer").status()
}

/// Lets time pass until a property of a resource has a value.
#[track_caller]
pub(crate) fn until(world: &mut World, path: &str, pointer: &str, value: &Value) {
    for _ in 0..600 {
        if get(world, path).pointer(pointer) == Some(value) {
            return;
        }
        world.advance(Duration::from_millis(200));
    }
    panic!("{path} {pointer} is {:?}, not {value}", get(world, path).pointer(pointer));
}

/// The kind of the device with the lowest boot order.
pub(crate) fn first_to_boot(domain: &Value) -> Option<&'static str> {
    let disks = domain["devices"]["disks"].as_array()?;
    let first = disks.iter().filter(|disk| disk["bootOrder"].is_u64()).min_by_key(|disk| disk["bootOrder"].as_u64())?;
    ["cdrom", "disk", "lun"].into_iter().find(|kind| first.get(kind).is_some())
}

/// The first machine's definition.
pub(crate) fn machine(world: &World) -> Value {
    world.cluster.object("virtualmachines", "lab", "node-0").expect("the machine")
}

/// The first machine's run, if there is one.
pub(crate) fn instance(world: &World) -> Option<Value> {
    world.cluster.object("virtualmachineinstances", "lab", "node-0")
}

/// The names of the devices of a domain that have a place in the boot sequence, in its order.
pub(crate) fn sequence(domain: &Value) -> Vec<String> {
    let devices = ["disks", "interfaces"].into_iter().filter_map(|list| domain["devices"][list].as_array()).flatten();
    let mut placed: Vec<_> = devices
        .filter_map(|device| Some((device["bootOrder"].as_u64()?, device["name"].as_str()?.to_owned())))
        .collect();
    placed.sort();
    placed.into_iter().map(|(_, name)| name).collect()
}

/// Changes the first machine's definition as its owner.
pub(crate) fn redefine(world: &mut World, change: impl FnOnce(&mut Value)) {
    let mut object = machine(world);
    change(&mut object);
    let now = world.now();
    world.cluster.apply(now, object).expect("a definition that is accepted");
    world.advance(Duration::from_millis(100));
}

/// Of how many cases one is played, where all of them take minutes; all with `POWER_CASES=all cargo test --profile histories
/// -p kubevirt-redfish-core --test power_requests --test fencing_walk -- --nocapture`.
pub(crate) fn share(usual: usize) -> usize {
    if power_cases("all") || power_cases("each") { 1 } else { usual }
}

/// Whether so many cases are asked for. Of what takes longest, `all` plays every third of what is asked of two replicas, and
/// of one that was killed; `each` plays every one, in five minutes more.
#[expect(clippy::disallowed_methods, reason = "the core reads no environment, its tests may")]
pub(crate) fn power_cases(which: &str) -> bool {
    std::env::var_os("POWER_CASES").is_some_and(|found| found == which)
}

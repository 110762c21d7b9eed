//! A laboratory of one machine with a strategy, and what tests of its power ask of it.

use std::time::Duration;

use http::StatusCode;
use kubevirt_redfish_core::config::{Config, PausedAs};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::world::World;
use kubevirt_redfish_fixtures::{laboratory, sample};
use serde_json::json;

use super::{NODE, instance, reset, until};

pub(crate) const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Everything that can be asked of a machine's power.
pub(crate) const REQUESTS: [&str; 10] = [
    "On",
    "ForceOff",
    "GracefulShutdown",
    "GracefulRestart",
    "ForceRestart",
    "PowerCycle",
    "PushPowerButton",
    "Pause",
    "Resume",
    "Nmi",
];

/// A machine with that strategy, beside others that are off. No replica has been started.
pub(crate) fn world(strategy: &str, others: &[usize]) -> World {
    let config = ClusterConfig { interrupt: true, ..ClusterConfig::new(KubevirtVersion::V1_9) };
    let service = Config { paused_as: PausedAs::Paused, ..laboratory::config() };
    let mut world = laboratory::world(config, service, Settings::default(), others);
    let mut machine = sample::lab_virtual_machine(0, 1, KubevirtVersion::V1_9);
    machine["spec"]["runStrategy"] = json!(strategy);
    world.cluster.seed([sample::lab_root_claim(0)]);
    world.cluster.add_virtual_machines([machine]);
    world
}

/// Starts so many replicas and turns the machine on.
#[track_caller]
pub(crate) fn turn_on(world: &mut World, replicas: usize) {
    for _ in 0..replicas {
        laboratory::start(world);
    }
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT, "it cannot be turned on");
    until(world, NODE, "/PowerState", &json!("On"));
}

/// What the cluster shows: the service is not asked.
pub(crate) fn truth(world: &World) -> &'static str {
    let Some(run) = instance(world) else { return "Off" };
    let conditions = run["status"]["conditions"].as_array().into_iter().flatten();
    let paused = conditions.clone().any(|condition| condition["type"] == "Paused" && condition["status"] == "True");
    match run["status"]["phase"].as_str().unwrap_or_default() {
        "Succeeded" | "Failed" => "Off",
        _ if paused => "Paused",
        _ => "On",
    }
}

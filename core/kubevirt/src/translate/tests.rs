//! The observed objects, what becomes of them, and what becomes of objects that nobody has observed yet.

use std::fmt::Write;

use kubevirt_redfish_fixtures::observed;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{ImportState, Instance, Machine, Next, PowerState, Severity, VmId};
use crate::object::{DataVolume, Element, KubeVirt, Object, VirtualMachine, VirtualMachineInstance};

fn read<T>(value: &Value) -> T
where
    for<'de> Object<T>: crate::object::Lenient<'de>,
{
    let Element(Object(object)) = serde_json::from_str::<Element<Object<T>>>(&value.to_string()).expect("it is JSON");
    object
}

fn a_machine(value: &Value) -> Machine {
    machine(&read::<VirtualMachine>(value)).expect("it has a name")
}

fn an_instance(value: &Value) -> Instance {
    instance(&read::<VirtualMachineInstance>(value)).expect("it has a name")
}

fn vm(spec: &Value, status: &Value) -> Value {
    json!({ "metadata": { "name": "vm", "namespace": "lab", "uid": "1" }, "spec": spec, "status": status })
}

#[test]
fn every_observed_machine_and_instance() {
    let mut story = String::new();
    let paths = [
        "stopped/vm-manual-bios.json",
        "stopped/vm-halted-once-media.json",
        "stopped/vm-legacy-running.json",
        "running/vm-always-efi.json",
        "running/vmi-always-efi.json",
        "running/vm-manual-bios.json",
        "running/vmi-manual-bios.json",
        "running/vm-rerun-minimal.json",
        "running/vmi-rerun-minimal.json",
        "running/vm-halted-once-media.json",
        "running/vmi-halted-once-media.json",
        "apitesting/release-1.8.VirtualMachine.json",
        "apitesting/release-1.9.VirtualMachine.json",
        "apitesting/release-1.8.VirtualMachineInstance.json",
        "apitesting/release-1.9.VirtualMachineInstance.json",
    ];
    for path in paths {
        let mut value = observed::json(path).expect("it is there");
        if path.starts_with("apitesting") {
            value["metadata"]["name"] = json!("every-field");
            value["metadata"]["namespace"] = json!("vms");
        }
        let _ = match value["kind"].as_str() {
            Some("VirtualMachine") => writeln!(story, "## {path}\n{:#?}", a_machine(&value)),
            _ => writeln!(story, "## {path}\n{:#?}", an_instance(&value)),
        };
    }
    insta::assert_snapshot!(story);
}

#[test]
fn power_over_the_observed_states() {
    let mut story = String::new();
    for path in [
        "starting-1",
        "starting-2",
        "starting-3",
        "starting-4",
        "starting-5",
        "starting-6",
        "paused",
        "restart-required",
        "media-inserting-1",
        "media-inserting-4",
        "media-inserted",
        "restarting",
        "stopping",
        "stopped-after-run",
    ] {
        let objects = observed::objects(&format!("states/{path}.json"));
        let of = |kind: &str| objects.iter().find(|object| object["kind"] == kind);
        let machine = a_machine(of("VirtualMachine").expect("the machine is there"));
        let instance = of("VirtualMachineInstance").map(an_instance);
        let media = instance.as_ref().map(|instance| instance.ready_media.join(",")).unwrap_or_default();
        let power = PowerState::of(&machine, instance.as_ref());
        let _ = writeln!(
            story,
            "{path:18} {power:?} restart_required={} media=[{media}] {:?}",
            machine.restart_required, machine.trouble
        );
    }
    insta::assert_snapshot!(story);
}

#[test]
fn only_the_services_own_imports_are_read() {
    let foreign = observed::json("states/dv-failing.json").expect("it is there");
    assert_eq!(import(&read::<DataVolume>(&foreign)), None);
    let mut states = Vec::new();
    for path in ["states/dv-failing.json", "states/dv-succeeded.json"] {
        let mut value = observed::json(path).expect("it is there");
        value["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "kubevirt-redfish" });
        value["metadata"]["annotations"] = json!({ "redfish.kubevirt.io/virtual-machine": "node-0" });
        let import = import(&read::<DataVolume>(&value)).expect("it is ours");
        assert_eq!(import.machines.first().map(VmId::as_str), Some("vms.node-0"));
        states.push(import.state);
    }
    let message = "Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found";
    assert_eq!(states, [ImportState::Failed { message: message.into() }, ImportState::Succeeded]);
    let platform = platform(&read::<KubeVirt>(&observed::objects("states/kubevirt-cr.json")[0]));
    assert!(platform.live_media && platform.reboot_ends_run);
}

#[test]
fn whether_an_instance_comes_by_itself() {
    let start = json!([{ "action": "Start" }]);
    let stop = json!([{ "action": "Stop", "uid": "2" }]);
    let both = json!([{ "action": "Stop", "uid": "2" }, { "action": "Start" }]);
    let cases = [
        (json!({ "runStrategy": "Always" }), json!({}), true),
        (json!({ "runStrategy": "Always" }), json!({ "printableStatus": "CrashLoopBackOff" }), true),
        (json!({ "running": true }), json!({}), true),
        (json!({ "running": false }), json!({ "printableStatus": "Provisioning" }), false),
        (json!({ "runStrategy": "Halted" }), json!({ "printableStatus": "Provisioning" }), false),
        (json!({ "runStrategy": "Halted" }), json!({ "stateChangeRequests": start }), true),
        (json!({ "runStrategy": "Manual" }), json!({ "printableStatus": "Stopped" }), false),
        (
            json!({ "runStrategy": "Manual" }),
            json!({ "printableStatus": "Stopped", "stateChangeRequests": start }),
            true,
        ),
        (json!({ "runStrategy": "Manual" }), json!({ "stateChangeRequests": both }), true),
        (json!({ "runStrategy": "Manual" }), json!({ "stateChangeRequests": stop }), false),
        (json!({ "runStrategy": "RerunOnFailure" }), json!({ "runStrategy": "RerunOnFailure" }), false),
        (json!({ "runStrategy": "RerunOnFailure" }), json!({}), true),
        (json!({ "runStrategy": "RerunOnFailure" }), json!({ "runStrategy": "Halted" }), true),
        (
            json!({ "runStrategy": "RerunOnFailure" }),
            json!({ "runStrategy": "RerunOnFailure", "printableStatus": "Provisioning" }),
            false,
        ),
        (
            json!({ "runStrategy": "RerunOnFailure" }),
            json!({ "runStrategy": "RerunOnFailure", "printableStatus": "CrashLoopBackOff" }),
            false,
        ),
        (
            json!({ "runStrategy": "RerunOnFailure" }),
            json!({ "runStrategy": "RerunOnFailure", "stateChangeRequests": start }),
            true,
        ),
        (json!({ "runStrategy": "Once" }), json!({}), true),
        (json!({ "runStrategy": "Once" }), json!({ "created": true }), true),
        (json!({ "runStrategy": "WaitAsReceiver" }), json!({}), false),
        (json!({}), json!({}), false),
    ];
    for (spec, status, expected) in cases {
        let found = a_machine(&vm(&spec, &status)).outlook.absent == Next::Start;
        assert_eq!(found, expected, "{spec} {status}");
    }
}

#[test]
fn processors_and_memory_are_what_the_definition_says() {
    let cases = [
        (json!({}), (1, 1, 1), 0),
        (json!({ "cpu": { "sockets": 2, "cores": 4 }, "memory": { "guest": "1.5Gi" } }), (2, 4, 1), 1_610_612_736),
        (json!({ "cpu": { "threads": 2 }, "resources": { "requests": { "cpu": "8" } } }), (1, 1, 2), 0),
        (json!({ "resources": { "requests": { "cpu": "1500m", "memory": "512M" } } }), (2, 1, 1), 512_000_000),
        (json!({ "resources": { "limits": { "cpu": 3, "memory": 1_000_000 } } }), (3, 1, 1), 1_000_000),
        (json!({ "cpu": { "model": "host-model" }, "memory": { "guest": "lots" } }), (1, 1, 1), 0),
    ];
    for (domain, expected, memory) in cases {
        let machine = a_machine(&vm(&json!({ "template": { "spec": { "domain": domain } } }), &json!({})));
        let found = (machine.processors.sockets, machine.processors.cores, machine.processors.threads);
        assert_eq!((found, machine.memory), (expected, memory), "{domain}");
    }
}

#[test]
fn trouble_is_what_keeps_a_machine_from_working() {
    let failure = |reason: &str| json!([{ "type": "Failure", "status": "True", "reason": reason, "message": "why" }]);
    let cases = [
        (json!({ "printableStatus": "Running", "created": true }), None),
        (json!({ "printableStatus": "Stopped", "conditions": [{ "type": "Paused", "status": "True" }] }), None),
        (json!({ "printableStatus": "ErrorUnschedulable" }), Some((Severity::Critical, "ErrorUnschedulable"))),
        (json!({ "printableStatus": "DataVolumeError" }), Some((Severity::Warning, "DataVolumeError"))),
        (
            json!({ "printableStatus": "DataVolumeError", "created": true }),
            Some((Severity::Critical, "DataVolumeError")),
        ),
        (json!({ "printableStatus": "CrashLoopBackOff" }), None),
        (
            json!({ "printableStatus": "CrashLoopBackOff", "stateChangeRequests": [{ "action": "Start" }] }),
            Some((Severity::Critical, "CrashLoopBackOff")),
        ),
        (json!({ "printableStatus": "Unknown" }), Some((Severity::Warning, "Unknown"))),
        (json!({ "conditions": failure("FailedCreate") }), Some((Severity::Critical, "FailedCreate"))),
        (json!({ "conditions": failure("HotPlugVolumeError") }), Some((Severity::Warning, "HotPlugVolumeError"))),
        (json!({ "conditions": [{ "type": "Failure", "status": "False" }] }), None),
    ];
    for (status, expected) in cases {
        let trouble = a_machine(&vm(&json!({ "runStrategy": "Manual" }), &status)).trouble;
        assert_eq!(trouble.as_ref().map(|trouble| (trouble.severity, &*trouble.reason)), expected, "{status}");
    }
}

/// The second is what RFC 9562's version 5 makes of KubeVirt's name space and the machine's name.
#[test]
fn the_guests_uuid_is_the_machines_own_or_the_one_that_the_controller_makes_of_its_name() {
    let uuid = |firmware: Value| {
        let spec = json!({ "template": { "spec": { "domain": { "firmware": firmware } } } });
        a_machine(&vm(&spec, &json!({}))).firmware.uuid
    };
    assert_eq!(uuid(json!({ "uuid": "not-a-uuid" })).as_deref(), Some("not-a-uuid"));
    assert_eq!(uuid(json!({})).as_deref(), Some("d633a622-2335-5606-93ae-d432b7c7f2d2"));
    assert_eq!(uuid(json!({ "uuid": "" })), uuid(json!({})));
}

#[test]
fn a_medium_that_was_taken_out_by_hand_is_out() {
    let record = json!({ "image": "http://a", "drive": "cd", "dataVolume": "iso" }).to_string();
    let annotated = |volumes: &Value, record: &str| {
        let devices = json!({ "disks": [{ "name": "cd", "cdrom": { "bus": "sata" } }] });
        let spec = json!({ "volumes": volumes, "domain": { "devices": devices } });
        let mut value = vm(&json!({ "template": { "spec": spec } }), &json!({}));
        value["metadata"]["annotations"] = json!({ "redfish.kubevirt.io/media-cd": record });
        a_machine(&value).media.len()
    };
    assert_eq!(annotated(&json!([{ "name": "cd", "dataVolume": { "name": "iso" } }]), &record), 1);
    assert_eq!(annotated(&json!([{ "name": "cd", "dataVolume": { "name": "other" } }]), &record), 0);
    assert_eq!(annotated(&json!([]), &record), 0);
    assert_eq!(annotated(&json!([{ "name": "cd", "dataVolume": { "name": "iso" } }]), "{]"), 0);
}

#[test]
fn a_machine_and_its_run_are_small_in_memory() {
    assert!(size_of::<Machine>() + size_of::<Instance>() < 700, "{} + {}", size_of::<Machine>(), size_of::<Instance>());
}

/// Any JSON in the place of any value of a real object.
fn spoilt() -> impl Strategy<Value = (usize, Value)> {
    let value = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, 7, {}, []])),
        Just(json!({ "name": { "name": 7 } })),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(1.5e300)),
        Just(json!(u64::MAX)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    (any::<usize>(), value)
}

/// Replaces the `at`th value below `value`, counted depth first.
fn spoil(value: &mut Value, at: &mut usize, by: &Value) {
    if *at == 0 {
        *value = by.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| spoil(value, at, by)),
        Value::Array(list) => list.iter_mut().for_each(|value| spoil(value, at, by)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_spoilt_object_is_read_as_far_as_it_goes(spoils in prop::collection::vec(spoilt(), 1..6)) {
        for path in ["running/vm-halted-once-media.json", "running/vmi-halted-once-media.json", "states/dv-failing.json"] {
            let mut value = observed::json(path).expect("it is there");
            for (at, by) in &spoils {
                spoil(&mut value, &mut (at % 300), by);
            }
            let text = value.to_string();
            let vm = serde_json::from_str::<Element<Object<VirtualMachine>>>(&text).expect("leniently read");
            let vmi = serde_json::from_str::<Element<Object<VirtualMachineInstance>>>(&text).expect("leniently read");
            let dv = serde_json::from_str::<Element<Object<DataVolume>>>(&text).expect("leniently read");
            let kubevirt = serde_json::from_str::<Element<Object<KubeVirt>>>(&text).expect("leniently read");
            let _ = (machine(&vm.0), instance(&vmi.0), import(&dv.0), platform(&kubevirt.0));
        }
    }
}

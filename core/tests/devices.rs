//! What a machine is made of is the same off and on: what `KubeVirt` adds by itself, notations that it normalises, values
//! that come with a run. F3, F7, F8, F10, F11.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;
#[path = "devices/stock.rs"]
mod stock;

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::world::World;
use kubevirt_redfish_fixtures::{laboratory, observed};
use serde_json::{Value, json};

use lab::{VERSIONS, get, post, request, sequence, until};
use stock::{agree, take_stock};

const MACHINE: &str = "/redfish/v1/Systems/lab.vm";

/// A world with this machine, which is off.
fn world_of(version: KubevirtVersion, spec: &Value) -> World {
    let mut world = laboratory::world(ClusterConfig::new(version), laboratory::config(), Settings::default(), &[]);
    laboratory::start(&mut world);
    let object = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": { "name": "vm", "namespace": "lab" }, "spec": spec,
    });
    let now = world.now();
    world.cluster.apply(now, object).expect("a definition that is accepted");
    world.advance(Duration::from_millis(200));
    world
}

fn manual(template: &Value) -> Value {
    json!({ "runStrategy": "Manual", "template": { "spec": template } })
}

fn change(world: &mut World, body: &Value) -> StatusCode {
    let response = world.send(0, request(Method::PATCH, MACHINE, Some(body))).expect("an answer");
    if !response.status().is_success() {
        println!("{body}: {}", String::from_utf8_lossy(response.body()));
    }
    response.status()
}

fn power(world: &mut World, reset_type: &str) {
    let path = format!("{MACHINE}/Actions/ComputerSystem.Reset");
    assert!(post(world, &path, &json!({ "ResetType": reset_type })).is_success(), "{reset_type}");
}

fn turn_on(world: &mut World) -> Value {
    power(world, "On");
    until(world, MACHINE, "/PowerState", &json!("On"));
    world.advance(Duration::from_secs(2));
    world.cluster.object("virtualmachineinstances", "lab", "vm").expect("a run")
}

fn ids(world: &mut World, collection: &str) -> Vec<String> {
    let members = get(world, &format!("{MACHINE}/{collection}"))["Members"].clone();
    let uri = |member: &Value| member["@odata.id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    members.as_array().unwrap().iter().map(uri).collect()
}

/// F3: the devices that the cluster is going to make are there while the machine is off, and can be booted from.
#[test]
fn f3_devices_that_the_cluster_adds_by_itself_are_as_if_they_were_listed() {
    let root = json!([{ "name": "r", "containerDisk": { "image": "quay.io/x:1" } }]);
    let plain = manual(&json!({ "domain": { "devices": {}, "memory": { "guest": "1Gi" } }, "volumes": root }));
    let mut typed = manual(&json!({ "domain": { "devices": {} }, "volumes": root }));
    typed["instancetype"] = json!({ "name": "u1.small" });
    for version in VERSIONS {
        for spec in [&plain, &typed] {
            let world = &mut world_of(version, spec);
            let before = world.cluster.object("virtualmachines", "lab", "vm").unwrap()["spec"].clone();
            assert_eq!(ids(world, "Storage"), ["SATA"]);
            assert_eq!(get(world, &format!("{MACHINE}/Storage/SATA"))["Drives@odata.count"], 1);
            assert_eq!(ids(world, "BootOptions"), ["Drive.r", "Nic.default"]);
            assert_eq!(ids(world, "EthernetInterfaces"), ["default"]);
            let off = take_stock(world, MACHINE);
            // Once from the network, and the definition is as it was.
            let once = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" });
            assert_eq!(change(world, &json!({ "Boot": once })), StatusCode::OK);
            let again = get(world, MACHINE)["Status"]["Conditions"].to_string().contains("RebootBootsAgain");
            assert!(again, "{version:?}: a reboot of the guest boots from there again");
            let run = turn_on(world);
            assert_eq!(sequence(&run["spec"]["domain"]), ["default", "r"], "{version:?}");
            assert_eq!(run["spec"]["domain"]["devices"]["interfaces"][0]["bridge"], json!({}));
            world.advance(Duration::from_secs(20));
            let after = world.cluster.object("virtualmachines", "lab", "vm").unwrap()["spec"].clone();
            assert_eq!(after, before, "{version:?}");
            assert_eq!(get(world, MACHINE)["Boot"]["BootSourceOverrideEnabled"], "Disabled");
            let on = take_stock(world, MACHINE);
            agree(&off, &on, spec == &typed).unwrap_or_else(|problem| panic!("{version:?} {spec}: {problem}"));
            // The machine's own order may name what nobody listed.
            let order = json!({ "Boot": { "BootOrder": ["Nic.default", "Drive.r"] } });
            assert_eq!(change(world, &order), StatusCode::OK);
            assert_eq!(get(world, MACHINE)["Boot"]["BootOrder"], order["Boot"]["BootOrder"]);
            power(world, "PowerCycle");
            world.advance(Duration::from_mins(1));
            let run = world.cluster.object("virtualmachineinstances", "lab", "vm").unwrap();
            assert_eq!(sequence(&run["spec"]["domain"]), ["default", "r"], "{version:?}");
        }
    }
}

/// F3: where the cluster is configured so, the interface that is spelled out is masked as the one that it gives.
#[test]
fn f3_an_interface_is_spelled_out_as_the_cluster_would_give_it() {
    let root = json!([{ "name": "r", "containerDisk": { "image": "quay.io/x:1" } }]);
    let spec = manual(&json!({ "domain": { "devices": {}, "memory": { "guest": "1Gi" } }, "volumes": root }));
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    world.cluster.edit("kubevirts", "kubevirt", "kubevirt", |kubevirt| {
        kubevirt["spec"]["configuration"]["network"] = json!({ "defaultNetworkInterface": "masquerade" });
    });
    world.advance(Duration::from_mins(10));
    let once = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" });
    assert_eq!(change(world, &json!({ "Boot": once })), StatusCode::OK);
    let interface = turn_on(world)["spec"]["domain"]["devices"]["interfaces"][0].clone();
    assert_eq!(interface, json!({ "name": "default", "masquerade": {}, "bootOrder": 1 }));
}

/// Inspection by Ironic needs the sizes of drives, also of machines that are off.
#[test]
fn a_drive_is_as_large_as_the_definition_says_or_the_guest_sees() {
    let disks = json!([{ "name": "root" }, { "name": "scratch", "disk": { "bus": "virtio" } }]);
    let volumes = json!([
        { "name": "root", "dataVolume": { "name": "vm-root" } }, { "name": "scratch", "emptyDisk": { "capacity": "1500M" } },
    ]);
    let domain = json!({ "devices": { "disks": disks }, "memory": { "guest": "1Gi" } });
    let mut spec = manual(&json!({ "domain": domain, "volumes": volumes, "hostname": "db-1" }));
    spec["dataVolumeTemplates"] = json!([{
        "metadata": { "name": "vm-root" },
        "spec": { "source": { "blank": {} }, "storage": { "resources": { "requests": { "storage": "10Gi" } } } },
    }]);
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    let size =
        |world: &mut World, drive: &str| get(world, &format!("{MACHINE}/Storage/{drive}"))["CapacityBytes"].clone();
    assert_eq!(size(world, "SATA/Drives/root"), 10_u64 << 30);
    assert_eq!(size(world, "Virtio/Drives/scratch"), 1_500_000_000);
    assert_eq!(get(world, MACHINE)["HostName"], "db-1");
    assert_eq!(get(world, MACHINE)["BootProgress"], json!({ "LastState": "None" }));
    let instance = turn_on(world);
    world.advance(Duration::from_mins(2));
    assert_eq!(size(world, "Virtio/Drives/scratch"), 1_500_000_000);
    let progress = get(world, MACHINE)["BootProgress"].clone();
    assert!(progress["LastStateTime"].is_string(), "{progress} {instance}");
}

/// F3: a machine that is to have none is given none.
#[test]
fn f3_no_interface_is_given_to_a_machine_that_wants_none() {
    let root = json!([{ "name": "r", "containerDisk": { "image": "quay.io/x:1" } }]);
    let devices = json!({ "autoattachPodInterface": false });
    let spec = manual(&json!({ "domain": { "devices": devices, "memory": { "guest": "1Gi" } }, "volumes": root }));
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    assert_eq!(ids(world, "EthernetInterfaces"), Vec::<String>::new());
    let once = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" });
    assert_eq!(change(world, &json!({ "Boot": once })), StatusCode::CONFLICT);
    turn_on(world);
    assert_eq!(ids(world, "EthernetInterfaces"), Vec::<String>::new());
}

/// F3, F7: what only an instance type or a preference knows is absent while the machine is off, and never wrong.
#[test]
fn f3_what_only_a_preference_knows_is_left_out() {
    let disks = json!([{ "name": "r" }, { "name": "s", "disk": { "bus": "scsi" } }]);
    let volumes = json!([
        { "name": "r", "containerDisk": { "image": "quay.io/x:1" } }, { "name": "s", "emptyDisk": { "capacity": "1Gi" } },
    ]);
    let mut spec = manual(&json!({ "domain": { "devices": { "disks": disks } }, "volumes": volumes }));
    spec["instancetype"] = json!({ "name": "u1.small" });
    spec["preference"] = json!({ "name": "windows.11" });
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    assert_eq!(ids(world, "Storage"), ["SCSI", "Preferred"]);
    let drive = get(world, &format!("{MACHINE}/Storage/Preferred/Drives/r"));
    assert_eq!(drive.get("Protocol"), None);
    let system = get(world, MACHINE);
    for absent in ["ProcessorSummary", "MemorySummary"] {
        assert_eq!(system.get(absent), None, "{absent}");
    }
    assert_eq!(system["Boot"]["BootSourceOverrideMode"], Value::Null);
    assert_eq!(ids(world, "Memory"), Vec::<String>::new());
    let off = take_stock(world, MACHINE);
    turn_on(world);
    let on = take_stock(world, MACHINE);
    agree(&off, &on, true).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(get(world, MACHINE)["MemorySummary"]["TotalSystemMemoryGiB"], 2);
}

/// F7: processors and memory from what is requested and allowed, as the cluster derives them.
#[test]
fn f7_processors_and_memory_are_derived_as_the_cluster_does() {
    for (domain, processors, memory) in [
        (
            json!({ "resources": { "requests": { "cpu": "1500m", "memory": "1Gi" }, "limits": { "cpu": "3" } } }),
            (3, 1, 1),
            json!(1),
        ),
        (json!({ "resources": { "requests": { "cpu": "1500m", "memory": "2Gi" } } }), (2, 1, 1), json!(2)),
        (json!({ "resources": { "limits": { "cpu": "2500m", "memory": "2Gi" } } }), (3, 1, 1), json!(2)),
        (json!({ "memory": { "hugepages": { "pageSize": "1Gi" } } }), (1, 1, 1), json!(1)),
        (
            json!({ "memory": { "hugepages": { "pageSize": "2Mi" } }, "resources": { "requests": { "memory": "1Gi" } } }),
            (1, 1, 1),
            json!(1),
        ),
        (
            json!({ "cpu": { "cores": 2 }, "memory": { "guest": "4Gi" }, "resources": { "limits": { "cpu": "8" } } }),
            (1, 2, 1),
            json!(4),
        ),
        (
            json!({ "cpu": { "sockets": 0, "cores": 0, "threads": 0 }, "memory": { "guest": "1e9" } }),
            (1, 1, 1),
            json!(0.931),
        ),
        (json!({ "resources": { "requests": { "cpu": 0.5, "memory": "1073741824000m" } } }), (1, 1, 1), json!(1)),
    ] {
        let mut domain = domain.clone();
        domain["devices"] = json!({});
        let root = json!([{ "name": "r", "containerDisk": { "image": "quay.io/x:1" } }]);
        let world = &mut world_of(KubevirtVersion::V1_9, &manual(&json!({ "domain": domain, "volumes": root })));
        let off = take_stock(world, MACHINE);
        let shown = |world: &mut World| {
            let system = get(world, MACHINE);
            let summary = &system["ProcessorSummary"];
            let attributes = get(world, &format!("{MACHINE}/Bios"))["Attributes"].clone();
            let topology = ["CpuSockets", "CpuCores", "CpuThreads"].map(|name| attributes[name].as_u64().unwrap());
            assert_eq!(summary["Count"], topology[0], "{domain}");
            assert_eq!(summary["CoreCount"], topology[0] * topology[1], "{domain}");
            (topology, system["MemorySummary"]["TotalSystemMemoryGiB"].clone())
        };
        let expected = ([processors.0, processors.1, processors.2], memory);
        assert_eq!(shown(world), expected, "off: {domain}");
        turn_on(world);
        assert_eq!(shown(world), expected, "on: {domain}");
        agree(&off, &take_stock(world, MACHINE), false).unwrap_or_else(|problem| panic!("{domain}: {problem}"));
    }
}

/// F7: a machine without any memory cannot be started, and none is made up for it.
#[test]
fn f7_a_machine_without_memory_has_none_and_does_not_start() {
    let root = json!([{ "name": "r", "containerDisk": { "image": "quay.io/x:1" } }]);
    let world = &mut world_of(KubevirtVersion::V1_9, &manual(&json!({ "domain": { "devices": {} }, "volumes": root })));
    assert_eq!(get(world, MACHINE).get("MemorySummary"), None);
    let path = format!("{MACHINE}/Actions/ComputerSystem.Reset");
    post(world, &path, &json!({ "ResetType": "On" }));
    world.advance(Duration::from_secs(30));
    assert_eq!(world.cluster.count("virtualmachineinstances"), 0);
    let machine = world.cluster.object("virtualmachines", "lab", "vm").unwrap();
    let conditions = machine["status"]["conditions"].as_array().unwrap();
    let failure = conditions.iter().find(|condition| condition["type"] == "Failure").expect("it says why");
    assert_eq!(
        (&failure["reason"], &machine["status"]["printableStatus"]),
        (&json!("FailedCreate"), &json!("Stopped"))
    );
    assert!(failure["message"].as_str().unwrap().contains("no memory requested"), "{failure}");
    let told = get(world, MACHINE)["Status"].to_string();
    assert!(told.contains("no memory requested"), "{told}");
}

fn with_interfaces(interfaces: &Value) -> Value {
    let networks: Vec<Value> = interfaces
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(index, interface)| match index {
            0 => json!({ "name": interface["name"], "pod": {} }),
            _ => json!({ "name": interface["name"], "multus": { "networkName": interface["name"] } }),
        })
        .collect();
    manual(&json!({
        "domain": { "memory": { "guest": "1Gi" }, "devices": { "interfaces": interfaces } }, "networks": networks,
        "volumes": [{ "name": "r", "containerDisk": { "image": "quay.io/x:1" } }],
    }))
}

/// F8: what the definition takes away is not there, not even while the cluster has not followed; a link that is down is.
#[test]
fn f8_an_interface_that_is_to_be_absent_exists_nowhere() {
    let spec = with_interfaces(&json!([
        { "name": "gone", "masquerade": {}, "state": "absent" },
        { "name": "down", "bridge": {}, "state": "down" },
        { "name": "up", "bridge": {}, "state": "up" },
    ]));
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    let check = |world: &mut World| {
        assert_eq!(ids(world, "EthernetInterfaces"), ["down", "up"]);
        assert_eq!(ids(world, "BootOptions"), ["Drive.r", "Nic.down", "Nic.up"]);
        for (name, status) in [("down", "LinkDown"), ("up", "LinkUp")] {
            let interface = get(world, &format!("{MACHINE}/EthernetInterfaces/{name}"));
            assert_eq!(interface["LinkStatus"], status, "{interface}");
        }
    };
    check(world);
    assert_eq!(change(world, &json!({ "Boot": { "BootOrder": ["Nic.gone"] } })), StatusCode::BAD_REQUEST);
    let once = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" });
    assert_eq!(change(world, &json!({ "Boot": once })), StatusCode::OK);
    let run = turn_on(world);
    assert_eq!(sequence(&run["spec"]["domain"]), ["down", "up", "r"]);
    check(world);
}

/// F8: the same of a machine that runs, for as long as its run still has the interface.
#[test]
fn f8_an_interface_that_leaves_a_run_is_not_shown() {
    let spec = with_interfaces(&json!([{ "name": "a", "masquerade": {} }, { "name": "b", "bridge": {} }]));
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    turn_on(world);
    assert_eq!(ids(world, "EthernetInterfaces"), ["a", "b"]);
    for (state, links) in [("down", Some("LinkDown")), ("up", Some("LinkUp")), ("absent", None)] {
        world.cluster.edit("virtualmachines", "lab", "vm", |machine| {
            machine["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][1]["state"] = json!(state);
        });
        for _ in 0..40 {
            world.advance(Duration::from_millis(50));
            let shown = ids(world, "EthernetInterfaces").len();
            assert_eq!(shown, if links.is_some() { 2 } else { 1 }, "{state}");
        }
        if let Some(status) = links {
            assert_eq!(get(world, &format!("{MACHINE}/EthernetInterfaces/b"))["LinkStatus"], status);
        }
    }
    let machine = world.cluster.object("virtualmachines", "lab", "vm").unwrap();
    assert!(!machine["spec"].to_string().contains("absent"), "{machine}");
    let restart = machine["status"]["conditions"].to_string();
    assert!(!restart.contains("RestartRequired"), "{restart}");
}

/// F10: whatever the notation, the address is the one that the guest has.
#[test]
fn f10_addresses_are_shown_as_the_guest_has_them() {
    for (written, shown) in [
        ("02:00:00:AA:BB:01", "02:00:00:aa:bb:01"),
        ("BE-AF-00-00-DE-AD", "be:af:00:00:de:ad"),
        ("0200.00aa.bb05", "02:00:00:aa:bb:05"),
        ("020000aabb05", "02:00:00:aa:bb:05"),
    ] {
        let spec = with_interfaces(&json!([{ "name": "a", "masquerade": {}, "macAddress": written }]));
        let world = &mut world_of(KubevirtVersion::V1_9, &spec);
        let path = format!("{MACHINE}/EthernetInterfaces/a");
        assert_eq!(get(world, &path)["MACAddress"], shown, "off: {written}");
        turn_on(world);
        assert_eq!(get(world, &path)["MACAddress"], shown, "on: {written}");
    }
}

/// F10: so is the machine's UUID; what is none gives way to that of the machine.
#[test]
fn f10_identities_are_shown_in_one_notation() {
    for (written, shown) in [
        (json!("1F4ADDC7-B0DA-48C3-93AC-000000000001"), Some("1f4addc7-b0da-48c3-93ac-000000000001")),
        (json!("1f4addc7b0da48c393ac000000000001"), Some("1f4addc7-b0da-48c3-93ac-000000000001")),
        (json!(" 1f4addc7-b0da-48c3-93ac-000000000001 "), Some("1f4addc7-b0da-48c3-93ac-000000000001")),
        (json!("not-a-uuid"), None),
    ] {
        let mut spec = with_interfaces(&json!([{ "name": "a", "masquerade": {} }]));
        spec["template"]["spec"]["domain"]["firmware"] = json!({ "uuid": written });
        let world = &mut world_of(KubevirtVersion::V1_9, &spec);
        let uid = world.cluster.object("virtualmachines", "lab", "vm").unwrap()["metadata"]["uid"].clone();
        let expected = shown.map_or(uid, |shown| json!(shown));
        assert_eq!(get(world, MACHINE)["UUID"], expected, "{written}");
        turn_on(world);
        assert_eq!(get(world, MACHINE)["UUID"], expected, "{written}");
    }
}

/// F11: the model of the processor does not change by being run.
#[test]
fn f11_the_processor_model_is_the_same_off_and_on() {
    for (architecture, model, shown) in [
        ("amd64", json!("Skylake-Server"), "Skylake-Server"),
        ("amd64", json!("host-model"), "host-model"),
        ("amd64", json!("host-passthrough"), "host-passthrough"),
        ("amd64", Value::Null, "x86-64"),
        ("arm64", Value::Null, "ARM-A64"),
        ("arm64", json!("host-passthrough"), "host-passthrough"),
        ("s390x", Value::Null, "s390x"),
    ] {
        let mut spec = with_interfaces(&json!([{ "name": "a", "masquerade": {} }]));
        spec["template"]["spec"]["architecture"] = json!(architecture);
        if !model.is_null() {
            spec["template"]["spec"]["domain"]["cpu"] = json!({ "model": model });
        }
        let world = &mut world_of(KubevirtVersion::V1_9, &spec);
        let check = |world: &mut World, when: &str| {
            let what = format!("{when}: {architecture} {model}");
            assert_eq!(get(world, MACHINE)["ProcessorSummary"]["Model"], shown, "{what}");
            assert_eq!(get(world, &format!("{MACHINE}/Processors/CPU0"))["Model"], shown, "{what}");
            for bios in ["Bios", "Bios/Settings"] {
                assert_eq!(get(world, &format!("{MACHINE}/{bios}"))["Attributes"]["CpuModel"], model, "{what}");
            }
        };
        let off = take_stock(world, MACHINE);
        check(world, "off");
        turn_on(world);
        check(world, "on");
        agree(&off, &take_stock(world, MACHINE), false).unwrap_or_else(|problem| panic!("{architecture}: {problem}"));
    }
}

/// F11: a run keeps the processor that it was begun with, and says so until another run has the new one.
#[test]
fn f11_a_run_shows_the_processor_that_it_has() {
    let mut spec = with_interfaces(&json!([{ "name": "a", "masquerade": {} }]));
    spec["template"]["spec"]["domain"]["cpu"] = json!({ "model": "Skylake-Server", "cores": 2 });
    let world = &mut world_of(KubevirtVersion::V1_9, &spec);
    turn_on(world);
    world.cluster.edit("virtualmachines", "lab", "vm", |machine| {
        machine["spec"]["template"]["spec"]["domain"]["cpu"] = json!({ "cores": 4 });
    });
    world.advance(Duration::from_secs(1));
    let attributes = |world: &mut World, bios: &str| get(world, &format!("{MACHINE}/{bios}"))["Attributes"].clone();
    let (now, next) = (attributes(world, "Bios"), attributes(world, "Bios/Settings"));
    assert_eq!((&now["CpuModel"], &now["CpuCores"]), (&json!("Skylake-Server"), &json!(2)));
    assert_eq!((&next["CpuModel"], &next["CpuCores"]), (&Value::Null, &json!(4)));
    assert_eq!(get(world, MACHINE)["ProcessorSummary"]["Model"], "Skylake-Server");
}

/// Every machine of the observations, as a real control plane has it before its first start and while it runs.
#[test]
fn every_observed_machine_is_the_same_off_and_on() {
    for observed::Pair { case, off, on, run } in observed::pairs() {
        let world = |objects: &[&Value]| {
            let config = ClusterConfig::new(KubevirtVersion::V1_9);
            let mut world = laboratory::world(config, laboratory::config(), Settings::default(), &[]);
            world.cluster.seed(objects.iter().map(|object| {
                let mut object = Value::clone(object);
                object["metadata"]["namespace"] = json!("lab");
                object
            }));
            laboratory::start(&mut world);
            world
        };
        let name = off["metadata"]["name"].as_str().unwrap().to_owned();
        let system = format!("/redfish/v1/Systems/lab.{name}");
        let stopped = take_stock(&mut world(&[&off]), &system);
        let running = take_stock(&mut world(&[&on, &run]), &system);
        let is_open = off["spec"].get("instancetype").is_some() || off["spec"].get("preference").is_some();
        agree(&stopped, &running, is_open).unwrap_or_else(|problem| panic!("{case}: {problem}"));
    }
}

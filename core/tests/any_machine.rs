//! Whatever machine the cluster accepts: its resources are valid, every link leads somewhere, and what it is made of is the
//! same off and on. The instance is made by the simulated cluster, which has its own code for what `KubeVirt` adds.

#![expect(clippy::expect_used, reason = "tests may fail")]

#[path = "devices/stock.rs"]
mod stock;

use std::time::Duration;

use http::Method;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::laboratory::{self, request};
use kubevirt_redfish_fixtures::world::World;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use stock::{agree, take_stock};

const MACHINE: &str = "/redfish/v1/Systems/lab.vm";

/// What a volume is made of. The first ones can hold a system.
fn source() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "containerDisk": { "image": "quay.io/x:1" } }),
        json!({ "persistentVolumeClaim": { "claimName": "node-0-root" } }),
        json!({ "emptyDisk": { "capacity": "1500M" } }),
        json!({ "ephemeral": { "persistentVolumeClaim": { "claimName": "node-0-root" } } }),
        json!({ "cloudInitNoCloud": { "userData": "#cloud-config" } }),
        json!({ "cloudInitConfigDrive": { "userData": "#cloud-config" } }),
        json!({ "configMap": { "name": "c" } }),
        json!({ "secret": { "secretName": "s" } }),
        json!({ "serviceAccount": { "serviceAccountName": "a" } }),
        json!({ "sysprep": { "secret": { "name": "s" } } }),
        json!({ "downwardAPI": { "fields": [] } }),
        json!({ "downwardMetrics": {} }),
    ])
}

/// How a volume is connected: not listed, listed without a word, or as something on some bus.
fn device() -> impl Strategy<Value = Option<Value>> {
    let buses = || select(vec!["", "virtio", "sata", "scsi", "usb"]);
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(json!({}))),
        3 => (select(vec!["disk", "cdrom", "disk"]), buses()).prop_map(|(kind, bus)| {
            Some(if bus.is_empty() { json!({ kind: {} }) } else { json!({ kind: { "bus": bus } }) })
        }),
        1 => Just(Some(json!({ "filesystem": {} }))),
    ]
}

fn interface() -> impl Strategy<Value = Value> {
    let mac = select(vec![
        Value::Null,
        json!("02:00:00:AA:BB:01"),
        json!("02-00-00-aa-bb-02"),
        json!("0200.00aa.bb05"),
        json!("020000aabb06"),
        json!("00:00:00:00:00:00"),
    ]);
    (select(vec!["masquerade", "bridge"]), mac, select(vec!["", "up", "down", "absent"])).prop_map(
        |(binding, mac, state)| {
            let mut interface = json!({ binding: {} });
            if !mac.is_null() {
                interface["macAddress"] = mac;
            }
            if !state.is_empty() {
                interface["state"] = json!(state);
            }
            interface
        },
    )
}

fn amount(of: Vec<Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(select(of))
}

fn sizes() -> impl Strategy<Value = Value> {
    let processors =
        || amount(vec![json!("1500m"), json!("2"), json!(0.5), json!("3"), json!("1e0"), json!("250000u")]);
    let memory = || {
        amount(vec![
            json!("1Gi"),
            json!("1e9"),
            json!("1024M"),
            json!("1536Mi"),
            json!("1073741824000m"),
            json!(2_147_483_648_u64),
            json!("0.5Gi"),
        ])
    };
    let cpu = prop::option::of(select(vec![
        json!({ "cores": 2 }),
        json!({ "sockets": 2, "cores": 0 }),
        json!({ "sockets": 0, "cores": 0, "threads": 0 }),
        json!({ "threads": 2, "model": "Skylake-Server" }),
        json!({ "model": "host-model" }),
        json!({ "model": "host-passthrough", "sockets": 3, "maxSockets": 6 }),
        json!({}),
    ]));
    let page = prop::option::of(select(vec![json!("2Mi"), json!("1Gi")]));
    (cpu, [processors(), processors()], [memory(), memory(), memory()], page).prop_map(
        |(cpu, [requested, allowed], [guest, requested_memory, allowed_memory], page)| {
            let mut domain = json!({});
            for (place, value) in [
                ("/cpu", cpu),
                ("/memory/guest", guest),
                ("/memory/hugepages/pageSize", page),
                ("/resources/requests/cpu", requested),
                ("/resources/limits/cpu", allowed),
                ("/resources/requests/memory", requested_memory),
                ("/resources/limits/memory", allowed_memory),
            ] {
                if let Some(value) = value {
                    put(&mut domain, place, value);
                }
            }
            domain
        },
    )
}

fn firmware() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let loader = select(vec![
        vec![],
        vec![("/firmware/bootloader", json!({ "bios": {} }))],
        vec![("/firmware/bootloader", json!({ "efi": { "secureBoot": false, "persistent": true } }))],
        vec![("/firmware/bootloader", json!({ "efi": {} })), ("/features/smm", json!({ "enabled": true }))],
    ]);
    let devices = select(vec![
        vec![],
        vec![("/devices/tpm", json!({}))],
        vec![("/devices/tpm", json!({ "enabled": false }))],
        vec![("/devices/tpm", json!({ "persistent": true })), ("/devices/rng", json!({}))],
        vec![("/devices/autoattachGraphicsDevice", json!(false)), ("/devices/autoattachSerialConsole", json!(false))],
    ]);
    let identity = select(vec![
        vec![],
        vec![("/firmware/uuid", json!("1F4ADDC7-B0DA-48C3-93AC-000000000001"))],
        vec![("/firmware/uuid", json!("not-a-uuid")), ("/firmware/serial", json!("ä 1"))],
    ]);
    (loader, devices, identity).prop_map(|(loader, devices, identity)| [loader, devices, identity].concat())
}

prop_compose! {
    /// The `spec` of a machine that the cluster is likely to accept.
    fn spec()(
        architecture in select(vec!["amd64", "amd64", "amd64", "arm64", "s390x"]),
        volumes in prop::collection::vec((source(), device()), 0..5),
        empty in 0..2_usize,
        interfaces in prop::option::of(prop::collection::vec(interface(), 1..4)),
        attach in prop::option::of(any::<bool>()),
        places in prop::collection::vec((any::<Index>(), 1..9_u64), 0..3),
        sizes in sizes(),
        firmware in firmware(),
        (instance_type, preference) in (prop::bool::weighted(0.2), prop::bool::weighted(0.2)),
    ) -> Value {
        let mut domain = if instance_type { json!({}) } else { sizes };
        for (place, value) in firmware {
            put(&mut domain, place, value);
        }
        let (mut disks, mut file_systems, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (source, device)) in volumes.into_iter().enumerate() {
            let name = json!(format!("v{index}"));
            let mut volume = source;
            volume["name"] = name.clone();
            listed.push(volume);
            let Some(mut device) = device else { continue };
            device["name"] = name;
            if device.get("filesystem").is_some() {
                file_systems.push(json!({ "name": device["name"], "virtiofs": {} }));
            } else {
                disks.push(device);
            }
        }
        disks.extend((0..empty).map(|index| json!({ "name": format!("e{index}"), "cdrom": {} })));
        let mut interfaces = interfaces.unwrap_or_default();
        let mut networks = Vec::new();
        for (index, interface) in interfaces.iter_mut().enumerate() {
            let name = format!("n{index}");
            networks.push(if index == 0 {
                json!({ "name": name, "pod": {} })
            } else {
                json!({ "name": name, "multus": { "networkName": name } })
            });
            interface["name"] = json!(name);
        }
        for (at, place) in places {
            let devices = disks.len() + interfaces.len();
            if devices > 0 {
                let index = at.index(devices);
                let device = if index < disks.len() { &mut disks[index] } else { &mut interfaces[index - disks.len()] };
                device["bootOrder"] = json!(place);
            }
        }
        if let Some(attach) = attach {
            put(&mut domain, "/devices/autoattachPodInterface", json!(attach));
        }
        for (place, list) in [("disks", disks), ("interfaces", interfaces), ("filesystems", file_systems)] {
            if !list.is_empty() {
                put(&mut domain, &format!("/devices/{place}"), Value::Array(list));
            }
        }
        let mut spec = json!({ "runStrategy": "Manual", "template": { "spec": {
            "architecture": architecture, "domain": domain, "volumes": listed, "networks": networks,
        } } });
        if instance_type {
            spec["instancetype"] = json!({ "name": "u1.large" });
        }
        if preference {
            spec["preference"] = json!({ "name": "linux" });
        }
        spec
    }
}

fn put(object: &mut Value, place: &str, value: Value) {
    let mut at = object;
    for part in place.split('/').skip(1) {
        at = &mut at[part];
    }
    *at = value;
}

/// A cluster with a machine of that definition, which is off; `None` if the cluster does not accept it.
fn with_machine(spec: &Value) -> Option<World> {
    let cluster = ClusterConfig::new(KubevirtVersion::V1_9);
    let mut world = laboratory::world(cluster, laboratory::config(), Settings::default(), &[0]);
    laboratory::start(&mut world);
    let object = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": { "name": "vm", "namespace": "lab" },
        "spec": spec,
    });
    let now = world.now();
    world.cluster.apply(now, object).ok()?;
    world.advance(Duration::from_millis(300));
    Some(world)
}

/// Whether it ran.
fn off_and_on(spec: &Value) -> Result<bool, String> {
    let Some(mut world) = with_machine(spec) else { return Ok(false) };
    let off = take_stock(&mut world, MACHINE);
    let reset = format!("{MACHINE}/Actions/ComputerSystem.Reset");
    world.send(0, request(Method::POST, &reset, Some(&json!({ "ResetType": "On" })))).expect("an answer");
    world.advance(Duration::from_secs(10));
    let instance = world.cluster.object("virtualmachineinstances", "lab", "vm");
    let runs = instance.is_some_and(|instance| instance["status"]["phase"] == "Running");
    if runs {
        let is_open = spec.get("instancetype").is_some() || spec.get("preference").is_some();
        agree(&off, &take_stock(&mut world, MACHINE), is_open)?;
    }
    Ok(runs)
}

/// K6: whether the machine was there; it boots from everything that it is said to be able to boot from.
fn boots_from_all_targets(spec: &Value) -> Result<bool, String> {
    let Some(mut world) = with_machine(spec) else { return Ok(false) };
    let get = |world: &mut World, path: &str| -> Value {
        let response = world.send(0, request(Method::GET, path, None)).expect("an answer");
        serde_json::from_slice(response.body()).unwrap_or_default()
    };
    let boot = get(&mut world, MACHINE)["Boot"].take();
    let options = get(&mut world, &format!("{MACHINE}/BootOptions"));
    let option = options["Members"][0]["@odata.id"].as_str().and_then(|uri| uri.rsplit('/').next()).map(str::to_owned);
    for target in boot["BootSourceOverrideTarget@Redfish.AllowableValues"].as_array().into_iter().flatten() {
        let mut wanted = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once" });
        match target.as_str() {
            Some("UefiBootNext") => wanted["BootNext"] = json!(option),
            Some("UefiHttp") => wanted["HttpBootUri"] = json!("https://images.example/boot.iso"),
            _ => {}
        }
        let body = json!({ "Boot": wanted });
        let response = world.send(0, request(Method::PATCH, MACHINE, Some(&body))).expect("an answer");
        let told = String::from_utf8_lossy(response.body());
        if !response.status().is_success() {
            return Err(format!("{body}: {} {told}", response.status()));
        }
        let said = get(&mut world, MACHINE)["Boot"]["BootSourceOverrideTarget"].take();
        if said != *target {
            return Err(format!("{said} instead of {target}"));
        }
    }
    Ok(true)
}

/// How many of so many machines something is true of, which must not fail for any.
fn of_many(cases: u32, so: impl Fn(&Value) -> Result<bool, String>) -> u32 {
    let count = std::cell::Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let result = TestRunner::new_with_rng(config, rng).run(&spec(), |spec| {
        count.set(count.get() + u32::from(so(&spec).map_err(TestCaseError::fail)?));
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.err().map(|failure| failure.to_string()).unwrap_or_default());
    count.get()
}

#[test]
fn any_machine_that_the_cluster_accepts_is_the_same_off_and_on() {
    let ran = of_many(120, off_and_on);
    assert!(ran > 40, "{ran} of 120 ran: the others say nothing of runs");
}

#[test]
fn k6_any_machine_boots_from_whatever_is_listed() {
    let asked = of_many(60, boots_from_all_targets);
    assert!(asked > 30, "{asked} of 60 were there");
}

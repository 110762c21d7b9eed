//! Every member of every resource is in the version of the schema that the resource names, and has the type that it has
//! there, whatever a machine is like.
//!
//! DMTF's schemas are not part of this project. `REDFISH_SCHEMA_DIR` names a folder with the CSDL files of the bundle
//! DSP8010; without it nothing is checked, and the test says so.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests may fail")]

mod check;
mod csdl;

use std::cell::RefCell;
use std::sync::Arc;

use kubevirt_redfish_core::model::{
    Architecture, BootDevice, BootEnabled, BootMode, BootOverride, BootTarget, Drive, DriveBus, DriveKind,
    FirmwareSettings, ImageCertificate, ImageTrust, Instance, MacAddress, Machine, Medium, Nic, NicAddress,
    Observation, Phase, ProcessorModel, Processors, Severity, Slot, Tpm, Trouble, Uid, Version,
};
use kubevirt_redfish_core::time::UnixTime;
use kubevirt_redfish_fixtures::crawl::crawl;
use kubevirt_redfish_fixtures::stub::{StubCluster, certificate, import_named, machines};
use proptest::prelude::*;
use serde_json::json;

use check::check;
use csdl::Csdl;

/// Sessions are not served yet.
const UNSERVED: &str = "/redfish/v1 /Links: Sessions is required";

fn schemas() -> Option<Csdl> {
    let schemas = Csdl::from_environment();
    if schemas.is_none() {
        eprintln!("not checked: REDFISH_SCHEMA_DIR does not name a folder of CSDL files");
    }
    schemas
}

/// What is wrong with everything that `user` sees.
fn problems(csdl: &mut Csdl, stub: &mut StubCluster, user: &str) -> Vec<String> {
    let pages = crawl(stub, user);
    pages
        .iter()
        .flat_map(|(uri, page)| {
            check(csdl, &page.body).into_iter().map(|problem| format!("{uri} {problem}")).collect::<Vec<_>>()
        })
        .filter(|problem| problem != UNSERVED)
        .collect()
}

#[test]
fn every_resource_is_what_its_schema_says() {
    let Some(mut csdl) = schemas() else { return };
    let mut stub = StubCluster::new();
    subscribe(&mut stub);
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert_eq!(problems(&mut csdl, &mut stub, "all"), Vec::<String>::new());
    let mut sent: serde_json::Value = serde_json::from_slice(&stub.deliveries.front().unwrap().body).unwrap();
    // Records are part of the payload; the schema has them as resources that it contains.
    let mut record = sent["Events"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(check(&mut csdl, &sent), Vec::<String>::new());
    record["@odata.type"] = json!("#Event.v1_13_0.EventRecord");
    assert_eq!(check(&mut csdl, &record), Vec::<String>::new());
}

/// One subscription of each kind.
fn subscribe(stub: &mut StubCluster) {
    const ALL: &str = "Basic YWxsOnNlY3JldA==";
    let body = json!({
        "Destination": "https://listener.example/", "Protocol": "Redfish", "Context": "all", "SendHeartbeat": true,
        "EventTypes": ["StatusChange"], "OriginResources": [{ "@odata.id": "/redfish/v1/Systems" }],
        "SubordinateResources": true, "MessageIds": ["Base.Success"], "RegistryPrefixes": ["ResourceEvent"],
    });
    let post = http::Request::post("/redfish/v1/EventService/Subscriptions").header("authorization", ALL);
    let made = stub.request(post.body(body.to_string().into()).unwrap()).unwrap();
    assert_eq!(made.status(), http::StatusCode::CREATED);
    let open = http::Request::get("/redfish/v1/EventService/SSE").header("authorization", ALL);
    assert_eq!(stub.request(open.body(bytes::Bytes::new()).unwrap()).unwrap().status(), http::StatusCode::OK);
}

#[test]
fn what_is_wrong_is_found() {
    let Some(mut csdl) = schemas() else { return };
    let resource = json!({
        "@odata.id": "/redfish/v1/Systems/a", "@odata.type": "#ComputerSystem.v1_0_0.ComputerSystem", "Id": "a",
        "SystemType": "Imaginary", "LastResetTime": "2026-11-21T00:00:00Z", "PowerState": 7, "Status": null,
        "Boot": { "BootSourceOverrideTarget@Redfish.AllowableValues": ["Moon"] }, "Processors": { "Count": 1 },
        "Actions": { "#ComputerSystem.Explode": {}, "#ComputerSystem.Reset": { "When@Redfish.AllowableValues": [] } },
        "Links": { "Chassis@odata.count": 2, "Chassis": [{ "@odata.id": "/redfish/v1/Chassis/a" }] },
    });
    assert_eq!(
        check(&mut csdl, &resource),
        [
            ": Name is required",
            "/Actions/#ComputerSystem.Explode: the schema has no such action",
            "/Actions/#ComputerSystem.Reset: no parameter When",
            "/Boot/BootSourceOverrideTarget@Redfish.AllowableValues: \"Moon\" is no ComputerSystem.BootSource",
            "/LastResetTime: not in the schema",
            "/Links/Chassis@odata.count: not the number of elements",
            "/PowerState: 7 is no Resource.PowerState",
            "/Processors: not a reference",
            "/Status: null",
            "/SystemType: \"Imaginary\" is no ComputerSystem.v1_0_0.SystemType",
        ]
    );
}

prop_compose! {
    fn any_drive()(
        name in "[a-z0-9/ .-]{0,8}",
        kind in prop::sample::select(vec![DriveKind::Disk, DriveKind::CdRom, DriveKind::Lun]),
        bus in prop::option::of(prop::sample::select(vec![DriveBus::Virtio, DriveBus::Sata, DriveBus::Scsi, DriveBus::Usb])),
        serial in prop::option::of("[ -~]{0,6}"),
    ) -> Drive {
        let serial = serial.map(Into::into);
        Drive { name: name.into(), kind, bus, loaded: true, boot_source: true, boot_order: None, serial, capacity: Some(8 << 30) }
    }
}

prop_compose! {
    fn any_machine()(
        drives in prop::collection::vec(any_drive(), 0..5),
        nics in prop::collection::vec(("[a-z0-9_ -]{0,6}", prop::option::of("([0-9a-f]{2}:){4,5}[0-9a-f]{2}")), 0..4),
        (sockets, cores, threads) in (any::<u32>(), any::<u32>(), any::<u32>()),
        architecture in
            prop::sample::select(vec![Architecture::X86_64, Architecture::Aarch64, Architecture::S390x]),
        texts in prop::array::uniform4(prop::option::of("\\PC{0,40}")),
        memory in any::<u64>(),
        (target, enabled) in (
            prop::sample::select(vec![BootTarget::None, BootTarget::Pxe, BootTarget::Cd, BootTarget::Hdd, BootTarget::Usb, BootTarget::UefiHttp, BootTarget::UefiBootNext]),
            prop::sample::select(vec![BootEnabled::Disabled, BootEnabled::Once, BootEnabled::Continuous]),
        ),
        (template, trouble, medium) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) -> Machine {
        let mut machine = machines().swap_remove(0);
        let [description, model, asset_tag, uuid] = texts.map(|text| text.map(Box::<str>::from));
        // Large numbers of sockets make large collections, and the checking slow.
        let sockets = sockets % 4 + 1;
        machine.version = Version(1_000);
        machine.drives = drives.into();
        machine.nics = nics
            .into_iter()
            .map(|(name, mac)| Nic {
                name: name.into(),
                mac: mac.as_deref().and_then(MacAddress::parse),
                link_up: memory % 2 == 0,
                boot_order: (memory % 3 == 0).then_some(2),
            })
            .collect();
        machine.processors = Processors { architecture, sockets, cores, threads };
        machine.firmware.settings.processor_model = model.map(ProcessorModel::Named);
        machine.memory = memory;
        machine.description = description;
        machine.asset_tag = asset_tag;
        machine.firmware.uuid = uuid;
        machine.firmware.settings.mode = match memory % 3 { 0 => None, 1 => Some(BootMode::Legacy), _ => Some(BootMode::Uefi) };
        machine.firmware.settings.secure_boot = Some(memory % 3 == 0);
        machine.firmware.settings.tpm = if memory % 2 == 0 { None } else { Some(Tpm::Persistent) };
        machine.boot = BootOverride {
            target,
            enabled,
            next: Some(BootDevice::Nic("default".into())),
            outlives_reboot: memory % 2 == 0,
            ..BootOverride::default()
        };
        if template {
            (machine.memory, machine.size) = (0, Some("u1.small".into()));
        }
        machine.trouble = trouble.then(|| Trouble {
            severity: Severity::Critical, reason: "ErrorUnschedulable".into(), message: None,
        });
        let import = import_named("iso");
        let image = "http://images.example/".into();
        let certificates = medium.then(|| certificate(7)).iter().filter_map(|pem| ImageCertificate::parse(pem)).collect();
        machine.trust = [ImageTrust { slot: Slot::Cd, verify: Some(true), certificates }].into();
        machine.media = medium.then(|| Medium { slot: Slot::Cd, image, drive: "cd".into(), write_protected: true, import: Some(import), of_others: false }).into_iter().collect();
        machine
    }
}

prop_compose! {
    fn any_instance()(
        phase in prop::sample::select(vec![Phase::Starting, Phase::Running, Phase::Ended]),
        (stopping, paused, started) in (any::<bool>(), any::<bool>(), any::<bool>()),
        addresses in prop::collection::vec(
            ("[a-z0-9]{0,6}", prop::option::of("[0-9a-f:]{0,17}"), prop::collection::vec("[0-9a-f.:]{1,12}", 0..3)), 0..3,
        ),
        memory in prop::option::of(any::<u64>()),
    ) -> Instance {
        Instance {
            id: "lab.node-0".parse().unwrap(),
            uid: Uid::new("run"),
            version: Version(1_000),
            phase,
            stopping,
            paused,
            failed: stopping,
            unheard: paused,
            started: started.then_some(UnixTime(1_792_540_000)),
            processors: None,
            memory,
            addresses: addresses
                .into_iter()
                .map(|(name, mac, ips)| NicAddress {
                    name: name.into(),
                    mac: mac.as_deref().and_then(MacAddress::parse),
                    link_up: Some(stopping),
                    ips: ips.into_iter().map(Into::into).collect(),
                })
                .collect(),
            ready_media: Box::default(),
            drive_sizes: Box::new([("root".into(), 7 << 30)]),
            agent_since: paused.then_some(UnixTime(1_700_000_000)),
            boots_first: paused.then(|| BootDevice::Drive("root".into())),
            ends_by_reboot: false,
            claims: Box::default(),
            host: None,
            firmware: Box::new(FirmwareSettings { secure_boot: Some(paused), ..FirmwareSettings::default() }),
        }
    }
}

#[test]
fn whatever_a_machine_is_like() {
    let Some(csdl) = schemas() else { return };
    let csdl = RefCell::new(csdl);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(machine in any_machine(), instance in prop::option::of(any_instance()))| {
        let mut stub = StubCluster::new();
        stub.observe(Observation::Machine(Arc::new(machine)));
        if let Some(instance) = instance {
            stub.observe(Observation::Instance(Arc::new(instance)));
        }
        prop_assert_eq!(problems(&mut csdl.borrow_mut(), &mut stub, "operator"), Vec::<String>::new());
    });
}

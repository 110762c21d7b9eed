//! The whole way from a Redfish request to a machine that changes, over the simulated cluster and in virtual time.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kubevirt_redfish_core::Role;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{CD, NODE, VERSIONS, first_to_boot, get, lab, patch, post, request, reset, until};

#[test]
fn a_machine_is_turned_on_and_off() {
    for version in VERSIONS {
        let world = &mut lab(version);
        until(world, NODE, "/PowerState", &json!("Off"));
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
        assert_eq!(get(world, NODE)["PowerState"], "PoweringOn");
        until(world, NODE, "/PowerState", &json!("On"));
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT, "what is already so is no error");
        assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
        assert_ne!(get(world, NODE)["PowerState"], "On");
        until(world, NODE, "/PowerState", &json!("Off"));
        assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
        assert_eq!(world.commands_under_way(), 0);
    }
}

#[test]
fn every_reset_type_ends_where_it_says() {
    for version in VERSIONS {
        let world = &mut lab(version);
        for (reset_type, state) in [
            ("ForceOn", "On"),
            ("GracefulRestart", "On"),
            ("ForceRestart", "On"),
            ("PowerCycle", "On"),
            ("GracefulShutdown", "Off"),
            ("PushPowerButton", "On"),
            ("PushPowerButton", "Off"),
            ("PowerCycle", "On"),
            ("ForceOff", "Off"),
            ("ForceRestart", "On"),
        ] {
            assert_eq!(reset(world, reset_type), StatusCode::NO_CONTENT, "{reset_type}");
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!(state));
        }
        assert_eq!(reset(world, "Pause"), StatusCode::NO_CONTENT);
        until(world, NODE, "/Status/State", &json!("Quiesced"));
        assert_eq!(get(world, NODE)["PowerState"], "On");
        assert_eq!(reset(world, "Resume"), StatusCode::NO_CONTENT);
        until(world, NODE, "/Status/State", &json!("Enabled"));
    }
}

#[test]
fn a_power_on_right_after_a_slow_shutdown_is_accepted_and_carried_out() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    assert_eq!(reset(world, "GracefulShutdown"), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(2));
    assert_eq!(get(world, NODE)["PowerState"], "PoweringOff");
    let before = world.now();
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    assert!(world.now().saturating_sub(before) < Duration::from_secs(10), "the client is not kept waiting");
    world.advance(Duration::from_mins(1));
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn an_installation_boots_the_disc_once() {
    for version in VERSIONS {
        let world = &mut lab(version);
        let image = "https://images.example/isos/boot?api_key=a&arch=x86_64";
        assert_eq!(post(world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
        let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
        assert_eq!(post(world, &insert, &json!({ "Image": image })), StatusCode::NO_CONTENT);
        assert_eq!(get(world, CD)["Image"], image);
        assert_eq!(get(world, NODE)["PowerState"], "Off", "inserting media never starts a machine");
        let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" } });
        assert_eq!(patch(world, &boot), StatusCode::OK);
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideEnabled"], "Once");
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
        until(world, NODE, "/PowerState", &json!("On"));
        let instance = world.cluster.object("virtualmachineinstances", "lab", "node-0").unwrap();
        assert_eq!(first_to_boot(&instance["spec"]["domain"]), Some("cdrom"), "{version:?}");
        until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
        let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
        assert_eq!(first_to_boot(&machine["spec"]["template"]["spec"]["domain"]), Some("disk"), "{version:?}");
        assert_eq!(post(world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
        until(world, CD, "/Inserted", &json!(false));
        world.advance(Duration::from_secs(30));
        assert_eq!(world.cluster.count("datavolumes"), 0, "nothing of ours is left behind");
        let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
        assert!(!machine["metadata"]["annotations"].to_string().contains("media"), "{machine}");
    }
}

#[test]
fn an_import_that_fails_is_visible_and_can_be_ejected() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(post(world, &insert, &json!({ "Image": "http://images.invalid/boot.iso" })), StatusCode::NO_CONTENT);
    until(world, CD, "/Status/Health", &json!("Critical"));
    assert_eq!(post(world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
    until(world, CD, "/Status/Health", &json!("OK"));
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn a_cluster_that_stumbles_is_tried_again() {
    let world = &mut lab(KubevirtVersion::V1_9);
    for fault in [
        FaultEffect::unavailable(),
        FaultEffect::conflict(),
        FaultEffect::too_many_requests(1),
        FaultEffect::rejected_internally(),
    ] {
        world.cluster.inject(Fault::new(fault).path("/node-0").times(1));
    }
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn a_restarted_service_knows_what_the_one_before_knew() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" } });
    assert_eq!(patch(world, &boot), StatusCode::OK);
    let before = get(world, NODE);
    world.restart(0);
    world.run_until(Duration::from_secs(10), |world| world.view(0).is_some_and(|view| view.is_ready()));
    assert_eq!(get(world, NODE), before, "the same representation, down to its entity tag");
}

#[test]
fn of_many_conditional_changes_at_once_one_wins() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let etag = get(world, NODE)["@odata.etag"].as_str().unwrap().to_owned();
    let targets = ["Cd", "Pxe", "Hdd", "Cd"];
    let exchanges: Vec<_> = targets
        .iter()
        .map(|target| {
            let body =
                json!({ "Boot": { "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Continuous" } });
            let mut request = request(Method::PATCH, NODE, Some(&body));
            request.headers_mut().insert("if-match", etag.parse().unwrap());
            world.begin(0, request)
        })
        .collect();
    world.advance(Duration::from_secs(30));
    let mut statuses: Vec<_> =
        exchanges.into_iter().map(|id| world.response(id).expect("an answer").status().as_u16()).collect();
    assert_eq!(statuses.remove(0), 200);
    assert_eq!(statuses, [412, 412, 412]);
}

#[test]
fn subscribers_learn_what_becomes_of_a_machine() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let subscription = json!({ "Destination": "https://listener.example/", "Protocol": "Redfish", "Context": "lab" });
    assert_eq!(post(world, "/redfish/v1/EventService/Subscriptions", &subscription), StatusCode::CREATED);
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("Off"));
    let mut told = Vec::new();
    for delivery in &world.events(0).unwrap().deliveries {
        let body: Value = serde_json::from_slice(delivery.body()).unwrap();
        for record in body["Events"].as_array().unwrap() {
            assert_eq!(record["OriginOfCondition"]["@odata.id"], NODE);
            told.push(record["MessageId"].as_str().unwrap().rsplit('.').next().unwrap().to_owned());
        }
    }
    let power: Vec<_> = told.iter().filter(|key| key.starts_with("ResourcePower")).collect();
    let expected = ["ResourcePoweringOn", "ResourcePoweredOn", "ResourcePoweringOff", "ResourcePoweredOff"];
    assert_eq!(power, expected, "{told:?}");
}

#[test]
fn an_image_behind_a_password_is_fetched_and_the_password_goes_with_it() {
    for version in VERSIONS {
        let world = &mut lab(version);
        let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
        let body = json!({
            "Image": "http://images.example/boot.iso", "Inserted": true, "WriteProtected": true,
            "TransferProtocolType": "HTTP", "TransferMethod": "Stream", "UserName": "user", "Password": "p4ssw0rd",
        });
        assert_eq!(post(world, &insert, &body), StatusCode::NO_CONTENT);
        let shown = get(world, CD);
        assert_eq!((&shown["Inserted"], &shown["Password"]), (&json!(true), &Value::Null));
        assert!(!shown.to_string().contains("p4ssw0rd"));
        let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
        assert!(!machine.to_string().contains("p4ssw0rd"), "whoever may read machines may not read passwords");
        assert_eq!(world.cluster.count("secrets"), 1);
        until(world, CD, "/Status/State", &json!("Enabled"));
        assert_eq!(post(world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
        until(world, CD, "/Inserted", &json!(false));
        world.advance(Duration::from_secs(30));
        assert_eq!((world.cluster.count("secrets"), world.cluster.count("datavolumes")), (0, 0));
    }
}

#[test]
fn an_asset_tag_is_kept_by_the_cluster() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert_eq!(patch(world, &json!({ "AssetTag": "Rack 3" })), StatusCode::OK);
    assert_eq!(get(world, NODE)["AssetTag"], "Rack 3");
    let both = json!({ "AssetTag": null, "Boot": { "BootSourceOverrideTarget": "Pxe" } });
    assert_eq!(patch(world, &both), StatusCode::OK);
    let shown = get(world, NODE);
    assert_eq!((&shown["AssetTag"], &shown["Boot"]["BootSourceOverrideTarget"]), (&Value::Null, &json!("Pxe")));
}

/// As Ironic's cleaning does it: settings, off, on, and then the attributes are as they were asked for.
#[test]
fn bios_settings_are_there_after_the_machine_was_turned_off_and_on() {
    for version in VERSIONS {
        let world = &mut lab(version);
        let (bios, settings) = (format!("{NODE}/Bios"), format!("{NODE}/Bios/Settings"));
        reset(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        let before = get(world, &bios)["Attributes"].clone();
        assert_eq!(get(world, &settings)["Attributes"], before, "nothing is pending");
        let wanted = json!({
            "Tpm": "Enabled", "CpuThreads": 2, "CpuModel": "host-passthrough", "SecureBoot": "Enabled",
            "GraphicsDevice": "Disabled", "RandomNumberGenerator": "Enabled",
        });
        let body = json!({ "Attributes": wanted, "@Redfish.SettingsApplyTime": { "ApplyTime": "OnReset" } });
        let answer = world.send(0, request(Method::PATCH, &settings, Some(&body))).unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let is_so =
            |attributes: &Value| wanted.as_object().unwrap().iter().all(|(name, value)| attributes[name] == *value);
        assert!(is_so(&get(world, &settings)["Attributes"]), "{version:?}");
        assert_eq!(get(world, &bios)["Attributes"], before, "it still runs with what it had");
        world.advance(Duration::from_secs(2));
        assert_eq!(get(world, &bios)["Attributes"], before);
        reset(world, "ForceOff");
        until(world, NODE, "/PowerState", &json!("Off"));
        assert!(is_so(&get(world, &bios)["Attributes"]), "what it would start with");
        reset(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        assert!(is_so(&get(world, &bios)["Attributes"]), "{version:?}");
        assert_eq!(get(world, NODE)["TrustedModules"][0]["InterfaceType"], "TPM2_0");
        let reset_bios = format!("{bios}/Actions/Bios.ResetBios");
        assert_eq!(post(world, &reset_bios, &json!({})), StatusCode::NO_CONTENT);
        let restored = get(world, &settings)["Attributes"].clone();
        assert_eq!((&restored["Tpm"], &restored["SecureBoot"]), (&before["Tpm"], &before["SecureBoot"]));
        reset(world, "ForceRestart");
        until(world, &bios, "/Attributes", &before);
    }
}

/// As Ironic does it around a change of the boot mode.
#[test]
fn secure_boot_is_read_back_at_once_and_goes_with_the_boot_mode() {
    for version in VERSIONS {
        let world = &mut lab(version);
        let path = format!("{NODE}/SecureBoot");
        let set = |world: &mut World, enable: bool| {
            let body = json!({ "SecureBootEnable": enable });
            world.send(0, request(Method::PATCH, &path, Some(&body))).unwrap().status()
        };
        assert_eq!(set(world, true), StatusCode::OK);
        let shown = get(world, &path);
        assert_eq!((&shown["SecureBootEnable"], &shown["SecureBootCurrentBoot"]), (&json!(true), &Value::Null));
        assert_eq!(get(world, &format!("{NODE}/Bios"))["Attributes"]["SecureBoot"], "Enabled");
        reset(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        assert_eq!(set(world, false), StatusCode::OK);
        let shown = get(world, &path);
        assert_eq!((&shown["SecureBootEnable"], &shown["SecureBootCurrentBoot"]), (&json!(false), &json!("Enabled")));
        assert_eq!(set(world, true), StatusCode::OK);
        let legacy = json!({ "Boot": { "BootSourceOverrideMode": "Legacy" } });
        assert_eq!(patch(world, &legacy), StatusCode::OK);
        assert_eq!(get(world, &path)["SecureBootEnable"], false, "there is none without UEFI");
        assert_eq!(set(world, true), StatusCode::BAD_REQUEST);
        assert_eq!(set(world, false), StatusCode::OK);
        let uefi = json!({ "Boot": { "BootSourceOverrideMode": "UEFI" } });
        assert_eq!(patch(world, &uefi), StatusCode::OK);
        assert_eq!(set(world, true), StatusCode::OK);
        reset(world, "ForceRestart");
        until(world, &path, "/SecureBootCurrentBoot", &json!("Enabled"));
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], "UEFI");
    }
}

/// Shows a power state at each of the moments that follow, until it is one of `last`.
fn states_until(world: &mut World, last: &str) -> Vec<String> {
    let mut states: Vec<String> = Vec::new();
    for _ in 0..2_000 {
        let state = get(world, NODE)["PowerState"].as_str().unwrap().to_owned();
        if states.last() != Some(&state) {
            states.push(state.clone());
        }
        if state == last {
            return states;
        }
        world.advance(Duration::from_millis(20));
    }
    panic!("{states:?} and no {last}");
}

#[test]
fn a_machine_that_is_cycled_is_never_said_to_be_off() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    states_until(world, "On");
    let cycle = json!({ "ResetType": "PowerCycle" });
    world.begin(0, request(Method::POST, &format!("{NODE}/Actions/ComputerSystem.Reset"), Some(&cycle)));
    world.advance(Duration::from_millis(300));
    assert_eq!(states_until(world, "On"), ["PoweringOff", "PoweringOn", "On"]);
}

#[test]
fn a_forced_power_off_comes_after_a_power_on_that_is_on_its_way() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let slow = Fault::new(FaultEffect::Latency(Duration::from_secs(2)));
    world.cluster.inject(slow.method(Method::PUT).path("/start").times(1));
    let uri = format!("{NODE}/Actions/ComputerSystem.Reset");
    let on = world.begin(0, request(Method::POST, &uri, Some(&json!({ "ResetType": "On" }))));
    world.advance(Duration::from_millis(500));
    assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
    assert_eq!(world.response(on).unwrap().status(), StatusCode::CONFLICT);
    world.advance(Duration::from_secs(30));
    assert_eq!(get(world, NODE)["PowerState"], "Off");
    assert!(world.cluster.object("virtualmachineinstances", "lab", "node-0").is_none());
}

#[test]
fn forced_power_offs_at_once_all_succeed() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    states_until(world, "On");
    let uri = format!("{NODE}/Actions/ComputerSystem.Reset");
    let off = |world: &mut World, reset_type: &str| {
        world.begin(0, request(Method::POST, &uri, Some(&json!({ "ResetType": reset_type }))))
    };
    let mut exchanges = vec![off(world, "GracefulShutdown")];
    exchanges.extend((0..4).map(|_| off(world, "ForceOff")));
    world.advance(Duration::from_secs(20));
    for exchange in exchanges {
        assert_eq!(world.response(exchange).unwrap().status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(get(world, NODE)["PowerState"], "Off");
}

#[test]
fn nothing_waits_behind_a_power_on_that_is_held() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    states_until(world, "On");
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    assert_eq!(reset(world, "GracefulShutdown"), StatusCode::NO_CONTENT);
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    let before = world.now();
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT, "asked for again");
    let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Continuous" } });
    assert_eq!(patch(world, &boot), StatusCode::OK);
    assert!(world.now().saturating_sub(before) < Duration::from_secs(5));
    states_until(world, "On");
}

#[test]
fn an_import_that_fails_does_not_keep_a_machine_from_starting() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(post(world, &insert, &json!({ "Image": "http://images.invalid/boot.iso" })), StatusCode::NO_CONTENT);
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    world.advance(Duration::from_mins(1));
    assert_eq!(get(world, NODE)["PowerState"], "On");
    assert_eq!(get(world, CD)["Inserted"], false);
}

#[test]
fn an_override_needs_something_to_boot_from() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert_eq!(patch(world, &json!({ "Boot": { "BootSourceOverrideEnabled": "Once" } })), StatusCode::BAD_REQUEST);
    let both = json!({ "Boot": { "BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled" } });
    assert_eq!(patch(world, &both), StatusCode::OK);
}

/// One tenant's namespace that the service may not list is no outage for the others.
#[test]
fn a_namespace_that_cannot_be_listed_is_missing_to_those_alone_who_see_it() {
    let account = |user_name: &str| laboratory::account(user_name, Role::Administrator, &[user_name]);
    let config = Config {
        chassis: ["lab", "closed"].map(|name| laboratory::chassis(name, name)).to_vec(),
        accounts: vec![account("lab"), account("closed")],
        ..Config::default()
    };
    let mut world = World::new(ClusterConfig::new(KubevirtVersion::V1_9), config, Settings::default());
    let rule = Rule { namespace: Some("closed".to_owned()), ..Rule::new("list", "kubevirt.io", "virtualmachines") };
    world.cluster.forbid(vec![rule]);
    world.start();
    world.advance(Duration::from_secs(10));
    let mut status = |user: &str| {
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:secret"));
        let request = Request::get("/redfish/v1/Systems").header("authorization", format!("Basic {credentials}"));
        world.send(0, request.body(Bytes::new()).unwrap()).unwrap().status()
    };
    assert_eq!(status("lab"), StatusCode::OK);
    assert_eq!(status("closed"), StatusCode::SERVICE_UNAVAILABLE);
}

/// Two clients, or two replicas, enable two devices at the same time: neither takes the other's back.
#[test]
fn boot_options_that_are_enabled_at_the_same_time_are_all_enabled() {
    for replicas in [1, 2] {
        let world = &mut lab(KubevirtVersion::V1_9);
        if replicas == 2 {
            laboratory::start(world);
        }
        let option = |name: &str| format!("{NODE}/BootOptions/{name}");
        let both = ["Drive.cd", "Nic.default"];
        let body = json!({ "BootOptionEnabled": true });
        let requests: Vec<_> = both
            .into_iter()
            .zip([0, replicas - 1])
            .map(|(name, replica)| world.begin(replica, request(Method::PATCH, &option(name), Some(&body))))
            .collect();
        world.advance(Duration::from_secs(10));
        for id in requests {
            assert_eq!(world.response(id).map(|response| response.status()), Some(StatusCode::OK), "{replicas}");
        }
        for name in both {
            assert_eq!(get(world, &option(name))["BootOptionEnabled"], true, "{replicas} {name}");
        }
    }
}

/// What is in a machine by its preference is not known while it has not run, and is not made up.
#[test]
fn a_boot_mode_that_only_a_preference_knows_is_not_shown_before_a_run_has_it() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let mut machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    machine["spec"]["preference"] = json!({ "name": "windows.11" });
    machine["spec"]["template"]["spec"]["domain"]["firmware"].as_object_mut().unwrap().remove("bootloader");
    let now = world.now();
    world.cluster.apply(now, machine).unwrap();
    world.advance(Duration::from_secs(1));
    let system = get(world, NODE);
    assert_eq!(system.pointer("/Boot/BootSourceOverrideMode"), Some(&Value::Null));
    assert_eq!(system["BiosVersion"], Value::Null);
    let secure_boot = format!("{NODE}/SecureBoot");
    assert_eq!(get(world, &secure_boot)["SecureBootEnable"], Value::Null);
    let bootloader = |world: &mut World, path: &str, body: &Value| {
        let response = world.send(0, request(Method::PATCH, path, Some(body))).unwrap();
        let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
        (response.status(), machine["spec"]["template"]["spec"]["domain"]["firmware"]["bootloader"].clone())
    };
    // What was read, sent back, is no change of the mode.
    let read = json!({ "Boot": { "BootSourceOverrideMode": null, "BootSourceOverrideTarget": "Cd",
        "BootSourceOverrideEnabled": "Once" } });
    assert_eq!(bootloader(world, NODE, &read), (StatusCode::OK, Value::Null));
    let refused = bootloader(world, &secure_boot, &json!({ "SecureBootEnable": false }));
    assert_eq!(refused, (StatusCode::CONFLICT, Value::Null));
    // What Ironic does when it does not see the mode that it wants.
    let uefi = json!({ "Boot": { "BootSourceOverrideMode": "UEFI" } });
    assert_eq!(bootloader(world, NODE, &uefi), (StatusCode::OK, json!({ "efi": {} })));
    assert_eq!(get(world, NODE).pointer("/Boot/BootSourceOverrideMode"), Some(&json!("UEFI")));
    let enabled = bootloader(world, &secure_boot, &json!({ "SecureBootEnable": true }));
    assert_eq!(enabled, (StatusCode::OK, json!({ "efi": { "secureBoot": true } })));
}

/// Whoever does not know yet what the cluster can do would take the owner's own empty drive out with the medium.
#[test]
fn nothing_is_done_before_it_is_known_what_the_cluster_can_do() {
    let cluster = ClusterConfig::new(KubevirtVersion::V1_9);
    let mut world = laboratory::world(cluster, laboratory::config(), Settings::default(), &[0]);
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/kubevirts").times(6));
    world.start();
    world.advance(Duration::from_secs(1));
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    let image = json!({ "Image": "http://images.example/boot.iso" });
    assert_eq!(post(&mut world, &insert, &image), StatusCode::SERVICE_UNAVAILABLE);
    laboratory::ready(&mut world, 0);
    assert_eq!(post(&mut world, &insert, &image), StatusCode::NO_CONTENT);
    assert_eq!(post(&mut world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    assert_eq!(machine.pointer("/spec/template/spec/domain/devices/disks/1/name"), Some(&json!("cd")));
}

#[test]
fn a_cluster_that_does_not_say_what_it_can_do_is_served_all_the_same() {
    let cluster = ClusterConfig::new(KubevirtVersion::V1_9);
    let mut world = laboratory::world(cluster, laboratory::config(), Settings::default(), &[0]);
    world.cluster.forbid(vec![Rule::new("list", "kubevirt.io", "kubevirts")]);
    laboratory::start(&mut world);
    assert_eq!(get(&mut world, NODE)["PowerState"], "Off");
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    let image = json!({ "Image": "http://images.example/boot.iso" });
    assert_eq!(post(&mut world, &insert, &image), StatusCode::NO_CONTENT);
    assert_eq!(post(&mut world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    let drive = machine.pointer("/spec/template/spec/domain/devices/disks/1/name");
    assert_eq!(drive, Some(&json!("cd")), "its owner's own drive stays");
}

/// As Ironic does before it inserts anything, whoever has put it there.
#[test]
fn a_disc_that_somebody_put_into_the_drive_is_shown_and_ejected() {
    let world = &mut lab(KubevirtVersion::V1_9);
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap();
        volumes.push(json!({ "name": "cd", "dataVolume": { "name": "installer", "hotpluggable": true } }));
    });
    world.advance(Duration::from_secs(1));
    let shown = get(world, CD);
    let expected = json!([true, "dv://installer", "installer", "Oem"]);
    assert_eq!(json!([shown["Inserted"], shown["Image"], shown["ImageName"], shown["ConnectedVia"]]), expected);
    assert_eq!(post(world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
    let shown = get(world, CD);
    assert_eq!(json!([shown["Inserted"], shown["Image"], shown["ConnectedVia"]]), json!([false, null, "NotConnected"]));
}

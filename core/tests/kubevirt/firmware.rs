//! Firmware and board: set for the next run, read back, put back; whatever is asked for, the cluster takes it.

use std::num::NonZero;
use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, BootChange, BootEnabled, BootMode, BootTarget, CommandError, FirmwareSettings, MachineChange, PowerRequest,
    ProcessorModel, Tpm,
};
use kubevirt_redfish_fixtures::sample::{always_efi, manual_bios, small};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, seen};

fn set(firmware: FirmwareSettings) -> Action {
    Action::Change(MachineChange { firmware, ..MachineChange::default() })
}

fn mode(mode: BootMode) -> FirmwareSettings {
    FirmwareSettings { mode: Some(mode), ..FirmwareSettings::default() }
}

fn secure(secure: bool) -> FirmwareSettings {
    FirmwareSettings { secure_boot: Some(secure), ..FirmwareSettings::default() }
}

fn named(model: &str) -> ProcessorModel {
    ProcessorModel::Named(model.into())
}

fn domain(world: &World) -> Value {
    world.machine("vm")["spec"]["template"]["spec"]["domain"].clone()
}

fn defined(world: &mut World) -> FirmwareSettings {
    let completion = world.run("vm", Action::Change(MachineChange::default())).expect("nothing to do");
    seen(&completion).0.expect("it was read").firmware.settings.as_ref().clone()
}

/// What only UEFI has, chosen while an override that nothing was booted by has brought UEFI, stays when that override ends.
#[test]
fn what_was_chosen_beside_an_override_does_not_go_with_it() {
    let persistent = FirmwareSettings { persistent_variables: Some(true), ..FirmwareSettings::default() };
    for (chosen, efi) in [
        (secure(true), Some(json!({ "secureBoot": true }))),
        (persistent, Some(json!({ "secureBoot": false, "persistent": true }))),
        // As it is without UEFI.
        (secure(false), None),
    ] {
        let mut world = World::new();
        world.create(small(NAMESPACE, "vm", "Manual"));
        let boot = |enabled, mode| {
            let boot =
                BootChange { target: Some(BootTarget::Pxe), enabled: Some(enabled), mode, ..BootChange::default() };
            Action::Change(MachineChange { boot: Some(boot), ..MachineChange::default() })
        };
        world.run("vm", boot(BootEnabled::Once, Some(BootMode::Uefi))).expect("set");
        world.run("vm", set(chosen.clone())).expect("set");
        world.run("vm", boot(BootEnabled::Disabled, None)).expect("set");
        let loader = domain(&world).pointer("/firmware/bootloader").cloned();
        assert_eq!(loader, efi.map(|efi| json!({ "efi": efi })), "{chosen:?}");
        let smm = domain(&world).pointer("/features/smm/enabled").cloned();
        assert_eq!(smm == Some(json!(true)), chosen.secure_boot == Some(true), "{chosen:?}");
    }
}

#[test]
fn secure_boot_comes_with_what_it_needs_and_goes_without_a_trace() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let before = domain(&world);
    let result = world.run("vm", set(secure(true)));
    assert!(matches!(&result, Err(CommandError::Conflict(why)) if why.contains("UEFI")), "{result:?}");
    world.run("vm", set(mode(BootMode::Uefi))).expect("set");
    world.writes();
    world.run("vm", set(secure(true))).expect("set");
    assert_eq!(world.writes().len(), 1, "one patch");
    assert_eq!(domain(&world)["firmware"]["bootloader"], json!({ "efi": { "secureBoot": true } }));
    assert_eq!(domain(&world)["features"]["smm"], json!({ "enabled": true }));
    world.run("vm", set(secure(true))).expect("it is so already");
    assert_eq!(world.writes(), Vec::<String>::new());
    world.run("vm", set(secure(false))).expect("set");
    assert_eq!(domain(&world).pointer("/features/smm"), None);
    world.run("vm", set(secure(true))).expect("set");
    // The other name of the mode.
    let legacy = Some(BootChange { mode: Some(BootMode::Legacy), ..BootChange::default() });
    world.run("vm", Action::Change(MachineChange { boot: legacy, ..MachineChange::default() })).expect("set");
    assert_eq!((domain(&world).pointer("/firmware/bootloader"), world.annotation("vm", "firmware")), (None, None));
    assert_eq!(domain(&world)["firmware"], before["firmware"]);
}

#[test]
fn a_change_waits_for_a_new_run_and_can_be_taken_back() {
    let changes = [
        mode(BootMode::Uefi),
        FirmwareSettings { tpm: Some(Tpm::Persistent), ..FirmwareSettings::default() },
        FirmwareSettings { processor_model: Some(named("host-passthrough")), ..FirmwareSettings::default() },
        FirmwareSettings { threads: NonZero::new(2), ..FirmwareSettings::default() },
        FirmwareSettings { serial_console: Some(false), ..FirmwareSettings::default() },
        FirmwareSettings { graphics: Some(false), ..FirmwareSettings::default() },
        FirmwareSettings { random_numbers: Some(true), ..FirmwareSettings::default() },
    ];
    for change in changes {
        let mut world = World::new();
        world.create(small(NAMESPACE, "vm", "Always"));
        let (before, first) = (domain(&world), world.run_uid("vm"));
        world.run("vm", set(change.clone())).expect("set");
        assert!(!change.differ_from(&defined(&mut world)), "{change:?}");
        world.rest(Duration::from_secs(5));
        assert_eq!(world.run_uid("vm"), first, "{change:?}");
        world.run("vm", Action::ResetFirmware).expect("put back");
        assert_eq!((domain(&world), world.annotation("vm", "firmware")), (before, None), "{change:?}");
        world.rest(Duration::from_secs(5));
        world.power("vm", PowerRequest::ForceRestart).expect("reset");
        world.rest(Duration::from_secs(20));
        assert_eq!(world.run_uid("vm"), first, "{change:?}: nothing is pending");
        world.run("vm", set(change.clone())).expect("set");
        world.power("vm", PowerRequest::ForceRestart).expect("restarted");
        world.rest(Duration::from_secs(20));
        assert_ne!(world.run_uid("vm"), first, "{change:?}");
        let completion = world.run("vm", Action::Change(MachineChange::default())).expect("nothing to do");
        let run = seen(&completion).1.expect("it runs").firmware.as_ref().clone();
        assert!(!change.differ_from(&run), "{change:?}: {run:?}");
        let second = world.run_uid("vm");
        world.power("vm", PowerRequest::ForceRestart).expect("reset");
        world.rest(Duration::from_secs(20));
        assert_eq!(world.run_uid("vm"), second, "{change:?}: nothing is pending any more");
    }
}

#[test]
fn what_somebody_else_changed_is_not_put_back() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let both = FirmwareSettings {
        tpm: Some(Tpm::Volatile),
        processor_model: Some(named("Skylake")),
        ..FirmwareSettings::default()
    };
    world.run("vm", set(both)).expect("set");
    world.patch("vm", &json!({ "spec": { "template": { "spec": { "domain": { "cpu": { "model": "Haswell" } } } } } }));
    world.run("vm", Action::ResetFirmware).expect("put back");
    assert_eq!(domain(&world)["cpu"]["model"], "Haswell");
    assert_eq!((domain(&world).pointer("/devices/tpm"), world.annotation("vm", "firmware")), (None, None));
    let nonsense = json!({ "metadata": { "annotations": { "redfish.kubevirt.io/firmware": "[7" } } });
    world.patch("vm", &nonsense);
    world.run("vm", Action::ResetFirmware).expect("nothing to put back");
    assert_eq!(world.annotation("vm", "firmware"), None);
}

#[test]
fn an_instance_type_or_a_preference_has_its_say() {
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Manual");
    machine["spec"]["instancetype"] = json!({ "name": "u1.small" });
    machine["spec"]["preference"] = json!({ "name": "fedora" });
    world.create(machine);
    let open = defined(&mut world);
    assert_eq!((open.mode, open.tpm, open.serial_console), (None, None, None), "the preference may say so");
    for change in [
        FirmwareSettings { cores: NonZero::new(2), ..FirmwareSettings::default() },
        FirmwareSettings { processor_model: Some(named("Skylake")), ..FirmwareSettings::default() },
        FirmwareSettings { tpm: Some(Tpm::Absent), ..FirmwareSettings::default() },
    ] {
        let result = world.run("vm", set(change));
        assert!(matches!(result, Err(CommandError::Conflict(_))), "{result:?}");
    }
    world.run("vm", set(FirmwareSettings { tpm: Some(Tpm::Volatile), ..mode(BootMode::Uefi) })).expect("set");
    assert_eq!(domain(&world)["devices"]["tpm"], json!({}));
}

/// A machine whose firmware only its preference knows.
fn preferring(strategy: &str) -> World {
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", strategy);
    machine["spec"]["preference"] = json!({ "name": "windows.11" });
    world.create(machine);
    world
}

#[test]
fn an_instance_type_leaves_the_firmware_alone() {
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Manual");
    machine["spec"]["instancetype"] = json!({ "name": "u1.small" });
    world.create(machine);
    let defined = defined(&mut world);
    assert_eq!(
        (defined.mode, defined.secure_boot, defined.tpm),
        (Some(BootMode::Legacy), Some(false), Some(Tpm::Absent))
    );
}

/// Secure boot is on unless somebody said otherwise: what the preference has is not known, and must not be taken away.
#[test]
fn a_mode_that_is_asked_for_takes_no_secure_boot_from_a_preference() {
    for before in [None, Some(BootMode::Legacy)] {
        let mut world = preferring("Manual");
        if let Some(before) = before {
            world.run("vm", set(mode(before))).expect("set");
            assert_eq!(domain(&world)["firmware"]["bootloader"], json!({ "bios": {} }), "not left to the preference");
        }
        world.run("vm", set(mode(BootMode::Uefi))).expect("set");
        assert_eq!(domain(&world)["firmware"]["bootloader"], json!({ "efi": {} }));
        assert_eq!(domain(&world)["features"]["smm"], json!({ "enabled": true }));
        let shown = defined(&mut world);
        assert_eq!((shown.mode, shown.secure_boot), (Some(BootMode::Uefi), None), "an older preference may fill it in");
        world.writes();
        world.run("vm", set(mode(BootMode::Uefi))).expect("it is so already");
        assert_eq!(world.writes(), Vec::<String>::new());
        world.run("vm", set(secure(false))).expect("set");
        assert_eq!(domain(&world)["firmware"]["bootloader"], json!({ "efi": { "secureBoot": false } }));
        world.run("vm", Action::ResetFirmware).expect("put back");
        assert_eq!((domain(&world).pointer("/firmware/bootloader"), domain(&world).pointer("/features")), (None, None));
    }
}

#[test]
fn what_only_uefi_has_is_turned_on_and_not_off_where_only_a_preference_knows_the_mode() {
    let mut world = preferring("Manual");
    let persistent = |flag| FirmwareSettings { persistent_variables: Some(flag), ..FirmwareSettings::default() };
    for change in [secure(false), persistent(false)] {
        let result = world.run("vm", set(change));
        assert!(matches!(&result, Err(CommandError::Conflict(why)) if why.contains("preference")), "{result:?}");
    }
    world.run("vm", set(secure(true))).expect("set");
    assert_eq!(domain(&world)["firmware"]["bootloader"], json!({ "efi": { "secureBoot": true } }));
    assert_eq!(domain(&world)["features"]["smm"], json!({ "enabled": true }));
}

#[test]
fn a_run_tells_what_its_preference_has_chosen() {
    let mut world = preferring("Manual");
    // What the preference would have made of it.
    let domain_of_run = json!({ "firmware": { "bootloader": { "efi": { "secureBoot": true, "persistent": true } } },
        "features": { "smm": { "enabled": true } } });
    world.patch("vm", &json!({ "spec": { "template": { "spec": { "domain": domain_of_run } } } }));
    world.power("vm", PowerRequest::On).expect("started");
    world.rest(Duration::from_secs(20));
    let gone = json!({ "firmware": { "bootloader": null }, "features": null });
    world.patch("vm", &json!({ "spec": { "template": { "spec": { "domain": gone } } } }));
    world.run("vm", set(mode(BootMode::Uefi))).expect("set");
    assert_eq!(
        domain(&world)["firmware"]["bootloader"],
        json!({ "efi": { "secureBoot": true, "persistent": true } }),
        "as it runs"
    );
}

prop_compose! {
    fn any_change()(
        mode in prop::option::of(prop::sample::select(vec![BootMode::Uefi, BootMode::Legacy])),
        flags in prop::array::uniform5(prop::option::weighted(0.3, any::<bool>())),
        tpm in prop::option::weighted(0.3, prop::sample::select(vec![Tpm::Absent, Tpm::Volatile, Tpm::Persistent])),
        model in prop::option::weighted(0.3, prop::option::of("[A-Za-z0-9-]{1,12}")),
        counts in prop::array::uniform3(prop::option::weighted(0.3, 1_u16..9)),
    ) -> FirmwareSettings {
        let [secure_boot, persistent_variables, serial_console, graphics, random_numbers] = flags;
        let [sockets, cores, threads] = counts.map(|count| count.and_then(NonZero::new));
        FirmwareSettings {
            mode, secure_boot, persistent_variables, tpm, sockets, cores, threads, serial_console, graphics, random_numbers,
            processor_model: model.map(|name| {
                name.map_or(ProcessorModel::Default, |name| ProcessorModel::Named(name.into()))
            }),
            machine_type: None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every change is made as asked for or contradicts itself; the cluster refuses none; all of them can be put back.
    #[test]
    fn the_cluster_takes_every_change(
        changes in prop::collection::vec(any_change(), 1..6),
        machine in prop::sample::select(vec![small(NAMESPACE, "vm", "Manual"), always_efi(), manual_bios()]),
    ) {
        let mut world = World::new();
        let mut machine = machine;
        machine["metadata"]["name"] = json!("vm");
        machine["metadata"]["namespace"] = json!(NAMESPACE);
        world.create(machine);
        let before = domain(&world);
        for change in changes {
            match world.run("vm", set(change.clone())) {
                Ok(_) => {
                    let mut asked = change;
                    if asked.processor_model == Some(ProcessorModel::Default) {
                        asked.processor_model = None;
                    }
                    let shown = defined(&mut world);
                    prop_assert!(!asked.differ_from(&shown), "{asked:?}: {shown:?}");
                }
                Err(CommandError::Conflict(why)) => {
                    prop_assert!(why.contains("UEFI"), "{why}");
                    let uefi_only = [change.secure_boot, change.persistent_variables].contains(&Some(true));
                    prop_assert!(uefi_only && change.mode != Some(BootMode::Uefi), "{change:?}");
                }
                Err(error) => prop_assert!(false, "{change:?}: {error}"),
            }
        }
        world.run("vm", Action::ResetFirmware).expect("put back");
        prop_assert_eq!((domain(&world), world.annotation("vm", "firmware")), (before, None));
    }
}

/// A cluster that plugs sockets into running machines does not do so when they are asked for `OnReset`.
#[test]
fn sockets_wait_for_a_new_run() {
    let run_sockets = |world: &World| {
        let run = world.object("virtualmachineinstances", "vm").expect("it runs");
        run["spec"]["domain"]["cpu"]["sockets"].as_u64().unwrap_or(1)
    };
    let sockets = |number| set(FirmwareSettings { sockets: NonZero::new(number), ..FirmwareSettings::default() });
    for cpu in [
        json!({ "sockets": 1, "cores": 2, "threads": 1 }),
        json!({ "sockets": 1, "cores": 2, "threads": 2 }),
        json!({ "cores": 2 }),
        json!({ "cores": 2, "threads": 1 }),
        json!({ "model": "host-model" }),
        Value::Null,
    ] {
        for devices in [json!({}), json!({ "autoattachMemBalloon": true }), json!({ "autoattachMemBalloon": false })] {
            let mut world = World::new();
            let mut machine = small(NAMESPACE, "vm", "Always");
            let domain = &mut machine["spec"]["template"]["spec"]["domain"];
            if !cpu.is_null() {
                domain["cpu"] = cpu.clone();
            }
            for (name, value) in devices.as_object().expect("an object") {
                domain["devices"][name] = value.clone();
            }
            world.create(machine);
            let before = self::domain(&world);
            // Back and forth, with a new run in between.
            for number in [2, 3, 1, 2, 4] {
                world.run("vm", sockets(number)).expect("set");
                world.rest(Duration::from_secs(5));
                assert_eq!(run_sockets(&world), 1, "{cpu} {devices} {number}");
            }
            world.power("vm", PowerRequest::ForceRestart).expect("restarted");
            world.rest(Duration::from_secs(20));
            assert_eq!(run_sockets(&world), 4, "{cpu} {devices}");
            for number in [5, 6, 4, 5] {
                world.run("vm", sockets(number)).expect("set");
                world.rest(Duration::from_secs(5));
                assert_eq!(run_sockets(&world), 4, "{cpu} {devices} {number}");
            }
            world.run("vm", Action::ResetFirmware).expect("put back");
            world.rest(Duration::from_secs(5));
            assert_eq!(run_sockets(&world), 4, "{cpu} {devices}");
            assert_eq!((self::domain(&world), world.annotation("vm", "firmware")), (before, None), "{cpu} {devices}");
        }
    }
}

#[test]
fn sockets_that_are_changed_by_hand_are_plugged_in_as_ever() {
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Always");
    machine["spec"]["template"]["spec"]["domain"]["cpu"] = json!({ "sockets": 1 });
    world.create(machine);
    world.patch("vm", &json!({ "spec": { "template": { "spec": { "domain": { "cpu": { "sockets": 2 } } } } } }));
    world.rest(Duration::from_secs(5));
    let run = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!(run["spec"]["domain"]["cpu"]["sockets"], 2);
}

/// What the owner said of a mode is as it was when the machine comes back to that mode.
#[test]
fn a_mode_that_comes_back_is_as_it_was() {
    let loaders = [
        json!({ "efi": { "secureBoot": false, "persistent": true } }),
        json!({ "efi": { "secureBoot": false } }),
        json!({ "bios": { "useSerial": true } }),
        Value::Null,
    ];
    for loader in loaders {
        for between in [None, Some(PowerRequest::On)] {
            let mut world = World::new();
            let mut machine = small(NAMESPACE, "vm", "Manual");
            if !loader.is_null() {
                machine["spec"]["template"]["spec"]["domain"]["firmware"] = json!({ "bootloader": loader });
            }
            world.create(machine);
            let (here, there) = match loader.get("efi") {
                Some(_) => (BootMode::Uefi, BootMode::Legacy),
                None => (BootMode::Legacy, BootMode::Uefi),
            };
            for _ in 0..2 {
                world.run("vm", set(mode(there))).expect("set");
                if let Some(request) = between {
                    world.power("vm", request).expect("on");
                    world.rest(Duration::from_secs(10));
                    world.power("vm", PowerRequest::ForceOff).expect("off");
                    world.rest(Duration::from_secs(10));
                }
                world.run("vm", set(mode(here))).expect("set");
                let now = domain(&world).pointer("/firmware/bootloader").cloned().unwrap_or_default();
                assert_eq!((now, world.annotation("vm", "firmware")), (loader.clone(), None), "{between:?}");
            }
        }
    }
    // Secure boot that is asked for along with it keeps the rest.
    let mut world = World::new();
    let mut machine = small(NAMESPACE, "vm", "Manual");
    let loader = json!({ "efi": { "secureBoot": false, "persistent": true } });
    machine["spec"]["template"]["spec"]["domain"]["firmware"] = json!({ "bootloader": loader });
    world.create(machine);
    world.run("vm", set(mode(BootMode::Legacy))).expect("set");
    world.run("vm", set(FirmwareSettings { mode: Some(BootMode::Uefi), ..secure(true) })).expect("set");
    let expected = json!({ "efi": { "secureBoot": true, "persistent": true } });
    assert_eq!(domain(&world)["firmware"]["bootloader"], expected);
}

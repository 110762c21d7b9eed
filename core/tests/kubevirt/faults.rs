//! Commands when things go wrong between here and the cluster, and in it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use kubevirt_redfish_core::kubevirt::{Operation, OperationStep, Settings, TransportError};
use kubevirt_redfish_core::model::{
    Action, BootChange, BootEnabled, BootMode, BootTarget, Command, CommandError, CommandId, FirmwareSettings,
    ImageCredentials, ImagePassword, Indicator, InsertMedia, MachineChange, Platform, PowerRequest, PowerRestore, Slot,
    Uid, Verb, VmId,
};
use kubevirt_redfish_core::time::{Instant, UnixTime};
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect};
use kubevirt_redfish_fixtures::observed;
use kubevirt_redfish_fixtures::sample::{small, small_with_drive};
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{NAMESPACE, World, image_of};

fn actions() -> Vec<Action> {
    let boot =
        |target, enabled| Some(BootChange { target: Some(target), enabled: Some(enabled), ..BootChange::default() });
    let set =
        |target| Action::Change(MachineChange { boot: boot(target, BootEnabled::Once), ..MachineChange::default() });
    let mut actions: Vec<Action> = PowerRequest::ALL.iter().map(|request| Action::Power(*request)).collect();
    actions.extend([set(BootTarget::Cd), set(BootTarget::Pxe), set(BootTarget::Hdd), set(BootTarget::None)]);
    actions.push(Action::RestoreBoot { booted: true, used_by: Uid::new("somebody") });
    let login = ImageCredentials { user_name: "user".into(), password: ImagePassword::new("secret") };
    for credentials in [None, Some(login)] {
        let image = image_of("http://images.example/a.iso");
        actions.push(Action::InsertMedia(InsertMedia { slot: Slot::Cd, image, write_protected: true, credentials }));
    }
    actions.push(Action::EjectMedia(Slot::Cd));
    let image = image_of("http://images.example/b.img");
    actions.push(Action::InsertMedia(InsertMedia { slot: Slot::Usb, image, write_protected: true, credentials: None }));
    actions.push(Action::EjectMedia(Slot::Usb));
    for power_restore in [PowerRestore::AlwaysOn, PowerRestore::LastState, PowerRestore::AlwaysOff] {
        actions.push(Action::Change(MachineChange {
            boot: boot(BootTarget::Hdd, BootEnabled::Continuous),
            asset_tag: Some(Some("rack 7".into())),
            indicator: Some(Indicator::Lit),
            power_restore: Some(power_restore),
            firmware: FirmwareSettings {
                mode: Some(BootMode::Uefi),
                secure_boot: Some(true),
                ..FirmwareSettings::default()
            },
        }));
    }
    actions.push(Action::ResetFirmware);
    actions
}

fn unavailable(code: u16, retry_after: Option<u32>) -> FaultEffect {
    FaultEffect::Status {
        code: StatusCode::from_u16(code).expect("a status code"),
        retry_after,
        reason: "Unavailable".to_owned(),
        message: "not now".to_owned(),
    }
}

#[test]
fn every_command_gets_over_a_hiccup() {
    let hiccups = [
        unavailable(503, None),
        unavailable(429, Some(1)),
        unavailable(500, None),
        unavailable(401, None),
        FaultEffect::CutBeforeEffect,
        FaultEffect::CutBeforeAnswer,
        FaultEffect::CutAfter(10),
    ];
    for hiccup in hiccups {
        for skip in 0..6 {
            for action in actions() {
                let mut world = World::new();
                world.create(small_with_drive(NAMESPACE, "vm", "Always"));
                if action == Action::Power(PowerRequest::Resume) {
                    world.power("vm", PowerRequest::Pause).expect("paused");
                }
                world.sim.cluster.inject(Fault::new(hiccup.clone()).after(skip).times(2));
                let result = world.run("vm", action.clone());
                assert!(result.is_ok(), "{action:?} {hiccup:?} after {skip}: {result:?}\n{:#?}", world.sent);
                world.sim.cluster.clear_faults();
                world.rest(Duration::from_secs(40));
                let phase = world.phase("vm");
                match action {
                    Action::Power(
                        PowerRequest::ForceOff | PowerRequest::GracefulShutdown | PowerRequest::PushPowerButton,
                    ) => {
                        assert_eq!(phase, "Off", "{action:?} {hiccup:?} after {skip}");
                    }
                    Action::Power(PowerRequest::Pause) => assert_eq!(phase, "Paused"),
                    _ => assert_eq!(phase, "Running", "{action:?} {hiccup:?} after {skip}"),
                }
            }
        }
    }
}

#[test]
fn a_cluster_that_stays_away_is_unavailable() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    world.sim.cluster.inject(Fault::new(unavailable(429, Some(120))));
    let result = world.power("vm", PowerRequest::On);
    let expected =
        CommandError::Unavailable { reason: "not now".to_owned(), retry_after: Some(Duration::from_mins(2)) };
    assert_eq!(result, Err(expected), "it does not wait in vain");
    world.sim.cluster.clear_faults();
    world.sim.cluster.inject(Fault::new(FaultEffect::CutBeforeEffect));
    let result = world.power("vm", PowerRequest::On);
    assert!(matches!(result, Err(CommandError::Unavailable { .. })), "{result:?}");
}

#[test]
fn a_missing_right_is_named() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let rule = |verb| kubevirt_redfish_fixtures::cluster::Rule::new(verb, "*", "*");
    world.sim.cluster.forbid(vec![rule("update"), rule("patch")]);
    let result = world.power("vm", PowerRequest::On);
    assert!(matches!(&result, Err(CommandError::Forbidden(text)) if text.contains("cannot patch")), "{result:?}");
}

/// What is somebody else's stays, whether the change has to be decided anew for it or not.
#[test]
fn somebody_elses_change_in_between_is_not_overwritten() {
    for (own_tag, expected) in [(true, "3"), (false, "1")] {
        let mut world = World::new();
        world.create(small(NAMESPACE, "vm", "Manual"));
        world.patch("vm", &json!({ "metadata": { "annotations": { "redfish.kubevirt.io/asset-tag": "before" } } }));
        let change = MachineChange { asset_tag: Some(Some("rack 7".into())), ..MachineChange::default() };
        let command = world.command("vm", Action::Change(change), Duration::from_secs(30));
        let now = Instant::new(world.sim.now);
        let mut operation = Operation::new(command, world.platform.clone(), Arc::clone(&world.settings), 1, now);
        let mut disturbed = 0;
        let result = loop {
            let now = Instant::new(world.sim.now);
            match operation.poll(now) {
                OperationStep::Send { request, .. } => {
                    let is_locked = request
                        .headers()
                        .get("content-type")
                        .is_some_and(|kind| kind == "application/merge-patch+json");
                    if request.method() == http::Method::PATCH && disturbed < 3 && (own_tag || is_locked) {
                        disturbed += 1;
                        let mut metadata = json!({ "labels": { "disturbed": disturbed.to_string() } });
                        if own_tag {
                            metadata["annotations"] = json!({ "redfish.kubevirt.io/asset-tag": disturbed.to_string() });
                        }
                        world.patch("vm", &json!({ "metadata": metadata }));
                    }
                    let answer = world.sim.try_send(request).expect("an answer");
                    operation.handle_response(Instant::new(world.sim.now), Ok(answer));
                }
                OperationStep::Ask(question) => panic!("{question:?}"),
                OperationStep::WaitUntil(time) => world.rest(time.saturating_since(now)),
                OperationStep::Done(result) => break result,
            }
        };
        assert!(result.is_ok(), "{result:?}");
        let machine = world.machine("vm");
        assert_eq!(machine["metadata"]["labels"]["disturbed"], expected);
        assert_eq!(machine["metadata"]["annotations"]["redfish.kubevirt.io/asset-tag"], "rack 7");
    }
}

/// What a server that has lost its mind answers.
fn answer() -> impl Strategy<Value = Result<(u16, String), TransportError>> {
    let machine = observed::json("running/vm-manual-bios.json").expect("it is there").to_string();
    let instance = observed::json("running/vmi-manual-bios.json").expect("it is there").to_string();
    let import = observed::json("states/dv-failing.json").expect("it is there").to_string();
    let cut = machine[..machine.len() / 2].to_owned();
    let body = prop_oneof![
        8 => Just(machine),
        4 => Just(instance),
        1 => Just(import),
        1 => Just(cut),
        1 => Just("{}".to_owned()),
        1 => Just("[]".to_owned()),
        1 => Just(String::new()),
        1 => "\\PC{0,40}",
        1 => Just(r#"{"kind":"Status","message":"VM is already running","code":409}"#.to_owned()),
        1 => Just(r#"{"metadata":{"uid":7},"spec":[],"status":{"conditions":{}}}"#.to_owned()),
    ];
    let code = prop_oneof![
        6 => Just(200_u16),
        2 => Just(202),
        2 => Just(404),
        2 => Just(409),
        1 => prop::sample::select(vec![201, 204, 301, 400, 401, 403, 405, 406, 410, 415, 422, 429, 500, 502, 503, 504, 599]),
    ];
    prop_oneof![
        12 => (code, body).prop_map(Ok),
        1 => Just(Err(TransportError::NotSent("no route".to_owned()))),
        1 => Just(Err(TransportError::Broken("reset".to_owned()))),
        1 => Just(Err(TransportError::TimedOut)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_command_ends_by_its_deadline_whatever_it_is_answered(
        action in prop::sample::select(actions()),
        answers in prop::collection::vec((answer(), 0_u64..2000), 1..40),
        live_media: bool,
        seed: u64,
    ) {
        let deadline = Instant::new(Duration::from_secs(30));
        let command = Command {
            id: CommandId(1),
            vm: VmId::new("vms", "manual-bios").expect("a valid name"),
            uid: Uid::new("0704fde5-320c-4a2f-a0b5-0573bb642233"),
            action,
            only_if: None,
            request: None,
            deadline,
            deferral: None,
            begun: UnixTime(0),
            orphaned_before: UnixTime(0),
            replica: 1,
            asked: UnixTime(0),
            known_last: None,
            unanswered: Vec::new(),
        };
        let interrupt = Verb::new("nmi");
        let platform = Platform { live_media, reboot_ends_run: live_media, interrupt, ..Platform::default() };
        let mut now = Instant::default();
        let mut operation = Operation::new(command, platform, Arc::new(Settings::default()), seed, now);
        let mut answers = answers.into_iter().cycle();
        let mut requests = 0;
        loop {
            match operation.poll(now) {
                OperationStep::Send { request, .. } => {
                    prop_assert!(now < deadline);
                    prop_assert!(["/apis/", "/api/v1/"].iter().any(|root| request.uri().path().starts_with(root)));
                    requests += 1;
                    prop_assert!(requests < 2000, "a busy loop");
                    let (answer, time) = answers.next().expect("without end");
                    now = now + Duration::from_millis(time);
                    let answer = answer.map(|(code, body)| {
                        let mut response = Response::new(Bytes::from(body));
                        *response.status_mut() = StatusCode::from_u16(code).expect("a status code");
                        response
                    });
                    operation.handle_response(now, answer);
                }
                OperationStep::Ask(question) => {
                    prop_assert!(question.until > now && question.until <= deadline);
                    let (answer, time) = answers.next().expect("without end");
                    now = now + Duration::from_millis(time);
                    let answer = answer.map(|(code, text)| {
                        let head = Response::builder().status(code).header("location", "/elsewhere");
                        head.header("content-length", text.len()).body(()).expect("a head")
                    });
                    operation.handle_image_answer(now, answer);
                }
                OperationStep::WaitUntil(time) => {
                    prop_assert!(time > now && time <= deadline, "{time:?} at {now:?}");
                    now = time;
                }
                OperationStep::Done(result) => {
                    let again = operation.poll(deadline + Duration::from_secs(1));
                    prop_assert!(matches!(again, OperationStep::Done(again) if again == result));
                    break;
                }
            }
        }
    }
}

//! Virtual media: inserted and ejected live and cold, replaced, refused, repeated.

use std::time::Duration;

use kubevirt_redfish_core::model::{
    Action, BootChange, BootEnabled, BootTarget, CommandError, ImageCredentials, ImagePassword, ImportState,
    InsertMedia, MachineChange, Observation, Platform, PowerRequest, Slot,
};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::sample::{small, small_with_drive};
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of, seen};

const IMAGE: &str = "https://images.example/boot.iso?token=a%20b";
const OTHER: &str = "http://images.example/other.iso";

fn insert(image: &str) -> Action {
    insert_into(Slot::Cd, image)
}

fn insert_into(slot: Slot, image: &str) -> Action {
    Action::InsertMedia(InsertMedia { slot, image: image_of(image), write_protected: true, credentials: None })
}

/// Inserts an image that its server gives only to `user`.
fn insert_as(user: &str, image: &str) -> Action {
    let credentials = ImageCredentials { user_name: user.into(), password: ImagePassword::new("pa ss") };
    let image = image_of(image);
    Action::InsertMedia(InsertMedia { slot: Slot::Cd, image, write_protected: true, credentials: Some(credentials) })
}

/// The user name that is in the one secret of the namespace.
fn login(world: &World) -> Option<String> {
    assert!(world.sim.cluster.count("secrets") <= 1, "one at most");
    let import = medium(world)["dataVolume"]["name"].as_str()?.to_owned();
    let import = world.object("datavolumes", &import)?;
    let secret = world.object("secrets", import["spec"]["source"]["http"]["secretRef"].as_str()?)?;
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], import["metadata"]["uid"]);
    Some(secret["data"]["accessKeyId"].as_str()?.to_owned())
}

fn eject() -> Action {
    Action::EjectMedia(Slot::Cd)
}

fn disks(world: &World) -> Vec<String> {
    names(&world.machine("vm")["spec"]["template"]["spec"]["domain"]["devices"]["disks"])
}

fn volumes(world: &World) -> Vec<String> {
    names(&world.machine("vm")["spec"]["template"]["spec"]["volumes"])
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str().map(ToOwned::to_owned)).collect()
}

fn medium(world: &World) -> Value {
    let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].clone();
    let medium = volumes.as_array().into_iter().flatten().find(|volume| !volume["dataVolume"].is_null()).cloned();
    medium.unwrap_or_default()
}

#[test]
fn live_into_the_empty_drive_and_out_again() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    let run = world.run_uid("vm");
    let completion = world.run("vm", insert(IMAGE)).expect("inserted");
    let (machine, _) = seen(&completion);
    let shown = machine.expect("it was read").media[0].clone();
    assert_eq!((&*shown.image, &*shown.drive), (IMAGE, "cd"));
    assert!(
        completion
            .observations
            .iter()
            .any(|seen| matches!(seen, Observation::Import(import) if Some(&import.id) == shown.import.as_ref()))
    );
    assert_eq!(medium(&world)["dataVolume"]["hotpluggable"], true);
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(30));
    assert_eq!(world.run_uid("vm"), run);
    let completion = world.run("vm", insert(IMAGE)).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new(), "the same image is in");
    let (machine, instance) = seen(&completion);
    assert!(!machine.expect("it was read").restart_required);
    assert_eq!(instance.expect("it runs").ready_media.to_vec(), ["cd".into()]);
    let done = completion
        .observations
        .iter()
        .any(|seen| matches!(seen, Observation::Import(import) if import.state == ImportState::Succeeded));
    assert!(done);

    world.run("vm", eject()).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(10));
    assert_eq!((disks(&world), volumes(&world)), (vec!["root".to_owned(), "cd".to_owned()], vec!["root".to_owned()]));
    assert_eq!(world.sim.cluster.count("datavolumes"), 0);
    world.run("vm", eject()).expect("nothing to do");
    assert_eq!(world.writes(), Vec::<String>::new());
}

/// A cluster whose gates nobody could read, or that has other gates by now.
#[test]
fn a_drive_of_the_owners_stays_unless_the_cluster_refuses_it_empty() {
    for refused in [false, true] {
        let mut world = World::new();
        world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
        world.platform = Platform::default();
        world.run("vm", insert(IMAGE)).expect("inserted");
        world.rest(Duration::from_secs(20));
        if refused {
            let message = "admission webhook \"virtualmachine-validator.kubevirt.io\" denied the request: \
                DeclarativeHotplugVolumes feature gate not enabled, cannot define an empty CD-ROM disk";
            let code = http::StatusCode::UNPROCESSABLE_ENTITY;
            let (reason, message) = ("Invalid".to_owned(), message.to_owned());
            let effect = FaultEffect::Status { code, retry_after: None, reason, message };
            world
                .sim
                .cluster
                .inject(Fault::new(effect).method(http::Method::PATCH).path("/virtualmachines/vm").times(1));
        }
        world.run("vm", eject()).expect("ejected");
        assert_eq!(disks(&world).contains(&"cd".to_owned()), !refused);
        assert_eq!(volumes(&world), ["root"]);
    }
}

/// An import is read after the run, and is newer: a run that came in between is not to be taken for gone.
#[test]
fn a_run_that_is_missing_was_so_when_it_was_looked_for() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
    world.run("vm", insert(IMAGE)).expect("inserted");
    world.rest(Duration::from_secs(20));
    let import = medium(&world)["dataVolume"]["name"].as_str().expect("an import").to_owned();
    let path = format!("/apis/cdi.kubevirt.io/v1beta1/namespaces/{NAMESPACE}/datavolumes/{import}");
    let touched = json!({ "metadata": { "annotations": { "touched": "yes" } } });
    assert_eq!(world.sim.call(http::Method::PATCH, &path, Some(&touched)).0, 200);
    let completion = world.run("vm", insert(IMAGE)).expect("it is in");
    let machine = seen(&completion).0.expect("it was read").version;
    let versions = completion.observations.iter().filter_map(|seen| match seen {
        Observation::InstanceGone(_, version) => Some(("gone", *version)),
        Observation::Import(import) => Some(("import", import.version)),
        _ => None,
    });
    let versions: Vec<_> = versions.collect();
    let [("gone", gone), ("import", import)] = versions[..] else { panic!("{versions:?}") };
    assert!(machine <= gone && gone < import, "{machine:?} {gone:?} {import:?}");
}

#[test]
fn another_image_replaces_the_first() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    world.run("vm", insert(IMAGE)).expect("inserted");
    world.rest(Duration::from_secs(20));
    let first = medium(&world);
    let completion = world.run("vm", insert(OTHER)).expect("replaced");
    assert_eq!(&*seen(&completion).0.expect("it was read").media[0].image, OTHER);
    world.rest(Duration::from_secs(20));
    assert_ne!(medium(&world), first);
    assert_eq!(volumes(&world), ["root", "cd"]);
    assert_eq!(world.sim.cluster.count("datavolumes"), 1);
}

#[test]
fn a_machine_without_a_drive_gets_one_at_its_next_boot() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Always"));
    let completion = world.run("vm", insert(IMAGE)).expect("inserted");
    assert_eq!(&*seen(&completion).0.expect("it was read").media[0].drive, "redfish-cd");
    assert_eq!(
        medium(&world),
        json!({ "name": "redfish-cd", "dataVolume": { "name": medium(&world)["dataVolume"]["name"] } })
    );
    world.rest(Duration::from_secs(20));
    let failures = world.machine("vm")["status"]["conditions"].to_string();
    assert!(failures.contains("RestartRequired") && !failures.contains("HotPlugVolumeError"), "{failures}");
    world.power("vm", PowerRequest::ForceRestart).expect("restarted");
    world.rest(Duration::from_secs(20));
    let instance = world.object("virtualmachineinstances", "vm").expect("it runs");
    assert_eq!(names(&instance["spec"]["volumes"]), ["root", "redfish-cd"]);
    world.run("vm", eject()).expect("ejected");
    assert_eq!(disks(&world), ["root", "redfish-cd"], "the drive stays for the next medium");
}

#[test]
fn the_cold_way_adds_and_removes_the_drive() {
    let mut world = World::of(ClusterConfig::new(KubevirtVersion::V1_8));
    world.create(small(NAMESPACE, "vm", "Halted"));
    let once = BootChange { target: Some(BootTarget::Cd), enabled: Some(BootEnabled::Once), ..BootChange::default() };
    world.run("vm", Action::Change(MachineChange { boot: Some(once), ..MachineChange::default() })).expect("noted");
    world.run("vm", insert(IMAGE)).expect("inserted");
    let first = world.machine("vm")["spec"]["template"]["spec"]["domain"]["devices"]["disks"].clone();
    assert_eq!((first[0]["bootOrder"].as_u64(), first[1]["bootOrder"].as_u64()), (Some(2), Some(1)));
    assert_eq!(world.phase("vm"), "Off", "inserting does not start it");
    world.rest(Duration::from_secs(20));
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(20));
    assert_eq!(world.phase("vm"), "Running");
    world.run("vm", insert(OTHER)).expect("replaced");
    assert_eq!(disks(&world), ["root", "redfish-cd"]);
    world.run("vm", eject()).expect("ejected");
    assert_eq!((disks(&world), volumes(&world)), (vec!["root".to_owned()], vec!["root".to_owned()]));
    world.rest(Duration::from_secs(20));
    assert_eq!(world.sim.cluster.count("datavolumes"), 0);
}

#[test]
fn a_refusal_leaves_nothing_behind() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    let before = world.machine("vm");
    let refusal = FaultEffect::Status {
        code: http::StatusCode::UNPROCESSABLE_ENTITY,
        retry_after: None,
        reason: "Invalid".to_owned(),
        message: "admission webhook \"policy.example\" denied the request: no media on Fridays".to_owned(),
    };
    world.sim.cluster.inject(Fault::new(refusal).method(http::Method::PATCH));
    assert_eq!(world.run("vm", insert(IMAGE)), Err(CommandError::Refused("no media on Fridays".to_owned())));
    world.rest(Duration::from_secs(5));
    assert_eq!(world.machine("vm")["spec"], before["spec"]);
    assert_eq!(world.sim.cluster.count("datavolumes"), 0);
}

#[test]
fn without_an_importer_it_is_not_supported() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    world.sim.cluster.remove_api_group("cdi.kubevirt.io");
    let result = world.run("vm", insert(IMAGE));
    assert!(matches!(result, Err(CommandError::Unsupported(_))), "{result:?}");
    world.run("vm", eject()).expect("nothing to do");
}

#[test]
fn a_forged_record_does_not_delete_what_belongs_to_others() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    let now = world.sim.now;
    let foreign = kubevirt_redfish_fixtures::sample::data_volume(NAMESPACE, "precious", OTHER);
    world.sim.cluster.apply(now, foreign).expect("the sample is valid");
    let record = json!({ "image": OTHER, "drive": "cd", "dataVolume": "precious" }).to_string();
    let volumes = json!([
        world.machine("vm")["spec"]["template"]["spec"]["volumes"][0],
        { "name": "cd", "dataVolume": { "name": "precious", "hotpluggable": true } },
    ]);
    world.patch(
        "vm",
        &json!({
            "metadata": { "annotations": { "redfish.kubevirt.io/media-cd": record } },
            "spec": { "template": { "spec": { "volumes": volumes } } },
        }),
    );
    world.run("vm", eject()).expect("ejected");
    assert_eq!(medium(&world), Value::Null);
    assert!(world.object("datavolumes", "precious").is_some());
}

#[test]
fn what_an_import_logs_in_with_comes_after_it_and_goes_with_it() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Always"));
    world.run("vm", insert_as("user", IMAGE)).expect("inserted");
    insta::assert_snapshot!(world.writes().join("\n"));
    assert_eq!(login(&world).as_deref(), Some("dXNlcg=="));
    world.rest(Duration::from_secs(30));
    world.run("vm", insert_as("user", IMAGE)).expect("it is in");
    assert_eq!(world.writes(), Vec::<String>::new(), "the image is there: nobody has to log in any more");
    world.run("vm", eject()).expect("ejected");
    insta::assert_snapshot!(world.writes().join("\n"));
    world.rest(Duration::from_secs(10));
    assert_eq!((world.sim.cluster.count("secrets"), world.sim.cluster.count("datavolumes")), (0, 0));
    // Also if somebody removes the import by hand.
    world.run("vm", insert_as("user", IMAGE)).expect("inserted");
    let import = medium(&world)["dataVolume"]["name"].as_str().unwrap_or_default().to_owned();
    assert!(world.sim.cluster.delete("datavolumes", NAMESPACE, &import));
    world.rest(Duration::from_secs(10));
    assert_eq!(world.sim.cluster.count("secrets"), 0);
}

#[test]
fn an_import_that_is_under_way_can_be_given_something_else_to_log_in_with() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    let image = "http://images.invalid/boot.iso";
    world.run("vm", insert_as("user", image)).expect("inserted");
    assert_eq!(login(&world).as_deref(), Some("dXNlcg=="));
    world.rest(Duration::from_secs(30));
    world.run("vm", insert_as("root", image)).expect("inserted again");
    assert_eq!(login(&world).as_deref(), Some("cm9vdA=="));
    world.run("vm", insert(OTHER)).expect("replaced");
    world.rest(Duration::from_secs(2));
    assert_eq!(world.sim.cluster.count("secrets"), 0);
    // One that did not log in gives way to one that does; the other way round there is nothing to be gained.
    let without = medium(&world);
    world.run("vm", insert_as("root", OTHER)).expect("replaced");
    assert_eq!(login(&world).as_deref(), Some("cm9vdA=="));
    let with = medium(&world);
    assert_ne!(without, with);
    world.writes();
    world.run("vm", insert(OTHER)).expect("it is in");
    assert_eq!((world.writes(), medium(&world)), (Vec::new(), with));
    assert_eq!(world.sim.cluster.count("datavolumes"), 1);
}

/// An import that has failed may never succeed: whoever inserts the image again wants another attempt.
#[test]
fn a_failed_import_of_an_earlier_attempt_is_not_taken_over() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    let image = "http://images.invalid/boot.iso";
    let outage = FaultEffect::unavailable();
    world.sim.cluster.inject(Fault::new(outage).method(http::Method::PATCH).times(100));
    let command = world.command("vm", insert(image), Duration::from_secs(5));
    assert!(world.carry_out(command).is_err());
    world.sim.cluster.clear_faults();
    world.rest(Duration::from_secs(10));
    assert_eq!(world.sim.cluster.count("datavolumes"), 1);
    world.writes();
    world.run("vm", insert(image)).expect("inserted");
    let writes = world.writes();
    assert!(writes[0].starts_with("DELETE datavolumes/") && writes[1].starts_with("POST datavolumes"), "{writes:?}");
    assert_eq!(world.sim.cluster.count("datavolumes"), 1);
}

#[test]
fn a_refusal_leaves_nothing_to_log_in_with_behind() {
    let refusal = || FaultEffect::Status {
        code: http::StatusCode::UNPROCESSABLE_ENTITY,
        retry_after: None,
        reason: "Invalid".to_owned(),
        message: "admission webhook \"policy.example\" denied the request: no media on Fridays".to_owned(),
    };
    let expected = Err(CommandError::Refused("no media on Fridays".to_owned()));
    for fault in [
        // The machine's change, then the import's creation.
        Fault::new(refusal()).method(http::Method::PATCH),
        Fault::new(refusal()).method(http::Method::POST).path("/datavolumes"),
    ] {
        let mut world = World::new();
        world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
        world.sim.cluster.inject(fault);
        assert_eq!(world.run("vm", insert_as("user", IMAGE)), expected);
        world.rest(Duration::from_secs(5));
        assert_eq!((world.sim.cluster.count("secrets"), world.sim.cluster.count("datavolumes")), (0, 0));
    }
}

#[test]
fn a_secret_of_an_earlier_attempt_is_replaced() {
    let mut config = ClusterConfig::new(KubevirtVersion::V1_9);
    // Longer than the first attempt: nobody has to log in for an image that is there.
    config.timing.import = Duration::from_mins(1);
    let mut world = World::of(config);
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    // The machine cannot be changed for a while: the command ends, and begins anew.
    let outage = FaultEffect::unavailable();
    world.sim.cluster.inject(Fault::new(outage).method(http::Method::PATCH).times(100));
    let command = world.command("vm", insert_as("user", IMAGE), Duration::from_secs(5));
    assert!(world.carry_out(command).is_err());
    assert_eq!(world.sim.cluster.count("secrets"), 1, "it was made before the machine could be changed");
    world.sim.cluster.clear_faults();
    world.run("vm", insert_as("root", IMAGE)).expect("inserted");
    assert_eq!(login(&world).as_deref(), Some("cm9vdA=="));
    world.run("vm", eject()).expect("ejected");
    world.rest(Duration::from_secs(10));
    assert_eq!(world.sim.cluster.count("secrets"), 0);

    // What does not log in is another import: another replica may just be inserting the one that does.
    world.sim.cluster.inject(Fault::new(FaultEffect::unavailable()).method(http::Method::PATCH).times(100));
    let command = world.command("vm", insert_as("user", IMAGE), Duration::from_secs(5));
    assert!(world.carry_out(command).is_err());
    world.sim.cluster.clear_faults();
    world.run("vm", insert(IMAGE)).expect("inserted");
    assert_eq!((world.sim.cluster.count("secrets"), world.sim.cluster.count("datavolumes")), (1, 2));
}

#[test]
fn a_forged_import_does_not_delete_the_secret_of_others() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Manual"));
    let now = world.sim.now;
    let uid = world.machine("vm")["metadata"]["uid"].clone();
    let mut import = kubevirt_redfish_fixtures::sample::data_volume(NAMESPACE, "precious", OTHER);
    import["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "kubevirt-redfish" });
    import["metadata"]["annotations"] = json!({ "redfish.kubevirt.io/image": OTHER });
    import["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "vm", "uid": uid }]);
    import["spec"]["source"]["http"]["secretRef"] = json!("precious");
    world.sim.cluster.apply(now, import).expect("the sample is valid");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "precious", "namespace": NAMESPACE },
    });
    world.sim.cluster.apply(now, secret).expect("the sample is valid");
    let record = json!({ "image": OTHER, "drive": "cd", "dataVolume": "precious" }).to_string();
    let volumes = json!([
        world.machine("vm")["spec"]["template"]["spec"]["volumes"][0],
        { "name": "cd", "dataVolume": { "name": "precious", "hotpluggable": true } },
    ]);
    world.patch(
        "vm",
        &json!({
            "metadata": { "annotations": { "redfish.kubevirt.io/media-cd": record } },
            "spec": { "template": { "spec": { "volumes": volumes } } },
        }),
    );
    world.run("vm", eject()).expect("ejected");
    assert!(world.object("secrets", "precious").is_some());
}

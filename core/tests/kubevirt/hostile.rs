//! D8: whatever the owner of a machine, or of anything else in its namespace, writes into objects, commands ask for
//! nothing outside of that namespace.

use std::time::Duration;

use kubevirt_redfish_core::model::{Action, ImportId, InsertMedia, PowerRequest, Slot, TrustChange, Uid, VmId};
use kubevirt_redfish_core::time::UnixTime;
use kubevirt_redfish_fixtures::sample::small_with_drive;
use serde_json::{Value, json};

use crate::harness::{NAMESPACE, World, image_of};

const IMAGE: &str = "https://images.example/boot.iso";

/// Texts that lead elsewhere if they stand in a path or a query.
const ELSEWHERE: [&str; 10] = [
    "../../../../api/v1/namespaces/kube-system/secrets/x?watch=1",
    "..",
    ".",
    "x/../../secrets/y",
    "x?watch=1&timeoutSeconds=3600",
    "x%2f..%2f..%2fsecrets",
    "x#y",
    "x\r\nHost: elsewhere",
    "\u{202e}x",
    "",
];

fn actions() -> Vec<Action> {
    let vm = VmId::new(NAMESPACE, "vm").expect("a valid name");
    let import = ImportId::of(&vm, &Uid::new("x"), Slot::Cd, IMAGE);
    let insert = |slot, image: &str| {
        Action::InsertMedia(InsertMedia { slot, image: image_of(image), write_protected: true, credentials: None })
    };
    vec![
        Action::Power(PowerRequest::On),
        Action::Power(PowerRequest::ForceRestart),
        Action::EjectMedia(Slot::Cd),
        Action::EjectMedia(Slot::Usb),
        Action::EjectMedia(Slot::Http),
        insert(Slot::Cd, IMAGE),
        insert(Slot::Cd, "dv://disc"),
        insert(Slot::Usb, "pvc://disc"),
        Action::LeaveOutLostMedia { slot: Slot::Cd, image: IMAGE.into() },
        Action::LeaveOutMedia { slot: Slot::Cd, import: import.clone(), reason: "late".into() },
        Action::RemoveOrphan { import, made: UnixTime(0) },
        Action::ReplaceRun(Uid::new("x")),
        Action::RestoreBoot { booted: true, used_by: Uid::new("x") },
        Action::DropStaleNotes,
        Action::ResetFirmware,
        Action::SetImageTrust { slot: Slot::Cd, change: TrustChange::Verify(true) },
        Action::ExecutePendingPowerOn("0123456789abcdef".into()),
        Action::CancelPendingPowerOn("0123456789abcdef".into()),
    ]
}

/// The requests of a command on `vm`, and whether all of them are about the machine's namespace.
#[track_caller]
fn stays_at_home(world: &mut World, action: Action) {
    let said = format!("{action:?}");
    let command = world.command("vm", action, Duration::from_secs(20));
    let mut asked = Vec::new();
    let _ = world.carry_by(command, |sim, _, request| {
        asked.push(request.uri().to_string());
        sim.try_send(request).ok_or_else(crate::harness::cut)
    });
    for uri in asked {
        let cluster_wide =
            ["/apis/storage.k8s.io/v1/storageclasses", "/apis/cdi.kubevirt.io/v1beta1/storageprofiles/standard"];
        let at_home = uri.contains("/namespaces/lab/") && !uri.contains(['?', '#', '%']) && !uri.contains("..");
        let parts = uri.split('/').count();
        assert!(at_home && parts <= 9 || cluster_wide.contains(&&*uri), "{said}: {uri}");
    }
}

/// What a record of a medium may name, by all forms that there are.
fn records(name: &str) -> Vec<Value> {
    ["dataVolume", "existingDataVolume", "existingClaim"]
        .map(|holder| json!({ "image": IMAGE, "drive": "cd", holder: name }))
        .into()
}

#[test]
fn d8_a_medium_that_an_annotation_names_leads_nowhere_else() {
    for name in ELSEWHERE {
        for record in records(name) {
            for holder in ["dataVolume", "persistentVolumeClaim"] {
                let field = if holder == "dataVolume" { "name" } else { "claimName" };
                let mut world = World::new();
                world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
                for action in actions() {
                    world.sim.cluster.edit("virtualmachines", NAMESPACE, "vm", |machine| {
                        for slot in ["cd", "usb", "http"] {
                            machine["metadata"]["annotations"][format!("redfish.kubevirt.io/media-{slot}")] =
                                json!(record.to_string());
                        }
                        machine["spec"]["template"]["spec"]["volumes"] =
                            json!([{ "name": "cd", holder: { field: name } }]);
                    });
                    stays_at_home(&mut world, action);
                }
            }
        }
    }
}

#[test]
fn d8_what_was_left_out_by_an_annotation_leads_nowhere_else() {
    for name in ELSEWHERE {
        let mut world = World::new();
        world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
        world.sim.cluster.edit("virtualmachines", NAMESPACE, "vm", |machine| {
            let record = json!({ "image": IMAGE, "reason": "late", "claim": name });
            machine["metadata"]["annotations"]["redfish.kubevirt.io/media-left-out"] = json!(record.to_string());
        });
        for action in actions() {
            stays_at_home(&mut world, action);
        }
    }
}

/// Whoever may edit imports, or storage classes, names secrets and classes there.
#[test]
fn d8_what_an_import_or_a_class_names_leads_nowhere_else() {
    for name in ELSEWHERE {
        let mut world = World::new();
        world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
        world.run("vm", actions()[5].clone()).expect("inserted");
        let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].clone();
        let mut volumes = volumes.as_array().into_iter().flatten();
        let import = volumes.find_map(|volume| volume["dataVolume"]["name"].as_str()).expect("an import").to_owned();
        world.sim.cluster.edit("datavolumes", NAMESPACE, &import, |import| {
            import["spec"]["source"]["http"]["secretRef"] = json!(name);
            import["spec"]["source"]["http"]["certConfigMap"] = json!(name);
            import["metadata"]["annotations"]["redfish.kubevirt.io/virtual-machine"] = json!(name);
            import["metadata"]["annotations"]["redfish.kubevirt.io/claimed"] = json!(name);
            import["metadata"]["ownerReferences"] = json!([{ "kind": "VirtualMachine", "name": name, "uid": name }]);
        });
        world.sim.cluster.edit("storageclasses", "", "standard", |class| class["metadata"]["name"] = json!(name));
        for action in actions() {
            stays_at_home(&mut world, action);
        }
    }
}

/// What a server answers with may be another object than was asked for, such as the answer of a confused proxy.
#[test]
fn an_answer_about_another_object_is_none() {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
    world.run("vm", actions()[5].clone()).expect("inserted");
    let command = world.command("vm", Action::EjectMedia(Slot::Cd), Duration::from_secs(20));
    let mut deleted = Vec::new();
    let _ = world.carry_by(command, |sim, _, request| {
        let is_import = request.method() == http::Method::GET && request.uri().path().contains("/datavolumes/");
        if request.method() == http::Method::DELETE {
            deleted.push(request.uri().to_string());
        }
        let mut answer = sim.try_send(request).ok_or_else(crate::harness::cut)?;
        if is_import && answer.status().is_success() {
            let mut object: Value = serde_json::from_slice(answer.body()).expect("an object");
            object["metadata"]["name"] = json!("somebody-elses");
            *answer.body_mut() = object.to_string().into();
        }
        Ok(answer)
    });
    assert_eq!(deleted, Vec::<String>::new());
}

//! M4: what the service itself lacks, or cannot store, is told to clients as its own trouble and not as their mistake, without
//! a word of what the service is called in the cluster.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory::{self, request};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const SUBRESOURCES: &str = "subresources.kubevirt.io";

fn lab() -> World {
    let settings = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
    let cluster = ClusterConfig::new(KubevirtVersion::V1_9);
    let mut world = laboratory::world(cluster, laboratory::config(), settings, &[0]);
    laboratory::start(&mut world);
    world
}

fn send(world: &mut World, method: Method, path: &str, body: &Value) -> Response<Bytes> {
    world.send(0, request(method, path, Some(body))).expect("an answer")
}

/// It is 503 with when to try again and this message, and nothing of the cluster's own words.
#[track_caller]
fn is_own_trouble(response: &Response<Bytes>, key: &str) {
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(response.headers().contains_key("retry-after"), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    let messages = body["error"]["@Message.ExtendedInfo"].as_array().unwrap();
    let ids: Vec<&str> = messages.iter().map(|message| message["MessageId"].as_str().unwrap()).collect();
    assert!(ids.len() == 1 && ids[0].ends_with(key), "{ids:?}");
    for word in ["serviceaccount", "cannot", "quota", "forbidden"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_right_that_the_service_lacks_is_its_own_trouble() {
    let reset = format!("{NODE}/Actions/ComputerSystem.Reset");
    let insert = format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
    let patch = || Rule::new("patch", "kubevirt.io", "virtualmachines");
    let verb = |verb: &str| Rule::new("update", SUBRESOURCES, &format!("virtualmachines/{verb}"));
    let image = json!({ "Image": "https://images.example/boot.iso" });
    let cases = [
        (vec![patch()], Method::PATCH, NODE, json!({ "AssetTag": "x" })),
        (vec![patch()], Method::PATCH, NODE, json!({ "Boot": { "BootSourceOverrideTarget": "Pxe" } })),
        (vec![patch(), verb("start")], Method::POST, &reset, json!({ "ResetType": "On" })),
        (vec![Rule::new("get", "kubevirt.io", "virtualmachines")], Method::POST, &reset, json!({ "ResetType": "On" })),
        (
            vec![Rule::new("get", "kubevirt.io", "virtualmachineinstances")],
            Method::POST,
            &reset,
            json!({ "ResetType": "ForceOff" }),
        ),
        (vec![Rule::new("create", "cdi.kubevirt.io", "datavolumes")], Method::POST, &insert, image.clone()),
        (vec![patch()], Method::POST, &insert, image),
    ];
    for (rules, method, path, body) in cases {
        let world = &mut lab();
        world.cluster.forbid(rules);
        is_own_trouble(&send(world, method, path, &body), ".ServiceNotPermitted");
    }
}

#[test]
fn an_image_to_boot_from_that_the_service_may_not_fetch_is_its_own_trouble() {
    let world = &mut lab();
    let boot = json!({ "Boot": {
        "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once", "HttpBootUri": "http://images.example/a.iso",
    } });
    assert_eq!(send(world, Method::PATCH, NODE, &boot).status(), StatusCode::OK);
    world.cluster.forbid(vec![Rule::new("create", "cdi.kubevirt.io", "datavolumes")]);
    let path = format!("{NODE}/Actions/ComputerSystem.Reset");
    is_own_trouble(&send(world, Method::POST, &path, &json!({ "ResetType": "On" })), ".ServiceNotPermitted");
}

/// Admission plugins and webhooks that look for a right of the service put it in words of their own.
#[test]
fn a_right_is_known_by_who_lacks_it() {
    for (code, message) in [
        (
            403,
            "datavolumes.cdi.kubevirt.io \"x\" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a \
             resource you can't set finalizers on: no RBAC policy matched, <nil>",
        ),
        (
            422,
            "admission webhook \"datavolume-mutate.cdi.kubevirt.io\" denied the request: User \
             system:serviceaccount:kubevirt-redfish:kubevirt-redfish has insufficient permissions in clone source namespace a",
        ),
    ] {
        let world = &mut lab();
        let effect = FaultEffect::Status {
            code: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
            reason: "Forbidden".to_owned(),
            message: message.to_owned(),
        };
        world.cluster.inject(Fault::new(effect).method(Method::POST).path("/datavolumes"));
        let insert = format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
        let image = json!({ "Image": "https://images.example/boot.iso" });
        is_own_trouble(&send(world, Method::POST, &insert, &image), ".ServiceNotPermitted");
    }
}

#[test]
fn a_session_that_cannot_be_stored_is_the_services_trouble() {
    for (code, reason, message) in [
        (
            403,
            "Forbidden",
            "secrets \"x\" is forbidden: exceeded quota: few, requested: secrets=1, used: 9, limited: 9",
        ),
        (403, "Forbidden", "secrets \"x\" is forbidden: unable to create new content because it is being terminated"),
        (422, "Invalid", "admission webhook \"policy\" denied the request: a quota for secrets"),
        (413, "RequestEntityTooLarge", "limit is 3145728, forbidden"),
    ] {
        let world = &mut lab();
        let effect = FaultEffect::Status {
            code: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        world.cluster.inject(Fault::new(effect).path("/secrets").method(Method::POST));
        let log_in = json!({ "UserName": "admin", "Password": "secret" });
        let response = send(world, Method::POST, "/redfish/v1/SessionService/Sessions", &log_in);
        is_own_trouble(&response, ".NotStored");
        world.cluster.clear_faults();
        let response = send(world, Method::POST, "/redfish/v1/SessionService/Sessions", &log_in);
        assert_eq!(response.status(), StatusCode::CREATED);
    }
}

/// A form of the request that the API server does not take is none that a client has chosen.
#[test]
fn what_no_client_has_chosen_is_not_the_clients_mistake() {
    for code in [401, 402, 405, 406, 411, 415, 417, 431, 451] {
        let world = &mut lab();
        let effect = FaultEffect::Status {
            code: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
            reason: "Unknown".to_owned(),
            message: "no".to_owned(),
        };
        world.cluster.inject(Fault::new(effect).method(Method::PATCH).path("/virtualmachines/"));
        let status = send(world, Method::PATCH, NODE, &json!({ "AssetTag": "x" })).status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{code}");
    }
}

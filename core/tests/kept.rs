//! What the service keeps while the cluster does not answer, or does not let it: nothing that was answered is lost, and
//! what is not known is 503.
//!
//! D19 (an API server that is away at the start), D12 (the service's UUID), and replicas that disagreed after a right was
//! taken away and given back.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_core::{Notice, Role};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory::{self, account, chassis, ready};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const ACCOUNTS: &str = "/redfish/v1/AccountService/Accounts";
const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const CHASSIS: &str = "/redfish/v1/Chassis";
const OWN: &str = "kubevirt-redfish";
const DERIVED: &str = "6b0d1a1c-1111-8222-9333-abcdefabcdef";

fn world() -> World {
    let config = Config {
        chassis: vec![chassis("lab", "lab")],
        accounts: vec![account("admin", Role::Administrator, &["lab"])],
        service_uuid: DERIVED.to_owned(),
        ..Config::default()
    };
    let settings = Settings { own_namespace: Namespace::new(OWN), ..Settings::default() };
    World::new(ClusterConfig::new(KubevirtVersion::V1_9), config, settings)
}

fn started(replicas: usize) -> World {
    let mut world = world();
    for _ in 0..replicas {
        laboratory::start(&mut world);
    }
    world
}

fn basic(name: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}"))))
}

fn admin() -> (&'static str, String) {
    basic("admin", "secret")
}

fn token(token: &str) -> (&'static str, String) {
    ("x-auth-token", token.to_owned())
}

fn send(
    world: &mut World,
    replica: usize,
    method: Method,
    path: &str,
    who: Option<(&str, String)>,
    body: &Value,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some((name, value)) = who {
        request = request.header(name, value);
    }
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    world.send(replica, request.body(body).unwrap()).expect("an answer")
}

fn get(world: &mut World, replica: usize, path: &str, who: (&str, String)) -> Response<Bytes> {
    send(world, replica, Method::GET, path, Some(who), &Value::Null)
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn create(world: &mut World, replica: usize, name: &str) -> Response<Bytes> {
    let body = json!({ "UserName": name, "Password": "Password1234", "RoleId": "Operator" });
    send(world, replica, Method::POST, ACCOUNTS, Some(admin()), &body)
}

fn log_in(world: &mut World, replica: usize, name: &str, password: &str) -> Response<Bytes> {
    send(world, replica, Method::POST, SESSIONS, None, &json!({ "UserName": name, "Password": password }))
}

fn opened(world: &mut World, replica: usize, name: &str, password: &str) -> String {
    let response = log_in(world, replica, name, password);
    assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
    response.headers()["x-auth-token"].to_str().unwrap().to_owned()
}

fn subscribe(world: &mut World, replica: usize) -> Response<Bytes> {
    let body = json!({ "Destination": "https://10.0.0.9/", "Protocol": "Redfish" });
    send(world, replica, Method::POST, SUBSCRIPTIONS, Some(admin()), &body)
}

fn uuid(world: &mut World, replica: usize) -> Value {
    json_of(&send(world, replica, Method::GET, "/redfish/v1/", None, &Value::Null))["UUID"].clone()
}

/// What a document says.
fn document(world: &World, name: &str) -> Value {
    let secret = world.cluster.object("secrets", OWN, &format!("kubevirt-redfish-{name}")).expect("a document");
    serde_json::from_slice(&BASE64_STANDARD.decode(secret["data"]["content"].as_str().unwrap()).unwrap()).unwrap()
}

fn secrets_are_away(world: &mut World) {
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/secrets").times(u32::MAX));
}

/// D19: an account that was answered 201 was replaced when the document was listed; sessions got 401.
#[test]
fn what_has_not_been_read_is_neither_there_nor_not_there() {
    let world = &mut started(1);
    assert_eq!(create(world, 0, "eve").status(), StatusCode::CREATED);
    let session = opened(world, 0, "eve", "Password1234");
    assert_eq!(subscribe(world, 0).status(), StatusCode::CREATED);
    secrets_are_away(world);
    world.restart(0);
    // For as long as it takes.
    for _ in 0..5 {
        world.advance(Duration::from_mins(10));
        assert_eq!(get(world, 0, CHASSIS, admin()).status(), StatusCode::OK, "the configuration is known");
        let eve = || basic("eve", "Password1234");
        let patch = json!({ "AccountLockoutThreshold": 3 });
        let timeout = json!({ "SessionTimeout": 60 });
        let network = "/redfish/v1/Managers/x/NetworkProtocol";
        for response in [
            get(world, 0, CHASSIS, token(&session)),
            get(world, 0, CHASSIS, eve()),
            get(world, 0, CHASSIS, basic("nobody", "wrong")),
            create(world, 0, "bob"),
            log_in(world, 0, "admin", "secret"),
            log_in(world, 0, "eve", "Password1234"),
            get(world, 0, ACCOUNTS, admin()),
            get(world, 0, &format!("{ACCOUNTS}/eve"), admin()),
            get(world, 0, "/redfish/v1/AccountService", admin()),
            send(world, 0, Method::PATCH, "/redfish/v1/AccountService", Some(admin()), &patch),
            send(world, 0, Method::DELETE, &format!("{ACCOUNTS}/eve"), Some(admin()), &Value::Null),
            get(world, 0, SESSIONS, admin()),
            send(world, 0, Method::PATCH, "/redfish/v1/SessionService", Some(admin()), &timeout),
            get(world, 0, SUBSCRIPTIONS, admin()),
            get(world, 0, &format!("{SUBSCRIPTIONS}?$expand=."), admin()),
            get(world, 0, "/redfish/v1?$expand=.($levels=2)", admin()),
            subscribe(world, 0),
        ] {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{response:?}");
            assert!(response.headers().contains_key("retry-after"));
        }
        assert_ne!(get(world, 0, network, admin()).status(), StatusCode::OK);
        assert_eq!(get(world, 0, "/redfish/v1/AccountService/Roles", admin()).status(), StatusCode::OK);
        assert!(!world.notices(0).contains(&Notice::DocumentsInMemory), "nothing is kept in memory");
    }
    world.cluster.clear_faults();
    world.advance(Duration::from_mins(2));
    assert_eq!(get(world, 0, CHASSIS, token(&session)).status(), StatusCode::UNAUTHORIZED, "it ended meanwhile");
    assert_eq!(get(world, 0, CHASSIS, basic("eve", "Password1234")).status(), StatusCode::OK);
    assert_eq!(json_of(&get(world, 0, SUBSCRIPTIONS, admin()))["Members@odata.count"], 1);
    assert_eq!(create(world, 0, "bob").status(), StatusCode::CREATED);
    world.restart(0);
    ready(world, 0);
    assert_eq!(get(world, 0, CHASSIS, basic("bob", "Password1234")).status(), StatusCode::OK);
}

#[test]
fn a_session_goes_on_after_an_outage_at_the_start() {
    let world = &mut started(2);
    let session = opened(world, 0, "admin", "secret");
    secrets_are_away(world);
    world.restart(0);
    world.advance(Duration::from_mins(5));
    assert_eq!(get(world, 0, CHASSIS, token(&session)).status(), StatusCode::SERVICE_UNAVAILABLE);
    world.cluster.clear_faults();
    world.advance(Duration::from_mins(1));
    assert_eq!(get(world, 0, CHASSIS, token(&session)).status(), StatusCode::OK);
}

/// D19's kind: what was made while the right was missing was replaced by what had been stored before.
#[test]
fn what_was_made_without_the_right_to_store_it_is_stored_with_it() {
    for missing in [
        vec![Rule::new("*", "", "secrets").in_namespace(OWN)],
        vec![Rule::new("patch", "", "secrets"), Rule::new("create", "", "secrets")],
    ] {
        let reads = missing.len() == 2;
        let world = &mut started(2);
        assert_eq!(create(world, 0, "before").status(), StatusCode::CREATED);
        assert_eq!(create(world, 0, "deleted").status(), StatusCode::CREATED);
        let before = opened(world, 0, "admin", "secret");
        let logged_out = opened(world, 0, "admin", "secret");
        world.advance(Duration::from_secs(5));
        world.cluster.forbid(missing);
        // The second replica has seen nothing of what is stored, or has.
        world.restart(1);
        world.advance(Duration::from_mins(1));
        let mut tokens = vec![before];
        for replica in [0, 1] {
            assert_eq!(create(world, replica, &format!("made-{replica}")).status(), StatusCode::CREATED);
            assert_eq!(subscribe(world, replica).status(), StatusCode::CREATED);
            tokens.push(opened(world, replica, "admin", "secret"));
            tokens.push(opened(world, replica, &format!("made-{replica}"), "Password1234"));
        }
        let deleted = send(world, 0, Method::DELETE, &format!("{ACCOUNTS}/deleted"), Some(admin()), &Value::Null);
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        let session = json_of(&get(world, 0, &format!("{SESSIONS}?$expand=."), admin()));
        let id = logged_out.get(..16).unwrap();
        assert!(session.to_string().contains(id));
        let ended = send(world, 0, Method::DELETE, &format!("{SESSIONS}/{id}"), Some(token(&logged_out)), &Value::Null);
        assert_eq!(ended.status(), StatusCode::NO_CONTENT);
        world.advance(Duration::from_mins(1));
        // From here on nobody changes anything: what there is has to be stored, and agreed on, by itself.
        world.cluster.forbid(Vec::new());
        world.advance(Duration::from_mins(5));
        for uri in [ACCOUNTS, SESSIONS, SUBSCRIPTIONS] {
            let [one, other] = [0, 1].map(|replica| get(world, replica, uri, admin()));
            assert_eq!(json_of(&one), json_of(&other), "{uri}");
            assert_eq!(one.headers()["etag"], other.headers()["etag"], "{uri}");
        }
        world.restart(0);
        ready(world, 0);
        for replica in [0, 1] {
            let accounts = get(world, replica, &format!("{ACCOUNTS}?$expand=."), admin());
            let names = json_of(&accounts)["Members"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["UserName"].clone())
                .collect::<Vec<_>>();
            assert_eq!(names, ["admin", "before", "made-0", "made-1"], "{reads}");
            for (index, session) in tokens.iter().enumerate() {
                let status = get(world, replica, CHASSIS, token(session)).status();
                assert_eq!(status, StatusCode::OK, "{reads} {replica} {index}");
            }
            assert_eq!(get(world, replica, CHASSIS, token(&logged_out)).status(), StatusCode::UNAUTHORIZED);
            assert_eq!(json_of(&get(world, replica, SUBSCRIPTIONS, admin()))["Members@odata.count"], 2);
            for name in ["made-0", "made-1"] {
                assert_eq!(get(world, replica, CHASSIS, basic(name, "Password1234")).status(), StatusCode::OK);
            }
        }
        assert_eq!(document(world, "accounts")["accounts"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn changes_of_one_account_at_two_replicas_that_cannot_store_them_are_both_made() {
    let world = &mut started(2);
    let uri = create(world, 0, "eve").headers()["location"].to_str().unwrap().to_owned();
    world.advance(Duration::from_secs(5));
    world.cluster.forbid(vec![Rule::new("patch", "", "secrets")]);
    for (replica, change) in [(0, json!({ "RoleId": "ReadOnly" })), (1, json!({ "Password": "Another-1" }))] {
        assert_eq!(send(world, replica, Method::PATCH, &uri, Some(admin()), &change).status(), StatusCode::OK);
    }
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_mins(5));
    for replica in [0, 1] {
        assert_eq!(json_of(&get(world, replica, &uri, admin()))["RoleId"], "ReadOnly");
        assert_eq!(get(world, replica, CHASSIS, basic("eve", "Another-1")).status(), StatusCode::OK);
        assert_eq!(get(world, replica, CHASSIS, basic("eve", "Password1234")).status(), StatusCode::UNAUTHORIZED);
    }
}

/// D12: the UUID was another one if the API server was away at the start.
#[test]
fn the_service_has_one_uuid_for_ever() {
    let world = &mut started(2);
    world.advance(Duration::from_secs(5));
    let known = uuid(world, 0);
    assert!(known.is_string() && known != DERIVED, "{known}");
    assert_eq!(uuid(world, 1), known);
    for away in [false, true] {
        if away {
            secrets_are_away(world);
        }
        world.restart(0);
        world.advance(Duration::from_mins(5));
        assert_eq!(uuid(world, 0), if away { Value::Null } else { known.clone() }, "not known is not told");
        assert_eq!(uuid(world, 1), known);
        world.cluster.clear_faults();
        world.advance(Duration::from_mins(1));
        assert_eq!(uuid(world, 0), known);
    }
    // Removed by hand, or by an older release that does not know of it.
    world.cluster.edit("secrets", OWN, "kubevirt-redfish-accounts", |secret| {
        secret["data"]["content"] = json!(BASE64_STANDARD.encode("{}"));
    });
    world.advance(Duration::from_secs(5));
    assert_eq!((uuid(world, 0), uuid(world, 1)), (known.clone(), known.clone()));
    assert_eq!(document(world, "accounts")["service_uuid"], known);
    world.cluster.delete("secrets", OWN, "kubevirt-redfish-accounts");
    world.advance(Duration::from_secs(5));
    assert_eq!(uuid(world, 0), known);
}

#[test]
fn replicas_that_start_together_agree_on_a_uuid() {
    let world = &mut world();
    for _ in 0..3 {
        world.start();
    }
    for replica in 0..3 {
        ready(world, replica);
    }
    world.advance(Duration::from_secs(5));
    let uuids = [0, 1, 2].map(|replica| uuid(world, replica));
    assert!(uuids.iter().all(|uuid| *uuid == uuids[0] && uuid.is_string()), "{uuids:?}");
}

#[test]
fn without_the_right_to_keep_a_uuid_it_is_the_same_for_the_same_configuration() {
    let world = &mut world();
    world.cluster.forbid(vec![Rule::new("*", "", "secrets").in_namespace(OWN)]);
    for replica in 0..2 {
        laboratory::start(world);
        assert_eq!(uuid(world, replica), DERIVED);
    }
    world.restart(0);
    ready(world, 0);
    assert_eq!(uuid(world, 0), DERIVED);
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_mins(5));
    assert_eq!((uuid(world, 0), uuid(world, 1)), (json!(DERIVED), json!(DERIVED)), "what was told stays");
    assert_eq!(document(world, "accounts")["service_uuid"], DERIVED);
}

//! Accounts and sessions over the simulated cluster: what survives restarts, what other replicas know, and what
//! happens when the cluster does not let the service keep anything.

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
const OWN: &str = "kubevirt-redfish";

/// A cluster without machines, and a service that may keep documents in its own namespace.
fn world() -> World {
    let config = Config {
        chassis: [("lab", "lab"), ("other", "vms")].map(|(name, namespace)| chassis(name, namespace)).to_vec(),
        accounts: vec![
            account("admin", Role::Administrator, &["lab", "other"]),
            account("tenant", Role::Administrator, &["other"]),
        ],
        ..Config::default()
    };
    let settings = Settings { own_namespace: Namespace::new(OWN), ..Settings::default() };
    World::new(ClusterConfig::new(KubevirtVersion::V1_9), config, settings)
}

/// The same with that many replicas that are ready.
fn started(replicas: usize) -> World {
    let mut world = world();
    for _ in 0..replicas {
        laboratory::start(&mut world);
    }
    world
}

enum Who<'a> {
    Nobody,
    User(&'a str, &'a str),
    Token(&'a str),
}

const ADMIN: Who<'static> = Who::User("admin", "secret");

fn request(method: &Method, path: &str, who: &Who<'_>, body: Option<&Value>) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    match who {
        Who::Nobody => {}
        Who::User(name, password) => {
            let credentials = BASE64_STANDARD.encode(format!("{name}:{password}"));
            request = request.header("authorization", format!("Basic {credentials}"));
        }
        Who::Token(token) => request = request.header("x-auth-token", *token),
    }
    request.body(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default()).unwrap()
}

fn send(
    world: &mut World,
    replica: usize,
    method: &Method,
    path: &str,
    who: &Who<'_>,
    body: Option<&Value>,
) -> Response<Bytes> {
    world.send(replica, request(method, path, who, body)).expect("an answer")
}

fn status(world: &mut World, replica: usize, method: &Method, path: &str, who: &Who<'_>) -> StatusCode {
    send(world, replica, method, path, who, None).status()
}

fn get(world: &mut World, replica: usize, path: &str, who: &Who<'_>) -> Value {
    let response = send(world, replica, &Method::GET, path, who, None);
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    serde_json::from_slice(response.body()).unwrap()
}

/// Opens a session; its token and URI.
fn log_in(world: &mut World, replica: usize, user_name: &str, password: &str) -> (String, String) {
    let body = json!({ "UserName": user_name, "Password": password });
    let response = send(world, replica, &Method::POST, SESSIONS, &Who::Nobody, Some(&body));
    assert_eq!(response.status(), StatusCode::CREATED, "{}", String::from_utf8_lossy(response.body()));
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    (header("x-auth-token"), header("location"))
}

fn create(world: &mut World, replica: usize, user_name: &str, password: &str, role: &str) -> Response<Bytes> {
    let body = json!({ "UserName": user_name, "Password": password, "RoleId": role });
    send(world, replica, &Method::POST, ACCOUNTS, &ADMIN, Some(&body))
}

#[test]
fn a_session_survives_restarts_and_is_known_to_every_replica() {
    let world = &mut started(2);
    let (token, uri) = log_in(world, 0, "admin", "secret");
    // At once, before the other replica has seen the document.
    assert_eq!(status(world, 1, &Method::GET, "/redfish/v1/Chassis", &Who::Token(&token)), StatusCode::OK);
    world.advance(Duration::from_secs(5));
    assert_eq!(get(world, 1, &uri, &Who::Token(&token))["UserName"], "admin");
    for replica in [0, 1] {
        world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/secrets").times(1));
        world.restart(replica);
        // Before the document has been read nobody can be told that their session is not there.
        let early = world.begin(replica, request(&Method::GET, "/redfish/v1/Chassis", &Who::Token(&token), None));
        assert_eq!(world.response(early).map(|response| response.status()), Some(StatusCode::SERVICE_UNAVAILABLE));
        ready(world, replica);
        assert_eq!(status(world, replica, &Method::GET, &uri, &Who::Token(&token)), StatusCode::OK);
    }
    assert_eq!(status(world, 0, &Method::DELETE, &uri, &Who::Token(&token)), StatusCode::NO_CONTENT);
    assert_eq!(status(world, 0, &Method::GET, &uri, &Who::Token(&token)), StatusCode::UNAUTHORIZED);
    world.advance(Duration::from_secs(5));
    assert_eq!(status(world, 1, &Method::GET, &uri, &Who::Token(&token)), StatusCode::UNAUTHORIZED);
    assert_eq!(status(world, 1, &Method::GET, &uri, &ADMIN), StatusCode::NOT_FOUND);
    world.restart(1);
    ready(world, 1);
    assert_eq!(status(world, 1, &Method::GET, &uri, &Who::Token(&token)), StatusCode::UNAUTHORIZED);
}

#[test]
fn a_session_that_ended_at_once_is_refused_by_a_replica_that_never_saw_it_begin() {
    let world = &mut started(2);
    let (first, _) = log_in(world, 0, "admin", "secret");
    world.advance(Duration::from_secs(5));
    let (token, uri) = log_in(world, 0, "admin", "secret");
    assert_eq!(status(world, 0, &Method::DELETE, &uri, &Who::Token(&token)), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(1));
    assert_eq!(status(world, 1, &Method::GET, "/redfish/v1/Chassis", &Who::Token(&token)), StatusCode::UNAUTHORIZED);
    assert_eq!(status(world, 1, &Method::GET, "/redfish/v1/Chassis", &Who::Token(&first)), StatusCode::OK);
}

#[test]
fn use_at_one_replica_keeps_a_session_alive_at_the_other() {
    let world = &mut started(2);
    let (token, _) = log_in(world, 0, "admin", "secret");
    let chassis = "/redfish/v1/Chassis";
    for _ in 0..6 {
        world.advance(Duration::from_secs(1_000));
        assert_eq!(status(world, 0, &Method::GET, chassis, &Who::Token(&token)), StatusCode::OK);
    }
    world.advance(Duration::from_secs(1_000));
    assert_eq!(status(world, 1, &Method::GET, chassis, &Who::Token(&token)), StatusCode::OK, "use at the first counts");
    world.advance(Duration::from_secs(1_000));
    assert_eq!(status(world, 0, &Method::GET, chassis, &Who::Token(&token)), StatusCode::OK, "and the other way round");
    world.advance(Duration::from_secs(1_801));
    for replica in [0, 1] {
        let expired = status(world, replica, &Method::GET, chassis, &Who::Token(&token));
        assert_eq!(expired, StatusCode::UNAUTHORIZED);
    }
    // What has ended goes out of the document in the end.
    world.advance(Duration::from_mins(30));
    assert_eq!(document(world, "sessions")["sessions"], json!([]));
}

#[test]
fn sessions_that_are_used_all_the_time_are_written_now_and_then() {
    let world = &mut started(1);
    let (token, _) = log_in(world, 0, "admin", "secret");
    let version = |world: &World| {
        let secret = world.cluster.object("secrets", OWN, "kubevirt-redfish-sessions").unwrap();
        secret["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    };
    let mut versions = std::collections::BTreeSet::new();
    for _ in 0..1_800 {
        world.advance(Duration::from_secs(1));
        assert_eq!(status(world, 0, &Method::GET, "/redfish/v1/Chassis", &Who::Token(&token)), StatusCode::OK);
        versions.insert(version(world));
    }
    assert!(versions.len() <= 9, "{} writings in half an hour", versions.len());
}

#[test]
fn many_log_ins_at_once_are_stored_together() {
    let world = &mut started(2);
    let body = json!({ "UserName": "admin", "Password": "secret" });
    let exchanges: Vec<_> = (0..100)
        .map(|number| world.begin(number % 2, request(&Method::POST, SESSIONS, &Who::Nobody, Some(&body))))
        .collect();
    world.advance(Duration::from_secs(20));
    let mut tokens = std::collections::BTreeSet::new();
    for exchange in exchanges {
        let response = world.response(exchange).expect("an answer");
        assert_eq!(response.status(), StatusCode::CREATED);
        tokens.insert(response.headers()["x-auth-token"].to_str().unwrap().to_owned());
    }
    assert_eq!(tokens.len(), 100);
    for replica in [0, 1] {
        assert_eq!(get(world, replica, SESSIONS, &ADMIN)["Members@odata.count"], 100);
        for token in &tokens {
            assert_eq!(status(world, replica, &Method::GET, "/redfish/v1/Chassis", &Who::Token(token)), StatusCode::OK);
        }
    }
}

#[test]
fn an_account_may_not_have_any_number_of_sessions() {
    let world = &mut started(1);
    for _ in 0..256 {
        log_in(world, 0, "admin", "secret");
    }
    let body = json!({ "UserName": "admin", "Password": "secret" });
    let refused = send(world, 0, &Method::POST, SESSIONS, &Who::Nobody, Some(&body));
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(refused.body()).contains("SessionLimitExceeded"));
    assert!(refused.headers().contains_key("retry-after"));
    log_in(world, 0, "tenant", "secret");
}

#[test]
fn without_the_right_to_keep_documents_they_are_kept_in_memory() {
    let mut world = world();
    world.cluster.forbid(vec![Rule::new("*", "", "secrets").in_namespace(OWN)]);
    let world = &mut world;
    world.start();
    ready(world, 0);
    let (token, _) = log_in(world, 0, "admin", "secret");
    assert_eq!(create(world, 0, "eve", "Password1234", "ReadOnly").status(), StatusCode::CREATED);
    world.advance(Duration::from_mins(10));
    assert_eq!(status(world, 0, &Method::GET, "/redfish/v1/Chassis", &Who::Token(&token)), StatusCode::OK);
    let eve = Who::User("eve", "Password1234");
    assert_eq!(status(world, 0, &Method::GET, "/redfish/v1/Chassis", &eve), StatusCode::OK);
    assert_eq!(world.notices(0), [Notice::DocumentsInMemory], "said once");
    // As soon as the right is given, what is known is stored with the next change.
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_mins(10));
    log_in(world, 0, "eve", "Password1234");
    assert_eq!(document(world, "sessions")["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn the_right_to_read_alone_does_not_keep_anyone_from_logging_in() {
    let mut world = world();
    world.cluster.forbid(vec![Rule::new("create", "", "secrets"), Rule::new("patch", "", "secrets")]);
    let world = &mut world;
    world.start();
    ready(world, 0);
    let (token, _) = log_in(world, 0, "admin", "secret");
    assert_eq!(status(world, 0, &Method::GET, "/redfish/v1/Chassis", &Who::Token(&token)), StatusCode::OK);
    assert_eq!(world.notices(0), [Notice::DocumentsInMemory]);
}

#[test]
fn accounts_are_stored_without_their_passwords_and_survive_restarts() {
    let world = &mut started(2);
    let created = create(world, 0, "eve", "Password1234", "Operator");
    assert_eq!(created.status(), StatusCode::CREATED);
    let uri = created.headers()["location"].to_str().unwrap().to_owned();
    let secret = world.cluster.object("secrets", OWN, "kubevirt-redfish-accounts").unwrap();
    assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "kubevirt-redfish");
    assert_eq!(document(world, "accounts")["accounts"][0]["hash"], "hash:Password1234", "as the runtime hashed it");
    world.advance(Duration::from_secs(2));
    let before = get(world, 0, &uri, &ADMIN);
    assert_eq!(get(world, 1, &uri, &ADMIN), before, "the same on every replica, down to the entity tag");
    world.restart(0);
    ready(world, 0);
    assert_eq!(get(world, 0, &uri, &Who::User("eve", "Password1234")), before);
    assert_eq!(status(world, 0, &Method::DELETE, &uri, &ADMIN), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(2));
    let eve = Who::User("eve", "Password1234");
    assert_eq!(status(world, 1, &Method::GET, "/redfish/v1/Chassis", &eve), StatusCode::UNAUTHORIZED);
}

#[test]
fn of_many_conditional_changes_at_once_one_wins() {
    let world = &mut started(2);
    let uri = create(world, 0, "eve", "Password1234", "Operator").headers()["location"].to_str().unwrap().to_owned();
    world.advance(Duration::from_secs(2));
    let etag = get(world, 0, &uri, &ADMIN)["@odata.etag"].as_str().unwrap().to_owned();
    let exchanges: Vec<_> = (0..8)
        .map(|number| {
            // The same change by all, so that nobody can tell by the content who made it.
            let mut request = request(&Method::PATCH, &uri, &ADMIN, Some(&json!({ "Enabled": false })));
            request.headers_mut().insert("if-match", etag.parse().unwrap());
            world.begin(number % 2, request)
        })
        .collect();
    world.advance(Duration::from_secs(20));
    let mut statuses: Vec<_> =
        exchanges.into_iter().map(|id| world.response(id).expect("an answer").status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[test]
fn a_change_that_nobody_sees_has_one_winner_too() {
    let world = &mut started(2);
    let uri = create(world, 0, "eve", "Password1234", "Operator").headers()["location"].to_str().unwrap().to_owned();
    world.advance(Duration::from_secs(2));
    let etag = get(world, 1, &uri, &ADMIN)["@odata.etag"].as_str().unwrap().to_owned();
    let exchanges: Vec<_> = (0..4)
        .map(|number| {
            let body = json!({ "Password": format!("Password-{number}") });
            let mut request = request(&Method::PATCH, &uri, &ADMIN, Some(&body));
            request.headers_mut().insert("if-match", etag.parse().unwrap());
            world.begin(number % 2, request)
        })
        .collect();
    world.advance(Duration::from_secs(20));
    let statuses: Vec<_> =
        exchanges.into_iter().map(|id| world.response(id).expect("an answer").status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 200).unwrap();
    for number in 0..4 {
        let password = format!("Password-{number}");
        let expected = if number == winner { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(status(world, 0, &Method::GET, &uri, &Who::User("eve", &password)), expected);
    }
}

#[test]
fn changes_of_different_accounts_at_different_replicas_do_not_undo_each_other() {
    let world = &mut started(2);
    let exchanges: Vec<_> = (0..20)
        .map(|number| {
            let body =
                json!({ "UserName": format!("user-{number}"), "Password": "Password1234", "RoleId": "ReadOnly" });
            world.begin(number % 2, request(&Method::POST, ACCOUNTS, &ADMIN, Some(&body)))
        })
        .collect();
    // One name twice: one of them gets it.
    let twice: Vec<_> = (0..2)
        .map(|replica| {
            let body = json!({ "UserName": "twice", "Password": "Password1234", "RoleId": "ReadOnly" });
            world.begin(replica, request(&Method::POST, ACCOUNTS, &ADMIN, Some(&body)))
        })
        .collect();
    world.advance(Duration::from_secs(30));
    for exchange in exchanges {
        assert_eq!(world.response(exchange).expect("an answer").status(), StatusCode::CREATED);
    }
    let mut statuses: Vec<_> =
        twice.into_iter().map(|id| world.response(id).expect("an answer").status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
    assert_eq!(get(world, 0, ACCOUNTS, &ADMIN), get(world, 1, ACCOUNTS, &ADMIN));
    assert_eq!(get(world, 0, ACCOUNTS, &ADMIN)["Members@odata.count"], 23);
}

#[test]
fn a_cluster_that_does_not_answer_changes_nothing_and_says_so() {
    let world = &mut started(1);
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("kubevirt-redfish-").times(u32::MAX));
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).method(Method::POST).path("/secrets").times(u32::MAX));
    let refused = create(world, 0, "eve", "Password1234", "Operator");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(world, 0, ACCOUNTS, &ADMIN)["Members@odata.count"], 2);
    world.cluster.clear_faults();
    assert_eq!(create(world, 0, "eve", "Password1234", "Operator").status(), StatusCode::CREATED);
}

#[test]
fn a_cluster_that_stumbles_is_tried_again() {
    let world = &mut started(1);
    for fault in [
        FaultEffect::unavailable(),
        FaultEffect::conflict(),
        FaultEffect::too_many_requests(1),
        FaultEffect::internal_error("etcdserver: leader changed"),
    ] {
        world.cluster.inject(Fault::new(fault).path("/secrets").times(1));
    }
    assert_eq!(create(world, 0, "eve", "Password1234", "Operator").status(), StatusCode::CREATED);
    assert_eq!(get(world, 0, ACCOUNTS, &ADMIN)["Members@odata.count"], 3);
}

#[test]
fn a_document_that_makes_no_sense_is_not_overwritten() {
    let world = &mut started(1);
    create(world, 0, "eve", "Password1234", "Operator");
    let content = BASE64_STANDARD.encode("{\"accounts\": 7}");
    world
        .cluster
        .edit("secrets", OWN, "kubevirt-redfish-accounts", |secret| secret["data"]["content"] = json!(content));
    world.advance(Duration::from_secs(2));
    assert_eq!(create(world, 0, "bob", "Password1234", "Operator").status(), StatusCode::SERVICE_UNAVAILABLE);
    let eve = Who::User("eve", "Password1234");
    assert_eq!(status(world, 0, &Method::GET, "/redfish/v1/Chassis", &eve), StatusCode::OK, "what was known counts on");
    let secret = world.cluster.object("secrets", OWN, "kubevirt-redfish-accounts").unwrap();
    assert_eq!(secret["data"]["content"], json!(content));
    // Once it is removed, what is known is stored again.
    world.cluster.delete("secrets", OWN, "kubevirt-redfish-accounts");
    world.advance(Duration::from_secs(2));
    assert_eq!(create(world, 0, "bob", "Password1234", "Operator").status(), StatusCode::CREATED);
    assert_eq!(document(world, "accounts")["accounts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_lock_is_known_to_every_replica_and_ends_by_itself() {
    let world = &mut started(2);
    create(world, 0, "eve", "Password1234", "Operator");
    world.advance(Duration::from_secs(2));
    let (wrong, right) = (Who::User("eve", "wrong"), Who::User("eve", "Password1234"));
    for _ in 0..10 {
        assert_eq!(status(world, 0, &Method::GET, "/redfish/v1/Chassis", &wrong), StatusCode::UNAUTHORIZED);
    }
    world.advance(Duration::from_secs(2));
    for replica in [0, 1] {
        let locked = status(world, replica, &Method::GET, "/redfish/v1/Chassis", &right);
        assert_eq!(locked, StatusCode::UNAUTHORIZED, "replica {replica}");
        assert_eq!(get(world, replica, &format!("{ACCOUNTS}/eve"), &ADMIN)["Locked"], true);
    }
    world.advance(Duration::from_mins(1));
    assert_eq!(status(world, 1, &Method::GET, "/redfish/v1/Chassis", &right), StatusCode::OK);
    assert_eq!(get(world, 1, &format!("{ACCOUNTS}/eve"), &ADMIN)["Locked"], false);
}

#[test]
fn a_new_account_of_an_old_name_does_not_inherit_sessions() {
    let world = &mut started(1);
    create(world, 0, "eve", "Password1234", "Operator");
    let (token, _) = log_in(world, 0, "eve", "Password1234");
    let chassis = "/redfish/v1/Chassis";
    assert_eq!(status(world, 0, &Method::GET, chassis, &Who::Token(&token)), StatusCode::OK);
    assert_eq!(status(world, 0, &Method::DELETE, &format!("{ACCOUNTS}/eve"), &ADMIN), StatusCode::NO_CONTENT);
    assert_eq!(status(world, 0, &Method::GET, chassis, &Who::Token(&token)), StatusCode::UNAUTHORIZED);
    create(world, 0, "eve", "Password1234", "Administrator");
    assert_eq!(status(world, 0, &Method::GET, chassis, &Who::Token(&token)), StatusCode::UNAUTHORIZED);
}

/// What a document says.
fn document(world: &World, name: &str) -> Value {
    let secret = world.cluster.object("secrets", OWN, &format!("kubevirt-redfish-{name}")).expect("a document");
    let content = BASE64_STANDARD.decode(secret["data"]["content"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&content).unwrap()
}

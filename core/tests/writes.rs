//! One path for every write: whatever can be written is looked for among all that the service has, and whoever asks is
//! looked at again when the body is there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::Step;
use kubevirt_redfish_fixtures::crawl::crawl;
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::{Value, json};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const ACCOUNTS: &str = "/redfish/v1/AccountService/Accounts";
const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";

/// Every method that writes, and what it may be sent to; each name stands as `*`.
const WRITABLE: &[&str] = &[
    "DELETE AccountService/Accounts/*",
    "DELETE EventService/Subscriptions/*",
    "DELETE SessionService/Sessions/*",
    "DELETE TaskService/Tasks/*",
    "PATCH AccountService",
    "PATCH AccountService/Accounts/*",
    "PATCH EventService/Subscriptions/*",
    "PATCH Managers/*",
    "PATCH Managers/*/NetworkProtocol",
    "PATCH SessionService",
    "PATCH Systems/*",
    "PATCH Systems/*/Bios/Settings",
    "PATCH Systems/*/BootOptions/*",
    "PATCH Systems/*/SecureBoot",
    "PATCH Systems/*/VirtualMedia/*",
    "POST AccountService/Accounts",
    "POST EventService/Actions/EventService.SubmitTestEvent",
    "POST EventService/Actions/EventService.TestEventSubscription",
    "POST EventService/Subscriptions",
    "POST EventService/Subscriptions/*/Actions/EventDestination.ResumeSubscription",
    "POST EventService/Subscriptions/*/Actions/EventDestination.SuspendSubscription",
    "POST Managers/*/Actions/Manager.Reset",
    "POST SessionService/Sessions",
    "POST Systems/*/Actions/ComputerSystem.Reset",
    "POST Systems/*/Bios/Actions/Bios.ResetBios",
    "POST Systems/*/VirtualMedia/*/Actions/VirtualMedia.EjectMedia",
    "POST Systems/*/VirtualMedia/*/Actions/VirtualMedia.InsertMedia",
    "POST Systems/*/VirtualMedia/*/Certificates",
];

type Header = (&'static str, String);

fn basic(user_name: &str, password: &str) -> Header {
    ("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{user_name}:{password}"))))
}

fn head(method: &Method, uri: &str, headers: &[Header]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(()).unwrap()
}

fn send(stub: &mut StubCluster, method: &Method, uri: &str, headers: &[Header], body: &Value) -> Response<Bytes> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    stub.request(head(method, uri, headers).map(|()| body)).expect("an answer at once")
}

fn location(response: &Response<Bytes>) -> String {
    assert!(response.status().is_success(), "{response:?}");
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// A service that has something of everything: an account and a session of hers, a subscription, a task.
struct House {
    stub: StubCluster,
    account: String,
    session: String,
    token: Header,
}

fn house() -> House {
    let mut stub = StubCluster::new();
    let all = basic("all", "secret");
    let eve = json!({ "UserName": "eve", "Password": "Password1", "RoleId": "Administrator" });
    let account = location(&send(&mut stub, &Method::POST, ACCOUNTS, std::slice::from_ref(&all), &eve));
    let log_in = json!({ "UserName": "eve", "Password": "Password1" });
    let opened = send(&mut stub, &Method::POST, SESSIONS, &[], &log_in);
    let token = ("x-auth-token", opened.headers()["x-auth-token"].to_str().unwrap().to_owned());
    let push = json!({ "Destination": "https://192.0.2.1/events", "Protocol": "Redfish", "Context": "c" });
    location(&send(&mut stub, &Method::POST, SUBSCRIPTIONS, std::slice::from_ref(&all), &push));
    let at_once = ("prefer", "respond-async".to_owned());
    location(&send(&mut stub, &Method::POST, RESET, &[all, at_once], &json!({ "ResetType": "On" })));
    House { stub, account, session: location(&opened), token }
}

/// Every write that the service allows, one for each kind of resource, action and method.
fn writes() -> BTreeMap<String, (Method, String)> {
    let mut house = house();
    let mut uris = BTreeSet::new();
    for (uri, page) in crawl(&mut house.stub, "all") {
        targets(&page.body, &mut uris);
        uris.insert(uri);
    }
    let mut writes = BTreeMap::new();
    for uri in uris {
        let options = send(&mut house.stub, &Method::OPTIONS, &uri, &[basic("all", "secret")], &Value::Null);
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            if options.headers()["allow"].to_str().unwrap().split(", ").any(|allowed| allowed == method.as_str()) {
                writes.insert(format!("{method} {}", pattern(&uri)), (method, uri.clone()));
            }
        }
    }
    writes
}

fn targets(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("target").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| targets(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| targets(value, found)),
        _ => {}
    }
}

/// A URI without the names of what there happens to be.
fn pattern(uri: &str) -> String {
    const COLLECTIONS: &[&str] = &[
        "Accounts",
        "BootOptions",
        "Certificates",
        "Managers",
        "Sessions",
        "Subscriptions",
        "Systems",
        "TaskMonitors",
        "Tasks",
        "VirtualMedia",
    ];
    let segments: Vec<&str> = uri.trim_start_matches("/redfish/v1/").split('/').collect();
    let named = |index: usize| index > 0 && COLLECTIONS.contains(&segments[index - 1]);
    let shown = segments.iter().enumerate().map(|(index, segment)| if named(index) { "*" } else { segment });
    shown.collect::<Vec<_>>().join("/")
}

/// Whether anything was handed to the cluster or to a receiver of events.
fn is_done(stub: &StubCluster) -> bool {
    stub.log.iter().any(|line| line.starts_with("command") || line.starts_with("deliver"))
}

#[test]
fn what_can_be_written_is_known() {
    let found: Vec<String> = writes().into_keys().collect();
    assert_eq!(found, WRITABLE);
}

/// D5: who was removed, logged out, disabled or demoted between head and body of a request changes nothing, whatever it
/// is that can be written.
#[test]
fn who_asks_is_looked_at_again_when_the_body_is_there_whatever_is_written() {
    let disabled = json!({ "Enabled": false });
    let demoted = json!({ "RoleId": "ReadOnly" });
    for (name, (method, uri)) in writes() {
        if name == "POST SessionService/Sessions" || method == Method::DELETE {
            continue;
        }
        for (what, change, expected) in [
            ("account", None, StatusCode::UNAUTHORIZED),
            ("session", None, StatusCode::UNAUTHORIZED),
            ("account", Some(&disabled), StatusCode::UNAUTHORIZED),
            ("account", Some(&demoted), StatusCode::FORBIDDEN),
        ] {
            let House { mut stub, account, session, token } = house();
            let (exchange, step) = stub.begin(head(&method, &uri, &[token]));
            assert!(matches!(step, Step::ReadBody { .. }), "{name}: {step:?}");
            let target = if what == "session" { session } else { account };
            let method = if change.is_some() { Method::PATCH } else { Method::DELETE };
            let body = change.cloned().unwrap_or_default();
            let removed = send(&mut stub, &method, &target, &[basic("all", "secret")], &body);
            assert!(removed.status().is_success(), "{removed:?}");
            stub.log.clear();
            let answer = stub.drive(exchange, step, &Bytes::from_static(b"{}")).expect("an answer");
            assert_eq!((answer.status(), is_done(&stub)), (expected, false), "{name}: {what} {change:?}");
        }
    }
}

/// A deletion waits for no body, so there is nobody to look at again; who may not make it is told at once.
#[test]
fn a_deletion_waits_for_no_body() {
    for (name, (_, uri)) in writes().into_iter().filter(|(_, (method, _))| *method == Method::DELETE) {
        let House { mut stub, account, token, .. } = house();
        let (_, step) = stub.begin(head(&Method::DELETE, &uri, std::slice::from_ref(&token)));
        assert!(!matches!(step, Step::ReadBody { .. }), "{name}: {step:?}");
        let all = [basic("all", "secret")];
        assert_eq!(send(&mut stub, &Method::DELETE, &account, &all, &Value::Null).status(), StatusCode::NO_CONTENT);
        assert_eq!(send(&mut stub, &Method::DELETE, &uri, &[token], &Value::Null).status(), StatusCode::UNAUTHORIZED);
    }
}

/// D5: a log-in has its credentials in its body: what counts is the account as it is when that is there.
#[test]
fn a_log_in_is_judged_by_the_account_as_it_is_when_the_body_is_there() {
    for change in [None, Some(json!({ "Enabled": false })), Some(json!({ "Password": "Password2" }))] {
        let House { mut stub, account, .. } = house();
        let (exchange, step) = stub.begin(head(&Method::POST, SESSIONS, &[]));
        assert!(matches!(step, Step::ReadBody { .. }), "{step:?}");
        let method = if change.is_some() { Method::PATCH } else { Method::DELETE };
        let all = [basic("all", "secret")];
        let removed = send(&mut stub, &method, &account, &all, &change.clone().unwrap_or_default());
        assert!(removed.status().is_success(), "{removed:?}");
        let body = json!({ "UserName": "eve", "Password": "Password1" });
        let answer = stub.drive(exchange, step, &Bytes::from(body.to_string())).expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{change:?}");
        assert!(!answer.headers().contains_key("x-auth-token"), "{change:?}");
    }
}

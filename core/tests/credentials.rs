//! When credentials count, and which ones: nothing is judged that is not needed, and what was proved when a request
//! began is proved again when its body is there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::config::{ChassisName, Config};
use kubevirt_redfish_core::model::{Caller, Permission};
use kubevirt_redfish_core::service::Input;
use kubevirt_redfish_core::{Exchange, Step};
use kubevirt_redfish_fixtures::stub::{StubCluster, config};
use serde_json::{Value, json};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const ACCOUNTS: &str = "/redfish/v1/AccountService/Accounts";
const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";

fn basic(user_name: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{user_name}:{password}"))))
}

fn request(method: &Method, uri: &str, headers: &[(&str, String)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(()).unwrap()
}

fn send(
    stub: &mut StubCluster,
    method: &Method,
    uri: &str,
    headers: &[(&str, String)],
    body: &Value,
) -> Response<Bytes> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    stub.request(request(method, uri, headers).map(|()| body)).expect("an answer at once")
}

/// Opens a session; its token.
fn log_in(stub: &mut StubCluster, user_name: &str, password: &str) -> (String, String) {
    let body = json!({ "UserName": user_name, "Password": password });
    let response = send(stub, &Method::POST, SESSIONS, &[], &body);
    assert_eq!(response.status(), StatusCode::CREATED);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    (header("x-auth-token"), header("location"))
}

/// What no request may prove anything with.
fn worthless(stub: &mut StubCluster) -> Vec<Vec<(&'static str, String)>> {
    let (dead, session) = log_in(stub, "admin", "secret");
    let admin = [basic("admin", "secret")];
    assert_eq!(send(stub, &Method::DELETE, &session, &admin, &Value::Null).status(), StatusCode::NO_CONTENT);
    let token = |token: &str| ("x-auth-token", token.to_owned());
    let authorization = |value: &str| ("authorization", value.to_owned());
    vec![
        vec![token(&dead)],
        vec![token("")],
        vec![token("\u{e4}")],
        vec![token(&"f".repeat(10_000))],
        vec![basic("admin", "wrong")],
        vec![basic("nobody", "wrong")],
        // Its hash takes long to compute.
        vec![basic("hashed", "wrong")],
        vec![authorization("Basic")],
        vec![authorization("Basic %%%")],
        vec![authorization("Digest username=\"admin\"")],
        vec![authorization("")],
        vec![authorization("Bearer abc")],
        vec![token(&dead), basic("admin", "wrong")],
        vec![token(&dead), token("again")],
        vec![basic("admin", "wrong"), basic("admin", "secret")],
    ]
}

/// F2, K10: what DSP0266 and the privilege map give to everyone is given whatever credentials come along.
#[test]
fn what_needs_no_credentials_is_answered_whatever_credentials_there_are() {
    let mut stub = StubCluster::new();
    stub.handle(Input::Configured(Box::new(Config { bearer_tokens: true, ..config() })));
    let worthless = worthless(&mut stub);
    stub.log.clear();
    let documents = ["/redfish", "/redfish/v1", "/redfish/v1/odata", "/redfish/v1/$metadata"];
    for (path, slash) in documents.into_iter().flat_map(|path| [(path, ""), (path, "/")]) {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let uri = format!("{path}{slash}");
            let free = send(&mut stub, &method, &uri, &[], &Value::Null);
            assert!(free.status().is_success(), "{method} {uri}");
            for credentials in &worthless {
                let answer = send(&mut stub, &method, &uri, credentials, &Value::Null);
                assert_eq!(answer.status(), free.status(), "{method} {uri} {credentials:?}");
                assert_eq!(answer.headers(), free.headers(), "{method} {uri} {credentials:?}");
                assert_eq!(answer.body(), free.body(), "{method} {uri} {credentials:?}");
            }
        }
    }
    for uri in [SESSIONS, &format!("{SESSIONS}/"), &format!("{SESSIONS}/Members"), &format!("{SESSIONS}/Members/")] {
        for credentials in &worthless {
            let body = json!({ "UserName": "admin", "Password": "secret" });
            let answer = send(&mut stub, &Method::POST, uri, credentials, &body);
            assert_eq!(answer.status(), StatusCode::CREATED, "{uri} {credentials:?}");
            // Each account may have some, and no more.
            let session = answer.headers()["location"].to_str().unwrap().to_owned();
            send(&mut stub, &Method::DELETE, &session, &[basic("admin", "secret")], &Value::Null);
            let wrong = json!({ "UserName": "tenant", "Password": "wrong" });
            if uri == SESSIONS && credentials.len() == 2 {
                let answer = send(&mut stub, &Method::POST, uri, credentials, &wrong);
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{credentials:?}");
            }
        }
    }
    let slow = stub.log.iter().filter(|line| line.starts_with("verify") || line.starts_with("review")).count();
    assert!(slow <= 4, "no time is spent on credentials that nobody needs: {:?}", stub.log);
}

/// Where they are needed they count, in every form.
#[test]
fn what_needs_credentials_is_refused_to_whoever_has_none_that_count() {
    let mut stub = StubCluster::new();
    let worthless = worthless(&mut stub);
    for credentials in &worthless {
        // Nobody is locked out here for guessing.
        stub.advance(Duration::from_mins(10));
        for (method, uri) in [
            (Method::GET, NODE),
            (Method::HEAD, "/redfish/v1/Systems"),
            (Method::GET, SESSIONS),
            (Method::POST, "/redfish/v1"),
            (Method::GET, "/redfish/v1/nothing"),
            // What is brought in from elsewhere has to be shown to someone.
            (Method::GET, "/redfish/v1?$expand=."),
            (Method::GET, "/redfish/v1?%24expand=*"),
        ] {
            let status = send(&mut stub, &method, uri, credentials, &Value::Null).status();
            let twice = credentials.len() > 1 && credentials.iter().all(|(name, _)| *name == credentials[0].0);
            let expected = if twice { StatusCode::BAD_REQUEST } else { StatusCode::UNAUTHORIZED };
            assert_eq!(status, expected, "{method} {uri} {credentials:?}");
        }
    }
}

/// A client that polls what anyone may read is using its session all the same.
#[test]
fn a_session_goes_on_while_it_is_used_for_what_needs_none() {
    let mut stub = StubCluster::new();
    let (token, _) = log_in(&mut stub, "admin", "secret");
    let token = [("x-auth-token", token)];
    for _ in 0..4 {
        stub.advance(Duration::from_mins(20));
        assert_eq!(send(&mut stub, &Method::GET, "/redfish/v1", &token, &Value::Null).status(), StatusCode::OK);
    }
    assert_eq!(send(&mut stub, &Method::GET, NODE, &token, &Value::Null).status(), StatusCode::OK);
}

/// A write of each kind: the machine's, the account's, the session's, a subscription's, a certificate's, an event's.
fn writes() -> Vec<(Method, &'static str, Value)> {
    let certificate = kubevirt_redfish_fixtures::stub::certificate(1);
    vec![
        (Method::POST, "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset", json!({ "ResetType": "On" })),
        (Method::PATCH, NODE, json!({ "AssetTag": "7" })),
        (Method::PATCH, "/redfish/v1/Systems/lab.node-0/Bios/Settings", json!({ "Attributes": { "CpuCores": 4 } })),
        (Method::PATCH, "/redfish/v1/Systems/lab.node-0/SecureBoot", json!({ "SecureBootEnable": true })),
        (
            Method::POST,
            "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
            json!({ "Image": "http://images.example/a.iso" }),
        ),
        (
            Method::POST,
            "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Certificates",
            json!({ "CertificateString": certificate, "CertificateType": "PEM" }),
        ),
        (Method::POST, "/redfish/v1/Managers/lab.node-0/Actions/Manager.Reset", json!({ "ResetType": "ForceRestart" })),
        (Method::POST, ACCOUNTS, json!({ "UserName": "mallory", "Password": "0123456789", "RoleId": "ReadOnly" })),
        (Method::PATCH, "/redfish/v1/AccountService", json!({ "AccountLockoutThreshold": 7 })),
        (Method::PATCH, "/redfish/v1/SessionService", json!({ "SessionTimeout": 600 })),
        (
            Method::POST,
            SUBSCRIPTIONS,
            json!({ "Destination": "https://192.0.2.1/events", "Protocol": "Redfish", "Context": "c" }),
        ),
        (
            Method::POST,
            "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent",
            json!({ "MessageId": "ResourceEvent.1.4.ResourceChanged" }),
        ),
    ]
}

/// Someone who may do everything, and their request as far as its body.
struct Held {
    stub: StubCluster,
    exchange: Exchange,
    step: Step,
    body: Bytes,
    account: String,
    session: Option<String>,
}

/// `with` is what the request is proved with: `token` or `password`.
fn hold(with: &str, (method, uri, body): &(Method, &'static str, Value)) -> Held {
    let mut stub = StubCluster::new();
    let new = json!({ "UserName": "eve", "Password": "Password1", "RoleId": "Administrator" });
    let made = send(&mut stub, &Method::POST, ACCOUNTS, &[basic("all", "secret")], &new);
    assert_eq!(made.status(), StatusCode::CREATED);
    let account = made.headers()["location"].to_str().unwrap().to_owned();
    let (credentials, session) = match with {
        "token" => {
            let (token, session) = log_in(&mut stub, "eve", "Password1");
            (("x-auth-token", token), Some(session))
        }
        _ => (basic("eve", "Password1"), None),
    };
    // The password is right, and known to be.
    assert_eq!(
        send(&mut stub, &Method::GET, NODE, std::slice::from_ref(&credentials), &Value::Null).status(),
        StatusCode::OK
    );
    let (exchange, step) = stub.begin(request(method, uri, &[credentials]));
    assert!(matches!(step, Step::ReadBody { .. }), "{method} {uri}: {step:?}");
    stub.log.clear();
    Held { stub, exchange, step, body: Bytes::from(body.to_string()), account, session }
}

impl Held {
    /// The body is there: the answer, and whether anything was done.
    fn finish(mut self) -> (Option<StatusCode>, bool) {
        let response = self.stub.drive(self.exchange, self.step, &self.body);
        let done = self.stub.log.iter().any(|line| line.starts_with("command") || line.starts_with("deliver"));
        (response.map(|response| response.status()), done)
    }
}

/// D5: an account that was removed, disabled or given another password, and a session that was ended, between the head
/// and the body of a request, can do nothing any more, whatever the request is.
#[test]
fn who_was_removed_while_the_body_was_on_its_way_changes_nothing() {
    let admin = [basic("all", "secret")];
    let removals: [(&str, &str, Option<Value>); 6] = [
        ("token", "account", None),
        ("token", "session", None),
        ("token", "account", Some(json!({ "Enabled": false }))),
        ("token", "account", Some(json!({ "Password": "Password2" }))),
        ("password", "account", None),
        ("password", "account", Some(json!({ "Password": "Password2" }))),
    ];
    for write in writes() {
        for (with, what, change) in &removals {
            let mut held = hold(with, &write);
            let target = if *what == "session" { held.session.clone().unwrap() } else { held.account.clone() };
            let (method, body) = match change {
                Some(change) => (Method::PATCH, change.clone()),
                None => (Method::DELETE, Value::Null),
            };
            let removed = send(&mut held.stub, &method, &target, &admin, &body);
            assert!(removed.status().is_success(), "{removed:?}");
            held.stub.log.clear();
            let about = format!("{} {} by {with}, {what} {change:?}", write.0, write.1);
            assert_eq!(held.finish(), (Some(StatusCode::UNAUTHORIZED), false), "{about}");
        }
        // And without any of that it is done, or handed in.
        for with in ["token", "password"] {
            let (status, _) = hold(with, &write).finish();
            assert!(status.is_none_or(|status| status.is_success()), "{write:?} {status:?}");
        }
    }
}

/// D5: so does a role that no longer suffices, and a chassis that is no longer theirs.
#[test]
fn who_may_less_when_the_body_is_there_is_refused() {
    for write in writes() {
        for with in ["token", "password"] {
            let mut held = hold(with, &write);
            let demoted = json!({ "RoleId": "ReadOnly" });
            let answer =
                send(&mut held.stub, &Method::PATCH, &held.account.clone(), &[basic("all", "secret")], &demoted);
            assert_eq!(answer.status(), StatusCode::OK);
            held.stub.log.clear();
            assert_eq!(held.finish(), (Some(StatusCode::FORBIDDEN), false), "{write:?}");
        }
    }
    for write in writes().into_iter().filter(|(_, uri, _)| uri.contains("lab.node-0")) {
        let mut stub = StubCluster::new();
        let (exchange, step) = stub.begin(request(&write.0, write.1, &[basic("admin", "secret")]));
        let mut config = config();
        for account in config.accounts.iter_mut().filter(|account| account.user_name == "admin") {
            account.chassis = vec![ChassisName::new("other").unwrap()];
        }
        stub.handle(Input::Configured(Box::new(config)));
        stub.log.clear();
        let response = stub.drive(exchange, step, &Bytes::from(write.2.to_string())).expect("an answer");
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{write:?}");
        assert!(stub.log.is_empty(), "{:?}", stub.log);
    }
}

/// D5: what the cluster said of a token does not outlive itself: it is asked again, and what it then says counts.
#[test]
fn a_token_that_is_no_longer_reviewed_is_reviewed_again_when_the_body_is_there() {
    let jane = |permission| Caller {
        name: "jane".into(),
        groups: Vec::new(),
        permissions: [("lab".into(), permission)].into(),
    };
    let (method, uri, body) = writes().swap_remove(0);
    for (said, expected) in [
        (None, Some(StatusCode::UNAUTHORIZED)),
        (Some(jane(Permission::See)), Some(StatusCode::FORBIDDEN)),
        // It is handed in.
        (Some(jane(Permission::Operate)), None),
    ] {
        let mut stub = StubCluster::new();
        stub.handle(Input::Configured(Box::new(Config { bearer_tokens: true, ..config() })));
        let bearer = [("authorization", "Bearer abc".to_owned())];
        let first = stub.request(request(&Method::GET, NODE, &bearer).map(|()| Bytes::new()));
        assert!(first.is_none());
        assert_eq!(stub.vouch(Ok(Some(jane(Permission::Operate))))[0].status(), StatusCode::OK);
        let (exchange, step) = stub.begin(request(&method, uri, &bearer));
        assert!(matches!(step, Step::ReadBody { .. }));
        stub.advance(Duration::from_mins(10));
        stub.log.clear();
        assert!(stub.drive(exchange, step, &Bytes::from(body.to_string())).is_none(), "it is asked again");
        let answers = stub.vouch(Ok(said));
        assert_eq!(answers.first().map(Response::status), expected);
        assert_eq!(stub.log.iter().any(|line| line.starts_with("command")), expected.is_none(), "{:?}", stub.log);
    }
}

/// Where tokens are not taken, nothing that looks like one is shown to the cluster; where they are, no other password is.
#[test]
fn only_what_looks_like_a_token_is_shown_to_the_cluster() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln";
    for (bearer_tokens, password, shown) in
        [(false, token, false), (true, "wrong", false), (true, "my.wrong.password", false), (true, token, true)]
    {
        for body in [Value::Null, json!({ "UserName": "admin", "Password": password })] {
            let mut stub = StubCluster::new();
            stub.handle(Input::Configured(Box::new(Config { bearer_tokens, ..config() })));
            let request = if body.is_null() {
                request(&Method::GET, NODE, &[basic("admin", password)]).map(|()| Bytes::new())
            } else {
                request(&Method::POST, SESSIONS, &[]).map(|()| Bytes::from(body.to_string()))
            };
            let answer = stub.request(request);
            assert_eq!(answer.is_none(), shown, "{password}: {answer:?}");
            assert_eq!(stub.reviews.len(), usize::from(shown), "{password}");
        }
    }
}

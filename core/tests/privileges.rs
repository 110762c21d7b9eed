//! Who may do what, for everything that a client can find and every method: one table, to be read by a human eye.
//!
//! The rows are found by following links from the service root as somebody who sees everything, and by knowing how else
//! a resource can be called; of what there are many, one. Each cell is what a service in its first state answers to the
//! request with the body `{}`. `accepted` is a request that waits for the cluster; 400 is one that was let through and
//! had nothing in it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::model::{Caller, ImportState, Permission};
use kubevirt_redfish_core::service::Input;
use kubevirt_redfish_fixtures::crawl::crawl;
use kubevirt_redfish_fixtures::stub::{self, StubCluster};
use serde_json::Value;

/// In the stub's configuration: nobody; a reader of `rack`; an operator, and one who may only change accounts, of
/// `lab`; an administrator of both; one of everything; and one of `other`, who sees none of what the rows are about.
///
/// By a token that the cluster vouches for: who sees, operates, and imports images into the namespace `lab`, where both
/// `lab` and `rack` are; one who does the last in the namespace `other`; and one who operates that one and sees `lab`.
const USERS: [&str; 12] = [
    "nobody",
    "viewer",
    "operator",
    "registrar",
    "admin",
    "all",
    "tenant",
    "+see",
    "+operate",
    "+import",
    "+other",
    "+mixed",
];

const METHODS: [&str; 5] = ["GET", "PATCH", "POST", "PUT", "DELETE"];

/// The machine that the rows are about, in `lab` and `rack`.
const MACHINE: &str = "/redfish/v1/Systems/lab.node-1";

/// What no link leads to, or what is worth more than one row of its kind.
const BESIDES: [&str; 8] = [
    "/redfish",
    "/redfish/v1/odata",
    "/redfish/v1/$metadata",
    "/redfish/v1/Nonsense",
    "/redfish/v1/AccountService/Accounts/operator",
    // A stored one of `lab` that may do nothing but look.
    "/redfish/v1/AccountService/Accounts/stored",
    "/redfish/v1/AccountService/Roles/Registrar",
    "/redfish/v1/EventService/Subscriptions/none",
];

#[test]
fn who_may_do_what() {
    let mut table = format!("{:6} {:90}", "", "");
    for user in USERS {
        write!(table, " {user:>9}").unwrap();
    }
    let mut stub = None;
    for path in paths() {
        for method in METHODS {
            write!(table, "\n{method:6} {path:90}").unwrap();
            for user in USERS {
                write!(table, " {:>9}", answer(&mut stub, method, &path, user)).unwrap();
            }
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

/// What is there and is another tenant's, and what is not there at all, cannot be told apart.
#[test]
fn what_is_foreign_is_not_there() {
    let mut stub = None;
    for path in paths().iter().filter(|path| path.contains("lab.node-1")) {
        for method in METHODS {
            for user in USERS.into_iter().filter(|user| !["all", "tenant", "+other", "+mixed"].contains(user)) {
                let foreign = answer(&mut stub, method, &path.replace("lab.node-1", "other.node-0"), user);
                let missing = answer(&mut stub, method, &path.replace("lab.node-1", "other.nothing"), user);
                assert_eq!(foreign, missing, "{method} {path} as {user}");
                assert!(["401", "404", "405"].contains(&&*foreign), "{method} {path} as {user}: {foreign}");
            }
        }
    }
}

/// Every path that has a row.
fn paths() -> BTreeSet<String> {
    let mut stub = furnished();
    let pages = crawl(&mut stub, "all");
    let mut found: BTreeSet<String> = pages.keys().cloned().collect();
    let mut members = BTreeSet::new();
    let mut collections = BTreeSet::new();
    for (uri, page) in &pages {
        named(&page.body, &mut found);
        for member in page.body.get("Members").and_then(Value::as_array).into_iter().flatten() {
            members.extend(member.get("@odata.id").and_then(Value::as_str).map(ToOwned::to_owned));
            collections.insert(uri.clone());
        }
    }
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for uri in found {
        let row = rows.entry(kind_of(&uri, &members)).or_insert_with(|| uri.clone());
        // Of several the one of the machine that everyone who is no stranger sees.
        if uri.contains("lab.node-1") && !row.contains("lab.node-1") {
            *row = uri;
        }
    }
    let mut paths: BTreeSet<String> = rows.into_values().collect();
    let aliases: Vec<String> = paths
        .iter()
        .flat_map(|path| {
            let of_machine = path.strip_prefix(MACHINE);
            let by_chassis = of_machine.map(|rest| format!("/redfish/v1/Chassis/rack/Systems/node-1{rest}"));
            let of_media = of_machine.filter(|rest| rest.starts_with("/VirtualMedia"));
            let by_manager = of_media.map(|rest| format!("/redfish/v1/Managers/lab.node-1{rest}"));
            let posted_to = ["Accounts", "Sessions", "Subscriptions"];
            let is_posted_to = posted_to.iter().any(|name| path.ends_with(name));
            let by_members = is_posted_to.then(|| format!("{path}/Members"));
            by_chassis.into_iter().chain(by_manager).chain(by_members)
        })
        .collect();
    paths.extend(aliases);
    paths.extend(BESIDES.map(ToOwned::to_owned));
    paths
}

/// A path with a star in the place of each member of a collection.
fn kind_of(uri: &str, members: &BTreeSet<String>) -> String {
    let mut kind = String::new();
    let mut so_far = String::new();
    for segment in uri.split('/').skip(1) {
        write!(so_far, "/{segment}").unwrap();
        write!(kind, "/{}", if members.contains(&so_far) { "*" } else { segment }).unwrap();
    }
    kind
}

/// What a resource names without linking to it: targets of actions, monitors of tasks, the stream of events.
fn named(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match (name.as_str(), value) {
                    ("target" | "TaskMonitor" | "ServerSentEventUri", Value::String(uri)) => {
                        found.insert(uri.clone());
                    }
                    (_, value) => named(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| named(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A service that has something of everything.
fn furnished() -> StubCluster {
    let mut stub = StubCluster::new();
    stub.handle(Input::Configured(Box::new(Config { bearer_tokens: true, ..stub::config() })));
    let stored = r#"{"UserName": "stored", "Password": "Password1234", "RoleId": "ReadOnly"}"#;
    let log_in = r#"{"UserName": "operator", "Password": "secret"}"#;
    let subscription = r#"{"Destination": "https://10.0.0.9/", "Protocol": "Redfish"}"#;
    for (path, user, body) in [
        ("/redfish/v1/AccountService/Accounts", "hashed", stored),
        ("/redfish/v1/SessionService/Sessions", "nobody", log_in),
        ("/redfish/v1/EventService/Subscriptions", "admin", subscription),
    ] {
        let made = send(&mut stub, "POST", path, user, body).unwrap();
        assert_eq!(made.status(), 201, "{path}");
    }
    let insert = format!("{MACHINE}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
    assert!(send(&mut stub, "POST", &insert, "admin", r#"{"Image": "http://images.example/boot.iso"}"#).is_none());
    stub.complete(Ok(kubevirt_redfish_core::model::Completion::default()));
    stub.import("lab.node-1", Some(ImportState::Running { percent: Some(7) }));
    stub
}

/// What comes of a request to a furnished service. One that refuses is used again, since it is as it was.
fn answer(kept: &mut Option<StubCluster>, method: &str, path: &str, user: &str) -> String {
    let mut stub = kept.take().unwrap_or_else(furnished);
    let before = (read(&mut stub, path), stub.commands.len());
    let Some(response) = send(&mut stub, method, path, user, "{}") else { return "accepted".to_owned() };
    if response.status().is_client_error() {
        let after = (read(&mut stub, path), stub.commands.len());
        assert!(before == after, "{method} {path} as {user}: refused, and changed something");
        *kept = Some(stub);
    } else if method == "GET" && !path.ends_with("/SSE") {
        *kept = Some(stub);
    }
    response.status().as_u16().to_string()
}

/// How somebody who sees everything sees a resource.
fn read(stub: &mut StubCluster, path: &str) -> Option<Bytes> {
    if path.ends_with("/SSE") {
        return None;
    }
    send(stub, "GET", path, "all", "").map(Response::into_body)
}

fn send(stub: &mut StubCluster, method: &str, path: &str, user: &str, body: &'static str) -> Option<Response<Bytes>> {
    let request = Request::builder().method(method).uri(path);
    let request = match user {
        "nobody" => request,
        external if external.starts_with('+') => {
            let token = external.replace('+', "token-of-");
            request.header("authorization", format!("Bearer {token}"))
        }
        user => {
            let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:secret"));
            request.header("authorization", format!("Basic {credentials}"))
        }
    };
    let response = stub.request(request.body(Bytes::from_static(body.as_bytes())).unwrap());
    if stub.reviews.is_empty() {
        return response;
    }
    stub.vouch(Ok(Some(caller(user)))).pop()
}

/// What the cluster says of whom it vouches for.
fn caller(user: &str) -> Caller {
    let permissions = match user {
        "+see" => vec![("lab".into(), Permission::See)],
        "+operate" => vec![("lab".into(), Permission::Operate)],
        "+import" => vec![("lab".into(), Permission::Import)],
        "+other" => vec![("other".into(), Permission::Import)],
        "+mixed" => vec![("lab".into(), Permission::See), ("other".into(), Permission::Operate)],
        other => panic!("{other}"),
    };
    Caller { name: user.into(), groups: Vec::new(), permissions }
}

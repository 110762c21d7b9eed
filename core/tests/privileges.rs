//! Who may do what, for every kind of resource and every method: one table, to be read by a human eye.
//!
//! Each cell is what a service in its first state answers to the request with the body `{}`. `accepted` is a request
//! that waits for the cluster; 400 is one that was let through and had nothing in it.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use http::Request;
use kubevirt_redfish_fixtures::desk::Desk;

/// In the desk's configuration: nobody; a reader of `rack`; an operator, and one who may only change accounts, of
/// `lab`; an administrator of both; one of everything; and one of `other`, who sees none of what the rows are about.
const USERS: [&str; 7] = ["nobody", "viewer", "operator", "registrar", "admin", "all", "tenant"];

const METHODS: [&str; 5] = ["GET", "PATCH", "POST", "PUT", "DELETE"];

const PATHS: &[&str] = &[
    "/redfish",
    "/redfish/v1",
    "/redfish/v1/odata",
    "/redfish/v1/$metadata",
    "/redfish/v1/Nonsense",
    "/redfish/v1/Systems",
    // In `lab` and `rack`.
    "/redfish/v1/Systems/lab.node-1",
    "/redfish/v1/Systems/lab.node-1/Actions/ComputerSystem.Reset",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia/Cd",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia/Usb",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia/Usb/Actions/VirtualMedia.InsertMedia",
    "/redfish/v1/Systems/lab.node-1/VirtualMedia/Usb/Actions/VirtualMedia.EjectMedia",
    "/redfish/v1/Chassis",
    "/redfish/v1/Chassis/rack",
    "/redfish/v1/Chassis/rack/Systems",
    "/redfish/v1/Chassis/rack/Systems/node-1",
    "/redfish/v1/Managers",
    "/redfish/v1/Systems/lab.node-1/EthernetInterfaces",
    "/redfish/v1/Systems/lab.node-1/EthernetInterfaces/default",
    "/redfish/v1/Systems/lab.node-1/Processors",
    "/redfish/v1/Systems/lab.node-1/Memory",
    "/redfish/v1/Systems/lab.node-1/Storage",
    "/redfish/v1/Managers/lab.node-1",
    "/redfish/v1/Managers/lab.node-1/Actions/Manager.Reset",
    "/redfish/v1/Managers/lab.node-1/NetworkProtocol",
    "/redfish/v1/Registries",
    "/redfish/v1/JsonSchemas",
    "/redfish/v1/UpdateService",
    "/redfish/v1/UpdateService/FirmwareInventory",
    "/redfish/v1/CertificateService",
    "/redfish/v1/TaskService",
    "/redfish/v1/TaskService/Tasks",
    "/redfish/v1/EventService",
    "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent",
    "/redfish/v1/EventService/Subscriptions",
    "/redfish/v1/EventService/Subscriptions/none",
    "/redfish/v1/SessionService",
    "/redfish/v1/SessionService/Sessions",
    // The operator's, opened before.
    "{session}",
    "/redfish/v1/AccountService",
    "/redfish/v1/AccountService/Accounts",
    "/redfish/v1/AccountService/Accounts/operator",
    // A stored one of `lab` that may do nothing but look.
    "/redfish/v1/AccountService/Accounts/stored",
    "/redfish/v1/AccountService/Roles",
    "/redfish/v1/AccountService/Roles/Administrator",
    "/redfish/v1/AccountService/Roles/Registrar",
];

#[test]
fn who_may_do_what() {
    let mut table = format!("{:6} {:80}", "", "");
    for user in USERS {
        write!(table, " {user:>9}").unwrap();
    }
    for path in PATHS {
        for method in METHODS {
            write!(table, "\n{method:6} {path:80}").unwrap();
            for user in USERS {
                write!(table, " {:>9}", answer(method, path, user)).unwrap();
            }
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

fn answer(method: &str, path: &str, user: &str) -> String {
    let mut desk = Desk::new();
    send(
        &mut desk,
        "POST",
        "/redfish/v1/AccountService/Accounts",
        "hashed",
        r#"{"UserName": "stored", "Password": "Password1234", "RoleId": "ReadOnly"}"#,
    );
    let session = send(
        &mut desk,
        "POST",
        "/redfish/v1/SessionService/Sessions",
        "nobody",
        r#"{"UserName": "operator", "Password": "secret"}"#,
    );
    let session = session.unwrap().headers()["location"].to_str().unwrap().to_owned();
    let path = path.replace("{session}", &session);
    let before = send(&mut desk, "GET", &path, "all", "").map(http::Response::into_body);
    let response = send(&mut desk, method, &path, user, "{}");
    let Some(response) = response else { return "accepted".to_owned() };
    if response.status().is_client_error() {
        assert!(desk.commands.is_empty(), "{method} {path} as {user}: refused, and sent a command");
        let after = send(&mut desk, "GET", &path, "all", "").map(http::Response::into_body);
        assert_eq!(before, after, "{method} {path} as {user}: refused, and changed something");
    }
    response.status().as_u16().to_string()
}

fn send(desk: &mut Desk, method: &str, path: &str, user: &str, body: &'static str) -> Option<http::Response<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    if user != "nobody" {
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:secret"));
        request = request.header("authorization", format!("Basic {credentials}"));
    }
    desk.request(request.body(Bytes::from_static(body.as_bytes())).unwrap())
}

//! Preconditions: what a client has read is protected, and nothing else stands in its way.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::model::{BootEnabled, BootOverride, BootTarget, Indicator, Phase, PowerRestore};
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::stub::StubCluster;
use kubevirt_redfish_fixtures::world::World;
use lab::{NODE, VERSIONS, lab, reset};
use serde_json::{Value, json};

const ADMIN: (&str, &str) = ("authorization", "Basic YWxsOnNlY3JldA==");
const FOREIGN: &str = "\"0123456789abcdef\"";

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &Value) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(uri).header(ADMIN.0, ADMIN.1);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    request.body(body).unwrap()
}

fn read(stub: &mut StubCluster, method: &str, uri: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    stub.request(request(method, uri, headers, &Value::Null)).expect("an answer at once")
}

fn tag(stub: &mut StubCluster, uri: &str) -> String {
    read(stub, "GET", uri, &[]).headers()["etag"].to_str().unwrap().to_owned()
}

/// What came of a write: its status, or that it was handed in.
fn write(
    stub: &mut StubCluster,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<StatusCode, ()> {
    stub.request(request(method, uri, headers, body)).map(|response| response.status()).ok_or(())
}

fn succeeded(outcome: Result<StatusCode, ()>) -> bool {
    outcome.is_err() || outcome.is_ok_and(|status| status.is_success())
}

/// A stub on which there is something of everything, and where what was made is: a subscription, a session, an account.
fn furnished() -> (StubCluster, [String; 3]) {
    let mut stub = StubCluster::new();
    let subscription = json!({ "Destination": "https://192.0.2.1/a", "Protocol": "Redfish" });
    let log_in = json!({ "UserName": "all", "Password": "secret" });
    let account = json!({ "UserName": "eve", "Password": "Password1", "RoleId": "ReadOnly" });
    let made = [
        ("/redfish/v1/EventService/Subscriptions", subscription),
        ("/redfish/v1/SessionService/Sessions", log_in),
        ("/redfish/v1/AccountService/Accounts", account),
    ]
    .map(|(uri, body)| {
        let response = stub.request(request("POST", uri, &[], &body)).expect("an answer at once");
        assert_eq!(response.status(), StatusCode::CREATED, "{uri}");
        response.headers()["location"].to_str().unwrap().to_owned()
    });
    (stub, made)
}

/// Everything that a link leads to.
fn crawl(stub: &mut StubCluster) -> Vec<String> {
    let mut seen = vec!["/redfish".to_owned(), "/redfish/v1".to_owned(), "/redfish/v1/$metadata".to_owned()];
    let mut next = 0;
    while let Some(uri) = seen.get(next).cloned() {
        next += 1;
        let body = read(stub, "GET", &uri, &[]).into_body();
        let text = String::from_utf8_lossy(&body).into_owned();
        for link in text.split("\"@odata.id\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !seen.iter().any(|known| known == link) {
                seen.push(link.to_owned());
            }
        }
    }
    assert!(seen.len() > 50, "{}", seen.len());
    seen
}

/// M8: a read is conditional upon what is shown, whatever it is a read of.
#[test]
fn every_resource_is_read_under_the_conditions_that_come_along() {
    let (mut stub, _) = furnished();
    for uri in crawl(&mut stub).iter().flat_map(|uri| [uri.clone(), format!("{uri}?$select=Name")]) {
        if uri.starts_with("/redfish?") || uri.contains("$metadata?") {
            continue;
        }
        let plain = read(&mut stub, "GET", &uri, &[]);
        assert_eq!(plain.status(), StatusCode::OK, "{uri}");
        let tag = plain.headers()["etag"].to_str().unwrap().to_owned();
        let (weak, list, last) = (format!("W/{tag}"), format!("{FOREIGN}, {tag}"), format!("{tag},\"x,y\""));
        let junk = format!("{tag}foobar");
        let cases: [(&[(&str, &str)], StatusCode); 18] = [
            (&[("if-match", &tag)], StatusCode::OK),
            (&[("if-match", &weak)], StatusCode::OK),
            (&[("if-match", &list)], StatusCode::OK),
            (&[("if-match", FOREIGN), ("if-match", &tag)], StatusCode::OK),
            (&[("if-match", "*")], StatusCode::OK),
            (&[("if-match", FOREIGN)], StatusCode::PRECONDITION_FAILED),
            (&[("if-match", FOREIGN), ("if-none-match", &tag)], StatusCode::PRECONDITION_FAILED),
            (&[("if-match", "junk")], StatusCode::BAD_REQUEST),
            (&[("if-match", &junk)], StatusCode::BAD_REQUEST),
            (&[("if-match", "")], StatusCode::BAD_REQUEST),
            (&[("if-match", &tag), ("if-match", "junk")], StatusCode::BAD_REQUEST),
            (&[("if-none-match", &tag)], StatusCode::NOT_MODIFIED),
            (&[("if-none-match", &weak)], StatusCode::NOT_MODIFIED),
            (&[("if-none-match", &last)], StatusCode::NOT_MODIFIED),
            (&[("if-none-match", FOREIGN), ("if-none-match", &tag)], StatusCode::NOT_MODIFIED),
            (&[("if-none-match", "*")], StatusCode::NOT_MODIFIED),
            (&[("if-none-match", FOREIGN)], StatusCode::OK),
            (&[("if-none-match", "junk")], StatusCode::BAD_REQUEST),
        ];
        for method in ["GET", "HEAD"] {
            for (headers, expected) in &cases {
                assert_eq!(read(&mut stub, method, &uri, headers).status(), *expected, "{method} {uri} {headers:?}");
            }
        }
    }
}

/// M8: so is a write, upon the settings that its sender knows; but an action is not.
#[test]
fn every_write_is_made_under_the_conditions_that_come_along() {
    let certificate = kubevirt_redfish_fixtures::stub::certificate(1);
    let writes: Vec<(&str, &str, Value)> = vec![
        ("PATCH", "/redfish/v1/Systems/lab.node-0", json!({ "AssetTag": "7" })),
        ("PATCH", "/redfish/v1/Systems/lab.node-0/Bios/Settings", json!({ "Attributes": { "CpuCores": 4 } })),
        ("PATCH", "/redfish/v1/Systems/lab.node-0/SecureBoot", json!({ "SecureBootEnable": true })),
        ("PATCH", "/redfish/v1/Systems/lab.node-0/BootOptions/Drive.cd", json!({ "BootOptionEnabled": true })),
        ("PATCH", "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd", json!({ "VerifyCertificate": true })),
        ("PATCH", "/redfish/v1/Chassis/lab/Systems/node-0", json!({ "AssetTag": "7" })),
        ("PATCH", "/redfish/v1/Managers/lab.node-0/NetworkProtocol", json!({ "NTP": { "NTPServers": ["192.0.2.9"] } })),
        ("PATCH", "/redfish/v1/SessionService", json!({ "SessionTimeout": 600 })),
        ("PATCH", "/redfish/v1/AccountService", json!({ "AccountLockoutThreshold": 7 })),
        ("PATCH", "eve", json!({ "Enabled": false })),
        ("PATCH", "subscription", json!({ "Context": "x" })),
        ("DELETE", "eve", Value::Null),
        ("DELETE", "subscription", Value::Null),
        ("DELETE", "session", Value::Null),
        (
            "POST",
            "/redfish/v1/AccountService/Accounts",
            json!({ "UserName": "bob", "Password": "Password1", "RoleId": "ReadOnly" }),
        ),
        (
            "POST",
            "/redfish/v1/EventService/Subscriptions",
            json!({ "Destination": "https://192.0.2.1/b", "Protocol": "Redfish" }),
        ),
        (
            "POST",
            "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Certificates",
            json!({ "CertificateString": certificate, "CertificateType": "PEM" }),
        ),
    ];
    for (method, uri, body) in &writes {
        let attempt = |make: &dyn Fn(&str) -> Vec<(&'static str, String)>| {
            let (mut stub, [subscription, session, account]) = furnished();
            let uri = match *uri {
                "eve" => account,
                "subscription" => subscription,
                "session" => session,
                uri => uri.to_owned(),
            };
            let headers = make(&tag(&mut stub, &uri));
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            stub.log.clear();
            let outcome = write(&mut stub, method, &uri, &headers, body);
            let done = stub.log.iter().any(|line| line.starts_with("command"));
            assert!(succeeded(outcome) || !done, "{:?}", stub.log);
            outcome
        };
        let one = |name: &'static str, value: String| vec![(name, value)];
        assert!(succeeded(attempt(&|_| Vec::new())), "{method} {uri}");
        for passes in [
            &(|tag: &str| one("if-match", tag.to_owned())) as &dyn Fn(&str) -> Vec<(&'static str, String)>,
            &|tag| one("if-match", format!("W/{tag}")),
            &|tag| one("if-match", format!("{FOREIGN}, {tag}")),
            &|tag| vec![("if-match", FOREIGN.to_owned()), ("if-match", tag.to_owned())],
            &|_| one("if-match", "*".to_owned()),
            &|_| one("if-none-match", FOREIGN.to_owned()),
        ] {
            assert!(succeeded(attempt(passes)), "{method} {uri} {:?}", passes("…"));
        }
        for fails in [
            &(|_: &str| one("if-match", FOREIGN.to_owned())) as &dyn Fn(&str) -> Vec<(&'static str, String)>,
            // The protocol validator wants these told as a mismatch.
            &|tag| one("if-match", format!("{tag}foobar")),
            &|_| one("if-match", "junk".to_owned()),
            &|_| one("if-none-match", "*".to_owned()),
            &|tag| one("if-none-match", tag.to_owned()),
            &|tag| one("if-none-match", format!("{FOREIGN}, W/{tag}")),
            &|tag| vec![("if-match", tag.to_owned()), ("if-none-match", "*".to_owned())],
        ] {
            let outcome = attempt(fails);
            assert_eq!(outcome, Ok(StatusCode::PRECONDITION_FAILED), "{method} {uri} {:?}", fails("…"));
        }
        assert_eq!(
            attempt(&|_| one("if-none-match", "junk".to_owned())),
            Ok(StatusCode::BAD_REQUEST),
            "{method} {uri}"
        );
    }
    for headers in [[("if-match", FOREIGN)], [("if-match", "junk")], [("if-none-match", "*")]] {
        for (uri, body) in [
            ("/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset", json!({ "ResetType": "On" })),
            ("/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia", Value::Null),
            ("/redfish/v1/SessionService/Sessions", json!({ "UserName": "all", "Password": "secret" })),
        ] {
            assert!(succeeded(write(&mut StubCluster::new(), "POST", uri, &headers, &body)), "{uri} {headers:?}");
        }
    }
}

/// K4: a machine that goes on or off is the same machine with the same settings; but it is not shown as it was.
#[test]
fn a_writer_need_not_know_what_nobody_can_write() {
    // By itself, or by what has been asked for and answered.
    type Step = fn(&mut StubCluster);
    let uri = "/redfish/v1/Systems/lab.node-0";
    let patch = json!({ "AssetTag": "7" });
    let boot = |target, enabled| BootOverride { target, enabled, ..BootOverride::default() };
    let changes: [(&str, Step, bool); 14] = [
        ("it comes up", |stub| stub.run("lab.node-0", "run-1", Phase::Starting, false, false), true),
        ("it is on", |stub| stub.run("lab.node-0", "run-1", Phase::Running, false, false), true),
        ("it goes", |stub| stub.run("lab.node-0", "run-1", Phase::Running, true, false), true),
        ("it is paused", |stub| stub.run("lab.node-0", "run-1", Phase::Running, false, true), true),
        ("it is off", |stub| stub.run_gone("lab.node-0"), true),
        ("a note of the cluster", |stub| stub.redefine("lab.node-0", |machine| machine.restart_required = true), true),
        ("its description", |stub| stub.redefine("lab.node-0", |machine| machine.description = Some("x".into())), true),
        ("its memory", |stub| stub.redefine("lab.node-0", |machine| machine.memory = 1 << 30), true),
        (
            "another asset tag",
            |stub| stub.redefine("lab.node-0", |machine| machine.asset_tag = Some("x".into())),
            false,
        ),
        ("a light", |stub| stub.redefine("lab.node-0", |machine| machine.indicator = Indicator::Lit), false),
        (
            "another policy",
            |stub| stub.redefine("lab.node-0", |machine| machine.power_restore = PowerRestore::AlwaysOn),
            false,
        ),
        ("another order", |stub| stub.redefine("lab.node-0", |machine| machine.drives[1].boot_order = Some(2)), false),
        (
            "an override",
            |stub| {
                stub.redefine("lab.node-0", |machine| machine.boot.enabled = BootEnabled::Once);
                stub.redefine("lab.node-0", |machine| machine.boot.target = BootTarget::Pxe);
            },
            false,
        ),
        (
            "another mode",
            |stub| {
                stub.redefine("lab.node-0", |machine| {
                    machine.firmware.settings.mode = Some(kubevirt_redfish_core::model::BootMode::Legacy);
                });
            },
            false,
        ),
    ];
    for (what, change, still_counts) in changes {
        let mut stub = StubCluster::new();
        if what == "it is off" {
            stub.run("lab.node-0", "run-1", Phase::Running, false, false);
        }
        let before = tag(&mut stub, uri);
        change(&mut stub);
        let after = tag(&mut stub, uri);
        // What is read is never hidden.
        let shown = read(&mut stub, "GET", uri, &[("if-none-match", &before)]).status();
        assert_eq!(shown, if before == after { StatusCode::NOT_MODIFIED } else { StatusCode::OK }, "{what}");
        assert!(before != after || what == "its memory", "{what}");
        let outcome = write(&mut stub, "PATCH", uri, &[("if-match", &before)], &patch);
        assert_eq!(outcome, if still_counts { Err(()) } else { Ok(StatusCode::PRECONDITION_FAILED) }, "{what}");
    }
    // A boot override for one boot ends by itself. Any other end, and any other override, is somebody's doing.
    let (once, lasting) = (boot(BootTarget::Cd, BootEnabled::Once), boot(BootTarget::Cd, BootEnabled::Continuous));
    let other = boot(BootTarget::Pxe, BootEnabled::Once);
    let none = BootOverride::default();
    for (was, is, still_counts) in [
        (&once, &none, true),
        (&once, &once, true),
        (&once, &other, false),
        (&once, &lasting, false),
        (&lasting, &none, false),
        (&none, &once, false),
        (&other, &once, false),
    ] {
        let mut stub = StubCluster::new();
        stub.redefine("lab.node-0", |machine| machine.boot = was.clone());
        let before = tag(&mut stub, uri);
        stub.redefine("lab.node-0", |machine| machine.boot = is.clone());
        let outcome = write(&mut stub, "PATCH", uri, &[("if-match", &before)], &patch);
        let expected = if still_counts { Err(()) } else { Ok(StatusCode::PRECONDITION_FAILED) };
        assert_eq!(outcome, expected, "{was:?} {is:?}");
    }
}

/// K4: what guessers do to an account, and servers to a subscription, is nothing that its owner has to know either.
#[test]
fn a_writer_need_not_know_what_others_make_of_a_resource() {
    let (mut stub, [_, _, account]) = furnished();
    let before = tag(&mut stub, &account);
    for _ in 0..12 {
        let wrong = json!({ "UserName": "eve", "Password": "wrong" });
        write(&mut stub, "POST", "/redfish/v1/SessionService/Sessions", &[], &wrong).unwrap();
    }
    assert_ne!(tag(&mut stub, &account), before, "it is shown as locked");
    let if_match = [("if-match", before.as_str())];
    let password = json!({ "Password": "Password2" });
    assert_eq!(write(&mut stub, "PATCH", &account, &if_match, &password), Ok(StatusCode::OK));
    // And a new password is something that the next writer has to know, though nobody can see it.
    assert_eq!(write(&mut stub, "PATCH", &account, &if_match, &password), Ok(StatusCode::PRECONDITION_FAILED));
}

fn conditional(world: &mut World, replica: usize, tag: &str, body: &Value) -> Response<Bytes> {
    let mut request = laboratory::request(Method::PATCH, NODE, Some(body));
    request.headers_mut().insert("if-match", tag.parse().unwrap());
    world.send(replica, request).expect("an answer")
}

fn read_tag(world: &mut World, replica: usize) -> String {
    let response = world.send(replica, laboratory::request(Method::GET, NODE, None)).expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    response.headers()["etag"].to_str().unwrap().to_owned()
}

/// K4: MAAS's own sequence, 500 times, at every moment of what the machine and its override go through meanwhile.
#[test]
fn maas_deploys_five_hundred_times_without_a_mismatch() {
    let mut round = 0_u64;
    for version in VERSIONS {
        let mut world = lab(version);
        while round % 500 < 167 * (1 + VERSIONS.iter().position(|known| *known == version).unwrap() as u64)
            && round < 500
        {
            round += 1;
            // Moments that meet every state: from at once to half a minute later.
            let moment = |salt: u64| {
                Duration::from_millis(
                    (round * 7919 + salt * 104_729) % if round.is_multiple_of(10) { 30_000 } else { 6_000 },
                )
            };
            world.advance(moment(1));
            assert!(reset(&mut world, "ForceOff").is_success(), "{round}");
            world.advance(moment(2) / 20);
            let tag = read_tag(&mut world, 0);
            world.advance(moment(3) / 10);
            let boot = json!({ "Boot": { "BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe" } });
            let answer = conditional(&mut world, 0, &tag, &boot);
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert_eq!(answer.status(), StatusCode::OK, "{version:?} {round}: {text}");
            assert!(reset(&mut world, "On").is_success(), "{round}");
        }
    }
    assert_eq!(round, 500);
}

/// Of several who write upon the same tag one wins and the others are told, whichever replica they ask, and whatever the
/// machine does meanwhile.
#[test]
fn of_several_who_write_upon_the_same_tag_one_wins() {
    let mut world = lab(KubevirtVersion::V1_9);
    laboratory::start(&mut world);
    for round in 0..40_u64 {
        let tag = read_tag(&mut world, usize::from(round % 2 == 1));
        let exchanges: Vec<_> = (0..4)
            .map(|number| {
                let body = json!({ "AssetTag": format!("{round}-{number}") });
                let mut request = laboratory::request(Method::PATCH, NODE, Some(&body));
                request.headers_mut().insert("if-match", tag.parse().unwrap());
                world.begin(number % 2, request)
            })
            .collect();
        if round % 3 == 0 {
            assert!(reset(&mut world, if round % 2 == 0 { "On" } else { "ForceOff" }).is_success());
        }
        world.advance(Duration::from_secs(5));
        let mut statuses: Vec<_> = exchanges
            .into_iter()
            .map(|exchange| world.response(exchange).expect("an answer").status().as_u16())
            .collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412], "{round}");
    }
}

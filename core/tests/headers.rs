//! Headers that every response has; the recorded conversations leave them out.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::config::{Config, Protocol};
use kubevirt_redfish_core::{Peer, Step};
use kubevirt_redfish_fixtures::stub::{StubCluster, config};

fn answer(method: &str, uri: &str, secure: bool, headers: &[(&str, &str)]) -> Response<Bytes> {
    answer_of(&StubCluster::new(), method, uri, secure, headers)
}

fn answer_of(stub: &StubCluster, method: &str, uri: &str, secure: bool, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(uri);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "bmc.example");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer = Peer { address: IpAddr::from([127, 0, 0, 1]), secure };
    let (_, step) = Arc::clone(&stub.view).begin(stub.now, &peer, request.body(()).unwrap());
    let Step::Respond(response) = step else { unreachable!("a read ends at once") };
    response
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

const ADMIN: (&str, &str) = ("authorization", "Basic YWRtaW46c2VjcmV0");

#[test]
fn no_response_is_a_page_for_a_browser() {
    let mut behind_a_proxy = StubCluster::empty(Config { protocol: Protocol::Http, ..config() });
    behind_a_proxy.make_itself_known();
    for (method, uri, headers) in [
        ("GET", "/redfish/v1", vec![]),
        ("GET", "/redfish/v1/Systems", vec![]),
        ("GET", "/redfish/v1/Systems", vec![ADMIN]),
        ("GET", "/redfish/v1/Systems", vec![ADMIN, ("if-none-match", "*")]),
        ("OPTIONS", "/redfish/v1/Systems", vec![ADMIN]),
        ("PUT", "/redfish/v1/Systems", vec![ADMIN]),
    ] {
        let response = answer(method, uri, true, &headers);
        assert_eq!(
            header(&response, "content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'"),
            "{method} {uri}"
        );
        assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&response, "strict-transport-security"), Some("max-age=31536000"));
        let plain = answer_of(&behind_a_proxy, method, uri, false, &headers);
        assert_eq!(header(&plain, "strict-transport-security"), None, "RFC 6797 section 7.2");
    }
}

#[test]
fn representations_say_what_they_depend_on() {
    let vary = Some("accept, accept-encoding, origin");
    for headers in [vec![ADMIN], vec![ADMIN, ("accept-encoding", "gzip")], vec![ADMIN, ("if-none-match", "*")]] {
        assert_eq!(header(&answer("GET", "/redfish/v1/Systems", true, &headers), "vary"), vary);
    }
}

#[test]
fn polling_a_system_compresses_it_once() {
    let stub = StubCluster::new();
    let read = || {
        let request = Request::get("/redfish/v1/Systems/lab.node-0").header(ADMIN.0, ADMIN.1);
        let request = request.header("accept-encoding", "gzip").header("host", "bmc.example").body(()).unwrap();
        let peer = Peer { address: IpAddr::from([127, 0, 0, 1]), secure: true };
        match stub.view.begin(stub.now, &peer, request) {
            (_, Step::Respond(response)) => response.into_body(),
            (_, step) => unreachable!("{step:?}"),
        }
    };
    let (first, second) = (read(), read());
    assert_eq!(first.as_ptr(), second.as_ptr(), "the very same bytes");
}

#[test]
fn what_comes_without_encryption_is_sent_to_https_or_refused() {
    let host = ("host", "bmc.example:8443");
    for method in ["GET", "HEAD"] {
        let response = answer(method, "/redfish/v1/Systems?only", false, &[ADMIN, host]);
        assert_eq!(response.status(), 308);
        assert_eq!(header(&response, "location"), Some("https://bmc.example:8443/redfish/v1/Systems?only"));
        assert!(response.body().is_empty());
    }
    for (method, headers) in [("POST", vec![host]), ("PATCH", vec![ADMIN, host]), ("DELETE", vec![ADMIN, host])] {
        let response = answer(method, "/redfish/v1/SessionService/Sessions", false, &headers);
        assert_eq!((response.status().as_u16(), header(&response, "location")), (404, None), "{method} {headers:?}");
        let body = String::from_utf8_lossy(response.body());
        assert!(body.contains("KubeVirt.1.0.TlsRequired"), "{body}");
    }
    // Nobody is sent to where they did not want to go.
    for host in ["user@bmc.example", "bmc.example/evil", "bmc.example, evil.example", ""] {
        let response = answer("GET", "/redfish/v1", false, &[("host", host)]);
        assert_eq!((response.status().as_u16(), header(&response, "location")), (400, None), "{host}");
    }
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let long = "x".repeat(40_000);
    let response = answer("GET", "/redfish/v1", true, &[ADMIN, ("cookie", &long)]);
    assert_eq!(response.status(), 431);
    let response = answer("GET", &format!("/redfish/v1/Systems?$filter={}", "x".repeat(9_000)), true, &[ADMIN]);
    assert_eq!(response.status(), 414);
    let just_so = "x".repeat(30_000);
    assert_eq!(answer("GET", "/redfish/v1", true, &[ADMIN, ("cookie", &just_so)]).status(), 200);
}

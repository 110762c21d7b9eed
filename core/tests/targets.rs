//! What a request is sent to: the host, the path, and what else HTTP lets a server refuse.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use kubevirt_redfish_core::{Exchange, Peer, Signal, Step, refuse_head};
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::{Value, json};

const ADMIN: (&str, &str) = ("authorization", "Basic YWxsOnNlY3JldA==");
const JSON: (&str, &str) = ("content-type", "application/json");
const NODE: &str = "/redfish/v1/Systems/lab.node-0";

fn send(stub: &mut StubCluster, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stub.request(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()).expect("an answer at once")
}

fn read(uri: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let headers: Vec<_> = headers.iter().copied().chain([ADMIN]).collect();
    send(&mut StubCluster::new(), "GET", uri, &headers, "")
}

/// The ids of the messages of a refusal.
fn message_ids(response: &Response<Bytes>) -> Vec<String> {
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    let messages = body["error"]["@Message.ExtendedInfo"].as_array().expect("messages");
    messages.iter().map(|message| message["MessageId"].as_str().unwrap().to_owned()).collect()
}

/// Begins with a head as it is, without the host that every other test has.
fn begin(version: Version, method: &str, uri: &str, headers: &[(&str, &str)]) -> (Exchange, Step) {
    let stub = StubCluster::new();
    let mut request = Request::builder().version(version).method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
    stub.view.begin(stub.now, &peer, request.body(()).unwrap())
}

fn answer(version: Version, method: &str, uri: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    match begin(version, method, uri, headers) {
        (_, Step::Respond(response)) => response,
        (_, step) => unreachable!("{step:?}"),
    }
}

/// K8, M3: nobody is answered who does not say whom they mean, whatever they ask for and however.
#[test]
fn a_request_names_its_host_once_and_as_a_host() {
    let (v10, v11, v2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
    let host = |value| ("host", value);
    for method in ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        for (version, uri, headers) in [
            (v11, "/redfish/v1", vec![]),
            (v11, NODE, vec![ADMIN]),
            (v11, "/", vec![]),
            (v11, "/redfish/v1", vec![host("")]),
            (v11, "/redfish/v1", vec![host("bmc.example"), host("bmc.example")]),
            (v11, "/redfish/v1", vec![host("bmc.example"), host("other.example")]),
            (v11, "/redfish/v1", vec![host("bmc.example, bmc.example")]),
            (v11, "/redfish/v1", vec![host("user@bmc.example")]),
            (v11, "/redfish/v1", vec![host("user:pass@bmc.example:443")]),
            (v11, "/redfish/v1", vec![host("bmc.example/redfish")]),
            (v11, "/redfish/v1", vec![host("https://bmc.example")]),
            (v11, "/redfish/v1", vec![host("bmc.example:port")]),
            (v11, "/redfish/v1", vec![host("bmc.example:99999")]),
            (v11, "/redfish/v1", vec![host("[::1")]),
            (v11, "/redfish/v1", vec![host("bmc example")]),
            (v11, "http://bmc.example/redfish/v1", vec![]),
            (v11, "http://user@bmc.example/redfish/v1", vec![host("bmc.example")]),
            (v11, "gopher://bmc.example/redfish/v1", vec![host("bmc.example")]),
            (v10, "/redfish/v1", vec![host("a b")]),
            (v10, "/redfish/v1", vec![host("a"), host("a")]),
            (v2, "/redfish/v1", vec![]),
            (v2, "https://user@bmc.example/redfish/v1", vec![]),
            (v2, "https://bmc.example/redfish/v1", vec![host("other.example")]),
            (v2, "https://bmc.example/redfish/v1", vec![host("bmc.example"), host("bmc.example")]),
        ] {
            let refused = answer(version, method, uri, &headers);
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{version:?} {method} {uri} {headers:?}");
            let expected = if headers.iter().any(|(name, _)| *name == "host") || uri.contains('@') {
                "Base.1.22.HeaderInvalid"
            } else {
                "Base.1.22.HeaderMissing"
            };
            if method != "HEAD" {
                assert_eq!(message_ids(&refused), [expected], "{version:?} {uri} {headers:?}");
            }
        }
    }
    for (version, uri, headers) in [
        (v10, "/redfish/v1", vec![]),
        (v10, "/redfish/v1", vec![host("bmc.example")]),
        (v11, "/redfish/v1", vec![host("bmc.example:8443")]),
        (v11, "/redfish/v1", vec![host("[2001:db8::1]:8443")]),
        (v11, "/redfish/v1", vec![host("10.0.0.1")]),
        // RFC 9112 section 3.2.2: whoever sends the absolute form is answered.
        (v11, "http://bmc.example/redfish/v1", vec![host("proxy.example")]),
        (v11, "https://bmc.example:8443/redfish/v1/", vec![host("bmc.example:8443")]),
        (v2, "https://bmc.example/redfish/v1", vec![]),
        (v2, "https://bmc.example/redfish/v1", vec![host("BMC.example")]),
    ] {
        assert_eq!(answer(version, "GET", uri, &headers).status(), StatusCode::OK, "{version:?} {uri} {headers:?}");
    }
}

/// L8: what needs no percent-encoding means the same with it: ids, reserved names, actions, names of parameters.
#[test]
fn a_path_means_the_same_with_and_without_needless_encoding() {
    for (encoded, plain) in [
        ("/redfish/v1/Systems/lab%2Enode-0", NODE),
        ("/redfish/v1/Systems/%6cab.node%2d0", NODE),
        ("/redfish/v1/Systems/%6Cab.node-0/", NODE),
        ("/%72edfish/v1/%53ystems", "/redfish/v1/Systems"),
        ("/redfish/v1/%24metadata", "/redfish/v1/$metadata"),
        ("/redfish/v1/%24%6d%65tadata", "/redfish/v1/$metadata"),
        ("/redfish/v1/Managers/lab%2Enode%2D0/VirtualMedia/C%64", "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd"),
        ("/redfish/v1/Chassis/%6Cab/Systems/node%2D0", NODE),
        ("/redfish/v1/Systems?%24select=Name", "/redfish/v1/Systems?$select=Name"),
        ("/redfish/v1/Systems?%24%73elect=Name", "/redfish/v1/Systems?$select=Name"),
        ("/redfish/v1/Systems?%6Fnly", "/redfish/v1/Systems?only"),
        ("/redfish/v1/Systems?$top=%31", "/redfish/v1/Systems?$top=1"),
    ] {
        let (one, other) = (read(encoded, &[]), read(plain, &[]));
        assert_eq!(one.status(), StatusCode::OK, "{encoded}");
        assert_eq!(one.body(), other.body(), "{encoded}");
    }
    for path in [
        // A separator that is encoded is no separator, and nothing is decoded twice.
        "/redfish/v1%2FSystems",
        "/redfish/v1/Systems%2Flab.node-0",
        "/redfish/v1/Systems/lab%252Enode-0",
        "/redfish/v1/%2524metadata",
        "/redfish/v1/Systems/lab.node-0%00",
        "/redfish/v1/Systems/lab.node-0%20",
        "/redfish/v1/Systems/lab%",
        "/redfish/v1/Systems/lab%2",
        "/redfish/v1/Systems/lab%zz",
        "/redfish/v1/Systems%3Fonly",
        "/redfish/v1/Systems/lab%2fnode-0",
        // Clients take dot segments out before they send; here they lead nowhere, in either form.
        "/redfish/v1/Systems/../Systems",
        "/redfish/v1/Systems/%2e%2e/Systems",
        "/redfish/v1/./Systems",
        "/redfish/v1/%2E/Systems",
        "/redfish/v1/Systems/%2E%2E%2FChassis",
    ] {
        let response = read(path, &[]);
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(
            message_ids(&response).iter().any(|id| id.ends_with("ResourceMissingAtURI") || id.ends_with("NotFound"))
        );
    }
    // What is free stays free.
    for path in ["/redfish/v1/%24metadata", "/%72edfish", "/redfish/%76%31/"] {
        assert_eq!(send(&mut StubCluster::new(), "GET", path, &[], "").status(), StatusCode::OK, "{path}");
    }
    // So do writes, and links in bodies.
    let mut stub = StubCluster::new();
    let reset = "/redfish/v1/Systems/lab%2Enode-0/Actions/ComputerSystem%2EReset";
    let request = Request::post(reset).header(ADMIN.0, ADMIN.1).body(Bytes::from_static(b"{\"ResetType\": \"On\"}"));
    assert!(stub.request(request.unwrap()).is_none(), "it is handed in");
    assert_eq!(stub.commands.len(), 1);
    let body = json!({
        "Destination": "https://192.0.2.1/a", "Protocol": "Redfish",
        "OriginResources": [{ "@odata.id": "/redfish/v1/Systems/lab%2Enode%2D0" }],
    });
    let made = send(&mut stub, "POST", "/redfish/v1/EventService/Subscriptions", &[ADMIN], &body.to_string());
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = serde_json::from_slice(made.body()).unwrap();
    assert_eq!(made["OriginResources"][0]["@odata.id"], NODE);
    // A stream's parameters as those of any other read.
    let unknown = read("/redfish/v1/EventService/SSE?%24%73kip=1", &[("accept", "text/event-stream")]);
    assert_eq!(unknown.status(), StatusCode::NOT_IMPLEMENTED);
}

/// N4: a browser is shown in, without a question.
#[test]
fn a_browser_finds_the_service_root() {
    let browser = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    for method in ["GET", "HEAD"] {
        let response = send(&mut StubCluster::new(), method, "/", &[browser], "");
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(response.headers()["location"], "/redfish/v1/");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = send(&mut StubCluster::new(), method, "/", &[], "");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "GET, HEAD");
    }
    for accept in [browser.1, "text/html", "application/xhtml+xml"] {
        for uri in ["/redfish", "/redfish/v1", "/redfish/v1/", "/redfish/v1/Systems", NODE, "/redfish/v1/odata"] {
            let response = read(uri, &[("accept", accept)]);
            assert_eq!(response.status(), StatusCode::OK, "{uri} {accept}");
            assert_eq!(response.headers()["content-type"], "application/json");
        }
        assert_eq!(read("/redfish/v1/$metadata", &[("accept", accept)]).status(), StatusCode::OK);
    }
    for accept in ["text/plain", "image/png", "application/xml", "text/html;q=0"] {
        assert_eq!(read("/redfish/v1", &[("accept", accept)]).status(), StatusCode::NOT_ACCEPTABLE, "{accept}");
    }
    // Nobody is asked for a password outside the service.
    for uri in ["/favicon.ico", "/robots.txt", "/redfishv1", "/index.html", "//", "/.well-known/x"] {
        for headers in [vec![], vec![("authorization", "Basic broken")], vec![ADMIN]] {
            let response = send(&mut StubCluster::new(), "GET", uri, &headers, "");
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{uri}");
            assert!(!response.headers().contains_key("www-authenticate"), "{uri}");
        }
    }
    // Inside it the question comes first.
    for uri in ["/redfish/v2", "/redfish/v1/Nonsense", "/redfish//v1"] {
        assert_eq!(
            send(&mut StubCluster::new(), "GET", uri, &[browser], "").status(),
            StatusCode::UNAUTHORIZED,
            "{uri}"
        );
    }
}

/// Probes of a cluster have no credentials; those of the Go services' manifests read the root.
#[test]
fn probes_are_answered_without_credentials() {
    let mut stub = StubCluster::new();
    for (path, text) in [("/livez", "ok\n"), ("/healthz", "ok\n"), ("/readyz", "ok\n")] {
        for headers in [vec![], vec![("authorization", "Basic broken")], vec![("accept", "application/json")]] {
            let response = send(&mut stub, "GET", path, &headers, "");
            assert_eq!((response.status(), &**response.body()), (StatusCode::OK, text.as_bytes()), "{path}");
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
        let response = send(&mut stub, "HEAD", path, &[], "");
        assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
        assert_eq!(response.headers()["content-length"], "3");
        assert_eq!(send(&mut stub, "POST", path, &[], "").status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(send(&mut stub, "GET", &format!("{path}/x"), &[], "").status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(send(&mut stub, "GET", "/redfish/v1/", &[], "").status(), StatusCode::OK);
}

/// L2: a body that is encoded, or of another type, is refused for that, with what would be understood.
#[test]
fn a_body_that_cannot_be_read_is_refused_for_what_it_is() {
    let writes = [
        ("PATCH", NODE, json!({ "AssetTag": "7" })),
        ("POST", "/redfish/v1/SessionService/Sessions", json!({ "UserName": "all", "Password": "secret" })),
        ("PATCH", "/redfish/v1/AccountService", json!({ "AccountLockoutThreshold": 7 })),
        (
            "POST",
            "/redfish/v1/EventService/Subscriptions",
            json!({ "Destination": "https://192.0.2.1/a", "Protocol": "Redfish" }),
        ),
    ];
    for (method, uri, body) in &writes {
        let with = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().copied().chain([ADMIN]).collect();
            send(&mut StubCluster::new(), method, uri, &headers, &body.to_string())
        };
        for encoding in ["gzip", "x", "deflate", "br", "identity, gzip", "gzip, identity", "\"identity\""] {
            let refused = with(&[JSON, ("content-encoding", encoding)]);
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{uri} {encoding}");
            assert_eq!(refused.headers()["accept-encoding"], "identity");
            assert_eq!(message_ids(&refused), ["Base.1.22.HeaderInvalid"]);
        }
        assert_eq!(
            with(&[JSON, ("content-encoding", "identity"), ("content-encoding", "gzip")]).status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
        for types in [
            &["text/plain"][..],
            &["application/xml"],
            &["application/json;charset=iso-8859-1"],
            &["application/json; charset=utf-16"],
            &["application/json", "text/plain"],
            &["text/plain", "application/json"],
            &["application/json, text/plain"],
            &["application/x-www-form-urlencoded"],
            &[""],
        ] {
            let headers: Vec<_> = types.iter().map(|value| ("content-type", *value)).collect();
            let refused = with(&headers);
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{uri} {types:?}");
            assert_eq!(refused.headers()["accept"], "application/json");
        }
    }
    let (method, uri, body) = &writes[1];
    for headers in [
        vec![],
        vec![JSON],
        vec![JSON, JSON],
        vec![("content-type", "application/json; charset=UTF-8")],
        vec![JSON, ("content-encoding", "identity")],
        vec![JSON, ("content-encoding", "")],
    ] {
        let response = send(&mut StubCluster::new(), method, uri, &headers, &body.to_string());
        assert_eq!(response.status(), StatusCode::CREATED, "{headers:?}");
    }
    // What has no body has no type.
    for headers in [vec![ADMIN], vec![ADMIN, ("content-type", "text/plain")], vec![ADMIN, ("content-encoding", "gzip")]]
    {
        let mut stub = StubCluster::new();
        let mut request = Request::post(format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert!(stub.request(request.body(Bytes::new()).unwrap()).is_none(), "it is handed in");
    }
}

/// What a server of this kind does not do is said before anybody is asked who they are.
#[test]
fn what_no_server_of_this_kind_does_is_said_at_once() {
    let v11 = Version::HTTP_11;
    let host = ("host", "bmc.example");
    let refused = answer(v11, "POST", "/redfish/v1/SessionService/Sessions", &[host, ("expect", "gold")]);
    assert_eq!(refused.status(), StatusCode::EXPECTATION_FAILED);
    assert_eq!(message_ids(&refused), ["Base.1.22.HeaderInvalid"]);
    let (_, step) = begin(v11, "POST", "/redfish/v1/SessionService/Sessions", &[host, ("expect", "100-Continue")]);
    assert!(matches!(step, Step::ReadBody { .. }), "{step:?}");
    let tunnel = answer(v11, "CONNECT", "bmc.example:443", &[host]);
    assert_eq!(tunnel.status(), StatusCode::NOT_IMPLEMENTED);
    let server = answer(v11, "OPTIONS", "*", &[host]);
    assert_eq!(server.status(), StatusCode::NO_CONTENT);
    assert_eq!(server.headers()["allow"], "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
    assert_eq!(answer(v11, "GET", "*", &[host]).status(), StatusCode::NOT_IMPLEMENTED);
    // An echo of credentials is nothing that anyone gets.
    for method in ["TRACE", "BREW", "PROPFIND"] {
        let refused = send(&mut StubCluster::new(), method, NODE, &[ADMIN], "");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(refused.headers().contains_key("allow"));
        assert_eq!(answer(v11, method, NODE, &[host]).status(), StatusCode::UNAUTHORIZED, "{method}");
    }
    let many: Vec<(String, String)> = (0..101).map(|number| (format!("x-{number}"), "1".to_owned())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([host]).collect();
    let refused = answer(v11, "GET", "/redfish/v1", &many);
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(message_ids(&refused), ["KubeVirt.1.0.HeadTooLarge"]);
}

/// K5, the kind: a body that does not arrive is told from one that makes no sense.
#[test]
fn a_body_that_does_not_arrive_is_not_called_malformed() {
    for uri in ["/redfish/v1/SessionService/Sessions", "/redfish/v1/EventService/Subscriptions"] {
        for (signal, status, id) in [
            (Signal::BodyLate, StatusCode::REQUEST_TIMEOUT, "KubeVirt.1.0.BodyLate"),
            (Signal::BodyBroken, StatusCode::BAD_REQUEST, "KubeVirt.1.0.MalformedRequest"),
            (Signal::BodyTooLarge, StatusCode::PAYLOAD_TOO_LARGE, "Base.1.22.PayloadTooLarge"),
            (Signal::Body(Bytes::from_static(b"{")), StatusCode::BAD_REQUEST, "Base.1.22.MalformedJSON"),
        ] {
            let mut stub = StubCluster::new();
            // From now on the password is known.
            send(&mut stub, "GET", NODE, &[ADMIN], "");
            let request = Request::post(uri).header(ADMIN.0, ADMIN.1).header("host", "bmc.example");
            let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
            let (mut exchange, step) = stub.view.begin(stub.now, &peer, request.body(()).unwrap());
            let Step::ReadBody { within, .. } = step else { unreachable!("{step:?}") };
            assert!(within > Duration::ZERO);
            let Step::Respond(answer) = exchange.resume(&stub.view, stub.now, signal) else { unreachable!() };
            assert_eq!((answer.status(), message_ids(&answer)), (status, vec![id.to_owned()]), "{uri}");
        }
    }
}

/// L7: heads that only a parser sees are refused in the same words.
#[test]
fn a_head_that_a_parser_refuses_is_refused_as_any_other() {
    for (status, id) in [
        (StatusCode::BAD_REQUEST, "KubeVirt.1.0.MalformedRequest"),
        (StatusCode::URI_TOO_LONG, "KubeVirt.1.0.HeadTooLarge"),
        (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "KubeVirt.1.0.HeadTooLarge"),
        (StatusCode::IM_A_TEAPOT, "KubeVirt.1.0.MalformedRequest"),
    ] {
        let response = refuse_head(status, true);
        let expected = if status == StatusCode::IM_A_TEAPOT { StatusCode::BAD_REQUEST } else { status };
        assert_eq!(response.status(), expected);
        assert_eq!(message_ids(&response), [id]);
        for name in ["content-type", "odata-version", "cache-control", "server", "strict-transport-security"] {
            assert!(response.headers().contains_key(name), "{name}");
        }
        assert!(!refuse_head(status, false).headers().contains_key("strict-transport-security"));
    }
}

/// HEAD is GET without the body, everywhere.
#[test]
fn head_says_what_get_says_everywhere() {
    let mut stub = StubCluster::new();
    let mut seen = vec!["/redfish".to_owned(), "/redfish/v1".to_owned(), "/redfish/v1/odata".to_owned()];
    let mut next = 0;
    while let Some(uri) = seen.get(next).cloned() {
        next += 1;
        let get = send(&mut stub, "GET", &uri, &[ADMIN], "");
        let head = send(&mut stub, "HEAD", &uri, &[ADMIN], "");
        assert_eq!((get.status(), head.status()), (StatusCode::OK, StatusCode::OK), "{uri}");
        assert!(head.body().is_empty(), "{uri}");
        let mut headers = head.headers().clone();
        assert_eq!(headers.remove("content-length").unwrap().to_str().unwrap(), get.body().len().to_string(), "{uri}");
        assert_eq!(&headers, get.headers(), "{uri}");
        let unauthorized = send(&mut stub, Method::HEAD.as_str(), &uri, &[], "");
        assert!(unauthorized.body().is_empty(), "{uri}");
        let Ok(body) = serde_json::from_slice::<Value>(get.body()) else { continue };
        links(&body, &mut seen);
    }
    assert!(seen.len() > 50, "{}", seen.len());
}

fn links(value: &Value, seen: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "@odata.id") {
                    Some(uri) if !seen.iter().any(|known| known == uri) && !uri.contains('#') => {
                        seen.push(uri.to_owned());
                    }
                    Some(_) => {}
                    None => links(value, seen),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| links(value, seen)),
        _ => {}
    }
}

//! What DSP0266 asks of every resource alike: methods, conditions, representations. Tried on all that a crawl finds.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use kubevirt_redfish_fixtures::crawl::crawl;
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::Value;

/// Someone who sees everything: `all`, with the password `secret`.
const ALL: (&str, &str) = ("authorization", "Basic YWxsOnNlY3JldA==");

fn send(stub: &mut StubCluster, method: &str, uri: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(uri).header(ALL.0, ALL.1);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stub.request(request.body(Bytes::new()).unwrap()).unwrap()
}

/// Hands every resource to a check: the service, its URI, the answer to GET.
fn for_every_resource(check: impl Fn(&mut StubCluster, &str, &Response<Bytes>)) {
    let mut stub = StubCluster::new();
    let uris: Vec<String> = crawl(&mut stub, "all").into_keys().collect();
    assert!(uris.len() > 100, "{}", uris.len());
    for uri in uris.iter().map(String::as_str).chain([
        "/redfish",
        "/redfish/v1/",
        "/redfish/v1/odata",
        "/redfish/v1/$metadata",
    ]) {
        let answer = send(&mut stub, "GET", uri, &[]);
        assert_eq!(answer.status(), StatusCode::OK, "{uri}");
        check(&mut stub, uri, &answer);
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// Whether an answer is an error as DSP0266 clause 8.6 wants it.
fn is_error(answer: &Response<Bytes>) -> bool {
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let messages = body.pointer("/error/@Message.ExtendedInfo").and_then(Value::as_array);
    messages.is_some_and(|messages| messages.iter().all(|message| message["MessageId"].is_string()))
}

#[test]
fn head_is_get_without_the_body() {
    for_every_resource(|stub, uri, get| {
        let head = send(stub, "HEAD", uri, &[]);
        assert_eq!(head.status(), StatusCode::OK, "{uri}");
        assert!(head.body().is_empty(), "{uri}");
        let mut headers = head.headers().clone();
        assert_eq!(headers.remove("content-length").unwrap(), get.body().len().to_string().as_str(), "{uri}");
        assert_eq!(&headers, get.headers(), "{uri}");
    });
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    for_every_resource(|stub, uri, get| {
        let tag = header(get.headers(), "etag").unwrap();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{uri}: {tag} is not strong");
        for list in [tag, &format!("W/{tag}"), &format!("\"other\", {tag}"), "*"] {
            for method in ["GET", "HEAD"] {
                let answer = send(stub, method, uri, &[("if-none-match", list)]);
                assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{method} {uri} {list}");
                assert_eq!(header(answer.headers(), "etag"), Some(tag), "{uri}");
                assert!(answer.body().is_empty(), "{uri}");
            }
        }
        let answer = send(stub, "GET", uri, &[("if-none-match", "\"other\"")]);
        assert_eq!((answer.status(), answer.body()), (StatusCode::OK, get.body()), "{uri}");
    });
}

#[test]
fn methods_are_those_that_allow_names() {
    for_every_resource(|stub, uri, get| {
        let allow = header(get.headers(), "allow").unwrap();
        let options = send(stub, "OPTIONS", uri, &[]);
        assert_eq!(
            (options.status(), header(options.headers(), "allow")),
            (StatusCode::NO_CONTENT, Some(allow)),
            "{uri}"
        );
        for method in ["POST", "PATCH", "PUT", "DELETE", "TRACE", "BREW"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = send(stub, method, uri, &[]);
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {uri}");
            assert_eq!(header(answer.headers(), "allow"), Some(allow), "{method} {uri}");
            assert!(is_error(&answer), "{method} {uri}");
        }
        assert!(stub.commands.is_empty(), "{uri}");
        assert!(!allow.contains("PUT"), "{uri}: PUT is allowed nowhere");
    });
}

#[test]
fn representations_are_what_was_asked_for() {
    for_every_resource(|stub, uri, get| {
        assert!(get.headers().get("content-encoding").is_none(), "{uri} is compressed though nobody asked");
        assert_eq!(header(get.headers(), "odata-version"), Some("4.0"), "{uri}");
        assert_eq!(header(get.headers(), "cache-control"), Some("no-cache"), "{uri}");
        let content_type = header(get.headers(), "content-type").unwrap();
        for accept in ["*/*", content_type, "application/*"] {
            let answer = send(stub, "GET", uri, &[("accept", accept)]);
            assert_eq!((answer.status(), answer.body()), (StatusCode::OK, get.body()), "{uri} {accept}");
        }
        let accept = format!("{content_type};charset=utf-8");
        let answer = send(stub, "GET", uri, &[("accept", &accept)]);
        assert_eq!(header(answer.headers(), "content-type").unwrap().replace(' ', ""), accept, "{uri}");
        for (name, value) in [("accept", "text/plain"), ("accept-encoding", "identity;q=0, br")] {
            let answer = send(stub, "GET", uri, &[(name, value)]);
            assert_eq!(answer.status(), StatusCode::NOT_ACCEPTABLE, "{uri} {name}: {value}");
            assert!(is_error(&answer), "{uri}");
        }
        let compressed = send(stub, "GET", uri, &[("accept-encoding", "gzip")]);
        assert!(header(compressed.headers(), "vary").unwrap().contains("accept-encoding"), "{uri}");
        assert!(compressed.body().len() <= get.body().len(), "{uri}");
    });
}

/// The members that `@Redfish.WriteableProperties` names are those that a PATCH may name, and no others that are shown.
#[test]
fn what_can_be_written_is_named() {
    let mut stub = StubCluster::new();
    for (uri, body) in [
        (
            "/redfish/v1/AccountService/Accounts",
            r#"{"UserName": "made", "Password": "Password-1", "RoleId": "Operator"}"#,
        ),
        (
            "/redfish/v1/EventService/Subscriptions",
            r#"{"Destination": "https://listener.example/", "Protocol": "Redfish"}"#,
        ),
    ] {
        let request = Request::post(uri).header(ALL.0, ALL.1).body(Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(stub.request(request).unwrap().status(), StatusCode::CREATED);
    }
    let mut writeable = 0;
    for (uri, page) in crawl(&mut stub, "all") {
        if !header(&page.headers, "allow").unwrap().contains("PATCH") || uri.starts_with("/redfish/v1/Systems/") {
            continue;
        }
        // A value that no property takes, so that nothing is written.
        let mut is_known = |path: &[&str]| {
            let body = path
                .iter()
                .rev()
                .fold(serde_json::json!({ "bad": [1] }), |value, name| serde_json::json!({ *name: value }));
            let request = Request::patch(&uri).header(ALL.0, ALL.1).body(Bytes::from(body.to_string())).unwrap();
            let answer = stub.request(request).unwrap();
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{uri} {path:?}: {text}");
            !text.contains("PropertyNotWritable") && !text.contains("PropertyUnknown")
        };
        let mut objects = vec![(Vec::new(), &page.body)];
        objects.extend(page.body.as_object().unwrap().iter().map(|(name, value)| (vec![name.as_str()], value)));
        for (path, object) in objects {
            let named = object.get("@Redfish.WriteableProperties").and_then(Value::as_array);
            let Some(members) = object.as_object().filter(|_| named.is_some() || path.is_empty()) else { continue };
            for member in members.keys().filter(|member| !member.contains('@')) {
                let is_named = named.is_some_and(|named| named.iter().any(|name| name == member));
                let holds_named = members[member].get("@Redfish.WriteableProperties").is_some();
                // Whoever sets a manager's clock to what it says anyway is not refused, and changes nothing.
                let is_clock = uri.starts_with("/redfish/v1/Managers/") && member.starts_with("DateTime");
                assert!(!is_clock || !is_named, "{uri} {member}");
                let path: Vec<&str> = path.iter().copied().chain([member.as_str()]).collect();
                assert!(
                    holds_named || is_known(&path) == (is_named || is_clock),
                    "{uri} {path:?} is named: {is_named}"
                );
                writeable += usize::from(is_named);
            }
        }
    }
    assert!(writeable > 20, "{writeable}");
}

#[test]
fn what_a_read_does_not_know_is_ignored_or_refused() {
    for_every_resource(|stub, uri, get| {
        let answer = send(stub, "GET", &format!("{uri}?colour=blue"), &[]);
        assert_eq!((answer.status(), answer.body()), (StatusCode::OK, get.body()), "{uri}");
        let answer = send(stub, "GET", &format!("{uri}?$colour=blue"), &[]);
        assert_eq!(answer.status(), StatusCode::NOT_IMPLEMENTED, "{uri}");
        assert!(is_error(&answer), "{uri}");
        for (version, status) in [("4.0", StatusCode::OK), ("4.1", StatusCode::PRECONDITION_FAILED)] {
            assert_eq!(send(stub, "GET", uri, &[("odata-version", version)]).status(), status, "{uri}");
        }
    });
}

//! Fuzz targets: functions from bytes to a verdict. A wrong answer is a panic.
//!
//! libFuzzer drives them (`fuzz_targets/`), the tests here replay what it found and try bytes of their own.

#![expect(clippy::panic, clippy::missing_panics_doc, reason = "that is how a verdict is told")]

mod engine;
mod socket;

use std::io::Read as _;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{ALLOW, CONTENT_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use kubevirt_redfish_core::kubevirt::{WatchStep, watches};
use kubevirt_redfish_core::model::Completion;
use kubevirt_redfish_core::time::Instant;
use kubevirt_redfish_fixtures::crawl::crawl;
use kubevirt_redfish_fixtures::history::{History, play};
use kubevirt_redfish_fixtures::judge::judge;
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::Value;

pub use engine::engine;
pub use socket::socket;

/// A whole request: its first line is `METHOD URI`, lines of headers follow, after a zero byte the body. Whatever cannot be
/// a request at all is passed over, as an HTTP library would refuse it.
pub fn request(data: &[u8]) {
    if let Some(request) = parse(data) {
        answer(request);
    }
}

fn parse(data: &[u8]) -> Option<Request<Bytes>> {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (head, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next().unwrap_or_default().splitn(2, |byte| *byte == b' ');
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = Method::from_bytes(words.next().unwrap_or_default()).ok()?;
    *request.uri_mut() = Uri::try_from(words.next().unwrap_or_default()).ok()?;
    append_headers(&mut request, lines);
    Some(request)
}

fn append_headers<'a>(request: &mut Request<Bytes>, lines: impl Iterator<Item = &'a [u8]>) {
    for line in lines {
        let mut sides = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(sides.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(sides.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().append(name, value);
        }
    }
}

/// The value of a query parameter; the first byte chooses the parameter and what is read with it.
pub fn query(data: &[u8]) {
    let Some((choice, value)) = data.split_first() else { return };
    let path = match choice % 4 {
        0 => "/redfish/v1/Systems",
        1 => "/redfish/v1/Systems/lab.node-0",
        2 => "/redfish/v1",
        _ => "/redfish/v1/Chassis",
    };
    let parameter = match choice / 4 % 8 {
        0 => "$filter=",
        1 => "$select=",
        2 => "$expand=",
        3 => "$top=",
        4 => "$skip=",
        5 => "$expand=*($levels=3)&$select=",
        6 => "$expand=.&$filter=",
        _ => "only=",
    };
    let value = percent_encoding::percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
    let Ok(uri) = Uri::try_from(format!("{path}?{parameter}{value}")) else { return };
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert("authorization", ALL);
    answer(request);
}

/// The body of a write by someone who may do everything; the first byte chooses what is written to, out of all that the
/// service allows to be written: see [`writes`].
pub fn write(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let targets = writes();
    let Some((method, uri)) = targets.get(usize::from(*choice) % targets.len().max(1)) else { return };
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.clone();
    request.headers_mut().insert("authorization", ALL);
    answer(request);
}

/// Headers of a request, each a line, after two bytes that choose a resource and a method.
pub fn headers(data: &[u8]) {
    let [resource, method, lines @ ..] = data else { return };
    let uris = reads();
    let Some(uri) = uris.get(usize::from(*resource) % uris.len().max(1)) else { return };
    let method = match method % 4 {
        0 => Method::GET,
        1 => Method::HEAD,
        2 => Method::PATCH,
        _ => Method::OPTIONS,
    };
    let mut request = Request::new(Bytes::from_static(b"{}"));
    *request.method_mut() = method;
    *request.uri_mut() = uri.clone();
    request.headers_mut().insert("authorization", ALL);
    append_headers(&mut request, lines.split(|byte| *byte == b'\n'));
    answer(request);
}

/// The `$filter` of a stream of events, and what the stream is then sent.
pub fn stream(data: &[u8]) {
    let filter = percent_encoding::percent_encode(data, percent_encoding::NON_ALPHANUMERIC);
    let Ok(uri) = Uri::try_from(format!("/redfish/v1/EventService/SSE?$filter={filter}")) else { return };
    let mut stub = stub();
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert("authorization", ALL);
    request.headers_mut().insert("accept", HeaderValue::from_static("text/event-stream"));
    let Some(response) = stub.request(request) else { panic!("a stream is opened at once or not at all") };
    if response.status() == StatusCode::OK {
        let mut event = Request::new(Bytes::from_static(br#"{"MessageId": "ResourceEvent.1.4.TestMessage"}"#));
        *event.method_mut() = Method::POST;
        *event.uri_mut() = Uri::from_static("/redfish/v1/EventService/Actions/EventService.SubmitTestEvent");
        event.headers_mut().insert("authorization", ALL);
        let status = stub.request(event).map(|response| response.status());
        assert_eq!(status, Some(StatusCode::NO_CONTENT));
    } else {
        judge(&Method::GET, false, &response);
    }
}

/// A configuration file: it is accepted, or refused with a place and a reason.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = kubevirt_redfish_app::config::parse("config.yaml", text) {
        assert!(error.to_string().contains("config.yaml"), "{error}");
    }
}

/// Everything that the service allows to be written, to the account that may do everything: what a crawl of all resources
/// finds, with the methods that each of them allows.
pub fn writes() -> &'static [(Method, Uri)] {
    static WRITES: OnceLock<Vec<(Method, Uri)>> = OnceLock::new();
    WRITES.get_or_init(|| {
        let mut stub = stub();
        let mut writes = Vec::new();
        for (uri, page) in crawl(&mut stub, "all") {
            let allow = page.headers.get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
            let methods = allow.split(", ").filter(|method| !matches!(*method, "GET" | "HEAD" | "OPTIONS"));
            writes.extend(methods.filter_map(|method| Some((method.parse().ok()?, uri.parse().ok()?))));
            targets(&page.body, &mut writes);
        }
        writes
    })
}

/// Every resource that there is.
fn reads() -> &'static [Uri] {
    static READS: OnceLock<Vec<Uri>> = OnceLock::new();
    READS.get_or_init(|| crawl(&mut stub(), "all").keys().filter_map(|uri| uri.parse().ok()).collect())
}

fn targets(value: &Value, writes: &mut Vec<(Method, Uri)>) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("target").and_then(Value::as_str) {
                writes.extend(target.parse().map(|uri| (Method::POST, uri)));
            }
            members.values().for_each(|value| targets(value, writes));
        }
        Value::Array(values) => values.iter().for_each(|value| targets(value, writes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A service with one of everything that can be made: an account, a session, a subscription.
fn stub() -> StubCluster {
    let mut stub = StubCluster::new();
    for (uri, body) in [
        (
            "/redfish/v1/AccountService/Accounts",
            r#"{"UserName": "made", "Password": "Password-1", "RoleId": "Operator"}"#,
        ),
        ("/redfish/v1/SessionService/Sessions", r#"{"UserName": "operator", "Password": "secret"}"#),
        (
            "/redfish/v1/EventService/Subscriptions",
            r#"{"Destination": "https://listener.example/", "Protocol": "Redfish", "Context": "made"}"#,
        ),
    ] {
        let mut request = Request::new(Bytes::from_static(body.as_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(uri);
        request.headers_mut().insert("authorization", ALL);
        let response = stub.request(request);
        assert!(response.is_some_and(|response| response.status() == StatusCode::CREATED), "{uri}");
    }
    stub.log.clear();
    stub
}

/// What a cluster might send on a watch, in pieces; the first byte chooses the watch and the second the pieces' size.
pub fn watch(data: &[u8]) {
    let [which, size, data @ ..] = data else { return };
    let mut all = watches(["lab"], 1);
    let index = usize::from(*which) % all.len().max(1);
    let Some(watch) = all.get_mut(index) else { return };
    let mut now = Instant::new(Duration::from_secs(1));
    // The same bytes as a list, and then as events.
    for _ in 0..2 {
        for _ in 0..MAX_STEPS {
            match watch.poll(now) {
                WatchStep::Send(_) => break,
                WatchStep::Read { until } | WatchStep::WaitUntil(until) => now = now.max(until),
            }
        }
        watch.handle_head(now, &Response::new(()));
        for piece in data.chunks(usize::from(*size) + 1) {
            watch.handle_data(now, piece);
            while watch.poll_observation().is_some() {}
        }
        watch.handle_end(now, Ok(()));
        while watch.poll_observation().is_some() {}
    }
}

/// A history of clients, people, guests, faults and restarts, four bytes for each step.
pub fn history(data: &[u8]) {
    play(&History::from_bytes(data));
}

/// Sends a request and judges the answer.
fn answer(request: Request<Bytes>) {
    let method = request.method().clone();
    // Then the header's tag is for all that was brought in, and the member's for the resource alone.
    let expanded = request.uri().query().is_some_and(|query| query.contains("expand"));
    let mut stub = stub();
    let mut responses: Vec<_> = stub.request(request).into_iter().collect();
    while !stub.commands.is_empty() {
        responses.extend(stub.complete(Ok(Completion::default())));
    }
    let [response] = responses.as_mut_slice() else { panic!("{} answers", responses.len()) };
    decode(response);
    judge(&method, expanded, response);
    let commanded = stub.log.iter().any(|line| line.starts_with("command"));
    assert!(!(commanded && response.status().is_client_error()), "a 4xx has done nothing");
}

/// Takes the content coding off a body.
fn decode(response: &mut Response<Bytes>) {
    if response.headers().contains_key(CONTENT_ENCODING) && !response.body().is_empty() {
        let mut body = Vec::new();
        let read = GzDecoder::new(&**response.body()).read_to_end(&mut body);
        assert!(read.is_ok(), "a body that is not what it says");
        *response.body_mut() = body.into();
    }
}

/// Who may do everything to everything: `all`, with the password `secret`.
const ALL: HeaderValue = HeaderValue::from_static("Basic YWxsOnNlY3JldA==");

/// More steps than any watch takes before it sends something.
const MAX_STEPS: usize = 10;

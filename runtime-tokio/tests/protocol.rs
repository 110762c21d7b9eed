//! HTTP itself, over sockets: what no client library would send, and what comes back.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use http::StatusCode;
use serde_json::Value;
use support::client::raw;
use support::{Service, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ADMIN: &str = "Authorization: Basic YWRtaW46c2VjcmV0\r\n";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const LOG_IN: &str = r#"{"UserName": "admin", "Password": "secret"}"#;

/// A connection on which bytes are sent as they are, and answers read one by one.
struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let is = |line: &&str| line.split(':').next().is_some_and(|known| known.eq_ignore_ascii_case(name));
        self.head.lines().find(is).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    fn message_id(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        body["error"]["@Message.ExtendedInfo"][0]["MessageId"].as_str().unwrap_or_default().to_owned()
    }
}

impl Wire {
    async fn connect(service: &Service) -> Self {
        let address = service.url.split_once("://").unwrap().1;
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer, which has no body: `None` if the connection has ended.
    async fn head(&mut self) -> Option<Answer> {
        let head = loop {
            match self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break self.unread.drain(..end + 4).collect::<Vec<u8>>(),
                None => self.read().await?,
            }
        };
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head, body: String::new() })
    }

    /// The next answer; `None` if the connection has ended.
    async fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head().await?;
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            self.read().await?;
        }
        answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        Some(answer)
    }

    async fn read(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let read = timeout(support::PATIENCE, self.stream.read(&mut buffer)).await.unwrap().unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..read]);
        (read > 0).then_some(())
    }

    /// Whether the connection still is of use.
    async fn is_open(&mut self) -> bool {
        self.send("GET /redfish HTTP/1.1\r\nHost: a\r\n\r\n").await;
        self.answer().await.is_some_and(|answer| answer.status == 200)
    }
}

fn request(method: &str, uri: &str, headers: &str, body: &str) -> String {
    format!("{method} {uri} HTTP/1.1\r\nHost: bmc.example\r\n{headers}\r\n{body}")
}

/// A service that knows its accounts and machines.
async fn started() -> Service {
    let service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await;
    for known in ["/redfish/v1/Systems", SESSIONS] {
        eventually(async || client.get(known).await, |answer| answer.status == StatusCode::OK).await;
    }
    service
}

/// K9: a body in chunks is a body, and the connection is as good as before; with trailers as well.
#[tokio::test]
async fn a_body_in_chunks_leaves_the_connection_open() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    let chunked = "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n";
    let (first, rest) = LOG_IN.split_at(10);
    for body in [
        format!("{:x}\r\n{LOG_IN}\r\n0\r\n\r\n", LOG_IN.len()),
        format!("{:x}\r\n{first}\r\n{:x};a=b\r\n{rest}\r\n0\r\n\r\n", first.len(), rest.len()),
        format!("{:x}\r\n{LOG_IN}\r\n0\r\nX-Trailer: 1\r\n\r\n", LOG_IN.len()),
    ] {
        wire.send(&request("POST", SESSIONS, chunked, &body)).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (201, None), "{answer:?}");
    }
    // One that nobody wants is read all the same, and one that is refused.
    for (method, uri, status) in [("GET", "/redfish/v1", 200), ("POST", "/redfish/v1/Systems", 401)] {
        wire.send(&request(method, uri, chunked, "5\r\n{\"a\":\r\n0\r\n\r\n")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (status, None), "{answer:?}");
    }
    assert!(wire.is_open().await);
}

/// K8, M3 over a socket: the answer is Redfish's, and the connection stays.
#[tokio::test]
async fn a_request_without_a_host_is_answered_with_an_error_of_redfish() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    for (hosts, id) in [
        ("", "Base.1.22.HeaderMissing"),
        ("Host: a\r\nHost: a\r\n", "Base.1.22.HeaderInvalid"),
        ("Host: a b\r\n", "Base.1.22.HeaderInvalid"),
        ("Host: user@a\r\n", "Base.1.22.HeaderInvalid"),
        ("Host:\r\n", "Base.1.22.HeaderInvalid"),
    ] {
        wire.send(&format!("GET /redfish/v1 HTTP/1.1\r\n{hosts}\r\n")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.message_id().as_str()), (400, id), "{hosts}");
        assert!(answer.header("x-request-id").is_some());
    }
    wire.send("GET http://bmc.example/redfish/v1 HTTP/1.1\r\nHost: bmc.example\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    wire.send("OPTIONS * HTTP/1.1\r\nHost: bmc.example\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 204);
    wire.send("CONNECT bmc.example:443 HTTP/1.1\r\nHost: bmc.example\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 501);
    let mut wire = Wire::connect(&service).await;
    wire.send("GET /redfish/v1 HTTP/1.0\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    assert!(wire.answer().await.is_none(), "HTTP/1.0 ends with its answer");
    let mut wire = Wire::connect(&service).await;
    wire.send("GET /redfish/v1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("keep-alive")));
    assert!(wire.is_open().await, "unless it asks for more");
}

/// L7: heads that the parser refuses before anything of ours sees them.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_with_an_error_of_redfish() {
    let service = started().await;
    let many = "X: 1\r\n".repeat(300);
    let cases = [
        ("no request at all\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /redfish/v1\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /redfish/v1 HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /redfish/v1 HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /redfish/v1 HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /redfish/v1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /redfish/v1 HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        (request("POST", SESSIONS, "Content-Length: x\r\n", ""), 400, "MalformedRequest"),
        (request("POST", SESSIONS, "Content-Length: -1\r\n", ""), 400, "MalformedRequest"),
        (request("POST", SESSIONS, "Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), 400, "MalformedRequest"),
        (request("POST", SESSIONS, "Transfer-Encoding: gzip\r\n", ""), 400, "MalformedRequest"),
        (request("POST", SESSIONS, "Transfer-Encoding: chunked, gzip\r\n", ""), 400, "MalformedRequest"),
        (request("GET", "/redfish/v1", &many, ""), 431, "HeadTooLarge"),
        (request("GET", "/redfish/v1", &format!("X: {}\r\n", "x".repeat(200_000)), ""), 431, "HeadTooLarge"),
        (request("GET", &format!("/{}", "x".repeat(200_000)), "", ""), 414, "HeadTooLarge"),
        (request("GET", &format!("/redfish/v1/{}", "x".repeat(20_000)), "", ""), 414, "HeadTooLarge"),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{7c}".to_owned(), 400, "MalformedRequest"),
    ];
    for (bytes, status, id) in &cases {
        let mut wire = Wire::connect(&service).await;
        // One that is in order first: what follows it is the same.
        for before in [0, 1] {
            if before == 1 {
                wire = Wire::connect(&service).await;
                assert!(wire.is_open().await);
            }
            let about = bytes.chars().take(60).collect::<String>();
            // All of it may be more than is taken.
            let _ = wire.stream.write_all(bytes.as_bytes()).await;
            let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer to {about}"));
            assert_eq!(answer.status, *status, "{about}: {answer:?}");
            assert_eq!(answer.message_id(), format!("KubeVirt.1.0.{id}"), "{about}");
            for name in ["content-type", "odata-version", "x-request-id", "date", "server"] {
                assert!(answer.header(name).is_some(), "{name}: {answer:?}");
            }
            if answer.header("connection") == Some("close") {
                assert!(wire.answer().await.is_none(), "{about}");
            }
        }
    }
    // Behind one that is in order, in one piece with it.
    let both = format!("{}{}", request("GET", "/redfish/v1", "", ""), "no request at all\r\n\r\n");
    let mut wire = Wire::connect(&service).await;
    wire.send(&both).await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    assert_eq!(wire.answer().await.unwrap().message_id(), "KubeVirt.1.0.MalformedRequest");
}

/// What may be meant in two ways by a proxy and a server is taken in the one way that the standard has, and is the last
/// on its connection.
#[tokio::test]
async fn a_body_with_two_lengths_smuggles_nothing() {
    let service = started().await;
    let smuggled = "GET /redfish/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let body = format!("{:x}\r\n{LOG_IN}\r\n0\r\n\r\n", LOG_IN.len());
    for headers in
        ["Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"]
    {
        let mut wire = Wire::connect(&service).await;
        wire.send(&(request("POST", SESSIONS, headers, &body) + smuggled)).await;
        let answer = wire.answer().await.unwrap();
        assert!(matches!(answer.status, 201 | 400), "{answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "RFC 9112 section 6.3");
        assert!(wire.answer().await.is_none());
    }
}

/// Requests one behind the other are answered in their order; so is who asks first whether to send the body.
#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    let log_in = request("POST", SESSIONS, &format!("Content-Length: {}\r\n", LOG_IN.len()), LOG_IN);
    let get = |uri: &str| request("GET", uri, "", "");
    let head = request("HEAD", "/redfish/v1/odata", "", "");
    wire.send(&[get("/redfish"), log_in, get("/redfish/v1/nothing"), get("/redfish/v1"), get("/")].concat()).await;
    for status in [200, 201, 401, 200, 308] {
        assert_eq!(wire.answer().await.unwrap().status, status);
    }
    wire.send(&head).await;
    let mut buffer = [0; 4096];
    let read = wire.stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].ends_with(b"\r\n\r\n"), "HEAD has no body");
    let headers = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", LOG_IN.len());
    wire.send(&request("POST", SESSIONS, &headers, "")).await;
    assert_eq!(wire.answer().await.unwrap().status, 100);
    wire.send(LOG_IN).await;
    assert_eq!(wire.answer().await.unwrap().status, 201);
    // Who is refused has not sent the body, and may not send it any more.
    wire.send(&request("PATCH", "/redfish/v1/Systems/lab.node-0", &headers, "")).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    assert!(wire.answer().await.is_none());
    let miracles = request("POST", SESSIONS, "Expect: miracles\r\nConnection: close\r\n", "");
    let answer = raw(&service.url, miracles.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
}

/// L2, L8, N4 over a socket, where a library may stand in the way.
#[tokio::test]
async fn what_is_odd_in_a_head_is_understood_or_refused_with_a_reason() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    let twice = format!("{ADMIN}{ADMIN}");
    for (method, uri, headers, status) in [
        ("GET", "/", "Accept: text/html,*/*;q=0.8\r\n", 308),
        ("GET", "/redfish/v1", "Accept: text/html\r\n", 200),
        ("GET", "/favicon.ico", "", 404),
        ("GET", "/redfish/v1/%24metadata", "", 200),
        ("GET", "/redfish/v1/Systems/lab%2Enode%2D0", ADMIN, 200),
        ("GET", "/redfish/v1/Systems%2Flab.node-0", ADMIN, 404),
        ("GET", "/redfish/v1/Systems/lab.node-0", twice.as_str(), 400),
        ("GET", "/redfish/v1/", twice.as_str(), 200),
        ("TRACE", "/redfish/v1/Systems", ADMIN, 405),
    ] {
        wire.send(&request(method, uri, headers, "")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, status, "{method} {uri}: {answer:?}");
    }
    let encoded = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", LOG_IN.len());
    wire.send(&request("POST", SESSIONS, &encoded, LOG_IN)).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("identity")));
    assert!(wire.is_open().await);
}

/// A body that cannot be read is told from one that is no JSON; nothing that follows it is taken for a request.
#[tokio::test]
async fn a_body_that_is_broken_off_is_refused_as_such() {
    let service = started().await;
    let smuggled = "GET /redfish/v1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for body in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "fffffffffffffffff\r\n{}"] {
        let mut wire = Wire::connect(&service).await;
        wire.send(&(request("POST", SESSIONS, chunked, body) + smuggled)).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{body}: {answer:?}");
        assert_eq!(answer.message_id(), "KubeVirt.1.0.MalformedRequest", "{body}");
        assert!(wire.answer().await.is_none(), "{body}");
    }
    // The client has no more to say.
    for headers in [chunked, "Content-Length: 100\r\n"] {
        let mut wire = Wire::connect(&service).await;
        wire.send(&request("POST", SESSIONS, headers, "2\r\n{}\r\n")).await;
        wire.stream.shutdown().await.unwrap();
        if let Some(answer) = wire.answer().await {
            assert_eq!((answer.status, answer.message_id().as_str()), (400, "KubeVirt.1.0.MalformedRequest"));
        }
    }
    // Too large, with and without saying so before.
    let large = "x".repeat(20_000);
    let announced = format!("Content-Length: {}\r\n", large.len());
    for (headers, body) in
        [(announced.as_str(), large.clone()), (chunked, format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len()))]
    {
        let mut wire = Wire::connect(&service).await;
        wire.send(&request("POST", SESSIONS, headers, &body)).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.message_id().as_str()), (413, "Base.1.22.PayloadTooLarge"));
        assert!(wire.is_open().await, "what was sent has been read");
    }
    let mut wire = Wire::connect(&service).await;
    wire.send(&request("POST", SESSIONS, "Content-Length: 100000000\r\n", "{")).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(wire.answer().await.is_none(), "nobody waits for the rest");
}

/// RFC 9112 section 6: how long a body is has one answer.
#[tokio::test]
async fn the_length_of_a_body_is_said_once() {
    let service = started().await;
    let length = LOG_IN.len();
    let chunks = format!("{length:x}\r\n{LOG_IN}\r\n0\r\n\r\n");
    let smuggled = "GET /redfish/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (version, headers, body) in [
        // Who wrote it does not know chunks (section 6.1).
        ("1.0", "Transfer-Encoding: chunked\r\n".to_owned(), chunks.as_str()),
        ("1.1", "Transfer-Encoding: identity\r\n".to_owned(), LOG_IN),
        ("1.1", "Transfer-Encoding: xchunked\r\n".to_owned(), &chunks),
        ("1.1", format!("Content-Length: {length}, {length}\r\n"), LOG_IN),
        ("1.1", format!("Content-Length: +{length}\r\n"), LOG_IN),
        ("1.1", format!("Content-Length: 0x{length:x}\r\n"), LOG_IN),
        ("1.1", format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), LOG_IN),
        ("1.1", "Content-Length: 18446744073709551616\r\n".to_owned(), LOG_IN),
    ] {
        let mut wire = Wire::connect(&service).await;
        wire.send(&format!("POST {SESSIONS} HTTP/{version}\r\nHost: a\r\n{headers}\r\n{body}{smuggled}")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, 400, "{version} {headers}: {answer:?}");
        assert!(wire.answer().await.is_none(), "{version} {headers}");
    }
    for (coding, status) in
        [("chunked, chunked", 400), ("chunked\r\nTransfer-Encoding: chunked", 400), ("gzip, chunked", 501)]
    {
        let mut wire = Wire::connect(&service).await;
        wire.send(&request("POST", SESSIONS, &format!("Transfer-Encoding: {coding}\r\n"), &chunks)).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.message_id().as_str()), (status, "Base.1.22.HeaderInvalid"), "{coding}");
    }
    // Said twice in the same way it is one answer; a name that only looks like it says nothing.
    let twice = format!("Content-Length: {length}\r\nContent-Length: {length}\r\n");
    let mut wire = Wire::connect(&service).await;
    wire.send(&request("POST", SESSIONS, &twice, LOG_IN)).await;
    assert!(matches!(wire.answer().await.unwrap().status, 201 | 400));
    let mut wire = Wire::connect(&service).await;
    wire.send(&request("POST", SESSIONS, &format!("Content_Length: {length}\r\n"), "")).await;
    assert_eq!(wire.answer().await.unwrap().status, 400, "it has no body");
    assert!(wire.is_open().await);
}

/// What stands in a head more than once, or in a name that is nearly one.
#[tokio::test]
async fn a_header_that_stands_twice_is_not_half_believed() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    let length = format!("Content-Length: {}\r\n", LOG_IN.len());
    wire.send(&request("POST", SESSIONS, &length, LOG_IN)).await;
    let token = wire.answer().await.unwrap().header("x-auth-token").unwrap().to_owned();
    let node = "/redfish/v1/Systems/lab.node-0";
    for (headers, status) in [
        (format!("X-Auth-Token: {token}\r\n"), 200),
        (format!("X-Auth-Token: {token}\r\nX-Auth-Token: {token}\r\n"), 400),
        (format!("X-Auth-Token: {token}\r\nX-Auth-Token: none\r\n"), 400),
        (format!("X_Auth_Token: {token}\r\n"), 401),
        (format!("X-Auth-Token : {token}\r\n"), 400),
        (format!("{ADMIN}X-Auth-Token: {token}\r\n"), 200),
        (format!("{ADMIN}X-Auth-Token: dead\r\n"), 401),
        (format!("{ADMIN}OData-Version: 4.0\r\nOData-Version: 4.0\r\n"), 200),
        (format!("{ADMIN}OData-Version: 4.0\r\nOData-Version: 4.1\r\n"), 412),
        (format!("{ADMIN}Accept: text/plain\r\nAccept: application/json\r\n"), 200),
        (format!("{ADMIN}If-None-Match: \"x\"\r\nIf-None-Match: *\r\n"), 400),
        (format!("{ADMIN}If-Match: junk\r\n"), 400),
        (format!("{ADMIN}If-Match: \"x\"\r\n"), 412),
        (format!("{ADMIN}If-Match: \"x\"\r\nIf-Match: \"y\"\r\n"), 412),
        (format!("{ADMIN}If-Match: *\r\n"), 200),
        (format!("{ADMIN}If_Match: junk\r\n"), 200),
        (format!("{ADMIN}Range: bytes=0-1\r\nIf-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT\r\n"), 200),
    ] {
        let mut wire = Wire::connect(&service).await;
        wire.send(&request("GET", node, &headers, "")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
    }
    // M8: nothing is made upon a precondition that cannot hold, however it is put.
    let body = r#"{"AssetTag": "7"}"#;
    for (headers, status) in [
        ("If-None-Match: *\r\n", 412),
        ("If-None-Match: W/\"x\"\r\n", 200),
        ("If-Match: \"x\"\r\n", 412),
        ("If-Match: \"x\"\r\nIf-Match: *\r\n", 412),
        ("If-Match: *\r\n", 200),
        ("If-Match: *\r\nIf-None-Match: *\r\n", 412),
        ("If_Match: \"x\"\r\n", 200),
    ] {
        let mut wire = Wire::connect(&service).await;
        let headers = format!("{ADMIN}{headers}Content-Length: {}\r\n", body.len());
        wire.send(&request("PATCH", node, &headers, body)).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
        assert!(wire.is_open().await);
    }
}

/// Paths and queries as they come, and methods that hardly anybody sends.
#[tokio::test]
async fn odd_targets_and_methods_get_an_answer_and_the_connection_stays() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    let node = "/redfish/v1/Systems/lab.node-0";
    let long = format!("/redfish/v1/Systems?{}", "unknown=1&".repeat(700));
    let longer = format!("/redfish/v1/Systems?{}", "unknown=1&".repeat(900));
    for (method, uri, status) in [
        ("GET", "/redfish/v1/Systems/", 200),
        ("GET", "/redfish/v1/Systems//", 404),
        ("GET", "/redfish/v1//Systems", 404),
        ("GET", "//redfish/v1/Systems", 404),
        ("GET", "/redfish/", 200),
        ("GET", "/redfish/v1/Systems/lab.node-0/", 200),
        ("GET", "/redfish/v1/Systems?", 200),
        ("GET", "/redfish/v1/Systems?unknown", 200),
        ("GET", "/redfish/v1/Systems?unknown=1&&_=2", 200),
        ("GET", "/redfish/v1/Systems?$unknown=1", 501),
        ("GET", "/redfish/v1/Systems?%24unknown=1", 501),
        ("GET", "/redfish/v1/Systems?$top=1&$top=1", 400),
        ("GET", long.as_str(), 200),
        ("GET", longer.as_str(), 414),
        ("GET", "http://other.example/redfish/v1/Systems", 200),
        ("GET", "HTTP://bmc.example/redfish/v1/Systems", 200),
        ("GET", "ftp://bmc.example/redfish/v1/Systems", 400),
        ("HEAD", "/redfish/v1/Systems?$unknown=1", 501),
        ("OPTIONS", node, 204),
        ("OPTIONS", "/redfish/v1/Systems/none", 404),
        ("TRACE", node, 405),
        ("CONNECT", "bmc.example:443", 501),
        ("get", node, 405),
        ("PUT", node, 405),
        ("PRI", node, 405),
        ("DELETE", node, 405),
        ("M-SEARCH", "*", 501),
    ] {
        wire.send(&request(method, uri, ADMIN, "")).await;
        if method == "HEAD" {
            // Its answer has a length and no body.
            wire.send(&request("GET", "/redfish", "", "")).await;
            let head = wire.head().await.unwrap();
            assert_eq!(head.status, status, "{uri}: {head:?}");
            assert_eq!(wire.answer().await.unwrap().status, 200, "the next answer follows at once");
            continue;
        }
        let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer to {method} {uri}"));
        let about = uri.chars().take(80).collect::<String>();
        assert_eq!(answer.status, status, "{method} {about}: {answer:?}");
        assert_eq!(answer.header("allow").is_some(), matches!(status, 200 | 204 | 405), "{method} {about}");
        if status >= 400 {
            assert!(!answer.message_id().is_empty(), "{method} {about}");
        }
        assert_eq!(answer.header("connection"), None, "{method} {about}");
    }
    for (method, uri, body, status) in [
        ("PATCH", format!("{node}?unknown=1"), r#"{"AssetTag": "7"}"#, 200),
        ("PATCH", format!("{node}?$select=Id"), r#"{"AssetTag": "7"}"#, 400),
        ("PATCH", format!("{node}?$unknown=1"), r#"{"AssetTag": "7"}"#, 501),
        ("PATCH", format!("{node}/"), r#"{"AssetTag": "7"}"#, 200),
        ("PATCH", node.to_owned(), "", 400),
        ("PATCH", node.to_owned(), "{}", 400),
        ("POST", format!("{node}/Actions/ComputerSystem.Reset/"), r#"{"ResetType": "On"}"#, 204),
        ("POST", format!("{node}/Actions/ComputerSystem.Reset?only"), r#"{"ResetType": "On"}"#, 400),
        ("POST", format!("{node}/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia"), "", 204),
        ("GET", node.to_owned(), "{}", 200),
        ("DELETE", "/redfish/v1/SessionService/Sessions/none".to_owned(), "{}", 404),
        ("OPTIONS", node.to_owned(), "{}", 204),
    ] {
        let headers = format!("{ADMIN}Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        wire.send(&request(method, &uri, &headers, body)).await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer to {method} {uri}"));
        assert_eq!(answer.status, status, "{method} {uri}: {answer:?}");
        assert_eq!(answer.header("connection"), None, "{method} {uri}");
    }
}

/// HEAD of a stream says what GET would, and ends.
#[tokio::test]
async fn head_of_a_stream_ends_at_once() {
    let service = started().await;
    let mut wire = Wire::connect(&service).await;
    let headers = format!("{ADMIN}Accept: text/event-stream\r\n");
    wire.send(&request("HEAD", "/redfish/v1/EventService/SSE", &headers, "")).await;
    let head = wire.head().await.unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert!(wire.is_open().await);
}

/// K5 over sockets: a hundred clients who each change the same system at the same moment each see their own change.
#[tokio::test]
async fn a_hundred_clients_who_change_one_system_at_once_are_all_served() {
    let service = started().await;
    let mut clients = Vec::new();
    for number in 0..100 {
        let mut wire = Wire::connect(&service).await;
        clients.push(tokio::spawn(async move {
            let body = format!(r#"{{"AssetTag": "tag-{number}"}}"#);
            let headers = format!("{ADMIN}Content-Length: {}\r\n", body.len());
            wire.send(&request("PATCH", "/redfish/v1/Systems/lab.node-0", &headers, &body)).await;
            wire.answer().await.unwrap()
        }));
    }
    for (number, client) in clients.into_iter().enumerate() {
        let answer = client.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["AssetTag"], format!("tag-{number}"));
    }
}

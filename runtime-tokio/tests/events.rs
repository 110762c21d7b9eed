//! Events over sockets: pushed to a server of the test's own, and read from streams.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base64::Engine as _;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Client, PATIENCE, Service, eventually};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";

/// A server that takes one request at a time.
struct Listener(TcpListener);

/// What was sent to it.
struct Sent {
    head: String,
    body: Value,
}

impl Listener {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/events?key=a", self.0.local_addr().unwrap())
    }

    /// Takes one request and answers it with `status`.
    async fn take(&self, status: &str) -> Sent {
        let (stream, _) = timeout(PATIENCE, self.0.accept()).await.expect("a delivery in time").unwrap();
        let mut stream = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            if line.trim().is_empty() {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: http://169.254.169.254/\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        Sent { head, body: serde_json::from_slice(&body).unwrap() }
    }
}

/// A stream of events, as a client without a library for them reads it.
struct Stream(BufReader<TcpStream>);

impl Stream {
    async fn open(url: &str, headers: &str) -> (String, Self) {
        let mut stream = BufReader::new(TcpStream::connect(url.split_once("://").unwrap().1).await.unwrap());
        let credentials = base64::prelude::BASE64_STANDARD.encode("admin:secret");
        let request = format!(
            "GET /redfish/v1/EventService/SSE HTTP/1.1\r\nhost: bmc.example\r\nauthorization: Basic {credentials}\r\n\
             accept: text/event-stream\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(timeout(PATIENCE, stream.read_line(&mut head)).await.unwrap().unwrap() > 0, "{head}");
        }
        (head, Self(stream))
    }

    /// The id and the data of the next message; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        let mut id = String::new();
        loop {
            let mut line = String::new();
            if timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a message in time").unwrap_or(0) == 0 {
                return None;
            }
            // What marks the chunks of the body is neither.
            if let Some(text) = line.strip_prefix("id: ") {
                text.trim().clone_into(&mut id);
            }
            if let Some(text) = line.strip_prefix("data: ") {
                return Some((id, serde_json::from_str(text).unwrap()));
            }
            if line == "0\r\n" {
                return None;
            }
        }
    }
}

/// A client of a service that knows its cluster and what it has stored there.
async fn ready(service: &Service) -> Client {
    let mut client = service.client().await;
    for known in ["/redfish/v1/Systems", SUBSCRIPTIONS] {
        eventually(async || client.get(known).await.status, |status| *status == StatusCode::OK).await;
    }
    client
}

async fn subscribe(client: &mut Client, body: &Value) -> String {
    let answer = client.post(SUBSCRIPTIONS, &body.to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn a_test_event_arrives_with_its_context_and_headers() {
    let service = Service::simulate(&["--tls", "off", "--systems", "1"]);
    let (mut client, listener) = (ready(&service).await, Listener::start().await);
    let location = subscribe(
        &mut client,
        &json!({ "Destination": listener.url(), "Protocol": "Redfish", "Context": "mine", "HttpHeaders": [{ "X-Token": "abc" }] }),
    )
    .await;
    let submit = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent";
    let test = json!({ "MessageId": "Base.1.22.Success", "Message": "Hello" }).to_string();
    assert_eq!(client.post(submit, &test).await.status, StatusCode::NO_CONTENT);
    let sent = listener.take("204 No Content").await;
    assert!(sent.head.starts_with("post /events?key=a http/1.1"), "{}", sent.head);
    assert!(
        sent.head.contains("x-token: abc") && sent.head.contains("content-type: application/json"),
        "{}",
        sent.head
    );
    assert_eq!(sent.body["Context"], "mine");
    assert_eq!(sent.body["Events"][0]["MessageId"], "Base.1.22.Success");
    // A redirect is no success, and is not followed.
    assert_eq!(client.post(submit, &test).await.status, StatusCode::NO_CONTENT);
    listener.take("307 Temporary Redirect").await;
    eventually(async || client.get(&location).await.json()["Status"]["Health"].clone(), |health| health == "Warning")
        .await;
    assert_eq!(client.send(Method::DELETE, &location, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.get(&location).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn certificates_are_verified_if_that_is_asked_for() {
    let service = Service::simulate(&["--tls", "off", "--systems", "1"]);
    let (mut client, listener) = (ready(&service).await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let acceptor = kubevirt_redfish_app::tls::self_signed("127.0.0.1").unwrap();
    let destination = format!("https://{}/", listener.local_addr().unwrap());
    for verify in [false, true] {
        let body = json!({ "Destination": destination, "Protocol": "Redfish", "VerifyCertificate": verify });
        let location = subscribe(&mut client, &body).await;
        let test = "/redfish/v1/EventService/Actions/EventService.TestEventSubscription";
        assert_eq!(client.post(test, "").await.status, StatusCode::NO_CONTENT);
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        match tokio_rustls::TlsAcceptor::from(acceptor.clone()).accept(stream).await {
            Ok(mut stream) => {
                assert!(!verify, "nobody vouches for the certificate");
                let mut start = [0; 4];
                stream.read_exact(&mut start).await.unwrap();
                assert_eq!(&start, b"POST");
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
            Err(_) => assert!(verify, "whatever the certificate"),
        }
        assert_eq!(client.send(Method::DELETE, &location, &[], "").await.status, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_sent_away() {
    let service = Service::simulate(&["--tls", "off", "--systems", "1"]);
    let mut client = ready(&service).await;
    let (_, _unread) = Stream::open(&service.url, "").await;
    let args: Vec<String> = (0..16).map(|_| "x".repeat(2_000)).collect();
    let test = json!({ "MessageId": "Base.1.22.Success", "MessageArgs": args }).to_string();
    let submit = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent";
    eventually(
        async || {
            assert_eq!(client.post(submit, &test).await.status, StatusCode::NO_CONTENT);
            client.get(SUBSCRIPTIONS).await.json()["Members@odata.count"].clone()
        },
        |count| *count == 0,
    )
    .await;
}

#[tokio::test]
async fn a_stream_tells_of_a_power_change_and_ends_with_its_subscription() {
    let service = Service::simulate(&["--tls", "off", "--systems", "1"]);
    let mut client = ready(&service).await;
    let (head, mut stream) = Stream::open(&service.url, "").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    let reset = format!("{NODE}/Actions/ComputerSystem.Reset");
    assert_eq!(client.post(&reset, "{\"ResetType\": \"On\"}").await.status, StatusCode::NO_CONTENT);
    let mut seen = Vec::new();
    let (last, event) = loop {
        let (id, event) = stream.next().await.expect("the stream goes on");
        seen.push(event["Events"][0]["MessageId"].as_str().unwrap().to_owned());
        if seen.last().unwrap().ends_with("ResourcePoweredOn") {
            break (id, event);
        }
    };
    assert_eq!(event["Events"][0]["OriginOfCondition"]["@odata.id"], NODE, "{seen:?}");
    let members = client.get(SUBSCRIPTIONS).await.json();
    let location = members["Members"][0]["@odata.id"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&location).await.json()["SubscriptionType"], "SSE");
    assert_eq!(client.send(Method::DELETE, &location, &[], "").await.status, StatusCode::NO_CONTENT);
    while stream.next().await.is_some() {}

    // Who comes back is sent what came after what they read last.
    let off = client.post(&reset, "{\"ResetType\": \"ForceOff\"}").await;
    assert_eq!(off.status, StatusCode::NO_CONTENT);
    eventually(async || client.get(NODE).await.json()["PowerState"].clone(), |state| state == "Off").await;
    let (_, mut stream) = Stream::open(&service.url, &format!("last-event-id: {last}\r\n")).await;
    loop {
        let (_, event) = stream.next().await.expect("the stream goes on");
        let id = event["Events"][0]["MessageId"].as_str().unwrap().to_owned();
        assert!(!id.ends_with("ResourcePoweredOn"), "that was read before");
        if id.ends_with("ResourcePoweredOff") {
            break;
        }
    }
    // A client that hangs up takes its subscription with it.
    drop(stream);
    eventually(async || client.get(SUBSCRIPTIONS).await.json()["Members@odata.count"].clone(), |count| count == 0)
        .await;
}

#[tokio::test]
async fn an_open_stream_does_not_keep_the_service_from_ending() {
    let mut service = Service::simulate(&["--tls", "off", "--systems", "1"]);
    ready(&service).await;
    let (_, mut stream) = Stream::open(&service.url, "").await;
    let begin = std::time::Instant::now();
    service.terminate();
    while stream.next().await.is_some() {}
    assert!(service.exit_status().success());
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
}

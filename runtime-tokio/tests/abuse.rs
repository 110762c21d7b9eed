//! Clients that do what no client should: what they take is bounded, and others are served meanwhile.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{Client, PATIENCE, Service, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

const SYSTEMS: &str = "/redfish/v1/Systems";
const STREAM: &str = "/redfish/v1/EventService/SSE";

async fn ready(service: &Service) {
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
}

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(service.url.split_once("://").unwrap().1).await.unwrap()
}

/// Somebody else is served, and soon.
async fn assert_served(service: &Service) {
    let begin = Instant::now();
    assert_eq!(service.client().await.get(SYSTEMS).await.status, StatusCode::OK);
    assert!(begin.elapsed() < PATIENCE / 4, "{:?}", begin.elapsed());
}

/// Resident memory in MiB.
fn resident(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

/// D11: more of them than one client may have, and none gets to a request.
#[tokio::test]
async fn connections_that_never_finish_a_handshake_a_head_or_a_body_keep_nobody_out() {
    let beginnings: [(&[&str], &[u8]); 4] = [
        (&[], b""),
        (&[], b"\x16\x03\x01\x02\x00"),
        (&["--tls", "off"], b"GET /redfish/v1 HTTP/1.1\r\nhost: x\r\nx-slow: "),
        (
            &["--tls", "off"],
            b"POST /redfish/v1/SessionService/Sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
              content-length: 4000\r\n\r\n{",
        ),
    ];
    for (args, beginning) in beginnings {
        let service = Service::simulate(args);
        ready(&service).await;
        let mut open = Vec::new();
        for _ in 0..300 {
            let mut stream = connect(&service).await;
            stream.write_all(beginning).await.unwrap();
            open.push(stream);
        }
        assert_served(&service).await;
        // One byte now and then changes nothing.
        for stream in &mut open {
            let _ = stream.write_all(b"x").await;
        }
        assert_served(&service).await;
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// CVE-2023-44487, and floods of what has to be answered; nobody reads the answers.
#[tokio::test]
async fn floods_of_frames_end_their_connection_or_wait() {
    let service = Service::simulate(&["--tls", "off"]);
    ready(&service).await;
    // `:method GET`, `:scheme http`, `:path /redfish/v1`, `:authority x`.
    let head = b"\x82\x86\x44\x0b/redfish/v1\x41\x01x";
    let resets: Vec<u8> = (0..20_000_u32)
        .flat_map(|number| {
            let stream = 2 * number + 1;
            [frame(1, 0b101, stream, head), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
        })
        .collect();
    let pings = frame(6, 0, 0, &[7; 8]).repeat(400_000);
    let settings = frame(4, 0, 0, &[]).repeat(400_000);
    let before = resident(&service);
    for (what, flood) in [("resets", resets), ("pings", pings), ("settings", settings)] {
        let mut stream = connect(&service).await;
        stream.write_all(PREFACE).await.unwrap();
        // Until the service takes no more, or has closed the connection.
        let _ = timeout(Duration::from_secs(2), stream.write_all(&flood)).await;
        assert_served(&service).await;
        let after = resident(&service);
        assert!(after < before + 64, "{what}: {before} MiB became {after} MiB");
        if what == "resets" {
            let mut answer = Vec::new();
            let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection is closed");
        }
    }
}

/// Answers wait for their client only up to a bound; beyond that it is not answered at all.
#[tokio::test]
async fn answers_that_nobody_takes_do_not_pile_up() {
    let service = Service::simulate(&["--tls", "off", "--systems", "1000"]);
    ready(&service).await;
    let before = resident(&service);
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let io = TokioIo::new(connect(&service).await);
        let mut builder = Builder::new(TokioExecutor::new());
        let builder = builder.initial_stream_window_size(1).initial_connection_window_size(65_535);
        let (sender, connection) = builder.handshake::<_, Empty<Bytes>>(io).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..60 {
            let mut sender = sender.clone();
            requests.spawn(async move {
                let request = Request::get("http://bmc.example/redfish/v1/Systems?$top=999");
                let request = request.header("authorization", "Basic YWRtaW46c2VjcmV0").body(Empty::new()).unwrap();
                let answer = sender.send_request(request).await;
                std::future::pending::<()>().await;
                drop(answer);
            });
        }
    }
    // Sixty pages of seventy kilobytes on each connection would be 42 MB.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..20 {
        assert_served(&service).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = resident(&service);
    assert!(after < before + 25, "{before} MiB became {after} MiB");
}

/// Streams of events that nobody reads: as many as one user may have, and each only as long as it is read.
#[tokio::test]
async fn streams_that_nobody_reads_are_bounded_and_end() {
    let service = Service::simulate(&["--tls", "off"]);
    ready(&service).await;
    let head = format!(
        "GET {STREAM} HTTP/1.1\r\nhost: x\r\nauthorization: Basic YWRtaW46c2VjcmV0\r\naccept: text/event-stream\r\n\r\n"
    );
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..40 {
        let mut stream = connect(&service).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status)).await.unwrap().unwrap();
        refused += usize::from(&status[9..] == b"409");
        open.push(stream);
    }
    assert_eq!(refused, 8, "32 for one user");
    let mut client = service.client().await;
    let before = resident(&service);
    let event = format!(r#"{{"MessageId": "Base.1.22.Success", "Message": "{}"}}"#, "x".repeat(2_000));
    let submit = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent";
    let mut streams = 32;
    for _ in 0..4_000 {
        assert_eq!(client.post(submit, &event).await.status, StatusCode::NO_CONTENT);
        streams =
            client.get("/redfish/v1/EventService/Subscriptions").await.json()["Members@odata.count"].as_u64().unwrap();
        if streams == 0 {
            break;
        }
    }
    assert_eq!(streams, 0, "those who do not read have been sent away");
    let after = resident(&service);
    assert!(after < before + 64, "{before} MiB became {after} MiB");
}

/// Bodies that come byte by byte: those who send them wait for themselves.
#[tokio::test]
async fn bodies_that_trickle_take_no_more_than_their_users_share() {
    let service = Service::simulate(&["--tls", "off"]);
    ready(&service).await;
    let head = format!(
        "PATCH {SYSTEMS}/lab.node-0 HTTP/1.1\r\nhost: x\r\nauthorization: Basic YWRtaW46c2VjcmV0\r\n\
         content-type: application/json\r\ncontent-length: 4000\r\n\r\n{{"
    );
    let mut open = Vec::new();
    for _ in 0..250 {
        let mut stream = connect(&service).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        open.push(stream);
    }
    let mut client = Client::connect(&service.url).await;
    let reset = client
        .send(
            Method::POST,
            "/redfish/v1/Systems/lab.node-1/Actions/ComputerSystem.Reset",
            &[("content-type", "application/json")],
            r#"{"ResetType": "ForceOff"}"#,
        )
        .await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT);
    assert_served(&service).await;
}

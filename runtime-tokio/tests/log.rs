//! The log never keeps the service from serving, whatever becomes of what is written there.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use http::{Method, StatusCode};
use support::{Client, Service, eventually};

const SYSTEMS: &str = "/redfish/v1/Systems";

/// Has enough logged to fill a pipe, and checks that every request is answered.
async fn keep_busy(service: &Service) -> Client {
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    for _ in 0..3_000 {
        assert_eq!(client.get(SYSTEMS).await.status, StatusCode::OK);
    }
    client
}

/// M7: after 64 KiB of log nothing was served any more.
#[tokio::test]
async fn a_log_that_nobody_reads_keeps_nobody_waiting() {
    let (mut service, log) = Service::simulate_logging_to(&["--tls", "off"], Stdio::piped());
    let mut client = keep_busy(&service).await;
    let mut log = log.unwrap();
    // Now somebody reads, and is told of what they missed.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    eventually(async || client.get("/redfish/v1").await, |answer| answer.status == StatusCode::OK).await;
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
    let text = reader.join().unwrap();
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    assert!(text.contains("\"dropped\":"), "{text}");
    assert!(text.contains("\"stopped\""), "the last lines are written: {text}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_keep_the_process_from_ending() {
    let (mut service, _log) = Service::simulate_logging_to(&["--tls", "off"], Stdio::piped());
    keep_busy(&service).await;
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_keeps_nobody_waiting() {
    let (mut service, log) = Service::simulate_logging_to(&["--tls", "off"], Stdio::piped());
    drop(log);
    keep_busy(&service).await;
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0), "a closed pipe");
    // A disk that is full.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (mut service, _) = Service::simulate_logging_to(&["--tls", "off"], full);
    keep_busy(&service).await;
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0), "no space left");
}

/// What a client can cause without an end is written so often, and then counted.
#[tokio::test]
async fn one_client_does_not_fill_the_log() {
    let mut service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await.anonymous();
    for _ in 0..500 {
        let refused = client.send(Method::POST, SYSTEMS, &[], "{}").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
    let log = service.log();
    let lines = log.lines().filter(|line| line.contains("127.0.0.1") && line.contains("request failed")).count();
    assert!((10..100).contains(&lines), "{lines} lines: {log}");
    assert!(log.contains("were left out"), "{log}");
}

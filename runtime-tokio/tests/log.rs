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

/// N1: one line for each change, with who, what, how and how long; and all that is logged of a request has its id.
#[tokio::test]
async fn a_change_is_told_with_its_id_in_every_line() {
    let mut service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await.status, |status| *status == StatusCode::OK).await;
    let reset = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
    let headers = [("x-request-id", "change-1"), ("content-type", "application/json")];
    let answer = client.send(Method::POST, reset, &headers, r#"{"ResetType":"On"}"#).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (StatusCode::NO_CONTENT, Some("change-1")));
    let refused = client.send(Method::POST, reset, &[headers[1], ("x-request-id", "change-2")], "{}").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
    let lines = lines(&service);
    let of = |id: &str| lines.iter().filter(|line| line["correlation_id"] == id).cloned().collect::<Vec<_>>();
    let made = of("change-1");
    assert_eq!(made.len(), 2, "{made:#?}");
    let request = made.iter().find(|line| line["message"] == "request").unwrap();
    for (field, value) in [("level", "INFO"), ("client", "127.0.0.1"), ("user", "admin"), ("method", "POST")] {
        assert_eq!(request[field], value, "{request}");
    }
    assert_eq!((&request["path"], &request["status_code"]), (&reset.into(), &204.into()));
    assert!(request["duration_us"].as_u64().is_some_and(|duration| duration > 0), "{request}");
    let command = made.iter().find(|line| line["message"] == "command done").unwrap();
    assert_eq!((&command["vm"], &command["action"]), (&"lab.node-0".into(), &"power".into()));
    let failed = of("change-2");
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!((&failed[0]["level"], &failed[0]["status_code"]), (&"WARN".into(), &400.into()));
}

/// N1: log-ins that are refused, and the account that they lock.
#[tokio::test]
async fn refused_log_ins_and_locked_accounts_are_told() {
    let mut service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await.anonymous();
    for number in 0..10 {
        let id = format!("guess-{number}");
        let headers = [("authorization", "Basic YWRtaW46d3Jvbmc="), ("x-request-id", &*id)];
        assert_eq!(client.send(Method::GET, SYSTEMS, &headers, "").await.status, StatusCode::UNAUTHORIZED);
    }
    let sessions = "/redfish/v1/SessionService/Sessions";
    let headers = [("content-type", "application/json"), ("x-request-id", "session")];
    let wrong = r#"{"UserName":"admin","Password":"wrong"}"#;
    assert_eq!(client.send(Method::POST, sessions, &headers, wrong).await.status, StatusCode::UNAUTHORIZED);
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
    let lines = lines(&service);
    let refused = lines.iter().filter(|line| line["message"] == "log-in refused");
    assert!(refused.clone().all(|line| line["level"] == "WARN" && line["client"] == "127.0.0.1"), "{lines:#?}");
    let ids: Vec<_> = refused.filter_map(|line| line["correlation_id"].as_str()).collect();
    assert_eq!(ids.len(), 11, "{ids:?}");
    assert_eq!((ids[0], ids[10]), ("guess-0", "session"));
    let locked: Vec<_> = lines.iter().filter(|line| line["message"].to_string().contains("locked")).collect();
    assert_eq!(locked.len(), 1, "{locked:#?}");
    assert_eq!((&locked[0]["user"], &locked[0]["correlation_id"]), (&"admin".into(), &"guess-9".into()));
}

fn lines(service: &Service) -> Vec<serde_json::Value> {
    service.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

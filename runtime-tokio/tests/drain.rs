//! How the service goes when it is told to (L9): whoever is connected is told, and no request is lost.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::client::tls;
use support::{Client, Service};

const ROOT: &str = "/redfish/v1/";

/// Clients that go on polling while the service is told to end are answered, told to come on another connection, and
/// find one for as long as the pause lasts.
#[tokio::test]
async fn who_polls_while_the_service_goes_loses_no_request() {
    let mut service = Service::simulate(&["--tls", "off"]);
    let mut pollers = Vec::new();
    for number in 0..8_u64 {
        let url = service.url.clone();
        pollers.push(tokio::spawn(async move {
            let (mut answered, mut told) = (0, 0);
            let mut client = Client::connect(&url).await.anonymous();
            loop {
                let answer = client.get(ROOT).await;
                assert_eq!(answer.status, StatusCode::OK);
                answered += 1;
                if answer.header("connection") == Some("close") {
                    told += 1;
                    if told == 20 {
                        return answered;
                    }
                    client = Client::connect(&url).await.anonymous();
                }
                tokio::time::sleep(Duration::from_millis(20 + number)).await;
            }
        }));
    }
    // Idle ones are left alone until the pause is over.
    let mut idle = service.client().await.anonymous();
    assert_eq!(idle.get(ROOT).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begin = Instant::now();
    service.terminate();
    for poller in pollers {
        let answered = poller.await.unwrap();
        assert!(answered > 20, "{answered}");
    }
    assert_eq!(idle.get(ROOT).await.header("connection"), Some("close"));
    assert_eq!(tokio::task::spawn_blocking(move || service.exit_status().code()).await.unwrap(), Some(0));
    let took = begin.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(15)).contains(&took), "{took:?}");
}

/// Over HTTP/2 a client is told by GOAWAY; what it had asked before is answered.
#[tokio::test]
async fn a_client_of_http2_is_told_to_go_away() {
    let mut service = Service::simulate(&[]);
    let address = service.url.split_once("://").unwrap().1.to_owned();
    let io = TokioIo::new(tls(&address, &[b"h2"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = || Request::get(format!("https://{address}{ROOT}")).body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(request()).await.unwrap().status(), StatusCode::OK);
    let begin = Instant::now();
    service.terminate();
    tokio::time::timeout(Duration::from_secs(3), connection).await.expect("GOAWAY comes at once").unwrap().unwrap();
    // The pause goes on, and so do new connections.
    let io = TokioIo::new(tls(&address, &[b"h2"]).await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    assert_eq!(sender.send_request(request()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(tokio::task::spawn_blocking(move || service.exit_status().code()).await.unwrap(), Some(0));
    assert!(begin.elapsed() > Duration::from_secs(4), "{:?}", begin.elapsed());
    let _ = connection.await;
}

/// Nobody has to wait for the pause who asks again.
#[tokio::test]
async fn a_second_signal_ends_the_pause() {
    let mut service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await.anonymous();
    assert_eq!(client.get(ROOT).await.status, StatusCode::OK);
    let begin = Instant::now();
    service.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    service.terminate();
    assert_eq!(tokio::task::spawn_blocking(move || service.exit_status().code()).await.unwrap(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

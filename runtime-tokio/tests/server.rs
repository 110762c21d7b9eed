//! What the server does about connections, whatever is answered on them.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use kubevirt_redfish::Tokio;
use kubevirt_redfish_app::config::ListenAddress;
use kubevirt_redfish_app::server::{Handler, Limits, Peer, Server};
use support::Client;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// More than all buffers on the way hold.
const LARGE: usize = 64 << 20;

/// Says the path; panics and waits when asked to.
#[derive(Clone)]
struct Echo;

impl Handler for Echo {
    type Body = Full<Bytes>;

    async fn handle(self, peer: Arc<Peer>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        assert!(peer.address.is_loopback() && !peer.secure);
        match request.uri().path() {
            "/panic" => panic!("asked to"),
            "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
            "/slower" => tokio::time::sleep(Duration::from_millis(900)).await,
            "/large" => return Ok(Response::new(Full::new(vec![b'x'; LARGE].into()))),
            _ => {}
        }
        Ok(Response::new(Full::new(request.uri().path().to_owned().into())))
    }
}

struct Running {
    url: String,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

async fn start(limits: Limits) -> Running {
    let address = ListenAddress { host: "127.0.0.1".to_owned(), port: 0 };
    let server = Server::<Tokio>::bind(&address, None, limits).await.unwrap();
    let url = format!("http://{}", server.local_address().unwrap());
    let (stop, stops) = watch::channel(false);
    Running { url, stop, task: tokio::spawn(server.serve(Echo, stops)) }
}

#[tokio::test]
async fn a_panic_costs_one_connection() {
    let server = start(Limits::default()).await;
    let (mut other, mut victim) = (Client::connect(&server.url).await, Client::connect(&server.url).await);
    assert_eq!(other.get("/").await.status, StatusCode::OK);
    let ended = tokio::spawn(async move { victim.get("/panic").await }).await;
    assert!(ended.is_err(), "there was an answer: {ended:?}");
    assert_eq!(other.get("/").await.status, StatusCode::OK);
    assert_eq!(Client::connect(&server.url).await.get("/").await.status, StatusCode::OK);
}

/// D11: who has nothing to say keeps nobody out.
#[tokio::test]
async fn an_idle_connection_gives_way_when_there_are_as_many_as_may_be() {
    let server = start(Limits { connections: 2, ..Limits::default() }).await;
    let mut oldest = Client::connect(&server.url).await;
    assert_eq!(oldest.get("/").await.status, StatusCode::OK);
    let mut busy = Client::connect(&server.url).await;
    let slow = tokio::spawn(async move { busy.get("/slower").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut newcomer = Client::connect(&server.url).await;
    assert_eq!(newcomer.get("/new").await.body, "/new");
    assert!(oldest.is_closed().await);
    assert_eq!(slow.await.unwrap().body, "/slower");
}

/// D11: one client has no more than its share, and pays for more itself.
#[tokio::test]
async fn one_client_has_only_so_many_connections() {
    let server = start(Limits { connections_of_client: 2, ..Limits::default() }).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let silent = TcpStream::connect(address).await.unwrap();
    let mut flood = Vec::new();
    for _ in 0..50 {
        flood.push(TcpStream::connect(address).await.unwrap());
        tokio::task::yield_now().await;
    }
    drop(silent);
    let closed = async {
        let mut left = flood.len();
        while left > 2 {
            left = 0;
            for stream in &mut flood {
                let mut byte = [0];
                let read = timeout(Duration::from_millis(1), stream.read(&mut byte)).await;
                left += usize::from(read.is_err());
            }
        }
    };
    timeout(support::PATIENCE, closed).await.expect("all but two are closed");
}

/// A client that takes next to nothing of its answers is given up; one that is slow is not.
#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let server = start(Limits { stuck: Duration::from_millis(1_500), ..Limits::default() }).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut answer = Vec::new();
    let _ = timeout(support::PATIENCE, stream.read_to_end(&mut answer)).await.expect("it has been closed");
    assert!(answer.len() < LARGE, "{} bytes", answer.len());

    let mut slow = TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut read = 0;
    let mut buffer = vec![0; LARGE / 8];
    loop {
        let got = timeout(support::PATIENCE, slow.read(&mut buffer)).await.unwrap().unwrap();
        if got == 0 {
            break;
        }
        read += got;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(read > LARGE, "{read}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let limits = Limits { first_request: Duration::from_millis(100), ..Limits::default() };
    let server = start(limits).await;
    let address = server.url.strip_prefix("http://").unwrap();
    for beginning in ["", "GET / HT"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, beginning.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("closed in time");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let limits = Limits { idle: Some(Duration::from_millis(400)), ..Limits::default() };
    let server = start(limits).await;
    let mut client = Client::connect(&server.url).await;
    assert_eq!(client.get("/slower").await.body, "/slower");
    assert_eq!(client.get("/").await.status, StatusCode::OK);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_server_that_is_stopped_finishes_what_it_had_begun() {
    let server = start(Limits::default()).await;
    let mut client = Client::connect(&server.url).await;
    assert_eq!(client.get("/").await.status, StatusCode::OK);
    let slow = tokio::spawn(async move { client.get("/slow").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.send_replace(true);
    let answer = slow.await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (StatusCode::OK, Some("close")));
    timeout(support::PATIENCE, server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_takes_too_long_does_not_hold_up_the_end() {
    let server = start(Limits { grace: Duration::from_millis(50), ..Limits::default() }).await;
    let mut client = Client::connect(&server.url).await;
    let slow = tokio::spawn(async move { client.get("/slower").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begin = std::time::Instant::now();
    server.stop.send_replace(true);
    timeout(support::PATIENCE, server.task).await.unwrap().unwrap();
    assert!(begin.elapsed() < Duration::from_millis(700), "{:?}", begin.elapsed());
    assert!(slow.await.is_err(), "there was an answer");
}

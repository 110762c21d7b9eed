//! The same request to an engine that a test drives and to one behind a socket, driven by a program: the answers are equal.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use kubevirt_redfish::Tokio;
use kubevirt_redfish_app::clock::Clock;
use kubevirt_redfish_app::config::ListenAddress;
use kubevirt_redfish_app::driver::Driver;
use kubevirt_redfish_app::server::{Limits, Redfish as Handler, Server};
use kubevirt_redfish_app::transport::{Simulated, Transport};
use kubevirt_redfish_core::Setup;
use kubevirt_redfish_core::config::{Config, Protocol};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::ClusterConfig;
use kubevirt_redfish_fixtures::in_process::Redfish;
use kubevirt_redfish_fixtures::{laboratory, sample};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A request as [`request`](crate::request) takes it, if it only reads.
pub fn socket(data: &[u8]) {
    let Some(mut request) = crate::parse(data) else { return };
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || !request.uri().path().starts_with('/')
    {
        return;
    }
    // What is said between two neighbours, and what an HTTP library says by itself.
    for name in [CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE] {
        request.headers_mut().remove(name);
    }
    request.headers_mut().remove("proxy-connection");
    request.headers_mut().remove("keep-alive");
    request.headers_mut().remove("x-request-id");
    request.headers_mut().remove("x-correlation-id");
    request.headers_mut().insert(HOST, HeaderValue::from_static("bmc.example"));
    *request.body_mut() = Bytes::new();
    let program = program();
    let answered = program.ask(request.clone());
    let mut world = program.world.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = world.send_as_it_is(request).unwrap_or_default();
    let (expected, answered) = (told(&expected), told(&answered));
    assert_eq!(answered, expected, "behind a socket, and without one");
}

/// What two answers are compared by: not when they were given, nor what depends on the connection, which is HTTPS in the one
/// case.
fn told(response: &Response<Bytes>) -> (u16, Vec<(String, String)>, String) {
    let left_out = [DATE, CONNECTION, CONTENT_LENGTH].map(|name| name.as_str().to_owned());
    let headers = response.headers().iter().filter(|(name, _)| {
        !left_out.contains(&name.as_str().to_owned())
            && !matches!(name.as_str(), "x-request-id" | "etag" | "strict-transport-security")
    });
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.sort();
    let mut plain = response.clone();
    crate::decode(&mut plain);
    let body = match serde_json::from_slice::<Value>(plain.body()) {
        Ok(mut body) => {
            without_times(&mut body);
            body.to_string()
        }
        Err(_) => String::from_utf8_lossy(plain.body()).into_owned(),
    };
    (response.status().as_u16(), headers, body)
}

/// Times, and tags that are made of them.
fn without_times(value: &mut Value) {
    match value {
        Value::String(text) if text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && text.contains(':') => {
            text.clear();
        }
        Value::Object(members) => {
            members.remove("@odata.etag");
            members.values_mut().for_each(without_times);
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

struct Program {
    runtime: Runtime,
    address: std::net::SocketAddr,
    world: Mutex<Redfish>,
    _stop: watch::Sender<bool>,
}

/// A program that serves three machines, and the same without one.
fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(start)
}

#[expect(clippy::expect_used, reason = "without a socket there is nothing to compare")]
fn start() -> Program {
    let runtime = Runtime::new().expect("threads");
    let config = Config { protocol: Protocol::Http, ..laboratory::config() };
    let (stop, stops) = watch::channel(false);
    let address = runtime.block_on(async {
        let simulated = Simulated::start::<Tokio>(sample::laboratory(ClusterConfig::default(), MACHINES), 1.0);
        let listen = ListenAddress { host: "127.0.0.1".to_owned(), port: 0 };
        let server = Server::<Tokio>::bind(&listen, None, Limits::default()).await.expect("a port");
        let address = server.local_address().expect("an address");
        let clock = Clock::start();
        let setup = Setup::new(config.clone(), Settings::default(), [0; 32], 1);
        let driver = Driver::<Tokio>::start(clock, setup, Transport::Simulated(simulated));
        let handler = Handler::<Tokio>::new(clock, driver.views(), driver.submissions(), None);
        let views = driver.views();
        tokio::spawn(server.serve(handler, stops.clone()));
        tokio::spawn(driver.run(stops));
        while !views.load().is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        address
    });
    let world = Mutex::new(Redfish::with(config, MACHINES));
    Program { runtime, address, world, _stop: stop }
}

const MACHINES: usize = 3;

impl Program {
    #[expect(clippy::expect_used, reason = "every request is answered")]
    fn ask(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.runtime.block_on(async {
            let stream = TcpStream::connect(self.address).await.expect("a connection");
            let (mut sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
            tokio::spawn(connection);
            let response = sender.send_request(request.map(Full::new)).await.expect("an answer");
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            Response::from_parts(head, body)
        })
    }
}

//! A Redfish server on nothing but `std`: a thread for each connection, no async at all.
//!
//! `cargo run -p kubevirt-redfish-core --example std_server`, then
//! `curl -u admin:secret http://127.0.0.1:8000/redfish/v1/Systems`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it is what is around the core: sockets, clocks and threads, and it ends where a program would tell somebody"
)]

mod simulated;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;

use http::Request;
use kubevirt_redfish_core::{Peer, Signal, Step};

use simulated::Service;

fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).unwrap();
    println!("http://{}/redfish/v1/, user admin, password secret", listener.local_addr().unwrap());
    serve(&listener);
}

fn serve(listener: &TcpListener) {
    let service = Arc::new(Service::start());
    for stream in listener.incoming().flatten() {
        let service = Arc::clone(&service);
        thread::spawn(move || answer(&service, &stream));
    }
}

/// Answers the one request of a connection; `None` if it is none.
fn answer(service: &Service, mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut parts = line.split_ascii_whitespace();
    let mut head = Request::builder().method(parts.next()?).uri(parts.next()?);
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        head = head.header(name, value.trim());
    }
    let peer = Peer { address: stream.peer_addr().ok()?.ip(), secure: false };
    let (mut exchange, mut step) = service.view().begin(service.now(), &peer, head.body(()).ok()?);
    let response = loop {
        let signal = match step {
            Step::Respond(response) => break response,
            Step::Stream { head, .. } => break head.map(|()| "".into()),
            Step::Defer => Signal::Proceed,
            Step::ReadBody { limit, .. } if length > limit => Signal::BodyTooLarge,
            Step::ReadBody { .. } => {
                let mut body = vec![0; length];
                reader.read_exact(&mut body).ok()?;
                Signal::Body(body.into())
            }
            Step::Submit(intent) => {
                let (reply, outcome) = mpsc::channel();
                service.submit(intent, move |outcome| drop(reply.send(outcome)));
                Signal::Outcome(outcome.recv().ok()?)
            }
        };
        step = exchange.resume(&service.view(), service.now(), signal);
    };
    let head = response.headers();
    write!(stream, "HTTP/1.1 {}\r\nconnection: close\r\n", response.status()).ok()?;
    for (name, value) in head {
        write!(stream, "{name}: {}\r\n", value.to_str().ok()?).ok()?;
    }
    if !head.contains_key("content-length") {
        write!(stream, "content-length: {}\r\n", response.body().len()).ok()?;
    }
    stream.write_all(b"\r\n").and_then(|()| stream.write_all(response.body())).ok()
}

#[test]
fn a_machine_is_turned_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(&listener));
    let ask = |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: bmc\r\nauthorization: Basic YWRtaW46c2VjcmV0\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let system = "/redfish/v1/Systems/lab.node-0";
    let mut tries = 0;
    while !ask("GET", system, "").contains("\"PowerState\":\"Off\"") {
        tries += 1;
        assert!(tries < 10_000, "{}", ask("GET", system, ""));
    }
    let answer = ask("POST", &format!("{system}/Actions/ComputerSystem.Reset"), "{\"ResetType\":\"On\"}");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(ask("GET", system, "").contains("\"PowerState\":\"PoweringOn\""));
    assert!(ask("GET", "/redfish/v1/Systems/none", "").starts_with("HTTP/1.1 404"));
}

//! The running program over the simulated cluster, seen from its sockets.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use http::{Method, StatusCode};
use support::client::Answer;
use support::client::{raw, tls};
use support::{Client, Service, eventually};

const SYSTEMS: &str = "/redfish/v1/Systems";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";

async fn wait_until_ready(client: &mut Client) {
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
}

async fn wait_for_power(client: &mut Client, state: &str) -> Answer {
    eventually(async || client.get(NODE).await, |answer| answer.json()["PowerState"] == state).await
}

#[tokio::test]
async fn a_machine_is_found_switched_on_and_off_over_tls() {
    let service = Service::simulate(&[]);
    assert!(service.url.starts_with("https://127.0.0.1:"), "{}", service.url);
    let mut client = service.client().await;
    wait_until_ready(&mut client).await;
    let systems = client.get(SYSTEMS).await.json();
    let members: Vec<_> = systems["Members"].as_array().unwrap().iter().map(|m| m["@odata.id"].clone()).collect();
    assert_eq!(members, [NODE, "/redfish/v1/Systems/lab.node-1", "/redfish/v1/Systems/lab.node-2"]);
    assert_eq!(client.get(NODE).await.json()["PowerState"], "Off");

    let answer = client.post(RESET, r#"{"ResetType":"On"}"#).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    wait_for_power(&mut client, "On").await;
    let answer = client.post(RESET, r#"{"ResetType":"ForceOff"}"#).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    wait_for_power(&mut client, "Off").await;
}

#[tokio::test]
async fn an_image_is_inserted_and_booted_from() {
    let service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await;
    wait_until_ready(&mut client).await;
    let cd = format!("{NODE}/VirtualMedia/Cd");
    let insert = format!("{cd}/Actions/VirtualMedia.InsertMedia");
    let answer = client.post(&insert, r#"{"Image":"http://images.example/install.iso?key=1"}"#).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    let medium = client.get(&cd).await.json();
    assert_eq!(medium["Image"], "http://images.example/install.iso?key=1");
    let boot = r#"{"Boot":{"BootSourceOverrideTarget":"Cd","BootSourceOverrideEnabled":"Once"}}"#;
    let answer = client.send(Method::PATCH, NODE, &[("content-type", "application/json")], boot).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json()["Boot"]["BootSourceOverrideTarget"], "Cd");
    let answer = client.post(RESET, r#"{"ResetType":"On"}"#).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    wait_for_power(&mut client, "On").await;
    assert!(!service.log().contains("key=1"), "a part of a URL that may be secret is in the log");
}

#[tokio::test]
async fn requests_on_one_connection() {
    let service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await;
    wait_until_ready(&mut client).await;

    // HEAD says what GET would, without the body.
    let get = client.get(NODE).await;
    let head = client.send(Method::HEAD, NODE, &[], "").await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
    assert_eq!(head.header("etag"), get.header("etag"));
    assert!(get.header("date").is_some());

    // Errors leave the connection as it is.
    assert_eq!(client.get("/redfish/v1/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.post(RESET, "{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(client.post(RESET, r#"{"ResetType":"Sideways"}"#).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(client.send(Method::DELETE, NODE, &[], "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(client.get(SYSTEMS).await.status, StatusCode::OK);

    // Ids of requests: our own, or the client's if it is harmless.
    let own = client.get("/redfish/v1/").await;
    let own = own.header("x-request-id").unwrap();
    assert!(own.len() == 16 && own.bytes().all(|byte| byte.is_ascii_hexdigit()), "{own}");
    for (sent, back) in [("job-7", Some("job-7")), ("no spaces", None)] {
        let answer = client.send(Method::GET, "/redfish/v1/", &[("x-correlation-id", sent)], "").await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(Some(id.as_str()).filter(|_| back.is_some()), back, "{sent}");
        assert_ne!(id, "no spaces");
    }

    // A request to close is answered in kind.
    let answer = client.send(Method::GET, "/redfish/v1/", &[("connection", "close")], "").await;
    assert_eq!((answer.status, answer.header("connection")), (StatusCode::OK, Some("close")));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn without_a_password_only_the_root_is_shown() {
    let service = Service::simulate(&["--tls", "off", "--systems", "0"]);
    let mut client = service.client().await.anonymous();
    assert_eq!(client.get("/redfish/v1/").await.status, StatusCode::OK);
    let refused = client.get(SYSTEMS).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.header("www-authenticate").unwrap().starts_with("Basic "));
    let header = [("authorization", "Basic YWRtaW46d3Jvbmc=")];
    assert_eq!(client.send(Method::GET, SYSTEMS, &header, "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_kubernetes_token_may_do_here_what_it_may_do_there() {
    let service = Service::simulate(&["--tls", "off", "--kubernetes-tokens"]);
    let mut client = service.client().await;
    wait_until_ready(&mut client).await;
    let mut client = client.anonymous();
    let json = ("content-type", "application/json");
    for (token, read, power, media) in [
        ("lab-viewer", StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        ("lab-operator", StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::FORBIDDEN),
        ("lab-installer", StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NO_CONTENT),
        ("somebody-else", StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
    ] {
        let authorization = format!("Bearer {token}");
        let bearer = ("authorization", authorization.as_str());
        assert_eq!(client.send(Method::GET, NODE, &[bearer], "").await.status, read, "{token}");
        let answer = client.send(Method::POST, RESET, &[bearer, json], r#"{"ResetType":"On"}"#).await;
        assert_eq!(answer.status, power, "{token}: {answer:?}");
        let insert = format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
        let answer = client.send(Method::POST, &insert, &[bearer, json], r#"{"Image":"http://a.example/b.iso"}"#).await;
        assert_eq!(answer.status, media, "{token}: {answer:?}");
    }
    let log = service.log();
    assert!(!log.contains("lab-operator") && !log.contains("somebody-else"), "a token is in the log: {log}");
}

#[tokio::test]
async fn bodies_that_are_too_long_are_refused() {
    let service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await;
    wait_until_ready(&mut client).await;
    let long = format!(r#"{{"ResetType":"{}"}}"#, "x".repeat(1024 * 1024 + 100));
    let answer = client.post(RESET, &long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{answer:?}");
    assert_eq!(client.get(SYSTEMS).await.status, StatusCode::OK, "the connection is still good");

    // One that only says how long it would be is not even asked for.
    let answer = raw(
        &service.url,
        format!(
            "POST {RESET} HTTP/1.1\r\nhost: x\r\nauthorization: Basic YWRtaW46c2VjcmV0\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: 99999999\r\n\r\n"
        )
        .as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let service = Service::simulate(&["--tls", "off", "--systems", "0"]);
    for (request, status) in [
        ("GET\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
        ("GET /redfish/v1 HTTP/9.9\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
        ("GET /redfish/v1 HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(70_000)), "HTTP/1.1 431 "),
    ] {
        let answer = raw(&service.url, request.as_bytes()).await;
        assert!(answer.starts_with(status), "{}: {answer}", &request[..20.min(request.len())]);
    }
    assert_eq!(service.client().await.get("/redfish/v1/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused_with_a_reason() {
    let service = Service::simulate(&["--systems", "0"]);
    let mut client = service.client().await;
    let long = client.send(Method::GET, "/redfish/v1/", &[("x", &"y".repeat(40_000))], "").await;
    assert_eq!(long.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{long:?}");
    assert_eq!(long.json()["error"]["code"], "KubeVirt.1.0.HeadTooLarge");
    assert_eq!(client.get("/redfish/v1/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn http_2_is_spoken_over_tls() {
    let service = Service::simulate(&["--systems", "0"]);
    let address = service.url.strip_prefix("https://").unwrap();
    let stream = tls(address, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    // Both at once on one connection.
    let ask = |sender: &mut hyper::client::conn::http2::SendRequest<String>, path: &str| {
        let request = http::Request::get(format!("https://bmc.example{path}"));
        sender.send_request(request.body(String::new()).unwrap())
    };
    let (root, systems) = (ask(&mut sender, "/redfish/v1/"), ask(&mut sender, SYSTEMS));
    let (root, systems) = (root.await.unwrap(), systems.await.unwrap());
    assert_eq!((root.status(), root.version()), (StatusCode::OK, http::Version::HTTP_2));
    assert_eq!(root.headers()["odata-version"], "4.0");
    assert_eq!(systems.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_speaks_http_to_a_tls_port_is_sent_to_https() {
    let service = Service::simulate(&["--systems", "0"]);
    let ask = async |head: &str| raw(&service.url, format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).await;
    let answer = ask("GET /redfish/v1/Systems?$top=1 HTTP/1.1\r\nhost: bmc.example:8443").await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains("location: https://bmc.example:8443/redfish/v1/Systems?$top=1\r\n"), "{answer}");
    let log_in =
        "POST /redfish/v1/SessionService/Sessions HTTP/1.1\r\nhost: bmc.example\r\ncontent-length: 2\r\n\r\n{}";
    let answer = raw(&service.url, log_in.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("KubeVirt.1.0.TlsRequired"), "{answer}");
    // What is neither is no reason to say anything.
    assert_eq!(raw(&service.url, b"\x00\x01\x02\x03 what is this").await.find("HTTP"), None);
    assert_eq!(service.client().await.get("/redfish/v1/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_in_flight_is_finished_before_the_end() {
    let mut service = Service::simulate(&["--tls", "off"]);
    let mut client = service.client().await;
    wait_until_ready(&mut client).await;
    let mut idle = service.client().await;
    assert_eq!(idle.get("/redfish/v1/").await.status, StatusCode::OK);

    // Half of a request's body is there when the service is told to end; the rest comes later.
    let url = service.url.clone();
    let (first, second) = (r#"{"Reset"#, r#"Type":"On"}"#);
    let head = format!(
        "POST {RESET} HTTP/1.1\r\nhost: x\r\nauthorization: Basic YWRtaW46c2VjcmV0\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        first.len() + second.len()
    );
    let answer = {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(url.split_once("://").unwrap().1).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.terminate();
        // Clients have had their time to go elsewhere.
        service.log_line("\"message\":\"stopping\"");
        assert!(idle.is_closed().await, "a connection without a request is closed at once");
        assert!(tokio::net::TcpStream::connect(url.split_once("://").unwrap().1).await.is_err(), "still listening");
        stream.write_all(second.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(support::PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    };
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(service.exit_status().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, _, stderr) = support::run(&["simulate", "--listen", &address]);
    assert_eq!(status, 1);
    assert!(stderr.contains(&address) && stderr.contains("--listen"), "{stderr}");
}

//! Requests to servers that clients have named: over connections to addresses that are allowed, and no others.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::Builder;
use hyper::rt::{Read, Write};
use kubevirt_redfish_core::Outside;
use kubevirt_redfish_core::kubevirt::TransportError;
use kubevirt_redfish_core::model::Host;
use rustls::pki_types::ServerName;

use crate::runtime::Runtime;
use crate::trust;

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// The largest head of an answer that is read.
const HEAD: usize = 64 * 1024;

/// Sends a request to where its absolute URL leads, over a connection of its own, and reads the head of the answer. A
/// redirect is an answer like any other.
pub(super) async fn send<R: Runtime>(
    request: Request<Bytes>,
    outside: &Outside,
) -> Result<Response<()>, TransportError> {
    let mut request = request.map(Full::new);
    let uri = request.uri().clone();
    let secure = uri.scheme_str() == Some("https");
    let named = uri.host().unwrap_or_default();
    let host = Host::parse_in_url(named).ok_or_else(not_allowed)?;
    // A literal IPv6 address has brackets in a URL and nowhere else.
    let named = named.strip_prefix('[').and_then(|named| named.strip_suffix(']')).unwrap_or(named);
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let not_sent = |error: std::io::Error| TransportError::NotSent(error.to_string());
    let found = R::resolve(named, port).await.map_err(not_sent)?;
    // What a name stands for is found out here and used right away, so that it cannot change in between.
    let addresses: Vec<SocketAddr> =
        found.into_iter().filter(|address| outside.permits(&uri, address.ip())).take(ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(not_allowed());
    }
    let stream = connect::<R>(&addresses).await?;
    address_to(&mut request, &uri)?;
    if !secure {
        return exchange(stream, request).await;
    }
    let config = trust::client_config(&outside.verification).map_err(TransportError::NotSent)?;
    let name = ServerName::try_from(host.to_string()).map_err(|error| TransportError::NotSent(error.to_string()))?;
    let stream = R::connect_tls(config, name, stream).await.map_err(not_sent)?;
    exchange(stream, request).await
}

fn not_allowed() -> TransportError {
    TransportError::NotSent("not an address that may be connected to".to_owned())
}

async fn connect<R: Runtime>(addresses: &[SocketAddr]) -> Result<R::Stream, TransportError> {
    let mut reason = String::new();
    for address in addresses {
        match R::connect(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = format!("{address}: {error}"),
        }
    }
    Err(TransportError::NotSent(reason))
}

/// Makes it the request that a server expects whose only URLs are its own.
fn address_to(request: &mut Request<Full<Bytes>>, uri: &Uri) -> Result<(), TransportError> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *request.uri_mut() = path.parse().map_err(|_| TransportError::Broken("its path cannot be sent".to_owned()))?;
    let host = uri.authority().map_or("", http::uri::Authority::as_str);
    let host = HeaderValue::from_str(host).map_err(|error| TransportError::Broken(error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("kubevirt-redfish/", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

async fn exchange<I: Read + Write + Unpin + Send + 'static>(
    stream: I,
    request: Request<Full<Bytes>>,
) -> Result<Response<()>, TransportError> {
    let broken = |error: hyper::Error| TransportError::Broken(error.to_string());
    let handshake = Builder::new().max_buf_size(HEAD).handshake(stream);
    let (mut sender, connection) = handshake.await.map_err(broken)?;
    let exchange = sender.send_request(request);
    tokio::pin!(connection, exchange);
    let answer = tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended.map_err(broken)?;
            exchange.await
        }
    };
    answer.map(|answer| answer.map(drop)).map_err(broken)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use kubevirt_redfish_core::AddressPolicy;
    use kubevirt_redfish_core::kubevirt::Verification;

    use super::*;
    use crate::runtime::for_tests::ForTests;

    async fn listen() -> (TcpListener, Request<Bytes>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let uri = format!("http://localhost:{port}/a/boot.iso?token=x");
        let request = Request::builder().method(Method::HEAD).uri(uri).body(Bytes::new()).expect("a request");
        (listener, request)
    }

    /// Answers one request; what it was.
    async fn answer(listener: TcpListener, answer: &'static [u8]) -> String {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a head"));
        }
        stream.write_all(answer).await.expect("it is read");
        String::from_utf8(request).expect("text")
    }

    #[tokio::test]
    async fn a_head_is_asked_for_and_no_body_awaited() {
        let (listener, request) = listen().await;
        let server = tokio::spawn(answer(listener, b"HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n"));
        let policy = AddressPolicy { loopback: true, ..AddressPolicy::default() };
        let answer =
            send::<ForTests>(request, &Outside { policy, verification: Verification::Usual }).await.expect("an answer");
        assert_eq!(answer.headers()["content-length"], "5000000000");
        let asked = server.await.expect("it was asked");
        assert!(asked.starts_with("HEAD /a/boot.iso?token=x HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("host: localhost:"), "{asked}");
    }

    #[tokio::test]
    async fn what_a_name_stands_for_is_judged_before_it_is_connected_to() {
        let (listener, request) = listen().await;
        let answer =
            send::<ForTests>(request, &Outside { policy: AddressPolicy::default(), verification: Verification::Usual })
                .await;
        assert!(answer.as_ref().is_err_and(|error| *error == not_allowed()), "{answer:?}");
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "nobody has connected");
    }
}

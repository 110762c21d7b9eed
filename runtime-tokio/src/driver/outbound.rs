//! Requests to servers that clients have named: over connections to addresses that are allowed, and no others.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::kubevirt::Verification;
use kubevirt_redfish_core::model::Host;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::trust;

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// The largest head of an answer that is read.
const HEAD: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutboundError {
    /// What the server is called stands for no address that may be connected to.
    #[error("not an address that may be connected to")]
    NotAllowed,
    /// There is no connection: the request was not sent.
    #[error("not connected: {0}")]
    NotConnected(String),
    /// The connection broke before the answer came.
    #[error("broken: {0}")]
    Broken(String),
}

/// Sends a request to where its absolute URL leads, over a connection of its own, and reads the head of the answer. A
/// redirect is an answer like any other.
pub(super) async fn send(
    mut request: Request<Full<Bytes>>,
    policy: &AddressPolicy,
    verification: &Verification,
) -> Result<Response<()>, OutboundError> {
    let uri = request.uri().clone();
    let secure = uri.scheme_str() == Some("https");
    let named = uri.host().unwrap_or_default();
    let host = Host::parse_in_url(named).ok_or(OutboundError::NotAllowed)?;
    policy.judge(&host).map_err(|_| OutboundError::NotAllowed)?;
    // A literal IPv6 address has brackets in a URL and nowhere else.
    let named = named.strip_prefix('[').and_then(|named| named.strip_suffix(']')).unwrap_or(named);
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let found = tokio::net::lookup_host((named, port)).await;
    let found = found.map_err(|error| OutboundError::NotConnected(error.to_string()))?;
    // What a name stands for is found out here and used right away, so that it cannot change in between.
    let addresses: Vec<SocketAddr> =
        found.filter(|address| policy.permits(&host, address.ip())).take(ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(OutboundError::NotAllowed);
    }
    let stream = connect(&addresses).await?;
    address_to(&mut request, &uri)?;
    if !secure {
        return exchange(stream, request).await;
    }
    let config = trust::client_config(verification).map_err(OutboundError::NotConnected)?;
    let name =
        ServerName::try_from(host.to_string()).map_err(|error| OutboundError::NotConnected(error.to_string()))?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    exchange(stream.map_err(|error| OutboundError::NotConnected(error.to_string()))?, request).await
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, OutboundError> {
    let mut reason = String::new();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = format!("{address}: {error}"),
        }
    }
    Err(OutboundError::NotConnected(reason))
}

/// Makes it the request that a server expects whose only URLs are its own.
fn address_to(request: &mut Request<Full<Bytes>>, uri: &Uri) -> Result<(), OutboundError> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *request.uri_mut() = path.parse().map_err(|_| OutboundError::Broken("its path cannot be sent".to_owned()))?;
    let host = uri.authority().map_or("", http::uri::Authority::as_str);
    let host = HeaderValue::from_str(host).map_err(|error| OutboundError::Broken(error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("kubevirt-redfish/", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

async fn exchange<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: I,
    request: Request<Full<Bytes>>,
) -> Result<Response<()>, OutboundError> {
    let broken = |error: hyper::Error| OutboundError::Broken(error.to_string());
    let handshake = Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream));
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

//! Sends events to servers: one connection and one POST for each delivery, to addresses that are allowed and no others.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use kubevirt_redfish_core::{Delivery, DeliveryError, DeliveryId};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio_rustls::TlsConnector;

use super::trust;

/// Deliveries at a time: servers that do not answer must not take every socket.
const DELIVERIES: usize = 32;

/// The time for one delivery, from looking the name up to the answer.
const TIME: Duration = Duration::from_secs(10);

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// Deliveries that are being made.
pub(super) struct Deliveries {
    permits: Arc<Semaphore>,
    tasks: JoinSet<Result<StatusCode, DeliveryError>>,
    by_task: HashMap<Id, DeliveryId>,
}

impl Deliveries {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(DELIVERIES)), tasks: JoinSet::new(), by_task: HashMap::new() }
    }

    /// Begins a delivery.
    pub(super) fn start(&mut self, delivery: Delivery) {
        let id = delivery.id;
        let permits = Arc::clone(&self.permits);
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed; if it were, going on without a permit would do no harm.
            let _permit = permits.acquire().await;
            let subscription = delivery.subscription.clone();
            let sent = tokio::time::timeout(TIME, send(delivery)).await;
            let result = sent.unwrap_or(Err(DeliveryError::TimedOut));
            match &result {
                Ok(status) => tracing::debug!(subscription, status = status.as_u16(), "events sent"),
                Err(error) => tracing::warn!(subscription, %error, "events not sent"),
            }
            result
        });
        self.by_task.insert(task.id(), id);
    }

    /// Waits for a delivery to end; `None` if there are none.
    pub(super) async fn next_end(&mut self) -> Option<(DeliveryId, Result<StatusCode, DeliveryError>)> {
        loop {
            let (task, result) = match self.tasks.join_next_with_id().await? {
                Ok(ended) => ended,
                Err(error) => {
                    tracing::error!(%error, "a delivery ended by a panic; this is a bug");
                    (error.id(), Err(DeliveryError::Broken(error.to_string())))
                }
            };
            if let Some(id) = self.by_task.remove(&task) {
                return Some((id, result));
            }
        }
    }
}

async fn send(delivery: Delivery) -> Result<StatusCode, DeliveryError> {
    let uri = delivery.destination.clone();
    let secure = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default();
    // A literal IPv6 address has brackets in a URL and nowhere else.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let found = tokio::net::lookup_host((host.as_str(), port)).await;
    let found = found.map_err(|error| DeliveryError::NotConnected(error.to_string()))?;
    // What a name stands for is found out here and used right away, so that it cannot change in between.
    let addresses: Vec<SocketAddr> =
        found.filter(|address| delivery.reach.permits(address.ip())).take(ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(DeliveryError::NotAllowed);
    }
    let stream = connect(&addresses).await?;
    let verify = delivery.verify_certificate;
    let request = request(delivery, &uri)?;
    if !secure {
        return post(stream, request).await;
    }
    let config = trust::client_config(verify).map_err(DeliveryError::NotConnected)?;
    let name = ServerName::try_from(host).map_err(|error| DeliveryError::NotConnected(error.to_string()))?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    post(stream.map_err(|error| DeliveryError::NotConnected(error.to_string()))?, request).await
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, DeliveryError> {
    let mut reason = String::new();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = format!("{address}: {error}"),
        }
    }
    Err(DeliveryError::NotConnected(reason))
}

fn request(delivery: Delivery, uri: &Uri) -> Result<Request<Full<Bytes>>, DeliveryError> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = Request::new(Full::new(delivery.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().map_err(|_| DeliveryError::Broken("its path cannot be sent".to_owned()))?;
    let host = uri.authority().map_or("", http::uri::Authority::as_str);
    let host = HeaderValue::from_str(host).map_err(|error| DeliveryError::Broken(error.to_string()))?;
    let headers = request.headers_mut();
    *headers = delivery.headers;
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("kubevirt-redfish/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}

/// Sends a request and reads the head of the answer; a redirect is an answer like any other.
async fn post<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: I,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, DeliveryError> {
    let broken = |error: hyper::Error| DeliveryError::Broken(error.to_string());
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let exchange = sender.send_request(request);
    tokio::pin!(connection, exchange);
    let answer = tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended.map_err(broken)?;
            exchange.await
        }
    };
    answer.map(|answer| answer.status()).map_err(broken)
}

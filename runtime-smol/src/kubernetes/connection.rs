//! Connections to the API server. Those that are not used are kept for the next request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_rustls::TlsConnector;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use kubevirt_redfish_app::runtime::Runtime as _;
use kubevirt_redfish_app::transport::{Answer, AnswerBody, with_reasons};
use kubevirt_redfish_core::CONNECT_TIMEOUT;
use kubevirt_redfish_core::kubevirt::TransportError;
use rustls::pki_types::ServerName;
use smol::io::{AsyncRead, AsyncWrite};

use super::credentials::Identity;
use super::trust::Trust;
use crate::io::Io;
use crate::socket::Socket;
use crate::{Smol, executor};

/// How long an unused connection is kept: as long as the other program keeps it.
const KEEP: Duration = Duration::from_secs(90);

/// How many unused connections are kept.
const MOST_IDLE: usize = 16;

/// The connections to one server.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    host: String,
    port: u16,
    tls: Option<(ServerName<'static>, Trust)>,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

/// A connection that no request is on.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// As whom it was made: nobody else's requests may go over it.
    identity: Option<Identity>,
}

/// The body of an answer. Once it is read to its end, its connection carries other requests.
pub struct Body {
    incoming: Incoming,
    connection: Option<(Pool, Connection)>,
}

impl Pool {
    pub(super) fn new(config: &kube::Config) -> Result<Self, String> {
        let url = &config.cluster_url;
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("{url}: it begins neither with https:// nor with http://")),
        };
        let host = url.host().ok_or_else(|| format!("{url}: it names no host"))?;
        // A literal IPv6 address has brackets in a URL and nowhere else.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tls = if secure {
            let name = config.tls_server_name.clone().unwrap_or_else(|| host.clone());
            let name = ServerName::try_from(name.clone()).map_err(|error| format!("{name}: {error}"))?;
            Some((name, Trust::new(config)))
        } else {
            None
        };
        Ok(Self(Arc::new(Shared { host, port, tls, idle: Mutex::default() })))
    }

    /// Sends a request over a connection that there is, or over a new one.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
        identity: Option<&Identity>,
    ) -> Result<Answer<Body>, TransportError> {
        let mut request = request.map(Full::new);
        // The server may have closed a connection while nobody used it: what it was not sent goes over another one.
        while let Some(mut connection) = self.take(identity) {
            if connection.sender.ready().await.is_err() {
                continue;
            }
            match connection.sender.try_send_request(request).await {
                Ok(answer) => return Ok(self.answer(answer, connection)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(TransportError::Broken(with_reasons(&error.into_error()))),
                },
            }
        }
        let mut connection = self.connect(identity).await.map_err(TransportError::NotSent)?;
        match connection.sender.try_send_request(request).await {
            Ok(answer) => Ok(self.answer(answer, connection)),
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let text = with_reasons(&error.into_error());
                Err(if unsent { TransportError::NotSent(text) } else { TransportError::Broken(text) })
            }
        }
    }

    fn answer(&self, answer: Response<Incoming>, connection: Connection) -> Answer<Body> {
        let (head, incoming) = answer.into_parts();
        let body = Body { incoming, connection: Some((self.clone(), connection)) };
        Answer { head: Response::from_parts(head, ()), body }
    }

    fn take(&self, identity: Option<&Identity>) -> Option<Connection> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(connection, since)| since.elapsed() < KEEP && !connection.sender.is_closed());
        let index = idle.iter().rposition(|(connection, _)| connection.identity.as_ref() == identity)?;
        Some(idle.swap_remove(index).0)
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= MOST_IDLE {
            // The one that has not been used for longest is the most likely to be closed soon.
            let oldest = idle.iter().enumerate().min_by_key(|(_, (_, since))| *since).map(|(index, _)| index);
            oldest.map(|index| idle.swap_remove(index));
        }
        idle.push((connection, Instant::now()));
    }

    async fn connect(&self, identity: Option<&Identity>) -> Result<Connection, String> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let Shared { host, port, tls, .. } = &*self.0;
        let connected = async {
            let socket = self.socket(deadline).await?;
            match tls {
                None => begin(socket).await,
                Some((name, trust)) => {
                    let config = trust.client_config(identity).await?;
                    let stream = TlsConnector::from(config).connect(name.clone(), socket).await;
                    begin(stream.map_err(|error| error.to_string())?).await
                }
            }
        };
        let sender = until(deadline, connected).await.ok_or_else(late)?;
        let sender = sender.map_err(|reason| format!("no connection to {host} port {port}: {reason}"))?;
        Ok(Connection { sender, identity: identity.cloned() })
    }

    /// Tries all addresses of the server, one after the other; each may take its share of the time.
    async fn socket(&self, deadline: Instant) -> Result<Socket, String> {
        let addresses = Smol::resolve(&self.0.host, self.0.port).await.map_err(|error| error.to_string())?;
        let mut reason = "its name stands for no address".to_owned();
        for (tried, address) in addresses.iter().enumerate() {
            let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = deadline.saturating_duration_since(Instant::now()) / others;
            match connect(*address, Instant::now() + share).await {
                Ok(socket) => return Ok(socket),
                Err(error) => reason = format!("{address}: {error}"),
            }
        }
        Err(reason)
    }
}

async fn connect(address: SocketAddr, deadline: Instant) -> Result<Socket, String> {
    let socket = until(deadline, Socket::connect(address)).await.ok_or_else(late)?;
    socket.map_err(|error| error.to_string())
}

async fn begin<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(Io(stream)).await.map_err(|error| with_reasons(&error))?;
    let connection = executor::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = with_reasons(&error), "a connection to the API server ended");
        }
    });
    connection.detach();
    Ok(sender)
}

/// What a future comes to, unless it takes too long.
async fn until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    smol::future::or(async { Some(future.await) }, async {
        smol::Timer::at(deadline).await;
        None
    })
    .await
}

fn late() -> String {
    "no answer in time".to_owned()
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("incoming", &self.incoming).finish_non_exhaustive()
    }
}

impl AnswerBody for Body {
    async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        loop {
            match self.incoming.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Some(Err(error)) => {
                    self.connection = None;
                    return Some(Err(TransportError::Broken(with_reasons(&error))));
                }
                None => {
                    if let Some((pool, connection)) = self.connection.take() {
                        pool.put(connection);
                    }
                    return None;
                }
            }
        }
    }
}

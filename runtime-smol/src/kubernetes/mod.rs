//! An API server: its address, by what it is known, what requests prove themselves with, and the connections to it.

mod connection;
mod credentials;
mod exec;
mod trust;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, StatusCode, Uri};
use kubevirt_redfish_app::transport::{Answer, ApiServer, ConnectError};
use kubevirt_redfish_core::kubevirt::TransportError;

pub use connection::Body;
use connection::Pool;
use credentials::Credentials;

/// The connections to an API server.
#[derive(Clone)]
pub struct Kubernetes(Arc<Inner>);

struct Inner {
    server: Uri,
    host: HeaderValue,
    namespace: String,
    credentials: Credentials,
    pool: Pool,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").field("server", &self.0.server).finish_non_exhaustive()
    }
}

impl ApiServer for Kubernetes {
    type Body = Body;

    fn new(config: kube::Config) -> Result<Self, ConnectError> {
        Self::from_config(config).map_err(ConnectError::Client)
    }

    fn address(&self) -> String {
        self.0.server.to_string()
    }

    fn namespace(&self) -> &str {
        &self.0.namespace
    }

    async fn send(&self, mut request: Request<Bytes>) -> Result<Answer<Body>, TransportError> {
        let inner = &self.0;
        *request.uri_mut() = inner.target(request.uri()).map_err(TransportError::NotSent)?;
        let headers = request.headers_mut();
        headers.insert(HOST, inner.host.clone());
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        let proof = inner.credentials.current().await.map_err(TransportError::NotSent)?;
        headers.extend(proof.headers.clone());
        let answer = inner.pool.send(request, proof.identity.as_ref()).await?;
        if answer.head.status() == StatusCode::UNAUTHORIZED {
            // They may have been replaced before their time. Whether the request is made again is not decided here.
            inner.credentials.refused(&proof).await;
        }
        Ok(answer)
    }
}

impl Kubernetes {
    fn from_config(config: kube::Config) -> Result<Self, String> {
        if let Some(proxy) = &config.proxy_url {
            return Err(format!(
                "{proxy}: this program cannot go through a proxy; take proxy-url out of the kubeconfig, or HTTPS_PROXY \
                 out of the environment"
            ));
        }
        let server = config.cluster_url.clone();
        let host = server.authority().map_or("", Authority::as_str);
        let host = HeaderValue::from_str(host).map_err(|error| format!("{server}: {error}"))?;
        let namespace = config.default_namespace.clone();
        let pool = Pool::new(&config)?;
        let credentials = Credentials::new(config.auth_info)?;
        Ok(Self(Arc::new(Inner { server, host, namespace, credentials, pool })))
    }
}

impl Inner {
    /// The path of a request, below the one that the server's own URL may have.
    fn target(&self, relative: &Uri) -> Result<Uri, String> {
        let path = relative.path_and_query().map_or("/", PathAndQuery::as_str);
        let target = format!("{}{path}", self.server.path().trim_end_matches('/'));
        target.parse().map_err(|error: http::uri::InvalidUri| format!("{target}: {error}"))
    }
}

const AGENT: &str = concat!("kubevirt-redfish/", env!("CARGO_PKG_VERSION"));

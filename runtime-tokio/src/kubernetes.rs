//! An API server, by way of `kube::Client`: it has the credentials, renews tokens and trusts the right certificates.

use std::path::Path;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body as KubeBody;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kubevirt_redfish_core::CONNECT_TIMEOUT;
use kubevirt_redfish_core::kubevirt::TransportError;

use kubevirt_redfish_app::transport::{Answer, AnswerBody, ApiServer, ConnectError};

/// A connection to an API server.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    server: Uri,
    namespace: String,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").field("server", &self.server).finish_non_exhaustive()
    }
}

impl ApiServer for Kubernetes {
    type Body = Body;

    async fn new(kubeconfig: Option<&Path>) -> Result<Self, ConnectError> {
        let mut config = match kubeconfig {
            Some(path) => {
                let fail = |reason: String| ConnectError::Kubeconfig { path: path.display().to_string(), reason };
                let kubeconfig = Kubeconfig::read_from(path).map_err(|error| fail(chain(&error)))?;
                kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                    .await
                    .map_err(|error| fail(chain(&error)))?
            }
            None => infer().await?,
        };
        // Whoever makes the requests decides whether and when they are made again, and how long they are waited for.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = None;
        let server = config.cluster_url.clone();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| ConnectError::Client(chain(&error)))?;
        Ok(Self { client, server, namespace })
    }

    fn address(&self) -> String {
        self.server.to_string()
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Answer<Body>, TransportError> {
        let request = request.map(|body| if body.is_empty() { KubeBody::empty() } else { body.to_vec().into() });
        let (parts, body) = self.client.send(request).await.map_err(|error| transport_error(&error))?.into_parts();
        Ok(Answer { head: http::Response::from_parts(parts, ()), body: Body(body) })
    }
}

async fn infer() -> Result<kube::Config, ConnectError> {
    if let Some(path) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
        let path = path.to_string_lossy().into_owned();
        return kube::Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .map_err(|error| ConnectError::Kubeconfig { path, reason: chain(&error) });
    }
    if let Ok(config) = kube::Config::incluster() {
        return Ok(config);
    }
    kube::Config::from_kubeconfig(&KubeConfigOptions::default())
        .await
        .map_err(|error| ConnectError::NoCredentials(chain(&error)))
}

/// The body of an answer.
#[derive(Debug)]
pub struct Body(KubeBody);

impl AnswerBody for Body {
    async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        loop {
            match self.0.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(TransportError::Broken(chain(&error)))),
            }
        }
    }
}

fn transport_error(error: &kube::Error) -> TransportError {
    let text = chain(error);
    if is_before_sending(error) { TransportError::NotSent(text) } else { TransportError::Broken(text) }
}

/// Whether the request certainly did not reach the server: no connection, or no credentials to send it with.
fn is_before_sending(error: &kube::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        source = error.source();
    }
    matches!(error, kube::Error::Auth(_) | kube::Error::HttpError(_) | kube::Error::BuildRequest(_))
}

/// An error with all its reasons in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let reason = error.to_string();
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        source = error.source();
    }
    text
}

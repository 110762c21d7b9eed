//! An API server, by way of `kube::Client`: it has the credentials, renews tokens and trusts the right certificates.

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body as KubeBody;
use kubevirt_redfish_app::transport::{Answer, AnswerBody, ApiServer, ConnectError, with_reasons};
use kubevirt_redfish_core::CONNECT_TIMEOUT;
use kubevirt_redfish_core::kubevirt::TransportError;

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

    fn new(mut config: kube::Config) -> Result<Self, ConnectError> {
        // Whoever makes the requests decides whether and when they are made again, and how long they are waited for.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = None;
        let server = config.cluster_url.clone();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| ConnectError::Client(with_reasons(&error)))?;
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
                Err(error) => return Some(Err(TransportError::Broken(with_reasons(&error)))),
            }
        }
    }
}

fn transport_error(error: &kube::Error) -> TransportError {
    let text = with_reasons(error);
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

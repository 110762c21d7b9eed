//! The way to the cluster: an API server, or the simulated one in this process.

mod credentials;
#[cfg(feature = "simulate")]
mod simulated;

use std::future::Future;

use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::kubevirt::TransportError;

pub use credentials::{find_credentials, with_reasons};
#[cfg(feature = "simulate")]
pub use simulated::{Body as SimulatedBody, Simulated};

/// There is no way to an API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No kubeconfig could be read.
    #[error("the kubeconfig {path} cannot be used: {reason}")]
    Kubeconfig {
        /// Which one.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// There are no credentials anywhere.
    #[error(
        "no way to a cluster: {0}; give --kubeconfig FILE or set KUBECONFIG, or run this in a pod with a service account"
    )]
    NoCredentials(String),
    /// The client cannot be made of what the configuration says.
    #[error("the connection to the cluster cannot be set up: {0}")]
    Client(String),
}

/// The connections to an API server: it has the credentials, renews tokens and trusts the right certificates.
pub trait ApiServer: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: AnswerBody;

    /// Prepares connections to where a configuration leads; none is made until there is a request.
    fn new(config: kube::Config) -> Result<Self, ConnectError>;

    /// The API server's address.
    fn address(&self) -> String;

    /// The namespace of the pod's service account, or that of the kubeconfig's context.
    fn namespace(&self) -> &str;

    /// Sends a request and waits for the beginning of its answer. Dropping either abandons the request.
    fn send(&self, request: Request<Bytes>) -> impl Future<Output = Result<Answer<Self::Body>, TransportError>> + Send;
}

/// A body, read piece by piece.
pub trait AnswerBody: Send + 'static {
    /// The next piece; `None` at the regular end. Waiting for it may be given up and taken up again.
    fn chunk(&mut self) -> impl Future<Output = Option<Result<Bytes, TransportError>>> + Send;
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Answer<B> {
    /// Status and headers.
    pub head: Response<()>,
    /// The body.
    pub body: B,
}

/// The way to the cluster.
#[derive(Clone, Debug)]
pub enum Transport<A> {
    /// An API server.
    ApiServer(A),
    /// The simulated cluster in this process.
    #[cfg(feature = "simulate")]
    Simulated(Simulated),
}

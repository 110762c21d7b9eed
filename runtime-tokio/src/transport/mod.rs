//! The way to the cluster: an API server, or the simulated one in this process.

mod kubernetes;
mod simulated;

use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::kubevirt::TransportError;

pub use kubernetes::{ConnectError, Kubernetes};
pub use simulated::Simulated;

/// The way to the cluster.
#[derive(Clone, Debug)]
pub enum Transport {
    /// An API server.
    Kubernetes(Kubernetes),
    /// The simulated cluster in this process.
    Simulated(Simulated),
}

impl Transport {
    /// Sends a request and waits for the beginning of its answer. Dropping either abandons the request.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, TransportError> {
        match self {
            Self::Kubernetes(kubernetes) => kubernetes.send(request).await,
            Self::Simulated(simulated) => simulated.send(request).await,
        }
    }
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Answer {
    /// Status and headers.
    pub head: Response<()>,
    /// The body.
    pub body: ResponseBody,
}

/// The body of an answer, read piece by piece.
#[derive(Debug)]
pub struct ResponseBody(Source);

#[derive(Debug)]
enum Source {
    Kubernetes(kubernetes::Body),
    Simulated(simulated::Body),
}

impl ResponseBody {
    /// The next piece; `None` at the regular end. Waiting for it may be given up and taken up again.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        match &mut self.0 {
            Source::Kubernetes(body) => body.chunk().await,
            Source::Simulated(body) => body.chunk().await,
        }
    }
}

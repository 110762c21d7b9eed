//! Carries what a look at a cluster asks, one request after the other.

use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::kubevirt::{SURVEY_LONGEST, SURVEY_PATIENCE, Survey, TransportError};

use crate::clock::Clock;
use crate::runtime::{Runtime, timeout};
use crate::transport::{AnswerBody as _, ApiServer, ConnectError, find_credentials};

/// Finds the API server, as `serve` does.
pub(crate) async fn connect<R: Runtime>(kubeconfig: Option<&Path>) -> Result<R::ApiServer, ConnectError> {
    find_credentials(kubeconfig).await.and_then(R::ApiServer::new)
}

/// Asks everything.
pub(crate) async fn ask<R: Runtime>(server: &R::ApiServer, survey: &mut Survey, clock: Clock) {
    while let Some(request) = survey.next(clock.mono()) {
        let answer = timeout::<R, _>(SURVEY_PATIENCE, whole(server, request)).await;
        survey.answered(clock.now(), answer.unwrap_or(Err(TransportError::TimedOut)));
    }
}

async fn whole<A: ApiServer>(server: &A, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
    let mut answer = server.send(request).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.body.chunk().await {
        let chunk = chunk?;
        if body.len().saturating_add(chunk.len()) > SURVEY_LONGEST {
            return Err(TransportError::Broken("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(answer.head.map(|()| body.into()))
}

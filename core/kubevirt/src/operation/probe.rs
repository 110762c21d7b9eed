//! A sign of life: whether there is an API server behind whatever answers.

use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;

use super::answer::{self, Problem};
use super::{OperationStep, Stage};
use crate::TransportError;
use crate::model::{CommandError, Completion, Probe};
use crate::object::{Element, Object, lenient};
use crate::request::{Path, get};
use crate::time::Instant;

/// One question of `/version`, which everybody may ask and which costs the API server nothing.
#[derive(Debug)]
pub(super) struct AskForVersion {
    probe: Probe,
    sent: bool,
    done: Option<Result<Completion, CommandError>>,
}

impl AskForVersion {
    pub(super) const fn new(probe: Probe) -> Self {
        Self { probe, sent: false, done: None }
    }

    pub(super) const fn stage(&self) -> Stage {
        if self.done.is_some() { Stage::Done } else { Stage::Between }
    }

    pub(super) fn poll(&mut self, now: Instant) -> OperationStep {
        if now >= self.probe.deadline && self.done.is_none() {
            self.done = Some(Err(CommandError::TimedOut));
        }
        match &self.done {
            Some(result) => OperationStep::Done(result.clone()),
            None if self.sent => OperationStep::WaitUntil(self.probe.deadline),
            None => {
                self.sent = true;
                OperationStep::Send { request: request(), deadline: self.probe.deadline }
            }
        }
    }

    pub(super) fn handle_response(&mut self, response: Result<Response<Bytes>, TransportError>) {
        let unavailable = |reason: String| Err(CommandError::Unavailable { reason, retry_after: None });
        self.done.get_or_insert(match answer::read(response) {
            Ok(body) if is_version(&body) => Ok(Completion::default()),
            Ok(_) => unavailable("the API server's answer makes no sense".to_owned()),
            Err(Problem::Busy { reason, .. } | Problem::NotServed(reason)) => unavailable(reason),
            // Whoever refuses in the API server's own words is the API server.
            Err(Problem::Conflict(_) | Problem::Missing { .. } | Problem::Forbidden(_) | Problem::Refused(_)) => {
                Ok(Completion::default())
            }
        });
    }
}

fn request() -> Request<Bytes> {
    get(&Path::version())
}

fn is_version(body: &[u8]) -> bool {
    serde_json::from_slice::<Element<Object<Version>>>(body)
        .is_ok_and(|Element(Object(version))| version.git_version.is_some())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Version {
    #[serde(deserialize_with = "lenient")]
    git_version: Option<Box<str>>,
}

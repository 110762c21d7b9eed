//! What an answer of the API server means for a command.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::kubevirt::TransportError;
use crate::kubevirt::entropy::Entropy;
use crate::kubevirt::object::{Element, Object, Status};

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The object is not, or no longer, in the state that the request supposed: read it again.
    Conflict(String),
    /// Something is not there; with the kind of object, if the server said.
    Missing { kind: Option<Box<str>>, message: String },
    /// The service lacks the right.
    Forbidden(String),
    /// The server, or a webhook of it, does not accept the content.
    Refused(String),
    /// No answer, or none for now: try again.
    Busy { reason: String, retry_after: Option<Duration>, effect: Effect },
}

pub(super) const FIRST_REST: Duration = Duration::from_millis(100);
pub(super) const LONGEST_REST: Duration = Duration::from_secs(2);

impl Problem {
    /// How long to wait before the next attempt, after so many that failed: longer each time, and as long as the server
    /// asked for.
    pub(super) fn rest(&self, entropy: &mut Entropy, failures: u32) -> Duration {
        let backoff = entropy.backoff(FIRST_REST, LONGEST_REST, failures);
        match self {
            Self::Busy { retry_after: Some(asked), .. } => backoff.max(*asked),
            _ => backoff,
        }
    }
}

/// Whether a request without a proper answer may have had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Possible,
}

/// The body of a success, or what is wrong.
pub(super) fn read(response: Result<Response<Bytes>, TransportError>) -> Result<Bytes, Problem> {
    let response = response.map_err(|error| Problem::Busy {
        reason: error.to_string(),
        retry_after: None,
        effect: if matches!(error, TransportError::NotSent(_)) { Effect::None } else { Effect::Possible },
    })?;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    Err(refusal(response.status(), retry_after, response.body()))
}

fn refusal(code: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Problem {
    // virt-api answers some refusals with plain text (facts, section 2).
    let status =
        serde_json::from_slice::<Element<Object<Status>>>(body).map(|Element(status)| status.0).unwrap_or_default();
    let text = status.message.as_deref().map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let message = explain(code, &text);
    let retry_after = retry_after.or_else(|| status.details.retry_after_seconds.map(Duration::from_secs));
    match code {
        StatusCode::CONFLICT => Problem::Conflict(message),
        // A JSON patch whose test failed: 422 with nothing said (facts, section 6).
        StatusCode::UNPROCESSABLE_ENTITY if text.starts_with(FAILED_TEST) => Problem::Conflict(message),
        // virt-api turns that 422 of its own patches into a 500 (facts, section 3).
        StatusCode::INTERNAL_SERVER_ERROR if text.contains(FAILED_TEST) || text.contains(UNDER_WAY) => {
            Problem::Conflict(message)
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Problem::Missing { kind: status.details.0.kind, message },
        // A quota or a limit is a 403 as well, and nothing that a role could grant.
        StatusCode::FORBIDDEN if lacks_right(&text) => Problem::Forbidden(message),
        StatusCode::FORBIDDEN => Problem::Refused(message),
        // A token may be just being renewed.
        StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Problem::Busy { reason: message, retry_after, effect: Effect::None }
        }
        code if code.is_server_error() => Problem::Busy { reason: message, retry_after, effect: Effect::Possible },
        _ => Problem::Refused(message),
    }
}

/// The part of a refusal that says something to somebody who does not know how the cluster is made.
fn explain(code: StatusCode, text: &str) -> String {
    let text = text.trim();
    let text = match text.split_once(" denied the request: ") {
        Some((webhook, reason)) if webhook.starts_with("admission webhook") => reason,
        Some(_) | None => text,
    };
    let text = match text.split_once("\": ") {
        Some((object, reason)) if object.starts_with("Operation cannot be fulfilled on") => reason,
        Some(_) | None => text,
    };
    let mut text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect();
    if text.is_empty() {
        text = code.to_string();
    }
    text
}

/// Whether a 403 is about a right: `User "..." cannot update resource "..."`.
fn lacks_right(text: &str) -> bool {
    (text.contains(" cannot ") && text.contains(" resource "))
        || !text.contains("exceeded quota") && !text.contains("denied")
}

const FAILED_TEST: &str = "the server rejected our request due to an error in our request";
const UNDER_WAY: &str = "stop/start already underway";
const LONGEST_MESSAGE: usize = 1024;

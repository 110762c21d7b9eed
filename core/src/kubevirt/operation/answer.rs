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
        // A quota, a namespace that goes, a guest that is watched by a probe are a 403 as well, and nothing that a role could
        // grant.
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

/// Whether a 403 is about a right, as RBAC puts it: `User "..." cannot update resource "..."`.
fn lacks_right(text: &str) -> bool {
    let asked = text.split_once(" cannot ").and_then(|(_, rest)| rest.split_once(' '));
    asked.is_some_and(|(_, object)| object.starts_with("resource \"") || object.starts_with("path \""))
}

const FAILED_TEST: &str = "the server rejected our request due to an error in our request";
const UNDER_WAY: &str = "stop/start already underway";
const LONGEST_MESSAGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_role_could_grant_is_a_lack_of_rights() {
        for (text, role) in [
            (
                r#"virtualmachines.subresources.kubevirt.io "r1" is forbidden: User "system:serviceaccount:vms:sa" cannot update resource "virtualmachines/start" in API group "subresources.kubevirt.io" in the namespace "vms""#,
                true,
            ),
            (r#"forbidden: User "sa" cannot get path "/apis/subresources.kubevirt.io/v1""#, true),
            (
                r#"pods "x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4"#,
                false,
            ),
            (r#"datavolumes "x" is forbidden: failed quota: compute: must specify limits.cpu"#, false),
            (
                r#"datavolumes "x" is forbidden: unable to create new content in namespace lab because it is being terminated"#,
                false,
            ),
            ("Pausing VMIs with LivenessProbe is currently not supported", false),
            (r#"admission webhook "policy" denied the request: you cannot use this resource "x""#, false),
            ("", false),
        ] {
            let status = serde_json::json!({ "kind": "Status", "message": text, "code": 403 });
            let problem = refusal(StatusCode::FORBIDDEN, None, status.to_string().as_bytes());
            assert_eq!(matches!(problem, Problem::Forbidden(_)), role, "{problem:?}");
            assert!(role || matches!(&problem, Problem::Refused(_)), "{problem:?}");
        }
    }
}

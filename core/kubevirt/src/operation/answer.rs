//! What an answer of the API server means for a command.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::TransportError;
use crate::entropy::Entropy;
use crate::model::plain;
use crate::object::Status;

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The object is not, or no longer, in the state that the request supposed: read it again.
    Conflict(String),
    /// Something is not there, as the API server says in its own form; with the kind of object, if it said.
    Missing { kind: Option<Box<str>>, message: String },
    /// The server has no such path. Proxies say the same in the same words when they have lost their way, so that
    /// something is not there does not follow from it.
    NotServed(String),
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
    /// Whether somebody else has changed the object since it was read, which says nothing about its state.
    pub(super) fn is_outdated(&self) -> bool {
        matches!(self, Self::Conflict(message) if message == OUTDATED)
    }

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
    /// If it has one, it has had it by now: the server had come to the end of it.
    Over,
    /// It may have it yet.
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
        // Verbs are answered with nothing, everything else with an object.
        let body = response.body().trim_ascii_start();
        if body.is_empty() || body.starts_with(b"{") {
            return Ok(response.into_body());
        }
        let reason = "the API server's answer makes no sense".to_owned();
        return Err(Problem::Busy { reason, retry_after: None, effect: Effect::Possible });
    }
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    Err(refusal(response.status(), retry_after, response.body()))
}

fn refusal(code: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Problem {
    let Some(status) = Status::read(body) else { return from_elsewhere(code, retry_after, body) };
    let text = status.message.0.as_deref().unwrap_or_default();
    let message = explain(code, text);
    let retry_after = retry_after.or_else(|| status.details.retry_after_seconds.map(Duration::from_secs));
    match code {
        // The lock of a merge patch (facts, section 6).
        StatusCode::CONFLICT if text.contains(MODIFIED) => Problem::Conflict(OUTDATED.to_owned()),
        StatusCode::CONFLICT => Problem::Conflict(message),
        // A JSON patch whose test failed: 422 with nothing said (facts, section 6).
        StatusCode::UNPROCESSABLE_ENTITY if text.starts_with(FAILED_TEST) => Problem::Conflict(OUTDATED.to_owned()),
        // virt-api turns that 422 of its own patches into a 500 (facts, section 3).
        StatusCode::INTERNAL_SERVER_ERROR if text.contains(FAILED_TEST) || text.contains(UNDER_WAY) => {
            Problem::Conflict(message)
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Problem::Missing { kind: status.details.0.kind, message },
        // A quota, a namespace that goes, a guest that is watched by a probe are a 403 as well, and nothing that a role could
        // grant.
        StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if lacks_right(text) => {
            Problem::Forbidden(message)
        }
        StatusCode::FORBIDDEN => Problem::Refused(message),
        // A token may be just being renewed.
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => {
            Problem::Busy { reason: message, retry_after, effect: Effect::None }
        }
        StatusCode::REQUEST_TIMEOUT => Problem::Busy { reason: message, retry_after, effect: Effect::Possible },
        code if code.is_server_error() => Problem::Busy { reason: message, retry_after, effect: effect(code, text) },
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::Refused(message)
        }
        // The request has another form than the server wants, which no client of the service has chosen.
        _ => Problem::Busy { reason: message, retry_after, effect: Effect::None },
    }
}

/// A refusal that is no Status object: of a proxy, which does not know what there is and what may be done, or of those
/// parts of the cluster that answer with plain text.
fn from_elsewhere(code: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(body);
    let message = explain(code, if text.trim_start().starts_with('<') { "" } else { &text });
    match (code, text.trim()) {
        // Of kube-apiserver for a kind, and of virt-api for a verb (facts, section 2).
        (StatusCode::NOT_FOUND, "404 page not found" | "404: Page Not Found")
        | (StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed") => Problem::NotServed(message),
        (code, _) => {
            let unreached = text.trim() == UNREACHED;
            let effect = if code.is_server_error() && !unreached { Effect::Possible } else { Effect::None };
            Problem::Busy { reason: message, retry_after, effect }
        }
    }
}

/// Whether what the API server has failed at may have had an effect, or may have it yet.
fn effect(code: StatusCode, text: &str) -> Effect {
    match code {
        // What serves the verbs was not reached.
        StatusCode::SERVICE_UNAVAILABLE if text == UNREACHED || text.contains(NOT_DIALED) => Effect::None,
        // Its store may still carry out what it has not confirmed.
        StatusCode::INTERNAL_SERVER_ERROR if text.contains("etcdserver") => Effect::Possible,
        StatusCode::INTERNAL_SERVER_ERROR => Effect::Over,
        _ => Effect::Possible,
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
    let mut text = String::from(plain(text, LONGEST_MESSAGE));
    if text.is_empty() {
        text = code.to_string();
    }
    text
}

/// Whether a 403 is about a right, as RBAC puts it: `User "..." cannot update resource "..."`. Admission plugins and
/// webhooks that look for a right beyond that of the request itself name the service's account or say that no policy
/// grants it.
fn lacks_right(text: &str) -> bool {
    let asked = text.split_once(" cannot ").and_then(|(_, rest)| rest.split_once(' '));
    asked.is_some_and(|(_, object)| object.starts_with("resource \"") || object.starts_with("path \""))
        || text.contains("system:serviceaccount:")
        || text.contains("no RBAC policy matched")
}

/// What a conflict is called that is none of the object's state.
const OUTDATED: &str = "others have changed it since it was read";

const MODIFIED: &str = "the object has been modified";
const FAILED_TEST: &str = "the server rejected our request due to an error in our request";
/// Of kube-apiserver, for an API whose server it knows to be away.
const UNREACHED: &str = "service unavailable";
/// Of the same, for one that it did not get a connection to.
const NOT_DIALED: &str = "error trying to reach service: dial ";
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
            (
                r#"datavolumes.cdi.kubevirt.io "x" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: no RBAC policy matched, <nil>"#,
                true,
            ),
            (
                r#"admission webhook "datavolume-mutate.cdi.kubevirt.io" denied the request: User system:serviceaccount:a:b has insufficient permissions in clone source namespace c"#,
                true,
            ),
            ("Pausing VMIs with LivenessProbe is currently not supported", false),
            (r#"admission webhook "policy" denied the request: you cannot use this resource "x""#, false),
            ("", false),
        ] {
            let status = serde_json::json!({ "kind": "Status", "apiVersion": "v1", "message": text, "code": 403 });
            let problem = refusal(StatusCode::FORBIDDEN, None, status.to_string().as_bytes());
            assert_eq!(matches!(problem, Problem::Forbidden(_)), role, "{problem:?}");
            assert!(role || matches!(&problem, Problem::Refused(_)), "{problem:?}");
        }
    }

    /// L7, M5: what a proxy says is no answer of the API server, whatever its code.
    #[test]
    fn only_a_status_object_is_believed() {
        let status = |code: u16, reason: &str| {
            let body = serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
                "message": "it says so", "details": { "kind": "virtualmachineinstances", "name": "x" },
            });
            body.to_string()
        };
        let answer = |code: u16, body: &str| {
            let response = Response::builder().status(code).body(Bytes::copy_from_slice(body.as_bytes()));
            read(Ok(response.expect("a response")))
        };
        assert!(matches!(answer(404, &status(404, "NotFound")), Err(Problem::Missing { kind: Some(_), .. })));
        assert!(matches!(answer(409, &status(409, "Conflict")), Err(Problem::Conflict(_))));
        for text in ["404 page not found\n", "404: Page Not Found"] {
            assert!(matches!(answer(404, text), Err(Problem::NotServed(_))), "{text}");
        }
        let html = "<html><body><h1>Not Found</h1></body></html>";
        let other = r#"{"kind":"VirtualMachine","apiVersion":"kubevirt.io/v1","code":404}"#;
        for code in [302, 400, 403, 404, 405, 409, 410, 413, 422, 500, 502, 503] {
            for body in [html, "", "null", "[]", "{}", "no healthy upstream", other] {
                let problem = answer(code, body);
                assert!(matches!(problem, Err(Problem::Busy { .. })), "{code} {body}: {problem:?}");
            }
        }
        for body in [html, "null", "[]", "7", "ok", "\u{1f}\u{fffd}"] {
            let problem = answer(200, body);
            assert!(matches!(problem, Err(Problem::Busy { effect: Effect::Possible, .. })), "{body}: {problem:?}");
        }
        assert!(answer(202, "").is_ok() && answer(200, "{\"kind\":\"VirtualMachine\"}").is_ok());
    }
}

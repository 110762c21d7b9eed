//! Requests that are answered before they are carried out (DSP0266 clause 7.12): when that is so, what is remembered
//! of them, and how their monitor is answered.

use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH};
use http::{HeaderName, Method, StatusCode};
use serde_json::Value;

use super::{Exchange, ODATA_VERSION, Step, response};
use crate::auth::Identity;
use crate::http::{JsonObject, MediaType, PREFER, Refusal, accepts, prefers_async};
use crate::intent::{Answer, Reply, TaskId, TaskRequest};
use crate::messages::{Message, base};
use crate::resources::{self, Context, FinalAnswer};
use crate::route::{Location, Route};
use crate::time::Now;
use crate::view::View;

impl Exchange {
    /// When the client wants to be answered.
    pub(super) fn reply(&self, body: &JsonObject) -> Result<Reply, Refusal> {
        let at_once = prefers_async(&self.head.headers)
            || self.head.method == Method::POST && resources::operation_apply_time_is_asked_for(body)?;
        Ok(if at_once { Reply::AtOnce } else { Reply::WhenDone })
    }

    /// What a task is to remember of this request.
    pub(super) fn as_task_request(&self, context: &Context<'_>, body: &JsonObject, answer: Answer) -> TaskRequest {
        let header = |name: &HeaderName| {
            let value = self.head.headers.get(name)?.to_str().ok()?;
            Some(format!("{name}: {value}").into())
        };
        let masked = Value::Object(masked(body)).to_string();
        TaskRequest {
            owner: context.identity.map_or_else(Arc::default, Identity::user),
            method: self.head.method.clone(),
            // An alias may name what another reader of the task does not see.
            path: self
                .location()
                .ok()
                .and_then(|at| context.canonical(&at))
                .as_deref()
                .unwrap_or_else(|| self.path())
                .into(),
            headers: SHOWN_HEADERS.iter().filter_map(header).collect(),
            body: (masked.len() <= MAX_BODY).then(|| masked.into()),
            answer,
        }
    }

    /// 202: it is being carried out, and this is where to ask for it.
    pub(super) fn accepted(&self, view: &Arc<View>, now: Now, identity: &Identity, id: &TaskId) -> Step {
        let context = Context { view, identity: Some(identity), now };
        let location = Location { route: Route::TaskMonitor(id.as_str()), alias: None };
        // A machine that is gone by now has taken its tasks along.
        let representation = match resources::read(&context, &location) {
            Ok(representation) => representation,
            Err(refusal) => return self.refuse(&refusal),
        };
        let charset = accepts(&self.head.headers, MediaType::Json).unwrap_or(false);
        let mut response = response::accepted(&location.route, &representation, POLL_AFTER, charset);
        if matches!(self.head.method, Method::GET | Method::HEAD) {
            response::allowed(&mut response, &location.route);
        } else if prefers_async(&self.head.headers) {
            response::preference_applied(&mut response);
        }
        Step::Respond(response)
    }

    /// 202 as long as the task goes on, then what its request would have been answered with.
    pub(super) fn monitor(&self, view: &Arc<View>, now: Now, identity: Option<&Identity>, route: &Route<'_>) -> Step {
        let context = Context { view, identity, now };
        let Route::TaskMonitor(id) = *route else { return self.refuse(&Refusal::internal_error()) };
        let (task, _) = match context.task(id) {
            Ok(found) => found,
            Err(refusal) => return self.refuse(&refusal),
        };
        match (resources::final_answer(task), identity) {
            (Some(FinalAnswer::Done(request, answer)), Some(identity)) => {
                let path = request.map_or_else(|| self.path(), |request| &request.path);
                self.without_body_for_head(self.answer(view, now, identity, path, answer))
            }
            (Some(FinalAnswer::Refused(refusal)), _) => self.refuse(&refusal),
            (_, None) => self.refuse(&Refusal::unauthorized(self.path())),
            (None, Some(identity)) => self.without_body_for_head(self.accepted(view, now, identity, &task.id)),
        }
    }

    fn without_body_for_head(&self, step: Step) -> Step {
        match step {
            Step::Respond(response)
                if self.head.method == Method::HEAD && response.status() != StatusCode::NO_CONTENT =>
            {
                Step::Respond(response::without_body(response))
            }
            other => other,
        }
    }
}

/// 503: there are as many tasks as there may be.
pub(super) fn too_many_tasks() -> Refusal {
    let message = Message::new(&base::CREATE_LIMIT_REACHED_FOR_RESOURCE, []);
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(POLL_AFTER)
}

/// A body without its secrets.
fn masked(object: &JsonObject) -> JsonObject {
    object.iter().map(|(name, value)| (name.clone(), mask(is_secret(name), value))).collect()
}

fn mask(secret: bool, value: &Value) -> Value {
    match value {
        Value::Object(object) if !secret => Value::Object(masked(object)),
        Value::Array(values) => Value::Array(values.iter().map(|value| mask(secret, value)).collect()),
        // What is left open tells nothing.
        Value::Null => Value::Null,
        _ if secret => Value::from("******"),
        plain => plain.clone(),
    }
}

/// Whether a member is a secret by its name: passwords, tokens, keys, and headers that carry them.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|part| name.contains(part))
}

const SECRETS: [&str; 7] = ["password", "passphrase", "secret", "token", "credential", "authorization", "privatekey"];

/// Headers that say how a request is to be understood. Those that say who sent it are nobody else's business.
const SHOWN_HEADERS: [HeaderName; 5] = [ACCEPT, CONTENT_TYPE, IF_MATCH, ODATA_VERSION, PREFER];

/// The largest body that a task keeps, in bytes: bodies of systems are far smaller, and tasks are kept in memory.
const MAX_BODY: usize = 4_096;

/// After how many seconds to ask for a task again: most take less, and imports take minutes anyway.
const POLL_AFTER: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_are() {
        let body = serde_json::json!({
            "Image": "http://a/b", "UserName": "u", "Password": "p", "Oem": { "AccessToken": ["a", { "b": 1 }], "X": 1 },
            "OldPassword": null, "Credentials": { "User": "u" },
        });
        let Value::Object(object) = &body else { unreachable!() };
        let text = Value::Object(masked(object)).to_string();
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            serde_json::json!({
                "Image": "http://a/b", "UserName": "u", "Password": "******",
                "Oem": { "AccessToken": ["******", "******"], "X": 1 }, "OldPassword": null, "Credentials": "******",
            })
        );
    }
}

//! Writes: the one way from whoever may ask to what is handed to the service.
//!
//! Whatever a write has waited for (its body, the hash of a password, its turn that came too late), it begins again at
//! its credentials, with the newest view: who was removed, logged out or given another role in the meantime is no longer
//! who they were when the request began. So there is one place that decides who may write, and none that remembers it.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::{BODY_TIME, Exchange, State, Step};
use crate::auth::Identity;
use crate::config::PasswordHash;
use crate::http::{JsonObject, Refusal, check_content, parse_body};
use crate::intent::{Intent, IntentKind};
use crate::resources::{self, Context, Plan};
use crate::time::Now;
use crate::view::View;

/// A write whose body is there.
#[derive(Default)]
pub(super) struct Write {
    body: Bytes,
    /// The hash of the new password in it, once that has been computed.
    pub(super) hash: Option<PasswordHash>,
    /// How often it came too late.
    superseded: u8,
}

impl Exchange {
    /// Goes on with a write for someone who may make it, as far as the head tells: with its body, if that is there.
    pub(super) fn write(&mut self, view: &Arc<View>, now: Now, identity: Identity) -> Step {
        if self.write.is_none() {
            // What there is to say about a deletion is in its URI.
            if self.head.method != Method::DELETE {
                let limit = view.config.body_limit;
                if self.announced_length().is_some_and(|length| length > limit as u64) {
                    return self.refuse(&Refusal::payload_too_large());
                }
                self.state = State::Reading;
                return Step::ReadBody { limit, within: BODY_TIME };
            }
            self.write = Some(Write::default());
        }
        match self.parse(view, now, &identity) {
            Ok(body) => self.submit(view, now, identity, &body),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// The body is there.
    pub(super) fn body_read(&mut self, view: &Arc<View>, now: Now, body: Bytes) -> Step {
        self.write = Some(Write { body, ..Write::default() });
        self.authenticate(view, now)
    }

    /// The hash of the new password is there.
    pub(super) fn hashed(&mut self, view: &Arc<View>, now: Now, hash: PasswordHash) -> Step {
        if let Some(write) = &mut self.write {
            write.hash = Some(hash);
        }
        self.authenticate(view, now)
    }

    /// What was to be changed is no longer what the change was made for: it is found out anew.
    pub(super) fn superseded(&mut self, view: &Arc<View>, now: Now) -> Step {
        match &mut self.write {
            Some(write) if write.superseded < MAX_SUPERSEDED => {
                write.superseded += 1;
                self.authenticate(view, now)
            }
            Some(_) | None => self.refuse(&Refusal::concurrent_changes()),
        }
    }

    /// The precondition comes before the body: who changes what they have not seen is told that first.
    fn parse(&self, view: &Arc<View>, now: Now, identity: &Identity) -> Result<JsonObject, Refusal> {
        let location = self.location()?;
        self.check_precondition(view, now, identity, &location)?;
        let body = self.write.as_ref().map(|write| &*write.body).unwrap_or_default();
        if body.is_empty() && (self.head.method == Method::DELETE || resources::body_is_optional(&location.route)) {
            return Ok(JsonObject::new());
        }
        check_content(&self.head.headers)?;
        let mut object = parse_body(body, self.action())?;
        // Sent back as it was read, it asks for nothing.
        if self.head.method == Method::PATCH && object.get("Id").is_some_and(|id| self.is_named(id)) {
            object.remove("Id");
        }
        Ok(object)
    }

    /// Whether what the request is about has this `Id`.
    fn is_named(&self, id: &Value) -> bool {
        let path = self.path();
        let name = path.strip_suffix('/').unwrap_or(path).rsplit('/').next();
        id.as_str().is_some_and(|id| name == Some(id))
    }

    /// Finds out what is asked for in this view, and hands it in.
    fn submit(&mut self, view: &Arc<View>, now: Now, identity: Identity, body: &JsonObject) -> Step {
        if self.location().is_ok_and(|location| resources::is_edit(&location.route)) {
            return self.edit(view, now, identity, body);
        }
        if self.location().is_ok_and(|location| resources::is_event_write(&location.route)) {
            return self.submit_event(view, now, identity, body);
        }
        let planned = self.plan(view, now, &identity, body).and_then(|plan| Ok((plan, self.reply(body)?)));
        let (plan, reply) = match planned {
            Ok(planned) => planned,
            Err(refusal) => return self.refuse(&refusal),
        };
        let Some(action) = plan.action.clone() else {
            return self.answer(view, now, &identity, self.path(), plan.answer);
        };
        let context = Context { view, identity: Some(&identity), now };
        let intent = IntentKind::Act {
            vm: plan.vm.machine.id.clone(),
            uid: plan.vm.machine.uid.clone(),
            action,
            only_if: self.is_conditional().then(|| Arc::clone(&plan.vm.machine)),
            request: Arc::new(self.as_task_request(&context, body, plan.answer)),
            reply,
            correlation: None,
        };
        self.state = State::Submitted { identity, plan: Box::new(plan) };
        Step::Submit(Intent(intent))
    }

    fn plan(&self, view: &Arc<View>, now: Now, identity: &Identity, body: &JsonObject) -> Result<Plan, Refusal> {
        let location = self.location()?;
        resources::plan(&Context { view, identity: Some(identity), now }, &location, body)
    }
}

/// How often a change is found out anew because what it is about changed meanwhile: enough for a busy system, and an end
/// for one that never rests.
const MAX_SUPERSEDED: u8 = 15;

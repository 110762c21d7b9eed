//! Writes: the one way from whoever may ask to what is handed to the service, and from what comes of it to the answer.
//! Machines, accounts, sessions, subscriptions, tasks and streams go this way alike.
//!
//! Whatever a write has waited for (its body, the hash of a password, its turn that came too late), it begins again at
//! its credentials, with the newest view: who was removed, logged out or given another role in the meantime is no longer
//! who they were when the request began. So there is one place that decides who may write, and none that remembers it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

use super::tasks::too_many_tasks;
use super::{Exchange, State, Step, response};
use crate::auth::{EditError, Edited, Identity};
use crate::config::PasswordHash;
use crate::http::{JsonObject, Refusal, check_content, parse_body};
use crate::intent::{AccessEdit, EventOutcome, Intent, IntentKind, OutcomeKind};
use crate::messages::{Message, base};
use crate::resources::{self, Context, Effect, Plan};
use crate::route::{Location, Route};
use crate::time::Now;
use crate::view::View;

/// A write whose body is there.
#[derive(Default)]
pub(super) struct Write {
    pub(super) body: Bytes,
    /// The hash of the new password in it, once that has been computed.
    hash: Option<PasswordHash>,
    /// How often it came too late.
    superseded: u8,
}

impl Exchange {
    /// Goes on with a write for someone who may make it, as far as the head tells: with its body, if that is there.
    pub(super) fn write(&mut self, view: &Arc<View>, now: Now, identity: Identity) -> Step {
        if self.write.is_none() {
            // What there is to say about a deletion is in its URI.
            if self.head.method != Method::DELETE {
                return self.read_body(view.config.body_limit);
            }
            self.write = Some(Write::default());
        }
        let planned =
            self.parse(view, now, &identity).and_then(|body| Ok((self.plan(view, now, &identity, &body)?, body)));
        match planned {
            Ok((plan, body)) => self.submit(view, now, identity, plan, &body),
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
        if body.is_empty() && (self.head.method == Method::DELETE || location.route.body_is_optional()) {
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

    /// Finds out what is asked for in this view.
    fn plan(&self, view: &Arc<View>, now: Now, identity: &Identity, body: &JsonObject) -> Result<Plan, Refusal> {
        let context = Context { view, identity: Some(identity), now };
        resources::plan(&context, &self.location()?, &self.head.method, self.is_conditional(), body)
    }

    /// Hands in what is to be done; before that, a password's hash is computed. What is so already is answered.
    pub(super) fn submit(
        &mut self,
        view: &Arc<View>,
        now: Now,
        identity: Identity,
        plan: Plan,
        body: &JsonObject,
    ) -> Step {
        let intent = match plan.effect.clone() {
            Effect::Nothing => return self.answer(view, now, &identity, self.path(), plan.answer),
            Effect::Machine { vm, action } => {
                let context = Context { view, identity: Some(&identity), now };
                let reply = match self.reply(body) {
                    Ok(reply) => reply,
                    Err(refusal) => return self.refuse(&refusal),
                };
                IntentKind::Act {
                    vm: vm.machine.id.clone(),
                    uid: vm.machine.uid.clone(),
                    action,
                    only_if: self.is_conditional().then(|| Arc::clone(&vm.machine)),
                    request: Arc::new(self.as_task_request(&context, body, plan.answer)),
                    reply,
                    correlation: None,
                }
            }
            Effect::Access(edit) => IntentKind::Edit(edit),
            Effect::Password { edit, password } => {
                let Some(hash) = self.write.as_ref().and_then(|write| write.hash.clone()) else {
                    self.state = State::Hashing;
                    return Step::Submit(Intent(IntentKind::HashPassword { password, client: self.peer.address }));
                };
                IntentKind::Edit(AccessEdit::Account(edit.with_hash(hash)))
            }
            Effect::Events(intent) => IntentKind::Event(intent),
            Effect::CallOff(task) => IntentKind::CallOff { task, correlation: None },
        };
        self.state = State::Submitted { identity, plan: Box::new(plan), done: None };
        Step::Submit(Intent(intent))
    }

    /// The service has answered.
    pub(super) fn submitted(
        &mut self,
        view: &Arc<View>,
        now: Now,
        identity: Identity,
        mut plan: Box<Plan>,
        done: Option<OutcomeKind>,
        outcome: OutcomeKind,
    ) -> Step {
        // What follows is as good as done: what was asked for is.
        let outcome = done.unwrap_or(outcome);
        if let OutcomeKind::Edited(_) = outcome
            && let Some(then) = plan.then.take()
        {
            self.state = State::Submitted { identity, plan, done: Some(outcome) };
            return Step::Submit(Intent(IntentKind::Edit(then)));
        }
        match outcome {
            OutcomeKind::Done | OutcomeKind::Edited(Edited::Done | Edited::Unchanged) => {
                self.answer(view, now, &identity, self.path(), plan.answer)
            }
            OutcomeKind::Accepted(id) => self.accepted(view, now, &identity, &id),
            OutcomeKind::Edited(Edited::Created(id)) => self.created(view, now, &identity, &Route::Account(&id)),
            OutcomeKind::Edited(Edited::Opened { id, token }) => self.session_opened(view, now, identity, id, &token),
            OutcomeKind::Event(EventOutcome::Subscribed(id)) => {
                self.created(view, now, &identity, &Route::EventDestination(id.as_str()))
            }
            OutcomeKind::Event(EventOutcome::Opened(stream)) => self.stream(stream),
            OutcomeKind::Superseded | OutcomeKind::NotEdited(EditError::Superseded) => self.superseded(view, now),
            outcome => self.refuse(&self.not_done(&outcome, plan.user_name())),
        }
    }

    /// 201: this has been made.
    fn created(&self, view: &Arc<View>, now: Now, identity: &Identity, route: &Route<'_>) -> Step {
        let context = Context { view, identity: Some(identity), now };
        match resources::read(&context, &Location { route: *route, alias: None }) {
            Ok(representation) => Step::Respond(response::created(route, &representation, self.wants_charset())),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// What a client is told of a write that was not made. `user_name`: what an account was to be called by it.
    pub(super) fn not_done(&self, outcome: &OutcomeKind, user_name: Option<&str>) -> Refusal {
        match outcome {
            OutcomeKind::Failed(error) => resources::failure(error, self.path()),
            OutcomeKind::NotEdited(error) => match self.location() {
                Ok(location) => resources::edit_failure(*error, &location.route, user_name),
                Err(refusal) => refusal,
            },
            OutcomeKind::TooManyTasks => too_many_tasks(),
            OutcomeKind::Event(EventOutcome::LimitReached) => {
                Refusal::new(StatusCode::CONFLICT, Message::new(&base::EVENT_SUBSCRIPTION_LIMIT_EXCEEDED, []))
            }
            OutcomeKind::Event(EventOutcome::Gone) => Refusal::no_such_resource(self.path()),
            OutcomeKind::Congested(congestion) => (*congestion).into(),
            OutcomeKind::Overloaded => Refusal::too_much_at_once("changes of accounts, sessions and subscriptions", 1),
            OutcomeKind::ShuttingDown => Refusal::shutting_down(),
            // These say that it was made, or answer something else.
            OutcomeKind::Done
            | OutcomeKind::Superseded
            | OutcomeKind::Accepted(_)
            | OutcomeKind::Password(_)
            | OutcomeKind::Reviewed(_)
            | OutcomeKind::Edited(_)
            | OutcomeKind::Event(EventOutcome::Subscribed(_) | EventOutcome::Opened(_)) => Refusal::internal_error(),
        }
    }
}

/// How often a change is found out anew because what it is about changed meanwhile: enough for a busy system, and an end
/// for one that never rests.
const MAX_SUPERSEDED: u8 = 15;

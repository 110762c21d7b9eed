//! Logging in, and changing accounts and sessions.
//!
//! ```text
//! log in:  ReadBody ─┬─▶ Submit(log in) ─┬─▶ Submit(open) ─▶ Respond 201
//!                    └───────────────────┘
//! change:  Submit(change) ─▶ [Submit(what follows)] ─▶ Respond
//! ```

use std::sync::Arc;

use bytes::Bytes;

use super::{BODY_TIME, Exchange, Signal, Step, response};
use crate::auth::{
    Account, AccountEdit, BasicCredentials, EditError, Edited, Identity, Login, Privilege, SessionEdit, SessionId,
    Token, tenant,
};
use crate::http::{Encoding, JsonObject, Refusal, accepts, check_content, parse_body};
use crate::intent::{AccessEdit, Intent, IntentKind, Outcome, OutcomeKind, PasswordOutcome};
use crate::resources::{self, Context, EditAnswer, EditPlan, LogIn};
use crate::route::Route;
use crate::time::Now;
use crate::view::View;

pub(super) enum State {
    /// The body of a log-in is being read.
    ReadingLogIn,
    /// It is being found out whether the password of a log-in is right.
    LoggingIn { context: Option<String> },
    /// A session is being opened.
    Opening { account: Arc<Account> },
    /// The password of a change is being hashed.
    Hashing,
    /// The change is being made.
    Editing { identity: Identity, user_name: Option<String>, plan: Box<EditPlan> },
    /// The change has been made, and what follows it is being made.
    Following { identity: Identity, answer: EditAnswer, edited: Edited },
}

impl Exchange {
    /// Begins a log-in.
    pub(super) fn read_log_in(&mut self) -> Step {
        if self.announced_length().is_some_and(|length| length > LONGEST_LOG_IN as u64) {
            return self.refuse(&Refusal::payload_too_large());
        }
        self.state = super::State::Access(State::ReadingLogIn);
        Step::ReadBody { limit: LONGEST_LOG_IN, within: BODY_TIME }
    }

    /// Goes on with what came of the last step.
    pub(super) fn resume_access(&mut self, view: &Arc<View>, now: Now, state: State, signal: Signal) -> Step {
        match (state, signal) {
            (State::ReadingLogIn, Signal::Body(body)) => match self.parse_log_in(&body) {
                Ok(log_in) => self.check_log_in(view, now, log_in),
                Err(refusal) => self.refuse(&refusal),
            },
            (State::ReadingLogIn, Signal::BodyTooLarge) => self.refuse(&Refusal::payload_too_large()),
            (State::ReadingLogIn, Signal::BodyBroken) => self.refuse(&Refusal::malformed_request()),
            (State::ReadingLogIn, Signal::BodyLate) => self.refuse(&Refusal::body_late(BODY_TIME)),
            (State::LoggingIn { context }, Signal::Outcome(Outcome(outcome))) => {
                match self.logged_in(view, now, &outcome) {
                    Ok(account) => self.open(view, account, context),
                    Err(refusal) => self.refuse(&refusal),
                }
            }
            (State::Opening { account }, Signal::Outcome(Outcome(outcome))) => match outcome {
                OutcomeKind::Edited(Edited::Opened { id, token }) => self.opened(view, now, &account, id, token),
                other => self.not_done(&other),
            },
            (State::Hashing, Signal::Outcome(Outcome(outcome))) => match outcome {
                OutcomeKind::Password(PasswordOutcome::Hashed(hash)) => self.hashed(view, now, hash),
                other => self.not_done(&other),
            },
            (State::Editing { identity, user_name, plan }, Signal::Outcome(Outcome(outcome))) => match outcome {
                OutcomeKind::Edited(edited) => {
                    let EditPlan { then, answer, .. } = *plan;
                    match then {
                        Some(then) => {
                            self.state = super::State::Access(State::Following { identity, answer, edited });
                            Step::Submit(Intent(IntentKind::Edit(then)))
                        }
                        None => self.edited(view, now, &identity, answer, &edited),
                    }
                }
                OutcomeKind::NotEdited(EditError::Superseded) => self.superseded(view, now),
                OutcomeKind::NotEdited(error) => match self.location() {
                    Ok(location) => self.refuse(&resources::refusal(error, &location.route, user_name.as_deref())),
                    Err(refusal) => self.refuse(&refusal),
                },
                other => self.not_done(&other),
            },
            // What follows is as good as done: what was asked for is.
            (State::Following { identity, answer, edited }, Signal::Outcome(_)) => {
                self.edited(view, now, &identity, answer, &edited)
            }
            (_, _) => self.refuse(&Refusal::internal_error()),
        }
    }

    /// Finds out what is asked for in this view, and hands it in; before that, a password's hash is computed.
    pub(super) fn edit(&mut self, view: &Arc<View>, now: Now, identity: Identity, body: &JsonObject) -> Step {
        let context = Context { view, identity: Some(&identity), now };
        let plan =
            self.location().and_then(|location| resources::edit(&context, &location.route, &self.head.method, body));
        let plan = match plan {
            Ok(plan) => plan,
            Err(refusal) => return self.refuse(&refusal),
        };
        let hash = self.write.as_ref().and_then(|write| write.hash.as_ref());
        let edit = match (&plan.password, hash, &plan.edit) {
            (Some(password), None, _) => {
                self.state = super::State::Access(State::Hashing);
                let intent = IntentKind::HashPassword { password: password.clone(), client: self.peer.address };
                return Step::Submit(Intent(intent));
            }
            (Some(_), Some(hash), AccessEdit::Account(edit)) => {
                AccessEdit::Account(AccountEdit::with_hash(edit.clone(), hash.clone()))
            }
            (_, _, edit) => edit.clone(),
        };
        let user_name = body.get("UserName").and_then(|name| name.as_str()).map(str::to_owned);
        self.state = super::State::Access(State::Editing { identity, user_name, plan: Box::new(plan) });
        Step::Submit(Intent(IntentKind::Edit(edit)))
    }

    fn parse_log_in(&self, body: &Bytes) -> Result<LogIn, Refusal> {
        check_content(&self.head.headers)?;
        resources::log_in(&parse_body(body, None)?)
    }

    fn check_log_in(&mut self, view: &Arc<View>, now: Now, log_in: LogIn) -> Step {
        let LogIn { user_name, password, context } = log_in;
        let credentials = BasicCredentials { user_name, password };
        match self.check(view, now, credentials) {
            Err(refusal) => self.refuse(&refusal),
            Ok(Login::Remembered(account)) => self.open(view, account, context),
            Ok(Login::Unverified(attempt)) => {
                self.state = super::State::Access(State::LoggingIn { context });
                self.attempt(attempt)
            }
        }
    }

    fn open(&mut self, view: &View, account: Arc<Account>, context: Option<String>) -> Step {
        if !account.privileges.has(Privilege::Login) {
            return self.refuse(&Refusal::forbidden());
        }
        let edit = SessionEdit::Open {
            account: Arc::clone(&account.uid),
            user_name: Arc::clone(&account.user_name),
            tenant: tenant(&view.config, &account.chassis),
            client: self.peer.address,
            context,
        };
        self.state = super::State::Access(State::Opening { account });
        Step::Submit(Intent(IntentKind::Edit(AccessEdit::Session(edit))))
    }

    fn opened(&self, view: &Arc<View>, now: Now, account: &Arc<Account>, id: SessionId, token: Token) -> Step {
        let identity = Identity::of(account).in_session(id);
        let context = Context { view, identity: Some(&identity), now };
        match resources::represent_opened(&context, id) {
            Ok(resource) => {
                let response = response::created(&Route::Session(id), &resource, self.wants_charset());
                Step::Respond(response::with_token(response, &token.expose()))
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// The change has been made.
    fn edited(&self, view: &Arc<View>, now: Now, identity: &Identity, answer: EditAnswer, edited: &Edited) -> Step {
        let id = match edited {
            Edited::Created(id) => Some(id),
            Edited::Unchanged | Edited::Done | Edited::Opened { .. } => None,
        };
        let result = match (answer, id) {
            (EditAnswer::NoContent, _) => return Step::Respond(response::no_content()),
            (EditAnswer::Created, Some(id)) => Ok(Route::Account(id)),
            (EditAnswer::Created, None) => Err(Refusal::internal_error()),
            (EditAnswer::Representation, _) => self.location().map(|location| location.route),
        };
        let result = result.and_then(|route| {
            let location = crate::route::Location { route, alias: None };
            let resource = resources::read(&Context { view, identity: Some(identity), now }, &location)?;
            Ok(match answer {
                EditAnswer::Created => response::created(&route, &resource, self.wants_charset()),
                EditAnswer::NoContent | EditAnswer::Representation => {
                    let encoding = Encoding::accepted(&self.head.headers).unwrap_or(Encoding::Identity);
                    response::representation(&route, &resource, None, self.wants_charset(), encoding)
                }
            })
        });
        match result {
            Ok(response) => Step::Respond(response),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn not_done(&self, outcome: &OutcomeKind) -> Step {
        self.refuse(&match outcome {
            OutcomeKind::Failed(error) => Refusal::from(error),
            OutcomeKind::Overloaded => too_many_edits(),
            OutcomeKind::Congested(congestion) => (*congestion).into(),
            OutcomeKind::ShuttingDown => Refusal::shutting_down(),
            OutcomeKind::NotEdited(error) => resources::refusal(*error, &Route::Sessions, None),
            OutcomeKind::Done
            | OutcomeKind::Superseded
            | OutcomeKind::Accepted(_)
            | OutcomeKind::TooManyTasks
            | OutcomeKind::Event(_)
            | OutcomeKind::Password(_)
            | OutcomeKind::Reviewed(_)
            | OutcomeKind::Edited(_) => Refusal::internal_error(),
        })
    }

    fn wants_charset(&self) -> bool {
        accepts(&self.head.headers, crate::http::MediaType::Json).unwrap_or(false)
    }
}

/// 503: as many changes of what the service keeps wait to be stored as may.
pub(super) fn too_many_edits() -> Refusal {
    Refusal::too_much_at_once("changes of accounts, sessions and subscriptions", 1)
}

/// The largest body of a log-in, in bytes: anyone may send one.
const LONGEST_LOG_IN: usize = 16 * 1024;

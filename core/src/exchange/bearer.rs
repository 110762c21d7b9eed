//! Requests with a bearer token: whom it stands for is known from a moment ago, or the cluster is asked.
//!
//! ```text
//! known ───────────────────────────────▶ goes on, or Respond 401
//! unknown ─▶ Submit(review) ─┬─────────▶ goes on, or Respond 401
//!                            └─────────▶ Respond 503: the cluster did not say
//! ```
//!
//! One that is sent as a password and stands for nobody may be a password after all: it is checked as such.

use std::sync::Arc;

use super::log_in::too_many_failures;
use super::{Exchange, State, Step};
use crate::auth::{BasicCredentials, ExternalUser, Identity, token_as_password};
use crate::http::Refusal;
use crate::intent::{Intent, IntentKind, OutcomeKind, PasswordOutcome};
use crate::messages::{Message, cluster};
use crate::model::{BearerToken, CommandError};
use crate::route::Location;
use crate::time::Now;
use crate::view::View;

/// Where a token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// As what it is.
    AsToken,
    /// As the password of HTTP Basic, by clients that know nothing else.
    AsPassword,
    /// As the password that a session is to be opened with.
    ToLogIn,
}

impl Exchange {
    /// Finds out whom a token stands for; `None` is none.
    pub(super) fn review(&mut self, view: &Arc<View>, now: Now, token: Option<BearerToken>, sent: Sent) -> Step {
        let Some(token) = token else {
            return self.refuse(&Refusal::unauthorized(self.path()));
        };
        let key = view.authenticator.token_key(&token);
        if let Some(known) = view.reviewed.get(&key).filter(|known| now.mono < known.until) {
            return self.vouched(view, now, known.caller.as_ref(), sent);
        }
        if let Some(refusal) = self.throttled(view, now) {
            return self.refuse(&refusal);
        }
        self.state = State::Reviewing(sent);
        Step::Submit(Intent(IntentKind::Review { key, token, client: self.peer.address }))
    }

    /// The cluster has said, or has not.
    pub(super) fn reviewed(&mut self, view: &Arc<View>, now: Now, outcome: OutcomeKind, sent: Sent) -> Step {
        match outcome {
            OutcomeKind::Reviewed(caller) => self.vouched(view, now, caller.as_ref(), sent),
            OutcomeKind::ShuttingDown => self.refuse(&Refusal::shutting_down()),
            OutcomeKind::Overloaded => self.refuse(&Refusal::too_much_at_once("reviews of tokens", 1)),
            OutcomeKind::Password(PasswordOutcome::TooManyFailures(until)) => {
                self.refuse(&too_many_failures(until, now))
            }
            // Nothing is wrong with the token, as far as anyone knows: the service may not ask, or was not understood.
            OutcomeKind::Failed(
                error @ (CommandError::Unavailable { .. } | CommandError::TimedOut | CommandError::Forbidden(_)),
            ) => self.refuse(&Refusal::from(&error)),
            OutcomeKind::Failed(_) => {
                self.refuse(&Refusal::unavailable(UNREVIEWED, Message::new(&cluster::CLUSTER_UNAVAILABLE, [])))
            }
            OutcomeKind::Done
            | OutcomeKind::Congested(_)
            | OutcomeKind::Password(_)
            | OutcomeKind::Accepted(_)
            | OutcomeKind::TooManyTasks
            | OutcomeKind::Edited(_)
            | OutcomeKind::NotEdited(_)
            | OutcomeKind::Superseded
            | OutcomeKind::Event(_) => self.refuse(&Refusal::internal_error()),
        }
    }

    fn vouched(&mut self, view: &Arc<View>, now: Now, caller: Option<&Arc<ExternalUser>>, sent: Sent) -> Step {
        match (caller, sent) {
            (Some(user), Sent::AsToken | Sent::AsPassword) => {
                self.authorised(view, now, Some(Identity::of_external(user)))
            }
            // A session would outlive the token. Nobody guesses at an account, so nothing is counted against one, and
            // clients that try a session first go on with HTTP Basic.
            (Some(_), Sent::ToLogIn) | (None, Sent::AsToken) => self.refuse(&Refusal::unauthorized(self.path())),
            (None, Sent::AsPassword) => {
                let uri = self.head.uri.clone();
                self.basic(view, now, TokensAsPasswords::Reviewed, Location::parse(uri.path()))
            }
            (None, Sent::ToLogIn) => self.log_in(view, now, TokensAsPasswords::Reviewed),
        }
    }

    /// The token that is sent as a password, if it may be one and has not been reviewed yet.
    pub(super) fn token_in(
        view: &View,
        credentials: &BasicCredentials,
        tokens: TokensAsPasswords,
    ) -> Option<BearerToken> {
        let open = view.config.bearer_tokens && tokens == TokensAsPasswords::Possible;
        open.then(|| token_as_password(&credentials.password)).flatten()
    }
}

/// Whether a password may turn out to be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokensAsPasswords {
    /// If it looks like one.
    Possible,
    /// It looked like one and stands for nobody.
    Reviewed,
}

/// After how many seconds to try again what only an operator can mend.
const UNREVIEWED: u64 = 30;

//! Requests with a bearer token: whom it stands for is known from a moment ago, or the cluster is asked.
//!
//! ```text
//! known ───────────────────────────────▶ goes on, or Respond 401
//! unknown ─▶ Submit(review) ─┬─────────▶ goes on, or Respond 401
//!                            └─────────▶ Respond 503: the cluster did not say
//! ```

use std::sync::Arc;

use super::log_in::too_many_failures;
use super::{Exchange, State, Step};
use crate::auth::{ExternalUser, Identity};
use crate::http::Refusal;
use crate::intent::{Intent, IntentKind, OutcomeKind, PasswordOutcome};
use crate::messages::{Message, cluster};
use crate::model::{BearerToken, CommandError};
use crate::time::Now;
use crate::view::View;

impl Exchange {
    /// Finds out whom a token stands for; `None` is none.
    pub(super) fn review(&mut self, view: &Arc<View>, now: Now, token: Option<BearerToken>) -> Step {
        let Some(token) = token else {
            return self.refuse(&Refusal::unauthorized(self.path()));
        };
        let key = view.authenticator.token_key(&token);
        if let Some(known) = view.reviewed.get(&key).filter(|known| now.mono < known.until) {
            return self.vouched(view, now, known.caller.as_ref());
        }
        if let Some(refusal) = self.throttled(view, now) {
            return self.refuse(&refusal);
        }
        self.state = State::Reviewing;
        Step::Submit(Intent(IntentKind::Review { key, token, client: self.peer.address }))
    }

    /// The cluster has said, or has not.
    pub(super) fn reviewed(&mut self, view: &Arc<View>, now: Now, outcome: OutcomeKind) -> Step {
        match outcome {
            OutcomeKind::Reviewed(caller) => self.vouched(view, now, caller.as_ref()),
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

    fn vouched(&mut self, view: &Arc<View>, now: Now, caller: Option<&Arc<ExternalUser>>) -> Step {
        match caller {
            Some(user) => self.authorised(view, now, Some(Identity::of_external(user))),
            None => self.refuse(&Refusal::unauthorized(self.path())),
        }
    }
}

/// After how many seconds to try again what only an operator can mend.
const UNREVIEWED: u64 = 30;

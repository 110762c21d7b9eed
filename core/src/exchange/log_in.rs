//! Passwords: known from a moment ago, or the service finds out.
//!
//! ```text
//! remembered ──────────────────────────▶ goes on
//! else ─▶ Submit(log in) ─┬────────────▶ goes on, or Respond 401
//!                         └────────────▶ Respond 429 or 503: it was not looked at
//! ```

use std::sync::Arc;

use http::header::AUTHORIZATION;

use super::bearer::{Sent, TokensAsPasswords};
use super::{Exchange, State, Step};
use crate::auth::{Account, Attempt, BasicCredentials, Identity, Login};
use crate::fairness::client_of;
use crate::http::{Refusal, Unknown};
use crate::intent::{Intent, IntentKind, OutcomeKind, PasswordOutcome};
use crate::route::Location;
use crate::time::{Instant, Now};
use crate::view::View;

impl Exchange {
    /// Goes on with the user name and the password of HTTP Basic. The password may be a token of the cluster, whatever
    /// the name, unless it is known to be somebody's password.
    pub(super) fn basic(
        &mut self,
        view: &Arc<View>,
        now: Now,
        tokens: TokensAsPasswords,
        location: Option<Location<'_>>,
    ) -> Step {
        let credentials =
            self.head.headers.get(AUTHORIZATION).and_then(|value| BasicCredentials::parse(value.as_bytes()));
        let Some(credentials) = credentials else {
            return self.refuse(&Refusal::unauthorized(self.path()));
        };
        let token = Self::token_in(view, &credentials, tokens);
        match (self.check(view, now, credentials), token) {
            (Ok(Login::Remembered(account)), _) => {
                self.authorised_at(view, now, Some(Identity::of(&account)), location)
            }
            (_, Some(token)) => self.review(view, now, Some(token), Sent::AsPassword),
            (Err(refusal), None) => self.refuse(&refusal),
            (Ok(Login::Unverified(attempt)), None) => {
                self.state = State::LoggingIn;
                self.attempt(attempt)
            }
        }
    }

    /// Looks at a user name and a password. Whose password was right a moment ago is not kept waiting by others, whether
    /// they share their address or guess at their account.
    pub(super) fn check(&self, view: &View, now: Now, credentials: BasicCredentials) -> Result<Login, Refusal> {
        let is_known = view.accounts_known || view.directory.by_name(&credentials.user_name).is_some();
        let login = view
            .authenticator
            .check(&view.directory, credentials, |account, key| view.is_remembered(&account.uid, key, now.mono));
        match &login {
            Login::Remembered(_) => Ok(login),
            // They may belong to an account that has not been read yet.
            Login::Unverified(_) if !is_known => Err(Refusal::not_yet_known(Unknown::Documents)),
            Login::Unverified(_) => self.throttled(view, now).map_or(Ok(login), Err),
        }
    }

    /// Has the service find out whether a password is right.
    pub(super) fn attempt(&self, attempt: Attempt) -> Step {
        Step::Submit(Intent(IntentKind::LogIn { attempt: Box::new(attempt), client: self.peer.address }))
    }

    /// Who has logged in by that.
    pub(super) fn logged_in(&self, view: &View, now: Now, outcome: &OutcomeKind) -> Result<Arc<Account>, Refusal> {
        match outcome {
            OutcomeKind::Password(PasswordOutcome::Right(account)) => {
                let account = view.directory.by_uid(account).filter(|account| account.enabled);
                account.cloned().ok_or_else(|| Refusal::unauthorized(self.path()))
            }
            OutcomeKind::Password(PasswordOutcome::Wrong) => Err(Refusal::unauthorized(self.path())),
            OutcomeKind::Password(PasswordOutcome::TooManyFailures(until)) => Err(too_many_failures(*until, now)),
            OutcomeKind::Overloaded => Err(Refusal::too_much_at_once("log-ins", RETRY_LOG_IN)),
            OutcomeKind::ShuttingDown => Err(Refusal::shutting_down()),
            _ => Err(Refusal::internal_error()),
        }
    }

    /// Why no credentials are looked at, if their sender has been wrong too often.
    pub(super) fn throttled(&self, view: &View, now: Now) -> Option<Refusal> {
        let until = view.throttled.get(&client_of(self.peer.address)).filter(|until| now.mono < **until)?;
        Some(too_many_failures(*until, now))
    }
}

/// 429 until then.
pub(super) fn too_many_failures(until: Instant, now: Now) -> Refusal {
    Refusal::too_many_failed_logins(until.saturating_since(now.mono).as_secs() + 1)
}

/// After how many seconds to log in again when as many wait as may.
const RETRY_LOG_IN: u64 = 2;

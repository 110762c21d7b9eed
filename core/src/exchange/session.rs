//! Opening sessions: a write whose credentials are in its body.
//!
//! ```text
//! ReadBody ─┬─▶ Submit(log in) ─┬─▶ Submit(open) ─▶ Respond 201
//!           └───────────────────┘
//! ```

use std::sync::Arc;

use bytes::Bytes;

use super::bearer::{Sent, TokensAsPasswords};
use super::{Exchange, State, Step, response};
use crate::auth::{Account, BasicCredentials, Identity, Login, Privilege, SessionEdit, SessionId, Token, tenant};
use crate::http::{JsonObject, MediaType, Refusal, accepts, check_content, parse_body};
use crate::intent::Answer;
use crate::resources::{self, Context, LogIn, Plan};
use crate::route::Route;
use crate::time::Now;
use crate::view::View;

impl Exchange {
    /// Goes on with a log-in: with its body, if that is there.
    pub(super) fn log_in(&mut self, view: &Arc<View>, now: Now, tokens: TokensAsPasswords) -> Step {
        let Some(write) = &self.write else {
            return self.read_body(LONGEST_LOG_IN);
        };
        match self.parse_log_in(&write.body) {
            Ok(log_in) => self.check_log_in(view, now, log_in, tokens),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn parse_log_in(&self, body: &Bytes) -> Result<LogIn, Refusal> {
        check_content(&self.head.headers)?;
        resources::log_in(&parse_body(body, None)?)
    }

    fn check_log_in(&mut self, view: &Arc<View>, now: Now, log_in: LogIn, tokens: TokensAsPasswords) -> Step {
        let LogIn { user_name, password, context } = log_in;
        let credentials = BasicCredentials { user_name, password };
        let token = Self::token_in(view, &credentials, tokens);
        match (self.check(view, now, credentials), token) {
            (Ok(Login::Remembered(account)), _) => self.open_session(view, now, &account, context),
            (_, Some(token)) => self.review(view, now, Some(token), Sent::ToLogIn),
            (Err(refusal), None) => self.refuse(&refusal),
            (Ok(Login::Unverified(attempt)), None) => {
                self.state = State::OpeningSession { context };
                self.attempt(attempt)
            }
        }
    }

    /// The password is right.
    pub(super) fn open_session(
        &mut self,
        view: &Arc<View>,
        now: Now,
        account: &Arc<Account>,
        context: Option<String>,
    ) -> Step {
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
        let plan = Plan::session(edit, Answer::Representation);
        self.submit(view, now, Identity::of(account), plan, &JsonObject::new())
    }

    /// 201: the session is open, and this is its token.
    pub(super) fn session_opened(
        &self,
        view: &Arc<View>,
        now: Now,
        identity: Identity,
        id: SessionId,
        token: &Token,
    ) -> Step {
        let identity = identity.in_session(id);
        match resources::represent_opened(&Context { view, identity: Some(&identity), now }, id) {
            Ok(resource) => {
                let response = response::created(&Route::Session(id), &resource, self.wants_charset());
                Step::Respond(response::with_token(response, &token.expose()))
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    pub(super) fn wants_charset(&self) -> bool {
        accepts(&self.head.headers, MediaType::Json).unwrap_or(false)
    }
}

/// The largest body of a log-in, in bytes: anyone may send one.
const LONGEST_LOG_IN: usize = 16 * 1024;

//! Bearer tokens: the cluster is asked whom one stands for, once for all who send it at the same time, and what it says
//! counts for a while.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::timers::Timer;
use super::{OutcomeKind, Output, Service, Ticket};
use crate::auth::{ExternalUser, Reviewed, TokenKey};
use crate::model::{BearerToken, CallerReview, CommandError, CommandId, Completion, Observation};
use crate::time::Now;

/// Tokens that the cluster is being asked about.
#[derive(Debug, Default)]
pub(super) struct Callers {
    asked: BTreeMap<CommandId, Question>,
    by_token: BTreeMap<TokenKey, CommandId>,
}

#[derive(Debug)]
struct Question {
    key: TokenKey,
    /// Who wants to know, and from where they sent the token.
    askers: Vec<(Ticket, IpAddr)>,
}

impl Callers {
    pub(super) fn is_asking(&self, id: CommandId) -> bool {
        self.asked.contains_key(&id)
    }

    pub(super) fn has_waiters(&self) -> bool {
        !self.asked.is_empty()
    }
}

impl Service {
    /// Has a token reviewed.
    pub(super) fn review(&mut self, now: Now, ticket: Ticket, key: TokenKey, token: BearerToken, client: IpAddr) {
        // Whoever asked a moment later than another may find that it has been answered meanwhile.
        let known = self.inventory.current().reviewed.get(&key).filter(|known| now.mono < known.until);
        if let Some(caller) = known.map(|known| known.caller.clone()) {
            return self.answer(ticket, OutcomeKind::Reviewed(caller));
        }
        let asked = self.callers.by_token.get(&key).and_then(|id| self.callers.asked.get_mut(id));
        if let Some(question) = asked {
            question.askers.push((ticket, client));
            return;
        }
        if self.callers.asked.len() >= MAX_ASKED {
            return self.answer(ticket, OutcomeKind::Overloaded);
        }
        let id = self.commands.next_id();
        let config = self.inventory.config();
        let deadline = now.mono + REVIEW.min(config.command_timeout);
        let mut namespaces: Vec<Arc<str>> =
            config.chassis.iter().map(|chassis| chassis.namespace.as_str().into()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        self.timers.set(deadline + super::commands::GRACE, Timer::GiveUp(id));
        self.callers.asked.insert(id, Question { key, askers: vec![(ticket, client)] });
        self.callers.by_token.insert(key, id);
        self.outputs.push_back(Output::Review(CallerReview { id, token, namespaces, deadline }));
    }

    /// Takes in what the cluster said of a token.
    pub(super) fn reviewed(&mut self, now: Now, id: CommandId, result: Result<Completion, CommandError>) {
        let Some(Question { key, askers }) = self.callers.asked.remove(&id) else { return };
        self.callers.by_token.remove(&key);
        let caller = result.map(|completion| {
            completion.observations.into_iter().find_map(|observation| match observation {
                Observation::Caller(caller) => caller,
                _ => None,
            })
        });
        let outcome = match caller {
            Ok(caller) => {
                let config = self.inventory.config();
                let caller = caller.map(|caller| Arc::new(ExternalUser::new(&caller, config)));
                let lasts = if caller.is_some() { ACCEPTED_FOR } else { REFUSED_FOR };
                let reviewed = Reviewed { caller: caller.clone(), until: now.mono + lasts };
                self.inventory.show_reviewed(key, reviewed, now.mono);
                if let Some(caller) = &caller {
                    self.narrow_subscriptions(caller);
                }
                OutcomeKind::Reviewed(caller)
            }
            Err(error) => OutcomeKind::Failed(error),
        };
        for (ticket, client) in askers {
            if outcome == OutcomeKind::Reviewed(None) {
                self.wrong_password(now, None, client);
            }
            self.answer(ticket, outcome.clone());
        }
    }
}

/// For how long it counts that a token stands for someone: a right that was taken away lasts no longer than that, and
/// who polls costs the API server next to nothing.
const ACCEPTED_FOR: Duration = Duration::from_mins(1);

/// For how long it counts that a token stands for nobody: who was just given it does not wait long.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// How long the cluster may take to say.
const REVIEW: Duration = Duration::from_secs(10);

/// How many tokens may be under review at a time, however many are sent: each costs several requests.
const MAX_ASKED: usize = 64;

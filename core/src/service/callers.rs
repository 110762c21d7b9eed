//! Bearer tokens: the cluster is asked whom one stands for, once for all who send it at the same time, and what it says
//! counts for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::timers::Timer;
use super::{OutcomeKind, Output, Service, Ticket};
use crate::auth::{ExternalUser, Reviewed, TokenKey};
use crate::fairness::client_of;
use crate::fairness::{Bounds, Turns};
use crate::intent::PasswordOutcome;
use crate::model::{BearerToken, CallerReview, CommandError, CommandId, Completion, Observation, Reviewee};
use crate::time::{Instant, Now};

/// Tokens that the cluster is being asked about, and those whose turn has not come.
#[derive(Debug)]
pub(super) struct Callers {
    turns: Turns<IpAddr, TokenKey>,
    waiting: BTreeMap<TokenKey, Waiting>,
    asked: BTreeMap<CommandId, Question>,
    by_token: BTreeMap<TokenKey, CommandId>,
}

#[derive(Debug)]
struct Waiting {
    token: BearerToken,
    until: Instant,
    askers: Vec<Asker>,
}

#[derive(Debug)]
struct Question {
    key: TokenKey,
    /// Whose turn it is.
    client: IpAddr,
    askers: Vec<Asker>,
}

/// Who wants to know, and from where they sent the token.
type Asker = (Ticket, IpAddr);

impl Default for Callers {
    fn default() -> Self {
        let (places_of_one, waiting_of_one) = (MOST_ASKED_OF_ONE, MOST_WAITING_OF_ONE);
        let bounds = Bounds { places_of_one, waiting_of_one, ..Bounds::of(MOST_ASKED, MOST_WAITING) };
        Self { turns: Turns::new(bounds), waiting: BTreeMap::new(), asked: BTreeMap::new(), by_token: BTreeMap::new() }
    }
}

impl Callers {
    pub(super) fn is_asking(&self, id: CommandId) -> bool {
        self.asked.contains_key(&id)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn has_waiters(&self) -> bool {
        !self.asked.is_empty() || !self.waiting.is_empty()
    }

    /// Those who want to know about a token, if anybody does already.
    fn askers(&mut self, key: &TokenKey) -> Option<&mut Vec<Asker>> {
        let asked = self.by_token.get(key).and_then(|id| self.asked.get_mut(id)).map(|question| &mut question.askers);
        asked.or_else(|| self.waiting.get_mut(key).map(|waiting| &mut waiting.askers))
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
        let client = client_of(client);
        if let Some(askers) = self.callers.askers(&key) {
            askers.push((ticket, client));
            return;
        }
        if self.callers.turns.wait(&client, key).is_err() {
            return self.answer(ticket, OutcomeKind::Overloaded);
        }
        let until = now.mono + LONGEST_WAIT;
        self.timers.set(until, Timer::Reviews);
        self.callers.waiting.insert(key, Waiting { token, until, askers: vec![(ticket, client)] });
        self.begin_reviews(now);
    }

    /// Asks about the tokens whose turn it is.
    fn begin_reviews(&mut self, now: Now) {
        while let Some((client, key)) = self.callers.turns.admit() {
            let Some(Waiting { token, askers, .. }) = self.callers.waiting.remove(&key) else {
                self.callers.turns.give_back(&client);
                continue;
            };
            if let Some(until) = self.access.login_limiter().throttled_until(client, now.mono) {
                self.callers.turns.give_back(&client);
                for (ticket, _) in askers {
                    self.answer(ticket, OutcomeKind::Password(PasswordOutcome::TooManyFailures(until)));
                }
                continue;
            }
            // It counts as one that stands for nobody until it is seen that it does not.
            self.access.login_limiter().begin_from(client, now.mono);
            let id = self.commands.next_id();
            let config = self.inventory.config();
            let deadline = now.mono + REVIEW.min(config.command_timeout);
            let namespaces = self.reviewed_namespaces();
            self.timers.set(deadline + super::commands::GRACE, Timer::GiveUp(id));
            self.callers.asked.insert(id, Question { key, client, askers });
            self.callers.by_token.insert(key, id);
            self.outputs.push_back(Output::Review(CallerReview {
                id,
                reviewee: Reviewee::Token(token),
                namespaces,
                deadline,
            }));
        }
    }

    /// The namespaces that anybody is asked about.
    pub(super) fn reviewed_namespaces(&self) -> Vec<Arc<str>> {
        let chassis = self.inventory.config().chassis.iter();
        let namespaces: BTreeSet<Arc<str>> = chassis.map(|chassis| chassis.namespace.as_str().into()).collect();
        namespaces.into_iter().collect()
    }

    /// Lets those go who have waited for too long: their clients will not wait much longer.
    pub(super) fn expire_reviews(&mut self, now: Now) {
        let expired = self.callers.waiting.iter().filter(|(_, waiting)| waiting.until <= now.mono);
        let keys: Vec<_> = expired.map(|(key, _)| *key).collect();
        for key in keys {
            let Some(Waiting { askers, .. }) = self.callers.waiting.remove(&key) else { continue };
            if let Some((_, client)) = askers.first() {
                self.callers.turns.withdraw(client, |waiting| *waiting == key);
            }
            for (ticket, _) in askers {
                self.answer(ticket, OutcomeKind::Overloaded);
            }
        }
    }

    /// Takes in what the cluster said of a token.
    pub(super) fn reviewed(&mut self, now: Now, id: CommandId, result: Result<Completion, CommandError>) {
        let Some(Question { key, client, askers }) = self.callers.asked.remove(&id) else { return };
        self.callers.by_token.remove(&key);
        self.callers.turns.give_back(&client);
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
        let refused = outcome == OutcomeKind::Reviewed(None);
        if !refused {
            self.access.login_limiter().succeeded_from(client);
        }
        for (index, (ticket, client)) in askers.into_iter().enumerate() {
            if refused {
                // The first was counted when it was asked about.
                if index > 0 {
                    self.access.login_limiter().begin_from(client, now.mono);
                }
                self.failed_from(now, client);
            }
            self.answer(ticket, outcome.clone());
        }
        self.begin_reviews(now);
    }
}

/// For how long it counts that a token stands for someone: a right that was taken away lasts no longer than that, and
/// who polls costs the API server next to nothing.
const ACCEPTED_FOR: Duration = Duration::from_mins(1);

/// For how long it counts that a token stands for nobody: who was just given it does not wait long.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// How long the cluster may take to say.
const REVIEW: Duration = Duration::from_secs(10);

/// How many tokens may be under review at a time, and of one client: each costs several requests.
const MOST_ASKED: usize = 32;
const MOST_ASKED_OF_ONE: usize = 16;

/// How many tokens may wait for that, and of one client.
const MOST_WAITING: usize = 1_024;
const MOST_WAITING_OF_ONE: usize = 128;

/// How long one may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

//! Owners of subscriptions who have no account here: the cluster is asked now and then what they still may see, since their
//! tokens need not come again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{ExternalUser, external_name};
use crate::model::{CallerReview, CommandError, CommandId, Completion, Observation, Reviewee};
use crate::service::timers::Timer;
use crate::service::{Output, Service};
use crate::time::Now;

/// Who is asked about, and who is next.
#[derive(Debug, Default)]
pub(in crate::service) struct Owners {
    waiting: VecDeque<Box<str>>,
    asked: Option<CommandId>,
}

impl Owners {
    pub(in crate::service) fn is_asking(&self, id: CommandId) -> bool {
        self.asked == Some(id)
    }
}

impl Service {
    /// A round begins.
    pub(in crate::service) fn review_owners(&mut self, now: Now) {
        self.timers.set(now.mono + OWNERS_REVIEWED_EVERY, Timer::Owners);
        // Whoever the last round did not come to is asked about first.
        let waiting: BTreeSet<Box<str>> = self.events.owners.waiting.iter().cloned().collect();
        let new = self.owners().into_keys().filter(|owner| !waiting.contains(owner));
        self.events.owners.waiting.extend(new);
        self.review_next_owner(now);
    }

    /// One after the other: nobody waits for it.
    fn review_next_owner(&mut self, now: Now) {
        while self.events.owners.asked.is_none() {
            let Some(owner) = self.events.owners.waiting.pop_front() else { return };
            let Some(groups) = self.owners().remove(&owner) else { continue };
            let Some(name) = external_name(&owner) else { continue };
            let id = self.commands.next_id();
            let deadline = now.mono + REVIEW;
            let reviewee = Reviewee::Known { name: name.into(), groups };
            let namespaces = self.reviewed_namespaces();
            self.events.owners.asked = Some(id);
            self.timers.set(deadline + crate::service::commands::GRACE, Timer::GiveUp(id));
            self.outputs.push_back(Output::Review(CallerReview { id, reviewee, namespaces, deadline }));
        }
    }

    /// Takes in what the cluster said. What it did not say is asked again in the next round.
    pub(in crate::service) fn owner_reviewed(&mut self, now: Now, result: Result<Completion, CommandError>) {
        self.events.owners.asked = None;
        let observations = result.map(|completion| completion.observations).unwrap_or_default();
        for observation in observations {
            if let Observation::Caller(Some(caller)) = observation {
                let owner = ExternalUser::new(&caller, self.inventory.config());
                self.narrow_subscriptions(&owner);
            }
        }
        self.review_next_owner(now);
    }

    /// Owners without an account, each with their groups. Of what is stored the replica that pushes events asks.
    fn owners(&self) -> BTreeMap<Box<str>, Vec<Arc<str>>> {
        let pushes = self.pushes();
        let ours = self.events.subscribers.values().map(|known| &known.subscription);
        ours.filter(|known| external_name(&known.owner).is_some() && (pushes || known.is_stream()))
            .map(|known| (known.owner.clone(), known.groups.iter().map(|group| (**group).into()).collect()))
            .collect()
    }
}

/// How often: a right that was taken away lasts no longer than that and a review.
pub(in crate::service) const OWNERS_REVIEWED_EVERY: Duration = Duration::from_mins(5);

/// How long the cluster may take to say.
const REVIEW: Duration = Duration::from_secs(10);

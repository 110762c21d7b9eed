//! What the log is told of outages: one line when one begins and one when it is over, however many streams it has, and one
//! for each namespace in which rights are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::timers::Timer;
use super::{Notice, Output, Service};
use crate::model::{Obstacle, Purpose, Source};
use crate::time::{Instant, Now};

/// What has been told, and what is going to be.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Since when the cluster does not answer as it should.
    began: Option<Instant>,
    /// The streams that it has now, and all that it has had.
    dark: BTreeSet<Source>,
    affected: BTreeSet<Source>,
    /// What is shown is old: no stream has said that it fails, but nothing comes from any.
    aged: bool,
    failures: u64,
    /// By namespace the rights that are missing, and those that have been told to be.
    withheld: BTreeMap<Option<Arc<str>>, BTreeSet<String>>,
    told: BTreeMap<Option<Arc<str>>, BTreeSet<String>>,
    /// When to look whether there is something to be told.
    due: Option<Instant>,
}

impl Service {
    pub(super) fn outage_unseen(&mut self, now: Now, source: &Source, obstacle: &Obstacle) {
        let outage = self.sources.outage();
        match obstacle {
            Obstacle::Unreachable(reason) => {
                let reason = reason.clone();
                self.outage_begins(now, source, reason);
            }
            Obstacle::Silent => self.outage_begins(now, source, "an open watch showed nothing".to_owned()),
            // What follows of that is told by whoever keeps documents.
            Obstacle::Forbidden(_) if source.purpose == Purpose::Documents => {}
            Obstacle::Forbidden(verb) => {
                outage.dark.remove(source);
                let rights = outage.withheld.entry(source.namespace.clone()).or_default();
                rights.insert(format!("{verb} {}", source.kind));
                self.outage_due(now, RIGHTS_TOLD_AFTER);
            }
            // That a cluster has no importer is no trouble of this service.
            Obstacle::Missing => {
                outage.dark.remove(source);
                self.outage_due(now, OVER_AFTER);
            }
        }
    }

    pub(super) fn outage_seen(&mut self, now: Now, source: &Source, failures: u32) {
        let outage = self.sources.outage();
        let was_dark = outage.dark.remove(source);
        if outage.began.is_some() {
            outage.failures = outage.failures.saturating_add(u64::from(failures));
        }
        let mut was_withheld = false;
        if let Some(rights) = outage.withheld.get_mut(&source.namespace) {
            let count = rights.len();
            rights.retain(|right| right.rsplit(' ').next() != Some(source.kind));
            was_withheld = rights.len() < count;
        }
        if was_dark || was_withheld {
            self.outage_due(now, OVER_AFTER);
        }
    }

    /// Whether anything that is shown is so old that clients are told, and which stream would show it.
    pub(super) fn outage_aged(&mut self, now: Now, aged: Option<&Source>) {
        let outage = self.sources.outage();
        let was_aged = std::mem::replace(&mut outage.aged, aged.is_some());
        match aged {
            Some(source) if !was_aged => {
                self.tell_beginning(now, source.kind, source.namespace.clone(), "nothing is heard of it".to_owned());
            }
            None if was_aged => self.outage_due(now, OVER_AFTER),
            _ => {}
        }
    }

    fn outage_begins(&mut self, now: Now, source: &Source, reason: String) {
        let outage = self.sources.outage();
        outage.dark.insert(source.clone());
        outage.affected.insert(source.clone());
        self.tell_beginning(now, source.kind, source.namespace.clone(), reason);
    }

    fn tell_beginning(&mut self, now: Now, kind: &'static str, namespace: Option<Arc<str>>, reason: String) {
        let outage = self.sources.outage();
        if outage.began.is_none() {
            outage.began = Some(now.mono);
            outage.failures = 0;
            self.outputs.push_back(Output::Notice(Notice::ClusterUnseen { kind, namespace, reason }));
        }
    }

    fn outage_due(&mut self, now: Now, after: Duration) {
        let at = now.mono + after;
        self.sources.outage().due = Some(at);
        self.timers.set(at, Timer::Outage);
    }

    /// Tells what is so by now, if it has been so for a moment.
    pub(super) fn tell_outage(&mut self, now: Now) {
        let outage = self.sources.outage();
        if outage.due.is_none_or(|due| now.mono < due) {
            return;
        }
        outage.due = None;
        let mut notices = Vec::new();
        if let Some(began) = outage.began.filter(|_| outage.dark.is_empty() && !outage.aged) {
            outage.began = None;
            notices.push(Notice::ClusterSeen {
                seconds: now.mono.saturating_since(began).as_secs(),
                sources: std::mem::take(&mut outage.affected).len(),
                failures: std::mem::take(&mut outage.failures),
            });
        }
        for (namespace, rights) in &outage.withheld {
            let told = outage.told.entry(namespace.clone()).or_default();
            if rights == told {
                continue;
            }
            let namespace = namespace.clone();
            notices.push(if rights.is_empty() {
                Notice::RightsGiven { namespace }
            } else {
                let rights = rights.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                Notice::RightsMissing { namespace, rights }
            });
            told.clone_from(rights);
        }
        outage.withheld.retain(|_, rights| !rights.is_empty());
        outage.told.retain(|_, rights| !rights.is_empty());
        self.outputs.extend(notices.into_iter().map(Output::Notice));
    }
}

/// How long everything has to be in sight before an outage is over.
const OVER_AFTER: Duration = Duration::from_secs(5);

/// How long rights are collected that turn out to be missing, so that they are told together.
const RIGHTS_TOLD_AFTER: Duration = Duration::from_secs(2);

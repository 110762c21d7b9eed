//! How well the cluster is seen: which sources have been listed, and since when each of them has not been seen.
//!
//! A source is in sight while its stream is open and the API server answers: anything that it answers, to whoever asked,
//! proves that there is a way to it. A stream that is open and has died is found out by the watch itself. If nobody has
//! asked for a while, a probe does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::outage::Outage;
use super::timers::Timer;
use super::{Output, Service};
use crate::changes::coverage_change;
use crate::coverage::{Age, Coverage, Gap, Part};
use crate::model::{Blindness, CommandError, CommandId, Completion, Obstacle, Probe, Purpose, Sight, Source};
use crate::time::{Instant, Now, UnixTime};

/// What is known of the sources.
#[derive(Debug, Default)]
pub(super) struct Sources {
    known: BTreeMap<Source, State>,
    /// When it became known which there are.
    announced: Option<Instant>,
    /// When the API server last answered anything.
    answered: Instant,
    /// Something that was asked of it since has not been answered.
    failing: bool,
    probe: Option<CommandId>,
    outage: Outage,
}

/// How well a source is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct HowSeen {
    /// Whether it has been listed.
    pub(super) listed: bool,
    /// How long ago it was last seen to be current.
    pub(super) age: Duration,
}

#[derive(Debug, Default)]
struct State {
    listed: bool,
    open: bool,
    last_seen: Option<Instant>,
    obstacle: Option<Obstacle>,
}

impl State {
    /// Whether nothing waits for it: it has been listed, or nothing is known of what it would have shown.
    fn is_settled(&self) -> bool {
        self.listed || self.obstacle.is_some()
    }
}

impl Sources {
    pub(super) fn is_probing(&self, id: CommandId) -> bool {
        self.probe == Some(id)
    }

    pub(super) fn outage(&mut self) -> &mut Outage {
        &mut self.outage
    }

    /// How well each source is seen. One that is not there to be seen, or that may not be, has no age.
    pub(super) fn sights(&self, now: Instant) -> impl Iterator<Item = (&'static str, HowSeen)> {
        let is_there = |state: &&State| !matches!(state.obstacle, Some(Obstacle::Forbidden(_) | Obstacle::Missing));
        self.known.iter().filter_map(move |(source, state)| {
            let state = Some(state).filter(is_there)?;
            let seen = self.unseen_since(state).or(self.announced)?;
            Some((source.kind, HowSeen { listed: state.listed, age: now.saturating_since(seen) }))
        })
    }

    /// Whether a namespace's machines are in sight, as of the last word of its streams.
    fn of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Source, &'a State)> {
        self.known.iter().filter(move |(source, _)| source.namespace.as_deref() == Some(namespace))
    }

    /// Since when a source has not been seen; `None` if it never has.
    fn unseen_since(&self, state: &State) -> Option<Instant> {
        state.last_seen.map(|seen| if state.open { seen.max(self.answered) } else { seen })
    }

    /// Whether it is known what the cluster can do, or will not be for now: of a cluster that does not say so, the least is
    /// expected.
    fn is_platform_settled(&self, now: Instant) -> bool {
        let platform = self.known.iter().filter(|(source, _)| source.purpose == Purpose::Platform);
        platform.fold(true, |settled, (_, state)| {
            let refused = matches!(state.obstacle, Some(Obstacle::Forbidden(_) | Obstacle::Missing));
            settled && (state.listed || refused || self.has_waited(now))
        })
    }

    /// Whether what has not been listed by now is not to be waited for.
    fn has_waited(&self, now: Instant) -> bool {
        self.announced.is_some_and(|announced| announced + OUTDATED_AFTER <= now)
    }

    /// Whether nothing is to be waited for that belongs to no namespace's machines.
    fn is_rest_settled(&self, now: Instant) -> bool {
        let rest = |source: &&Source| matches!(source.purpose, Purpose::Details | Purpose::Documents);
        self.known.iter().filter(|(source, _)| rest(source)).all(|(_, state)| state.is_settled())
            && self.is_platform_settled(now)
    }

    fn part(&self, namespace: &str, before: Option<&Part>, stale_after: Duration, now: Now) -> Part {
        let machines = || self.of(namespace).filter(|(source, _)| source.purpose == Purpose::Machines);
        let imports = || self.of(namespace).filter(|(source, _)| source.purpose == Purpose::Imports);
        let listed = before.is_some_and(|before| before.listed)
            || (self.announced.is_some()
                && machines().all(|(_, state)| state.listed)
                && imports().all(|(_, state)| state.is_settled())
                && self.is_platform_settled(now.mono));
        let gap = match rights(self.of(namespace)) {
            Some(withheld @ Gap::Withheld { machines: true, .. }) => Some(withheld),
            withheld if listed => withheld,
            _ => self.has_waited(now.mono).then_some(Gap::Unreachable),
        };
        let was = before.map_or(Age::Current, |before| before.age);
        let age =
            |(_, state): (&Source, &State)| self.unseen_since(state).map(|since| now.mono.saturating_since(since));
        let of_machines = machines().filter_map(age).max();
        let withheld = |state: &State| matches!(state.obstacle, Some(Obstacle::Forbidden(_) | Obstacle::Missing));
        let of_imports = imports().filter(|(_, state)| !withheld(state)).filter_map(age).max();
        // Of imports no power state is told.
        let age = match (of_machines.max(of_imports), of_machines) {
            _ if !listed => Age::Current,
            (_, Some(age)) if age >= stale_after => Age::Unknown(since(was, age, now)),
            (Some(age), _) if age >= OUTDATED_AFTER => Age::Outdated(since(was, age, now)),
            _ => Age::Current,
        };
        Part { listed, age, gap }
    }

    /// When the age of something changes if nothing happens.
    fn next_change(&self, stale_after: Duration, now: Instant) -> Option<Instant> {
        let ages = self.known.values().filter_map(|state| self.unseen_since(state));
        let changes = ages.flat_map(|seen| [seen + OUTDATED_AFTER, seen + stale_after]);
        changes.chain(self.announced.map(|announced| announced + OUTDATED_AFTER)).filter(|at| *at > now).min()
    }
}

/// The time since which it has not been seen, in the clients' clock: the same for as long as it lasts.
fn since(was: Age, age: Duration, now: Now) -> UnixTime {
    let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    let since = UnixTime(now.unix.0.saturating_sub(age));
    was.since().filter(|was| was.0.abs_diff(since.0) <= 2).unwrap_or(since)
}

/// The rights that are missing in a namespace.
fn rights<'a>(sources: impl Iterator<Item = (&'a Source, &'a State)>) -> Option<Gap> {
    let mut by_verb: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut machines = false;
    for (source, state) in sources {
        if let Some(Obstacle::Forbidden(verb)) = state.obstacle {
            by_verb.entry(verb).or_default().push(source.kind);
            // What may be listed and not watched is listed again and again.
            machines |= source.purpose == Purpose::Machines && verb == "list";
        }
    }
    let texts: Vec<String> = by_verb.iter().map(|(verb, kinds)| format!("{verb} {}", kinds.join(", "))).collect();
    (!texts.is_empty()).then(|| Gap::Withheld { rights: texts.join("; ").into(), machines })
}

impl Service {
    /// It is known which sources there are.
    pub(super) fn watching(&mut self, now: Now, sources: Vec<Source>) {
        let shared = sources.iter().any(|source| source.purpose == Purpose::Documents);
        self.documents_expected(now, shared);
        self.sources.answered = now.mono;
        self.sources.announced = Some(now.mono);
        self.sources.known = sources.into_iter().map(|source| (source, State::default())).collect();
        if shared {
            self.request_leadership(now);
        }
        if !self.sources.known.is_empty() {
            self.timers.set(now.mono + PROBED_AFTER, Timer::Probe);
        }
        self.look_around(now);
    }

    /// The configuration has brought more sources.
    pub(super) fn also_watching(&mut self, now: Now, sources: Vec<Source>) {
        for source in sources {
            self.sources.known.entry(source).or_default();
        }
        self.look_around(now);
    }

    /// Everything of a source has been listed.
    pub(super) fn listed(&mut self, now: Now, source: &Source) {
        match source.purpose {
            Purpose::Documents => self.documents_listed(now),
            Purpose::Imports => self.inventory.set_importer(true),
            Purpose::Machines | Purpose::Platform | Purpose::Details => {}
        }
        if let Some(state) = self.sources.known.get_mut(source) {
            state.listed = true;
        }
        self.look_around(now);
    }

    /// A source is in sight.
    pub(super) fn seen(&mut self, now: Now, sight: Sight) {
        let Sight { source, at, failures } = sight;
        let recovered = if let Some(state) = self.sources.known.get_mut(&source) {
            state.open = true;
            state.last_seen = Some(at);
            state.obstacle.take().is_some()
        } else {
            false
        };
        self.outage_seen(now, &source, failures);
        self.api_answered(now, at, recovered);
        self.look_around(now);
    }

    /// A source is out of sight.
    pub(super) fn unseen(&mut self, now: Now, blindness: Blindness) {
        let Blindness { source, last_seen, obstacle } = blindness;
        if source.purpose == Purpose::Documents && matches!(obstacle, Obstacle::Forbidden(_)) {
            self.documents_refused(now);
        }
        if source.purpose == Purpose::Imports && obstacle == Obstacle::Missing {
            self.inventory.set_importer(false);
        }
        self.outage_unseen(now, &source, &obstacle);
        if matches!(obstacle, Obstacle::Forbidden(_) | Obstacle::Missing) {
            // It was the API server that said so.
            self.sources.answered = now.mono;
        }
        let answered = self.sources.answered;
        if let Some(state) = self.sources.known.get_mut(&source) {
            let was_open = std::mem::replace(&mut state.open, false);
            // A stream that breaks has shown everything up to then, as long as there was a way to the API server.
            state.last_seen = match (last_seen, &obstacle) {
                (Some(seen), Obstacle::Silent) => Some(seen),
                (Some(seen), _) if was_open => Some(seen.max(answered)),
                (seen, _) => seen.or(state.last_seen),
            };
            state.obstacle = Some(obstacle);
        }
        self.look_around(now);
    }

    /// The API server has answered something. What waits because it did not is not to wait any longer.
    pub(super) fn api_answered(&mut self, now: Now, at: Instant, recovered: bool) {
        let sources = &mut self.sources;
        sources.answered = sources.answered.max(at);
        let recovered = std::mem::take(&mut sources.failing) || recovered;
        if recovered && sources.known.values().any(|state| state.obstacle.is_some()) {
            self.outputs.push_back(Output::Wake);
        }
        let parts = self.inventory.current().coverage.parts();
        let aged = parts.map(|(_, part)| part.age).any(|age| age != Age::Current);
        if aged {
            self.look_around(now);
        }
    }

    /// What was asked of the API server was not answered.
    pub(super) fn api_failed(&mut self) {
        self.sources.failing = true;
    }

    /// Asks the API server for a sign of life if there has been none for a while.
    pub(super) fn probe(&mut self, now: Now) {
        if self.sources.probe.is_some() {
            return;
        }
        let due = self.sources.answered + PROBED_AFTER;
        if now.mono < due {
            self.timers.set(due, Timer::Probe);
            return;
        }
        let id = self.commands.next_id();
        let deadline = now.mono + PROBE;
        self.sources.probe = Some(id);
        self.timers.set(deadline + super::commands::GRACE, Timer::GiveUp(id));
        self.outputs.push_back(Output::Probe(Probe { id, deadline }));
    }

    /// Takes in what came of that.
    pub(super) fn probed(&mut self, now: Now, result: &Result<Completion, CommandError>) {
        self.sources.probe = None;
        let next = if result.is_ok() {
            self.api_answered(now, now.mono, false);
            PROBED_AFTER
        } else {
            self.api_failed();
            PROBED_AGAIN_AFTER
        };
        self.timers.set(now.mono + next, Timer::Probe);
    }

    /// Brings what is shown of the cluster's sight up to date, and tells who wants to know.
    pub(super) fn look_around(&mut self, now: Now) {
        let view = self.inventory.current();
        let (config, before) = (Arc::clone(&view.config), view.coverage.clone());
        let parts: Vec<Part> = (0..)
            .zip(&config.chassis)
            .map(|(index, chassis)| self.sources.part(&chassis.namespace, before.of(index), config.stale_after, now))
            .collect();
        let after = Coverage::from(parts);
        let mut ages = config.chassis.iter().zip(after.parts());
        let aged = ages.find(|(_, (_, part))| part.age != Age::Current).and_then(|(chassis, _)| {
            let mut sources = self.sources.of(&chassis.namespace).map(|(source, _)| source);
            sources.find(|source| source.purpose == Purpose::Machines).cloned()
        });
        self.outage_aged(now, aged.as_ref());
        let newly_listed: BTreeSet<u16> = after
            .parts()
            .filter(|(index, part)| part.listed && before.of(*index).is_none_or(|before| !before.listed))
            .map(|(index, _)| index)
            .collect();
        let ready = after.is_settled() && self.sources.is_rest_settled(now.mono);
        self.inventory.set_coverage(after.clone(), ready);
        if let Some(at) = self.sources.next_change(config.stale_after, now.mono) {
            self.timers.set(at, Timer::Sight);
        }
        for (index, part) in after.parts() {
            let was = before.of(index).cloned().unwrap_or_default();
            let draft = coverage_change(self.inventory.current(), index, &was, part);
            if let Some(draft) = draft {
                self.raise(now, draft);
            }
        }
        for vm in self.inventory.systems_in(&newly_listed) {
            self.reconcile(now, &vm);
        }
    }
}

/// After how long without sight of a source its systems are said to be out of date.
pub(super) const OUTDATED_AFTER: Duration = Duration::from_secs(15);

/// After how long without an answer to anybody the API server is asked for one: with the time for that, less than
/// [`OUTDATED_AFTER`].
const PROBED_AFTER: Duration = Duration::from_secs(8);

/// The time for one probe.
const PROBE: Duration = Duration::from_secs(5);

/// How soon it is probed again if it did not answer.
const PROBED_AGAIN_AFTER: Duration = Duration::from_secs(1);

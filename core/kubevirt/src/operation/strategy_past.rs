//! What a machine's strategy was just before it became what it is.
//!
//! `stop` makes `Halted` of what it finds, and virt-controller makes `Always` of `Halted` when a start was pending. Whatever its
//! owner has chosen between two readings is overlooked by whoever compares these; but the API server still has every version
//! of the last minutes, and is asked for them one by one, the newest first. That is so rare that it may take a few requests.

use bytes::Bytes;
use serde::Deserialize;

use super::answer::Problem;
use super::engine::Decision;
use super::snapshot::Snapshot;
use crate::annotation::StrategyNote;
use crate::object::{Element, Object, RunStrategy, VirtualMachine, lenient};
use crate::request::{Collection, Place as _, get};

/// What is known of a machine's earlier strategies.
#[derive(Debug, Default)]
pub(super) struct StrategyPast {
    stop: Stop,
    last: Option<Version>,
    search: Option<Search>,
    /// The version whose past has been looked for last, and what came of it.
    found: Option<(Version, Option<Before>)>,
}

/// What may have replaced a strategy that nobody here has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stop {
    /// No `stop` of this operation.
    #[default]
    None,
    /// One that was sent: virt-api may still carry it out.
    Sent,
    /// One that was answered: virt-api replaces the strategy before it answers, so the next reading has it.
    Answered,
}

/// A version of a machine's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    strategy: RunStrategy,
    generation: Option<u64>,
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Search {
    of: Version,
    /// Those up to this one were read.
    after: u64,
    /// The one to ask for next.
    next: u64,
    attempts: u32,
}

/// The version before a strategy was replaced.
#[derive(Clone, Copy, Debug)]
struct Before {
    strategy: RunStrategy,
    chosen: RunStrategy,
    start_requested: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Machines {
    #[serde(deserialize_with = "lenient")]
    items: Vec<Object<VirtualMachine>>,
}

impl Version {
    fn of(snapshot: &Snapshot<'_>) -> Option<Self> {
        let machine = snapshot.machine;
        let generation = snapshot.raw.pointer("/metadata/generation").and_then(serde_json::Value::as_u64);
        Some(Self { strategy: machine.run_strategy(), generation, number: number(machine)? })
    }

    /// Whether the definition is another, or may be.
    fn is_defined_like(&self, other: &Self) -> bool {
        self.strategy == other.strategy && self.generation == other.generation
    }
}

impl StrategyPast {
    /// A `stop` is sent: from now on a strategy may be replaced that nobody here has read.
    pub(super) fn stop_sent(&mut self) {
        self.stop = Stop::Sent;
    }

    /// It was answered: what is replaced after the next reading, somebody else has replaced.
    pub(super) fn stop_answered(&mut self) {
        if self.stop == Stop::Sent {
            self.stop = Stop::Answered;
        }
    }

    /// The machine has been read: what to read more, if a strategy may have been overlooked.
    pub(super) fn look(&mut self, snapshot: &Snapshot<'_>) -> Option<Decision> {
        let now = Version::of(snapshot)?;
        let last = self.last.replace(now);
        if let Some(last) = last.filter(|last| !last.is_defined_like(&now)) {
            self.search = None;
            if self.stop != Stop::None && now.strategy == RunStrategy::Halted {
                self.begin(now, last.number);
            }
        }
        if self.stop == Stop::Answered {
            self.stop = Stop::None;
        }
        self.ask(snapshot)
    }

    /// What to read to know whose `Always` this is.
    pub(super) fn look_behind_always(&mut self, snapshot: &Snapshot<'_>) -> Option<Decision> {
        let now = Version::of(snapshot).filter(|now| now.strategy == RunStrategy::Always)?;
        if !self.found.is_some_and(|(version, _)| version.is_defined_like(&now)) {
            self.begin(now, 0);
        }
        self.ask(snapshot)
    }

    fn begin(&mut self, of: Version, after: u64) {
        self.found = Some((of, None));
        self.search = Some(Search { of, after, next: of.number.saturating_sub(1), attempts: 0 });
    }

    fn ask(&mut self, snapshot: &Snapshot<'_>) -> Option<Decision> {
        let search = self.search.take_if(|search| search.next > search.after && search.attempts < ATTEMPTS)?;
        self.search = Some(Search { attempts: search.attempts + 1, ..search });
        let vm = &snapshot.command.vm;
        let path = Collection::VirtualMachines.beside(vm);
        let path = path.with("fieldSelector", format_args!("metadata.name={}", vm.name()));
        let path = path.with("resourceVersion", search.next).with("resourceVersionMatch", "Exact");
        Some(Decision::Read(Box::new(get(&path))))
    }

    /// Whether this was what was to be read.
    pub(super) fn has_read(&mut self, answer: &Result<Bytes, Problem>) -> bool {
        let Some(search) = self.search.take() else { return false };
        let list = match answer {
            Ok(body) => serde_json::from_slice::<Element<Object<Machines>>>(body),
            // Asked again.
            Err(Problem::Busy { .. }) => {
                self.search = Some(search);
                return true;
            }
            Err(_) => return true,
        };
        let Ok(Element(Object(list))) = list else { return true };
        let Some((machine, number)) = list.items.first().and_then(|machine| Some((machine, number(machine)?))) else {
            return true;
        };
        if number <= search.after {
            return true;
        }
        if machine.run_strategy() == search.of.strategy {
            self.search = Some(Search { next: number.saturating_sub(1), ..search });
            return true;
        }
        let before = Before {
            strategy: machine.run_strategy(),
            chosen: StrategyNote::chosen(machine),
            start_requested: machine.start_requested(),
        };
        self.found = Some((search.of, Some(before)));
        true
    }

    /// What was before what there is now.
    fn before(&self, snapshot: &Snapshot<'_>) -> Option<Before> {
        let (version, before) = self.found?;
        before.filter(|_| Version::of(snapshot).is_some_and(|now| now.is_defined_like(&version)))
    }

    /// The strategy that its owner chose and `stop` has replaced, if that is not what is noted down.
    pub(super) fn lost(&self, snapshot: &Snapshot<'_>) -> Option<RunStrategy> {
        let machine = snapshot.machine;
        let before = self.before(snapshot).filter(|_| machine.run_strategy() == RunStrategy::Halted)?;
        // The others it leaves as they are.
        let replaced = matches!(before.strategy, RunStrategy::Always | RunStrategy::Once);
        let noted = StrategyNote::chosen(machine) == before.chosen || machine.spec.running.is_some();
        (replaced && !noted).then_some(before.chosen)
    }

    /// Whether its owner has chosen `Always`, and not virt-controller.
    pub(super) fn always_is_chosen(&self, snapshot: &Snapshot<'_>) -> bool {
        self.before(snapshot).is_some_and(|before| !before.start_requested)
    }
}

fn number(machine: &VirtualMachine) -> Option<u64> {
    machine.metadata.resource_version.as_deref()?.parse().ok()
}

/// How many versions are asked for: one or two will do.
const ATTEMPTS: u32 = 8;

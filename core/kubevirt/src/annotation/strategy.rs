//! A `runStrategy` that was replaced and is put back by the next start.

use crate::model::Superseded;
use crate::object::{RunStrategy, VirtualMachine};

/// A `runStrategy` that had to be replaced. Written as `Always` if it was replaced by `Halted`, as stops do, else as
/// `Always:Manual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StrategyNote {
    /// The owner's choice.
    pub(crate) was: RunStrategy,
    /// What it was replaced by. A machine of any other strategy has been given that by its owner since.
    pub(crate) now: RunStrategy,
}

impl StrategyNote {
    /// The note on a machine.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<Self> {
        Self::parse(machine.metadata.annotations.run_strategy.as_deref()?)
    }

    /// Reads what was written; `None` for what names a strategy that nobody knows.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (was, now) = text.split_once(':').unwrap_or((text, RunStrategy::Halted.name()));
        Some(Self { was: RunStrategy::known(was)?, now: RunStrategy::known(now)? })
    }

    /// The strategy that the owner chose: the one in force, unless that is a replacement.
    pub(crate) fn chosen(machine: &VirtualMachine) -> RunStrategy {
        let strategy = machine.run_strategy();
        Self::read(machine).filter(|note| note.now == strategy).map_or(strategy, |note| note.was)
    }

    /// Whether a note says nothing any more, because the owner has chosen a strategy since: should that go back some day,
    /// nobody wants what the note says.
    pub(crate) fn superseded(machine: &VirtualMachine) -> Superseded {
        let strategy = machine.run_strategy();
        match Self::read(machine).filter(|note| note.now != strategy) {
            None => Superseded::No,
            Some(note) if note.was == strategy => Superseded::Perhaps,
            Some(_) => Superseded::Yes,
        }
    }

    pub(crate) fn text(self) -> String {
        match self.now {
            RunStrategy::Halted => self.was.name().to_owned(),
            now => format!("{}:{}", self.was.name(), now.name()),
        }
    }
}

//! What was written on a machine goes when its owner has made another choice since: a note of a strategy, or of firmware,
//! that would come alive should the choice go back some day; an override's way of dealing with the guest's own reboot; an
//! override that the template does not bear out any more; and what is about the machine that this one was made from.

use super::engine::{Decision, Purpose, Task};
use super::snapshot::Snapshot;
use super::{boot, firmware};
use crate::annotation::{self, RUN_STRATEGY, StrategyNote};
use crate::model::{BootChange, FirmwareSettings, Superseded};

#[derive(Debug)]
pub(super) struct DropStaleNotes;

impl Task for DropStaleNotes {
    fn keeps_power_notes(&self) -> bool {
        true
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let machine = snapshot.machine;
        let patch = boot::change(snapshot, &BootChange::default(), StrategyNote::chosen(machine)).and_then(|outcome| {
            firmware::change(snapshot, &FirmwareSettings::default(), outcome.gives_mode_back, outcome.patch)
        });
        let patch = match patch {
            Ok(patch) => patch,
            Err(error) => return Decision::Fail(error),
        };
        let patch = match StrategyNote::superseded(machine) {
            Superseded::No => patch,
            Superseded::Perhaps | Superseded::Yes => {
                Some(patch.unwrap_or_else(|| snapshot.patch()).annotate(RUN_STRATEGY, None))
            }
        };
        let patch = annotation::foreign_notes(machine)
            .fold(patch, |patch, note| Some(patch.unwrap_or_else(|| snapshot.patch()).annotate(note, None)));
        match patch {
            Some(patch) if !machine.metadata.deleting() => {
                Decision::Write(patch.into_write(Purpose::Main, snapshot.command))
            }
            Some(_) | None => Decision::Done,
        }
    }
}

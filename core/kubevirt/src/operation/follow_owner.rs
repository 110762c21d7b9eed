//! What was written on a machine goes when its owner has made another choice since: a note of a strategy, or of firmware,
//! that would come alive should the choice go back some day; an override's way of dealing with the guest's own reboot; an
//! override that the template does not bear out any more; and what is about the machine that this one was made from.

use super::engine::{Decision, Purpose, Task};
use super::scene::Scene;
use super::{boot, firmware};
use crate::annotation::{self, RUN_STRATEGY, StrategyNote};
use crate::model::{BootChange, FirmwareSettings, Overruled};

#[derive(Debug)]
pub(super) struct FollowOwner;

impl Task for FollowOwner {
    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        let machine = scene.machine;
        let patch = boot::change(scene, &BootChange::default(), StrategyNote::chosen(machine)).and_then(|outcome| {
            firmware::change(scene, &FirmwareSettings::default(), outcome.gives_mode_back, outcome.patch)
        });
        let patch = match patch {
            Ok(patch) => patch,
            Err(error) => return Decision::Fail(error),
        };
        let patch = match StrategyNote::overruled(machine) {
            Overruled::No => patch,
            Overruled::Perhaps | Overruled::Yes => {
                Some(patch.unwrap_or_else(|| scene.patch()).annotate(RUN_STRATEGY, None))
            }
        };
        let patch = annotation::foreign_notes(machine)
            .fold(patch, |patch, note| Some(patch.unwrap_or_else(|| scene.patch()).annotate(note, None)));
        match patch {
            Some(patch) if !machine.metadata.deleting() => {
                Decision::Write(patch.into_write(Purpose::Main, scene.command))
            }
            Some(_) | None => Decision::Done,
        }
    }
}

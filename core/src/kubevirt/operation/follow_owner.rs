//! What was written for a strategy goes when its owner has chosen another: a note that would come alive should the strategy
//! go back some day, and an override's way of dealing with the guest's own reboot.

use super::boot;
use super::engine::{Decision, Purpose, Task};
use super::scene::Scene;
use crate::kubevirt::annotation::{RUN_STRATEGY, StrategyNote};
use crate::model::{BootChange, Overruled};

#[derive(Debug)]
pub(super) struct FollowOwner;

impl Task for FollowOwner {
    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        let machine = scene.machine;
        let patch = match boot::change(scene, &BootChange::default(), StrategyNote::chosen(machine)) {
            Ok(patch) => patch,
            Err(error) => return Decision::Fail(error),
        };
        let patch = match StrategyNote::overruled(machine) {
            Overruled::No => patch,
            Overruled::Perhaps | Overruled::Yes => {
                Some(patch.unwrap_or_else(|| scene.patch()).annotate(RUN_STRATEGY, None))
            }
        };
        match patch {
            Some(patch) if !machine.metadata.deleting() => {
                Decision::Write(patch.into_write(Purpose::Main, scene.command))
            }
            Some(_) | None => Decision::Done,
        }
    }
}

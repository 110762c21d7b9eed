//! A run that waits for what its machine is not to have any more is ended, so that one follows without it.
//!
//! An instance keeps what it began with until its guest runs (facts, section 6). Ending it, what puts the owner's strategy
//! back and the pending power-on of the next run go in one patch, so that it does not matter who carries on.

use super::engine::{Decision, Purpose, Task};
use super::power_hold::replace;
use super::snapshot::Snapshot;
use crate::annotation::{LeftOutRecord, PENDING_POWER_ON, PowerOnRecord, StrategyNote};
use crate::model::{ImportId, ObjectName, Phase, Uid};
use crate::object::RunStrategy;
use crate::translate;

#[derive(Debug)]
pub(super) struct ReplaceRun {
    run: Uid,
}

impl ReplaceRun {
    pub(super) fn new(run: Uid) -> Self {
        Self { run }
    }
}

/// Whether a claim is that of a medium which was in a drive of the machine when the run was begun, and is no more.
fn was_taken_out(snapshot: &Snapshot<'_>, claim: &ObjectName) -> bool {
    let vm = &snapshot.command.vm;
    let import = ImportId { namespace: vm.place(), name: claim.clone() };
    let volumes = &snapshot.machine.spec.template.spec.volumes;
    import.may_be_of(vm) && !volumes.iter().any(|volume| volume.claim() == Some(claim))
}

impl Task for ReplaceRun {
    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let left_out = LeftOutRecord::read(snapshot.machine).and_then(|left_out| left_out.claim);
        let waits = snapshot.instance.is_some_and(|instance| {
            let claims = instance.spec.volumes.iter().filter_map(|volume| volume.claim());
            let mut unwanted =
                claims.filter(|claim| left_out.as_ref() == Some(*claim) || was_taken_out(snapshot, claim));
            instance.metadata.uid.as_deref() == Some(self.run.as_str())
                && translate::phase(instance) == Phase::Starting
                && !instance.metadata.deleting()
                && unwanted.next().is_some()
        });
        if !waits || snapshot.machine.metadata.deleting() {
            return Decision::Done;
        }
        // Halted already: its owner, or this a moment ago, has ended it.
        let halt = replace(snapshot, StrategyNote::chosen(snapshot.machine), RunStrategy::Halted);
        let record = snapshot.command.deferral.as_ref().zip(halt).and_then(|(deferral, patch)| {
            let run = Some(self.run.as_str().into());
            let record = PowerOnRecord::new(deferral, snapshot.machine, RunStrategy::Halted, run);
            Some((record.text()?, patch))
        });
        match record {
            Some((record, patch)) => {
                let patch = patch.annotate(PENDING_POWER_ON, Some(&record));
                Decision::Write(patch.into_write(Purpose::Main, snapshot.command))
            }
            None => Decision::Done,
        }
    }
}

//! A change of how a machine is defined: one patch, so that none of it takes effect without the rest.

use super::engine::{Decision, Purpose, Task};
use super::power_restore::{self, Choice};
use super::snapshot::{Patch, Snapshot};
use super::{boot, firmware};
use crate::annotation::{ASSET_TAG, INDICATOR, Key, StrategyNote, indicator, indicator_name};
use crate::model::{BootChange, BootMode, CommandError, FirmwareSettings, Indicator, MachineChange};
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct ChangeMachine {
    change: MachineChange,
    /// When the command was given.
    since: Instant,
}

impl ChangeMachine {
    pub(super) fn new(change: MachineChange, now: Instant) -> Self {
        Self { change, since: now }
    }

    /// What is to be written; `None` if all of it is so already.
    fn patch(&self, snapshot: &Snapshot<'_>, strategy: Option<StrategyNote>) -> Result<Option<Patch>, CommandError> {
        let machine = snapshot.machine;
        let chosen = strategy.map_or_else(|| StrategyNote::chosen(machine), |strategy| strategy.was);
        let boot = self.change.boot.clone().unwrap_or_default();
        // One mode, whichever of the two names it.
        let mode = boot.mode.or(self.change.firmware.mode);
        // Who chooses what only UEFI has wants to keep that, whatever has brought it.
        let needs_uefi = self.change.firmware.needs_uefi().then_some(BootMode::Uefi);
        let boot = BootChange { mode: mode.or(needs_uefi), ..boot };
        let boot::Outcome { mut patch, gives_mode_back } = boot::change(snapshot, &boot, chosen)?;
        let begun = |patch: Option<Patch>| patch.unwrap_or_else(|| snapshot.patch());
        if let Some(strategy) = strategy {
            patch = Some(power_restore::write(snapshot, strategy, begun(patch)));
        }
        let annotations = &machine.metadata.annotations;
        if let Some(tag) = self
            .change
            .asset_tag
            .as_ref()
            .filter(|tag| tag.as_deref() != annotations.tag() || annotations.has(Key::AssetTag) != tag.is_some())
        {
            patch = Some(begun(patch).annotate(ASSET_TAG, tag.as_deref()));
        }
        if let Some(wanted) = self.change.indicator.filter(|wanted| {
            *wanted != indicator(annotations) || annotations.has(Key::Indicator) != (*wanted != Indicator::Off)
        }) {
            patch = Some(begun(patch).annotate(INDICATOR, indicator_name(wanted)));
        }
        let firmware = FirmwareSettings { mode, ..self.change.firmware.clone() };
        firmware::change(snapshot, &firmware, gives_mode_back, patch)
    }
}

impl Task for ChangeMachine {
    fn is_of_settings(&self) -> bool {
        // What strategy is to be in force depends on what the machine is doing.
        self.change.power_restore.is_none()
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        if snapshot.machine.metadata.deleting() {
            return Decision::Fail(CommandError::Conflict("the machine is being removed".to_owned()));
        }
        let strategy = match self.change.power_restore.map(|wanted| power_restore::choose(snapshot, wanted, self.since))
        {
            None | Some(Choice::Made) => None,
            Some(Choice::Make(strategy)) => Some(strategy),
            Some(Choice::Wait(time)) => return Decision::Wait(time),
        };
        match self.patch(snapshot, strategy) {
            Ok(Some(patch)) => Decision::Write(patch.into_write(Purpose::Main, snapshot.command)),
            Ok(None) => Decision::Done,
            Err(error) => Decision::Fail(error),
        }
    }
}

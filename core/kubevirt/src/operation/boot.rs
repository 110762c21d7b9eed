//! The boot override: written into the template's boot order, with a record on the machine of what it replaced.
//!
//! Order, record and everything else that an override changes go into one patch, so there is never one without the
//! other. What somebody else has changed meanwhile is respected: only an order that is still as it was written here is
//! put back, and a record that the template does not bear out any more goes with the next patch.

use super::boot_template::{TERMINATE, Template};
use super::engine::{Decision, Purpose, Task};
use super::firmware as settings;
use super::snapshot::{Patch, Snapshot};
use crate::annotation::{BootOrder, BootRecord, Enabled, StrategyNote, Target};
use crate::model::{BootChange, BootMode, CommandError, Uid};
use crate::object::RunStrategy;
use crate::translate::firmware;

/// What a change of what is booted comes to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What is to be written; `None` if all of it is so already.
    pub(super) patch: Option<Patch>,
    /// An override has ended before anything was booted with the mode that came with it: the machine's own comes back.
    pub(super) gives_mode_back: bool,
}

/// What a change of the override or of the machine's own order comes to on a machine that is to have `strategy`.
pub(super) fn change(
    snapshot: &Snapshot<'_>,
    change: &BootChange,
    strategy: RunStrategy,
) -> Result<Outcome, CommandError> {
    let machine = snapshot.machine;
    let present = BootRecord::read(machine);
    let mut template = Template::of(snapshot);
    template.strategy = strategy;
    if let Some(order) = &change.order {
        template.choose(snapshot, order)?;
    }
    let source = change.next.is_some() || change.http_uri.is_some();
    let named = change.target.is_some() || change.enabled.is_some() || source;
    let ordered = named || change.order.is_some();
    let mut wanted = if named { wanted(snapshot, change, present.as_ref()) } else { present.clone() };
    if let Some(wanted) = wanted.as_mut() {
        put_mode_on_trial(snapshot, change, named, present.as_ref(), wanted);
    }
    match wanted.as_mut().filter(|wanted| wanted.enabled != Enabled::Disabled) {
        Some(wanted) if ordered => wanted.change = template.boot_from(snapshot, wanted)?,
        Some(wanted) if strategy != StrategyNote::chosen(machine) || wanted.at_odds_with(strategy) => {
            template.follow_strategy(snapshot, wanted);
        }
        None if ordered => template.restore(),
        Some(_) | None => {}
    }
    let goes_on = wanted.as_ref().is_some_and(|wanted| wanted.mode_on_trial);
    let gives_mode_back = trial_goes_on(snapshot) && !goes_on && change.mode.is_none();
    Ok(Outcome { patch: template.into_patch(snapshot, wanted.as_ref()), gives_mode_back })
}

/// Whether the guest's own reboot ends the run that there is, because of an override and not as the machine's owner has it.
pub(super) fn reboot_ends_run(snapshot: &Snapshot<'_>) -> bool {
    let terminates = |policy: Option<&str>| policy == Some(TERMINATE);
    snapshot.instance.is_some_and(|instance| terminates(instance.spec.domain.reboot_policy.as_deref()))
        && !terminates(Template::of(snapshot).own_reboot_policy())
}

/// Drops an override whose image cannot be had.
pub(super) fn abandon(snapshot: &Snapshot<'_>) -> Patch {
    let mut template = Template::of(snapshot);
    template.restore();
    end(snapshot, template)
}

/// Ends an override that has not been used: with the template as it is, and with the owner's mode.
pub(super) fn end(snapshot: &Snapshot<'_>, template: Template) -> Patch {
    let patch = template.into_patch(snapshot, None).unwrap_or_else(|| snapshot.patch());
    if trial_goes_on(snapshot) { settings::give_mode_back(snapshot, patch) } else { patch }
}

/// The override that is to be in force; `None` if there is to be none and nothing to remember.
fn wanted(snapshot: &Snapshot<'_>, change: &BootChange, present: Option<&BootRecord>) -> Option<BootRecord> {
    let target = change.target.map_or_else(|| present.map(|record| record.target).unwrap_or_default(), Target::from);
    let enabled =
        change.enabled.map_or_else(|| present.map(|record| record.enabled).unwrap_or_default(), Enabled::from);
    // A target that is named goes on being shown, though it has no effect until it is enabled.
    let shown = enabled != Enabled::Disabled || change.target.is_some() || change.enabled.is_none();
    let next = change.next.clone().map_or_else(|| present?.next.clone(), |next| Some(next.into()));
    let named = change.http_uri.as_ref().map(|uri| uri.as_ref().map(|uri| uri.as_str().into()));
    let http_uri = named.unwrap_or_else(|| present?.http_uri.clone());
    (target != Target::None && shown).then(|| BootRecord {
        target,
        enabled,
        next: next.filter(|_| target == Target::UefiBootNext),
        http_uri: http_uri.filter(|_| target == Target::UefiHttp),
        // Also a run that has ended and is still shown: it does not use up what came after it.
        armed_for: (enabled == Enabled::Once).then(|| snapshot.instance?.metadata.uid.clone()).flatten(),
        mode_on_trial: false,
        change: None,
    })
}

/// Remembers of a mode that it came with an override, to go with it if nothing is booted.
fn put_mode_on_trial(
    snapshot: &Snapshot<'_>,
    change: &BootChange,
    named: bool,
    present: Option<&BootRecord>,
    wanted: &mut BootRecord,
) {
    let was = present.is_some_and(|present| mode_is_on_trial(snapshot, present));
    let differs = |mode: BootMode| firmware::defined(snapshot.machine).mode != Some(mode);
    wanted.mode_on_trial = wanted.enabled != Enabled::Disabled
        && match change.mode {
            None => was,
            // Chosen by itself, it is the machine's own.
            Some(_) if !named => false,
            Some(mode) => was || differs(mode),
        };
    if wanted.mode_on_trial && named {
        wanted.armed_for = snapshot.instance.and_then(|instance| instance.metadata.uid.clone());
    }
}

/// Whether there is a mode that came with the present override and that no run has been booted with.
fn trial_goes_on(snapshot: &Snapshot<'_>) -> bool {
    BootRecord::written(snapshot.machine).is_some_and(|record| mode_is_on_trial(snapshot, &record))
}

/// Whether no run has been booted with the mode that came with an override. One may be there that nobody has looked at yet.
fn mode_is_on_trial(snapshot: &Snapshot<'_>, record: &BootRecord) -> bool {
    let run = snapshot.instance.and_then(|instance| instance.metadata.uid.as_deref());
    record.mode_on_trial && run.is_none_or(|run| record.armed_for.as_deref() == Some(run))
}

/// What becomes of an override after a run was booted while it was in force.
#[derive(Debug)]
pub(super) struct RestoreBoot {
    used_by: Uid,
    /// Whether it tried the override's device first, by what whoever gave the command has seen.
    booted: bool,
}

impl RestoreBoot {
    pub(super) fn new(used_by: Uid, booted: bool) -> Self {
        Self { used_by, booted }
    }
}

impl Task for RestoreBoot {
    fn is_of_settings(&self) -> bool {
        true
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let Some(present) = BootRecord::read(snapshot.machine) else { return Decision::Done };
        let is_used_by = |uid: Option<&str>| uid == Some(self.used_by.as_str());
        if is_used_by(present.armed_for.as_deref()) {
            return Decision::Done;
        }
        let run = snapshot.instance.filter(|instance| is_used_by(instance.metadata.uid.as_deref()));
        let booted = match run {
            Some(run) => present.first().is_some_and(|first| BootOrder::of(&run.spec).first() == Some(first)),
            None => self.booted,
        };
        let wanted = match (present.enabled, booted) {
            (Enabled::Once, true) => None,
            // It came up before there was anything to boot from, or in the moment between the reading and the writing of
            // the override: the next one is to use it.
            (Enabled::Once, false) => {
                Some(BootRecord { armed_for: Some(self.used_by.as_str().into()), mode_on_trial: false, ..present })
            }
            (Enabled::Continuous, _) if present.mode_on_trial => {
                Some(BootRecord { armed_for: None, mode_on_trial: false, ..present })
            }
            (Enabled::Continuous | Enabled::Disabled, _) => return Decision::Done,
        };
        let mut template = Template::of(snapshot);
        if wanted.is_none() {
            template.restore();
        }
        match template.into_patch(snapshot, wanted.as_ref()) {
            Some(patch) => Decision::Write(patch.into_write(Purpose::Main, snapshot.command)),
            None => Decision::Done,
        }
    }
}

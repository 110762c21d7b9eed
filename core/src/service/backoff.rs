//! What the service could not do for a machine of its own accord, and when it is tried again: later each time, but as soon
//! as something has changed that may have been in the way.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use crate::model::{Action, ImportId, ImportState, Next, Phase, PowerRestore, Slot, Superseded, Uid};
use crate::time::Instant;
use crate::view::Vm;

/// The actions that have failed for one machine. None of them keeps another kind of action waiting.
#[derive(Debug, Default)]
pub(super) struct Backoffs(Vec<Backoff>);

#[derive(Debug)]
struct Backoff {
    of: Discriminant<Action>,
    /// How often in a row.
    failures: u32,
    /// When it last did.
    failed: Instant,
    /// When to try again; `None` once that has come.
    until: Option<Instant>,
    /// The service lacked a right, and nothing that is seen of a machine says whether it has it again.
    forbidden: bool,
    circumstances: Circumstances,
}

/// What is seen of a machine that may decide whether an action can be carried out. Not its version, nor anything that
/// changes while nothing happens: somebody who edits labels must not have everything tried all the time.
#[derive(Debug, PartialEq, Eq)]
struct Circumstances {
    run: Option<(Uid, Phase, bool, bool)>,
    media: Box<[Inserted]>,
    imports: Box<[(ImportId, Progress, bool)]>,
    owner: (Next, PowerRestore, Superseded),
    deleting: bool,
}

/// An image in a slot, and what fetches it.
type Inserted = (Slot, Box<str>, Option<ImportId>);

/// How far an import is, by what makes a difference to whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    UnderWay,
    Succeeded,
    Failed,
}

impl Circumstances {
    fn of(vm: &Vm, action: &Action) -> Self {
        let machine = &vm.machine;
        // Whether an image can be had does not depend on whether the machine runs.
        let of_media = matches!(action, Action::InsertMedia(_) | Action::EjectMedia(_));
        let progress = |state: &ImportState| match state {
            ImportState::Pending | ImportState::Running { .. } => Progress::UnderWay,
            ImportState::Succeeded => Progress::Succeeded,
            ImportState::Failed { .. } => Progress::Failed,
        };
        Self {
            run: vm
                .instance
                .as_ref()
                .filter(|_| !of_media)
                .map(|run| (run.uid.clone(), run.phase, run.stopping, run.paused)),
            media: machine
                .media
                .iter()
                .map(|medium| (medium.slot, medium.image.clone(), medium.import.clone()))
                .collect(),
            imports: vm
                .imports
                .iter()
                .filter(|_| !of_media)
                .map(|import| (import.id.clone(), progress(&import.state), import.awaits_machine))
                .collect(),
            owner: (machine.outlook.absent, machine.power_restore, machine.superseded),
            deleting: machine.deleting,
        }
    }
}

impl Backoffs {
    /// Whether anything is going to be tried again.
    pub(super) fn is_waiting(&self) -> bool {
        self.0.iter().any(|backoff| backoff.until.is_some())
    }

    /// Until when it is too early to try such an action again; `None` if it may be tried.
    pub(super) fn holds_back(&self, action: &Action, vm: &Vm, now: Instant) -> Option<Instant> {
        let backoff = self.0.iter().find(|backoff| backoff.of == discriminant(action))?;
        let until = backoff.until.filter(|until| now < *until)?;
        if backoff.circumstances == Circumstances::of(vm, action) {
            return Some(until);
        }
        let sooner = (backoff.failed + pause(backoff.failures)).min(until);
        (now < sooner).then_some(sooner)
    }

    /// The time of those that are due has come.
    pub(super) fn expire(&mut self, now: Instant) {
        for backoff in &mut self.0 {
            backoff.until.take_if(|until| *until <= now);
        }
    }

    /// An action was carried out.
    pub(super) fn succeeded(&mut self, action: &Action) {
        self.0.retain(|backoff| backoff.of != discriminant(action));
    }

    /// An action could not be carried out, or was to no avail; when it is tried again.
    pub(super) fn failed(&mut self, action: &Action, vm: &Vm, forbidden: bool, now: Instant) -> Instant {
        let of = discriminant(action);
        let before = self.0.iter().position(|backoff| backoff.of == of).map(|index| self.0.swap_remove(index));
        let failures = before.map_or(0, |backoff| backoff.failures).saturating_add(1);
        let longest = if forbidden { LONGEST_FORBIDDEN } else { LONGEST };
        let until = now + (FIRST * (1 << failures.saturating_sub(1).min(8))).min(longest);
        let circumstances = Circumstances::of(vm, action);
        self.0.push(Backoff { of, failures, failed: now, until: Some(until), forbidden, circumstances });
        until
    }

    /// The service has been seen to have rights here: those whose lack stood in the way are tried again, unless that has
    /// just been done. Whether there were any.
    pub(super) fn permitted(&mut self, now: Instant) -> bool {
        let mut any = false;
        for backoff in self.0.iter_mut().filter(|backoff| backoff.forbidden && now >= backoff.failed + LEAST) {
            any |= backoff.until.take().is_some();
        }
        any
    }

    /// There is nothing left to do.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// How long after a failure an action waits at least, whatever has changed since: it may have been the action itself that
/// changed it.
fn pause(failures: u32) -> Duration {
    match failures {
        0..=3 => Duration::ZERO,
        more => (LEAST * (1 << (more - 4).min(8))).min(FIRST),
    }
}

/// After the first failure.
const FIRST: Duration = Duration::from_secs(5);

/// After many.
const LONGEST: Duration = Duration::from_secs(80);

/// After many for lack of a right: nothing tells when it is granted.
const LONGEST_FORBIDDEN: Duration = Duration::from_secs(40);

const LEAST: Duration = Duration::from_secs(1);

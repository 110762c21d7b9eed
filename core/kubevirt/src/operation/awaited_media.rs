//! What a start waits for: images in the machine's drives that are still being fetched, among them one that it is to boot
//! over HTTP, which is asked for first if nobody has yet.
//!
//! That is judged by what is read: another replica may have inserted one a moment ago.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::answer::Problem;
use super::boot;
use super::engine::{Decision, Purpose, Reaction, Task};
use super::insert::Insert;
use super::snapshot::Snapshot;
use crate::TransportError;
use crate::annotation::{BootRecord, LeftOutRecord, MEDIA_LEFT_OUT, MediaRecord};
use crate::model::{CommandError, ImportState, InsertMedia, ObjectName, Slot, Url};
use crate::object::VirtualMachine;
use crate::time::Instant;
use crate::translate;

/// Images that a start waits for, as far as that is known by now.
#[derive(Debug, Default)]
pub(super) struct AwaitedMedia {
    /// The image that is to be booted over HTTP, on its way into its drive.
    insertion: Option<Insert>,
    /// Why it cannot be put there.
    refusal: Option<String>,
    /// The import that is being looked at.
    looking_at: Option<ObjectName>,
    looked_at: BTreeSet<ObjectName>,
    awaited: bool,
}

impl AwaitedMedia {
    /// Whether an image has turned out not to be there yet.
    pub(super) fn awaited(&self) -> bool {
        self.awaited
    }

    /// Whether the requests under way are those of an insertion.
    pub(super) fn inserting(&self) -> bool {
        self.insertion.is_some()
    }

    pub(super) fn import(&self, machine: &VirtualMachine) -> Option<ObjectName> {
        match &self.insertion {
            Some(insertion) => insertion.import(machine),
            None => self.looking_at.clone(),
        }
    }

    /// Whether the image that is to be booted over HTTP is not in its drive.
    pub(super) fn lacks_http_image(snapshot: &Snapshot<'_>) -> bool {
        missing_http_image(snapshot).is_some()
    }

    /// The next step of finding out; `None` when everything is known. An image that cannot be asked for fails what has
    /// just been asked; a start that was pending is carried out without it.
    pub(super) fn find_out(&mut self, snapshot: &Snapshot<'_>, pending_power_on: bool) -> Option<Decision> {
        if let Some(insertion) = &mut self.insertion {
            match insertion.decide(snapshot) {
                Decision::Done => self.insertion = None,
                Decision::Fail(error) => return Some(self.give_up(error, pending_power_on)),
                other => return Some(other),
            }
        }
        if let Some(image) = missing_http_image(snapshot) {
            if let Some(reason) = &self.refusal {
                let machine = snapshot.machine.metadata.uid.clone();
                let image = image.as_str().into();
                let note = LeftOutRecord { image, reason: reason.as_str().into(), claim: None, machine };
                let note = serde_json::to_string(&note).ok();
                let patch = boot::abandon(snapshot).annotate(MEDIA_LEFT_OUT, note.as_deref());
                return Some(Decision::Write(patch.into_write(Purpose::Main, snapshot.command)));
            }
            self.insertion =
                Some(Insert::new(snapshot.command, &InsertMedia::to_boot_over_http(image), snapshot.settings));
            return Some(Decision::Wait(Duration::ZERO));
        }
        if let Some(looked_at) = self.looking_at.take() {
            let import = snapshot.import.there().and_then(|import| translate::import(import));
            // One that is only fetched when a machine wants it is not waited for: that would take for ever.
            self.awaited |=
                import.is_some_and(|import| import.state != ImportState::Succeeded && !import.awaits_machine);
            self.looked_at.insert(looked_at);
        }
        let mut media = Slot::ALL.iter().filter_map(|slot| MediaRecord::read(snapshot.machine, *slot));
        self.looking_at =
            media.find_map(|medium| medium.holder.import().filter(|import| !self.looked_at.contains(*import)).cloned());
        self.looking_at.is_some().then_some(Decision::Wait(Duration::ZERO))
    }

    pub(super) fn image_answered(&mut self, answer: Result<http::Response<()>, TransportError>) {
        if let Some(insertion) = &mut self.insertion {
            insertion.image_answered(answer);
        }
    }

    pub(super) fn imports_not_served(&self) -> Reaction {
        self.insertion.as_ref().map_or(Reaction::Replan, Task::imports_not_served)
    }

    pub(super) fn has_read(&mut self, answer: Result<Bytes, Problem>) {
        if let Some(insertion) = &mut self.insertion {
            insertion.has_read(answer);
        }
    }

    pub(super) fn accepted(&mut self, now: Instant, purpose: Purpose) {
        if let Some(insertion) = &mut self.insertion {
            insertion.accepted(now, purpose);
        }
    }

    pub(super) fn rejected(&mut self, purpose: Purpose, problem: &Problem, pending_power_on: bool) -> Reaction {
        let Some(insertion) = &mut self.insertion else { return Reaction::Usual };
        let error = match (insertion.rejected(purpose, problem), problem) {
            (Reaction::Fail(error), _) => error,
            (Reaction::Usual, Problem::Forbidden(message)) => CommandError::Forbidden(message.clone()),
            (Reaction::Usual, Problem::Refused(message)) => CommandError::Refused(message.clone()),
            (other, _) => return other,
        };
        match self.give_up(error, pending_power_on) {
            Decision::Fail(error) => Reaction::Fail(error),
            Decision::Write(_) | Decision::Ask(_) | Decision::Read(_) | Decision::Wait(_) | Decision::Done => {
                Reaction::Replan
            }
        }
    }

    /// The image cannot be asked for.
    fn give_up(&mut self, error: CommandError, pending_power_on: bool) -> Decision {
        let reason = match error {
            CommandError::Refused(reason) | CommandError::Unsupported(reason) => reason,
            // What it lacks is the operator's business.
            CommandError::Forbidden(_) if pending_power_on => {
                "the service is not permitted to have images fetched".to_owned()
            }
            other => return Decision::Fail(other),
        };
        self.insertion = None;
        if pending_power_on {
            self.refusal = Some(reason);
            return Decision::Wait(Duration::ZERO);
        }
        Decision::Fail(CommandError::Refused(format!("the image to be booted over HTTP cannot be fetched: {reason}")))
    }
}

fn missing_http_image(snapshot: &Snapshot<'_>) -> Option<Url> {
    let record = BootRecord::read(snapshot.machine)?;
    let image = record.http_image()?;
    let there = MediaRecord::read(snapshot.machine, Slot::Http).is_some_and(|medium| *medium.image == *image.as_str());
    (!there).then_some(image)
}

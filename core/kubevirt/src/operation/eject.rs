//! `EjectMedia`: the volume goes from the template, then its import goes.
//!
//! A CD-ROM drive stays where the cluster knows empty drives, so that the next medium can be inserted live. A stick is
//! pulled out whole, and the drive for an HTTP boot, which nobody else puts anything into, goes with its image.

use serde_json::{Value, json};

use super::answer::Problem;
use super::boot;
use super::boot_order::Device;
use super::boot_template::Template;
use super::engine::{Decision, Purpose, Reaction, Task};
use super::shared_import::{is_ours_to_release, release};
use super::snapshot::Snapshot;
use crate::annotation::{self, BootOrder, BootRecord, Key, LeftOutRecord, MEDIA_LEFT_OUT, MediaRecord, Target};
use crate::model::{ObjectName, Slot};
use crate::object::VirtualMachine;
use crate::others_medium::OthersMedium;

/// A medium on its way out of its drive.
#[derive(Debug)]
pub(super) struct Eject {
    slot: Slot,
    /// The import of the medium that has been taken out.
    import: Option<ObjectName>,
    /// Whether it was the service's.
    own: bool,
    /// Whether the machine is without it.
    out: bool,
    /// The claim of the only medium that is to go, and why, if it goes because it cannot be had.
    left_out: Option<(ObjectName, Box<str>)>,
    /// The cluster has refused a drive without a medium.
    refused_empty: bool,
}

impl Eject {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, import: None, own: false, out: false, left_out: None, refused_empty: false }
    }

    /// Takes out what stands on a claim, or was to.
    pub(super) fn leaving_out(slot: Slot, claim: &ObjectName, reason: &str) -> Self {
        Self { left_out: Some((claim.clone(), reason.into())), ..Self::new(slot) }
    }

    /// What somebody else has put into the drive: it goes as well, and stays in the cluster.
    fn others_medium(&self, snapshot: &Snapshot<'_>) -> Option<OthersMedium> {
        let asked_for = self.slot == Slot::Cd && self.left_out.is_none() && !self.own;
        OthersMedium::read(snapshot.machine).filter(|_| asked_for)
    }

    /// What is to be said on the machine about a medium that goes.
    fn note(&self, snapshot: &Snapshot<'_>, record: &MediaRecord) -> Option<String> {
        let (claim, reason) = self.left_out.clone()?;
        let (image, machine) = (record.image.clone(), snapshot.machine.metadata.uid.clone());
        serde_json::to_string(&LeftOutRecord { image, reason, claim: Some(claim), machine }).ok()
    }
}

impl Task for Eject {
    fn is_of_settings(&self) -> bool {
        true
    }

    fn imports_not_served(&self) -> Reaction {
        Reaction::Replan
    }

    fn import(&self, _machine: &VirtualMachine) -> Option<ObjectName> {
        self.import.clone()
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let record = MediaRecord::read(snapshot.machine, self.slot);
        if let (Some((claim, _)), Some(record)) = (&self.left_out, &record)
            && record.holder.claim() != claim
        {
            // Something else is in the drive by now.
            return Decision::Done;
        }
        let Some(record) = record else {
            if let Some(medium) = self.others_medium(snapshot) {
                // Also of one that the service has put there before, if somebody has changed it since.
                let before = MediaRecord::written(snapshot.machine, self.slot);
                self.import = before.and_then(|record| record.holder.import().cloned());
                return change_machine(snapshot, self.slot, &medium.drive, !self.refused_empty, None);
            }
            self.out = true;
            let annotations = &snapshot.machine.metadata.annotations;
            let left_out = self.left_out.is_none() && annotations.has(Key::MediaLeftOut);
            if annotations.has(annotation::media(self.slot)) || left_out {
                // Somebody took the volume out by hand, or wrote something unreadable: the import is still there. What the
                // machine was started without is nobody's concern any more.
                if let Some(record) = MediaRecord::written(snapshot.machine, self.slot) {
                    self.import = record.holder.import().cloned();
                }
                let patch = snapshot.patch().annotate(annotation::media(self.slot).name(), None);
                let patch = if left_out { patch.annotate(MEDIA_LEFT_OUT, None) } else { patch };
                return Decision::Write(patch.into_write(Purpose::Main, snapshot.command));
            }
            return match snapshot.import.there() {
                Some(import) if is_ours_to_release(import, snapshot) => {
                    Decision::Write(release(import, snapshot.command, Purpose::Tidy))
                }
                // Going, once nothing uses it any more.
                Some(_) | None => Decision::Done,
            };
        };
        if self.slot == Slot::Http && self.left_out.is_none() && in_use(snapshot, &record) {
            return Decision::Done;
        }
        self.own = true;
        self.import = record.holder.import().cloned();
        // Never an empty disk of another kind; and what its owner has put into the machine stays for as long as may be.
        let knows_empty = (snapshot.platform.live_media || !record.added_drive) && !self.refused_empty;
        let may_be_empty = self.slot == Slot::Cd && knows_empty;
        change_machine(snapshot, self.slot, &record.drive, may_be_empty, self.note(snapshot, &record).as_deref())
    }

    fn rejected(&mut self, purpose: Purpose, problem: &Problem) -> Reaction {
        match (purpose, problem) {
            (Purpose::Main, Problem::Refused(message)) if message.contains(NO_EMPTY_DRIVE) && !self.refused_empty => {
                self.refused_empty = true;
                Reaction::Replan
            }
            // The import stays: whoever looks for orphans finds it.
            (Purpose::Tidy, Problem::Forbidden(_) | Problem::Refused(_) | Problem::Missing { .. }) => {
                self.import = None;
                Reaction::Replan
            }
            _ => Reaction::Usual,
        }
    }

    fn complete(&self) -> bool {
        self.out
    }
}

/// Whether a guest runs that was booted from a medium: whoever wanted it taken out may not have seen the run yet.
fn in_use(snapshot: &Snapshot<'_>, record: &MediaRecord) -> bool {
    let running = snapshot.instance.filter(|instance| instance.status.phase.as_deref() == Some("Running"));
    running.is_some_and(|run| BootOrder::of(&run.spec).first() == Some(Device::Disk(record.drive.clone())))
}

fn change_machine(
    snapshot: &Snapshot<'_>,
    slot: Slot,
    drive: &str,
    may_be_empty: bool,
    note: Option<&str>,
) -> Decision {
    let named = |device: &Value| device.get("name") == Some(&json!(drive));
    let volumes: Vec<Value> = snapshot.volumes().into_iter().filter(|volume| !named(volume)).collect();
    let mut wanted = BootRecord::read(snapshot.machine);
    let mut template = Template::of(snapshot);
    if !may_be_empty {
        // The drive takes its place in the boot order along; the others keep theirs.
        template.disks.retain(|disk| !named(disk));
        template.original.disks.remove(drive);
        if let Some(record) = wanted.as_mut()
            && let Some(change) = record.change.as_mut()
        {
            if change.written.disks.get(drive) == Some(&1) {
                // The override takes the next device, or waits for the next medium.
                record.change = template.boot_again(snapshot, record, None, Some(drive));
            } else {
                change.written.disks.remove(drive);
                change.original.disks.remove(drive);
            }
        }
    }
    // Whoever takes this image away does not want it to be booted from: otherwise it would be fetched again.
    let is_of_image = |record: &BootRecord| record.target == Target::UefiHttp && record.http_uri.is_some();
    let patch = if slot == Slot::Http && wanted.as_ref().is_some_and(is_of_image) {
        template.restore();
        boot::end(snapshot, template)
    } else {
        template.into_patch(snapshot, wanted.as_ref()).unwrap_or_else(|| snapshot.patch())
    };
    let patch = patch
        .set(&["spec", "template", "spec", "volumes"], Value::Array(volumes))
        .annotate(annotation::media(slot).name(), None);
    let noted = snapshot.machine.metadata.annotations.has(Key::MediaLeftOut);
    let patch = if noted || note.is_some() { patch.annotate(MEDIA_LEFT_OUT, note) } else { patch };
    Decision::Write(patch.into_write(Purpose::Main, snapshot.command))
}

/// What the cluster says of an empty drive where it does not know them (facts, section 6).
const NO_EMPTY_DRIVE: &str = "cannot define an empty CD-ROM";

//! `EjectMedia`: the volume goes from the template, then its import goes.
//!
//! A CD-ROM drive stays where the cluster knows empty drives, so that the next medium can be inserted live. A stick is
//! pulled out whole.

use serde_json::{Value, json};

use super::answer::Problem;
use super::boot::Template;
use super::credentials;
use super::data_volume::{deletion, ours};
use super::engine::{Decision, Purpose, Reaction, Task};
use super::scene::Scene;
use crate::kubevirt::annotation::{self, BootRecord, MediaRecord};
use crate::kubevirt::object::VirtualMachine;
use crate::model::Slot;
use crate::time::Instant;

/// A medium on its way out of its drive.
#[derive(Debug)]
pub(super) struct Eject {
    slot: Slot,
    /// The import of the medium that has been taken out.
    import: Option<Box<str>>,
    /// Whether what that import logged in with is gone, or cannot be made to go.
    logged_out: bool,
    /// Whether the machine is without it.
    out: bool,
}

impl Eject {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, import: None, logged_out: false, out: false }
    }
}

impl Task for Eject {
    fn import(&self, _machine: &VirtualMachine) -> Option<Box<str>> {
        self.import.clone()
    }

    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        let record = MediaRecord::read(scene.machine, self.slot);
        let Some(record) = record else {
            self.out = true;
            if self.import.is_none() && scene.machine.metadata.annotations.media(self.slot).is_some() {
                // Somebody took the volume out by hand, or wrote something unreadable.
                let patch = scene.patch().annotate(annotation::media(self.slot), None);
                return Decision::Write(patch.into_write(Purpose::Main, scene.command));
            }
            return match scene.import {
                Some(import) if ours(import, scene.command) && !import.metadata.deleting() => {
                    Decision::Write(match credentials::of(import, scene.command).filter(|_| !self.logged_out) {
                        Some(secret) => credentials::deletion(scene.command, secret),
                        None => deletion(import, scene.command, Purpose::Tidy),
                    })
                }
                // Going, once nothing uses it any more.
                Some(_) | None => Decision::Done,
            };
        };
        if self.import.as_deref() != Some(&record.data_volume) {
            self.import = Some(record.data_volume.clone());
        }
        change_machine(scene, self.slot, &record)
    }

    fn accepted(&mut self, _now: Instant, purpose: Purpose) {
        match purpose {
            Purpose::Credentials => self.logged_out = true,
            Purpose::Main | Purpose::Verb | Purpose::Prepare | Purpose::Tidy => {}
        }
    }

    fn rejected(&mut self, purpose: Purpose, problem: &Problem) -> Reaction {
        match (purpose, problem) {
            // Gone already, or it stays until the machine goes.
            (Purpose::Credentials, Problem::Forbidden(_) | Problem::Refused(_) | Problem::Missing { .. }) => {
                self.logged_out = true;
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

fn change_machine(scene: &Scene<'_>, slot: Slot, record: &MediaRecord) -> Decision {
    let named = |device: &Value| device.get("name") == Some(&json!(*record.drive));
    let volumes: Vec<Value> = scene.volumes().into_iter().filter(|volume| !named(volume)).collect();
    let boot = BootRecord::read(&scene.machine.metadata.annotations);
    let mut template = Template::of(scene, boot.as_ref());
    let mut wanted = boot.clone();
    // 422: "cannot define an empty CD-ROM disk" (facts, section 6), and never an empty disk of another kind.
    let may_be_empty = slot == Slot::Cd && scene.platform.live_media;
    if !may_be_empty {
        // The drive takes its place in the boot order along; the others keep theirs.
        template.disks.retain(|disk| !named(disk));
        if let Some(change) = wanted.as_mut().and_then(|record| record.change.as_mut()) {
            change.written.disks.remove(&record.drive);
            change.original.disks.remove(&record.drive);
        }
    }
    let patch = template.into_patch(scene, wanted.as_ref(), boot.as_ref(), None).unwrap_or_else(|| scene.patch());
    let patch = patch
        .set(&["spec", "template", "spec", "volumes"], Value::Array(volumes))
        .annotate(annotation::media(slot), None);
    Decision::Write(patch.into_write(Purpose::Main, scene.command))
}

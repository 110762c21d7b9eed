//! `InsertMedia`: an import, then a volume in the template that holds it.
//!
//! The import comes first, then what it logs in with, which it waits for and which goes with it; then the machine, so that
//! it never names a volume that nobody is going to make. If its change is refused the import goes again. Should the service
//! end in between, the import is an orphan that any replica finds. It does not touch the boot order, except to carry out an
//! override that was waiting for a drive, and it never starts the machine.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Problem;
use super::boot_template::{Template, cd_drive, is_x86};
use super::certificates;
use super::credentials;
use super::data_volume::{creation, deletion, ours, volume};
use super::engine::{Decision, Purpose, Reaction, Task, Write};
use super::existing;
use super::image_size::ImageSize;
use super::old_copy::{Found, OldCopy};
use super::orphan::is_used;
use super::shared_import::{self, Sharing, has_other_users, is_of_image, is_ours_to_release, is_shared, join, release};
use super::snapshot::{NamedImport, Snapshot};
use crate::annotation::{self, BootRecord, Enabled, Holder, Key, MEDIA_LEFT_OUT, MediaRecord, Target};
use crate::model::{Command, CommandError, ImageSource, ImportId, ImportState, InsertMedia, ObjectName, Slot, VmId};
use crate::object::{DataVolume, RemoteSource, VirtualMachine};
use crate::time::UnixTime;
use crate::translate;
use crate::{Settings, TransportError};

/// An image on its way into a drive.
#[derive(Debug)]
pub(super) struct Insert {
    media: InsertMedia,
    vm: VmId,
    /// What the import of an image depends on besides.
    settings: Settings,
    /// What holds the image if nothing is shared.
    own: Holder,
    /// An older copy of the image that may have the name.
    old_copy: OldCopy,
    sharing: Sharing,
    /// Whether this command has said that the machine uses an import that serves several.
    joined: bool,
    /// What is going to hold the image.
    holder: Holder,
    stage: Stage,
    /// The import of the image that was in the drive before.
    replaced: Option<ObjectName>,
    /// Whether the import was made by this command.
    made: Made,
    /// How large the image is, as far as its server says.
    size: ImageSize,
    /// What the import logs in with.
    login: Login,
    /// Whether the certificates that the import waits for are there.
    certified: bool,
    /// What belonged to an import of an earlier attempt, which may not have been collected yet.
    outdated: Option<ObjectName>,
}

/// Whether an import was made by this command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    No,
    /// It has asked for that: what is there is new, and nobody takes it for an orphan.
    Asked,
    /// It has, so that it is this command's to take back.
    Yes,
}

/// What an import logs in with, on its way into the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// Nothing, or nothing any more.
    None,
    /// It is to be written.
    Wanted,
    /// Something of an earlier attempt is in its place, and goes first.
    Outdated,
    /// This command has written it.
    Written,
}

/// What an insertion is about.
#[derive(Debug)]
enum Stage {
    Inserting,
    /// The machine's change was refused: the import goes again, then this is the result.
    TakingBack(CommandError),
    /// It is in. The import that it replaced goes.
    Replacing,
}

impl Insert {
    pub(super) fn new(command: &Command, media: &InsertMedia, settings: &Settings) -> Self {
        let own = match media.image.source() {
            ImageSource::Claim(name) => Holder::ExistingClaim(name.clone()),
            ImageSource::Volume(name) => Holder::ExistingDataVolume(name.clone()),
            ImageSource::Server(_) | ImageSource::Registry(_) => {
                Holder::Import(ImportId::of_insertion(&command.vm, &command.uid, media).name)
            }
        };
        let login = if media.credentials.is_some() { Login::Wanted } else { Login::None };
        Self {
            media: media.clone(),
            vm: command.vm.clone(),
            settings: settings.clone(),
            holder: own.clone(),
            own,
            old_copy: OldCopy::default(),
            sharing: Sharing::of(media, settings),
            joined: false,
            stage: Stage::Inserting,
            replaced: None,
            made: Made::No,
            size: ImageSize::Unasked,
            login,
            certified: false,
            outdated: None,
        }
    }

    fn insert(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        if snapshot.machine.metadata.deleting() {
            return Decision::Fail(CommandError::Conflict("the machine is being removed".to_owned()));
        }
        let Some(holder) = self.holder_in(snapshot.machine) else {
            return match self.sharing.question() {
                Some(question) => Decision::Read(Box::new(question)),
                None => Decision::Wait(Duration::ZERO),
            };
        };
        self.holder = holder;
        let first = match self.holder.clone() {
            Holder::Import(name) => self.bring_in(snapshot, &name),
            Holder::ExistingDataVolume(name) => {
                existing::data_volume(snapshot, &name).or_else(|| self.beside_old_copy(snapshot, &name))
            }
            Holder::ExistingClaim(name) => existing::claim(snapshot, &name),
        };
        if let Some(decision) = first {
            return decision;
        }
        let present = MediaRecord::read(snapshot.machine, self.media.slot);
        if present.as_ref().is_some_and(|record| record.holder == self.holder) {
            self.stage = Stage::Replacing;
            // Once more, to see the import that was replaced.
            return if self.replaced.is_some() { Decision::Wait(Duration::ZERO) } else { Decision::Done };
        }
        let replaced = present.as_ref().and_then(|record| record.holder.import().cloned());
        self.replaced = replaced.or_else(|| self.replaced.take());
        self.change_machine(snapshot, present)
    }

    /// What is going to hold the image: what does already, unless somebody has to log in and does not. `None` while it is
    /// not known whether it is to be shared.
    fn holder_in(&self, machine: &VirtualMachine) -> Option<Holder> {
        let present =
            MediaRecord::read(machine, self.media.slot).filter(|record| *record.image == *self.media.image.as_str());
        let is_enough = |holder: &Holder| holder.import().is_some() && self.media.credentials.is_none();
        if let Some(holder) = present.map(|record| record.holder).filter(is_enough) {
            return Some(holder);
        }
        match self.sharing {
            Sharing::Undecided { .. } => None,
            Sharing::No => Some(self.own.clone()),
            Sharing::Yes => {
                let name = shared_import::name(machine, &self.media, &self.vm, &self.settings);
                // Of one machine's drives only one has it, so that the others do not depend on that.
                let elsewhere = Slot::ALL.iter().filter(|slot| **slot != self.media.slot).any(|slot| {
                    MediaRecord::read(machine, *slot).is_some_and(|record| record.holder.import() == Some(&name))
                });
                Some(if elsewhere { self.own.clone() } else { Holder::Import(name) })
            }
        }
    }

    /// What to do about an older copy of that name, if one is in the way.
    fn beside_old_copy(&mut self, snapshot: &Snapshot<'_>, name: &ObjectName) -> Option<Decision> {
        if self.made != Made::No || is_used(snapshot.machine, name) {
            return None;
        }
        let copy = match self.old_copy.look(snapshot, name) {
            Found::NotYet(read) => return Some(read),
            Found::Nothing => return None,
            Found::Going(copy) => copy,
        };
        Some(match &self.own {
            Holder::Import(own) if own == name => {
                let (vm, uid) = (&snapshot.command.vm, &snapshot.command.uid);
                self.own = Holder::Import(ImportId::of_insertion_beside(vm, uid, &self.media, &copy).name);
                Decision::Wait(Duration::ZERO)
            }
            Holder::Import(_) => self.keep_to_itself(),
            Holder::ExistingDataVolume(_) | Holder::ExistingClaim(_) => existing::going(name),
        })
    }

    /// It is not shared after all.
    fn keep_to_itself(&mut self) -> Decision {
        self.sharing = Sharing::No;
        Decision::Wait(Duration::ZERO)
    }

    /// The next step towards the import of that name, until it is on its way.
    fn bring_in(&mut self, snapshot: &Snapshot<'_>, name: &ObjectName) -> Option<Decision> {
        let Some(import) = snapshot.import.there() else {
            // Whoever may edit the machine may have named it past the interface that judges it first.
            if let Err((host, why)) = self.media.image.judge(&snapshot.settings.image_hosts) {
                let reason = format!("the image server {host} cannot be used: {why}");
                return Some(Decision::Fail(CommandError::Refused(reason)));
            }
            if let Some(decision) = self.beside_old_copy(snapshot, name) {
                return Some(decision);
            }
            if let Some(request) = self.size.ask(snapshot, &self.media) {
                return Some(Decision::Ask(Box::new(request)));
            }
            self.made = Made::Asked;
            let size = self.size.volume(snapshot.settings);
            return Some(Decision::Write(creation(snapshot, name, &self.media, &size, self.outdated.as_ref())));
        };
        let shared = is_shared(import);
        if shared && !is_of_image(import, self.media.image.as_str()) {
            return Some(self.keep_to_itself());
        }
        if !shared
            && (!ours(import, snapshot.command)
                || import.metadata.annotations.image.as_deref() != Some(self.media.image.as_str()))
        {
            let reason = format!("a DataVolume named {name} is there already and belongs to somebody else");
            return Some(Decision::Fail(CommandError::Refused(reason)));
        }
        if import.metadata.deleting() {
            // The same image was ejected a moment ago.
            return Some(Decision::Wait(WHILE_DELETING));
        }
        if let Some(decision) = self.beside_old_copy(snapshot, name) {
            return Some(decision);
        }
        if shared && let Some(decision) = self.take_part(import, snapshot, name) {
            return Some(decision);
        }
        if !shared && self.made == Made::No && is_outdated(import, snapshot, name) {
            // An earlier attempt was cut short, or has failed.
            let part = |remote: &RemoteSource| remote.secret_ref.clone().or_else(|| remote.cert_config_map.clone());
            self.outdated = import.spec.source.remote().and_then(part);
            return Some(Decision::Write(deletion(import, snapshot.command, Purpose::Outdated)));
        }
        if import.status.phase.as_deref() == Some("Succeeded") {
            // The image is there: nobody has to log in any more.
            self.login = Login::None;
        }
        let certificates = certificates::creation(snapshot, import, &self.media).filter(|_| !self.certified);
        if let Some(write) = certificates {
            return Some(Decision::Write(write));
        }
        self.login(snapshot, import).map(Decision::Write)
    }

    /// The next step towards being one of the machines that an import serves.
    fn take_part(&mut self, import: &NamedImport, snapshot: &Snapshot<'_>, name: &ObjectName) -> Option<Decision> {
        let used = is_used(snapshot.machine, name);
        if self.made == Made::No && !used && has_failed(import) {
            // Another attempt is not to be made at the expense of those who wait for this one.
            return Some(if has_other_users(import, snapshot.command) {
                self.keep_to_itself()
            } else {
                Decision::Write(deletion(import, snapshot.command, Purpose::Outdated))
            });
        }
        // It is said once more also by one of them: who is just about to release it notices.
        let said = ours(import, snapshot.command) && (used || self.joined || self.made != Made::No);
        (!said).then(|| Decision::Write(join(import, snapshot.command)))
    }

    /// The next step towards what the import logs in with.
    fn login(&self, snapshot: &Snapshot<'_>, import: &NamedImport) -> Option<Write> {
        let credentials = self.media.credentials.as_ref()?;
        match self.login {
            Login::Wanted => credentials::creation(snapshot.command, import, self.media.slot, credentials),
            Login::Outdated => credentials::deletion(snapshot.command, import),
            Login::None | Login::Written => None,
        }
    }

    fn change_machine(&self, snapshot: &Snapshot<'_>, present: Option<MediaRecord>) -> Decision {
        let mut template = Template::of(snapshot);
        let mut volumes = snapshot.volumes();
        let slot = self.media.slot;
        let (drive, added) = match (present, empty_drive(snapshot.machine, slot)) {
            (Some(record), _) => (record.drive, record.added_drive),
            (None, Some(drive)) => (drive, false),
            (None, None) => (template.free_name(slot, &volumes), true),
        };
        let named = |device: &Value| device.get("name") == Some(&json!(*drive));
        let was_there = template.disks.iter().any(named);
        if !was_there {
            template.disks.push(match slot {
                Slot::Cd | Slot::Http => cd_drive(&drive, snapshot.machine),
                Slot::Usb => json!({ "name": *drive }),
            });
        }
        // An override that waits for a drive, that was given another one, or whose drive was taken away, gets this.
        let wanted = BootRecord::read(snapshot.machine).map(|mut record| {
            let change = record.change.as_ref().filter(|_| was_there);
            let placed = change.is_some_and(|change| change.written.disks.get(&drive) == Some(&1));
            if boots_from(slot, record.target) && record.enabled != Enabled::Disabled && !placed {
                record.change = template.boot_again(snapshot, &record, Some(&drive), None);
            }
            record
        });
        let disk = template.disks.iter_mut().find(|disk| named(disk));
        let live = live(snapshot, slot, &drive, disk.as_deref());
        if let Some(disk) = disk.filter(|_| slot == Slot::Usb) {
            become_stick(disk, live || !is_x86(snapshot.machine), self.media.write_protected);
        }
        let volume = volume(&drive, &self.holder, live);
        match volumes.iter_mut().find(|volume| named(volume)) {
            Some(place) => *place = volume,
            None => volumes.push(volume),
        }
        let record = MediaRecord {
            image: self.media.image.as_str().into(),
            drive,
            holder: self.holder.clone(),
            added_drive: added,
        };
        let patch = template.into_patch(snapshot, wanted.as_ref()).unwrap_or_else(|| snapshot.patch());
        let patch = patch
            .set(&["spec", "template", "spec", "volumes"], Value::Array(volumes))
            .annotate(annotation::media(slot).name(), serde_json::to_string(&record).ok().as_deref());
        // What the machine was last started without is history.
        let noted = snapshot.machine.metadata.annotations.has(Key::MediaLeftOut);
        let patch = if noted { patch.annotate(MEDIA_LEFT_OUT, None) } else { patch };
        Decision::Write(patch.into_write(Purpose::Main, snapshot.command))
    }

    /// Everything is in its place: what is left is the import that was replaced.
    fn finish(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        match (&self.replaced, snapshot.import.there()) {
            (None, _) => Decision::Done,
            (Some(_), Some(import)) if is_ours_to_release(import, snapshot) => {
                Decision::Write(release(import, snapshot.command, Purpose::Tidy))
            }
            (Some(_), Some(_) | None) => {
                self.replaced = None;
                // Once more, to see the import that counts.
                Decision::Wait(Duration::ZERO)
            }
        }
    }
}

fn no_importer() -> CommandError {
    CommandError::Unsupported("there is no importer of images (CDI)".to_owned())
}

impl Task for Insert {
    fn is_of_settings(&self) -> bool {
        true
    }

    fn imports_not_served(&self) -> Reaction {
        Reaction::Fail(no_importer())
    }

    fn import(&self, machine: &VirtualMachine) -> Option<ObjectName> {
        match (&self.stage, &self.replaced) {
            (Stage::Replacing, Some(replaced)) => Some(replaced.clone()),
            _ => match self.holder_in(machine)? {
                Holder::Import(name) | Holder::ExistingDataVolume(name) => Some(name),
                Holder::ExistingClaim(_) => None,
            },
        }
    }

    fn claim(&self) -> Option<ObjectName> {
        match (&self.stage, &self.holder) {
            (Stage::Inserting, Holder::ExistingClaim(name)) => Some(name.clone()),
            _ => None,
        }
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        match &self.stage {
            Stage::Inserting => self.insert(snapshot),
            Stage::Replacing => self.finish(snapshot),
            Stage::TakingBack(error) => match snapshot.import.there() {
                Some(import) if (self.made == Made::Yes || self.joined) && is_ours_to_release(import, snapshot) => {
                    Decision::Write(release(import, snapshot.command, Purpose::Tidy))
                }
                Some(_) | None => Decision::Fail(error.clone()),
            },
        }
    }

    fn accepted(&mut self, _now: crate::time::Instant, purpose: Purpose) {
        match purpose {
            Purpose::Prepare => self.made = Made::Yes,
            Purpose::Join => self.joined = true,
            Purpose::Credentials => self.login_accepted(),
            Purpose::Certificates => self.certified = true,
            Purpose::Main
            | Purpose::Verb
            | Purpose::PendingPowerOn
            | Purpose::Outdated
            | Purpose::Tidy
            | Purpose::Note => {}
        }
    }

    fn rejected(&mut self, purpose: Purpose, problem: &Problem) -> Reaction {
        match (purpose, problem) {
            (Purpose::Credentials, problem) => self.login_rejected(problem),
            // Made for this import before, by an attempt whose answer was lost or by another replica.
            (Purpose::Certificates, Problem::Conflict(_)) => {
                self.certified = true;
                Reaction::Replan
            }
            (Purpose::Outdated | Purpose::Join, Problem::Missing { .. }) => Reaction::Replan,
            (Purpose::Join, Problem::Forbidden(_) | Problem::Refused(_)) => {
                self.sharing = Sharing::No;
                Reaction::Replan
            }
            (Purpose::Prepare, Problem::Missing { .. } | Problem::NotServed(_)) => self.take_back(no_importer()),
            (Purpose::Prepare | Purpose::Certificates | Purpose::Main, Problem::Refused(message)) => {
                self.take_back(CommandError::Refused(message.clone()))
            }
            (Purpose::Prepare | Purpose::Certificates | Purpose::Main, Problem::Forbidden(message)) => {
                self.take_back(CommandError::Forbidden(message.clone()))
            }
            // An import that stays is the lesser evil; whoever looks for orphans finds it.
            (Purpose::Tidy, Problem::Forbidden(_) | Problem::Refused(_) | Problem::Missing { .. }) => {
                match &self.stage {
                    Stage::TakingBack(error) => Reaction::Fail(error.clone()),
                    Stage::Inserting | Stage::Replacing => {
                        self.replaced = None;
                        Reaction::Replan
                    }
                }
            }
            // Among them that somebody, perhaps this command before its answer was lost, has made the import: it is
            // read again.
            _ => Reaction::Usual,
        }
    }

    fn has_read(&mut self, answer: Result<Bytes, Problem>) {
        if !self.old_copy.has_read(&answer) {
            self.sharing.answered(answer, &self.settings);
        }
    }

    fn image_answered(&mut self, answer: Result<http::Response<()>, TransportError>) {
        self.size.answered(answer);
    }

    fn complete(&self) -> bool {
        matches!(self.stage, Stage::Replacing)
    }
}

impl Insert {
    fn take_back(&mut self, error: CommandError) -> Reaction {
        if self.made != Made::Yes && !self.joined {
            return Reaction::Fail(error);
        }
        self.stage = Stage::TakingBack(error);
        Reaction::Replan
    }

    fn login_accepted(&mut self) {
        self.login = match self.login {
            Login::Wanted => Login::Written,
            Login::Outdated => Login::Wanted,
            other @ (Login::None | Login::Written) => other,
        };
    }

    fn login_rejected(&mut self, problem: &Problem) -> Reaction {
        match (self.login, problem) {
            (Login::Wanted, Problem::Conflict(_)) => self.login = Login::Outdated,
            (Login::Outdated, Problem::Missing { .. }) => self.login = Login::Wanted,
            (_, Problem::Refused(message)) => return self.take_back(CommandError::Refused(message.clone())),
            (_, Problem::Forbidden(message)) => return self.take_back(CommandError::Forbidden(message.clone())),
            _ => return Reaction::Usual,
        }
        Reaction::Replan
    }
}

/// Whether an import that is there already is of no use: one that may be about to be removed as an orphan, or one that
/// has failed. Any other may be what another replica is just inserting.
fn is_outdated(import: &DataVolume, snapshot: &Snapshot<'_>, name: &ObjectName) -> bool {
    let made = import.metadata.creation_timestamp.as_deref().and_then(UnixTime::parse);
    let old = made.is_some_and(|made| made <= snapshot.command.orphaned_before);
    (old || has_failed(import)) && !is_used(snapshot.machine, name)
}

/// Whether an import has not brought its image, and may never.
fn has_failed(import: &DataVolume) -> bool {
    translate::import(import).is_some_and(|import| matches!(import.state, ImportState::Failed { .. }))
}

/// Whether a boot override of this target is one of what is in this slot.
fn boots_from(slot: Slot, target: Target) -> bool {
    match slot {
        Slot::Cd => target == Target::Cd,
        Slot::Usb => target == Target::Usb,
        Slot::Http => target == Target::UefiHttp,
    }
}

/// The first drive that a medium can be put into: a CD-ROM drive without one, where booting over HTTP has its own. There
/// is no stick without an image.
fn empty_drive(machine: &VirtualMachine, slot: Slot) -> Option<Box<str>> {
    let spec = &machine.spec.template.spec;
    let of_http = |name: &str| name.starts_with(HTTP_DRIVE);
    let fits = |name: &str| match slot {
        Slot::Cd => !of_http(name),
        Slot::Http => of_http(name),
        Slot::Usb => false,
    };
    let drives = spec.domain.devices.disks.iter().filter(|disk| disk.cdrom.is_some());
    let mut names = drives.filter_map(|disk| disk.name.clone());
    names.find(|drive| fits(drive) && spec.volume(drive).is_none())
}

/// Whether a medium in this drive can be one that comes and goes while the machine runs.
///
/// Such a volume in a drive that the present run does not have leaves the machine with a failure until it is
/// restarted (facts, section 6, A2); a plain one just waits for the restart.
fn live(snapshot: &Snapshot<'_>, slot: Slot, drive: &str, disk: Option<&Value>) -> bool {
    let by_migration = snapshot.machine.spec.update_volumes_strategy.as_deref() == Some("Migration");
    let mut runs = snapshot.instance.filter(|instance| !instance.ended()).into_iter();
    let possible = runs.all(|instance| match slot {
        Slot::Cd | Slot::Http => instance.spec.disk(drive).is_some_and(|disk| disk.cdrom.is_some()),
        // A new one is plugged in, unless it is to be booted from: its place in the boot order is one that a device of the
        // run has. One that the run began with stays until the restart.
        Slot::Usb => match instance.spec.volume(drive) {
            Some(volume) => volume.hotpluggable(),
            None => disk.is_none_or(|disk| disk.get("bootOrder").is_none()),
        },
    });
    snapshot.platform.live_media && !by_migration && possible
}

/// Makes a disk of the template one with a stick's image. The bus that is called USB knows no plugging while a machine
/// runs, SCSI does (facts, section 6, A5 and A6), and not every architecture has it; to a guest that asks for the file
/// system's label they are one.
fn become_stick(disk: &mut Value, scsi: bool, write_protected: bool) {
    let mut device = json!({ "bus": if scsi { "scsi" } else { "usb" } });
    if write_protected {
        device["readonly"] = json!(true);
    }
    disk["disk"] = device;
}

/// How the names begin of drives that are added for booting over HTTP: see `Template::free_name`.
const HTTP_DRIVE: &str = "redfish-http";
const WHILE_DELETING: Duration = Duration::from_millis(500);

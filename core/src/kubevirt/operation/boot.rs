//! The boot override: written into the template's boot order, with a record on the machine of what it replaced.
//!
//! Order, record and everything else that an override changes go into one patch, so there is never one without the
//! other. What somebody else has changed meanwhile is respected: only an order that is still as it was written here is
//! put back.

use serde_json::{Value, json};

use super::boot_order::{Device, device, with_first, write_into};
use super::engine::{Decision, Purpose, Task};
use super::scene::{Patch, Scene};
use crate::kubevirt::annotation::{
    BOOT_OVERRIDE, BootOrder, BootRecord, Enabled, MediaRecord, OrderChange, StrategyNote, Target, comes_back,
};
use crate::kubevirt::object::{RunStrategy, VirtualMachine};
use crate::model::{BootChange, BootOrderChange, CommandError, Slot, Uid};

/// What a change of the override or of the machine's own order comes to on a machine that is to have `strategy`; `None` if
/// all of it is so already.
pub(super) fn change(
    scene: &Scene<'_>,
    change: &BootChange,
    strategy: RunStrategy,
) -> Result<Option<Patch>, CommandError> {
    let machine = scene.machine;
    let present = BootRecord::read(&machine.metadata.annotations);
    let mut template = Template { strategy, ..Template::of(scene, present.as_ref()) };
    if let Some(order) = &change.order {
        template.choose(scene, order)?;
    }
    let source = change.next.is_some() || change.http_uri.is_some();
    let named = change.target.is_some() || change.enabled.is_some() || source;
    let ordered = named || change.order.is_some();
    let mut wanted = if named { wanted(scene, change, present.as_ref()) } else { present.clone() };
    match wanted.as_mut().filter(|wanted| wanted.enabled != Enabled::Disabled) {
        Some(wanted) if ordered => wanted.change = template.boot_from(scene, wanted)?,
        Some(wanted) if strategy != StrategyNote::chosen(machine) || wanted.at_odds_with(strategy) => {
            template.follow_strategy(scene, wanted);
        }
        None if ordered => template.restore(),
        Some(_) | None => {}
    }
    Ok(template.into_patch(scene, wanted.as_ref(), present.as_ref()))
}

/// Whether the guest's own reboot ends the run that there is, because of an override and not as the machine's owner has it.
pub(super) fn reboot_ends_run(scene: &Scene<'_>) -> bool {
    let terminates = |policy: Option<&str>| policy == Some(TERMINATE);
    let record = BootRecord::read(&scene.machine.metadata.annotations);
    scene.instance.is_some_and(|instance| terminates(instance.spec.domain.reboot_policy.as_deref()))
        && !terminates(Template::of(scene, record.as_ref()).reboot_policy_original.as_deref())
}

/// Drops an override whose image cannot be had.
pub(super) fn abandon(scene: &Scene<'_>) -> Patch {
    let present = BootRecord::read(&scene.machine.metadata.annotations);
    let mut template = Template::of(scene, present.as_ref());
    template.restore();
    template.into_patch(scene, None, present.as_ref()).unwrap_or_else(|| scene.patch())
}

/// The override that is to be in force; `None` if there is to be none and nothing to remember.
fn wanted(scene: &Scene<'_>, change: &BootChange, present: Option<&BootRecord>) -> Option<BootRecord> {
    let target = change.target.map_or_else(|| present.map(|record| record.target).unwrap_or_default(), Target::from);
    let enabled =
        change.enabled.map_or_else(|| present.map(|record| record.enabled).unwrap_or_default(), Enabled::from);
    // A target that is named goes on being shown, though it has no effect until it is enabled.
    let shown = enabled != Enabled::Disabled || change.target.is_some() || change.enabled.is_none();
    let next = change.next.clone().map_or_else(|| present?.next.clone(), |next| Some(next.into()));
    let http_uri = change.http_uri.clone().or_else(|| present?.http_uri.clone());
    (target != Target::None && shown).then(|| BootRecord {
        target,
        enabled,
        next: next.filter(|_| target == Target::UefiBootNext),
        http_uri: http_uri.filter(|_| target == Target::UefiHttp),
        // Also a run that has ended and is still shown: it does not use up what came after it.
        armed_for: (enabled == Enabled::Once).then(|| scene.instance?.metadata.uid.clone()).flatten(),
        change: None,
    })
}

/// The end of a one-time override.
#[derive(Debug)]
pub(super) struct RestoreBoot {
    used_by: Uid,
}

impl RestoreBoot {
    pub(super) fn new(used_by: Uid) -> Self {
        Self { used_by }
    }
}

impl Task for RestoreBoot {
    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        let Some(present) = BootRecord::read(&scene.machine.metadata.annotations) else {
            return Decision::Done;
        };
        if present.enabled != Enabled::Once || present.armed_for.as_deref() == Some(self.used_by.as_str()) {
            return Decision::Done;
        }
        let mut template = Template::of(scene, Some(&present));
        let user = scene.instance.filter(|instance| instance.metadata.uid.as_deref() == Some(self.used_by.as_str()));
        // It came up in the moment between the reading and the writing of the override, without it.
        let missed = user.zip(present.change.as_ref()).is_some_and(|(instance, change)| {
            BootOrder::of(&instance.spec).first() != change.written.first() && template.in_force
        });
        let wanted = missed.then(|| BootRecord { armed_for: Some(self.used_by.as_str().into()), ..present.clone() });
        if wanted.is_none() {
            template.restore();
        }
        match template.into_patch(scene, wanted.as_ref(), Some(&present)) {
            Some(patch) => Decision::Write(patch.into_write(Purpose::Main, scene.command)),
            None => Decision::Done,
        }
    }
}

/// The part of a machine's template that overrides change, on its way from what it is to what it shall be.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) disks: Vec<Value>,
    interfaces: Vec<Value>,
    disks_before: Vec<Value>,
    interfaces_before: Vec<Value>,
    /// The machine's own order: what an override in force has replaced, else the order in force.
    pub(super) original: BootOrder,
    /// Whether the order is the one that the override on record has written.
    in_force: bool,
    /// Volumes without a disk: the cluster makes one for each, which has no place in any order.
    bare_volumes: Vec<Box<str>>,
    /// Disks that the override on record has added for such volumes.
    spelled_out: Vec<Box<str>>,
    reboot_policy: Option<Box<str>>,
    reboot_policy_before: Option<Box<str>>,
    /// The machine's own policy, as `original`.
    reboot_policy_original: Option<Box<str>>,
    /// The strategy that the owner chose.
    strategy: RunStrategy,
}

impl Template {
    pub(super) fn of(scene: &Scene<'_>, record: Option<&BootRecord>) -> Self {
        let spec = &scene.machine.spec.template.spec;
        let policy = spec.domain.reboot_policy.clone();
        let change = record.and_then(|record| record.change.as_ref());
        let replaced = change.filter(|change| change.reboot_ends_run && policy.as_deref() == Some(TERMINATE));
        let policy_original = replaced.map_or_else(|| policy.clone(), |change| change.reboot_policy.clone());
        let (disks, interfaces) = (scene.devices("disks"), scene.devices("interfaces"));
        Self {
            disks_before: disks.clone(),
            interfaces_before: interfaces.clone(),
            bare_volumes: bare_volumes(scene, &disks),
            disks,
            interfaces,
            original: BootRecord::own_order(record, spec),
            in_force: change.is_some_and(|change| change.undone(spec).is_some()),
            spelled_out: change.map(|change| change.spelled_out.clone()).unwrap_or_default(),
            reboot_policy: policy.clone(),
            reboot_policy_before: policy,
            reboot_policy_original: policy_original,
            strategy: StrategyNote::chosen(scene.machine),
        }
    }

    /// Changes the machine's own order, unless it is so already.
    fn choose(&mut self, scene: &Scene<'_>, change: &BootOrderChange) -> Result<(), CommandError> {
        let order: Vec<Device> = match change {
            BootOrderChange::Whole(order) => order.iter().cloned().map(Device::from).collect(),
            BootOrderChange::Enable(device) => {
                let device = Device::from(device.clone());
                let tried = self.tried(scene);
                if tried.contains(&device) { self.original.sequence() } else { [tried, vec![device]].concat() }
            }
            BootOrderChange::Disable(device) => {
                let device = Device::from(device.clone());
                let tried = self.tried(scene);
                let rest: Vec<Device> = tried.iter().filter(|other| **other != device).cloned().collect();
                match (rest.len() == tried.len(), rest.is_empty()) {
                    (true, _) => self.original.sequence(),
                    (false, true) => {
                        // An order without devices would leave the choice to the cluster.
                        return Err(CommandError::Conflict("it is the only device that is tried".to_owned()));
                    }
                    (false, false) => rest,
                }
            }
        };
        let has = |devices: &[Value], name: &str| devices.iter().any(|device| device.get("name") == Some(&json!(name)));
        for device in &order {
            let (found, name) = match device {
                Device::Disk(name) => (has(&self.disks, name), name),
                Device::Interface(name) => (has(&self.interfaces, name), name),
            };
            if !found {
                return Err(CommandError::Conflict(format!("the machine has no device named {name} any more")));
            }
        }
        if self.original.sequence() != order {
            self.original = BootOrder::of_sequence(order);
        }
        Ok(())
    }

    /// The devices that are tried without an override: those of the order, or where nobody chose one the disks.
    fn tried(&self, scene: &Scene<'_>) -> Vec<Device> {
        let chosen = self.original.sequence();
        if !chosen.is_empty() {
            return chosen;
        }
        let disks = self.fixed_disks(scene).into_iter().filter(|name| !self.bare_volumes.contains(name));
        disks.map(Device::Disk).collect()
    }

    /// Carries out an override, and says what that changed; `None` while there is nothing to boot from.
    fn boot_from(&mut self, scene: &Scene<'_>, wanted: &BootRecord) -> Result<Option<OrderChange>, CommandError> {
        let conflict = |reason: &str| Err(CommandError::Conflict(reason.to_owned()));
        let first = device(wanted, scene.machine, &self.fixed_disks(scene), &self.original);
        let first = match (first, wanted.target) {
            (Some(first), _) => first,
            (None, Target::Cd) if scene.platform.live_media => Device::Disk(self.add_drive(scene.machine)),
            // No drive without a medium: the override takes effect when one is inserted.
            (None, Target::Cd | Target::Usb | Target::UefiHttp) => {
                self.restore();
                return Ok(None);
            }
            (None, Target::Hdd) => return conflict("the machine has no disk"),
            (None, Target::UefiBootNext) => return conflict("the machine does not have that device any more"),
            (None, Target::Pxe | Target::None) => {
                return conflict("the machine's definition has no network interface");
            }
        };
        Ok(Some(self.override_order(scene, &first, wanted.enabled)))
    }

    /// The machine's own disks, without drives whose media come and go; also those that the cluster is going to add.
    fn fixed_disks(&self, scene: &Scene<'_>) -> Vec<Box<str>> {
        let stick = MediaRecord::read(scene.machine, Slot::Usb).map(|record| record.drive);
        let disks = self.disks.iter().filter(|disk| disk.get("cdrom").is_none());
        let named = disks.filter_map(|disk| disk.get("name").and_then(Value::as_str)).map(Into::into);
        named.filter(|name| Some(name) != stick.as_ref()).chain(self.bare_volumes.iter().cloned()).collect()
    }

    /// Adds an empty CD-ROM drive and says what it is called.
    pub(super) fn add_drive(&mut self, machine: &VirtualMachine) -> Box<str> {
        let name = self.free_name(Slot::Cd, &[]);
        self.disks.push(cd_drive(&name, machine));
        name
    }

    /// A name for a drive that is added for a slot: none of the disks and none of these volumes has it.
    pub(super) fn free_name(&self, slot: Slot, volumes: &[Value]) -> Box<str> {
        let taken =
            |name: &str| self.disks.iter().chain(volumes).any(|device| device.get("name") == Some(&json!(name)));
        let first = format!("redfish-{}", slot.name().to_lowercase());
        let mut name = first.clone();
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = format!("{first}-{number}");
        }
        name.into()
    }

    /// Puts a device first, and says what that changed.
    pub(super) fn override_order(&mut self, scene: &Scene<'_>, first: &Device, enabled: Enabled) -> OrderChange {
        let written = with_first(first, &self.original, &self.fixed_disks(scene));
        for volume in std::mem::take(&mut self.bare_volumes) {
            self.disks.push(json!({ "name": volume }));
            self.spelled_out.push(volume);
        }
        write_into(&written, &mut self.disks, &mut self.interfaces);
        let (reboot_ends_run, reboot_policy) = self.end_run_on_reboot(scene, enabled);
        OrderChange {
            original: self.original.clone(),
            written,
            spelled_out: self.spelled_out.clone(),
            reboot_ends_run,
            reboot_policy,
        }
    }

    /// Has an override in force take effect as the strategy demands that the machine is to have from now on.
    fn follow_strategy(&mut self, scene: &Scene<'_>, record: &mut BootRecord) {
        if let Some(change) = record.change.as_mut() {
            (change.reboot_ends_run, change.reboot_policy) = self.end_run_on_reboot(scene, record.enabled);
        }
    }

    /// Makes the guest's own reboot, such as that at the end of an installation, a new boot in the machine's own order:
    /// for one that is to happen only once, and only where a new instance follows by itself. Elsewhere that reboot would
    /// switch the machine off (facts, section 5). Whether it does, and the policy that this replaces.
    fn end_run_on_reboot(&mut self, scene: &Scene<'_>, enabled: Enabled) -> (bool, Option<Box<str>>) {
        let lasting = scene.platform.reboot_ends_run && enabled == Enabled::Once && comes_back(self.strategy);
        self.reboot_policy = if lasting { Some(TERMINATE.into()) } else { self.reboot_policy_original.clone() };
        (lasting, self.reboot_policy_original.clone().filter(|_| lasting))
    }

    /// Puts everything back as it was before the override in force.
    pub(super) fn restore(&mut self) {
        write_into(&self.original, &mut self.disks, &mut self.interfaces);
        // Unless somebody has written more about them since.
        let bare = |disk: &Value, name: &str| *disk == json!({ "name": name });
        self.disks.retain(|disk| !self.spelled_out.iter().any(|name| bare(disk, name)));
        self.reboot_policy.clone_from(&self.reboot_policy_original);
    }

    /// What is to be written; `None` if all of it is so already.
    pub(super) fn into_patch(
        self,
        scene: &Scene<'_>,
        wanted: Option<&BootRecord>,
        present: Option<&BootRecord>,
    ) -> Option<Patch> {
        let garbage = present.is_none() && scene.machine.metadata.annotations.boot_override.is_some();
        let mut patch = scene.patch();
        let mut changed = false;
        if self.disks != self.disks_before {
            patch = patch.set_domain(&["devices", "disks"], Value::Array(self.disks));
            changed = true;
        }
        if self.interfaces != self.interfaces_before {
            patch = patch.set_domain(&["devices", "interfaces"], Value::Array(self.interfaces));
            changed = true;
        }
        if self.reboot_policy != self.reboot_policy_before {
            patch = patch.set_domain(&["rebootPolicy"], json!(self.reboot_policy));
            changed = true;
        }
        if wanted != present || garbage {
            let text = wanted.and_then(|record| serde_json::to_string(record).ok());
            patch = patch.annotate(BOOT_OVERRIDE, text.as_deref());
            changed = true;
        }
        changed.then_some(patch)
    }
}

/// An empty CD-ROM drive. SATA where there is SATA, as the cluster does not take virtio and older guests do not know SCSI.
pub(super) fn cd_drive(name: &str, machine: &VirtualMachine) -> Value {
    let bus = if is_x86(machine) { "sata" } else { "scsi" };
    json!({ "name": name, "cdrom": { "bus": bus } })
}

/// Whether the machine has the buses of a PC. On others the cluster refuses disks that are not on virtio or SCSI.
pub(super) fn is_x86(machine: &VirtualMachine) -> bool {
    // The cluster fills it in when a machine is made.
    machine.spec.template.spec.architecture.as_deref().is_none_or(|architecture| architecture == "amd64")
}

/// The volumes that the template has neither a disk nor a file system for.
fn bare_volumes(scene: &Scene<'_>, disks: &[Value]) -> Vec<Box<str>> {
    let file_systems = scene.devices("filesystems");
    let named = |name: &Value| disks.iter().chain(&file_systems).any(|device| device.get("name") == Some(name));
    let volumes = scene.volumes();
    let bare = volumes.iter().filter_map(|volume| volume.get("name")).filter(|name| !named(name));
    bare.filter_map(Value::as_str).map(Into::into).collect()
}

const TERMINATE: &str = "Terminate";

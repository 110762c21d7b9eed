//! The part of a machine's template that overrides of what is booted change.

use serde_json::{Value, json};

use super::boot_order::{Device, Devices, with_first, write_into};
use super::snapshot::{Patch, Snapshot};
pub(super) use crate::annotation::TERMINATE;
use crate::annotation::{
    BOOT_OVERRIDE, BootOrder, BootRecord, Enabled, Key, OrderChange, StrategyNote, Target, comes_back,
};
use crate::defaults::{self, INTERFACE};
use crate::model::{BootOrderChange, CommandError, Slot};
use crate::object::{RunStrategy, VirtualMachine};

/// A template on its way from what it is to what it shall be.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) disks: Vec<Value>,
    before: Lists,
    interfaces: Vec<Value>,
    networks: Vec<Value>,
    /// The machine's own order: what an override in force has replaced, else the order in force.
    pub(super) original: BootOrder,
    /// The disks and the interface that the cluster is going to add by itself: they have no place in any order.
    implied_disks: Vec<Box<str>>,
    implied_interface: Option<Value>,
    /// Those of them that the override on record has added.
    spelled_out: Vec<Box<str>>,
    spelled_out_interface: bool,
    reboot_policy: Option<Box<str>>,
    reboot_policy_before: Option<Box<str>>,
    /// The machine's own policy, as `original`.
    reboot_policy_original: Option<Box<str>>,
    /// The strategy that the owner chose.
    pub(super) strategy: RunStrategy,
}

/// The lists as they came.
#[derive(Debug)]
struct Lists {
    disks: Vec<Value>,
    interfaces: Vec<Value>,
    networks: Vec<Value>,
}

impl Template {
    /// A machine's template. What is left in it of an override that has ended is undone.
    pub(super) fn of(snapshot: &Snapshot<'_>) -> Self {
        let spec = &snapshot.machine.spec.template.spec;
        let record = BootRecord::written(snapshot.machine);
        let change = record.as_ref().and_then(|record| record.change.as_ref());
        let policy = spec.domain.reboot_policy.clone();
        let replaced = change.filter(|change| change.reboot_ends_run && policy.as_deref() == Some(TERMINATE));
        let policy_original = replaced.map_or_else(|| policy.clone(), |change| change.reboot_policy.clone());
        let before = Lists {
            disks: snapshot.devices("disks"),
            interfaces: snapshot.devices("interfaces"),
            networks: snapshot.networks(),
        };
        let mut template = Self {
            disks: before.disks.clone(),
            interfaces: before.interfaces.clone(),
            networks: before.networks.clone(),
            before,
            original: BootRecord::own_order(record.as_ref(), spec),
            implied_disks: defaults::implied_disks(spec),
            implied_interface: defaults::is_given_interface(spec).then(|| implied_interface(snapshot)),
            spelled_out: change.map(|change| change.spelled_out.clone()).unwrap_or_default(),
            spelled_out_interface: change.is_some_and(|change| change.spelled_out_interface),
            reboot_policy: policy.clone(),
            reboot_policy_before: policy,
            reboot_policy_original: policy_original,
            strategy: StrategyNote::chosen(snapshot.machine),
        };
        if BootRecord::read(snapshot.machine).is_none() && record.is_some() {
            template.restore();
        }
        template
    }

    /// The machine's own policy of what its guest's reboots mean.
    pub(super) fn own_reboot_policy(&self) -> Option<&str> {
        self.reboot_policy_original.as_deref()
    }

    /// Changes the machine's own order, unless it is so already.
    pub(super) fn choose(&mut self, snapshot: &Snapshot<'_>, change: &BootOrderChange) -> Result<(), CommandError> {
        let tried = || self.tried(snapshot);
        let order: Vec<Device> = match change {
            BootOrderChange::Whole(order) => order.iter().cloned().map(Device::from).collect(),
            BootOrderChange::Enable(device) => {
                let (device, tried) = (Device::from(device.clone()), tried());
                if tried.contains(&device) { self.original.sequence() } else { [tried, vec![device]].concat() }
            }
            BootOrderChange::Disable(device) => {
                let (device, tried) = (Device::from(device.clone()), tried());
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
        for device in &order {
            let (found, name) = match device {
                Device::Disk(name) => (named(&self.disks, name) || self.implied_disks.contains(name), name),
                Device::Interface(name) => {
                    (named(&self.interfaces, name) || self.implied_interface.is_some() && **name == *INTERFACE, name)
                }
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
    fn tried(&self, snapshot: &Snapshot<'_>) -> Vec<Device> {
        let chosen = self.original.sequence();
        if !chosen.is_empty() {
            return chosen;
        }
        Devices::of(snapshot.machine, &self.original).own_disks().cloned().map(Device::Disk).collect()
    }

    /// Carries out an override, and says what that changed; `None` while there is nothing to boot from.
    pub(super) fn boot_from(
        &mut self,
        snapshot: &Snapshot<'_>,
        wanted: &BootRecord,
    ) -> Result<Option<OrderChange>, CommandError> {
        let conflict = |reason: &str| Err(CommandError::Conflict(reason.to_owned()));
        if snapshot.machine.spec.template.spec.starts_kernel() {
            return conflict("its definition names the kernel that it starts, in place of any device");
        }
        let mut first = Devices::of(snapshot.machine, &self.original).of_target(wanted);
        if first.is_empty() {
            match wanted.target {
                Target::Cd if snapshot.platform.live_media => {
                    first.push(Device::Disk(self.add_drive(snapshot.machine)));
                }
                // No drive without a medium: the override takes effect when one is inserted.
                Target::Cd | Target::Usb => return Ok(self.wait()),
                Target::UefiHttp if wanted.http_uri.is_some() => return Ok(self.wait()),
                Target::Hdd => return conflict("the machine has no disk"),
                Target::UefiBootNext => return conflict("the machine does not have that device any more"),
                Target::Pxe | Target::UefiHttp | Target::None => {
                    return conflict("the machine has no network interface");
                }
            }
        }
        Ok(Some(self.put_first(snapshot, &first, wanted.enabled)))
    }

    /// Carries out an override when a medium goes into a drive, which is what it is about, or out of it; `None` if nothing
    /// is left to boot from.
    pub(super) fn boot_again(
        &mut self,
        snapshot: &Snapshot<'_>,
        wanted: &BootRecord,
        inserted: Option<&str>,
        ejected: Option<&str>,
    ) -> Option<OrderChange> {
        let others = Devices::of(snapshot.machine, &self.original).of_target(wanted);
        let is = |device: &Device, name: Option<&str>| matches!((device, name), (Device::Disk(disk), Some(name)) if **disk == *name);
        let others = others.into_iter().filter(|device| !is(device, inserted) && !is(device, ejected));
        let first: Vec<Device> = inserted.map(|name| Device::Disk(name.into())).into_iter().chain(others).collect();
        if first.is_empty() { self.wait() } else { Some(self.put_first(snapshot, &first, wanted.enabled)) }
    }

    fn wait(&mut self) -> Option<OrderChange> {
        self.restore();
        None
    }

    /// Adds an empty CD-ROM drive and says what it is called.
    fn add_drive(&mut self, machine: &VirtualMachine) -> Box<str> {
        let name = self.free_name(Slot::Cd, &[]);
        self.disks.push(cd_drive(&name, machine));
        name
    }

    /// A name for a drive that is added for a slot: none of the disks and none of these volumes has it.
    pub(super) fn free_name(&self, slot: Slot, volumes: &[Value]) -> Box<str> {
        let taken = |name: &str| named(&self.disks, name) || named(volumes, name);
        let first = format!("redfish-{}", slot.name().to_lowercase());
        let mut name = first.clone();
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = format!("{first}-{number}");
        }
        name.into()
    }

    /// Puts devices first, and says what that changed.
    fn put_first(&mut self, snapshot: &Snapshot<'_>, first: &[Device], enabled: Enabled) -> OrderChange {
        let devices = Devices::of(snapshot.machine, &self.original);
        let written = with_first(first, &self.original, devices.own_disks());
        let is_new = self.spell_out(&written);
        self.spelled_out.extend(is_new.0);
        self.spelled_out_interface |= is_new.1;
        write_into(&written, &mut self.disks, &mut self.interfaces);
        let (reboot_ends_run, reboot_policy) = self.end_run_on_reboot(snapshot, enabled);
        OrderChange {
            original: self.original.clone(),
            written,
            spelled_out: self.spelled_out.clone(),
            spelled_out_interface: self.spelled_out_interface,
            reboot_ends_run,
            reboot_policy,
        }
    }

    /// Adds what the cluster would add by itself as far as it is to have a place; the disks, and whether the interface.
    fn spell_out(&mut self, order: &BootOrder) -> (Vec<Box<str>>, bool) {
        let implied = std::mem::take(&mut self.implied_disks).into_iter();
        let (placed, rest): (Vec<_>, Vec<_>) = implied.partition(|name| order.disks.contains_key(name));
        self.implied_disks = rest;
        self.disks.extend(placed.iter().map(|name| json!({ "name": name })));
        let interface = self.implied_interface.take_if(|_| order.interfaces.contains_key(INTERFACE));
        let is_placed = interface.is_some();
        if let Some(interface) = interface {
            self.interfaces.push(interface);
            self.networks.push(pod_network());
        }
        (placed, is_placed)
    }

    /// Has an override in force take effect as the strategy demands that the machine is to have from now on.
    pub(super) fn follow_strategy(&mut self, snapshot: &Snapshot<'_>, record: &mut BootRecord) {
        if let Some(change) = record.change.as_mut() {
            (change.reboot_ends_run, change.reboot_policy) = self.end_run_on_reboot(snapshot, record.enabled);
        }
    }

    /// Makes the guest's own reboot, such as that at the end of an installation, a new boot in the machine's own order:
    /// for one that is to happen only once, and only where a new instance follows by itself. Elsewhere that reboot would
    /// switch the machine off (facts, section 5). Whether it does, and the policy that this replaces.
    fn end_run_on_reboot(&mut self, snapshot: &Snapshot<'_>, enabled: Enabled) -> (bool, Option<Box<str>>) {
        let lasting = snapshot.platform.reboot_ends_run && enabled == Enabled::Once && comes_back(self.strategy);
        self.reboot_policy = if lasting { Some(TERMINATE.into()) } else { self.reboot_policy_original.clone() };
        (lasting, self.reboot_policy_original.clone().filter(|_| lasting))
    }

    /// Puts everything back as it was before the override in force, or gives it the order that has been chosen.
    pub(super) fn restore(&mut self) {
        let order = self.original.clone();
        self.spell_out(&order);
        write_into(&order, &mut self.disks, &mut self.interfaces);
        // Unless somebody has written more about them since.
        let bare = |disk: &Value, name: &str| *disk == json!({ "name": name });
        self.disks.retain(|disk| !self.spelled_out.iter().any(|name| bare(disk, name)));
        let is_bare = self.interfaces.iter().all(|interface| {
            ["bridge", "masquerade"].iter().any(|binding| *interface == json!({ "name": INTERFACE, *binding: {} }))
        });
        if self.spelled_out_interface && is_bare && self.networks == [pod_network()] {
            self.interfaces.clear();
            self.networks.clear();
        }
        self.reboot_policy.clone_from(&self.reboot_policy_original);
    }

    /// What is to be written; `None` if all of it is so already.
    pub(super) fn into_patch(self, snapshot: &Snapshot<'_>, wanted: Option<&BootRecord>) -> Option<Patch> {
        let mut patch = snapshot.patch();
        let mut changed = false;
        // An empty list counts as a change where there was none before.
        let list = |list: Vec<Value>| if list.is_empty() { Value::Null } else { Value::Array(list) };
        if self.disks != self.before.disks {
            patch = patch.set_domain(&["devices", "disks"], list(self.disks));
            changed = true;
        }
        if self.interfaces != self.before.interfaces {
            patch = patch.set_domain(&["devices", "interfaces"], list(self.interfaces));
            changed = true;
        }
        if self.networks != self.before.networks {
            patch = patch.set(&["spec", "template", "spec", "networks"], list(self.networks));
            changed = true;
        }
        if self.reboot_policy != self.reboot_policy_before {
            patch = patch.set_domain(&["rebootPolicy"], json!(self.reboot_policy));
            changed = true;
        }
        let noted = snapshot.machine.metadata.annotations.has(Key::BootOverride);
        if wanted != BootRecord::read(snapshot.machine).as_ref() || wanted.is_none() && noted {
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

fn named(devices: &[Value], name: &str) -> bool {
    devices.iter().any(|device| device.get("name").and_then(Value::as_str) == Some(name))
}

/// The interface that the cluster gives to a machine without any, as it would be.
fn implied_interface(snapshot: &Snapshot<'_>) -> Value {
    let binding = if snapshot.platform.default_nic_is_masked { "masquerade" } else { "bridge" };
    json!({ "name": INTERFACE, binding: {} })
}

fn pod_network() -> Value {
    json!({ "name": INTERFACE, "pod": {} })
}

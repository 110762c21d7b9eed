//! What the service writes on objects of the cluster for which the cluster has no field, and how it is read back.
//!
//! An annotation is written in the same patch as the change it explains, so the two cannot come apart; anybody with
//! the right to edit a machine can edit them too, so what is read may be anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::boot_sequence::Device;
use super::object::{Annotations, RunStrategy, TemplateSpec, VirtualMachine, Volume};
use crate::model::{
    BootEnabled, BootOverride, BootTarget, Deferral, ImageCertificate, ImageTrust, Indicator, LeftOutMedia, ObjectName,
    Overruled, PromisedPowerOn, Slot, Uid, Url,
};
use crate::time::UnixTime;

/// On a `VirtualMachine`: the boot override, a [`BootRecord`].
pub(crate) const BOOT_OVERRIDE: &str = "redfish.kubevirt.io/boot-override";
/// On a `VirtualMachine`: a `runStrategy` that was replaced and is put back by the next start, a [`StrategyNote`].
pub(crate) const RUN_STRATEGY: &str = "redfish.kubevirt.io/run-strategy";
/// On a `VirtualMachine`: a power-on that is to be carried out when it can be, a [`PowerOnRecord`].
pub(crate) const PENDING_POWER_ON: &str = "redfish.kubevirt.io/pending-power-on";
/// On a `VirtualMachine`: the image that it was started without, a [`LeftOutRecord`].
pub(crate) const MEDIA_LEFT_OUT: &str = "redfish.kubevirt.io/media-left-out";
/// On a `VirtualMachine`: the operator's asset tag.
pub(crate) const ASSET_TAG: &str = "redfish.kubevirt.io/asset-tag";
/// On a `VirtualMachine`: what its indicator is set to, by [`indicator_name`]; nothing for one that is off.
pub(crate) const INDICATOR: &str = "redfish.kubevirt.io/indicator-led";
/// On a `VirtualMachine`: what the service has changed of its firmware and board, and what that was before.
pub(crate) const FIRMWARE: &str = "redfish.kubevirt.io/firmware";
/// On a `DataVolume`: the name of the machine it serves. Not a label, which could not hold a name of 253 characters.
pub(crate) const VIRTUAL_MACHINE: &str = "redfish.kubevirt.io/virtual-machine";
/// On a `DataVolume`: the URL it was imported from, as the client gave it.
pub(crate) const IMAGE: &str = "redfish.kubevirt.io/image";
/// On a `DataVolume` that serves several machines: when one of them last said that it does.
pub(crate) const CLAIMED: &str = "redfish.kubevirt.io/claimed";
/// Label of a `DataVolume`: the slot it serves.
pub(crate) const SLOT: &str = "redfish.kubevirt.io/slot";
/// Label, with the value `true`, of a `DataVolume` or claim that may be inserted by name: its owner's consent. Who may
/// use a machine must not by that get to read whatever volume its namespace has.
pub(crate) const MEDIA: &str = "redfish.kubevirt.io/media";
/// Label of everything that the service creates.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub(crate) const MANAGER: &str = "kubevirt-redfish";

/// On a `VirtualMachine`: the medium in a slot, a [`MediaRecord`].
pub(crate) const fn media(slot: Slot) -> &'static str {
    match slot {
        Slot::Cd => "redfish.kubevirt.io/media-cd",
        Slot::Usb => "redfish.kubevirt.io/media-usb",
        Slot::Http => "redfish.kubevirt.io/media-http",
    }
}

/// On a `VirtualMachine`: which servers the images of a slot may come from, a [`TrustRecord`].
pub(crate) const fn trust(slot: Slot) -> &'static str {
    match slot {
        Slot::Cd => "redfish.kubevirt.io/media-cd-trust",
        Slot::Usb => "redfish.kubevirt.io/media-usb-trust",
        Slot::Http => "redfish.kubevirt.io/media-http-trust",
    }
}

/// The places in the boot sequence that devices have in a template; those without one are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BootOrder {
    pub(crate) disks: BTreeMap<Box<str>, u32>,
    pub(crate) interfaces: BTreeMap<Box<str>, u32>,
}

impl BootOrder {
    /// The order in force in a template or an instance.
    pub(crate) fn of(spec: &TemplateSpec) -> Self {
        let place = |name: &Option<Box<str>>, order: Option<u64>| {
            Some((name.clone()?, u32::try_from(order?).ok().filter(|order| *order > 0)?))
        };
        let devices = &spec.domain.devices;
        Self {
            disks: devices.disks.iter().filter_map(|disk| place(&disk.name, disk.boot_order)).collect(),
            interfaces: devices.interfaces.iter().filter_map(|nic| place(&nic.name, nic.boot_order)).collect(),
        }
    }
}

/// A boot override, and what it takes to undo it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BootRecord {
    pub(crate) target: Target,
    pub(crate) enabled: Enabled,
    /// The device that [`Target::UefiBootNext`] stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Device>,
    /// The image that [`Target::UefiHttp`] stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_uri: Option<Box<str>>,
    /// The uid of the run that was there when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) armed_for: Option<Box<str>>,
    /// A boot mode came with it, and no run has been booted with that yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mode_on_trial: bool,
    /// The change made to the template; `None` while there is no device to boot from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<OrderChange>,
}

/// A change of a template's boot order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OrderChange {
    /// What it was, to be put back.
    pub(crate) original: BootOrder,
    /// What was written. If the template has another by now somebody else changed it, and theirs is kept.
    pub(crate) written: BootOrder,
    /// Disks that were added because the cluster makes them by itself for volumes without one, where they have no place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) spelled_out: Vec<Box<str>>,
    /// Whether an interface was added because the cluster gives one to a machine without any, where it has no place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) spelled_out_interface: bool,
    /// Whether `rebootPolicy` was set to `Terminate`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reboot_ends_run: bool,
    /// The `rebootPolicy` that this replaced, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reboot_policy: Option<Box<str>>,
}

impl BootRecord {
    /// Whether the guest's own reboot ends a run that does not come back by itself under a strategy: the owner has chosen
    /// that since.
    pub(crate) fn at_odds_with(&self, strategy: RunStrategy) -> bool {
        self.change.as_ref().is_some_and(|change| change.reboot_ends_run) && !comes_back(strategy)
    }

    /// The machine's own order: what an override in force has replaced, else the order in force.
    pub(crate) fn own_order(record: Option<&Self>, spec: &TemplateSpec) -> BootOrder {
        let change = record.and_then(|record| record.change.as_ref());
        change.and_then(|change| change.undone(spec)).unwrap_or_else(|| BootOrder::of(spec))
    }

    /// The image that is to be booted over HTTP while this is in force. Anybody who may edit the machine may have written
    /// it.
    pub(crate) fn http_image(&self) -> Option<Url> {
        let in_force = self.enabled != Enabled::Disabled && self.target == Target::UefiHttp;
        self.http_uri.as_deref().filter(|_| in_force).and_then(Url::parse)
    }

    /// The override in the domain's words, on a machine whose template bears it out.
    pub(crate) fn to_model(&self, spec: &TemplateSpec) -> BootOverride {
        let ends_run = spec.domain.reboot_policy.as_deref() == Some(TERMINATE);
        BootOverride {
            target: self.target.into(),
            enabled: self.enabled.into(),
            next: self.next.clone().map(Into::into),
            http_uri: self.http_uri.as_deref().and_then(Url::parse),
            device: self.first().map(Into::into),
            armed_for: self.armed_for.as_deref().map(Uid::new),
            mode_on_trial: self.mode_on_trial,
            outlives_reboot: self.enabled == Enabled::Once && self.change.is_some() && !ends_run,
        }
    }
}

/// The `rebootPolicy` that has a guest's own reboot end its run.
pub(crate) const TERMINATE: &str = "Terminate";

/// Whether a run is followed by another under a strategy, once the machine has been started: a start makes `Halted`
/// `Always`.
pub(crate) const fn comes_back(strategy: RunStrategy) -> bool {
    matches!(strategy, RunStrategy::Always | RunStrategy::Halted)
}

/// [`BootTarget`] as written in an annotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    #[default]
    None,
    Pxe,
    Cd,
    Hdd,
    Usb,
    UefiHttp,
    UefiBootNext,
}

impl From<Target> for BootTarget {
    fn from(target: Target) -> Self {
        match target {
            Target::None => Self::None,
            Target::Pxe => Self::Pxe,
            Target::Cd => Self::Cd,
            Target::Hdd => Self::Hdd,
            Target::Usb => Self::Usb,
            Target::UefiHttp => Self::UefiHttp,
            Target::UefiBootNext => Self::UefiBootNext,
        }
    }
}

impl From<BootTarget> for Target {
    fn from(target: BootTarget) -> Self {
        match target {
            BootTarget::None => Self::None,
            BootTarget::Pxe => Self::Pxe,
            BootTarget::Cd => Self::Cd,
            BootTarget::Hdd => Self::Hdd,
            BootTarget::Usb => Self::Usb,
            BootTarget::UefiHttp => Self::UefiHttp,
            BootTarget::UefiBootNext => Self::UefiBootNext,
        }
    }
}

/// [`BootEnabled`] as written in an annotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Enabled {
    #[default]
    Disabled,
    Once,
    Continuous,
}

impl From<Enabled> for BootEnabled {
    fn from(enabled: Enabled) -> Self {
        match enabled {
            Enabled::Disabled => Self::Disabled,
            Enabled::Once => Self::Once,
            Enabled::Continuous => Self::Continuous,
        }
    }
}

impl From<BootEnabled> for Enabled {
    fn from(enabled: BootEnabled) -> Self {
        match enabled {
            BootEnabled::Disabled => Self::Disabled,
            BootEnabled::Once => Self::Once,
            BootEnabled::Continuous => Self::Continuous,
        }
    }
}

/// A `runStrategy` that had to be replaced. Written as `Always` if it was replaced by `Halted`, as stops do, else as
/// `Always:Manual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StrategyNote {
    /// The owner's choice.
    pub(crate) was: RunStrategy,
    /// What it was replaced by. A machine of any other strategy has been given that by its owner since.
    pub(crate) now: RunStrategy,
}

impl StrategyNote {
    /// The note on a machine.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<Self> {
        let text = machine.metadata.annotations.run_strategy.as_deref()?;
        let (was, now) = text.split_once(':').unwrap_or((text, RunStrategy::Halted.name()));
        Some(Self { was: RunStrategy::parse(was), now: RunStrategy::parse(now) })
    }

    /// The strategy that the owner chose: the one in force, unless that is a replacement.
    pub(crate) fn chosen(machine: &VirtualMachine) -> RunStrategy {
        let strategy = machine.run_strategy();
        Self::read(machine).filter(|note| note.now == strategy).map_or(strategy, |note| note.was)
    }

    /// Whether a note says nothing any more, because the owner has chosen a strategy since: should that go back some day,
    /// nobody wants what the note says.
    pub(crate) fn overruled(machine: &VirtualMachine) -> Overruled {
        let strategy = machine.run_strategy();
        match Self::read(machine).filter(|note| note.now != strategy) {
            None => Overruled::No,
            Some(note) if note.was == strategy => Overruled::Perhaps,
            Some(_) => Overruled::Yes,
        }
    }

    pub(crate) fn text(self) -> String {
        match self.now {
            RunStrategy::Halted => self.was.name().to_owned(),
            now => format!("{}:{}", self.was.name(), now.name()),
        }
    }
}

/// What an indicator is set to, as written in an annotation; `None` for one that is off.
pub(crate) const fn indicator_name(indicator: Indicator) -> Option<&'static str> {
    match indicator {
        Indicator::Off => None,
        Indicator::Lit => Some("Lit"),
        Indicator::Blinking => Some("Blinking"),
    }
}

/// What the indicator of a machine with these annotations is set to.
pub(crate) fn indicator(annotations: &Annotations) -> Indicator {
    let set_to = |indicator: &Indicator| annotations.indicator.as_deref() == indicator_name(*indicator);
    [Indicator::Lit, Indicator::Blinking].into_iter().find(set_to).unwrap_or_default()
}

/// The medium in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaRecord {
    /// The URL that the client gave.
    pub(crate) image: Box<str>,
    /// The disk and volume in the template.
    pub(crate) drive: Box<str>,
    /// What holds the image.
    #[serde(flatten)]
    pub(crate) holder: Holder,
    /// Whether the drive was added for it.
    #[serde(default)]
    pub(crate) added_drive: bool,
}

/// Which servers the images of a slot may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TrustRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verify: Option<bool>,
    /// Certificates in PEM's form by what they are called.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) certificates: BTreeMap<Box<str>, Box<str>>,
}

impl TrustRecord {
    /// The record on an object; nothing chosen if there is none or nobody can read it.
    pub(crate) fn read(annotations: &Annotations, slot: Slot) -> Self {
        let text = annotations.trust(slot).unwrap_or_default();
        let mut record: Self = serde_json::from_str(text).unwrap_or_default();
        record.certificates.retain(|id, pem| {
            ImageCertificate::parse(pem).is_some_and(|certificate| certificate.id().to_string() == **id)
        });
        record
    }

    /// The same in the domain's words; `None` if nothing was chosen.
    pub(crate) fn to_model(&self, slot: Slot) -> Option<ImageTrust> {
        let certificates = self.certificates.values().filter_map(|pem| ImageCertificate::parse(pem)).collect();
        (*self != Self::default()).then_some(ImageTrust { slot, verify: self.verify, certificates })
    }
}

/// What holds an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Holder {
    /// A `DataVolume` that was made for it and goes when it is ejected.
    #[serde(rename = "dataVolume")]
    Import(ObjectName),
    /// A `DataVolume` that was there before and stays.
    ExistingDataVolume(ObjectName),
    /// A `PersistentVolumeClaim` that was there before and stays.
    ExistingClaim(ObjectName),
}

impl Holder {
    /// The name of the import that was made for it.
    pub(crate) fn import(&self) -> Option<&ObjectName> {
        match self {
            Self::Import(name) => Some(name),
            Self::ExistingDataVolume(_) | Self::ExistingClaim(_) => None,
        }
    }

    /// The claim that it stands on: a `DataVolume` has the one of its name.
    pub(crate) fn claim(&self) -> &ObjectName {
        match self {
            Self::Import(name) | Self::ExistingDataVolume(name) | Self::ExistingClaim(name) => name,
        }
    }

    /// Whether a volume of a template is this.
    fn is_in(&self, volume: &Volume) -> bool {
        match self {
            Self::Import(name) | Self::ExistingDataVolume(name) => {
                volume.data_volume.as_ref().is_some_and(|source| source.name.as_ref() == Some(name))
            }
            Self::ExistingClaim(name) => {
                volume.persistent_volume_claim.as_ref().is_some_and(|source| source.claim_name.as_ref() == Some(name))
            }
        }
    }
}

impl MediaRecord {
    /// The medium in a slot: what the annotation says, if the template still bears it out. Somebody who takes the
    /// volume out of the template by hand has ejected it.
    pub(crate) fn read(machine: &VirtualMachine, slot: Slot) -> Option<Self> {
        let record = Self::written(machine, slot)?;
        let spec = &machine.spec.template.spec;
        let is_cd = spec.disk(&record.drive)?.cdrom.is_some();
        let is_in = record.holder.is_in(spec.volume(&record.drive)?);
        (is_in && is_cd == (slot != Slot::Usb)).then_some(record)
    }

    /// What the annotation says, whether or not it is still so.
    pub(crate) fn written(machine: &VirtualMachine, slot: Slot) -> Option<Self> {
        serde_json::from_str(machine.metadata.annotations.media(slot)?).ok()
    }
}

/// A power-on that has been promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PowerOnRecord {
    /// The id under which clients follow it.
    pub(crate) name: Box<str>,
    /// When it was asked for, as RFC 3339 has it.
    pub(crate) asked: Box<str>,
    /// When it is too late for it.
    pub(crate) until: Box<str>,
    /// The `runStrategy` in force. If the machine has another by now its owner has had a say since.
    pub(crate) run_strategy: Box<str>,
    /// The uid of the instance that was there. A strategy of `Manual` leaves no other trace of a run in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<Box<str>>,
    /// The uid of the machine that was to be turned on: one that was made from its definition is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<Box<str>>,
}

impl PowerOnRecord {
    pub(crate) fn new(
        deferral: &Deferral,
        machine: &VirtualMachine,
        strategy: RunStrategy,
        instance: Option<Box<str>>,
    ) -> Self {
        Self {
            name: deferral.name.clone(),
            asked: deferral.asked.to_string().into(),
            until: deferral.until.to_string().into(),
            run_strategy: strategy.name().into(),
            instance,
            machine: machine.metadata.uid.clone(),
        }
    }

    /// The record on a machine; `None` if there is none or nobody can make sense of it.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<Self> {
        let record: Self = serde_json::from_str(machine.metadata.annotations.pending_power_on.as_deref()?).ok()?;
        // Clients are going to see it in URIs.
        let named = record.name.len() == 16 && record.name.bytes().all(|byte| byte.is_ascii_hexdigit());
        (named && is_of(machine, record.machine.as_deref())).then_some(record)
    }

    /// Whether the owner has changed since when the machine is to run.
    pub(crate) fn overruled(&self, machine: &VirtualMachine) -> bool {
        machine.run_strategy().name() != &*self.run_strategy
    }

    /// The record in the domain's words.
    pub(crate) fn to_model(&self, machine: &VirtualMachine) -> Option<PromisedPowerOn> {
        Some(PromisedPowerOn {
            name: self.name.clone(),
            asked: UnixTime::parse(&self.asked)?,
            until: UnixTime::parse(&self.until)?,
            run: self.instance.as_deref().map(Uid::new),
            overruled: self.overruled(machine),
        })
    }

    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// An image that a machine was started without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOutRecord {
    /// Its URL.
    pub(crate) image: Box<str>,
    /// Why.
    pub(crate) reason: Box<str>,
    /// The claim that held it, or was to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) claim: Option<ObjectName>,
    /// The uid of the machine that was started without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<Box<str>>,
}

impl LeftOutRecord {
    /// What is said on a machine, in the domain's words.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<LeftOutMedia> {
        let record: Self = serde_json::from_str(machine.metadata.annotations.media_left_out.as_deref()?).ok()?;
        is_of(machine, record.machine.as_deref()).then_some(LeftOutMedia {
            image: record.image,
            reason: record.reason,
            claim: record.claim,
        })
    }
}

/// Whether a note is about this machine. Who makes a machine from the definition of another takes its annotations along.
fn is_of(machine: &VirtualMachine, uid: Option<&str>) -> bool {
    uid.is_none_or(|uid| machine.metadata.uid.as_deref() == Some(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(boot_override: &str) -> VirtualMachine {
        let mut machine = VirtualMachine::default();
        machine.metadata.0.annotations.0.boot_override = Some(boot_override.into());
        machine
    }

    #[test]
    fn a_boot_record_is_read_back_as_written() {
        let record = BootRecord {
            target: Target::Cd,
            enabled: Enabled::Once,
            next: None,
            http_uri: None,
            armed_for: Some("9f".into()),
            mode_on_trial: false,
            change: Some(OrderChange {
                original: BootOrder { disks: [("root".into(), 1)].into(), interfaces: [("prov".into(), 2)].into() },
                written: BootOrder::default(),
                spelled_out: Vec::new(),
                spelled_out_interface: false,
                reboot_ends_run: true,
                reboot_policy: None,
            }),
        };
        let text = serde_json::to_string(&record).expect("plain data");
        let expected = concat!(
            r#"{"target":"Cd","enabled":"Once","armedFor":"9f","change":{"#,
            r#""original":{"disks":{"root":1},"interfaces":{"prov":2}},"#,
            r#""written":{"disks":{},"interfaces":{}},"rebootEndsRun":true}}"#,
        );
        assert_eq!(text, expected);
        assert_eq!(BootRecord::written(&annotated(&text)), Some(record));
    }

    #[test]
    fn an_annotation_may_be_anything() {
        for text in ["", "{", "7", "null", r#"{"target":"Moon"}"#] {
            assert_eq!(BootRecord::written(&annotated(text)), None, "{text}");
        }
    }
}

//! What the service writes on objects of the cluster for which the cluster has no field, and how it is read back.
//!
//! An annotation is written in the same patch as the change it explains, so the two cannot come apart; anybody with
//! the right to edit a machine can edit them too, so what is read may be anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::boot_sequence::Device;
use super::object::{RunStrategy, TemplateSpec, VirtualMachine};
use crate::model::{BootEnabled, BootOverride, BootTarget, Uid, Url};

mod bounds;
mod key;
mod label;
mod media;
mod power_on;
mod power_requests;
mod strategy;

pub(crate) use bounds::{is_device_name, is_uid, is_word, record};
pub(crate) use key::{
    ASSET_TAG, Annotations, BOOT_OVERRIDE, CLAIMED, FIRMWARE, IMAGE, INDICATOR, Key, MEDIA_LEFT_OUT, On,
    PENDING_POWER_ON, POWER_REQUESTS, RUN_STRATEGY, VIRTUAL_MACHINE, media, trust,
};
pub(crate) use label::{indicator, indicator_name};
pub(crate) use media::{Holder, LeftOutRecord, MediaRecord, TrustRecord};
pub(crate) use power_on::PowerOnRecord;
pub(crate) use power_requests::{MOST as MOST_UNANSWERED, PowerRequestsRecord};
pub(crate) use strategy::StrategyNote;

/// Label of a `DataVolume`: the slot it serves.
pub(crate) const SLOT: &str = "redfish.kubevirt.io/slot";
/// Label, with the value `true`, of a `DataVolume` or claim that may be inserted by name: its owner's consent. Who may
/// use a machine must not by that get to read whatever volume its namespace has.
pub(crate) const MEDIA: &str = "redfish.kubevirt.io/media";
/// Label of everything that the service creates.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub(crate) const MANAGER: &str = "kubevirt-redfish";

/// The notes on a machine that are about the one that it was made from.
pub(crate) fn foreign_notes(machine: &VirtualMachine) -> impl Iterator<Item = &'static str> {
    let notes = [
        (PENDING_POWER_ON, PowerOnRecord::is_of_another(machine)),
        (MEDIA_LEFT_OUT, LeftOutRecord::is_of_another(machine)),
        (POWER_REQUESTS, PowerRequestsRecord::is_of_another(machine)),
    ];
    notes.into_iter().filter(|(_, is_foreign)| *is_foreign).map(|(name, _)| name)
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(BootRecord::parse(&text), Some(record));
    }

    #[test]
    fn an_annotation_may_be_anything() {
        for text in ["", "{", "7", "null", r#"{"target":"Moon"}"#] {
            assert_eq!(BootRecord::parse(text), None, "{text}");
        }
    }
}

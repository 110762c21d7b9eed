//! What is in a machine's drives, what it was started without, and which servers images may come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::{LONGEST_IMAGE, is_device_name, is_of, is_shown_whole, is_uid, record};
use super::key::Annotations;
use crate::model::{ImageCertificate, ImageTrust, LeftOutMedia, MOST_CERTIFICATES, ObjectName, Slot};
use crate::object::{VirtualMachine, Volume};

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
        annotations.trust(slot).and_then(Self::parse).unwrap_or_default()
    }

    /// Reads what was written; `None` for more certificates than there may be, and for what is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        let is_one = |id: &str, pem: &str| {
            ImageCertificate::parse(pem).is_some_and(|certificate| certificate.id().to_string() == id)
        };
        let valid = record.certificates.len() <= MOST_CERTIFICATES
            && record.certificates.iter().all(|(id, pem)| is_one(id, pem));
        valid.then_some(record)
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
        Self::parse(machine.metadata.annotations.media(slot)?)
    }

    /// Reads what was written; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        (is_device_name(&record.drive) && is_shown_whole(&record.image, LONGEST_IMAGE)).then_some(record)
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
        let record = Self::parse(machine.metadata.annotations.media_left_out.as_deref()?)?;
        is_of(machine, record.machine.as_deref()).then_some(LeftOutMedia {
            image: record.image,
            reason: record.reason,
            claim: record.claim,
        })
    }

    /// Whether there is one that is about another machine.
    pub(super) fn is_of_another(machine: &VirtualMachine) -> bool {
        let record = machine.metadata.annotations.media_left_out.as_deref().and_then(Self::parse);
        record.is_some_and(|record| !is_of(machine, record.machine.as_deref()))
    }

    /// Reads what was written; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        let plain = is_shown_whole(&record.image, LONGEST_IMAGE) && is_shown_whole(&record.reason, LONGEST_REASON);
        (plain && record.machine.as_deref().is_none_or(is_uid)).then_some(record)
    }
}

/// What an importer says is cut before it is written down.
const LONGEST_REASON: usize = 2_048;

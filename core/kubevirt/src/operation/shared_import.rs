//! Imports that serve several machines: one for an image in a namespace, where the storage can be used by many at a time.
//!
//! Every machine that uses one is among its owners; who stops using it is not any more, and the last one removes it. All of
//! that is written under the lock of the import's version, so whoever comes while the last one goes is noticed by one of the
//! two. Should an owner be removed from the cluster, the cluster takes note of it in the same way.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::answer::Problem;
use super::certificates::Verification;
use super::data_volume::{deletion, ours, owner};
use super::engine::{Purpose, Write};
use super::orphan::is_used;
use super::snapshot::{NamedImport, Snapshot};
use crate::Settings;
use crate::annotation::{CLAIMED, MANAGED_BY, MANAGER};
use crate::model::{Command, ImportId, InsertMedia, ObjectName, Slot, VmId};
use crate::object::{DataVolume, Element, Object, StorageClasses, StorageProfile, VirtualMachine};
use crate::request::{Collection, Place as _, Unwatched, get, merge_patch};

/// Whether an image is to be fetched for several machines at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Only for the machine that it is inserted into.
    No,
    /// That depends on what the storage allows: that of this class, or of the cluster's default.
    Undecided {
        class: Option<ObjectName>,
    },
    Yes,
}

impl Sharing {
    /// What can be said of an image before anything is read. What a guest may write to is its own, and so is what somebody
    /// has to log in for: who may fetch it another way must not get it here.
    pub(super) fn of(media: &InsertMedia, settings: &Settings) -> Self {
        let fetched = media.image.is_fetched();
        let read_only = media.slot != Slot::Usb || media.write_protected;
        if !settings.share_imports || !fetched || !read_only || media.credentials.is_some() {
            return Self::No;
        }
        match settings.access_modes.as_slice() {
            [] => Self::Undecided { class: settings.storage_class.clone() },
            modes if modes.iter().any(|mode| mode == BY_MANY) => Self::Yes,
            _ => Self::No,
        }
    }

    /// What is to be read to decide it; `None` if it is decided.
    pub(super) fn question(&self) -> Option<Request<Bytes>> {
        match self {
            Self::Undecided { class: None } => Some(get(&Unwatched::StorageClasses.everywhere())),
            Self::Undecided { class: Some(class) } => Some(get(&Unwatched::StorageProfiles.everywhere().object(class))),
            Self::No | Self::Yes => None,
        }
    }

    /// Takes in what was read. Without an answer everybody has an import of their own.
    pub(super) fn answered(&mut self, answer: Result<Bytes, Problem>, settings: &Settings) {
        let body = answer.unwrap_or_default();
        *self = match self {
            Self::Undecided { class: None } => {
                let classes = serde_json::from_slice::<Element<Object<StorageClasses>>>(&body);
                let class = classes.ok().and_then(|Element(Object(classes))| classes.default_class());
                class.map_or(Self::No, |class| Self::Undecided { class: Some(class) })
            }
            Self::Undecided { class: Some(_) } => {
                let profile = serde_json::from_slice::<Element<Object<StorageProfile>>>(&body);
                let mode = settings.volume_mode.as_deref();
                match profile {
                    Ok(Element(Object(profile))) if profile.allows(BY_MANY, mode) => Self::Yes,
                    Ok(_) | Err(_) => Self::No,
                }
            }
            Self::No => Self::No,
            Self::Yes => Self::Yes,
        };
    }
}

/// The name of the import that fetches an image for all machines of a namespace that trust its server in the same way.
pub(super) fn name(machine: &VirtualMachine, media: &InsertMedia, vm: &VmId, settings: &Settings) -> ObjectName {
    let trust = match Verification::of(settings, machine, media) {
        Verification::None => "anybody".to_owned(),
        Verification::Usual => String::new(),
        Verification::Certificates(bundle) => bundle,
        Verification::ConfigMap(name) => name.to_string(),
    };
    ImportId::shared(vm, media.image.as_str(), &trust).name
}

/// Whether an import is one that serves several machines.
pub(super) fn is_shared(import: &NamedImport) -> bool {
    ImportId::is_name_of_shared(&import.name)
}

/// Whether it is what a machine that wants this image may use. Anybody may have made something of that name.
pub(super) fn is_of_image(import: &DataVolume, image: &str) -> bool {
    let metadata = &import.metadata;
    let remote = import.spec.source.remote();
    metadata.label(MANAGED_BY) == Some(MANAGER)
        && metadata.annotations.image.as_deref() == Some(image)
        && remote.is_some_and(|remote| remote.url.0.as_deref() == Some(image) && remote.secret_ref.is_none())
}

/// Whether other machines than this one use it.
pub(super) fn has_other_users(import: &NamedImport, command: &Command) -> bool {
    others(import, command).any(|owner| owner["kind"] == "VirtualMachine")
}

/// The machine becomes one of those that use an import. Also written if it is one already: whoever is about to say that it
/// is not any more sees that it is.
pub(super) fn join(import: &NamedImport, command: &Command) -> Write {
    let owners: Vec<Value> = others(import, command).chain([owner(command)]).collect();
    let claimed = command.begun.to_string();
    let annotations = json!({ CLAIMED: claimed });
    patch(import, command, Purpose::Join, &json!({ "ownerReferences": owners, "annotations": annotations }))
}

/// Whether a machine that has taken an import out of a drive is among those that it serves, and has it in no other.
pub(super) fn is_ours_to_release(import: &NamedImport, snapshot: &Snapshot<'_>) -> bool {
    ours(import, snapshot.command) && !import.metadata.deleting() && !is_used(snapshot.machine, &import.name)
}

/// The machine does not use an import any more; if nobody else does, it goes.
pub(super) fn release(import: &NamedImport, command: &Command, purpose: Purpose) -> Write {
    if !is_shared(import) || !has_other_users(import, command) {
        return deletion(import, command, purpose);
    }
    let owners: Vec<Value> = others(import, command).collect();
    patch(import, command, purpose, &json!({ "ownerReferences": owners }))
}

/// Its owners but for this machine.
fn others<'a>(import: &'a NamedImport, command: &'a Command) -> impl Iterator<Item = Value> + use<'a> {
    let owners = import.metadata.owner_references.iter().map(|owner| &owner.0);
    owners.filter(|owner| owner.uid.as_deref() != Some(command.uid.as_str())).map(|owner| json!(owner))
}

fn patch(import: &NamedImport, command: &Command, purpose: Purpose, metadata: &Value) -> Write {
    let path = Collection::DataVolumes.beside(&command.vm).object(&import.name);
    let mut metadata = metadata.clone();
    metadata["resourceVersion"] = json!(import.metadata.resource_version);
    Write { purpose, request: Box::new(merge_patch(&path, &json!({ "metadata": metadata }))) }
}

/// The access mode of what several machines can use at a time.
pub(super) const BY_MANY: &str = "ReadWriteMany";

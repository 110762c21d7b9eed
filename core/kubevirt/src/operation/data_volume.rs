//! The `DataVolume` that an image is imported into.

use serde_json::{Value, json};

use super::certificates::Verification;
use super::engine::{Purpose, Write};
use super::shared_import::{BY_MANY, is_shared};
use super::snapshot::{NamedImport, Snapshot};
use crate::annotation::{Holder, IMAGE, MANAGED_BY, MANAGER, SLOT, VIRTUAL_MACHINE};
use crate::model::{Command, ImageSource, ImportId, InsertMedia, ObjectName};
use crate::request::{Collection, Place as _, create, delete};
use crate::translate;

/// The creation of it, of that size; `outdated` is what belonged to one of that name that was there before.
pub(super) fn creation(
    snapshot: &Snapshot<'_>,
    name: &ObjectName,
    media: &InsertMedia,
    size: &str,
    outdated: Option<&ObjectName>,
) -> Write {
    let command = snapshot.command;
    let settings = snapshot.settings;
    let InsertMedia { slot, image, credentials, .. } = media;
    let mut remote = json!({ "url": image.as_str() });
    let part = part_name(snapshot, name, outdated);
    if credentials.is_some() {
        remote["secretRef"] = json!(part);
    }
    match Verification::of(settings, snapshot.machine, media) {
        // A field of newer importers; older ones drop it and verify the certificate.
        Verification::None => remote["insecureSkipVerify"] = json!(true),
        Verification::Usual => {}
        Verification::Certificates(_) => remote["certConfigMap"] = json!(part),
        Verification::ConfigMap(name) => remote["certConfigMap"] = json!(name),
    }
    let protocol = if matches!(image.source(), ImageSource::Registry(_)) { "registry" } else { "http" };
    // `spec.storage` leaves access and volume mode to the importer's knowledge of the storage class, and adds what a
    // file system takes.
    let mut storage = json!({ "resources": { "requests": { "storage": size } } });
    if let Some(class) = &settings.storage_class {
        storage["storageClassName"] = json!(class);
    }
    let shared = ImportId::is_name_of_shared(name);
    if !settings.access_modes.is_empty() {
        storage["accessModes"] = json!(settings.access_modes);
    } else if shared {
        storage["accessModes"] = json!([BY_MANY]);
    }
    if let Some(mode) = &settings.volume_mode {
        storage["volumeMode"] = json!(mode);
    }
    let mut object = json!({
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {
            "name": name,
            "namespace": command.vm.namespace(),
            "labels": { MANAGED_BY: MANAGER },
            "annotations": {
                IMAGE: image.as_str(),
                // Otherwise a class that waits for its first consumer waits for the machine to start.
                "cdi.kubevirt.io/storage.bind.immediate.requested": "true",
            },
            "ownerReferences": [owner(command)],
        },
        "spec": { "source": { protocol: remote }, "storage": storage },
    });
    if !shared {
        object["metadata"]["labels"][SLOT] = json!(slot.name().to_lowercase());
        object["metadata"]["annotations"][VIRTUAL_MACHINE] = json!(command.vm.name());
    }
    let path = Collection::DataVolumes.beside(&command.vm);
    Write { purpose: Purpose::Prepare, request: Box::new(create(&path, &object)) }
}

/// A name for what belongs to an import that is about to be made: never that of what belonged to an earlier one, which may
/// not have been collected yet. Every insertion changes the machine; one that was cut short has left `outdated` behind.
fn part_name(snapshot: &Snapshot<'_>, import: &ObjectName, outdated: Option<&ObjectName>) -> String {
    let name = format!("{import}-{}", translate::version(&snapshot.machine.metadata).0);
    if outdated.is_some_and(|outdated| **outdated == *name) { format!("{name}-again") } else { name }
}

/// Whether this is a name that the service gives to what belongs to an import: whoever may write imports but nothing else
/// must not be able to have something of others changed.
pub(super) fn is_part(import: &NamedImport, name: &ObjectName) -> bool {
    name.strip_prefix(import.name.as_str()).is_some_and(|rest| rest.starts_with('-'))
}

/// What belongs to an import: it is collected with it, so nobody has to remove it.
pub(super) fn part_of(import: &NamedImport) -> Value {
    json!([{
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "name": import.name,
        "uid": import.metadata.uid,
        "controller": false,
        "blockOwnerDeletion": false,
    }])
}

/// The reference to the machine as the owner of what is made for it.
pub(super) fn owner(command: &Command) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "name": command.vm.name(),
        "uid": command.uid.as_str(),
        "controller": false,
        "blockOwnerDeletion": false,
    })
}

/// Whether it is one that was made for this machine, or that this machine uses among others. Who may only edit machines
/// must not be able to point at somebody else's.
pub(super) fn ours(import: &NamedImport, command: &Command) -> bool {
    let metadata = &import.metadata;
    metadata.label(MANAGED_BY) == Some(MANAGER) && metadata.owned_by("VirtualMachine", command.uid.as_str())
}

/// The deletion of it, and of no other of the same name; if it serves several machines, only while nobody else comes.
pub(super) fn deletion(import: &NamedImport, command: &Command, purpose: Purpose) -> Write {
    let path = Collection::DataVolumes.beside(&command.vm).object(&import.name);
    let mut options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": { "uid": import.metadata.uid },
    });
    if is_shared(import) {
        options["preconditions"]["resourceVersion"] = json!(import.metadata.resource_version);
    }
    Write { purpose, request: Box::new(delete(&path, &options)) }
}

/// A volume of the template for a drive.
pub(super) fn volume(drive: &str, holder: &Holder, live: bool) -> Value {
    let (kind, mut source) = match holder {
        Holder::Import(name) | Holder::ExistingDataVolume(name) => ("dataVolume", json!({ "name": name })),
        Holder::ExistingClaim(name) => ("persistentVolumeClaim", json!({ "claimName": name })),
    };
    if live {
        source["hotpluggable"] = json!(true);
    }
    json!({ "name": drive, kind: source })
}

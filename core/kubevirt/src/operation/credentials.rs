//! The `Secret` with the user name and password that an import logs in to the image's server with.
//!
//! It belongs to the import and is collected with it. The import names it before it is there, and waits for it.

use serde_json::json;

use super::data_volume::{is_part, part_of};
use super::engine::{Purpose, Write};
use super::snapshot::NamedImport;
use crate::annotation::{MANAGED_BY, MANAGER, SLOT, VIRTUAL_MACHINE};
use crate::model::{Command, ImageCredentials, ObjectName, Slot};
use crate::request::{Collection, Path, Place as _, create, delete};

/// The creation of what an import logs in with; `None` if it does not.
pub(super) fn creation(
    command: &Command,
    import: &NamedImport,
    slot: Slot,
    credentials: &ImageCredentials,
) -> Option<Write> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name(import)?,
            "namespace": command.vm.namespace(),
            "labels": { MANAGED_BY: MANAGER, SLOT: slot.name().to_lowercase() },
            "annotations": { VIRTUAL_MACHINE: command.vm.name() },
            "ownerReferences": part_of(import),
        },
        "type": "Opaque",
        // The importer asks for both keys and does not start without them.
        "stringData": { "accessKeyId": credentials.user_name, "secretKey": credentials.password.expose() },
    });
    Some(Write { purpose: Purpose::Credentials, request: Box::new(create(&collection(command), &object)) })
}

/// The deletion of what an import logs in with, because it is to be something else.
pub(super) fn deletion(command: &Command, import: &NamedImport) -> Option<Write> {
    let path = collection(command).object(name(import)?);
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    Some(Write { purpose: Purpose::Credentials, request: Box::new(delete(&path, &options)) })
}

/// The name of the secret that an import logs in with, if the service gave it.
fn name(import: &NamedImport) -> Option<&ObjectName> {
    let name = import.spec.source.remote()?.secret_ref.as_ref()?;
    is_part(import, name).then_some(name)
}

fn collection(command: &Command) -> Path {
    Collection::Secrets.beside(&command.vm)
}

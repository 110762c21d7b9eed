//! The `Secret` with the user name and password that an import logs in to the image's server with.
//!
//! It has the name of the import that it is for. It is made after the import, which waits for it, and goes
//! before the import goes: an import says that there is a secret, and so none is ever forgotten.

use serde_json::json;

use super::data_volume;
use super::engine::{Purpose, Write};
use crate::kubevirt::annotation::{MANAGED_BY, MANAGER, SLOT, VIRTUAL_MACHINE};
use crate::kubevirt::object::DataVolume;
use crate::kubevirt::request::{create, delete};
use crate::model::{Command, ImageCredentials, Slot};

/// The creation of the secret for the import of that name.
pub(super) fn creation(command: &Command, name: &str, slot: Slot, credentials: &ImageCredentials) -> Write {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": command.vm.namespace(),
            "labels": { MANAGED_BY: MANAGER, SLOT: slot.name().to_lowercase() },
            "annotations": { VIRTUAL_MACHINE: command.vm.name() },
            // Should everything else fail, it does not outlive the machine.
            "ownerReferences": [data_volume::owner(command)],
        },
        "type": "Opaque",
        // The importer asks for both keys and does not start without them.
        "stringData": { "accessKeyId": credentials.user_name, "secretKey": credentials.password.expose() },
    });
    Write { purpose: Purpose::Credentials, request: Box::new(create(&collection(command), &object)) }
}

/// The deletion of the secret of the import of that name.
pub(super) fn deletion(command: &Command, name: &str) -> Write {
    let path = format!("{}/{name}", collection(command));
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    Write { purpose: Purpose::Credentials, request: Box::new(delete(&path, &options)) }
}

/// The name of the secret that an import logs in with, if the service made it.
///
/// Whoever may write imports but not secrets must not be able to have somebody else's secret deleted: a name is only
/// taken for one of ours if it is the one that ours has for this machine and this image.
pub(super) fn of<'a>(import: &'a DataVolume, command: &Command) -> Option<&'a str> {
    let secret = import.spec.source.remote()?.secret_ref.as_deref()?;
    let image = import.metadata.annotations.image.as_deref()?;
    let ours = import.metadata.name.as_deref() == Some(secret)
        && Slot::ALL.iter().any(|slot| *data_volume::name(command, *slot, image) == *secret);
    ours.then_some(secret)
}

fn collection(command: &Command) -> String {
    format!("/api/v1/namespaces/{}/secrets", command.vm.namespace())
}

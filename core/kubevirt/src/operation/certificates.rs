//! The `ConfigMap` with the certificates by which an import knows its server.
//!
//! It belongs to the import and is collected with it, so nobody has to remove it. The import names it before it is
//! there, and waits for it.

use serde_json::json;

use super::data_volume::{is_part, part_of};
use super::engine::{Purpose, Write};
use super::snapshot::{NamedImport, Snapshot};
use crate::Settings;
use crate::annotation::{MANAGED_BY, MANAGER, SLOT, TrustRecord};
use crate::model::{ImageCertificate, ImageSource, InsertMedia, ObjectName};
use crate::object::VirtualMachine;
use crate::request::{Place as _, Unwatched, create};

/// How an import knows its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Not at all.
    None,
    /// By what the cluster trusts.
    Usual,
    /// By these certificates, one after the other in PEM's form, as well.
    Certificates(String),
    /// By those of a `ConfigMap` of this name beside the machine, as well. It is somebody else's, and only the importer
    /// reads it.
    ConfigMap(ObjectName),
}

impl Verification {
    /// What was chosen for the slot that an image goes into; what the configuration says, otherwise.
    pub(super) fn of(settings: &Settings, machine: &VirtualMachine, media: &InsertMedia) -> Self {
        let record = TrustRecord::read(&machine.metadata.annotations, media.slot);
        match media.image.source() {
            // There is no way to import from a registry unverified: those for which it may be are listed in the
            // importer's own configuration.
            ImageSource::Server(url) if !url.is_secure() => return Self::Usual,
            ImageSource::Server(_) if settings.allow_insecure_tls && record.verify != Some(true) => {
                return Self::None;
            }
            ImageSource::Server(_) | ImageSource::Registry(_) => {}
            ImageSource::Claim(_) | ImageSource::Volume(_) => return Self::Usual,
        }
        let configured = settings.ca_bundle.iter().map(ImageCertificate::pem);
        let bundle: String = configured.chain(record.certificates.values().map(|pem| &**pem)).collect();
        // An import takes one object with certificates: what a drive was given is what its client has seen to.
        match &settings.cert_config_map {
            _ if !bundle.is_empty() => Self::Certificates(bundle),
            Some(name) => Self::ConfigMap(name.clone()),
            None => Self::Usual,
        }
    }
}

/// The creation of what an import waits for; `None` if it waits for nothing.
pub(super) fn creation(snapshot: &Snapshot<'_>, import: &NamedImport, media: &InsertMedia) -> Option<Write> {
    let name = import.spec.source.remote()?.cert_config_map.as_ref()?;
    let Verification::Certificates(bundle) = Verification::of(snapshot.settings, snapshot.machine, media) else {
        return None;
    };
    if !is_part(import, name) || import.status.phase.as_deref() == Some("Succeeded") {
        return None;
    }
    let namespace = snapshot.command.vm.namespace();
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": { MANAGED_BY: MANAGER, SLOT: media.slot.name().to_lowercase() },
            "ownerReferences": part_of(import),
        },
        "data": { "ca.pem": bundle },
    });
    let path = Unwatched::ConfigMaps.beside(&snapshot.command.vm);
    Some(Write { purpose: Purpose::Certificates, request: Box::new(create(&path, &object)) })
}

//! The `ConfigMap` with the certificates by which an import knows its server.
//!
//! It belongs to the import and is collected with it, so nobody has to remove it. The import names it before it is
//! there, and waits for it.

use serde_json::json;

use super::engine::{Purpose, Write};
use super::scene::Scene;
use crate::kubevirt::annotation::{MANAGED_BY, MANAGER, SLOT, TrustRecord};
use crate::kubevirt::object::DataVolume;
use crate::kubevirt::request::create;
use crate::model::{ImageCertificate, ImageSource, InsertMedia};

/// How an import knows its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Not at all.
    None,
    /// By what the cluster trusts.
    Usual,
    /// By these certificates, one after the other in PEM's form, as well.
    Certificates(String),
}

impl Verification {
    /// What was chosen for the slot that an image goes into; what the configuration says, otherwise.
    pub(super) fn of(scene: &Scene<'_>, media: &InsertMedia) -> Self {
        let source = ImageSource::of(&media.image, &scene.command.vm);
        let record = TrustRecord::read(&scene.machine.metadata.annotations, media.slot);
        match source {
            // There is no way to import from a registry unverified: those for which it may be are listed in the
            // importer's own configuration.
            Some(ImageSource::Https) if scene.settings.allow_insecure_tls && record.verify != Some(true) => {
                return Self::None;
            }
            Some(ImageSource::Https | ImageSource::Registry) => {}
            Some(ImageSource::Http | ImageSource::Claim(_) | ImageSource::Volume(_)) | None => return Self::Usual,
        }
        let configured = scene.settings.ca_bundle.iter().map(ImageCertificate::pem);
        let bundle: String = configured.chain(record.certificates.values().map(|pem| &**pem)).collect();
        if bundle.is_empty() { Self::Usual } else { Self::Certificates(bundle) }
    }
}

/// A name for the certificates of an import that is about to be made: never that of an earlier import's, which may not
/// have been collected yet. Every insertion changes the machine; one that was cut short has left `outdated` behind.
pub(super) fn name(scene: &Scene<'_>, import: &str, outdated: Option<&str>) -> String {
    let name = format!("{import}-{}", scene.machine.metadata.resource_version.as_deref().unwrap_or_default());
    if outdated == Some(&*name) { format!("{name}-again") } else { name }
}

/// The creation of what an import waits for; `None` if it waits for nothing.
pub(super) fn creation(scene: &Scene<'_>, import: &DataVolume, media: &InsertMedia) -> Option<Write> {
    let name = import.spec.source.remote()?.cert_config_map.as_deref()?;
    let own = import.metadata.name.as_deref()?;
    let Verification::Certificates(bundle) = Verification::of(scene, media) else { return None };
    if !name.starts_with(own) || import.status.phase.as_deref() == Some("Succeeded") {
        return None;
    }
    let namespace = scene.command.vm.namespace();
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": { MANAGED_BY: MANAGER, SLOT: media.slot.name().to_lowercase() },
            "ownerReferences": [{
                "apiVersion": "cdi.kubevirt.io/v1beta1",
                "kind": "DataVolume",
                "name": own,
                "uid": import.metadata.uid,
                "controller": false,
                "blockOwnerDeletion": false,
            }],
        },
        "data": { "ca.pem": bundle },
    });
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    Some(Write { purpose: Purpose::Certificates, request: Box::new(create(&path, &object)) })
}

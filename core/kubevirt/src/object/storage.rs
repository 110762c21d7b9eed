//! What storage can do: `StorageClass`, and the importer's `StorageProfile` of it.

use serde::Deserialize;

use super::{Object, TextMap, lenient};
use crate::model::ObjectName;

/// A list of `StorageClass`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StorageClasses {
    #[serde(deserialize_with = "lenient")]
    items: Vec<Object<StorageClass>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct StorageClass {
    #[serde(deserialize_with = "lenient")]
    metadata: Object<StorageClassMetadata>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct StorageClassMetadata {
    #[serde(deserialize_with = "lenient")]
    name: Option<ObjectName>,
    #[serde(deserialize_with = "lenient")]
    annotations: TextMap,
}

impl StorageClasses {
    /// The class that an image goes to if nobody names one: that of disks of machines, else that of everything.
    pub(crate) fn default_class(&self) -> Option<ObjectName> {
        let marked = |key: &str| {
            let is_marked = |class: &&Object<StorageClass>| {
                class.metadata.annotations.0.iter().any(|(name, value)| &**name == key && &**value == "true")
            };
            self.items.iter().find(is_marked).and_then(|class| class.metadata.name.clone())
        };
        marked("storageclass.kubevirt.io/is-default-virt-class")
            .or_else(|| marked("storageclass.kubernetes.io/is-default-class"))
    }
}

/// What the importer knows of a storage class.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StorageProfile {
    #[serde(deserialize_with = "lenient")]
    status: Object<StorageProfileStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StorageProfileStatus {
    #[serde(deserialize_with = "lenient")]
    claim_property_sets: Vec<Object<ClaimPropertySet>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClaimPropertySet {
    #[serde(deserialize_with = "lenient")]
    access_modes: Vec<Option<Box<str>>>,
    #[serde(deserialize_with = "lenient")]
    volume_mode: Option<Box<str>>,
}

impl StorageProfile {
    /// Whether volumes may be used in this way; `volume_mode` if it has to be one in particular.
    pub(crate) fn allows(&self, access_mode: &str, volume_mode: Option<&str>) -> bool {
        self.status.claim_property_sets.iter().any(|set| {
            set.access_modes.iter().flatten().any(|mode| &**mode == access_mode)
                && volume_mode.is_none_or(|wanted| set.volume_mode.as_deref() == Some(wanted))
        })
    }
}

//! Objects of the cluster, reduced to what is read of them.
//!
//! Every field is optional and read leniently, whatever is not named here is skipped. These structs live for as long
//! as it takes to translate them; nothing keeps them.

use serde::{Deserialize, Serialize};

use super::annotation::Annotations;
use crate::model::{Namespace, ObjectName};

mod claim;
mod data_volume;
mod instance;
mod kubevirt;
mod lease;
mod lenient;
mod machine;
mod name;
mod secret;
mod status;
mod storage;
mod template;
mod typed;

pub(crate) use claim::Claim;
pub(crate) use data_volume::{DataVolume, RemoteSource};
pub(crate) use instance::InterfaceStatus;
pub(crate) use instance::VirtualMachineInstance;
pub(crate) use kubevirt::KubeVirt;
pub(crate) use lease::Lease;
pub(crate) use lenient::{Element, Lenient, Object, TextMap, Whole, lenient};
pub(crate) use machine::{DataVolumeTemplate, MachineStatus, RunStrategy, VirtualMachine};
pub(crate) use secret::Secret;
pub(crate) use status::Status;
pub(crate) use storage::{StorageClasses, StorageProfile};
pub(crate) use template::{Bootloader, Disk, Domain, Interface, TemplateSpec, TpmDevice, Volume};
pub(crate) use typed::Typed;

/// `metadata` of any object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<ObjectName>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) namespace: Option<Namespace>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) uid: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) resource_version: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) creation_timestamp: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) deletion_timestamp: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) labels: TextMap,
    #[serde(deserialize_with = "lenient")]
    pub(crate) annotations: Object<Annotations>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) owner_references: Vec<Object<OwnerReference>>,
}

impl Metadata {
    /// A label's value.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.0.iter().find(|(name, _)| &**name == key).map(|(_, value)| &**value)
    }

    /// Whether the object is being deleted.
    pub(crate) fn deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Whether an object of this kind and uid owns this one.
    pub(crate) fn owned_by(&self, kind: &str, uid: &str) -> bool {
        self.owner_references
            .iter()
            .any(|owner| owner.kind.as_deref() == Some(kind) && owner.uid.as_deref() == Some(uid))
    }
}

/// Who owns an object. Whole, so that it can be written back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OwnerReference {
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(crate) api_version: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) kind: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) uid: Option<Box<str>>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(crate) controller: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(crate) block_owner_deletion: Option<bool>,
}

/// A condition of any object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(crate) kind: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) reason: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Option<Box<str>>,
    #[serde(rename = "lastTransitionTime", deserialize_with = "lenient")]
    pub(crate) last_transition_time: Option<Box<str>>,
}

/// The condition of a type, whatever its status.
pub(crate) fn condition<'a>(conditions: &'a [Object<Condition>], kind: &str) -> Option<&'a Condition> {
    conditions.iter().map(|condition| &condition.0).find(|condition| condition.kind.as_deref() == Some(kind))
}

impl Condition {
    pub(crate) fn is_true(&self) -> bool {
        self.status.as_deref() == Some("True")
    }

    pub(crate) fn is_false(&self) -> bool {
        self.status.as_deref() == Some("False")
    }
}

//! `VirtualMachineInstance`.

use serde::Deserialize;

use super::template::{Cpu, Nothing};
use super::{Condition, Metadata, Object, TemplateSpec, lenient};
use crate::model::ObjectName;
use crate::quantity::Quantity;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VirtualMachineInstance {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<TemplateSpec>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: Object<InstanceStatus>,
}

impl VirtualMachineInstance {
    /// Whether the guest has ended: the object may stay for long after.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.status.phase.as_deref(), Some("Succeeded" | "Failed"))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InstanceStatus {
    #[serde(deserialize_with = "lenient")]
    pub(crate) phase: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) conditions: Vec<Object<Condition>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) phase_transition_timestamps: Vec<Object<PhaseTransition>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) interfaces: Vec<Object<InterfaceStatus>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) volume_status: Vec<Object<VolumeStatus>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) node_name: Option<ObjectName>,
    /// The processors that the guest has, where `spec` says what it is to have.
    #[serde(rename = "currentCPUTopology", deserialize_with = "lenient")]
    pub(crate) cpu_topology: Option<Object<Cpu>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) memory: Object<MemoryStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MemoryStatus {
    /// What the guest has, where `spec` says what it is to have.
    #[serde(deserialize_with = "lenient")]
    pub(crate) guest_current: Option<Quantity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PhaseTransition {
    #[serde(deserialize_with = "lenient")]
    pub(crate) phase: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) phase_transition_timestamp: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InterfaceStatus {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) mac: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) ip_address: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) ip_addresses: Vec<Option<Box<str>>>,
    /// `up` or `down`, as the hypervisor has it.
    #[serde(deserialize_with = "lenient")]
    pub(crate) link_state: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct VolumeStatus {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) phase: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) target: Option<Box<str>>,
    /// Present if the volume was added while the machine ran.
    #[serde(deserialize_with = "lenient")]
    pub(crate) hotplug_volume: Option<Object<Nothing>>,
}

//! `VirtualMachineInstance`.

use serde::Deserialize;

use super::claim::StorageAmount;
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
    /// Of a claim only.
    #[serde(rename = "persistentVolumeClaimInfo", deserialize_with = "lenient")]
    pub(crate) claim: Object<ClaimInfo>,
}

/// What virt-controller has read of a claim.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ClaimInfo {
    #[serde(deserialize_with = "lenient")]
    capacity: Object<StorageAmount>,
    #[serde(deserialize_with = "lenient")]
    requests: Object<StorageAmount>,
    #[serde(deserialize_with = "lenient")]
    volume_mode: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    filesystem_overhead: Option<Quantity>,
}

impl ClaimInfo {
    /// How large the guest sees it, in bytes: all of a block device; of a file system what is left for an image, in whole
    /// MiB (`possibleGuestSize` of virt-launcher).
    pub(crate) fn guest_size(&self) -> Option<u64> {
        const MEBIBYTE: u64 = 1 << 20;
        const MILLION: u64 = 1_000_000;
        let capacity = self.capacity.storage.map(Quantity::ceil).filter(|bytes| *bytes > 0)?;
        if self.volume_mode.as_deref() == Some("Block") {
            return Some(capacity);
        }
        let asked = self.requests.storage.map(Quantity::ceil).filter(|bytes| *bytes > 0);
        let size = asked.map_or(capacity, |asked| asked.min(capacity));
        let left = MILLION.checked_sub(self.filesystem_overhead?.millionths())?;
        let left = u128::from(size) * u128::from(left) / u128::from(MILLION);
        u64::try_from(left).ok().map(|left| left - left % MEBIBYTE)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn size(info: serde_json::Value) -> Option<u64> {
        serde_json::from_value::<ClaimInfo>(info).expect("any object will do").guest_size()
    }

    #[test]
    fn of_a_file_system_the_guest_has_what_is_left_for_an_image() {
        let claim = |mode: &str, capacity: &str, asked: &str, overhead: &str| {
            json!({
                "capacity": { "storage": capacity }, "requests": { "storage": asked }, "volumeMode": mode,
                "filesystemOverhead": overhead,
            })
        };
        assert_eq!(size(claim("Filesystem", "5Gi", "5Gi", "0.055")), Some(4_838 << 20));
        assert_eq!(size(claim("Filesystem", "100Gi", "5Gi", "0")), Some(5 << 30));
        assert_eq!(size(claim("Block", "6Gi", "5Gi", "0.055")), Some(6 << 30));
        assert_eq!(size(claim("Filesystem", "5Gi", "5Gi", "7")), None);
        assert_eq!(size(claim("Filesystem", "many", "5Gi", "0.055")), None);
        assert_eq!(size(json!({ "capacity": { "storage": "5Gi" } })), None);
        assert_eq!(size(json!({})), None);
    }
}

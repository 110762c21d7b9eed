//! `VirtualMachineInstance` to [`Instance`].

use super::{firmware, hardware, time, uid, version, vm_id};
use crate::kubevirt::annotation::BootOrder;
use crate::kubevirt::object::{Condition, InterfaceStatus, VirtualMachineInstance, condition};
use crate::model::{Instance, NicAddress, Phase, Processors};

/// The run that an object stands for; `None` if its name is none.
pub(crate) fn instance(object: &VirtualMachineInstance) -> Option<Instance> {
    let status = &object.status;
    let started = status
        .phase_transition_timestamps
        .iter()
        .find(|transition| transition.phase.as_deref() == Some("Running"))
        .and_then(|transition| transition.phase_transition_timestamp.as_deref());
    let ready_media = status.volume_status.iter().filter(|volume| {
        volume.hotplug_volume.is_some()
            && volume.phase.as_deref() == Some("Ready")
            && volume.target.as_deref().is_some_and(|target| !target.is_empty())
    });
    let phase = phase(object);
    let claims = object.spec.volumes.iter().filter(|_| phase == Phase::Starting).filter_map(|volume| volume.claim());
    Some(Instance {
        id: vm_id(&object.metadata)?,
        uid: uid(&object.metadata),
        version: version(&object.metadata),
        phase,
        stopping: object.metadata.deleting(),
        paused: paused(object),
        started: time(started),
        processors: hardware::processors(&object.spec).map(|processors| Processors { model: None, ..processors }),
        memory: hardware::memory(&object.spec.domain),
        firmware: Box::new(firmware::running(&object.spec)),
        addresses: status.interfaces.iter().filter_map(|interface| address(interface)).collect(),
        ready_media: ready_media.filter_map(|volume| volume.name.clone()).collect(),
        boots_first: BootOrder::of(&object.spec).first().map(Into::into),
        ends_by_reboot: object.spec.domain.reboot_policy.as_deref() == Some("Terminate"),
        claims: claims.cloned().collect(),
        host: status.node_name.as_deref().map(Into::into),
    })
}

/// Whether the guest's processors are stopped: as the instance itself says, never the machine's copy of it.
pub(crate) fn paused(object: &VirtualMachineInstance) -> bool {
    condition(&object.status.conditions, "Paused").is_some_and(Condition::is_true)
}

pub(crate) fn phase(object: &VirtualMachineInstance) -> Phase {
    match object.status.phase.as_deref() {
        Some("Running") => Phase::Running,
        Some("Succeeded" | "Failed") => Phase::Ended,
        // Pending, Scheduling, Scheduled, WaitingForSync, Unknown and what newer releases may add: something is
        // there, so the machine is not off.
        Some(_) | None => Phase::Starting,
    }
}

fn address(interface: &InterfaceStatus) -> Option<NicAddress> {
    let text = |text: &Option<Box<str>>| text.clone().filter(|text| !text.is_empty());
    let mut ips: Vec<Box<str>> = interface.ip_addresses.iter().filter_map(text).collect();
    if ips.is_empty() {
        ips.extend(text(&interface.ip_address));
    }
    // The guest agent reports interfaces that the definition has no name for: of no use here.
    Some(NicAddress { name: text(&interface.name)?, mac: text(&interface.mac), ips: ips.into() })
}

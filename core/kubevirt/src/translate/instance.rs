//! `VirtualMachineInstance` to [`Instance`].

use super::{firmware, hardware, time, uid, version, vm_id};
use crate::annotation::BootOrder;
use crate::defaults::{self, absent_interfaces};
use crate::model::{Instance, MacAddress, NicAddress, Phase};
use crate::object::{Condition, InterfaceStatus, VirtualMachineInstance, condition};
use crate::quantity::Quantity;

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
    let sizes = status.volume_status.iter();
    let sizes = sizes.filter_map(|volume| Some((volume.name.clone()?, volume.claim.guest_size()?)));
    let agent = condition(&status.conditions, "AgentConnected").filter(|agent| agent.is_true());
    let phase = phase(object);
    let mut spec = defaults::of_instance(&object.spec);
    // What the guest has, which follows what it is to have after a while.
    if let Some(topology) = &status.cpu_topology {
        let cpu = &mut spec.domain.0.cpu.0;
        (cpu.sockets, cpu.cores, cpu.threads) = (topology.sockets, topology.cores, topology.threads);
    }
    let memory = status.memory.guest_current.map(Quantity::ceil).filter(|bytes| *bytes > 0);
    let gone: Vec<&Box<str>> = absent_interfaces(&object.spec).collect();
    let interfaces = status.interfaces.iter();
    let interfaces = interfaces.filter(|interface| interface.name.as_ref().is_none_or(|name| !gone.contains(&name)));
    let claims = object.spec.volumes.iter().filter(|_| phase == Phase::Starting).filter_map(|volume| volume.claim());
    Some(Instance {
        id: vm_id(&object.metadata)?,
        uid: uid(&object.metadata),
        version: version(&object.metadata),
        phase,
        stopping: object.metadata.deleting(),
        failed: status.phase.as_deref() == Some("Failed"),
        unheard: unheard(object, phase),
        paused: paused(object),
        started: time(started),
        processors: hardware::processors(&spec),
        memory: memory.or_else(|| hardware::memory(&spec.domain)),
        firmware: Box::new(firmware::running(&spec)),
        addresses: interfaces.filter_map(|interface| address(interface)).collect(),
        ready_media: ready_media.filter_map(|volume| volume.name.clone()).collect(),
        boots_first: BootOrder::of(&object.spec).first().map(Into::into),
        ends_by_reboot: object.spec.domain.reboot_policy.as_deref() == Some("Terminate"),
        claims: claims.cloned().collect(),
        drive_sizes: sizes.collect(),
        agent_since: agent.and_then(|agent| time(agent.last_transition_time.as_deref()).or_else(|| time(started))),
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
        Some("Unknown") => Phase::Unknown,
        // Pending, Scheduling, Scheduled, WaitingForSync and what newer releases may add: something is there, so the
        // machine is not off.
        Some(_) | None => Phase::Starting,
    }
}

/// Whether nobody hears from the host of a run (facts about the inventory, section 8).
///
/// The condition `Ready` is that of the launcher pod. While the guest runs, only a node that is lost makes it one of these.
/// A run whose guest failed has its pod still, until it is removed: one that fails in the moment in which its pod goes has
/// been given up by the cluster, which knows no more of the guest than before.
fn unheard(object: &VirtualMachineInstance, phase: Phase) -> bool {
    let status = &object.status;
    let ready = condition(&status.conditions, "Ready").filter(|ready| ready.is_false());
    let reason = ready.map(|ready| ready.reason.as_deref().unwrap_or_default());
    match phase {
        Phase::Unknown => true,
        Phase::Starting => false,
        Phase::Running => {
            !object.metadata.deleting()
                && reason.is_some_and(|reason| {
                    matches!(
                        reason,
                        "" | "NodeLost" | "NodeNotReady" | "NodeUnreachable" | "PodTerminating" | "PodNotExists"
                    )
                })
        }
        Phase::Ended => {
            let at = |phase: &str| {
                let mut transitions = status.phase_transition_timestamps.iter();
                let found = transitions.find(|transition| transition.phase.as_deref() == Some(phase));
                time(found.and_then(|transition| transition.phase_transition_timestamp.as_deref()))
            };
            let pod_gone = ready.and_then(|ready| time(ready.last_transition_time.as_deref()));
            let at_once = at("Failed").zip(pod_gone).is_none_or(|(failed, gone)| (gone.0 - failed.0).abs() <= 1);
            reason == Some("PodNotExists") && at("Running").is_some() && at("Failed").is_some() && at_once
        }
    }
}

fn address(interface: &InterfaceStatus) -> Option<NicAddress> {
    let text = |text: &Option<Box<str>>| text.clone().filter(|text| !text.is_empty());
    let mut ips: Vec<Box<str>> = interface.ip_addresses.iter().filter_map(text).collect();
    if ips.is_empty() {
        ips.extend(text(&interface.ip_address));
    }
    Some(NicAddress {
        // The guest agent reports interfaces that the definition has no name for: of no use here.
        name: text(&interface.name)?,
        mac: interface.mac.as_deref().and_then(MacAddress::parse),
        ips: ips.into(),
        link_up: match interface.link_state.as_deref() {
            Some("up") => Some(true),
            Some("down") => Some(false),
            Some(_) | None => None,
        },
    })
}

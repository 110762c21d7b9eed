//! Whether a machine's definition has anything that its present run does not have, so that only a new run will do.

use super::snapshot::Snapshot;
use crate::annotation::{BootOrder, BootRecord, Enabled};
use crate::object::{Condition, TemplateSpec, VirtualMachine, Volume, condition};
use crate::translate::firmware;

/// Whether the next boot is to be that of a new instance.
pub(super) fn needs_new_instance(snapshot: &Snapshot<'_>) -> bool {
    let conditions = &snapshot.machine.status.conditions;
    if condition(conditions, "RestartRequired").is_some_and(Condition::is_true) {
        return true;
    }
    let Some(instance) = snapshot.instance else { return true };
    // Whatever restarts the guest in place would be the end of its run.
    if instance.spec.domain.reboot_policy.as_deref() == Some("Terminate") {
        return true;
    }
    let armed = BootRecord::read(snapshot.machine).is_some_and(|record| {
        record.enabled == Enabled::Once && record.armed_for.as_deref() == instance.metadata.uid.as_deref()
    });
    // The condition comes a moment late, and in some cases not at all (facts, section 6): compare.
    armed
        || firmware_differs(snapshot.machine, &instance.spec)
        || differs(&snapshot.machine.spec.template.spec, &instance.spec)
}

/// Whether the definition names anything of firmware and board that the run has otherwise.
fn firmware_differs(machine: &VirtualMachine, instance: &TemplateSpec) -> bool {
    let cpu = &machine.spec.template.spec.domain.cpu;
    let mut defined = firmware::defined(machine);
    if (cpu.sockets, cpu.cores, cpu.threads) == (None, None, None) {
        // Derived from what is requested, not named.
        (defined.sockets, defined.cores, defined.threads) = (None, None, None);
    }
    defined.differ_from(&firmware::running(instance))
}

fn differs(template: &TemplateSpec, instance: &TemplateSpec) -> bool {
    if BootOrder::of(template) != BootOrder::of(instance) {
        return true;
    }
    // The cluster adds a disk for a volume that has none and an interface where none is defined: what an instance has
    // beyond its template says nothing unless the template once had it.
    let disk = |spec: &TemplateSpec, name: &str| {
        let mut disks = spec.domain.devices.disks.iter();
        disks.find(|disk| disk.name.as_deref() == Some(name)).map(|disk| disk.cdrom.is_some())
    };
    let named = |spec: &TemplateSpec, name: &str| disk(spec, name).is_some() || spec.volume(name).is_some();
    let disks = &template.domain.devices.disks;
    let added =
        disks.iter().filter_map(|disk| disk.name.as_deref()).any(|name| disk(instance, name) != disk(template, name));
    let removed =
        instance.domain.devices.disks.iter().filter_map(|disk| disk.name.as_deref()).any(|name| !named(template, name));
    added || removed || volumes_differ(template, instance)
}

fn volumes_differ(template: &TemplateSpec, instance: &TemplateSpec) -> bool {
    let source = |volume: &Volume| {
        (
            volume.data_volume.as_ref().and_then(|source| source.name.clone()),
            volume.persistent_volume_claim.as_ref().and_then(|source| source.claim_name.clone()),
            volume.container_disk.as_ref().and_then(|source| source.image.clone()),
        )
    };
    let one_way = |from: &TemplateSpec, to: &TemplateSpec| {
        from.volumes.iter().any(|volume| {
            let Some(name) = volume.name.as_deref() else {
                return false;
            };
            to.volume(name).is_none_or(|other| source(other) != source(volume))
        })
    };
    one_way(template, instance) || one_way(instance, template)
}

//! `VirtualMachine` to [`Machine`].

use uuid::Uuid;

use super::{firmware, hardware, shorten, time, trouble, uid, version, vm_id};
use crate::kubevirt::annotation::{
    self, BootRecord, LeftOutRecord, MediaRecord, PowerOnRecord, StrategyNote, TrustRecord,
};
use crate::kubevirt::object::{Condition, RunStrategy, TemplateSpec, VirtualMachine, condition};
use crate::kubevirt::others_medium::OthersMedium;
use crate::model::{Autostart, Firmware, ImportId, Machine, Medium, Overruled, PowerRestore, Slot, VmId};

/// The machine that an object defines; `None` if its name is none.
pub(crate) fn machine(object: &VirtualMachine) -> Option<Machine> {
    let metadata = &object.metadata;
    let id = vm_id(metadata)?;
    let template = &object.spec.template.spec;
    let autostart = autostart(object);
    let conditions = &object.status.conditions;
    let media = Slot::ALL.iter().filter_map(|slot| medium(object, &id, *slot)).collect();
    let boot = BootRecord::read(&metadata.annotations);
    let order = BootRecord::own_order(boot.as_ref(), template);
    let annotations = &metadata.annotations;
    let trust = Slot::ALL.iter().filter_map(|slot| TrustRecord::read(annotations, *slot).to_model(*slot)).collect();
    Some(Machine {
        uid: uid(metadata),
        version: version(metadata),
        labels: metadata.labels.0.clone().into(),
        description: metadata.annotations.description.as_deref().map(|text| shorten(text, LONGEST_TEXT)),
        created: time(metadata.creation_timestamp.as_deref()),
        deleting: metadata.deleting(),
        autostart,
        promised: PowerOnRecord::read(object).and_then(|record| record.to_model(object)),
        firmware: Firmware {
            uuid: Some(firmware_uuid(template, id.name())),
            serial: template.domain.firmware.serial.clone(),
            settings: Box::new(firmware::defined(object)),
        },
        processors: hardware::processors(template).unwrap_or_else(|| hardware::default_processors(template)),
        memory: hardware::memory(&template.domain).unwrap_or(0),
        drives: hardware::drives(template, &order),
        nics: hardware::nics(template, &order),
        boot: boot.unwrap_or_default().to_model(),
        media,
        left_out: LeftOutRecord::read(object).map(Box::new),
        trust,
        restart_required: condition(conditions, "RestartRequired").is_some_and(Condition::is_true),
        trouble: trouble::of(&object.status, autostart),
        size: object.spec.instancetype.name.as_deref().map(Into::into),
        asset_tag: metadata.annotations.asset_tag.clone(),
        indicator: annotation::indicator(&metadata.annotations),
        power_restore: power_restore(object),
        power_restore_deferred: power_restore_deferred(object),
        overruled: overruled(object),
        id,
    })
}

/// What the guest's firmware says it is. To machines that were defined without one the controller gives one that is made
/// of their name (`CalculateLegacyUUID` of virt-controller), always the same.
fn firmware_uuid(template: &TemplateSpec, name: &str) -> Box<str> {
    const NAMESPACE: Uuid = Uuid::from_u128(0x6a1a_24a1_4061_4607_8bf4_a396_3d0c_5895);
    let own = template.domain.firmware.uuid.as_deref().filter(|uuid| !uuid.is_empty());
    own.map_or_else(|| Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string().into(), Into::into)
}

fn medium(object: &VirtualMachine, id: &VmId, slot: Slot) -> Option<Medium> {
    let Some(record) = MediaRecord::read(object, slot) else {
        let OthersMedium { drive, image } = OthersMedium::read(object).filter(|_| slot == Slot::Cd)?;
        return Some(Medium { slot, image, drive, write_protected: true, import: None, of_others: true });
    };
    let disk = object.spec.template.spec.disk(&record.drive);
    let writable = disk.and_then(|disk| disk.disk.as_ref()).is_some_and(|disk| disk.readonly != Some(true));
    Some(Medium {
        slot,
        import: record.holder.import().map(|name| ImportId { namespace: id.place(), name: name.clone() }),
        image: record.image,
        drive: record.drive,
        write_protected: !writable,
        of_others: false,
    })
}

/// Whether an instance comes up by itself, should there be none (facts, section 5).
pub(crate) fn autostart(object: &VirtualMachine) -> Autostart {
    let starts = if object.start_requested() {
        true
    } else if object.stop_requested(None) {
        false
    } else {
        match object.run_strategy() {
            RunStrategy::Always => true,
            // The instance of a `Once` that has ended stays; while it is there nothing more comes.
            RunStrategy::Once => object.status.created != Some(true),
            // Comes up once when the controller first sees the machine with it. After a failure the controller asks
            // itself for the next start, and what the summary says is true of machines that stay off as well.
            RunStrategy::RerunOnFailure => object.status.run_strategy.as_deref() != Some("RerunOnFailure"),
            RunStrategy::Manual | RunStrategy::Halted => false,
        }
    };
    if starts { Autostart::Yes } else { Autostart::No }
}

/// What the owner chose: a strategy that stands in for another says nothing (see [`StrategyNote`]).
fn power_restore(object: &VirtualMachine) -> PowerRestore {
    match StrategyNote::chosen(object) {
        RunStrategy::Always => PowerRestore::AlwaysOn,
        RunStrategy::RerunOnFailure => PowerRestore::LastState,
        RunStrategy::Manual | RunStrategy::Once | RunStrategy::Halted => PowerRestore::AlwaysOff,
    }
}

/// Whether what is written for a strategy was written for another than the owner's.
fn overruled(object: &VirtualMachine) -> Overruled {
    let boot = BootRecord::read(&object.metadata.annotations);
    if boot.is_some_and(|record| record.at_odds_with(StrategyNote::chosen(object))) {
        return Overruled::Yes;
    }
    StrategyNote::overruled(object)
}

/// Whether a strategy stands in for what the owner chose while the machine starts or runs.
fn power_restore_deferred(object: &VirtualMachine) -> bool {
    let strategy = object.run_strategy();
    matches!(strategy, RunStrategy::Always | RunStrategy::Once) && StrategyNote::chosen(object) != strategy
}

/// A description is shown as a line or two; more is not kept.
const LONGEST_TEXT: usize = 512;

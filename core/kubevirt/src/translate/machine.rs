//! `VirtualMachine` to [`Machine`].

use uuid::Uuid;

use super::{firmware, hardware, outlook, time, trouble, uid, version, vm_id};
use crate::annotation::{
    self, BootRecord, LeftOutRecord, MediaRecord, On, PowerOnRecord, PowerRequestsRecord, StrategyNote, TrustRecord,
};
use crate::defaults::{self, absent_interfaces};
use crate::firmware_record::FirmwareRecord;
use crate::model::{
    Firmware, IgnoredNote, ImportId, Machine, Medium, Names, PowerRestore, Slot, Superseded, VmId, plain,
};
use crate::object::{Condition, Metadata, RunStrategy, TemplateSpec, VirtualMachine, condition};
use crate::others_medium::OthersMedium;

/// The machine that an object defines; `None` if its name is none.
pub(crate) fn machine(object: &VirtualMachine) -> Option<Machine> {
    let metadata = &object.metadata;
    let id = vm_id(metadata)?;
    let template = &object.spec.template.spec;
    let effective = defaults::applied(object);
    let outlook = outlook(object);
    let conditions = &object.status.conditions;
    let media = Slot::ALL.iter().filter_map(|slot| medium(object, &id, *slot)).collect();
    let order = BootRecord::own_order(BootRecord::written(object).as_ref(), template);
    let annotations = &metadata.annotations;
    let trust = Slot::ALL.iter().filter_map(|slot| TrustRecord::read(annotations, *slot).to_model(*slot)).collect();
    Some(Machine {
        uid: uid(metadata),
        version: version(metadata),
        labels: metadata.labels.0.iter().take(MOST_LABELS).cloned().collect(),
        description: annotations.description.as_deref().map(|text| plain(text, LONGEST_TEXT)),
        created: time(metadata.creation_timestamp.as_deref()),
        deleting: metadata.deleting(),
        pending_power_on: PowerOnRecord::read(object).and_then(|record| record.to_model(object)).map(Box::new),
        power_note: PowerRequestsRecord::read(object).map(Box::new),
        firmware: Firmware {
            uuid: Some(firmware_uuid(template, id.name())),
            serial: template.domain.firmware.serial.clone(),
            settings: Box::new(firmware::settings(&effective, object.has_preference())),
        },
        processors: hardware::processors(&effective).unwrap_or_else(|| hardware::one_processor(template)),
        memory: hardware::memory(&effective.domain).unwrap_or(0),
        drives: hardware::drives(&effective, &order, &object.spec.data_volume_templates),
        nics: hardware::nics(&effective, &order),
        leaving_nics: absent_interfaces(template).cloned().collect(),
        boot: BootRecord::read(object).map(|record| record.to_model(template)).unwrap_or_default(),
        media,
        left_out: LeftOutRecord::read(object).map(Box::new),
        ignored: ignored(metadata),
        trust,
        restart_required: condition(conditions, "RestartRequired").is_some_and(Condition::is_true),
        trouble: trouble::of(&object.status, &outlook),
        outlook,
        size: object.spec.instancetype.name.as_deref().map(Into::into),
        names: names(object),
        asset_tag: annotations.tag().map(Into::into),
        indicator: annotation::indicator(&metadata.annotations),
        power_restore: power_restore(object),
        power_restore_deferred: power_restore_deferred(object),
        starts_kernel: object.spec.template.spec.starts_kernel(),
        superseded: superseded(object),
        id,
    })
}

/// What the definition names beside what decisions are made by.
fn names(object: &VirtualMachine) -> Option<Box<Names>> {
    let hostname = object.spec.template.spec.hostname.clone();
    let names = Names {
        preference: object.spec.preference.name.as_deref().map(Into::into),
        host: hostname.filter(|name| !name.is_empty() && Some(&**name) != object.metadata.name.as_deref()),
    };
    (names != Names::default()).then(|| Box::new(names))
}

/// What the guest's firmware says it is. To machines that were defined without one the controller gives one that is made
/// of their name (`CalculateLegacyUUID` of virt-controller), always the same.
fn firmware_uuid(template: &TemplateSpec, name: &str) -> Box<str> {
    const NAMESPACE: Uuid = Uuid::from_u128(0x6a1a_24a1_4061_4607_8bf4_a396_3d0c_5895);
    let own = template.domain.firmware.uuid.as_deref().filter(|uuid| !uuid.is_empty());
    // Whatever its notation, the guest sees one; and what is none at all stays what it is.
    let notation =
        |text: &str| Uuid::try_parse(text.trim()).map_or_else(|_| text.into(), |uuid| uuid.to_string().into());
    own.map_or_else(|| Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string().into(), notation)
}

/// What stands in its annotations and is ignored.
fn ignored(metadata: &Metadata) -> Option<Box<[IgnoredNote]>> {
    let notes: Box<[IgnoredNote]> = metadata.annotations.ignored(On::Machine).collect();
    (!notes.is_empty()).then_some(notes)
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

/// What the owner chose: a strategy that stands in for another says nothing (see [`StrategyNote`]).
fn power_restore(object: &VirtualMachine) -> PowerRestore {
    match StrategyNote::chosen(object) {
        RunStrategy::Always => PowerRestore::AlwaysOn,
        RunStrategy::RerunOnFailure => PowerRestore::LastState,
        RunStrategy::Manual | RunStrategy::Once | RunStrategy::Halted => PowerRestore::AlwaysOff,
    }
}

/// Whether something that is noted down is not so any more: a strategy for another than the owner's, an override that the
/// template does not bear out, a pending power-on about another machine.
fn superseded(object: &VirtualMachine) -> Superseded {
    let boot = BootRecord::read(object);
    let is_stale = boot.is_none() && BootRecord::written(object).is_some();
    if is_stale
        || boot.is_some_and(|record| record.at_odds_with(StrategyNote::chosen(object)))
        || FirmwareRecord::written(&object.metadata.annotations).is_stale(object)
        || annotation::foreign_notes(object).next().is_some()
    {
        return Superseded::Yes;
    }
    StrategyNote::superseded(object)
}

/// Whether a strategy stands in for what the owner chose while the machine starts or runs.
fn power_restore_deferred(object: &VirtualMachine) -> bool {
    let (strategy, chosen) = (object.run_strategy(), StrategyNote::chosen(object));
    match strategy {
        RunStrategy::Always | RunStrategy::Once => chosen != strategy,
        // What kept the machine off until it was started again.
        RunStrategy::Manual => matches!(chosen, RunStrategy::Always | RunStrategy::RerunOnFailure),
        RunStrategy::RerunOnFailure | RunStrategy::Halted => false,
    }
}

/// A description is shown as a line or two; more is not kept.
const LONGEST_TEXT: usize = 512;

/// By which machines are selected; nobody gives them more.
const MOST_LABELS: usize = 256;

//! From what a machine was and what it is to events about it.

use std::sync::Arc;

use crate::coverage::Part;
use crate::event::{Audience, Draft, EventType, Origin};
use crate::messages::{Definition, Message, Severity, resource_event};
use crate::model::{ImportState, PowerState, Severity as TroubleSeverity, Slot};
use crate::route::Route;
use crate::view::{View, Vm};

/// A machine as it was shown before something changed.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    /// The name under which it was shown.
    pub(crate) name: Box<str>,
    pub(crate) vm: Arc<Vm>,
}

/// What is to be told of a machine that was `before` and is `after` now, as `view` shows it.
pub(crate) fn changes(view: &View, before: Option<&Before>, after: Option<&Arc<Vm>>) -> Vec<Draft> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(after)) => vec![created(view, after, &[])],
        (Some(before), None) => vec![removed(before, &[])],
        (Some(before), Some(after)) if before.vm.machine.uid != after.machine.uid => {
            vec![removed(before, &[]), created(view, after, &[])]
        }
        (Some(before), Some(after)) => altered(view, before, after),
    }
}

fn created(view: &View, vm: &Vm, except: &[u16]) -> Draft {
    let origin = Origin::of(Route::System(view.shown_name(&vm.machine.id)), SYSTEM);
    let audience = Audience::Seeing { any: vm.chassis.clone(), none: except.into() };
    Draft::of_resource(&Message::new(&resource_event::CREATED, []), EventType::ResourceAdded, origin, audience)
}

fn removed(before: &Before, except: &[u16]) -> Draft {
    let origin = Origin { gone: true, ..Origin::of(Route::System(&before.name), SYSTEM) };
    let audience = Audience::Seeing { any: before.vm.chassis.clone(), none: except.into() };
    Draft::of_resource(&Message::new(&resource_event::REMOVED, []), EventType::ResourceRemoved, origin, audience)
}

fn altered(view: &View, before: &Before, vm: &Arc<Vm>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let was = &before.vm;
    let name = view.shown_name(&vm.machine.id);
    if was.chassis != vm.chassis {
        // Who sees it only now, or not any more: for them it came, or went.
        drafts.push(created(view, vm, &was.chassis));
        drafts.push(removed(before, &vm.chassis));
    }
    let told = |origin: Origin, message: &Message, event_type| {
        let audience = Audience::Seeing { any: vm.chassis.clone(), none: Box::default() };
        Draft::of_resource(message, event_type, origin, audience)
    };
    let system = || Origin::of(Route::System(name), SYSTEM);
    if let Some(message) = power(was.power_state(), vm.power_state(), &system().uri) {
        drafts.push(told(system(), &message, EventType::StatusChange));
    }
    let (worse, now) = (health(was), health(vm));
    if worse != now {
        drafts.push(told(system(), &status(now, &system().uri), urgency(now)));
    }
    if is_defined_otherwise(was, vm) {
        drafts.push(told(system(), &Message::new(&resource_event::CHANGED, []), EventType::ResourceUpdated));
    }
    for slot in Slot::SHOWN {
        let drive = || Origin::of(Route::VirtualMedia(name, *slot), "VirtualMedia");
        let changed = was.medium(*slot).map(|medium| (&medium.image, &medium.import))
            != vm.medium(*slot).map(|medium| (&medium.image, &medium.import));
        let (was_failing, failing) = (has_failed(was, *slot), has_failed(vm, *slot));
        let finished = !changed && is_loading(was, *slot) && !is_loading(vm, *slot) && !failing;
        if changed || finished {
            drafts.push(told(drive(), &Message::new(&resource_event::CHANGED, []), EventType::ResourceUpdated));
        }
        if failing && !was_failing {
            let message = status(Severity::Critical, &drive().uri);
            drafts.push(told(drive(), &message, urgency(Severity::Critical)));
        }
    }
    drafts
}

fn power(was: PowerState, now: PowerState, uri: &str) -> Option<Message> {
    let definition: &'static Definition = match (was, now) {
        (was, now) if was == now => return None,
        // It was on all the time; its state is what changed.
        (PowerState::Paused, PowerState::On) => {
            return Some(Message::new(&resource_event::STATE_CHANGED, [uri, "Enabled"]));
        }
        (_, PowerState::On) => &resource_event::POWERED_ON,
        (_, PowerState::Off) => &resource_event::POWERED_OFF,
        (_, PowerState::PoweringOn) => &resource_event::POWERING_ON,
        (_, PowerState::PoweringOff) => &resource_event::POWERING_OFF,
        (_, PowerState::Paused) => &resource_event::PAUSED,
    };
    Some(Message::new(definition, [uri]))
}

fn status(health: Severity, uri: &str) -> Message {
    let definition = match health {
        Severity::Ok => &resource_event::STATUS_OK,
        Severity::Warning => &resource_event::STATUS_WARNING,
        Severity::Critical => &resource_event::STATUS_CRITICAL,
    };
    Message::new(definition, [uri, health.name()])
}

/// Clients of older versions subscribe to alerts, by which they mean what needs someone to look after it.
fn urgency(health: Severity) -> EventType {
    match health {
        Severity::Ok => EventType::StatusChange,
        Severity::Warning | Severity::Critical => EventType::Alert,
    }
}

fn health(vm: &Vm) -> Severity {
    of_severity(vm.severity())
}

fn of_severity(severity: Option<TroubleSeverity>) -> Severity {
    match severity {
        None => Severity::Ok,
        Some(TroubleSeverity::Warning) => Severity::Warning,
        Some(TroubleSeverity::Critical) => Severity::Critical,
    }
}

/// Whether anything that a system shows has another value, but for what has events of its own.
fn is_defined_otherwise(was: &Vm, vm: &Vm) -> bool {
    let (one, other) = (&was.machine, &vm.machine);
    (one.boot.target, one.boot.enabled) != (other.boot.target, other.boot.enabled)
        || one.firmware != other.firmware
        || one.description != other.description
        || one.asset_tag != other.asset_tag
        || one.indicator != other.indicator
        || one.power_restore != other.power_restore
        || one.size != other.size
        || one.names != other.names
        || one.drives.iter().map(|drive| drive.capacity).ne(other.drives.iter().map(|drive| drive.capacity))
        || one.nics.iter().map(|nic| &nic.mac).ne(other.nics.iter().map(|nic| &nic.mac))
        || was.processors() != vm.processors()
        || was.memory() != vm.memory()
}

/// What is to be told of a chassis whose systems are seen worse or better than before. One event for all of them: they are
/// well, it is only not known whether they still are.
pub(crate) fn coverage_change(view: &View, index: u16, was: &Part, part: &Part) -> Option<Draft> {
    let (before, now) = (of_severity(was.severity()), of_severity(part.severity()));
    // What is listed for the first time is no news, nor that it is on the way to be well again.
    let is_news = match (before, now) {
        (_, Severity::Ok) => before != Severity::Ok && was.is_settled(),
        (Severity::Ok, Severity::Warning) | (Severity::Ok | Severity::Warning, Severity::Critical) => true,
        (Severity::Warning | Severity::Critical, _) => false,
    };
    if !is_news {
        return None;
    }
    let name = view.config.chassis.get(usize::from(index))?.name.as_str();
    let origin = Origin::of(Route::Chassis(name), "Chassis");
    let audience = Audience::Seeing { any: [index].into(), none: Box::default() };
    let message = status(now, &origin.uri);
    // Another replica may see what this one does not.
    Some(Draft::of_resource(&message, urgency(now), origin, audience).seen_alone())
}

fn has_failed(vm: &Vm, slot: Slot) -> bool {
    matches!(vm.import(slot).map(|import| &import.state), Some(ImportState::Failed { .. }))
}

fn is_loading(vm: &Vm, slot: Slot) -> bool {
    matches!(vm.import(slot).map(|import| &import.state), Some(ImportState::Pending | ImportState::Running { .. }))
}

const SYSTEM: &str = "ComputerSystem";

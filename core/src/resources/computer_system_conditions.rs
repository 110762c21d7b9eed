//! What is worth knowing of a system beside its state: `Status.Conditions`, schema `Resource`.
//!
//! Nothing in them changes with time alone, and nothing follows a change of the boot override by a moment: an entity tag
//! that was just read stays good.

use super::condition::Condition;
use super::{computer_system_boot, coverage, task};
use crate::messages::{Message, cluster};
use crate::model::{BootEnabled, Instance, Severity, Trouble};
use crate::view::{View, Vm};

pub(super) fn conditions(view: &View, vm: &Vm) -> Vec<Condition> {
    let machine = &vm.machine;
    let trouble = machine.trouble.as_ref().map(trouble);
    let left_out = machine.left_out.as_deref().map(task::left_out);
    let pending_power_on = machine.pending_power_on.as_ref().filter(|pending_power_on| !pending_power_on.superseded);
    let deferred = pending_power_on.map(|_| task::deferred(vm));
    let boot = computer_system_boot::condition(view, vm);
    let unheard = vm.instance.as_deref().filter(|instance| instance.unheard).map(unheard);
    // An override, and what undoes it, is known without this, and earlier.
    let own = machine.boot.enabled != BootEnabled::Disabled || boot.is_some();
    let restart = (machine.restart_required && !own).then(|| Message::new(&cluster::RESTART_PENDING, []));
    // What explains comes before what the cluster makes of it.
    let unseen = coverage::of_age(view.age(vm));
    let all = [unseen, unheard, boot, left_out, deferred, trouble, restart].into_iter().flatten().chain(ignored(vm));
    all.map(|message| Condition::from(&message)).collect()
}

/// What stands with the machine, or with images that are fetched for it, and is ignored.
fn ignored(vm: &Vm) -> impl Iterator<Item = Message> {
    let notes = vm.machine.ignored.iter().flatten().chain(vm.imports.iter().flat_map(|import| &import.ignored));
    notes.map(|note| Message::new(&cluster::ANNOTATION_IGNORED, [note.name, note.why]))
}

fn unheard(instance: &Instance) -> Message {
    Message::new(&cluster::HOST_NOT_HEARD, [instance.host.as_deref().unwrap_or("(unknown)")])
}

fn trouble(trouble: &Trouble) -> Message {
    let definition = match trouble.severity {
        Severity::Warning => &cluster::SYSTEM_IMPAIRED,
        Severity::Critical => &cluster::SYSTEM_FAILING,
    };
    Message::new(definition, [&*trouble.reason, trouble.message.as_deref().unwrap_or("no more is said")])
}

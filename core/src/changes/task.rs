//! From what a task was and what it is to events about it.

use crate::event::{Audience, Draft, EventType, Origin};
use crate::intent::OutcomeKind;
use crate::messages::{Message, task_event};
use crate::route::Route;
use crate::task::{End, Progress, Task, Work};
use crate::view::View;

/// How far a task is, as far as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not begun, or being called off.
    Quiet,
    /// Under way, so many steps of ten percent.
    Running(u8),
    /// Over; whether it was a success.
    Ended(bool),
}

/// What is to be told of a task that was `before` and is `after` now.
///
/// An insertion begins when its import does, and succeeds with it: what every replica sees of it each tells once.
pub(crate) fn task_changes(view: &View, before: Option<&Task>, after: Option<&Task>) -> Option<Draft> {
    let task = after.or(before)?;
    let id = task.id.as_str();
    let told = |definition, event_type| Some((Message::new(definition, [id]), event_type));
    let (message, event_type) = match (before.map(stage), after.map(stage)) {
        (Some(Stage::Ended(_)), None) => told(&task_event::TASK_REMOVED, EventType::ResourceRemoved),
        (_, None) => told(&task_event::TASK_CANCELLED, EventType::ResourceRemoved),
        (was, Some(Stage::Ended(success))) if was != Some(Stage::Ended(success)) => {
            if success {
                told(&task_event::TASK_COMPLETED_OK, EventType::StatusChange)
            } else {
                told(&task_event::TASK_ABORTED, EventType::Alert)
            }
        }
        (Some(Stage::Running(was)), Some(Stage::Running(steps))) if was < steps => {
            let percent = (10 * u16::from(steps)).to_string();
            let message = Message::new(&task_event::TASK_PROGRESS_CHANGED, [id, &percent]);
            Some((message, EventType::ResourceUpdated))
        }
        (None | Some(Stage::Quiet | Stage::Ended(_)), Some(Stage::Running(_)))
            if !before.is_some_and(is_called_off) =>
        {
            told(&task_event::TASK_STARTED, EventType::StatusChange)
        }
        (_, Some(_)) => None,
    }?;
    let vm = view.machine_of(task)?;
    let origin = Origin { gone: after.is_none(), ..Origin::of(Route::Task(id), "Task") };
    let audience = Audience::Seeing { any: vm.chassis.clone(), none: Box::default() };
    let draft = Draft::of_resource(&message, event_type, origin, audience);
    Some(match task.work {
        Work::Request { pending_power_on: false, .. } => draft.seen_alone(),
        Work::Request { pending_power_on: true, .. } | Work::Import(_) | Work::PowerOn { .. } => draft,
    })
}

fn stage(task: &Task) -> Stage {
    match task.progress() {
        Progress::Running(_) | Progress::Ended(End::Request(_, OutcomeKind::Done)) if is_insertion(task) => {
            Stage::Quiet
        }
        Progress::Ended(End::Imported | End::Request(_, OutcomeKind::Done) | End::PowerOn(OutcomeKind::Done)) => {
            Stage::Ended(true)
        }
        Progress::Ended(End::ImportFailed(_) | End::Request(..) | End::PowerOn(_)) => Stage::Ended(false),
        Progress::Running(percent) => Stage::Running(percent.unwrap_or(0).min(100) / 10),
        Progress::Pending | Progress::Cancelling => Stage::Quiet,
    }
}

/// Whether it is the request for an import, rather than the import.
fn is_insertion(task: &Task) -> bool {
    matches!(task.work, Work::Request { .. }) && task.id.import().is_some()
}

fn is_called_off(task: &Task) -> bool {
    matches!(task.progress(), Progress::Cancelling)
}

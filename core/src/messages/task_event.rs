//! The Task Event registry: the entries that this service emits, in its own words.
//!
//! Keys, arguments and severities are those of DMTF's `TaskEvent.1.0`.

use super::{Definition, Severity};

/// The registry and its version, as message ids begin.
const REGISTRY: &str = "TaskEvent.1.0";

const fn notice(key: &'static str, text: &'static str, severity: Severity) -> Definition {
    Definition { registry: REGISTRY, key, text, severity, resolution: "None." }
}

pub(crate) const TASK_STARTED: Definition = notice("TaskStarted", "The task '%1' has begun.", Severity::Ok);

pub(crate) const TASK_PROGRESS_CHANGED: Definition =
    notice("TaskProgressChanged", "The task '%1' is done to %2 percent.", Severity::Ok);

pub(crate) const TASK_COMPLETED_OK: Definition =
    notice("TaskCompletedOK", "The task '%1' has ended as it should.", Severity::Ok);

pub(crate) const TASK_ABORTED: Definition = Definition {
    resolution: "Read the task, or its monitor, for what went wrong.",
    ..notice("TaskAborted", "The task '%1' has ended without success.", Severity::Critical)
};

pub(crate) const TASK_CANCELLED: Definition =
    notice("TaskCancelled", "The task '%1' was called off before its end.", Severity::Warning);

pub(crate) const TASK_REMOVED: Definition =
    notice("TaskRemoved", "The task '%1', which had ended, is not kept any longer.", Severity::Warning);

/// Every entry.
#[cfg(test)]
pub(crate) const ALL: &[Definition] =
    &[TASK_STARTED, TASK_PROGRESS_CHANGED, TASK_COMPLETED_OK, TASK_ABORTED, TASK_CANCELLED, TASK_REMOVED];

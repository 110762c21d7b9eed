//! The Task Event registry: the entries that this service emits, in its own words.
//!
//! Keys, arguments and severities are those of DMTF's `TaskEvent.1.0`.

use super::{Definition, Severity};

/// The registry and its version, as message ids begin.
const REGISTRY: &str = "TaskEvent.1.0";

pub(crate) const TASK_STARTED: Definition = Definition {
    registry: REGISTRY,
    key: "TaskStarted",
    text: "The task '%1' has begun.",
    severity: Severity::Ok,
    resolution: "None.",
};

pub(crate) const TASK_PROGRESS_CHANGED: Definition = Definition {
    registry: REGISTRY,
    key: "TaskProgressChanged",
    text: "The task '%1' is done to %2 percent.",
    severity: Severity::Ok,
    resolution: "None.",
};

pub(crate) const TASK_COMPLETED_OK: Definition = Definition {
    registry: REGISTRY,
    key: "TaskCompletedOK",
    text: "The task '%1' has ended as it should.",
    severity: Severity::Ok,
    resolution: "None.",
};

/// Every entry.
#[cfg(test)]
pub(crate) const ALL: &[Definition] = &[TASK_STARTED, TASK_PROGRESS_CHANGED, TASK_COMPLETED_OK];

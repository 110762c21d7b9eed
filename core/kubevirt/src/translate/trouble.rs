//! What keeps a machine from working.

use crate::model::{Next, Outlook, Severity, Trouble, plain};
use crate::object::{MachineStatus, condition};

/// Reads it off the summary and the `Failure` condition.
///
/// The other conditions are copies of an instance's and outlive it (facts, section 5): never read here.
pub(super) fn of(status: &MachineStatus, outlook: &Outlook) -> Option<Trouble> {
    let failure = condition(&status.conditions, "Failure").filter(|failure| failure.is_true());
    let message = || failure.and_then(|failure| failure.message.as_deref()).map(|text| plain(text, LONGEST_MESSAGE));
    let off = status.created != Some(true) && outlook.absent == Next::Nothing;
    let summary = status.printable_status.as_deref().unwrap_or_default();
    let severity = match summary {
        // Says so of a machine that is off as well: then it is a warning about the next start.
        "DataVolumeError" if off => Some(Severity::Warning),
        // A start that was called off before there was a guest counts as one that failed, and nobody forgets it.
        "CrashLoopBackOff" if off => None,
        "ErrorUnschedulable" | "ErrorPvcNotFound" | "DataVolumeError" | "ErrImagePull" | "ImagePullBackOff"
        | "CrashLoopBackOff" => Some(Severity::Critical),
        "Unknown" => Some(Severity::Warning),
        _ => None,
    };
    if let Some(severity) = severity {
        return Some(Trouble { severity, reason: summary.into(), message: message() });
    }
    let failure = failure?;
    let reason = failure.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("Failure");
    // A medium that could not be attached does the running guest no harm (facts, section 6, hotplug rule 7).
    let severity = if reason == "HotPlugVolumeError" { Severity::Warning } else { Severity::Critical };
    Some(Trouble { severity, reason: reason.into(), message: message() })
}

/// Explanations of webhooks may be long; this much is kept.
const LONGEST_MESSAGE: usize = 512;

//! `DataVolume` to [`Import`].

use super::{time, version};
use crate::annotation::{MANAGED_BY, MANAGER, On};
use crate::model::{Import, ImportId, ImportState, VmId, plain};
use crate::object::{Condition, DataVolume, Metadata, Object, condition};
use crate::time::UnixTime;

/// The import that an object stands for; `None` if it is not the service's own.
pub(crate) fn import(object: &DataVolume) -> Option<Import> {
    let metadata = &object.metadata;
    if metadata.label(MANAGED_BY) != Some(MANAGER) {
        return None;
    }
    let id = import_id(metadata)?;
    let owners = metadata.owner_references.iter().filter(|owner| owner.kind.as_deref() == Some("VirtualMachine"));
    let owners = owners.filter_map(|owner| owner.name.as_deref());
    // One that was made for a machine is known by it also when nobody owns it any more.
    let named: Vec<&str> = match metadata.annotations.virtual_machine.as_deref() {
        Some(name) if !id.is_shared() => vec![name],
        Some(_) | None => owners.collect(),
    };
    let state = state(object);
    Some(Import {
        machines: named.into_iter().filter_map(|name| VmId::new(&id.namespace, name)).collect(),
        version: version(metadata),
        started: time(metadata.creation_timestamp.as_deref()),
        claimed: claimed(metadata),
        ended: ended(object, &state),
        awaits_machine: matches!(object.status.phase.as_deref(), Some("WaitForFirstConsumer" | "PendingPopulation")),
        deleting: metadata.deleting(),
        ignored: metadata.annotations.ignored(On::Import).collect(),
        state,
        id,
    })
}

/// When a machine last began to use it.
fn claimed(metadata: &Metadata) -> Option<UnixTime> {
    let made = time(metadata.creation_timestamp.as_deref());
    time(metadata.annotations.claimed.as_deref()).max(made)
}

fn import_id(metadata: &Metadata) -> Option<ImportId> {
    Some(ImportId { namespace: metadata.namespace.clone()?, name: metadata.name.clone()? })
}

/// When the condition that says that it has ended became so.
fn ended(object: &DataVolume, state: &ImportState) -> Option<UnixTime> {
    let conditions = &object.status.conditions;
    let said = match state {
        ImportState::Pending | ImportState::Running { .. } => return None,
        ImportState::Succeeded => condition(conditions, "Ready"),
        ImportState::Failed { .. } => failure(conditions).or_else(|| condition(conditions, "Running")),
    };
    time(said?.last_transition_time.as_deref())
}

fn state(object: &DataVolume) -> ImportState {
    let status = &object.status;
    let phase = status.phase.as_deref().unwrap_or_default();
    if phase == "Succeeded" {
        return ImportState::Succeeded;
    }
    let failure = failure(&status.conditions);
    if phase == "Failed" || failure.is_some() {
        let message = failure.and_then(|failure| failure.message.as_deref()).filter(|message| !message.is_empty());
        return ImportState::Failed { message: plain(message.unwrap_or("the import failed"), LONGEST_MESSAGE) };
    }
    match phase {
        "" | "Pending" | "PVCBound" | "ImportScheduled" | "WaitForFirstConsumer" | "PendingPopulation" | "Unknown" => {
            ImportState::Pending
        }
        _ => ImportState::Running { percent: status.progress.as_deref().and_then(percent) },
    }
}

/// The condition that says why an import fails.
///
/// A failing one stays in `ImportInProgress` while its pod is restarted again and again; the reason is in `Running`, and
/// is the one that the importer's container ended for, or CDI's own word for an image that cannot be pulled. A first
/// failure that was overcome leaves a restart count and no error. A quota that leaves no room for the volume is in
/// `Bound`, which is `Unknown` then.
fn failure(conditions: &[Object<Condition>]) -> Option<&Condition> {
    let given = |kind: &str, reasons: &[&str]| {
        let said = condition(conditions, kind)?;
        (!said.is_true() && reasons.contains(&said.reason.as_deref()?)).then_some(said)
    };
    given("Running", &FAILED).or_else(|| given("Bound", &["ErrExceededQuota"]))
}

/// Reasons for which a container ends, or never runs, without success. Not `Completed`, nor `ScratchSpaceRequired`, after
/// which the importer is started again with more room, nor what a container waits for: it may come, as our `Secret` does.
const FAILED: [&str; 7] = [
    "Error",
    "OOMKilled",
    "ContainerCannotRun",
    "StartError",
    "ContainerStatusUnknown",
    "DeadlineExceeded",
    "ImagePullFailed",
];

/// `12.34%` is 12; `N/A` is nothing.
fn percent(progress: &str) -> Option<u8> {
    let whole = progress.strip_suffix('%')?.split('.').next()?;
    whole.parse::<u8>().ok().map(|percent| percent.min(100))
}

/// What an importer says may be long; this much is kept.
const LONGEST_MESSAGE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_has_failed_when_its_importer_has_or_there_is_no_room_for_its_volume() {
        let failed = ["Error", "OOMKilled", "ContainerCannotRun", "StartError", "ImagePullFailed"];
        let waits =
            ["Completed", "ScratchSpaceRequired", "ContainerCreating", "CreateContainerConfigError", "Pending", ""];
        let running = failed.map(|reason| ("Running", "False", reason, true)).into_iter();
        let running = running.chain(waits.map(|reason| ("Running", "False", reason, false)));
        let bound = [
            ("Running", "True", "OOMKilled", false),
            ("Bound", "Unknown", "ErrExceededQuota", true),
            ("Bound", "False", "ErrExceededQuota", true),
            ("Bound", "True", "ErrExceededQuota", false),
            ("Bound", "False", "Pending", false),
            ("Ready", "False", "Error", false),
        ];
        for (kind, status, reason, fails) in running.chain(bound) {
            let object = serde_json::json!({
                "metadata": { "name": "iso", "namespace": "lab", "labels": { MANAGED_BY: MANAGER } },
                "status": { "phase": "Pending", "conditions": [
                    { "type": "Other", "status": "False", "reason": "Error" },
                    { "type": kind, "status": status, "reason": reason, "message": "no room",
                        "lastTransitionTime": "2026-11-21T10:00:00Z" },
                ] },
            });
            let import = import(&serde_json::from_value(object).expect("an object")).expect("an import of ours");
            let expected = if fails { ImportState::Failed { message: "no room".into() } } else { ImportState::Pending };
            assert_eq!(import.state, expected, "{kind} {status} {reason}");
            assert_eq!(import.ended.is_some(), fails, "{kind} {status} {reason}");
        }
    }

    #[test]
    fn progress_is_whole_percents() {
        for (text, expected) in [
            ("12.34%", Some(12)),
            ("100.0%", Some(100)),
            ("0%", Some(0)),
            ("N/A", None),
            ("", None),
            ("200%", Some(100)),
            ("-1%", None),
        ] {
            assert_eq!(percent(text), expected, "{text}");
        }
    }
}

//! Images that are in the cluster already: a `DataVolume` or a claim of the machine's own namespace.
//!
//! They belong to somebody else, who has said by a label that machines may have them; they are never changed or removed.

use super::engine::Decision;
use super::snapshot::Snapshot;
use crate::annotation::{MANAGED_BY, MANAGER, MEDIA};
use crate::model::{CommandError, ObjectName};
use crate::object::Metadata;

/// What stands in the way of using this `DataVolume`, if anything does.
pub(super) fn data_volume(snapshot: &Snapshot<'_>, name: &ObjectName) -> Option<Decision> {
    let volume = snapshot.import.there().filter(|volume| is_offered(&volume.metadata));
    let Some(volume) = volume else { return Some(not_there("DataVolume", name)) };
    if volume.metadata.deleting() {
        return Some(conflict(format!("the DataVolume {name} is being removed")));
    }
    let filled = volume.status.phase.as_deref() == Some("Succeeded");
    (!filled).then(|| conflict(format!("the DataVolume {name} has not been filled yet")))
}

/// What stands in the way of using this claim, if anything does.
pub(super) fn claim(snapshot: &Snapshot<'_>, name: &ObjectName) -> Option<Decision> {
    let claim = snapshot.claim.there().filter(|claim| is_offered(&claim.metadata));
    let Some(claim) = claim else { return Some(not_there("PersistentVolumeClaim", name)) };
    claim.metadata.deleting().then(|| going(name))
}

/// A claim that nobody new gets.
pub(super) fn going(name: &ObjectName) -> Decision {
    conflict(format!("the PersistentVolumeClaim {name} is being removed"))
}

/// Whether its owner lets machines have it. What was imported for one machine goes when that machine ejects it.
fn is_offered(metadata: &Metadata) -> bool {
    metadata.label(MEDIA) == Some("true") && metadata.label(MANAGED_BY) != Some(MANAGER)
}

/// The same for what is not there and what is not offered: whoever asks learns nothing of other volumes.
fn not_there(kind: &str, name: &ObjectName) -> Decision {
    let reason = format!("the namespace has no {kind} named {name} with the label {MEDIA}=true");
    Decision::Fail(CommandError::Refused(reason))
}

fn conflict(reason: String) -> Decision {
    Decision::Fail(CommandError::Conflict(reason))
}

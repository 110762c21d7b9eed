//! An import that no drive of its machine holds: of an insertion that was cut short, of an ejection that could not
//! remove it, or of an earlier machine of the same name. One that serves other machines as well stays with them.

use super::data_volume::ours;
use super::engine::{Decision, Purpose, Task};
use super::shared_import::{is_shared, release};
use super::snapshot::{NamedImport, Snapshot};
use crate::annotation::{MANAGED_BY, MANAGER, MediaRecord};
use crate::model::{ImportId, ObjectName, Slot};
use crate::object::{VirtualMachine, Volume};
use crate::time::UnixTime;
use crate::translate;

/// An orphan on its way out.
#[derive(Debug)]
pub(super) struct RemoveOrphan {
    import: ObjectName,
    made: UnixTime,
}

impl RemoveOrphan {
    pub(super) fn new(import: &ImportId, made: UnixTime) -> Self {
        Self { import: import.name.clone(), made }
    }

    /// Whether it is what was taken for an orphan, and is one.
    fn is_orphan(&self, import: &NamedImport, snapshot: &Snapshot<'_>) -> bool {
        let metadata = &import.metadata;
        let made_for_it = if is_shared(import) {
            ours(import, snapshot.command)
        } else {
            metadata.annotations.virtual_machine.as_deref() == Some(snapshot.command.vm.name())
        };
        metadata.label(MANAGED_BY) == Some(MANAGER)
            && made_for_it
            && translate::import(import).is_some_and(|import| import.claimed == Some(self.made))
            && !metadata.deleting()
            && !is_used(snapshot.machine, &self.import)
    }
}

impl Task for RemoveOrphan {
    fn import(&self, _machine: &VirtualMachine) -> Option<ObjectName> {
        Some(self.import.clone())
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let Some(import) = snapshot.import.there().filter(|import| self.is_orphan(import, snapshot)) else {
            return Decision::Done;
        };
        Decision::Write(release(import, snapshot.command, Purpose::Main))
    }
}

/// Whether a drive of the machine holds it, or a volume that somebody else made of it.
pub(super) fn is_used(machine: &VirtualMachine, import: &ObjectName) -> bool {
    let holds = |volume: &Volume| {
        let data_volume = volume.data_volume.as_ref().and_then(|source| source.name.as_ref());
        let claim = volume.persistent_volume_claim.as_ref().and_then(|source| source.claim_name.as_ref());
        data_volume == Some(import) || claim == Some(import)
    };
    let recorded =
        |slot: &Slot| MediaRecord::read(machine, *slot).is_some_and(|record| record.holder.import() == Some(import));
    machine.spec.template.spec.volumes.iter().any(|volume| holds(volume)) || Slot::ALL.iter().any(recorded)
}

//! Which servers of images are trusted: kept in an annotation of the machine for each slot.

use super::engine::{Decision, Purpose, Task};
use super::snapshot::Snapshot;
use crate::annotation::{self, TrustRecord};
use crate::model::{CommandError, MOST_CERTIFICATES, Slot, TrustChange};

/// A change of what is trusted.
#[derive(Debug)]
pub(super) struct SetImageTrust {
    slot: Slot,
    change: TrustChange,
}

impl SetImageTrust {
    pub(super) fn new(slot: Slot, change: TrustChange) -> Self {
        Self { slot, change }
    }
}

impl Task for SetImageTrust {
    fn is_of_settings(&self) -> bool {
        true
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let present = TrustRecord::read(&snapshot.machine.metadata.annotations, self.slot);
        let mut wanted = present.clone();
        match &self.change {
            TrustChange::Verify(verify) => wanted.verify = Some(*verify),
            TrustChange::Add(certificate) => {
                wanted.certificates.insert(certificate.id().to_string().into(), certificate.pem().into());
            }
            TrustChange::Remove(id) => {
                wanted.certificates.remove(&*id.to_string());
            }
        }
        if wanted == present {
            return Decision::Done;
        }
        if wanted.certificates.len() > MOST_CERTIFICATES {
            let reason = format!("there are {MOST_CERTIFICATES} certificates already; remove one first");
            return Decision::Fail(CommandError::Conflict(reason));
        }
        let Some(key) = annotation::trust(self.slot) else { return Decision::Done };
        let text = (wanted != TrustRecord::default()).then(|| serde_json::to_string(&wanted).ok()).flatten();
        let patch = snapshot.patch().annotate(key.name(), text.as_deref());
        Decision::Write(patch.into_write(Purpose::Main, snapshot.command))
    }
}

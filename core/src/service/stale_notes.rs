//! What was written on machines for a choice that their owners have taken back since.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Action, Superseded, VmId};
use crate::time::{Instant, Now};
use crate::view::Vm;

/// Machines of which that may be so, and since when.
#[derive(Debug, Default)]
pub(super) struct StaleNotes(BTreeMap<VmId, Instant>);

impl StaleNotes {
    /// A machine is no more.
    pub(super) fn forget(&mut self, vm: &VmId) {
        self.0.remove(vm);
    }

    /// What is to be done about it, and after which time there may be something.
    pub(super) fn due(&mut self, vm: &Vm, now: Now) -> (Option<Action>, Option<Duration>) {
        let id = &vm.machine.id;
        match vm.machine.superseded {
            // Nothing is written on a machine that goes.
            _ if vm.machine.deleting => {
                self.forget(id);
                (None, None)
            }
            Superseded::No => {
                self.forget(id);
                (None, None)
            }
            Superseded::Perhaps => {
                let since = *self.0.entry(id.clone()).or_insert(now.mono);
                let wait = (since + ON_ITS_WAY).saturating_since(now.mono);
                if wait.is_zero() { (Some(Action::DropStaleNotes), None) } else { (None, Some(wait)) }
            }
            Superseded::Yes => (Some(Action::DropStaleNotes), None),
        }
    }
}

/// How long a replica may take for the second half of what it has written the first half of.
const ON_ITS_WAY: Duration = Duration::from_mins(2);

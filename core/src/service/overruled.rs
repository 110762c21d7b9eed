//! What was written on machines for a choice that their owners have taken back since.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Action, Overruled, VmId};
use crate::time::{Instant, Now};
use crate::view::Vm;

/// Machines of which that may be so, and since when.
#[derive(Debug, Default)]
pub(super) struct Overrulings(BTreeMap<VmId, Instant>);

impl Overrulings {
    /// A machine is no more.
    pub(super) fn forget(&mut self, vm: &VmId) {
        self.0.remove(vm);
    }

    /// What is to be done about it, and after which time there may be something.
    pub(super) fn due(&mut self, vm: &Vm, now: Now) -> (Option<Action>, Option<Duration>) {
        let id = &vm.machine.id;
        match vm.machine.overruled {
            // Nothing is written on a machine that goes.
            _ if vm.machine.deleting => {
                self.forget(id);
                (None, None)
            }
            Overruled::No => {
                self.forget(id);
                (None, None)
            }
            Overruled::Perhaps => {
                let since = *self.0.entry(id.clone()).or_insert(now.mono);
                let wait = (since + ON_ITS_WAY).saturating_since(now.mono);
                if wait.is_zero() { (Some(Action::FollowOwner), None) } else { (None, Some(wait)) }
            }
            Overruled::Yes => (Some(Action::FollowOwner), None),
        }
    }
}

/// How long a replica may take for the second half of what it has written the first half of.
const ON_ITS_WAY: Duration = Duration::from_mins(2);

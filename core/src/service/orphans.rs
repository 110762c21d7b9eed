//! Imports that no drive holds: left behind by a replica that ended in the middle of an insertion, by an ejection that
//! could not remove them, or by an earlier machine of the same name.
//!
//! An import is there before its machine names it, so only one that is older than any insertion that may still be under
//! way is an orphan.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Service;
use crate::config::Config;
use crate::model::{Action, ImportId, VmId};
use crate::time::{Instant, Now, UnixTime};
use crate::view::Vm;

/// When orphans that could not be removed are to be tried again.
#[derive(Debug, Default)]
pub(super) struct Orphans(BTreeMap<ImportId, Instant>);

impl Orphans {
    /// An import is no more.
    pub(super) fn forget(&mut self, import: &ImportId) {
        self.0.remove(import);
    }
}

impl Service {
    /// What is to be removed now of what was made for a machine, and after which time there will be more of that.
    pub(super) fn orphans_of(&self, now: Now, vm: &Vm) -> (Vec<Action>, Option<Duration>) {
        let mut due = Vec::new();
        let mut later: Option<Duration> = None;
        for orphan in self.inventory.orphans(&vm.machine) {
            let Some(made) = orphan.started else { continue };
            let tried = self.orphans.0.get(&orphan.id).copied().unwrap_or_default();
            let wait = youth(made, self.inventory.config(), now).max(tried.saturating_since(now.mono));
            if wait.is_zero() {
                due.push(Action::RemoveOrphan { import: orphan.id.clone(), made });
            } else {
                later = Some(later.map_or(wait, |later| later.min(wait)));
            }
        }
        (due, later)
    }

    /// An orphan is about to be removed: if that fails it is tried again, but not at once.
    pub(super) fn orphan_tried(&mut self, now: Now, vm: &VmId, action: &Action) {
        if let Action::RemoveOrphan { import, .. } = action {
            self.orphans.0.insert(import.clone(), now.mono + AGAIN);
            self.look_again(now.mono + AGAIN, vm);
        }
    }
}

/// For how long an import may still be one that an insertion is about to put into a drive.
fn youth(made: UnixTime, config: &Config, now: Now) -> Duration {
    let age = Duration::from_secs(u64::try_from(now.unix.0.saturating_sub(made.0)).unwrap_or(0));
    config.update_timeout.saturating_mul(2).saturating_add(CLOCKS).saturating_sub(age)
}

/// How far the cluster's clock and this one may be apart.
const CLOCKS: Duration = Duration::from_mins(5);

/// How long after an attempt an orphan is tried again.
const AGAIN: Duration = Duration::from_mins(5);

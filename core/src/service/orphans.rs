//! Imports that no drive holds: left behind by a replica that ended in the middle of an insertion, by an ejection that
//! could not remove them, or by an earlier machine of the same name.
//!
//! An import is there before its machine names it, so only one that is older than any insertion that may still be under
//! way is an orphan.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Service;
use super::inventory::Inventory;
use crate::config::Config;
use crate::model::{Action, ImportId, VmId};
use crate::time::{Instant, Now, UnixTime};
use crate::view::Vm;

/// Orphans, and before when each of them is not to be removed.
#[derive(Debug, Default)]
pub(super) struct Orphans(BTreeMap<ImportId, Instant>);

impl Orphans {
    /// An import is no more.
    pub(super) fn forget(&mut self, import: &ImportId) {
        self.0.remove(import);
    }

    /// What is to be removed now of what was made for a machine, and after which time there will be more of that.
    pub(super) fn due(&mut self, inventory: &Inventory, vm: &Vm, now: Now) -> (Vec<Action>, Option<Duration>) {
        // It was there before its machine named it: what counts is since when nobody holds it.
        for import in vm.machine.media.iter().filter_map(|medium| medium.import.as_ref()) {
            self.0.remove(import);
        }
        let mut due = Vec::new();
        let mut later: Option<Duration> = None;
        for orphan in inventory.orphans(&vm.machine) {
            let Some(made) = orphan.claimed else { continue };
            let not_before = *self.0.entry(orphan.id.clone()).or_insert(now.mono + A_MOMENT);
            let wait = youth(made, inventory.config(), now).max(not_before.saturating_since(now.mono));
            if wait.is_zero() {
                due.push(Action::RemoveOrphan { import: orphan.id.clone(), made });
            } else {
                later = Some(later.map_or(wait, |later| later.min(wait)));
            }
        }
        (due, later)
    }
}

impl Service {
    /// An orphan is about to be removed: if that fails it is tried again, but not at once.
    pub(super) fn orphan_tried(&mut self, now: Now, vm: &VmId, action: &Action) {
        if let Action::RemoveOrphan { import, .. } = action {
            self.orphans.0.insert(import.clone(), now.mono + AGAIN);
            self.look_again(now.mono + AGAIN, vm);
        }
    }
}

/// What was made before that, and is in no drive, no insertion is about to put into one.
pub(super) fn orphaned_before(config: &Config, now: Now) -> UnixTime {
    let youth = config.update_timeout.saturating_mul(2).saturating_add(CLOCKS);
    UnixTime(now.unix.0.saturating_sub(i64::try_from(youth.as_secs()).unwrap_or(i64::MAX)))
}

/// For how long an import may still be one that an insertion is about to put into a drive.
fn youth(made: UnixTime, config: &Config, now: Now) -> Duration {
    Duration::from_secs(u64::try_from(made.0.saturating_sub(orphaned_before(config, now).0)).unwrap_or(0))
}

/// How far the cluster's clock and this one may be apart.
const CLOCKS: Duration = Duration::from_mins(5);

/// How long whoever took it out of its drive has to remove it.
const A_MOMENT: Duration = Duration::from_mins(1);

/// How long after an attempt an orphan is tried again.
const AGAIN: Duration = Duration::from_mins(5);

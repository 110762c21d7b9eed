//! A pending power-on that is taken back, before anybody has kept it.

use super::engine::{Decision, Purpose, Task};
use super::snapshot::Snapshot;
use crate::annotation::{PENDING_POWER_ON, PowerOnRecord};

/// A pending power-on on its way out.
#[derive(Debug)]
pub(super) struct CancelPendingPowerOn {
    name: Box<str>,
}

impl CancelPendingPowerOn {
    pub(super) fn new(name: Box<str>) -> Self {
        Self { name }
    }
}

impl Task for CancelPendingPowerOn {
    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        if PowerOnRecord::read(snapshot.machine).is_none_or(|record| record.name != self.name) {
            return Decision::Done;
        }
        Decision::Write(snapshot.patch().annotate(PENDING_POWER_ON, None).into_write(Purpose::Main, snapshot.command))
    }
}

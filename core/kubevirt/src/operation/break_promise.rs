//! A promised power-on that is taken back, before anybody has kept it.

use super::engine::{Decision, Purpose, Task};
use super::scene::Scene;
use crate::annotation::{PENDING_POWER_ON, PowerOnRecord};

/// A promise on its way out.
#[derive(Debug)]
pub(super) struct BreakPromise {
    name: Box<str>,
}

impl BreakPromise {
    pub(super) fn new(name: Box<str>) -> Self {
        Self { name }
    }
}

impl Task for BreakPromise {
    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        if PowerOnRecord::read(scene.machine).is_none_or(|record| record.name != self.name) {
            return Decision::Done;
        }
        Decision::Write(scene.patch().annotate(PENDING_POWER_ON, None).into_write(Purpose::Main, scene.command))
    }
}

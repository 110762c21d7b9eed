//! The operator's asset tag: one annotation.

use super::engine::{Decision, Purpose, Task};
use super::scene::Scene;
use crate::kubevirt::annotation::ASSET_TAG;

#[derive(Debug)]
pub(super) struct SetAssetTag {
    tag: Option<Box<str>>,
}

impl SetAssetTag {
    pub(super) fn new(tag: Option<Box<str>>) -> Self {
        Self { tag }
    }
}

impl Task for SetAssetTag {
    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        if scene.machine.metadata.annotations.asset_tag == self.tag {
            return Decision::Done;
        }
        let patch = scene.patch().annotate(ASSET_TAG, self.tag.as_deref());
        Decision::Write(patch.into_write(Purpose::Main, scene.command))
    }
}

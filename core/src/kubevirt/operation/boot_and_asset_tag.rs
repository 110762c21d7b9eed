//! The boot override and the asset tag in one patch, so that there is never one without the other.

use super::boot::SetBoot;
use super::engine::{Decision, Purpose, Task};
use super::scene::Scene;
use crate::kubevirt::annotation::ASSET_TAG;
use crate::model::BootChange;

#[derive(Debug)]
pub(super) struct SetBootAndAssetTag {
    boot: SetBoot,
    tag: Option<Box<str>>,
}

impl SetBootAndAssetTag {
    pub(super) fn new(boot: BootChange, tag: Option<Box<str>>) -> Self {
        Self { boot: SetBoot::new(boot), tag }
    }
}

impl Task for SetBootAndAssetTag {
    fn decide(&mut self, scene: &Scene<'_>) -> Decision {
        let boot = match self.boot.patch(scene) {
            Ok(boot) => boot,
            Err(error) => return Decision::Fail(error),
        };
        let tagged = scene.machine.metadata.annotations.asset_tag == self.tag;
        let patch = match (boot, tagged) {
            (None, true) => return Decision::Done,
            (Some(boot), true) => boot,
            (boot, false) => boot.unwrap_or_else(|| scene.patch()).annotate(ASSET_TAG, self.tag.as_deref()),
        };
        Decision::Write(patch.into_write(Purpose::Main, scene.command))
    }
}

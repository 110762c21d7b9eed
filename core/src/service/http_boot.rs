//! The image that a machine boots over HTTP: into its drive while it is asked for, and out again.

use crate::config::Config;
use crate::model::{Action, BootDevice, BootEnabled, BootTarget, InsertMedia, Phase, Slot, Url};
use crate::view::Vm;

/// What is to be done about it, by what is seen of a machine. It stays for as long as a run uses it: an installer reads
/// the rest of itself from there.
pub(super) fn due(vm: &Vm, config: &Config) -> Option<Action> {
    let boot = &vm.machine.boot;
    let in_force = boot.enabled != BootEnabled::Disabled && boot.target == BootTarget::UefiHttp;
    // Anybody who may edit the machine may have written it.
    let allowed = |url: &&Url| config.image_hosts.judge(url.host()).is_ok();
    let wanted = boot.http_uri.as_ref().filter(|_| in_force).filter(allowed);
    match (wanted, vm.medium(Slot::Http)) {
        (Some(image), medium) if medium.is_none_or(|medium| *medium.image != *image.as_str()) => {
            Some(Action::InsertMedia(InsertMedia::to_boot_over_http(image.clone())))
        }
        (None, Some(medium)) => {
            let mut run = vm.instance.iter().filter(|run| run.phase == Phase::Running);
            let in_use = run.any(|run| run.boots_first == Some(BootDevice::Drive(medium.drive.clone())));
            (!in_use).then_some(Action::EjectMedia(Slot::Http))
        }
        (Some(_), _) | (None, None) => None,
    }
}

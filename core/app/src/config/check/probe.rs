//! `datavolume.probe`: how image servers are asked for the size of an image.

use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::kubevirt::ImageProbe;

use super::super::file::Probe;
use super::{Check, describe, value};

impl Check<'_> {
    /// `hosts` is which hosts images may be fetched from.
    pub(super) fn probe(&mut self, probe: &Probe, hosts: &AddressPolicy) -> Option<ImageProbe> {
        let usual = ImageProbe::default();
        let policy = AddressPolicy {
            private: probe.allow_private.unwrap_or(hosts.private),
            loopback: probe.allow_loopback.unwrap_or(hosts.loopback),
            link_local: probe.allow_link_local.as_ref().map_or(hosts.link_local, |allow| allow.value),
            ..hosts.clone()
        };
        if let Some(allow) = probe.allow_link_local.as_ref().filter(|allow| allow.value) {
            let message = "true: whoever may insert media can have requests sent to what answers there, such as a \
                           cloud provider's metadata service";
            self.warn(allow.referenced, "datavolume.probe.allow_link_local", message);
        }
        let max_size = probe.max_size.as_ref().map_or(usual.max_size, |size| {
            value::bytes(&size.value).unwrap_or_else(|| {
                let message = describe(&size.value, "expected a size such as 100Gi");
                self.refuse(size.referenced, "datavolume.probe.max_size", message);
                0
            })
        });
        probe.enabled.unwrap_or(true).then_some(ImageProbe { policy, max_size })
    }
}

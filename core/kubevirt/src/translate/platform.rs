//! `KubeVirt`'s custom resource to [`Platform`].

use crate::model::{Platform, Verb};
use crate::object::KubeVirt;

/// What the cluster can do.
pub(crate) fn platform(object: &KubeVirt) -> Platform {
    let version = object.status.observed_version.clone().filter(|version| !version.is_empty());
    let release = version.as_deref().and_then(release);
    let gates = &object.spec.configuration.developer_configuration;
    let named = |list: &[Option<Box<str>>], gate: &str| list.iter().flatten().any(|name| &**name == gate);
    // Facts, section 10: from 1.9 on these two are beta and on unless disabled; before they must be enabled, and
    // before the release that brought them they are unknown.
    let on = |gate: &str, since: (u32, u32)| {
        let beta = release.is_some_and(|release| release >= (1, 9));
        let known = release.is_none_or(|release| release >= since);
        known && !named(&gates.disabled_feature_gates, gate) && (beta || named(&gates.feature_gates, gate))
    };
    // The older gate for hotplug takes precedence over the newer and knows disks only (facts, section 6).
    let disks_only = named(&gates.feature_gates, "HotplugVolumes");
    Platform {
        live_media: on("DeclarativeHotplugVolumes", (1, 6)) && !disks_only,
        reboot_ends_run: on("RebootPolicy", (1, 8)),
        default_nic_is_masked: object.spec.configuration.network.default_network_interface.as_deref()
            == Some("masquerade"),
        version,
        interrupt: None,
    }
}

/// The verb by which guests are sent an interrupt that they cannot mask, if this resource of the discovery of
/// `subresources.kubevirt.io` is one. No release has it yet, and the proposal (`KubeVirt` enhancement 403) leaves open how
/// it is going to be spelt.
pub(crate) fn interrupt(resource: &str) -> Option<Verb> {
    let verb = resource.strip_prefix("virtualmachineinstances/")?;
    let letters: String = verb.chars().filter(|letter| *letter != '-').collect();
    ["nmi", "injectnmi"].iter().any(|name| letters.eq_ignore_ascii_case(name)).then(|| Verb::new(verb)).flatten()
}

/// `v1.9.0-rc.1` is (1, 9).
fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix('v').unwrap_or(version).split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_is_known_by_its_name() {
        for (resource, verb) in [
            ("virtualmachineinstances/nmi", Some("nmi")),
            ("virtualmachineinstances/inject-nmi", Some("inject-nmi")),
            ("virtualmachineinstances/injectNMI", Some("injectNMI")),
            ("virtualmachineinstances/reset", None),
            (&format!("virtualmachineinstances/{}nmi", "-".repeat(63)), None),
            ("virtualmachineinstances/nmi/status", None),
            ("virtualmachines/nmi", None),
            ("nmi", None),
        ] {
            assert_eq!(interrupt(resource).as_deref(), verb, "{resource}");
        }
    }

    #[test]
    fn gates_count_by_release() {
        let cases = [
            ("v1.9.0", "[]", "[]", true, true),
            ("v1.10.2", "[]", "[]", true, true),
            ("v2.0.0", "[]", "[]", true, true),
            ("v1.9.0", "[]", r#"["DeclarativeHotplugVolumes"]"#, false, true),
            ("v1.9.0", "[]", r#"["RebootPolicy"]"#, true, false),
            ("v1.9.0", r#"["HotplugVolumes"]"#, "[]", false, true),
            ("v1.8.1", "[]", "[]", false, false),
            ("v1.8.1", r#"["DeclarativeHotplugVolumes","RebootPolicy"]"#, "[]", true, true),
            ("v1.7.0", r#"["DeclarativeHotplugVolumes","RebootPolicy"]"#, "[]", true, false),
            ("v1.5.0", r#"["DeclarativeHotplugVolumes"]"#, "[]", false, false),
            ("devel", r#"["DeclarativeHotplugVolumes", 7, null]"#, "null", true, false),
            ("", "{}", "7", false, false),
        ];
        for (version, enabled, disabled, live_media, reboot_ends_run) in cases {
            let object = format!(
                r#"{{"spec":{{"configuration":{{"developerConfiguration":
                    {{"featureGates":{enabled},"disabledFeatureGates":{disabled}}}}}}},
                    "status":{{"observedKubeVirtVersion":"{version}"}}}}"#
            );
            let platform = platform(&serde_json::from_str(&object).expect("valid JSON"));
            assert_eq!((platform.live_media, platform.reboot_ends_run), (live_media, reboot_ends_run), "{object}");
        }
    }
}

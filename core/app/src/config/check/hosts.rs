//! `allowed_hosts`, `only_allowed_hosts`: which hosts clients may name.

use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::model::AllowedHost;
use serde_saphyr::Spanned;

use super::{Check, describe};

impl Check<'_> {
    /// Adds to a policy what is allowed besides; `section` is where that stands.
    pub(super) fn hosts(
        &mut self,
        section: &str,
        usual: &AddressPolicy,
        hosts: &[Spanned<String>],
        only: Option<&Spanned<bool>>,
    ) -> AddressPolicy {
        let mut allowed = Vec::new();
        for (index, host) in hosts.iter().enumerate() {
            let key = format!("{section}.allowed_hosts[{index}]");
            match host.value.parse::<AllowedHost>() {
                Ok(found) if found.is_everything() => {
                    let message = format!(
                        "`{}` allows every address, those at which cloud providers keep credentials among them",
                        host.value
                    );
                    self.warn(host.referenced, key, message);
                    allowed.push(found);
                }
                Ok(found) => allowed.push(found),
                Err(()) => {
                    let expected = "expected a name such as images.example or *.images.example, an address, or a \
                                    network such as 10.0.0.0/8; no scheme and no port";
                    self.refuse(host.referenced, key, describe(&host.value, expected));
                }
            }
        }
        let only_allowed = only.is_some_and(|only| only.value);
        if let Some(only) = only.filter(|only| only.value && hosts.is_empty()) {
            let message = format!("true without {section}.allowed_hosts: no host at all can be named");
            self.refuse(only.referenced, format!("{section}.only_allowed_hosts"), message);
        }
        AddressPolicy { allowed: allowed.into(), only_allowed, ..usual.clone() }
    }
}

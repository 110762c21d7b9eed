//! Hosts in the form of what installers read.

use std::fmt::Write as _;

use super::{Row, Sheet};

/// What has to be filled in by whoever installs: the configuration may have no more than a hash of it.
const PASSWORD: &str = "\"\" # fill in";

impl Sheet<'_> {
    /// `BareMetalHost`s of Metal3.
    pub(super) fn bare_metal_hosts(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let quoted = Quoted::of(row);
            // Writing to a text does not fail.
            let _ = write!(
                text,
                "---\napiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata:\n  name: {}\nspec:\n  online: true\n  \
                 bootMode: {}\n{}  bmc:\n    address: {}\n    credentialsName: {}\n{}",
                quoted.name,
                row.mode(),
                quoted.boot_mac("  "),
                quoted.address,
                quoted.credentials,
                self.verification("    "),
            );
        }
        text
    }

    /// `platform.baremetal.hosts` of OpenShift's `install-config.yaml`.
    pub(super) fn install_config(&self) -> String {
        let mut text = "platform:\n  baremetal:\n    hosts:\n".to_owned();
        for row in &self.rows {
            let quoted = Quoted::of(row);
            let _ = write!(
                text,
                "      - name: {}\n{}        bootMode: {}\n        bmc:\n          address: {}\n          username: {PASSWORD}\n          \
                 password: {PASSWORD}\n{}",
                quoted.name,
                quoted.boot_mac("        "),
                row.mode(),
                quoted.address,
                self.verification("          "),
            );
        }
        text
    }

    /// `spec.nodes` of a `ClusterInstance` (the `SiteConfig` operator).
    pub(super) fn cluster_instance(&self) -> String {
        let mut text = "spec:\n  nodes:\n".to_owned();
        for row in &self.rows {
            let quoted = Quoted::of(row);
            let _ = write!(
                text,
                "    - hostName: {}\n      bmcAddress: {}\n      bmcCredentialsName:\n        name: {}\n{}      bootMode: {}\n",
                quoted.name,
                quoted.address,
                quoted.credentials,
                quoted.boot_mac("      "),
                row.mode(),
            );
            let known = row.host.interfaces.iter().filter_map(|(name, mac)| mac.map(|mac| (name, mac)));
            for (index, (name, mac)) in known.enumerate() {
                if index == 0 {
                    text.push_str("      nodeNetwork:\n        interfaces:\n");
                }
                let (name, mac) = (quote(name), quote(&mac.to_string()));
                let _ = writeln!(text, "          - name: {name}\n            macAddress: {mac}");
            }
        }
        text
    }

    fn verification(&self, indent: &str) -> String {
        if self.unverified { format!("{indent}disableCertificateVerification: true\n") } else { String::new() }
    }
}

struct Quoted {
    name: String,
    address: String,
    credentials: String,
    boot_mac: Option<String>,
}

impl Quoted {
    fn of(row: &Row<'_>) -> Self {
        Self {
            name: quote(&row.name),
            address: quote(&row.virtual_media()),
            credentials: quote(&row.credentials()),
            boot_mac: row.boot_mac().map(|mac| quote(&mac)),
        }
    }

    fn boot_mac(&self, indent: &str) -> String {
        match &self.boot_mac {
            Some(mac) => format!("{indent}bootMACAddress: {mac}\n"),
            None => format!(
                "{indent}# bootMACAddress: not known: the machine is off and its definition has no macAddress\n"
            ),
        }
    }
}

/// A text in JSON's form, which is one of YAML's.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

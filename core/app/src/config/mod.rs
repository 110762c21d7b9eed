//! The configuration file: read, checked and turned into values that are valid by construction.
//!
//! The keys are those of the existing deployments, so that a file in use keeps working as it is. A key that has no
//! effect any more is accepted with one warning that says why; an unknown key or a value that makes no sense is refused
//! with its place in the file. Nothing here touches anything but the one file it is given, and the environment.

mod check;
mod error;
mod file;
mod outline;
mod overrides;
mod password;
mod value;

use std::path::{Path, PathBuf};

use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt;

pub use error::{ConfigError, Problem, Warning};
pub use file::{
    Authentication, ChassisEntry, DataVolume, Events, File, KubeVirt, Probe, RoleEntry, Server, Tls, User, VmSelector,
    VmSelectorLabels,
};
pub use overrides::{Overrides, PREFIX as OVERRIDE_PREFIX};
pub use password::Password;

/// What a configuration file says.
#[derive(Debug)]
pub struct Loaded {
    /// The values, checked.
    pub settings: Settings,
    /// What its author should know; nothing in here keeps the service from starting.
    pub warnings: Vec<Warning>,
}

/// The settings of the service.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: ListenAddress,
    /// The certificate to serve HTTPS with; plain HTTP without one.
    pub tls: Option<TlsFiles>,
    /// Where metrics and probes are answered; nowhere without it.
    pub metrics_listen: Option<ListenAddress>,
    /// The files that passwords were read from.
    pub password_files: Vec<PathBuf>,
    /// What the server takes from its clients at most.
    pub limits: kubevirt_redfish_core::fairness::Limits,
    /// What it shows, and to whom. The service's UUID is not in the file and still has to be filled in.
    pub service: Config,
    /// How the cluster is asked for things.
    pub kubevirt: kubevirt::Settings,
}

/// A host and a port to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A host name or an IP address; `0.0.0.0` and `::` for every interface.
    pub host: String,
    /// The port; 0 for any that is free.
    pub port: u16,
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl std::str::FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not an address to listen on; expected HOST:PORT such as 127.0.0.1:8443");
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        if host.is_empty() || (bracketed.is_none() && host.contains(':')) {
            return Err(expected());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| expected())? })
    }
}

/// PEM files with a certificate chain and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its root.
    pub cert_file: PathBuf,
    /// The private key.
    pub key_file: PathBuf,
    /// Which versions of TLS clients may use.
    pub profile: TlsProfile,
}

/// Which versions and suites of TLS clients may use; the names are those of Mozilla's recommendations, which `OpenShift` has as
/// well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TlsProfile {
    /// 1.3, and 1.2 with suites that have forward secrecy and authenticated encryption.
    #[default]
    Intermediate,
    /// 1.3.
    Modern,
}

/// Where the file is looked for if nobody says where it is.
pub const SEARCHED: [&str; 3] = ["./config.yaml", "./config/config.yaml", "/etc/kubevirt-redfish/config.yaml"];

/// The first file of [`SEARCHED`] that there is.
pub fn found() -> Option<PathBuf> {
    SEARCHED.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Reads and checks the file at `path`, with what the environment says instead.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(&name, &error))?;
    parse_with(&name, &text, &Overrides::of_environment())
}

/// Whether a text is the name of a namespace.
pub(crate) fn is_namespace(text: &str) -> bool {
    check::is_dns_label(text)
}

/// Checks the text of a configuration file; `name` is what messages call it.
pub fn parse(name: &str, text: &str) -> Result<Loaded, ConfigError> {
    parse_with(name, text, &Overrides::default())
}

/// The same, with what is said instead of some of its values.
pub fn parse_with(name: &str, text: &str, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let file = file::read(name, text)?;
    check::check(name, file, overrides)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_read_back() {
        for text in ["127.0.0.1:8443", "[::1]:0", "bmc.example:80"] {
            assert_eq!(text.parse::<ListenAddress>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "8443", "::1:8443", "host:", "host:http", "host:65536", ":80"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}

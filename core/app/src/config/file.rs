//! The file as it is written: every key that is accepted, with what it means. Checked by [`super::check`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::{Error, Location, Spanned};

use super::error::{ConfigError, Problem};
use super::outline::{self, Seek};
use super::password::{NO_PASSWORD, Password};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the service listens.
    #[serde(default)]
    pub server: Server,
    /// Which machines are shown, in groups.
    pub chassis: Spanned<Vec<Spanned<ChassisEntry>>>,
    /// Who may log in.
    pub authentication: Spanned<Authentication>,
    /// How images are brought into the cluster.
    #[serde(default)]
    pub datavolume: DataVolume,
    /// The dialogue with the cluster.
    #[serde(default)]
    pub kubevirt: KubeVirt,
    /// How events are pushed to subscribers.
    #[serde(default)]
    pub events: Events,
    /// No effect: images are fetched by the cluster, nothing is uploaded.
    pub cdi: Option<Spanned<IgnoredAny>>,
    /// How systems are named: `enhanced` (`<namespace>.<vm>`) or `legacy` (`<vm>`, the default).
    pub system_id_convention: Option<Spanned<String>>,
    /// The power state that a paused machine is shown in: `On` (the default) or `Paused`, which many clients do not know.
    pub paused_as: Option<Spanned<String>>,
    /// After how long without sight of the cluster `PowerState` is null (15s to 1h, default `2m`).
    pub stale_after: Option<Spanned<String>>,
    /// Answer reads below `Chassis/<name>/Systems` with a redirect to the canonical place (default `false`).
    pub legacy_redirects: Option<Spanned<bool>>,

    // Values of the Helm chart. People paste them here because the chart's values hold this file's keys as well.
    #[serde(default, rename = "affinity")]
    affinity: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "configMap")]
    config_map: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "deployment")]
    deployment: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "global")]
    global: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "nodeSelector")]
    node_selector: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "podSecurityContext")]
    pod_security_context: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "rbac")]
    rbac: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "route")]
    route: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "securityContext")]
    security_context: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "service")]
    service: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "tolerations")]
    tolerations: Option<Spanned<IgnoredAny>>,
    #[serde(default, rename = "volumes")]
    volumes: Option<Spanned<IgnoredAny>>,
}

/// Keys that belong into the values of the Helm chart; never suggested.
const HELM_VALUES: &[&str] = &[
    "affinity",
    "configMap",
    "deployment",
    "global",
    "nodeSelector",
    "podSecurityContext",
    "rbac",
    "route",
    "securityContext",
    "service",
    "tolerations",
    "volumes",
];

impl File {
    /// The keys that only mean something to the Helm chart, with their places.
    pub(super) fn helm_values(&self) -> impl Iterator<Item = (&'static str, Location)> {
        let present = [
            &self.affinity,
            &self.config_map,
            &self.deployment,
            &self.global,
            &self.node_selector,
            &self.pod_security_context,
            &self.rbac,
            &self.route,
            &self.security_context,
            &self.service,
            &self.tolerations,
            &self.volumes,
        ];
        HELM_VALUES.iter().zip(present).filter_map(|(key, value)| Some((*key, value.as_ref()?.referenced)))
    }
}

/// `server`: where the service listens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// A host name or an IP address (default `0.0.0.0`, every interface).
    pub host: Option<Spanned<String>>,
    /// The port (default 8443).
    pub port: Option<Spanned<i64>>,
    /// HTTPS.
    #[serde(default)]
    pub tls: Tls,
    /// Answer searches for Redfish services on the network segment, UDP port 1900 (SSDP, default `false`).
    pub ssdp: Option<Spanned<bool>>,
    /// How long the service goes on after SIGTERM, with `Connection: close` in its answers, until whatever sends clients to
    /// it has noticed (`0s` to `5m`, default `5s`). A pod needs 23 seconds more than that to end in order.
    pub drain_delay: Option<Spanned<String>>,
    /// Serve metrics and probes at this `HOST:PORT`, by plain HTTP and to anyone (default: nowhere).
    pub metrics_listen: Option<Spanned<String>>,
    /// Connections of clients at a time (16 to 65536, default 1024).
    pub connections: Option<Spanned<i64>>,
    /// Connections of one client at a time, which is an address or an IPv6 network of 64 bits (default 256).
    pub connections_per_client: Option<Spanned<i64>>,
    /// Proxies that are believed when they say from whom they have a request: addresses, or networks such as 10.0.0.0/8.
    #[serde(default)]
    pub trusted_proxies: Vec<Spanned<String>>,
    /// The header in which they say it, `X-Forwarded-For` (the default) or `Forwarded`. They have to write it themselves.
    pub forwarded_header: Option<Spanned<String>>,
    /// How much memory representations of systems may take that are kept for those who read them again (`0` for none, up
    /// to `1Gi`, default `16Mi`).
    pub render_cache: Option<Spanned<String>>,
    /// The same as the key at the top, where the Helm chart has it.
    pub system_id_convention: Option<Spanned<String>>,
    /// No effect: there are no background processes to switch off.
    pub test_mode: Option<Spanned<IgnoredAny>>,
    /// No effect: requests are not bound to workers.
    pub worker_count: Option<Spanned<IgnoredAny>>,
}

/// `server.tls`: HTTPS.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Serve HTTPS rather than HTTP (default `false`).
    pub enabled: Option<Spanned<bool>>,
    /// A PEM file with the certificate and its chain.
    pub cert_file: Option<Spanned<String>>,
    /// A PEM file with the private key.
    pub key_file: Option<Spanned<String>>,
    /// Which versions of TLS clients may use: `intermediate` (1.2 and 1.3, the default) or `modern` (1.3).
    pub profile: Option<Spanned<String>>,
}

/// An item of `chassis`: machines of one namespace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChassisEntry {
    /// Its name in URIs, and what users are granted.
    pub name: Spanned<String>,
    /// The namespace.
    pub namespace: Spanned<String>,
    /// A free text that clients see.
    pub description: Option<String>,
    /// Which machines of the namespace; all without it.
    pub vm_selector: Option<Spanned<VmSelector>>,
    /// No effect: the service acts under its own service account.
    pub service_account: Option<Spanned<IgnoredAny>>,
}

/// `chassis[].vm_selector`: which machines of a namespace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmSelector {
    /// Labels that a machine must carry.
    pub labels: Option<Spanned<VmSelectorLabels>>,
    /// Names that a machine may have; every name without it.
    pub names: Option<Spanned<Vec<Spanned<String>>>>,
}

/// Keys and values of labels; their case matters.
pub type VmSelectorLabels = BTreeMap<String, Spanned<String>>;

/// `authentication`: who may log in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// The users.
    pub users: Spanned<Vec<Spanned<User>>>,
    /// Take Kubernetes tokens as well, and let their senders do what they may do in the cluster (default `false`).
    pub kubernetes: Option<Spanned<bool>>,
    /// Roles besides `Administrator`, `Operator` and `ReadOnly`.
    #[serde(default)]
    pub roles: Vec<Spanned<RoleEntry>>,
}

/// An item of `authentication.roles`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleEntry {
    /// Its name in URIs, and what users are given.
    pub name: Spanned<String>,
    /// `Login`, `ConfigureManager`, `ConfigureUsers`, `ConfigureComponents`, `ConfigureSelf`.
    pub privileges: Spanned<Vec<Spanned<String>>>,
}

/// An item of `authentication.users`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name to log in with.
    pub username: Spanned<String>,
    /// The password, or a bcrypt or argon2 hash of it, which may also stand in a map under `hash`.
    #[serde(default, deserialize_with = "written")]
    pub password: Option<Spanned<Password>>,
    /// A file that has the password, or a hash of it, instead; one line break at its end does not count. Also written
    /// `passwordFile`.
    #[serde(alias = "passwordFile")]
    pub password_file: Option<Spanned<String>>,
    /// Names of the chassis that this user sees.
    pub chassis: Spanned<Vec<Spanned<String>>>,
    /// `Administrator` (the default), `Operator`, `ReadOnly` or one of `authentication.roles`.
    pub role: Option<Spanned<String>>,
}

/// A password that is written as nothing is not the same as one that is not written.
fn written<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<Password>>, D::Error> {
    Spanned::deserialize(deserializer).map(Some)
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("username", &self.username.value).finish_non_exhaustive()
    }
}

/// `datavolume`: how images are brought into the cluster.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataVolume {
    /// The size of the volume an image is imported into (default `10Gi`).
    pub storage_size: Option<Spanned<String>>,
    /// Import from servers whose certificate cannot be verified (default `false`).
    pub allow_insecure_tls: Option<bool>,
    /// Certificates of authorities, in PEM's form, by which servers of images are known (default: none).
    pub ca_bundle: Option<Spanned<String>>,
    /// A `ConfigMap` with certificates of authorities, of this name in the namespace of each machine, that imports take
    /// instead (default: none). The service does not make it.
    pub cert_config_map: Option<Spanned<String>>,
    /// The storage class (default: the cluster's).
    pub storage_class: Option<Spanned<String>>,
    /// How the volume may be used: `ReadWriteOnce`, `ReadWriteMany`, … (default: what the cluster knows of the class).
    pub access_modes: Option<Spanned<Vec<String>>>,
    /// `Filesystem` or `Block` (default: what the cluster knows of the class).
    pub volume_mode: Option<Spanned<String>>,
    /// How long a change of what a machine boots from, or has in its drives, may take (up to `5m`, default:
    /// `kubevirt.timeout`).
    pub vm_update_timeout: Option<Spanned<String>>,
    /// How long a machine that is turned on waits for an image that is being imported (default `30m`); then it starts
    /// without.
    pub iso_download_timeout: Option<Spanned<String>>,
    /// Hosts that images may be imported from although they are refused otherwise (default: none): names
    /// (`images.example`, `*.images.example`), addresses, networks (`10.0.0.0/8`). Refused are this host, link-local
    /// addresses, cloud providers' metadata services, and names of services in the cluster.
    #[serde(default)]
    pub allowed_hosts: Vec<Spanned<String>>,
    /// Import from no other hosts than `allowed_hosts` (default `false`).
    pub only_allowed_hosts: Option<Spanned<bool>>,
    /// Import an image once for all machines of a namespace that insert it, where the storage allows it (default `true`).
    pub share_imports: Option<bool>,
    /// How image servers are asked for sizes.
    #[serde(default)]
    pub probe: Probe,
    /// No effect: images are imported by the cluster, without a helper.
    pub helper_image: Option<Spanned<IgnoredAny>>,
}

/// `datavolume.probe`: how image servers are asked for the size of an image before it is imported.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Ask at all (default `true`).
    pub enabled: Option<bool>,
    /// The largest volume that is made because a server says so (default `100Gi`).
    pub max_size: Option<Spanned<String>>,
    /// Ask at addresses of private networks (default `true`).
    pub allow_private: Option<bool>,
    /// Ask at the service's own host (default `false`).
    pub allow_loopback: Option<bool>,
    /// Ask at link-local addresses, where cloud providers keep credentials (default `false`).
    pub allow_link_local: Option<Spanned<bool>>,
}

/// `kubevirt`: the dialogue with the cluster.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeVirt {
    /// No effect: `v1` is the only one there is.
    pub api_version: Option<Spanned<String>>,
    /// How long a client waits for a change, in seconds (1 to 300, default 30).
    pub timeout: Option<Spanned<i64>>,
    /// How often the replica that pushes events renews its lease (1s to 1m, default `5s`); after three times as long another
    /// takes over.
    pub lease_renew_interval: Option<Spanned<String>>,
    /// No effect: the API server's certificate is verified as the kubeconfig or the service account says.
    pub allow_insecure_tls: Option<Spanned<bool>>,
}

/// `events`: how events are pushed to subscribers. What is said of hosts holds for time servers as well.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Push to addresses of private networks (default `true`).
    pub allow_private: Option<bool>,
    /// Push to the service's own host (default `false`).
    pub allow_loopback: Option<bool>,
    /// Push to link-local addresses, where cloud providers keep credentials (default `false`).
    pub allow_link_local: Option<Spanned<bool>>,
    /// Hosts that events may be pushed to although they are refused otherwise (default: none): names
    /// (`receiver.example`, `*.receiver.example`), addresses, networks (`10.0.0.0/8`).
    #[serde(default)]
    pub allowed_hosts: Vec<Spanned<String>>,
    /// Push to no other hosts than `allowed_hosts` (default `false`).
    pub only_allowed_hosts: Option<Spanned<bool>>,
    /// How often a delivery that failed is tried again (0 to 100, default 3).
    pub retry_attempts: Option<Spanned<i64>>,
    /// The time between two attempts (1s to 1h, default `30s`).
    pub retry_interval: Option<Spanned<String>>,
}

/// Reads the text into its keys; `name` is what messages call it.
pub(super) fn read(name: &str, text: &str) -> Result<File, ConfigError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ConfigError::new(name, vec![problem(text, error.without_snippet())]))
}

fn problem(text: &str, error: &Error) -> Problem {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let (key, message) = match error {
        Error::SerdeUnknownField { expected, .. } => {
            let known: Vec<_> = expected.iter().copied().filter(|key| !HELM_VALUES.contains(key)).collect();
            (Some(Seek::Innermost), format!("unknown key; expected one of {}", known.join(", ")))
        }
        Error::SerdeMissingField { field, .. } => (Some(Seek::OutermostValue), format!("`{field}` is missing")),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (Some(Seek::OutermostValue), format!("found {unexpected}, expected {expected}"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            (None, format!("`{key}` stands here for the second time"))
        }
        Error::Unexpected { expected, .. } => (Some(Seek::OutermostValue), format!("expected {}", plainly(expected))),
        Error::InvalidScalar { ty, .. } => (Some(Seek::Innermost), format!("expected {}", plainly(ty))),
        Error::NullIntoString { .. } => (Some(Seek::Innermost), "has no value; expected a text".to_owned()),
        Error::Eof { .. } => (None, "the file is empty; expected at least chassis and authentication".to_owned()),
        other => match without_place(&other.to_string()) {
            message if message.starts_with("externally tagged enum") || message == NO_PASSWORD => {
                (Some(Seek::OutermostValue), NO_PASSWORD.to_owned())
            }
            message => (None, message),
        },
    };
    let key = key.map_or_else(String::new, |seek| outline::key_at(text, location, seek));
    Problem::new(location, key, message)
}

/// What the parser expects, in words for people who write files.
fn plainly(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list: items that begin with `- `, or [a, b]",
        "mapping start" => "keys with values",
        "i64" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

/// Other messages end with their place, which stands at the beginning of ours.
fn without_place(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message.get(..end).unwrap_or(message).to_owned()
}

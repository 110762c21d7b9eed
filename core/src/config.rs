//! What the service is told at its start: which machines it shows, to whom, and under which names.
//!
//! Values here are valid by construction; reading them from a file, with messages about lines, is the runtime's job.

mod role;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{AddressPolicy, AddressRange};

pub use role::{Privilege, Privileges, Role};

/// How often it is looked whether the files of the configuration have changed.
pub const FILES_LOOKED_AT: Duration = Duration::from_secs(2);

/// Everything the service is configured with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The slices of the cluster that are shown. Their order is that of the file; an account names them.
    pub chassis: Vec<Chassis>,
    /// Who may log in.
    pub accounts: Vec<Account>,
    /// Roles besides those that the standard prescribes.
    pub roles: Vec<CustomRole>,
    /// Take bearer tokens that the cluster vouches for; what their senders may do is what the cluster lets them do.
    pub bearer_tokens: bool,
    /// How systems are named in URIs.
    pub id_convention: IdConvention,
    /// Answer GET and HEAD on the alias tree below `/redfish/v1/Chassis/{chassis}/Systems` with 308 and the canonical
    /// URI. Writes are answered in place in any case: a redirected write loses its body in most clients.
    pub legacy_redirects: bool,
    /// The `UUID` of the service root where the cluster cannot keep one: 8-4-4-4-12 hexadecimal digits, the same on every
    /// replica and after every restart.
    pub service_uuid: String,
    /// The power state that a paused machine is shown in.
    pub paused_as: PausedAs,
    /// What the service itself speaks; whatever is in front of it may speak something else to clients.
    pub protocol: Protocol,
    /// Proxies that say from whom they have a request.
    pub trusted_proxies: TrustedProxies,
    /// Answer searches for Redfish services (SSDP). It can still be switched off over Redfish, and then on again.
    pub ssdp: bool,
    /// The largest request body that is read, in bytes.
    pub body_limit: usize,
    /// For how long the service goes on as before once it has been told to end, but has its clients come on new connections:
    /// until whoever sends them here has noticed. After that it takes no more connections, and ends when the last request
    /// has been answered.
    pub drain_delay: Duration,
    /// How many bytes representations of systems may take that are kept for those who read them again.
    pub render_cache: usize,
    /// How long a client waits for a change at most; after that it is told to try again.
    pub command_timeout: Duration,
    /// How long a change of a machine's definition may take: how it boots, and what is in its drives.
    pub update_timeout: Duration,
    /// How long the import of an image may take. A machine that is to be started does without one that takes longer.
    pub import_timeout: Duration,
    /// After how long without sight of the cluster it is not said any more whether a machine is on.
    pub stale_after: Duration,
    /// How often the replica that pushes events says that it lives. After three times as long another takes over.
    pub lease_renew_interval: Duration,
    /// How events are pushed.
    pub events: EventConfig,
    /// Which servers of images have to prove who they are.
    pub verified_image_servers: VerifiedImageServers,
    /// Which hosts images may be fetched from.
    pub image_hosts: AddressPolicy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chassis: Vec::new(),
            accounts: Vec::new(),
            roles: Vec::new(),
            bearer_tokens: false,
            id_convention: IdConvention::default(),
            legacy_redirects: false,
            service_uuid: "00000000-0000-0000-0000-000000000000".to_owned(),
            paused_as: PausedAs::default(),
            protocol: Protocol::default(),
            trusted_proxies: TrustedProxies::default(),
            ssdp: false,
            body_limit: 1024 * 1024,
            drain_delay: Duration::from_secs(5),
            render_cache: RENDER_CACHE,
            command_timeout: Duration::from_secs(30),
            update_timeout: Duration::from_secs(30),
            import_timeout: Duration::from_mins(30),
            stale_after: Duration::from_mins(2),
            lease_renew_interval: Duration::from_secs(5),
            events: EventConfig::default(),
            verified_image_servers: VerifiedImageServers::default(),
            image_hosts: AddressPolicy::of_images(),
        }
    }
}

/// Two thousand systems that are read all the time; of more, some are rendered anew, which takes a few microseconds.
const RENDER_CACHE: usize = 16 << 20;

/// Proxies, load balancers and routers that are believed when they say from whom they have a request.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    /// Their addresses.
    pub ranges: Vec<AddressRange>,
    /// The header in which they say it. They have to write it themselves, or to drop what a client sends in it.
    pub header: ForwardedBy,
}

/// A header in which proxies say from whom they have a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Which servers of images have to prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VerifiedImageServers {
    /// All of them.
    #[default]
    All,
    /// Those of drives of which that was chosen.
    AsChosen,
}

/// How events are pushed to subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventConfig {
    /// Which hosts events may be pushed to, and be asked for the time.
    pub policy: AddressPolicy,
    /// How often a delivery that failed is tried again before the subscription's policy takes effect.
    pub retry_attempts: u32,
    /// The time between two attempts.
    pub retry_interval: Duration,
}

impl Default for EventConfig {
    fn default() -> Self {
        Self { policy: AddressPolicy::default(), retry_attempts: 3, retry_interval: Duration::from_secs(30) }
    }
}

/// A slice of the cluster: the machines of one namespace that carry all of some labels and have one of some names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chassis {
    /// Its name, and its `Id` in URIs.
    pub name: ChassisName,
    /// The namespace.
    pub namespace: String,
    /// Labels that a machine must carry, key and value; empty for every machine of the namespace.
    pub selector: Vec<(String, String)>,
    /// Names that a machine may have; empty for every machine that the labels choose.
    pub names: Vec<String>,
    /// A free text.
    pub description: Option<String>,
}

/// The name of a chassis: 1 to 63 letters, digits, `-`, `_` and `.`, the first and last a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChassisName(Arc<str>);

impl ChassisName {
    /// Takes `text` if it can stand in a URI as it is.
    pub fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let valid = bytes.len() <= 63
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        valid.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChassisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How systems are named in URIs. On input both forms are accepted under either convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IdConvention {
    /// `<namespace>.<name>`.
    #[default]
    Enhanced,
    /// `<name>`; names that stand in several exposed namespaces appear as `<namespace>.<name>`.
    Legacy,
}

/// The power state that a paused machine is shown in. `Status.State` tells the truth either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PausedAs {
    /// `On`: clients know it.
    #[default]
    On,
    /// `Paused`: the standard has it, and many clients have not.
    Paused,
}

/// What the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP without encryption.
    Http,
    /// HTTP over TLS.
    #[default]
    Https,
}

impl Protocol {
    /// As URLs begin.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A role besides those that the standard prescribes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Its name, and its `Id` in URIs.
    pub name: RoleName,
    /// What it may do to what it sees.
    pub privileges: Privileges,
}

/// The name of a role: what can be the name of a chassis can be one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(ChassisName);

impl RoleName {
    /// Takes `text` if it can stand in a URI as it is and is not what a predefined role is called, in whatever case.
    pub fn new(text: &str) -> Option<Self> {
        let taken = |name: &&str| name.eq_ignore_ascii_case(text);
        let free = !["Administrator", "Operator", "ReadOnly", "Members"].iter().any(taken);
        ChassisName::new(text).filter(|_| free).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Someone who may log in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name to log in with.
    pub user_name: String,
    /// What proves it.
    pub credential: Credential,
    /// What it may do to what it sees.
    pub role: Role,
    /// The chassis it sees.
    pub chassis: Vec<ChassisName>,
}

/// What a password is checked against.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The password itself.
    Plain(Secret),
    /// A hash of it, checked by the runtime because that takes milliseconds.
    Hashed(PasswordHash),
}

/// A password hash in its textual form: bcrypt's modular form or the PHC string of argon2.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Takes the text as it is; whether it is well formed is found out where it is checked.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What it costs to check a password against a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashCost {
    /// argon2.
    Argon2 {
        /// Memory, in KiB.
        memory: u32,
        /// How often that is gone over.
        passes: u32,
    },
    /// bcrypt.
    Bcrypt {
        /// The exponent of two of its rounds.
        cost: u32,
    },
}

impl HashCost {
    /// The most memory that argon2 may take, in KiB: what RFC 9106 recommends where memory is scarce, and most tools do.
    pub const MOST_MEMORY: u32 = 65_536;

    /// The most memory times passes: about half a second.
    pub const MOST_WORK: u64 = 1_048_576;

    /// The highest cost of bcrypt: about a second.
    pub const HIGHEST_COST: u32 = 14;

    /// Whether anybody may have that computed by sending a password. What costs more is not computed: nobody can log in
    /// with it.
    pub fn is_bearable(self) -> bool {
        match self {
            Self::Argon2 { memory, passes } => {
                memory <= Self::MOST_MEMORY && u64::from(memory) * u64::from(passes) <= Self::MOST_WORK
            }
            Self::Bcrypt { cost } => cost <= Self::HIGHEST_COST,
        }
    }
}

/// Bytes that no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for those that have to compare or hash them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Hashes of bad passwords are found out, so they do not print either.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Credential::Plain(Secret::new(b"hunter2"))), "Plain(***)");
    }

    #[test]
    fn chassis_names_can_stand_in_a_uri() {
        assert!(ChassisName::new("chassis-0").is_some());
        for text in ["", "a/b", "a b", "-a", "a-", "ä", "a%20", &"x".repeat(64)] {
            assert_eq!(ChassisName::new(text), None, "{text}");
        }
    }
}

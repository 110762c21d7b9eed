//! Which hosts requests may be sent to that somebody else chose: receivers of events, servers of images, time servers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use super::{AddressRange, Host};

/// Which hosts may be named, besides those with public addresses and names.
///
/// An IPv6 address that a translator or a tunnel makes an IPv4 address of counts as that one too. What is no host at all
/// (multicast, unspecified and reserved addresses) is never allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each of them is a choice of its own")]
pub struct AddressPolicy {
    /// Addresses of private networks (RFC 1918, RFC 6598, RFC 4193), in which most servers are.
    pub private: bool,
    /// This host's own addresses and names.
    pub loopback: bool,
    /// Link-local addresses, and the others at which cloud providers keep credentials.
    pub link_local: bool,
    /// Names of services in the cluster, which are looked up by whoever is in it.
    pub cluster_names: bool,
    /// Hosts that are allowed whatever is said above.
    pub allowed: Arc<[AllowedHost]>,
    /// No others than those are.
    pub only_allowed: bool,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self {
            private: true,
            loopback: false,
            link_local: false,
            cluster_names: true,
            allowed: Arc::default(),
            only_allowed: false,
        }
    }
}

/// Hosts that are allowed by their name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHost {
    /// The host of this name.
    Name(Box<str>),
    /// Every host whose name ends with a dot and this.
    Below(Box<str>),
    /// Every address of this range.
    Network(AddressRange),
}

/// Why a host may not be named; prints as what is told to who named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefused {
    /// It is no address of a host.
    #[error("it is not the address of a host")]
    NoHost,
    /// It is the host that asks.
    #[error("it stands for the host that sends the request")]
    Loopback,
    /// It is link-local, or a provider's metadata service.
    #[error("it is link-local, or where a cloud provider keeps credentials")]
    LinkLocal,
    /// It is in a private network.
    #[error("it is in a private network")]
    Private,
    /// It is a service of the cluster.
    #[error("it is a service of the cluster")]
    ClusterName,
    /// It is none of those that may be.
    #[error("it is none of those that are allowed")]
    NotListed,
}

impl AddressPolicy {
    /// Of servers of images, unless configured otherwise: who can have an image fetched sees what was fetched, and the
    /// services of a cluster trust who is in it.
    pub fn of_images() -> Self {
        Self { cluster_names: false, ..Self::default() }
    }

    /// Whether a host may be named, as far as its name or address tells: what a name stands for is found out when it is
    /// used, by [`permits`](Self::permits).
    pub fn judge(&self, host: &Host) -> Result<(), HostRefused> {
        match host {
            Host::Address(address) => self.judge_address(*address),
            Host::Name(name) if self.names(name) => Ok(()),
            Host::Name(_) if self.only_allowed => Err(HostRefused::NotListed),
            Host::Name(name) if is_local(name) && !self.loopback => Err(HostRefused::Loopback),
            Host::Name(name) if METADATA_NAMES.contains(&&**name) && !self.link_local => Err(HostRefused::LinkLocal),
            Host::Name(name) if is_of_cluster(name) && !self.cluster_names => Err(HostRefused::ClusterName),
            Host::Name(_) => Ok(()),
        }
    }

    /// Whether a connection may be made to an address that a host stands for.
    pub fn permits(&self, host: &Host, address: IpAddr) -> bool {
        let named = matches!(host, Host::Name(name) if self.names(name));
        let judged = self.judge(host).and_then(|()| self.judge_address(address));
        judged.is_ok() || named && judged != Err(HostRefused::NoHost)
    }

    fn judge_address(&self, address: IpAddr) -> Result<(), HostRefused> {
        let all = [address].into_iter().chain(embedded(address).into_iter().flatten().map(IpAddr::V4));
        let mut listed = false;
        for address in all.clone() {
            if is_no_host(address) {
                return Err(HostRefused::NoHost);
            }
            listed |= self.allowed.iter().any(|allowed| allowed.has_address(address));
        }
        if listed {
            return Ok(());
        }
        if self.only_allowed {
            return Err(HostRefused::NotListed);
        }
        all.map(|address| self.judge_plain(address)).find(Result::is_err).unwrap_or(Ok(()))
    }

    fn judge_plain(&self, address: IpAddr) -> Result<(), HostRefused> {
        let (link_local, private) = match address {
            IpAddr::V4(v4) => (v4.is_link_local(), v4.is_private() || is_shared(v4)),
            IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unique_local() || is_site_local(v6)),
        };
        if address.is_loopback() && !self.loopback {
            return Err(HostRefused::Loopback);
        }
        if (link_local || METADATA.contains(&address)) && !self.link_local {
            return Err(HostRefused::LinkLocal);
        }
        if private && !self.private { Err(HostRefused::Private) } else { Ok(()) }
    }

    fn names(&self, name: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.has_name(name))
    }
}

impl AllowedHost {
    fn has_name(&self, name: &str) -> bool {
        match self {
            Self::Name(allowed) => **allowed == *name,
            Self::Below(domain) => name
                .strip_suffix(&**domain)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            Self::Network(_) => false,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Network(range) if range.contains(address))
    }

    /// Whether it allows every address that there is.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Network(range) if range.is_everything())
    }
}

/// `images.example`, `*.images.example`, `10.0.0.7`, `fd00::/8`.
impl FromStr for AllowedHost {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.contains('/') {
            return text.parse().map(Self::Network);
        }
        let (below, host) = text.strip_prefix("*.").map_or((false, text), |domain| (true, domain));
        match (Host::parse(host).ok_or(())?, below) {
            (Host::Name(name), true) => Ok(Self::Below(name)),
            (Host::Name(name), false) => Ok(Self::Name(name)),
            (Host::Address(_), true) => Err(()),
            (Host::Address(address), false) => Ok(Self::Network(AddressRange::of(address))),
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::Network(range) => write!(f, "{range}"),
        }
    }
}

/// Unspecified (and with it all of `0.0.0.0/8`, which some systems take for themselves), multicast, reserved, broadcast.
fn is_no_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => matches!(v4.octets(), [0 | 224..=255, ..]),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast(),
    }
}

/// `100.64.0.0/10`, which providers and some clusters number their insides with (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [100, 64..=127, ..])
}

/// `fec0::/10`, which was for what `fc00::/7` is for now (RFC 3879).
fn is_site_local(address: Ipv6Addr) -> bool {
    matches!(address.octets(), [0xfe, 0xc0..=0xff, ..])
}

/// The IPv4 addresses that a translator or a tunnel makes of an IPv6 address, of which there are two at most.
fn embedded(address: IpAddr) -> [Option<Ipv4Addr>; 2] {
    let IpAddr::V6(v6) = address else { return [None, None] };
    let bits = v6.to_bits();
    let at = |shift: u32| Some(v4(bits >> shift));
    match bits >> 32 {
        // Mapped (RFC 4291 section 2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052) in the network of everybody.
        0xffff | 0xffff_0000 | 0x0064_ff9b_0000_0000_0000_0000 => [at(0), None],
        // Compatible (RFC 4291 section 2.5.5.1).
        0 if !v6.is_loopback() && !v6.is_unspecified() => [at(0), None],
        high if high >> 48 == 0x0064_ff9b_0001 => own_nat64(bits),
        // Teredo (RFC 4380): its server, and its client with every bit turned round.
        high if high >> 64 == 0x2001_0000 => [at(64), Some(v4(!bits))],
        // 6to4 (RFC 3056), and ISATAP (RFC 5214), which may be in any network.
        high => {
            let isatap = high & 0xfdff_ffff == 0x5efe;
            [at(80).filter(|_| high >> 80 == 0x2002), at(0).filter(|_| isatap)]
        }
    }
}

/// The same of NAT64 in a network of one's own, `64:ff9b:1::/48` (RFC 8215), whose prefix may have 48, 56, 64 or 96 bits
/// (RFC 6052 section 2.2). Which it has only its translator knows; what follows the IPv4 address is zero.
fn own_nat64(bits: u128) -> [Option<Ipv4Addr>; 2] {
    let zeros = |from: u32| (bits >> from).trailing_zeros();
    // Bits 64 to 71 stand apart and are zero, unless the prefix has 96.
    if zeros(56) < 8 || zeros(0) < 24 || zeros(0) >= 80 {
        return [Some(v4(bits)), None];
    }
    let after_56 = v4((bits >> 64 & 0xff) << 24 | bits >> 32 & 0x00ff_ffff);
    if zeros(0) >= 40 {
        let after_48 = v4((bits >> 64 & 0xffff) << 16 | bits >> 40 & 0xffff);
        // An address that ends with a zero, after 56 bits, looks the same as one that begins with a zero after 48.
        return [Some(after_48), (zeros(72) >= 8).then_some(after_56)];
    }
    if zeros(0) >= 32 { [Some(after_56), None] } else { [Some(v4(bits >> 24)), None] }
}

/// The last 32 bits.
fn v4(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap_or_default())
}

/// Whether a name stands for the host that looks it up.
fn is_local(name: &str) -> bool {
    matches!(name, "localhost" | "localhost.localdomain" | "ip6-localhost" | "ip6-loopback")
        || name.ends_with(".localhost")
}

/// Whether it is looked up in the cluster itself: services are called `<name>.<namespace>.svc.<domain>`, of which what is
/// left out at the end is filled in for who is in the cluster. Of shorter forms only that of the API server is known.
fn is_of_cluster(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    matches!(name, "kubernetes" | "kubernetes.default")
        || matches!(&*labels, [.., _, "svc"] | [_, _, "svc", ..] | [.., _, "cluster", "local"])
}

/// Where cloud providers keep credentials besides in link-local addresses: Amazon and Google over IPv6, Alibaba, Oracle,
/// Azure, Scaleway over IPv6.
const METADATA: [IpAddr; 6] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
];

/// What those are called.
const METADATA_NAMES: [&str; 5] =
    ["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"];

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(policy: &AddressPolicy, host: &str) -> Result<(), HostRefused> {
        policy.judge(&Host::parse(host).expect(host))
    }

    fn allowing(hosts: &[&str]) -> AddressPolicy {
        let allowed = hosts.iter().map(|host| host.parse().expect("it can be allowed")).collect();
        AddressPolicy { allowed, cluster_names: false, ..AddressPolicy::default() }
    }

    /// D17, M6: as an address, and in every form that has one in it.
    #[test]
    fn what_is_refused_is_refused_in_every_form() {
        for (v4, why) in [
            ("127.0.0.1", HostRefused::Loopback),
            ("127.255.0.9", HostRefused::Loopback),
            ("169.254.169.254", HostRefused::LinkLocal),
            ("169.254.170.2", HostRefused::LinkLocal),
            ("100.100.100.200", HostRefused::LinkLocal),
            ("192.0.0.192", HostRefused::LinkLocal),
            ("168.63.129.16", HostRefused::LinkLocal),
            ("0.0.0.0", HostRefused::NoHost),
            ("0.1.2.3", HostRefused::NoHost),
            ("224.0.0.1", HostRefused::NoHost),
            ("240.0.0.1", HostRefused::NoHost),
            ("255.255.255.255", HostRefused::NoHost),
        ] {
            let policy = AddressPolicy::default();
            assert_eq!(judge(&policy, v4), Err(why), "{v4}");
            let [a, b, c, d] = v4.parse::<Ipv4Addr>().expect("an address").octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for v6 in [
                format!("::ffff:{v4}"),
                format!("::ffff:0:{v4}"),
                format!("64:ff9b::{v4}"),
                format!("64:ff9b:1::{v4}"),
                format!("64:ff9b:1:fffe::{v4}"),
                format!("64:ff9b:1:{high:x}:{c:x}:{d:x}00::"),
                format!("64:ff9b:1:{a:x}:{b:x}:{low:x}::"),
                format!("64:ff9b:1:7:{a:x}:{b:02x}{c:02x}:{d:02x}00:0"),
                format!("2002:{high:x}:{low:x}::"),
                format!("2002:{high:x}:{low:x}::1"),
                format!("2001:0:{high:x}:{low:x}::"),
                format!("2001:0:808:808::{:x}:{:x}", !high, !low),
                format!("2001:db8::5efe:{v4}"),
                format!("2001:db8::200:5efe:{v4}"),
                format!("fe80::5efe:{v4}"),
            ] {
                assert!(judge(&policy, &v6).is_err(), "{v6} ({v4})");
            }
        }
        for (v6, why) in [
            ("::1", HostRefused::Loopback),
            ("::", HostRefused::NoHost),
            ("ff02::1", HostRefused::NoHost),
            ("fe80::1", HostRefused::LinkLocal),
            ("febf::1", HostRefused::LinkLocal),
            ("fd00:ec2::254", HostRefused::LinkLocal),
            ("fd20:ce::254", HostRefused::LinkLocal),
            ("fd00:42::42", HostRefused::LinkLocal),
        ] {
            assert_eq!(judge(&AddressPolicy::default(), v6), Err(why), "{v6}");
        }
    }

    #[test]
    fn servers_are_where_they_usually_are() {
        let policy = allowing(&[]);
        let public = AddressPolicy { private: false, ..policy.clone() };
        for host in ["10.1.2.3", "192.168.7.7", "172.31.0.1", "100.64.0.1", "fd00::1", "fec0::1", "::ffff:10.0.0.1"] {
            assert_eq!(judge(&policy, host), Ok(()), "{host}");
            assert_eq!(judge(&public, host), Err(HostRefused::Private), "{host}");
        }
        for host in [
            "192.0.2.7",
            "100.128.0.1",
            "8.8.8.8",
            "2001:db8::1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:1:808:8:800::",
            "2002:808:808::1",
            "2001:0:808:808::f7f7:f7f7",
            "images.example",
            "a.b.c.example.com",
            "svc.example",
            "a.svc.example",
            "images",
        ] {
            assert_eq!((judge(&policy, host), judge(&public, host)), (Ok(()), Ok(())), "{host}");
        }
    }

    #[test]
    fn names_of_this_host_of_providers_and_of_the_cluster() {
        let policy = allowing(&[]);
        for (name, why) in [
            ("localhost", HostRefused::Loopback),
            ("LOCALHOST.", HostRefused::Loopback),
            ("a.localhost", HostRefused::Loopback),
            ("localhost.localdomain", HostRefused::Loopback),
            ("ip6-localhost", HostRefused::Loopback),
            ("metadata.google.internal", HostRefused::LinkLocal),
            ("Metadata.Google.Internal.", HostRefused::LinkLocal),
            ("instance-data", HostRefused::LinkLocal),
            ("kubernetes", HostRefused::ClusterName),
            ("kubernetes.default", HostRefused::ClusterName),
            ("kubernetes.default.svc", HostRefused::ClusterName),
            ("kubernetes.default.svc.cluster.local.", HostRefused::ClusterName),
            ("api.openshift.svc.my.domain", HostRefused::ClusterName),
            ("10-0-0-1.lab.pod.cluster.local", HostRefused::ClusterName),
        ] {
            assert_eq!(judge(&policy, name), Err(why), "{name}");
        }
        let inside = AddressPolicy { cluster_names: true, ..policy };
        assert_eq!(judge(&inside, "receiver.monitoring.svc"), Ok(()));
    }

    #[test]
    fn what_is_allowed_by_name_or_address_is_allowed_and_nothing_else() {
        let policy = allowing(&["images.lab.svc", "*.build.cluster.local", "169.254.7.0/24", "fd00:ec2::254", "::1"]);
        for host in [
            "images.lab.svc",
            "a.build.cluster.local",
            "a.b.build.cluster.local",
            "169.254.7.9",
            "fd00:ec2::254",
            "::1",
        ] {
            assert_eq!(judge(&policy, host), Ok(()), "{host}");
        }
        for host in [
            "other.lab.svc",
            "build.cluster.local",
            "xbuild.cluster.local",
            "169.254.8.1",
            "127.0.0.1",
            "images.lab.svc.cluster.local",
        ] {
            assert!(judge(&policy, host).is_err(), "{host}");
        }
        assert_eq!(judge(&policy, "::ffff:169.254.7.9"), Ok(()), "it is the same address");
        assert_eq!(judge(&policy, "images.example"), Ok(()), "what is allowed takes nothing away");
        let only = AddressPolicy { only_allowed: true, ..policy };
        for host in ["images.example", "10.0.0.1", "2001:db8::1", "localhost"] {
            assert_eq!(judge(&only, host), Err(HostRefused::NotListed), "{host}");
        }
        assert_eq!(judge(&only, "images.lab.svc"), Ok(()));
        assert_eq!(
            judge(&allowing(&["0.0.0.0/0", "::/0"]), "0.0.0.0"),
            Err(HostRefused::NoHost),
            "there is no such host"
        );
        assert_eq!(judge(&allowing(&["0.0.0.0/0"]), "169.254.169.254"), Ok(()));
    }

    #[test]
    fn what_a_name_stands_for_counts_unless_the_name_is_allowed() {
        let policy = allowing(&["inside.example"]);
        let (inside, other) = (Host::Name("inside.example".into()), Host::Name("other.example".into()));
        let (local, nowhere, public) = ([127, 0, 0, 1].into(), [0, 0, 0, 0].into(), [192, 0, 2, 1].into());
        assert!(policy.permits(&inside, local) && !policy.permits(&other, local));
        assert!(policy.permits(&other, public));
        assert!(!policy.permits(&inside, nowhere) && !policy.permits(&other, nowhere));
        assert!(!policy.permits(&Host::Name("localhost".into()), public), "whatever it stands for here");
    }

    #[test]
    fn what_cannot_be_allowed_is_none() {
        for text in [
            "",
            "*",
            "*.",
            "*.10.0.0.1",
            "a b",
            "http://a",
            "a:80",
            "a/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "fd00::/129",
            "10.1/16",
            "**.a",
            "a.*",
        ] {
            assert_eq!(text.parse::<AllowedHost>(), Err(()), "{text}");
        }
        for text in ["a.example", "*.a.example", "10.0.0.0/8", "::/0"] {
            assert_eq!(text.parse::<AllowedHost>().map(|host| host.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("10.0.0.7".parse::<AllowedHost>().map(|host| host.to_string()).as_deref(), Ok("10.0.0.7/32"));
    }
}

//! Images, by what a client calls them.

use std::fmt;

use super::url::host_of;
use super::{AddressPolicy, Host, HostRefused, Namespace, ObjectName, Url, VmId};

/// An image for a machine, kept as it was named.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    text: Box<str>,
    source: ImageSource,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// `http://…`, `https://…`: fetched from a server.
    Server(Url),
    /// `docker://host/image:tag`: the disk in a container image, fetched from its registry.
    Registry(Host),
    /// `pvc://name`: a volume that is there already, and stays.
    Claim(ObjectName),
    /// `dv://name`: the same by the name of what has filled it.
    Volume(ObjectName),
}

/// Why a text names no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoImage {
    /// It is not absolute, not well-formed, or has a password in it.
    Malformed,
    /// Nothing is fetched by this scheme.
    UnknownScheme,
    /// It is not in the namespace of the machine.
    ElsewhereThanTheMachine,
}

impl Image {
    /// Every scheme there is.
    pub const SCHEMES: [&'static str; 5] = ["http", "https", "docker", "pvc", "dv"];

    /// Reads what an image for a machine is called: volumes of other namespaces than its own it cannot have.
    pub fn parse(text: &str, vm: &VmId) -> Result<Self, NoImage> {
        let source = ImageSource::parse(text, vm)?;
        Ok(Self { text: text.into(), source })
    }

    /// What it is called, to the letter; a URL's query is part of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it comes from.
    pub fn source(&self) -> &ImageSource {
        &self.source
    }

    /// Whether it has to be fetched; otherwise it is there, and belongs to somebody else.
    pub const fn is_fetched(&self) -> bool {
        match self.source {
            ImageSource::Server(_) | ImageSource::Registry(_) => true,
            ImageSource::Claim(_) | ImageSource::Volume(_) => false,
        }
    }

    /// Whether it may be fetched from where it is; with the host, if it may not.
    pub fn judge(&self, policy: &AddressPolicy) -> Result<(), (&Host, HostRefused)> {
        let host = match &self.source {
            ImageSource::Server(url) => url.host(),
            ImageSource::Registry(host) => host,
            ImageSource::Claim(_) | ImageSource::Volume(_) => return Ok(()),
        };
        policy.judge(host).map_err(|why| (host, why))
    }
}

impl From<Url> for Image {
    fn from(url: Url) -> Self {
        Self { text: url.as_str().into(), source: ImageSource::Server(url) }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl ImageSource {
    fn parse(text: &str, vm: &VmId) -> Result<Self, NoImage> {
        let (scheme, rest) = text.split_once("://").ok_or(NoImage::Malformed)?;
        let is = |known: &str| scheme.eq_ignore_ascii_case(known);
        if is("http") || is("https") {
            return Url::parse(text).map(Self::Server).ok_or(NoImage::Malformed);
        }
        if is("docker") {
            return registry(rest).map(Self::Registry).ok_or(NoImage::Malformed);
        }
        let kind: fn(ObjectName) -> Self = match scheme {
            _ if is("pvc") => Self::Claim,
            _ if is("dv") => Self::Volume,
            _ if is_scheme(scheme) => return Err(NoImage::UnknownScheme),
            _ => return Err(NoImage::Malformed),
        };
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) => (Some(Namespace::new(namespace).ok_or(NoImage::Malformed)?), name),
            None => (None, rest),
        };
        let name = ObjectName::new(name).ok_or(NoImage::Malformed)?;
        match namespace {
            Some(namespace) if *namespace != *vm.namespace() => Err(NoImage::ElsewhereThanTheMachine),
            Some(_) | None => Ok(kind(name)),
        }
    }
}

/// RFC 3986 section 3.1, within reason.
fn is_scheme(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (1..=32).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(inner)
}

/// The registry of a reference to a container image, `host[:port]/path[:tag][@digest]`; `None` if it is none.
///
/// The importer takes a first part that is no name of a host for part of the path, in the registry that everybody uses.
fn registry(reference: &str) -> Option<Host> {
    let (domain, rest) = reference.split_once('/')?;
    let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        Some(_) | None => (rest, None),
    };
    let valid = reference.len() <= LONGEST_REFERENCE
        && path.split('/').all(is_path_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    if !valid {
        return None;
    }
    if domain == "localhost" || domain.contains(['.', ':', '[']) {
        return host_of(domain);
    }
    is_path_component(domain).then(|| Host::Name(USUAL_REGISTRY.into()))
}

/// Lower-case letters and digits, with separators (`.`, `_`, `__` or any number of `-`) in between.
fn is_path_component(text: &str) -> bool {
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(text.as_bytes().first()) && edge(text.as_bytes().last()) && separators.into_iter().all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(inner)
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hash)) = text.split_once(':') else { return false };
    let plain = algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'_' | b'-'));
    let named = algorithm.starts_with(|c: char| c.is_ascii_alphabetic()) && plain;
    named && (32..=128).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const USUAL_REGISTRY: &str = "docker.io";

const LONGEST_REFERENCE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(image: &str) -> Result<ImageSource, NoImage> {
        let image = Image::parse(image, &VmId::new("lab", "node-0").expect("a valid id"))?;
        Ok(image.source().clone())
    }

    fn name(text: &str) -> ObjectName {
        ObjectName::new(text).expect("a name")
    }

    #[test]
    fn the_scheme_says_where_an_image_is() {
        let server = |image: &str| ImageSource::Server(Url::parse(image).expect("a URL"));
        let registry = |host: &str| ImageSource::Registry(Host::parse(host).expect("a host"));
        let digest = format!("docker://registry:5000/a@sha256:{}", "0a".repeat(32));
        for (image, source) in [
            ("http://a/b.iso", server("http://a/b.iso")),
            ("HTTP://a.example:80", server("HTTP://a.example:80")),
            ("https://[::1]:8080/x?api_key=a&arch=b", server("https://[::1]:8080/x?api_key=a&arch=b")),
            ("docker://quay.io/team/installer:v1", registry("quay.io")),
            ("docker://quay.io:443/team/my__in-st--aller.x:v1.0_a-b", registry("quay.io")),
            ("docker://[::1]:5000/a", registry("::1")),
            ("docker://localhost/a", registry("localhost")),
            ("docker://team/installer", registry("docker.io")),
            (&*digest, registry("registry")),
            ("pvc://installer", ImageSource::Claim(name("installer"))),
            ("pvc://lab/installer.v1", ImageSource::Claim(name("installer.v1"))),
            ("dv://lab/installer", ImageSource::Volume(name("installer"))),
        ] {
            assert_eq!(parse(image), Ok(source), "{image}");
        }
    }

    /// L5 among them.
    #[test]
    fn what_cannot_be_had_is_no_image() {
        use NoImage::{ElsewhereThanTheMachine, Malformed, UnknownScheme};
        for (image, why) in [
            ("", Malformed),
            ("boot.iso", Malformed),
            ("/boot.iso", Malformed),
            ("http://", Malformed),
            ("http://u:p@a/b", Malformed),
            ("http://a b/", Malformed),
            ("http://a/\n", Malformed),
            ("http://images.example:abc/a.iso", Malformed),
            ("http://images.example:0/a.iso", Malformed),
            ("http://images.example:99999/a.iso", Malformed),
            ("http://../a", Malformed),
            ("http://images.example/\u{202e}osi.exe", Malformed),
            ("docker://image", Malformed),
            ("docker:///image", Malformed),
            ("docker://u:p@host/image", Malformed),
            ("docker://host/image;rm", Malformed),
            ("docker://x/../y", Malformed),
            ("docker://x/./y", Malformed),
            ("docker://x/y/", Malformed),
            ("docker://x//y", Malformed),
            ("docker://x/Y", Malformed),
            ("docker://../y", Malformed),
            ("docker://quay.io:0/y", Malformed),
            ("docker://quay.io:99999/y", Malformed),
            ("docker://quay..io/y", Malformed),
            ("docker://127.1/y", Malformed),
            ("docker://x/y:", Malformed),
            ("docker://x/y:-a", Malformed),
            ("docker://x/y:a:b", Malformed),
            ("docker://x/y@sha256:0123", Malformed),
            ("docker://x/y@sha256", Malformed),
            ("docker://x/y?a=b", Malformed),
            ("docker://x/y#z", Malformed),
            ("docker://x/y%2f..", Malformed),
            ("pvc://", Malformed),
            ("pvc://..", Malformed),
            ("pvc://../secrets", Malformed),
            ("pvc://lab/installer/x", Malformed),
            ("pvc://lab/..", Malformed),
            ("pvc://installer?watch=1", Malformed),
            ("dv://installer#x", Malformed),
            ("pvc://Installer", Malformed),
            ("a b://x", Malformed),
            ("1a://x", Malformed),
            ("ftp://a/b", UnknownScheme),
            ("nfs://a/b", UnknownScheme),
            ("file:///etc/passwd", UnknownScheme),
            ("pvc://other/installer", ElsewhereThanTheMachine),
            ("dv://other/installer", ElsewhereThanTheMachine),
        ] {
            assert_eq!(parse(image), Err(why), "{image}");
        }
    }

    #[test]
    fn whatever_names_a_host_is_judged_by_it() {
        let policy = AddressPolicy { cluster_names: false, ..AddressPolicy::default() };
        let vm = VmId::new("lab", "node-0").expect("a valid id");
        let judged = |image: &str| Image::parse(image, &vm).expect("an image").judge(&policy).map_err(|(_, why)| why);
        for image in ["http://169.254.169.254/latest", "docker://169.254.169.254/a"] {
            assert_eq!(judged(image), Err(HostRefused::LinkLocal), "{image}");
        }
        for image in ["https://LOCALHOST:6443/", "docker://localhost:5000/a", "docker://[::ffff:127.0.0.1]/a"] {
            assert_eq!(judged(image), Err(HostRefused::Loopback), "{image}");
        }
        assert_eq!(judged("https://kubernetes.default.svc/api"), Err(HostRefused::ClusterName));
        for image in ["http://10.0.0.1/a", "docker://quay.io/a/b", "docker://localhosts/a", "pvc://localhost"] {
            assert_eq!(judged(image), Ok(()), "{image}");
        }
    }
}

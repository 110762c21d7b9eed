//! Where an image comes from, by what a client calls it.

use super::{Namespace, ObjectName, VmId};

/// The source that the name of an image stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// `http://…`: fetched from a server.
    Http,
    /// `https://…`: the same over TLS.
    Https,
    /// `docker://host/image:tag`: the disk in a container image, fetched from its registry.
    Registry,
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

impl ImageSource {
    /// Every scheme there is.
    pub const SCHEMES: [&'static str; 5] = ["http", "https", "docker", "pvc", "dv"];

    /// The source of an image for a machine: volumes of other namespaces than its own it cannot have.
    pub fn parse(image: &str, vm: &VmId) -> Result<Self, NoImage> {
        if !is_plain(image) {
            return Err(NoImage::Malformed);
        }
        let (scheme, rest) = image.split_once("://").ok_or(NoImage::Malformed)?;
        let is = |known: &str| scheme.eq_ignore_ascii_case(known);
        if is("http") || is("https") {
            let source = if is("https") { Self::Https } else { Self::Http };
            return if Self::is_url(image) { Ok(source) } else { Err(NoImage::Malformed) };
        }
        if is("docker") {
            let (host, path) = rest.split_once('/').ok_or(NoImage::Malformed)?;
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/@+[]".contains(c);
            let whole = !host.is_empty() && !host.contains('@') && !path.is_empty() && rest.chars().all(plain);
            return if whole { Ok(Self::Registry) } else { Err(NoImage::Malformed) };
        }
        let kind: fn(ObjectName) -> Self = match scheme {
            _ if is("pvc") => Self::Claim,
            _ if is("dv") => Self::Volume,
            _ if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err(NoImage::UnknownScheme);
            }
            _ => return Err(NoImage::Malformed),
        };
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, rest),
        };
        let name = ObjectName::new(name).ok_or(NoImage::Malformed)?;
        if namespace.is_some_and(|namespace| Namespace::new(namespace).is_none()) {
            return Err(NoImage::Malformed);
        }
        match namespace {
            Some(namespace) if namespace != vm.namespace() => Err(NoImage::ElsewhereThanTheMachine),
            Some(_) | None => Ok(kind(name)),
        }
    }

    /// Whether a text is an absolute `http` or `https` URL without a password in it.
    pub fn is_url(text: &str) -> bool {
        let Some(uri) = text.parse::<http::Uri>().ok().filter(|_| is_plain(text)) else { return false };
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain = |at: &http::uri::Authority| !at.as_str().contains('@') && !at.host().is_empty();
        known && uri.authority().is_some_and(plain)
    }

    /// The source of an image that has been parsed before.
    pub fn of(image: &str, vm: &VmId) -> Option<Self> {
        Self::parse(image, vm).ok()
    }

    /// Whether the image has to be fetched; otherwise it is there, and belongs to somebody else.
    pub const fn is_fetched(&self) -> bool {
        match self {
            Self::Http | Self::Https | Self::Registry => true,
            Self::Claim(_) | Self::Volume(_) => false,
        }
    }
}

/// Whether a text can be the name of an image at all.
fn is_plain(text: &str) -> bool {
    text.len() <= LONGEST && !text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ')
}

/// Signed URLs are long; this is longer than any server accepts.
const LONGEST: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(image: &str) -> Result<ImageSource, NoImage> {
        ImageSource::parse(image, &VmId::new("lab", "node-0").expect("a valid id"))
    }

    fn name(text: &str) -> ObjectName {
        ObjectName::new(text).expect("a name")
    }

    #[test]
    fn the_scheme_says_where_an_image_is() {
        for (image, source) in [
            ("http://a/b.iso", ImageSource::Http),
            ("HTTP://a.example:80", ImageSource::Http),
            ("https://[::1]:8080/x?api_key=a&arch=b", ImageSource::Https),
            ("docker://quay.io/team/installer:v1", ImageSource::Registry),
            ("docker://registry:5000/a@sha256:0123", ImageSource::Registry),
            ("pvc://installer", ImageSource::Claim(name("installer"))),
            ("pvc://lab/installer.v1", ImageSource::Claim(name("installer.v1"))),
            ("dv://lab/installer", ImageSource::Volume(name("installer"))),
        ] {
            assert_eq!(parse(image), Ok(source), "{image}");
        }
    }

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
            ("docker://image", Malformed),
            ("docker://u:p@host/image", Malformed),
            ("docker://host/image;rm", Malformed),
            ("pvc://", Malformed),
            ("pvc://../secrets", Malformed),
            ("pvc://lab/installer/x", Malformed),
            ("pvc://Installer", Malformed),
            ("a b://x", Malformed),
            ("ftp://a/b", UnknownScheme),
            ("nfs://a/b", UnknownScheme),
            ("file:///etc/passwd", UnknownScheme),
            ("pvc://other/installer", ElsewhereThanTheMachine),
            ("dv://other/installer", ElsewhereThanTheMachine),
        ] {
            assert_eq!(parse(image), Err(why), "{image}");
        }
    }
}

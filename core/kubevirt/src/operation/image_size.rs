//! How large an image is: its server is asked before there is a volume for it.
//!
//! One question and a few redirects, within seconds, of servers at addresses that may be asked. What they say is a hint:
//! without it the volume has the configured size, and the import tells what is wrong.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Request, Response, Uri};

use super::certificates::Verification;
use super::snapshot::Snapshot;
use crate::model::{AddressPolicy, ImageSource, InsertMedia, Url};
use crate::quantity::Quantity;
use crate::time::Instant;
use crate::{ImageProbe, Settings, TransportError};

/// A question to the server of an image, for its head alone.
pub struct ImageRequest {
    /// What to send: a HEAD of an absolute `http` or `https` URL. It may have a password in it.
    pub request: Request<()>,
    /// How the server is known.
    pub verification: Verification,
    /// Which addresses may be connected to, whatever the URL's name stands for.
    pub policy: AddressPolicy,
    /// How long an answer is waited for.
    pub until: Instant,
}

/// Without the URL's query and without the password, which no log may show.
impl fmt::Debug for ImageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.request.uri();
        let host = uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "Ask({} {host}{} until {:?})", self.request.method(), uri.path(), self.until)
    }
}

/// What is known of an image's size.
#[derive(Debug)]
pub(super) enum ImageSize {
    Unasked,
    Asked(Question),
    /// In bytes, if its server has said.
    Known {
        bytes: Option<u64>,
    },
}

/// A question on its way from one server to the next.
#[derive(Debug)]
pub(super) struct Question {
    uri: Uri,
    /// What the first server is told; others are not.
    authorization: Option<HeaderValue>,
    verification: Verification,
    probe: ImageProbe,
    until: Instant,
    redirects: u32,
}

impl ImageSize {
    /// The next question; `None` if there is nothing more to ask.
    pub(super) fn ask(&mut self, snapshot: &Snapshot<'_>, media: &InsertMedia) -> Option<ImageRequest> {
        if matches!(self, Self::Unasked) {
            let question = Question::new(snapshot, media);
            *self = question.map_or(Self::Known { bytes: None }, Self::Asked);
        }
        match self {
            Self::Asked(question) => Some(question.request()),
            Self::Unasked | Self::Known { .. } => None,
        }
    }

    /// Takes in what a server has said, or that it has not.
    pub(super) fn answered(&mut self, answer: Result<Response<()>, TransportError>) {
        let before = std::mem::replace(self, Self::Known { bytes: None });
        *self = match (before, answer) {
            (Self::Asked(question), Ok(answer)) => question.answered(&answer),
            (Self::Asked(_), Err(_)) => Self::Known { bytes: None },
            (other @ (Self::Unasked | Self::Known { .. }), _) => other,
        };
    }

    /// The size of the volume for it, as a Kubernetes quantity.
    pub(super) fn volume(&self, settings: &Settings) -> String {
        let configured = Quantity::parse(&settings.storage_size).map_or(0, Quantity::ceil);
        let largest = settings.probe.as_ref().map_or(0, |probe| probe.max_size);
        let needed = match self {
            Self::Known { bytes: Some(bytes) } => with_overhead(*bytes),
            Self::Known { bytes: None } | Self::Unasked | Self::Asked(_) => 0,
        };
        if configured < needed && needed <= largest {
            format!("{}Mi", needed >> MEBIBYTE)
        } else {
            settings.storage_size.clone()
        }
    }
}

impl Question {
    fn new(snapshot: &Snapshot<'_>, media: &InsertMedia) -> Option<Self> {
        let probe = snapshot.settings.probe.clone()?;
        let ImageSource::Server(url) = media.image.source() else { return None };
        let uri = url.to_uri();
        if is_packed(&uri) {
            return None;
        }
        let authorization = media.credentials.as_ref().and_then(|credentials| {
            let pair = format!("{}:{}", credentials.user_name, credentials.password.expose());
            let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        // Whoever inserts it does not wait for its server alone.
        let patience = PATIENCE.min(snapshot.command.deadline.saturating_since(snapshot.now) / 4);
        let verification = Verification::of(snapshot.settings, snapshot.machine, media);
        Some(Self { uri, authorization, verification, probe, until: snapshot.now + patience, redirects: 0 })
    }

    fn request(&self) -> ImageRequest {
        let mut request = Request::new(());
        *request.method_mut() = Method::HEAD;
        *request.uri_mut() = self.uri.clone();
        // A length that is one of packed bytes would say nothing.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        ImageRequest {
            request,
            verification: self.verification.clone(),
            policy: self.probe.policy.clone(),
            until: self.until,
        }
    }

    fn answered(self, answer: &Response<()>) -> ImageSize {
        if !answer.status().is_redirection() {
            return ImageSize::Known { bytes: length(answer) };
        }
        let next = answer.headers().get(LOCATION).and_then(|location| resolve(&self.uri, location.to_str().ok()?));
        let next = next.filter(|next| self.redirects < MOST_REDIRECTS && self.probe.policy.judge(next.host()).is_ok());
        match next.map(|next| next.to_uri()).filter(|next| !is_packed(next)) {
            Some(uri) => {
                let same = uri.scheme() == self.uri.scheme() && uri.authority() == self.uri.authority();
                let authorization = self.authorization.filter(|_| same);
                ImageSize::Asked(Self { uri, authorization, redirects: self.redirects + 1, ..self })
            }
            None => ImageSize::Known { bytes: None },
        }
    }
}

/// The size that the head of an answer tells.
fn length(answer: &Response<()>) -> Option<u64> {
    let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let encoded = header(CONTENT_ENCODING).is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"));
    let media_type = header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let packed = PACKED_TYPES.iter().any(|packed| media_type.eq_ignore_ascii_case(packed));
    if !answer.status().is_success() || encoded || packed {
        return None;
    }
    header(CONTENT_LENGTH)?.trim().parse().ok().filter(|length| *length > 0)
}

/// What a redirect leads to: a whole URL, or one that begins where the other does (RFC 3986 section 4.2).
fn resolve(base: &Uri, location: &str) -> Option<Url> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let location = location.split('#').next().unwrap_or_default();
    let whole = if location.contains("://") && !location.starts_with('/') {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    Url::parse(&whole)
}

/// Whether the name says that the image is larger than the file.
fn is_packed(uri: &Uri) -> bool {
    let extension = uri.path().rsplit_once('.').map_or("", |(_, extension)| extension);
    PACKED.iter().any(|packed| extension.eq_ignore_ascii_case(packed))
}

/// The volume that an image takes, in whole mebibytes. The importer adds what it reckons a file system takes, but it
/// unpacks by way of a scratch volume and reckons too little for small ones, so an image that is just as large as what
/// was asked for may not fit.
fn with_overhead(bytes: u64) -> u64 {
    let bytes = u128::from(bytes);
    let whole = (bytes * 100).div_ceil(100 - OVERHEAD_PERCENT).max(bytes + SMALL_OVERHEAD);
    u64::try_from(whole.div_ceil(1 << MEBIBYTE) << MEBIBYTE).unwrap_or(u64::MAX)
}

/// What the importer reckons for a file system unless configured otherwise.
const OVERHEAD_PERCENT: u128 = 6;

/// What the file systems of small volumes take at least.
const SMALL_OVERHEAD: u128 = 64 << 20;

/// As a power of two.
const MEBIBYTE: u32 = 20;

/// What is unpacked, or written out at its full size, on import.
const PACKED: [&str; 8] = ["gz", "xz", "zst", "qcow2", "vmdk", "vdi", "vhd", "vhdx"];

/// The same by its media type.
const PACKED_TYPES: [&str; 5] =
    ["application/gzip", "application/x-gzip", "application/x-xz", "application/zstd", "application/x-qcow2"];

/// How long servers are waited for, all of them together.
const PATIENCE: Duration = Duration::from_secs(3);

/// Load balancers and mirrors redirect once or twice.
const MOST_REDIRECTS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&'static str, &'static str)]) -> Response<()> {
        let mut head = Response::builder().status(status);
        for (name, value) in headers {
            head = head.header(*name, *value);
        }
        head.body(()).expect("a valid head")
    }

    #[test]
    fn a_volume_is_larger_than_its_image() {
        for (bytes, mebibytes) in
            [(1, 65), (94 << 20, 158), (94 << 30, 102_400), ((94 << 30) + 1, 102_401), (3_502_306_755, 3_554)]
        {
            assert_eq!(with_overhead(bytes), mebibytes << 20, "{bytes}");
        }
        assert_eq!(with_overhead(u64::MAX), u64::MAX);
    }

    #[test]
    fn only_the_length_of_what_is_imported_counts() {
        for (status, headers, expected) in [
            (200, &[("content-length", "7")][..], Some(7)),
            (200, &[("content-length", "7"), ("content-encoding", "identity")], Some(7)),
            (200, &[("content-length", "7"), ("content-encoding", "gzip")], None),
            (200, &[("content-length", "7"), ("content-type", "application/x-xz; a=b")], None),
            (200, &[("content-length", "0")], None),
            (200, &[("content-length", "-7")], None),
            (200, &[("content-length", "99999999999999999999")], None),
            (200, &[], None),
            (404, &[("content-length", "7")], None),
            (405, &[("content-length", "7")], None),
        ] {
            assert_eq!(length(&head(status, headers)), expected, "{status} {headers:?}");
        }
    }

    #[test]
    fn redirects_lead_to_urls_and_nowhere_else() {
        let base: Uri = "https://a.example:8443/images/boot.iso?token=x".parse().expect("a URL");
        for (location, expected) in [
            ("http://b.example/x.iso", Some("http://b.example/x.iso")),
            ("https://b.example/x.iso#part", Some("https://b.example/x.iso")),
            ("//b.example/x", Some("https://b.example/x")),
            ("/x?y=http://z", Some("https://a.example:8443/x?y=http://z")),
            ("x.iso", Some("https://a.example:8443/images/x.iso")),
            ("ftp://b.example/x", None),
            ("http://user:word@b.example/x", None),
            ("http:///x", None),
            ("a b", None),
        ] {
            let found = resolve(&base, location).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{location}");
        }
    }
}

//! The `Accept-Encoding` header (RFC 9110 section 12.5.3), and the one content coding there is: gzip.
//!
//! An entity tag is the same for either form of a body. RFC 9110 would have two strong tags, so that no cache splices
//! ranges of the one into the other; here are no ranges, `Vary` keeps the forms apart, and DSP0266 wants the tag of the
//! header to be the one in the body. So clients send back what they got, whichever form that was, and it counts.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a client wants bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Identity,
    /// Compressed, if it is worth it.
    Gzip,
    /// Compressed in any case.
    GzipOnly,
}

impl Encoding {
    /// What a request accepts; `None` if that is nothing the service has. Nothing is compressed unless gzip is named:
    /// who says `*` may not know what that brings.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(ACCEPT_ENCODING).iter();
        match (lines.next(), lines.next()) {
            (None, _) => return Some(Self::Identity),
            (Some(only), None) if only == "identity" => return Some(Self::Identity),
            (Some(only), None) if only == "gzip" => return Some(Self::Gzip),
            (Some(_), _) => {}
        }
        let (mut gzip, mut identity, mut other) = (None, None, None);
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for item in values.flat_map(|value| value.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let weight = parts.find_map(weight).unwrap_or(1_000);
            if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
                gzip = gzip.max(Some(weight));
            } else if coding.eq_ignore_ascii_case("identity") {
                identity = identity.max(Some(weight));
            } else if coding == "*" {
                other = other.max(Some(weight));
            }
        }
        let gzip = gzip.unwrap_or_default();
        match identity.or_else(|| other.filter(|weight| *weight == 0)) {
            Some(0) if gzip > 0 => Some(Self::GzipOnly),
            // `identity;q=0, *`: gzip is among the others.
            Some(0) if other.is_some_and(|weight| weight > 0) => Some(Self::GzipOnly),
            Some(0) => None,
            Some(identity) if identity > gzip => Some(Self::Identity),
            Some(_) | None if gzip > 0 => Some(Self::Gzip),
            Some(_) | None => Some(Self::Identity),
        }
    }

    /// Whether a body of that length is to be compressed.
    pub(crate) fn compresses(self, length: usize) -> bool {
        match self {
            Self::Identity => false,
            Self::Gzip => length >= MIN_LENGTH,
            Self::GzipOnly => true,
        }
    }
}

/// Compresses a body. The same bytes always come to the same result.
pub(crate) fn gzip(body: &[u8]) -> Bytes {
    let level = if body.len() > LARGE { Compression::fast() } else { Compression::default() };
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

/// The weight of a coding in thousandths, if a parameter is one. One that cannot be understood refuses the coding,
/// which is the side on which no harm is done.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let weight = value.trim().parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    Some((weight * 1_000.0).ceil() as u16)
}

/// What fits into one packet is not worth compressing.
const MIN_LENGTH: usize = 1_024;

/// What is larger is compressed in a hurry: it is expanded or listed, and three times the time saves a tenth.
const LARGE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::io::Read as _;

    #[test]
    fn what_clients_send() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            Encoding::accepted(&headers)
        };
        assert_eq!(Encoding::accepted(&HeaderMap::new()), Some(Encoding::Identity));
        for value in
            ["", "identity", "*", "br", "gzip;q=0", "gzip;q=0.5, identity", "gzip;q=x", "identity;q=0.001", "gzip;q=2"]
        {
            assert_eq!(accepted(value), Some(Encoding::Identity), "{value}");
        }
        for value in
            ["gzip", "gzip, deflate, br", "GZIP;Q=0.5", "x-gzip", "deflate, gzip;q=1.0, *;q=0.5", "gzip, identity"]
        {
            assert_eq!(accepted(value), Some(Encoding::Gzip), "{value}");
        }
        for value in ["gzip, identity;q=0", "gzip, *;q=0", "identity;q=0, *"] {
            assert_eq!(accepted(value), Some(Encoding::GzipOnly), "{value}");
        }
        for value in ["identity;q=0", "*;q=0", "br, *;q=0", "gzip;q=0, identity;q=0"] {
            assert_eq!(accepted(value), None, "{value}");
        }
    }

    #[test]
    fn what_is_compressed_can_be_read() {
        for length in [0, 10, 100_000] {
            let body = "Redfish ".repeat(length);
            let mut text = String::new();
            flate2::read::GzDecoder::new(&*gzip(body.as_bytes())).read_to_string(&mut text).expect("gzip");
            assert_eq!(text, body);
        }
    }
}

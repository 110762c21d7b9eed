//! Which servers of images are trusted, by the drive that their images go into.

use std::fmt;

use base64::Engine as _;

use super::Slot;

/// What was chosen for a slot; a slot of which nothing was chosen has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTrust {
    /// The slot.
    pub slot: Slot,
    /// Whether servers have to prove who they are; `None` if it is left to the configuration.
    pub verify: Option<bool>,
    /// Certificates by which they may do so, besides those that the cluster trusts anyway; ordered by id.
    pub certificates: Box<[ImageCertificate]>,
}

/// A certificate: of a server, or of an authority that certifies servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageCertificate {
    id: CertificateId,
    pem: Box<str>,
}

/// What a certificate is called, by what is in it: the same one twice is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId(u64);

/// A change of what is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustChange {
    /// Servers have to prove who they are, or need not.
    Verify(bool),
    /// They may do so by this certificate too.
    Add(ImageCertificate),
    /// Not any more by this one.
    Remove(CertificateId),
}

impl ImageCertificate {
    /// One certificate in PEM's form (RFC 7468 section 5), of at most [`LONGEST_CERTIFICATE`] bytes. Whether it is in
    /// force is for whoever is shown it to say.
    pub fn parse(pem: &str) -> Option<Self> {
        let pem = pem.trim();
        let body = pem.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let encoded: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        // A sequence that is as long as it says; with fewer than 128 bytes there is no certificate.
        let (header, length) = match der.get(..4)? {
            [0x30, 0x81, length, _] => (3, usize::from(*length)),
            [0x30, 0x82, high, low] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            _ => return None,
        };
        let whole = der.len() == header + length && pem.len() <= LONGEST_CERTIFICATE;
        let id = CertificateId(xxhash_rust::xxh3::xxh3_64(&der));
        whole.then(|| Self { id, pem: format!("{pem}\n").into() })
    }

    /// All certificates of a text that has nothing else in it; `None` if there is none or one of them is malformed.
    pub fn parse_all(text: &str) -> Option<Vec<Self>> {
        let mut rest = text.trim();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (one, after) = rest.split_once(END)?;
            found.push(Self::parse(&format!("{one}{END}"))?);
            rest = after.trim_start();
        }
        (!found.is_empty()).then_some(found)
    }

    /// What it is called.
    pub const fn id(&self) -> CertificateId {
        self.id
    }

    /// Itself, in PEM's form, ending with a new line.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for CertificateId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let id = u64::from_str_radix(text, 16).map(Self).map_err(|_| ())?;
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate with very many names has a few kilobytes.
pub const LONGEST_CERTIFICATE: usize = 16 * 1024;

/// How many a slot has at most: they are kept with the machine, where the cluster has room for 256 KiB in all.
pub const MOST_CERTIFICATES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", base64::engine::general_purpose::STANDARD.encode(der))
    }

    #[test]
    fn a_certificate_is_one_whole_sequence() {
        let der = [&[0x30, 0x81, 0x80][..], &[7; 0x80]].concat();
        let certificate = ImageCertificate::parse(&format!("  {}", pem(&der))).expect("it has the form");
        assert_eq!(certificate.pem(), pem(&der));
        assert_eq!(certificate.id().to_string().parse(), Ok(certificate.id()));
        let two = pem(&der).repeat(2);
        assert_eq!(ImageCertificate::parse_all(&two), Some(vec![certificate.clone(), certificate]));
        for text in ["", "# a comment", &format!("{two}x")] {
            assert_eq!(ImageCertificate::parse_all(text), None, "{text}");
        }
        for text in ["", "x", BEGIN, &pem(&der[1..]), &pem(&der[..90]), &pem(&[&der[..], &[0]].concat()), &two] {
            assert_eq!(ImageCertificate::parse(text), None, "{text}");
        }
        for text in ["", "7", "000000000000000G", "+00000000000000f", "000000000000000F"] {
            assert_eq!(text.parse::<CertificateId>(), Err(()), "{text}");
        }
    }
}

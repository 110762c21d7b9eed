//! TLS for the service: certificates from files or made on the spot, with one cryptographic provider, named here.

#[cfg(feature = "simulate")]
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubevirt_redfish_core::time::UnixTime;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
#[cfg(feature = "simulate")]
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use crate::config::{TlsFiles, TlsProfile};

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or has no certificate or key in it.
    #[error("{path}: {reason}; expected {expected}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What should be in it.
        expected: &'static str,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate and its key cannot be used: {0}")]
    Rejected(#[from] rustls::Error),
    /// No certificate could be made.
    #[cfg(feature = "simulate")]
    #[error("a self-signed certificate could not be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
}

/// The one provider of cryptography, for what serves and for what connects to the cluster.
///
/// A key exchange that quantum computers do not undo comes first, for peers that know it.
pub fn provider() -> CryptoProvider {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    CryptoProvider { kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1], ..aws_lc_rs::default_provider() }
}

/// TLS with a certificate and key from PEM files.
pub fn from_files(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let expected = "a PEM file with a certificate and those that lead to its root";
    let fail = |path: &Path, reason: String, expected| TlsError::File { path: path.to_owned(), reason, expected };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&files.cert_file)
        .and_then(Iterator::collect)
        .map_err(|error| fail(&files.cert_file, error.to_string(), expected))?;
    if certificates.is_empty() {
        return Err(fail(&files.cert_file, "has no certificate in it".to_owned(), expected));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key_file)
        .map_err(|error| fail(&files.key_file, error.to_string(), "a PEM file with an unencrypted private key"))?;
    acceptor(certificates, key, files.profile)
}

/// When the certificate in a file ends, if that can be read.
pub fn expiry(files: &TlsFiles) -> Option<UnixTime> {
    let certificate = CertificateDer::pem_file_iter(&files.cert_file).ok()?.next()?.ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&certificate).ok()?;
    Some(UnixTime(certificate.validity().not_after.timestamp()))
}

/// What is soon to be done about the certificate in a file, if something is: `now` in seconds since 1970.
pub fn expiry_warning(files: &TlsFiles, now: i64) -> Option<String> {
    let certificate = CertificateDer::pem_file_iter(&files.cert_file).ok()?.next()?.ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&certificate).ok()?;
    let validity = certificate.validity();
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let path = files.cert_file.display();
    if until < now {
        Some(format!("{path}: the certificate expired at {}: clients refuse it", UnixTime(until)))
    } else if now < from {
        Some(format!("{path}: the certificate is not valid before {}: clients refuse it", UnixTime(from)))
    } else if until.saturating_sub(now) < SOON {
        Some(format!("{path}: the certificate expires at {}: renew it", UnixTime(until)))
    } else {
        None
    }
}

/// Certificates are renewed a month before they end, in seconds.
const SOON: i64 = 30 * 24 * 60 * 60;

/// TLS with a certificate made on the spot (ECDSA P-256), for `localhost`, `127.0.0.1` and `host`.
#[cfg(feature = "simulate")]
pub fn self_signed(host: &str) -> Result<Arc<ServerConfig>, TlsError> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let is_wildcard = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    if !is_wildcard && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    acceptor(vec![cert.der().clone()], key.into(), TlsProfile::default())
}

fn acceptor(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    profile: TlsProfile,
) -> Result<Arc<ServerConfig>, TlsError> {
    let versions: &[&SupportedProtocolVersion] = match profile {
        // All suites of the provider have forward secrecy and authenticated encryption.
        TlsProfile::Intermediate => &[&TLS13, &TLS12],
        TlsProfile::Modern => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    // Tickets save returning clients most of a handshake, and the service from keeping their sessions.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The address that people on the same machine reach a listener at `ip` by.
#[cfg(feature = "simulate")]
pub fn reachable(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip }
}

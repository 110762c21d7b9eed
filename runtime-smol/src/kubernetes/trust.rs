//! By which certificates the API server is known.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kubevirt_redfish_app::trust;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::credentials::Identity;

/// By which certificates the API server is known.
pub(super) struct Trust {
    roots: Roots,
    /// What was made last, and of what: it remembers sessions, which saves most of a handshake.
    last: Mutex<Option<(Made, Arc<ClientConfig>)>>,
}

enum Roots {
    System,
    Fixed(Vec<CertificateDer<'static>>),
    /// Read for each connection: authorities are replaced while the program runs.
    File(PathBuf),
    Anything,
}

/// What a configuration is made of.
#[derive(PartialEq, Eq)]
struct Made {
    roots: Option<Vec<u8>>,
    identity: Option<Identity>,
}

impl Trust {
    pub(super) fn new(config: &kube::Config) -> Self {
        let roots = match (&config.root_cert_file, &config.root_cert) {
            _ if config.accept_invalid_certs => Roots::Anything,
            (Some(path), _) => Roots::File(path.clone()),
            (None, Some(certificates)) => {
                Roots::Fixed(certificates.iter().cloned().map(CertificateDer::from).collect())
            }
            (None, None) => Roots::System,
        };
        Self { roots, last: Mutex::default() }
    }

    /// The configuration of a TLS client that comes as `identity`.
    pub(super) async fn client_config(&self, identity: Option<&Identity>) -> Result<Arc<ClientConfig>, String> {
        let roots = match &self.roots {
            Roots::File(path) => {
                let read = smol::fs::read(path).await;
                Some(read.map_err(|error| format!("the certificates in {}: {error}", path.display()))?)
            }
            Roots::System | Roots::Fixed(_) | Roots::Anything => None,
        };
        let made = Made { roots, identity: identity.cloned() };
        // What was made before a panic is as good as ever.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, config)) = &*last
            && *before == made
        {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make(&made)?);
        *last = Some((made, Arc::clone(&config)));
        Ok(config)
    }

    fn make(&self, of: &Made) -> Result<ClientConfig, String> {
        let builder = trust::client_builder()?;
        let builder = match (&self.roots, &of.roots) {
            (Roots::Anything, _) => builder.dangerous().with_custom_certificate_verifier(trust::any_certificate()),
            (Roots::System, _) => builder.with_root_certificates(trust::system_roots().clone()),
            (Roots::Fixed(certificates), _) => builder.with_root_certificates(store(certificates.iter().cloned())?),
            (Roots::File(_), bundle) => {
                let certificates = CertificateDer::pem_slice_iter(bundle.as_deref().unwrap_or_default());
                builder.with_root_certificates(store(certificates.flatten())?)
            }
        };
        let mut config = match &of.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.certificate).collect();
                let chain = chain.map_err(|error| format!("the client's certificate: {error}"))?;
                let key = PrivateKeyDer::from_pem_slice(&identity.key);
                let key = key.map_err(|error| format!("the client's key: {error}"))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn store(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err("there is no certificate to know the API server by".to_owned());
    }
    Ok(roots)
}

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
        let read = self.read().await;
        // What was made before a panic is as good as ever.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().filter(|(of, _)| of.identity.as_ref() == identity);
        let made = read.and_then(|roots| match before {
            Some((of, config)) if of.roots == roots => Ok((roots, Arc::clone(config))),
            _ => Ok((roots.clone(), Arc::new(self.make(roots.as_deref(), identity)?))),
        });
        match (made, before) {
            (Ok((roots, config)), _) => {
                *last = Some((Made { roots, identity: identity.cloned() }, Arc::clone(&config)));
                Ok(config)
            }
            // Files are replaced, and may be missing or incomplete for a moment.
            (Err(reason), Some((_, config))) => {
                tracing::debug!(reason, "the authority that was read last is believed");
                Ok(Arc::clone(config))
            }
            (Err(reason), None) => Err(reason),
        }
    }

    async fn read(&self) -> Result<Option<Vec<u8>>, String> {
        let Roots::File(path) = &self.roots else { return Ok(None) };
        let read = smol::fs::read(path).await;
        read.map(Some).map_err(|error| format!("the certificates in {}: {error}", path.display()))
    }

    fn make(&self, bundle: Option<&[u8]>, identity: Option<&Identity>) -> Result<ClientConfig, String> {
        let builder = trust::client_builder()?;
        let builder = match &self.roots {
            Roots::Anything => builder.dangerous().with_custom_certificate_verifier(trust::any_certificate()),
            Roots::System => builder.with_root_certificates(trust::system_roots().clone()),
            Roots::Fixed(certificates) => builder.with_root_certificates(store(certificates.iter().cloned())?),
            Roots::File(_) => {
                let certificates = CertificateDer::pem_slice_iter(bundle.unwrap_or_default());
                builder.with_root_certificates(store(certificates.flatten())?)
            }
        };
        let mut config = match identity {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// In a pod: the file is replaced while the program runs.
    #[test]
    fn an_authority_that_is_replaced_is_believed_from_the_next_connection_on() {
        let authority = || {
            let key = rcgen::KeyPair::generate().expect("a key");
            let params = rcgen::CertificateParams::new([]).expect("no names");
            params.self_signed(&key).expect("a certificate").pem()
        };
        let path = std::env::temp_dir().join(format!("kubevirt-redfish-smol-{}-ca.crt", std::process::id()));
        std::fs::write(&path, authority()).expect("it is written");
        let mut config = kube::Config::new(http::Uri::from_static("https://api.example"));
        config.root_cert_file = Some(path.clone());
        let trust = Trust::new(&config);
        let current = || smol::block_on(trust.client_config(None));
        let first = current().expect("a configuration");
        assert!(Arc::ptr_eq(&first, &current().expect("a configuration")), "it remembers sessions");
        std::fs::write(&path, authority()).expect("it is written");
        let second = current().expect("a configuration");
        assert!(!Arc::ptr_eq(&first, &second));
        std::fs::write(&path, "nothing").expect("it is written");
        assert!(Arc::ptr_eq(&second, &current().expect("a configuration")), "for a moment");
        std::fs::remove_file(&path).expect("it is there");
        assert!(Arc::ptr_eq(&second, &current().expect("a configuration")), "for a moment");
        let missing = smol::block_on(Trust::new(&config).client_config(None));
        assert!(missing.is_err_and(|reason| reason.contains("ca.crt")));
    }
}

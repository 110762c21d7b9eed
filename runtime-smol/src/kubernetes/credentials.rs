//! What requests prove themselves with: a token, a password, a certificate, or what a plugin says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use kube::config::AuthInfo;
use kubevirt_redfish_core::time::UnixTime;
use secrecy::ExposeSecret;
use smol::lock::Mutex;

use super::exec::Plugin;

/// What requests prove themselves with.
pub(super) struct Credentials {
    source: Source,
    /// What goes with the rest of the headers: as whom to act.
    impersonation: HeaderMap,
    /// What the configuration itself has to say to the TLS handshake.
    identity: Option<Identity>,
    /// What was current when it was last looked up.
    last: Mutex<Option<Last>>,
}

enum Source {
    Nothing,
    Fixed(HeaderValue),
    TokenFile(PathBuf),
    Plugin(Box<Plugin>),
}

struct Last {
    proof: Arc<Proof>,
    /// Until when it may be used, if it ends.
    until: Option<UnixTime>,
}

/// What one request proves itself with.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Proof {
    /// `Authorization` and what goes with it.
    pub(super) headers: HeaderMap,
    /// What its connection proves itself with.
    pub(super) identity: Option<Identity>,
}

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Credentials {
    /// Of a kubeconfig or a service account.
    pub(super) fn new(info: AuthInfo) -> Result<Self, String> {
        let impersonation = impersonation(&info)?;
        let identity = identity(&info)?;
        // In the order of the other program: what stands there is taken before what is elsewhere.
        let source = if let Some(provider) = &info.auth_provider {
            match (provider.name.as_str(), provider.config.get("id-token")) {
                ("oidc", Some(token)) => Source::Fixed(bearer(token)?),
                (name, _) => return Err(format!("auth-provider {name}: not supported; use an exec plugin instead")),
            }
        } else if let (Some(user), Some(password)) = (&info.username, &info.password) {
            let text = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            Source::Fixed(secret(&format!("Basic {text}"))?)
        } else if let Some(token) = &info.token {
            Source::Fixed(bearer(token.expose_secret())?)
        } else if let Some(path) = info.token_file {
            Source::TokenFile(path.into())
        } else if let Some(exec) = info.exec {
            Source::Plugin(Box::new(Plugin::new(exec)?))
        } else {
            Source::Nothing
        };
        Ok(Self { source, impersonation, identity, last: Mutex::new(None) })
    }

    /// The proof for the next request. Whoever asks while a plugin runs waits for the same answer.
    pub(super) async fn current(&self) -> Result<Arc<Proof>, String> {
        let mut last = self.last.lock().await;
        let proof = match (&self.source, &*last) {
            (Source::Nothing | Source::Fixed(_), Some(last)) => return Ok(Arc::clone(&last.proof)),
            (Source::Plugin(_), Some(last)) if last.until.is_none_or(|until| now() < until) => {
                return Ok(Arc::clone(&last.proof));
            }
            (Source::Nothing, None) => (Proof::default(), None),
            (Source::Fixed(value), None) => (Proof::of(value.clone()), None),
            (Source::TokenFile(path), last) => match (token(path).await, last) {
                (Ok(value), Some(last)) if last.proof.headers.get(AUTHORIZATION) == Some(&value) => {
                    return Ok(Arc::clone(&last.proof));
                }
                (Ok(value), _) => (Proof::of(value), None),
                // Files are replaced and may be missing for a moment; some remove them once they have been read.
                (Err(reason), Some(last)) => {
                    tracing::debug!(reason, "the token that was read last is used");
                    return Ok(Arc::clone(&last.proof));
                }
                (Err(reason), None) => return Err(reason),
            },
            (Source::Plugin(plugin), _) => plugin.run().await?,
        };
        let (mut proof, until) = proof;
        proof.headers.extend(self.impersonation.clone());
        proof.identity = proof.identity.or_else(|| self.identity.clone());
        let proof = Arc::new(proof);
        *last = Some(Last { proof: Arc::clone(&proof), until });
        Ok(proof)
    }

    /// The server does not take a proof: the next request asks a plugin for another.
    pub(super) async fn refused(&self, refused: &Proof) {
        let mut last = self.last.lock().await;
        if matches!(self.source, Source::Plugin(_)) && last.as_ref().is_some_and(|last| *last.proof == *refused) {
            *last = None;
        }
    }
}

impl Proof {
    pub(super) fn of(authorization: HeaderValue) -> Self {
        Self { headers: HeaderMap::from_iter([(AUTHORIZATION, authorization)]), identity: None }
    }
}

/// What time it is.
fn now() -> UnixTime {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

async fn token(path: &Path) -> Result<HeaderValue, String> {
    let text = smol::fs::read_to_string(path).await;
    bearer(text.map_err(|error| format!("the token in {}: {error}", path.display()))?.trim())
}

pub(super) fn bearer(token: &str) -> Result<HeaderValue, String> {
    secret(&format!("Bearer {token}"))
}

fn secret(value: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| "the credentials cannot be sent in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn identity(info: &AuthInfo) -> Result<Option<Identity>, String> {
    let key = info.client_key_data.as_ref().map(ExposeSecret::expose_secret);
    let certificate =
        pem("client-certificate", info.client_certificate_data.as_deref(), info.client_certificate.as_deref())?;
    let key = pem("client-key", key, info.client_key.as_deref())?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err("client-certificate without client-key".to_owned()),
        (None, Some(_)) => Err("client-key without client-certificate".to_owned()),
    }
}

fn pem(name: &str, data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    match (data, file) {
        (Some(data), _) => STANDARD.decode(data).map(Some).map_err(|error| format!("{name}-data: {error}")),
        (None, Some(path)) => std::fs::read(path).map(Some).map_err(|error| format!("{name} {path}: {error}")),
        (None, None) => Ok(None),
    }
}

fn impersonation(info: &AuthInfo) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| format!("{text:?} cannot be sent in a header"));
    if let Some(user) = &info.impersonate {
        headers.insert("impersonate-user", value(user)?);
    }
    if let Some(uid) = &info.impersonate_uid {
        headers.insert("impersonate-uid", value(uid)?);
    }
    for group in info.impersonate_groups.iter().flatten() {
        headers.append("impersonate-group", value(group)?);
    }
    for (key, values) in info.impersonate_user_extra.iter().flatten() {
        for text in values {
            headers.append(extra(key)?, value(text)?);
        }
    }
    Ok(headers)
}

/// The header of a user's further attribute; what a header's name cannot have is escaped.
fn extra(key: &str) -> Result<HeaderName, String> {
    let mut name = "impersonate-extra-".to_owned();
    for byte in key.to_lowercase().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
            _ => {
                // Writing to a text does not fail.
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    HeaderName::try_from(name).map_err(|_| format!("as-user-extra {key}: cannot be sent in a header"))
}

#[cfg(test)]
mod tests;

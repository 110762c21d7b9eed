//! Where the API server is, and as whom it is spoken to: the same for every program.

use std::error::Error;
use std::path::Path;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::ConnectError;

/// Finds the address of an API server and the credentials for it, without asking it anything: from `kubeconfig`, else from
/// the file that `KUBECONFIG` names, else from the service account of the pod, else from the user's own kubeconfig.
pub async fn find_credentials(kubeconfig: Option<&Path>) -> Result<Config, ConnectError> {
    let refused =
        |path: &str, error: &dyn Error| ConnectError::Kubeconfig { path: path.to_owned(), reason: with_reasons(error) };
    let options = KubeConfigOptions::default();
    if let Some(path) = kubeconfig {
        let shown = path.display().to_string();
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| refused(&shown, &error))?;
        return Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| refused(&shown, &error));
    }
    if let Some(path) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
        let found = Config::from_kubeconfig(&options).await;
        return found.map_err(|error| refused(&path.to_string_lossy(), &error));
    }
    if let Ok(config) = Config::incluster() {
        return Ok(config);
    }
    Config::from_kubeconfig(&options).await.map_err(|error| ConnectError::NoCredentials(with_reasons(&error)))
}

/// An error with all its reasons in one line.
pub fn with_reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let reason = error.to_string();
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        source = error.source();
    }
    text
}

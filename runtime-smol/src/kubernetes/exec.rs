//! Credentials that a plugin says, in the way of `client.authentication.k8s.io`.

use kube::config::{ExecConfig, ExecInteractiveMode};
use kubevirt_redfish_core::time::UnixTime;
use serde::Deserialize;
use serde_json::json;
use smol::process::{Command, Stdio};

use super::credentials::{Identity, Proof, bearer};

/// How long before they end credentials are asked for anew, in seconds: a request may be under way for some time.
const RESERVE: i64 = 60;

/// A program that says credentials.
pub(super) struct Plugin {
    config: ExecConfig,
    command: String,
    /// What it is told.
    info: String,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

impl Plugin {
    pub(super) fn new(config: ExecConfig) -> Result<Self, String> {
        let command = config.command.clone().ok_or("exec: it has no command")?;
        if config.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(format!("exec: {command}: it wants to ask somebody (interactiveMode), and nobody is here"));
        }
        let mut info = json!({
            "apiVersion": config.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1"),
            "kind": "ExecCredential",
            "spec": { "interactive": false },
        });
        if let (true, Some(cluster)) = (config.provide_cluster_info, &config.cluster) {
            info["spec"]["cluster"] = serde_json::to_value(cluster).map_err(|error| error.to_string())?;
        }
        Ok(Self { config, command, info: info.to_string() })
    }

    /// Runs it; what it says, and until when that may be used. It is killed if nobody waits for it any more.
    pub(super) async fn run(&self) -> Result<(Proof, Option<UnixTime>), String> {
        let fail = |reason: String| format!("exec: {}: {reason}", self.command);
        let mut process = Command::new(&self.command);
        process.args(self.config.args.iter().flatten()).env("KUBERNETES_EXEC_INFO", &self.info);
        for variable in self.config.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                process.env(name, value);
            }
        }
        let output = process.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await;
        let output = output.map_err(|error| match &self.config.install_hint {
            Some(hint) => fail(format!("{error}; {hint}")),
            None => fail(error.to_string()),
        })?;
        if !output.status.success() {
            return Err(fail(output.status.to_string()));
        }
        let said: ExecCredential = serde_json::from_slice(&output.stdout).map_err(|error| fail(error.to_string()))?;
        proof(said.status).map_err(fail)
    }
}

fn proof(status: Option<Status>) -> Result<(Proof, Option<UnixTime>), String> {
    let status = status.ok_or("its answer has no status")?;
    let mut proof = match &status.token {
        Some(token) => Proof::of(bearer(token)?),
        None => Proof::default(),
    };
    proof.identity = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => {
            Some(Identity { certificate: certificate.into_bytes(), key: key.into_bytes() })
        }
        (None, None) if status.token.is_some() => None,
        (None, None) => return Err("its answer has neither a token nor a certificate".to_owned()),
        _ => return Err("its answer has a certificate without its key, or a key without its certificate".to_owned()),
    };
    let until = match status.expiration_timestamp {
        Some(text) => {
            let end = UnixTime::parse(&text).ok_or_else(|| format!("expirationTimestamp {text:?} is no time"))?;
            Some(UnixTime(end.0.saturating_sub(RESERVE)))
        }
        None => None,
    };
    Ok((proof, until))
}

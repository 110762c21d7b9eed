//! `serve`: the service over a real cluster.

use bytes::Bytes;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::model::Namespace;

use super::{App, Failure, config_path};
use crate::cli::ServeArgs;
use crate::config::{self, Loaded};
use crate::random;
use crate::tls;
use crate::transport::{Kubernetes, Transport};

/// Runs until the process is asked to end.
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let path = config_path(args.config.as_ref())?;
    let Loaded { settings, warnings } = config::load(path).map_err(|error| Failure::Usage(error.to_string()))?;
    for warning in &warnings {
        tracing::warn!(%warning, "configuration");
    }
    let tls =
        settings.tls.as_ref().map(tls::from_files).transpose().map_err(|error| Failure::Usage(error.to_string()))?;
    let kubernetes =
        Kubernetes::new(args.kubeconfig.as_deref()).await.map_err(|error| Failure::Usage(error.to_string()))?;
    let server_address = kubernetes.server().to_string();
    let mut kubevirt = settings.kubevirt;
    kubevirt.own_namespace = Namespace::new(kubernetes.namespace());
    let transport = Transport::Kubernetes(kubernetes);
    let mut config = settings.service;
    config.service_uuid = service_uuid(&transport, &server_address, &config).await;
    let listen = args.listen.unwrap_or(settings.listen);
    let secure = tls.is_some();
    let (chassis, accounts) = (config.chassis.len(), config.accounts.len());
    let app = App::start(&listen, tls, config, kubevirt, transport).await?;
    let address = app.server.local_address().map_err(Failure::runtime)?;
    tracing::info!(%address, tls = secure, cluster = server_address, chassis, accounts, "listening");
    app.run().await
}

/// An identity that is the same on every replica and after every restart: of the cluster if that can be read, else of
/// what the configuration says.
async fn service_uuid(transport: &Transport, server: &str, config: &Config) -> String {
    let chassis = config.chassis.iter().map(|chassis| chassis.name.as_str());
    let uid = cluster_uid(transport).await;
    match &uid {
        Some(uid) => random::uuid_of(["cluster", uid].into_iter().chain(chassis)),
        None => random::uuid_of(["server", server].into_iter().chain(chassis)),
    }
}

/// The uid of the namespace `kube-system`, which is made once in the life of a cluster.
async fn cluster_uid(transport: &Transport) -> Option<String> {
    let request = http::Request::get("/api/v1/namespaces/kube-system").body(Bytes::new()).ok()?;
    let time = std::time::Duration::from_secs(5);
    let answer = async { transport.send(request).await.ok()?.collect(1024 * 1024).await.ok() };
    let answer = tokio::time::timeout(time, answer).await.ok()??;
    let namespace: serde_json::Value = serde_json::from_slice(answer.body()).ok()?;
    Some(namespace.pointer("/metadata/uid")?.as_str()?.to_owned())
}

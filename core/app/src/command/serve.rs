//! `serve`: the service over a real cluster.

use std::sync::Arc;

use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::model::Namespace;
use tokio::sync::mpsc;

use super::{App, Failure, config_path, expiry, load_tls};
use crate::cli::ServeArgs;
use crate::config::{self, Loaded};
use crate::random;
use crate::reload::{Fixed, Reload, Seen};
use crate::runtime::Runtime;
use crate::tls;
use crate::transport::{ApiServer as _, Transport, find_credentials};

/// Runs until the process is asked to end.
pub(crate) async fn run<R: Runtime>(args: ServeArgs) -> Result<(), Failure> {
    let path = config_path::<R>(args.config.as_ref())?;
    let Loaded { settings, warnings } = config::load(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    let server_tls = load_tls(&settings)?;
    let (fixed, seen) = (Fixed::of(&settings), Seen::of(&path, &settings));
    for warning in warnings.iter().map(ToString::to_string).chain(expiry(&settings)) {
        tracing::warn!(%warning, "configuration");
    }
    let found = find_credentials(args.kubeconfig.as_deref()).await;
    let kubernetes = found.and_then(R::ApiServer::new).map_err(|error| Failure::Usage(error.to_string()))?;
    let server_address = kubernetes.address();
    let mut kubevirt = settings.kubevirt;
    let own_namespace = Namespace::new(kubernetes.namespace());
    kubevirt.own_namespace.clone_from(&own_namespace);
    let mut config = settings.service;
    let service_uuid = service_uuid(&server_address, kubernetes.namespace(), &config);
    config.service_uuid.clone_from(&service_uuid);
    let transport = Transport::ApiServer(kubernetes);
    let listen = args.listen.unwrap_or(settings.listen);
    let secure = server_tls.is_some();
    let (chassis, accounts) = (config.chassis.len(), config.accounts.len());
    let metrics_listen = args.metrics_listen.or(settings.metrics_listen);
    let app =
        App::<R>::start(&listen, metrics_listen.as_ref(), server_tls, settings.limits, config, kubevirt, transport)
            .await?;
    if let Some((_, measured)) = &app.metrics {
        measured.set_certificate_end(settings.tls.as_ref().and_then(tls::expiry));
    }
    let address = app.server.local_address().map_err(Failure::runtime)?;
    tracing::info!(%address, tls = secure, cluster = server_address, chassis, accounts, "listening");
    let (hang_up, hangups) = mpsc::channel(1);
    let reload = Reload {
        path: path.into_owned(),
        fixed,
        service_uuid,
        own_namespace,
        certificate: app.server.certificate(),
        configurations: app.driver.configurations(),
        measured: app.metrics.as_ref().map(|(_, measured)| Arc::clone(measured)),
        seen,
    };
    R::detach(R::spawn(reload.run::<R>(hangups)));
    app.run(Some(hang_up)).await
}

/// What the service is called where the cluster cannot keep its UUID: the same on every replica and after every restart,
/// and another one for another namespace or configuration.
fn service_uuid(server: &str, namespace: &str, config: &Config) -> String {
    let chassis = config.chassis.iter().map(|chassis| chassis.name.as_str());
    random::uuid_of(["server", server, namespace].into_iter().chain(chassis))
}

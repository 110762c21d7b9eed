//! A simulated cluster that is served over HTTP, and configurations of services in front of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use kubevirt_redfish::Tokio;
use kubevirt_redfish_app::config::ListenAddress;
use kubevirt_redfish_app::server::Server;
use kubevirt_redfish_app::simulated_api::SimulatedApi;
use kubevirt_redfish_app::transport::Simulated;
use kubevirt_redfish_fixtures::cluster::{Cluster, ClusterConfig, KubevirtVersion};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use super::proxy::Proxy;
use super::{Service, file};

/// A cluster to be, whose clock shows the time that it is.
pub(crate) fn cluster(version: KubevirtVersion) -> ClusterConfig {
    let mut config = ClusterConfig::new(version);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    config.epoch = i64::try_from(now.as_secs()).unwrap();
    config
}

/// The token in the kubeconfig.
pub(crate) const TOKEN: &str = "abc";

/// A cluster that is served over HTTP, twenty times as fast as a real one.
pub(crate) struct Api {
    pub(crate) cluster: Simulated,
    pub(crate) kubeconfig: PathBuf,
    name: String,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Api {
    /// Serves a cluster. The name is of the files that belong to it, and different in each test.
    pub(crate) async fn start(name: &str, cluster: Cluster) -> Self {
        let cluster = Simulated::start::<Tokio>(cluster, 20.0);
        let address = ListenAddress { host: "127.0.0.1".to_owned(), port: 0 };
        let server = Server::<Tokio>::bind(&address, None, SimulatedApi::limits()).await.unwrap();
        let address = server.local_address().unwrap();
        let kubeconfig = kubeconfig(name, address);
        let (stop, stops) = watch::channel(false);
        tokio::spawn(server.serve(SimulatedApi::new(cluster.clone()), stops));
        Self { cluster, kubeconfig, name: name.to_owned(), address, _stop: stop }
    }

    /// A proxy in front of it, which services that are started from now on go through.
    pub(crate) async fn behind_a_proxy(&self) -> Proxy {
        let proxy = Proxy::start(self.address).await;
        kubeconfig(&self.name, proxy.address);
        proxy
    }

    /// A service with this configuration.
    pub(crate) fn serve(&self, config: &str) -> Service {
        Service::serve(&file(&format!("{}-config.yaml", self.name), config), &self.kubeconfig)
    }

    /// An object of the cluster as it is now.
    pub(crate) async fn object(&self, resource: &'static str, namespace: &str, name: &str) -> Option<Value> {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let (reply, object) = oneshot::channel();
        let look = move |cluster: &mut Cluster| {
            let _ = reply.send(cluster.object(resource, &namespace, &name));
        };
        self.cluster.touch(look).await;
        object.await.unwrap()
    }
}

/// The file that leads to the API server at an address.
fn kubeconfig(name: &str, address: SocketAddr) -> PathBuf {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: lab\n\
         contexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]\n\
         clusters: [{{name: lab, cluster: {{server: 'http://{address}'}}}}]\n\
         users: [{{name: lab, user: {{token: {TOKEN}}}}}]\n"
    );
    file(&format!("{name}-kubeconfig.yaml"), &text)
}

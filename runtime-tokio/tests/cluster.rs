//! The whole way: `serve` with a kubeconfig, over HTTP, to a simulated cluster that is not always well.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use http::StatusCode;
use kubevirt_redfish::config::ListenAddress;
use kubevirt_redfish::server::Server;
use kubevirt_redfish::simulated_api::SimulatedApi;
use kubevirt_redfish::transport::Simulated;
use kubevirt_redfish_fixtures::cluster::{Cluster, ClusterConfig, Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::sample;
use support::{Service, eventually, file};
use tokio::sync::watch;

const SYSTEMS: &str = "/redfish/v1/Systems";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";

/// A cluster that is served over HTTP.
struct Api {
    cluster: Simulated,
    kubeconfig: std::path::PathBuf,
    _stop: watch::Sender<bool>,
}

impl Api {
    async fn start(name: &str, faults: impl IntoIterator<Item = Fault>) -> Self {
        let version = KubevirtVersion::V1_9;
        let mut cluster = Cluster::new(ClusterConfig::new(version));
        cluster.seed((0..2).map(sample::lab_root_claim));
        cluster.add_virtual_machines((0..2).map(|index| sample::lab_virtual_machine(index, 0, version)));
        for fault in faults {
            cluster.inject(fault);
        }
        let cluster = Simulated::start(cluster, 20.0);
        let address = ListenAddress { host: "127.0.0.1".to_owned(), port: 0 };
        let server = Server::bind(&address, None, SimulatedApi::limits()).await.unwrap();
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: lab\n\
             contexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]\n\
             clusters: [{{name: lab, cluster: {{server: 'http://{}'}}}}]\n\
             users: [{{name: lab, user: {{token: abc}}}}]\n",
            server.local_address().unwrap()
        );
        let kubeconfig = file(&format!("{name}-kubeconfig.yaml"), &kubeconfig);
        let (stop, stops) = watch::channel(false);
        tokio::spawn(server.serve(SimulatedApi::new(cluster.clone()), stops));
        Self { cluster, kubeconfig, _stop: stop }
    }

    fn serve(&self, name: &str) -> Service {
        self.serve_with_password(name, "secret")
    }

    fn serve_with_password(&self, name: &str, password: &str) -> Service {
        let config = format!(
            "chassis: [{{name: lab, namespace: lab}}]\n\
             system_id_convention: enhanced\n\
             kubevirt: {{timeout: 3}}\n\
             authentication: {{users: [{{username: admin, password: '{password}', chassis: [lab]}}]}}\n"
        );
        Service::serve(&file(&format!("{name}-config.yaml"), &config), &self.kubeconfig)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_switched_on_although_every_watch_is_cut() {
    let cut = Fault::new(FaultEffect::CutAfter(10)).watches().times(8);
    let api = Api::start("cut", [cut]).await;
    let mut service = api.serve("cut");
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    let answer = client.post(RESET, r#"{"ResetType":"On"}"#).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    eventually(async || client.get(NODE).await, |answer| answer.json()["PowerState"] == "On").await;
    assert_eq!(client.get("/redfish/v1/Systems/lab.node-1").await.json()["PowerState"], "Off");

    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_not_there_yet_is_waited_for() {
    let api = Api::start("late", [Fault::new(FaultEffect::unavailable())]).await;
    let mut service = api.serve("late");
    let mut client = service.client().await;
    assert_eq!(client.get("/redfish/v1/").await.status, StatusCode::OK, "the root needs no cluster");
    let answer = client.get(SYSTEMS).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.header("retry-after").is_some());
    service.log_line("out of sight");
    api.cluster.touch(Cluster::clear_faults).await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_away_is_told_to_the_client_and_comes_back() {
    let api = Api::start("away", []).await;
    let service = api.serve("away");
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    api.cluster.touch(|cluster| cluster.inject(Fault::new(FaultEffect::unavailable()))).await;
    let answer = client.post(RESET, r#"{"ResetType":"On"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(client.get(NODE).await.status, StatusCode::OK, "reads go on");
    api.cluster.touch(Cluster::clear_faults).await;
    let answer = client.post(RESET, r#"{"ResetType":"On"}"#).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    eventually(async || client.get(NODE).await, |answer| answer.json()["PowerState"] == "On").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_of_the_service_outlives_it() {
    let api = Api::start("uuid", []).await;
    let mut uuids = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let service = api.serve("uuid");
        uuids.insert(service.client().await.get("/redfish/v1/").await.json()["UUID"].to_string());
    }
    assert_eq!(uuids.len(), 1, "{uuids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hashed_password_lets_in_only_who_knows_it() {
    let api = Api::start("hashed", []).await;
    let service = api.serve_with_password("hashed", &bcrypt::hash("secret", 4).unwrap());
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    let mut client = client.anonymous();
    for wrong in ["Basic YWRtaW46d3Jvbmc=", "Basic bm9ib2R5OnNlY3JldA=="] {
        let answer = client.send(http::Method::GET, SYSTEMS, &[("authorization", wrong)], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_names_no_command_serves_https_with_its_certificate() {
    let api = Api::start("deployed", []).await;
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert_file = file("deployed-tls.crt", &cert.pem());
    let key_file = file("deployed-tls.key", &signing_key.serialize_pem());
    // A port of its own, because a file cannot leave the choice to the system.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "server: {{host: 127.0.0.1, port: {port}, tls: {{enabled: true, cert_file: '{}', key_file: '{}'}}}}\n\
         chassis: [{{name: lab, namespace: lab, service_account: sa, vm_selector: {{labels: {{redfish-enabled: 'true'}}}}}}]\n\
         authentication: {{users: [{{username: admin, password: secret, chassis: [lab]}}]}}\n",
        cert_file.display(),
        key_file.display(),
    );
    let service = Service::serve_from_environment(&file("deployed-config.yaml", &config), &api.kubeconfig);
    assert_eq!(service.url, format!("https://127.0.0.1:{port}"));
    let mut client = service.client().await;
    let systems = eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    // Without the key the names are those that they always were.
    assert_eq!(systems.json()["Members"][0]["@odata.id"], "/redfish/v1/Systems/node-0");
}

//! The whole way: `serve` with a kubeconfig, over HTTP, to a simulated cluster that is not always well.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use http::StatusCode;
use kubevirt_redfish_fixtures::cluster::{Cluster, Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::sample;
use support::api::{self, Api};
use support::{Service, eventually, file};

const SYSTEMS: &str = "/redfish/v1/Systems";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";

/// Two machines, and an API server that is not always well.
async fn laboratory(name: &str, faults: impl IntoIterator<Item = Fault>) -> Api {
    let mut cluster = sample::laboratory(api::cluster(KubevirtVersion::V1_9), 2);
    for fault in faults {
        cluster.inject(fault);
    }
    Api::start(name, cluster).await
}

fn serve(api: &Api) -> Service {
    serve_with_password(api, "secret")
}

fn serve_with_password(api: &Api, password: &str) -> Service {
    api.serve(&format!(
        "chassis: [{{name: lab, namespace: lab}}]\n\
         system_id_convention: enhanced\n\
         kubevirt: {{timeout: 3}}\n\
         authentication: {{users: [{{username: admin, password: '{password}', chassis: [lab]}}]}}\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_switched_on_although_every_watch_is_cut() {
    let cut = Fault::new(FaultEffect::CutAfter(10)).watches().times(8);
    let api = laboratory("cut", [cut]).await;
    let mut service = serve(&api);
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
    let api = laboratory("late", [Fault::new(FaultEffect::unavailable())]).await;
    let mut service = serve(&api);
    let mut client = service.client().await;
    assert_eq!(client.get("/redfish/v1/").await.status, StatusCode::OK, "the root needs no cluster");
    let answer = client.get(SYSTEMS).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.header("retry-after").is_some());
    service.log_line("the cluster cannot be seen");
    api.cluster.touch(Cluster::clear_faults).await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_away_is_told_to_the_client_and_comes_back() {
    let api = laboratory("away", []).await;
    let service = serve(&api);
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
    let api = laboratory("uuid", []).await;
    let mut uuids = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let service = serve(&api);
        let mut client = service.client().await;
        // It is not told before it is known.
        let root = eventually(async || client.get("/redfish/v1/").await.json(), |root| root["UUID"].is_string()).await;
        uuids.insert(root["UUID"].to_string());
    }
    assert_eq!(uuids.len(), 1, "{uuids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hashed_password_lets_in_only_who_knows_it() {
    let api = laboratory("hashed", []).await;
    let service = serve_with_password(&api, &bcrypt::hash("secret", 4).unwrap());
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
    let api = laboratory("deployed", []).await;
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

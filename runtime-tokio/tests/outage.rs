//! An API server behind a proxy that misbehaves, over sockets, in real time: D4, L7, L11, M5, N3, R8.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use http::StatusCode;
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::sample;
use support::api::{self, Api};
use support::proxy::{Mode, Proxy};
use support::{Client, Service, eventually};

const SYSTEMS: &str = "/redfish/v1/Systems";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";

/// A service behind a proxy, which has seen its cluster.
async fn behind_a_proxy(name: &str) -> (Api, Proxy, Service, Client) {
    let api = Api::start(name, sample::laboratory(api::cluster(KubevirtVersion::V1_9), 2)).await;
    let proxy = api.behind_a_proxy().await;
    let service = api.serve(
        "chassis: [{name: lab, namespace: lab}]\nsystem_id_convention: enhanced\nkubevirt: {timeout: 3}\nstale_after: 20s\n\
         authentication: {users: [{username: admin, password: secret, chassis: [lab]}]}\n",
    );
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    (api, proxy, service, client)
}

/// How long it takes until a read of the system is as wanted.
async fn until(client: &mut Client, limit: u64, wanted: impl Fn(&serde_json::Value) -> bool) -> Duration {
    let begin = Instant::now();
    loop {
        let answer = client.get(NODE).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        if wanted(&answer.json()) {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < Duration::from_secs(limit), "not within {limit} s: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// D4: whatever is in front of the API server goes dead, with and without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_cut_off_is_said_to_be_and_power_is_told_no_more() {
    for (name, mode) in [("cut-off", Mode::Cut), ("frozen", Mode::Freeze), ("html", Mode::Html("200 OK"))] {
        let (api, proxy, service, mut client) = behind_a_proxy(name).await;
        assert_eq!(client.post(RESET, r#"{"ResetType":"On"}"#).await.status, StatusCode::NO_CONTENT);
        until(&mut client, 20, |system| system["PowerState"] == "On").await;
        let _ = service.log();
        proxy.set(mode);
        api.cluster
            .touch(|cluster| {
                // Its owner turns it off.
                cluster.edit("virtualmachines", "lab", "node-0", |machine| {
                    machine["spec"]["runStrategy"] = "Halted".into();
                });
            })
            .await;
        let warned = until(&mut client, 22, |system| system["Status"]["Health"] == "Warning").await;
        assert!(warned > Duration::from_secs(6), "{name}: {warned:?}");
        let system = client.get(NODE).await.json();
        assert!(system["Status"]["Conditions"].to_string().contains("ClusterNotSeen"), "{name}: {system}");
        until(&mut client, 22, |system| system["PowerState"].is_null()).await;
        assert_eq!(client.get(SYSTEMS).await.json()["Members@odata.count"], 2, "{name}: nothing disappears");
        let answer = client.post(RESET, r#"{"ResetType":"ForceOff"}"#).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{name}: {answer:?}");
        let lines: Vec<String> =
            service.log().lines().filter(|line| !line.contains("command")).map(str::to_owned).collect();
        assert_eq!(lines.iter().filter(|line| line.contains("cannot be seen")).count(), 1, "{name}: {lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("kube_client")), "{name}: {lines:#?}");
        assert!(lines.len() <= 3, "{name}: {lines:#?}");
        proxy.set(Mode::Pass);
        let back = until(&mut client, 20, |system| system["PowerState"] == "Off").await;
        println!("{name}: warned after {warned:?}, seen again after {back:?}");
        assert!(back < Duration::from_secs(8), "{name}: {back:?}");
    }
}

/// L7: a page of a proxy is no answer of the API server.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_proxy_makes_no_system_disappear() {
    let (_api, proxy, _service, mut client) = behind_a_proxy("pages").await;
    for status in ["404 Not Found", "403 Forbidden", "410 Gone", "302 Found", "200 OK"] {
        proxy.set(Mode::Html(status));
        let answer = client.post(RESET, r#"{"ResetType":"On"}"#).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{status}: {answer:?}");
        assert_eq!(client.get(SYSTEMS).await.json()["Members@odata.count"], 2, "{status}");
        assert_eq!(client.get(NODE).await.json()["PowerState"], "Off", "{status}");
        proxy.set(Mode::Pass);
        until(&mut client, 20, |system| system["Status"]["Health"] == "OK").await;
    }
}

/// L11: a proxy that truncates every answer is asked ever less often.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_truncates_every_answer_is_not_asked_without_end() {
    for (name, bytes) in [("truncated-heads", 60), ("truncated-bodies", 700)] {
        let (_api, proxy, _service, mut client) = behind_a_proxy(name).await;
        proxy.set(Mode::Cut);
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.take_connections();
        proxy.set(Mode::Truncate(bytes));
        tokio::time::sleep(Duration::from_secs(27)).await;
        let connections = proxy.take_connections();
        println!("{name}: {connections} connections in 27 s");
        assert!(connections < 120, "{name}: {connections} connections in 27 s");
        proxy.set(Mode::Pass);
        until(&mut client, 20, |system| system["Status"]["Health"] == "OK").await;
    }
}

/// R8: a machine that was made during an outage is seen soon after the API server is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_machine_is_seen_soon_after_an_outage() {
    let (api, proxy, _service, mut client) = behind_a_proxy("outage").await;
    proxy.set(Mode::Cut);
    api.cluster
        .touch(|cluster| {
            cluster.add_virtual_machines([sample::lab_virtual_machine(7, 1, KubevirtVersion::V1_9)]);
        })
        .await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    proxy.set(Mode::Pass);
    let begin = Instant::now();
    let new = "/redfish/v1/Systems/lab.node-7";
    eventually(async || client.get(new).await, |answer| answer.status == StatusCode::OK).await;
    println!("seen after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

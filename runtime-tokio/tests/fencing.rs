//! What `fence_redfish` does, over sockets, against the program and an API server whose guests crash around it: R1.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use http::StatusCode;
use kubevirt_redfish_app::transport::Simulated;
use kubevirt_redfish_fixtures::cluster::{ClusterStep, KubevirtVersion};
use kubevirt_redfish_fixtures::sample;
use serde_json::{Value, json};
use support::api::{self, Api};
use support::{Client, eventually};
use tokio::sync::oneshot;

/// What came of some fencings.
#[derive(Debug, Default)]
struct Tally {
    fenced: u32,
    /// How often `ForceOff` was answered with success.
    done: u32,
    /// How often the guest was seen to be off before anything was asked for.
    was_off: u32,
    /// How often a guest ran after that.
    wrong: u32,
    slowest: Duration,
}

async fn guest_runs(cluster: &Simulated, name: &str) -> bool {
    let (reply, runs) = oneshot::channel();
    let name = name.to_owned();
    cluster.touch(move |cluster| _ = reply.send(cluster.guest_runs("lab", &name))).await;
    runs.await.unwrap()
}

async fn power(client: &mut Client, name: &str) -> Value {
    client.get(&format!("/redfish/v1/Systems/lab.{name}")).await.json()["PowerState"].clone()
}

async fn reset(client: &mut Client, name: &str, reset_type: &str) -> StatusCode {
    let path = format!("/redfish/v1/Systems/lab.{name}/Actions/ComputerSystem.Reset");
    client.post(&path, &json!({ "ResetType": reset_type }).to_string()).await.status
}

async fn until(client: &mut Client, name: &str, state: &str) {
    let begin = Instant::now();
    while power(client, name).await != state {
        assert!(begin.elapsed() < Duration::from_secs(20), "{name} is not {state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn crash(cluster: Simulated, name: String, after: Duration) {
    tokio::time::sleep(after).await;
    cluster.touch(move |cluster| _ = cluster.guest_crash("lab", &name)).await;
}

/// Fences one machine again and again; each time its guest crashes up to 150 ms before or after, which is three seconds of the
/// cluster's time.
async fn fence(cluster: Simulated, mut client: Client, machine: u64, times: u64) -> Tally {
    let name = format!("node-{machine}");
    let mut tally = Tally::default();
    for round in 0..times {
        while reset(&mut client, &name, "On").await != StatusCode::NO_CONTENT {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        until(&mut client, &name, "On").await;
        // Every ten milliseconds of the cluster's time, in an order that no other machine has.
        let moment = Duration::from_micros(500) * u32::try_from((round * 211 + machine * 37) % 600).unwrap();
        let lead = Duration::from_millis(150);
        let crash = tokio::spawn(crash(cluster.clone(), name.clone(), moment));
        tokio::time::sleep(lead).await;
        let begin = Instant::now();
        if power(&mut client, &name).await == "Off" {
            tally.was_off += 1;
        } else {
            let is_done = reset(&mut client, &name, "ForceOff").await.is_success();
            tally.done += u32::from(is_done);
            tally.wrong += u32::from(is_done && guest_runs(&cluster, &name).await);
        }
        until(&mut client, &name, "Off").await;
        tally.slowest = tally.slowest.max(begin.elapsed());
        crash.await.unwrap();
        // Ten seconds of the cluster's time.
        let mut wrong = false;
        for _ in 0..50 {
            wrong |= guest_runs(&cluster, &name).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tally.wrong += u32::from(wrong);
        tally.fenced += 1;
    }
    tally
}

async fn fence_all(test: &str, machines: u64, times: u64) {
    let mut cluster = sample::laboratory(api::cluster(KubevirtVersion::V1_9), usize::try_from(machines).unwrap());
    for machine in 0..machines {
        let strategy = ["RerunOnFailure", "RerunOnFailure", "Always", "Manual"][usize::try_from(machine % 4).unwrap()];
        let name = format!("node-{machine}");
        cluster.edit("virtualmachines", "lab", &name, |machine| machine["spec"]["runStrategy"] = json!(strategy));
    }
    // As slow as a busy virt-controller.
    for step in [ClusterStep::DeleteInstance, ClusterStep::RequestStart, ClusterStep::CreateInstance] {
        cluster.slow(step, Duration::from_secs(1));
    }
    let api = Api::start(test, cluster).await;
    let service = api.serve(
        "chassis: [{name: lab, namespace: lab}]\nsystem_id_convention: enhanced\nkubevirt: {timeout: 4}\n\
         authentication: {users: [{username: admin, password: secret, chassis: [lab]}]}\n",
    );
    let mut client = service.client().await;
    eventually(async || client.get("/redfish/v1/Systems").await, |answer| answer.status == StatusCode::OK).await;
    let mut agents = Vec::new();
    for machine in 0..machines {
        agents.push(tokio::spawn(fence(api.cluster.clone(), service.client().await, machine, times)));
    }
    let mut all = Tally::default();
    for agent in agents {
        let tally = agent.await.unwrap();
        all = Tally {
            fenced: all.fenced + tally.fenced,
            done: all.done + tally.done,
            was_off: all.was_off + tally.was_off,
            wrong: all.wrong + tally.wrong,
            slowest: all.slowest.max(tally.slowest),
        };
    }
    println!("{all:?}");
    assert_eq!((u64::from(all.fenced), all.wrong), (machines * times, 0), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_has_fenced_stays_off() {
    fence_all("fencing", 8, 2).await;
}

/// `cargo test -p kubevirt-redfish --test fencing -- --ignored --nocapture`: a minute and a half.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute"]
async fn what_an_agent_has_fenced_a_thousand_times_stays_off() {
    fence_all("fencing-1000", 20, 50).await;
}

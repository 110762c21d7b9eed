//! Nobody takes from others more than their share: an aggressor at full speed, and what a victim notices of it, compared
//! with a quiet service.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::sample;
use serde_json::json;
use support::api::{self, Api};
use support::{Client, PATIENCE, Service, eventually};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

const SYSTEMS: &str = "/redfish/v1/Systems";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const FILTER: &str = "/redfish/v1/Systems?$filter=PowerState+eq+'On'";
const TEST_EVENT: &str = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent";
/// As much as one request can ask for.
const EVERYTHING: &str = "/redfish/v1?$expand=*($levels=6)";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// A service with many systems, and a user besides its administrator: their credentials.
async fn service(systems: &str) -> (Service, String) {
    let service = Service::simulate(&["--tls", "off", "--systems", systems]);
    let mut admin = service.client().await;
    eventually(async || admin.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    let account = json!({ "UserName": "victim", "Password": "secret-2", "RoleId": "Operator" });
    let made = admin.post("/redfish/v1/AccountService/Accounts", &account.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    (service, basic("victim", "secret-2"))
}

/// A connection of HTTP/2.
async fn http2(url: &str) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(url.split_once("://").unwrap().1).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// One test at a time: what is measured is how long things take.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Somebody at full speed, in a thread of their own, until this is dropped.
struct Aggressor {
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Aggressor {
    /// `run` begins what the aggressor does all the time.
    fn begin<F: Future<Output = JoinSet<()>>>(run: impl FnOnce() -> F + Send + 'static) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let _running = run().await;
                let _ = stopped.await;
            });
        });
        Self { _stop: stop }
    }
}

/// How long each of some reads takes that come one after the other.
async fn times(client: &mut Client, credentials: &str, path: &str, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let begin = Instant::now();
        let answer = client.send(Method::GET, path, &[("authorization", credentials)], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        times.push(begin.elapsed());
    }
    times.sort();
    times
}

fn median(times: &[Duration]) -> Duration {
    times[times.len() / 2]
}

/// What the victim notices may be this much, on a machine that does other things as well: a turn of the aggressor's with
/// each of its own.
fn assert_isolated(what: &str, quiet: &[Duration], attacked: &[Duration]) {
    let (before, after) = (median(quiet), median(attacked));
    let worst = attacked.last().copied().unwrap_or_default();
    println!(
        "{what}: median {before:?} quiet, {after:?} attacked, ratio {:.1}; worst {worst:?}",
        after.as_secs_f64() / before.as_secs_f64()
    );
    assert!(after < before.max(Duration::from_millis(40)) * 25, "{what}: {before:?} became {after:?}");
    assert!(worst < Duration::from_secs(5), "{what}: {worst:?}");
}

/// H3: what came was no answer within 15 seconds.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_for_everything_all_the_time_keeps_no_other_waiting() {
    let _alone = ALONE.lock().await;
    let (service, victim) = service("150").await;
    let mut client = service.client().await.anonymous();
    let quiet_read = times(&mut client, &victim, NODE, 50).await;
    let quiet_filter = times(&mut client, &victim, FILTER, 10).await;

    let (answered, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let aggressor = Aggressor::begin({
        let (url, answered, refused) = (service.url.clone(), Arc::clone(&answered), Arc::clone(&refused));
        move || async move {
            let mut attack = JoinSet::new();
            for _ in 0..10 {
                let connection = http2(&url).await;
                for _ in 0..100 {
                    let (answered, refused) = (Arc::clone(&answered), Arc::clone(&refused));
                    attack.spawn(ask_for_everything(connection.clone(), answered, refused));
                }
            }
            attack
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let attacked_read = times(&mut client, &victim, NODE, 50).await;
    let attacked_filter = times(&mut client, &victim, FILTER, 10).await;
    drop(aggressor);
    let (answered, refused) = (answered.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    println!("the aggressor: {answered} answered, {refused} refused");
    assert!(refused > 0, "there are bounds");
    assert_isolated("a plain read", &quiet_read, &attacked_read);
    assert_isolated("a filter", &quiet_filter, &attacked_filter);
}

async fn ask_for_everything(
    mut connection: SendRequest<Full<Bytes>>,
    answered: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
) {
    while connection.ready().await.is_ok() {
        let request = Request::get(format!("http://bmc.example{EVERYTHING}"));
        let request = request.header("authorization", basic("admin", "secret")).body(Full::default()).unwrap();
        let Ok(answer) = connection.send_request(request).await else { return };
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if head.status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(head.headers.contains_key("retry-after"));
            assert!(String::from_utf8_lossy(&body).contains("TooManyRequests"));
            refused.fetch_add(1, Ordering::Relaxed);
        } else {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// D18: how long it takes until a change in the cluster is seen, while somebody sends requests that the single writer has to
/// deal with as fast as they can.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_submissions_does_not_keep_changes_of_the_cluster_from_being_seen() {
    let _alone = ALONE.lock().await;
    let api = Api::start("flooded", sample::laboratory(api::cluster(KubevirtVersion::V1_9), 3)).await;
    let service = api.serve(
        "chassis: [{name: lab, namespace: lab}]\nsystem_id_convention: enhanced\n\
         authentication: {users: [{username: admin, password: secret, chassis: [lab]}]}\n",
    );
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    let quiet = changes(&api, &mut client, 10).await;

    let sent = Arc::new(AtomicUsize::new(0));
    let aggressor = Aggressor::begin({
        let (url, sent) = (service.url.clone(), Arc::clone(&sent));
        move || async move {
            let mut attack = JoinSet::new();
            // So many at a time that there is always one that waits.
            for _ in 0..8 {
                let connection = http2(&url).await;
                for _ in 0..40 {
                    attack.spawn(submit_events(connection.clone(), Arc::clone(&sent)));
                }
            }
            attack
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let attacked = changes(&api, &mut client, 10).await;
    println!("{} submissions", sent.load(Ordering::Relaxed));
    assert!(sent.load(Ordering::Relaxed) > 200, "they are dealt with all the same");
    drop(aggressor);
    assert_isolated("a change in the cluster", &quiet, &attacked);
}

async fn submit_events(mut connection: SendRequest<Full<Bytes>>, sent: Arc<AtomicUsize>) {
    let event = r#"{"MessageId": "Base.1.22.Success"}"#;
    while connection.ready().await.is_ok() {
        let request = Request::post(format!("http://bmc.example{TEST_EVENT}"))
            .header("authorization", basic("admin", "secret"))
            .header("content-type", "application/json");
        let Ok(answer) = connection.send_request(request.body(Full::from(event)).unwrap()).await else { return };
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// No two changes are the same.
static MARKS: AtomicUsize = AtomicUsize::new(0);

/// How long it takes until each of some changes is seen.
async fn changes(api: &Api, client: &mut Client, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..count {
        let mark = format!("{number}-{}", MARKS.fetch_add(1, Ordering::Relaxed));
        let tag = json!({ "metadata": { "annotations": { "redfish.kubevirt.io/asset-tag": mark } } });
        let begin = Instant::now();
        let patch = Request::patch("/apis/kubevirt.io/v1/namespaces/lab/virtualmachines/node-0")
            .header("content-type", "application/merge-patch+json")
            .body(Bytes::from(tag.to_string()))
            .unwrap();
        assert_eq!(api.cluster.send(patch).await.unwrap().head.status(), StatusCode::OK);
        let seen = async {
            while client.get(NODE).await.json()["AssetTag"].as_str().is_none_or(|tag| tag != mark) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, seen).await.expect("it is seen");
        times.push(begin.elapsed());
    }
    times.sort();
    times
}

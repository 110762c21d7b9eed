//! Events as their subscribers see them: what is bounded, what is kept, what is tried again, and who hears of what.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use kubevirt_redfish_core::model::{Document, DocumentName, Observation, Phase, Version};
use kubevirt_redfish_core::service::{Input, Output};
use kubevirt_redfish_core::{DeliveryError, StreamId};
use kubevirt_redfish_fixtures::stub::{StubCluster, config};
use serde_json::{Value, json};

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const TEST: &str = "/redfish/v1/EventService/Actions/EventService.TestEventSubscription";
const STREAM: &str = "/redfish/v1/EventService/SSE";

fn request(stub: &mut StubCluster, method: &str, uri: &str, user: &str, body: &str) -> Response<Bytes> {
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:secret"));
    let request = Request::builder().method(method).uri(uri).header("Authorization", format!("Basic {credentials}"));
    stub.request(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()).unwrap()
}

fn subscribe(stub: &mut StubCluster, user: &str, more: &Value) -> String {
    let mut body = json!({ "Destination": "https://listener.example/", "Protocol": "Redfish" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = request(stub, "POST", SUBSCRIPTIONS, user, &body.to_string());
    assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
    response.headers()["location"].to_str().unwrap().to_owned()
}

fn test_event(stub: &mut StubCluster) {
    assert_eq!(request(stub, "POST", TEST, "all", "").status(), StatusCode::NO_CONTENT);
}

/// The records of the delivery that is under way.
fn delivered(stub: &StubCluster) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&stub.deliveries.front().unwrap().body).unwrap();
    body["Events"].as_array().unwrap().clone()
}

fn message_ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["MessageId"].as_str().unwrap()).collect()
}

fn accept(stub: &mut StubCluster) {
    stub.delivered(Ok(StatusCode::OK));
}

#[test]
fn a_queue_is_bounded_and_says_what_is_missing() {
    let mut stub = StubCluster::new();
    subscribe(&mut stub, "all", &json!({}));
    for _ in 0..1_000 {
        test_event(&mut stub);
    }
    assert_eq!(stub.deliveries.len(), 1, "one delivery at a time");
    accept(&mut stub);
    let records = delivered(&stub);
    assert!(message_ids(&records)[0].ends_with("EventBufferExceeded"), "{records:?}");
    let mut received = records.len() - 1;
    let newest = loop {
        accept(&mut stub);
        if stub.deliveries.is_empty() {
            break received;
        }
        let records = delivered(&stub);
        assert!(message_ids(&records).iter().all(|id| id.ends_with("TestMessage")));
        received += records.len();
    };
    assert_eq!(newest, 256, "the newest are kept");
}

#[test]
fn one_that_does_not_answer_costs_the_others_nothing() {
    let mut stub = StubCluster::new();
    subscribe(&mut stub, "all", &json!({ "Context": "slow" }));
    subscribe(&mut stub, "all", &json!({ "Context": "fast" }));
    test_event(&mut stub);
    let slow = stub.deliveries.pop_front().unwrap();
    for _ in 0..10 {
        accept(&mut stub);
        test_event(&mut stub);
        assert_eq!(stub.deliveries.len(), 1);
        assert_eq!(serde_json::from_slice::<Value>(&stub.deliveries[0].body).unwrap()["Context"], "fast");
    }
    accept(&mut stub);
    // Of the slow one nothing is heard at all: it is tried again after a while, with everything since.
    stub.advance(Duration::from_mins(2));
    stub.advance(Duration::from_secs(30));
    assert_eq!(delivered(&stub).len(), 11);
    stub.handle(Input::Delivered { id: slow.id, result: Ok(StatusCode::OK) });
    assert_eq!(stub.deliveries.len(), 1, "an answer that nobody waits for any more changes nothing");
}

#[test]
fn backoff_grows_up_to_ten_minutes_and_ends_with_success() {
    let mut stub = StubCluster::new();
    subscribe(&mut stub, "all", &json!({ "DeliveryRetryPolicy": "RetryForeverWithBackoff" }));
    test_event(&mut stub);
    for rest in [30, 60, 120, 240, 480, 600, 600] {
        stub.delivered(Err(DeliveryError::TimedOut));
        stub.advance(Duration::from_secs(rest - 1));
        assert!(stub.deliveries.is_empty(), "not before {rest} seconds are over");
        stub.advance(Duration::from_secs(1));
        assert_eq!(delivered(&stub).len(), 1);
    }
    accept(&mut stub);
    test_event(&mut stub);
    stub.delivered(Err(DeliveryError::TimedOut));
    stub.advance(Duration::from_secs(30));
    assert_eq!(stub.deliveries.len(), 1);
}

#[test]
fn nobody_takes_all_the_subscriptions() {
    let mut stub = StubCluster::new();
    for _ in 0..64 {
        subscribe(&mut stub, "tenant", &json!({}));
    }
    let body = json!({ "Destination": "https://listener.example/", "Protocol": "Redfish" }).to_string();
    let refused = request(&mut stub, "POST", SUBSCRIPTIONS, "tenant", &body);
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(String::from_utf8_lossy(refused.body()).contains("EventSubscriptionLimitExceeded"));
    subscribe(&mut stub, "admin", &json!({}));
    for _ in 0..32 {
        assert_eq!(request(&mut stub, "GET", STREAM, "tenant", "").status(), StatusCode::OK);
    }
    assert_eq!(request(&mut stub, "GET", STREAM, "tenant", "").status(), StatusCode::CONFLICT);
    stub.hang_up(StreamId(1));
    assert_eq!(request(&mut stub, "GET", STREAM, "tenant", "").status(), StatusCode::OK);
}

#[test]
fn what_is_listed_first_is_no_news() {
    let mut stub = StubCluster::empty(config());
    // There is no way to subscribe before that, so it is a subscription that was kept.
    let kept = json!({ "subscriptions": [{
        "id": "00000000-1",
        "owner": "config:all",
        "chassis": ["lab", "rack", "other"],
        "kind": { "Push": { "destination": "https://listener.example/" } },
        "context": null,
    }] });
    stub.observe(Observation::Document(Arc::new(Document {
        name: DocumentName::Subscriptions,
        version: Version(7),
        content: kept.to_string().into(),
    })));
    for machine in kubevirt_redfish_fixtures::stub::machines() {
        stub.observe(Observation::Machine(machine.into()));
    }
    stub.handle(Input::Watching(Vec::new()));
    assert!(stub.deliveries.is_empty() && !stub.log.iter().any(|line| line.starts_with("stream")), "{:?}", stub.log);
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert_eq!(delivered(&stub).len(), 1, "it is there all the same");
}

#[test]
fn a_revoked_grant_ends_what_a_subscription_hears() {
    let mut stub = StubCluster::new();
    subscribe(&mut stub, "all", &json!({}));
    let mut narrower = config();
    narrower.accounts.iter_mut().find(|account| account.user_name == "all").unwrap().chassis.pop();
    stub.handle(Input::Configured(Box::new(narrower)));
    stub.run("other.db", "run-1", Phase::Running, false, false);
    assert!(stub.deliveries.is_empty(), "the chassis is not theirs any more");
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert_eq!(delivered(&stub).len(), 1);

    let mut without = config();
    without.accounts.retain(|account| account.user_name != "all");
    stub.handle(Input::Configured(Box::new(without)));
    accept(&mut stub);
    stub.run_gone("lab.node-0");
    assert!(stub.deliveries.is_empty(), "nobody is left who could see it");
}

#[test]
fn a_machine_that_comes_into_view_was_created_for_those_who_see_it_now() {
    let mut stub = StubCluster::new();
    for user in ["viewer", "operator"] {
        assert_eq!(request(&mut stub, "GET", STREAM, user, "").status(), StatusCode::OK);
    }
    stub.log.clear();
    // The label brings it into the chassis that the viewer sees; the operator sees it all along.
    stub.redefine("lab.node-0", |machine| machine.labels = [("team".into(), "rack".into())].into());
    let told: Vec<&String> = stub.log.iter().filter(|line| line.starts_with("stream")).collect();
    let [created] = told.as_slice() else { panic!("{told:#?}") };
    assert!(created.starts_with("stream 1\n") && created.contains("ResourceCreated"), "{created}");
    stub.log.clear();
    let version = stub.newer();
    stub.observe(Observation::MachineGone("lab.node-0".parse().unwrap(), version));
    let told: Vec<&String> = stub.log.iter().filter(|line| line.contains("ResourceRemoved")).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().all(|line| line.contains("\"OriginOfConditionUnavailable\":true")), "{told:#?}");
}

#[test]
fn ending_closes_streams_and_sends_nothing_more() {
    let mut stub = StubCluster::new();
    subscribe(&mut stub, "all", &json!({}));
    request(&mut stub, "GET", STREAM, "all", "");
    stub.log.clear();
    stub.handle(Input::Shutdown);
    assert_eq!(stub.log, ["close stream 1", "stopped"]);
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert!(stub.deliveries.is_empty());
    assert_eq!(request(&mut stub, "GET", STREAM, "all", "").status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn a_stream_says_its_outcome_before_anything_else() {
    let mut stub = StubCluster::new();
    let mut outputs = Vec::new();
    test_event(&mut stub);
    let credentials = base64::prelude::BASE64_STANDARD.encode("all:secret");
    let head = Request::get(STREAM).header("Authorization", format!("Basic {credentials}"));
    let head = head.header("Last-Event-ID", "00000000-0").header("Host", "bmc.example").body(()).unwrap();
    let peer = kubevirt_redfish_core::Peer { address: [192, 0, 2, 1].into(), secure: true };
    let view = stub.view.clone();
    let (_, step) = view.begin(stub.now, &peer, head);
    let kubevirt_redfish_core::Step::Submit(intent) = step else { panic!("{step:?}") };
    let now = stub.now;
    let service = stub.service();
    service.handle_input(now, Input::Submitted { ticket: kubevirt_redfish_core::Ticket(99), intent });
    while let Some(output) = service.poll_output() {
        outputs.push(match output {
            Output::Publish(_) => "publish",
            Output::Outcome { outcome, .. } if outcome.stream().is_some() => "opened",
            Output::Send { .. } => "send",
            _ => "other",
        });
    }
    assert_eq!(outputs, ["publish", "opened", "send"]);
}

/// D16: a delivery has one deadline, which is the core's; when it has passed, the attempt is stopped before the next.
#[test]
fn nothing_is_sent_again_while_an_earlier_attempt_may_be_under_way() {
    let mut stub = StubCluster::new();
    subscribe(&mut stub, "all", &json!({}));
    test_event(&mut stub);
    let first = stub.deliveries[0].clone();
    assert_eq!(first.deadline, stub.now.mono + Duration::from_secs(10));
    for _ in 0..14 {
        stub.advance(Duration::from_secs(1));
        test_event(&mut stub);
        assert_eq!(stub.deliveries, std::slice::from_ref(&first));
    }
    stub.advance(Duration::from_secs(1));
    assert!(stub.deliveries.is_empty(), "it has been told to stop");
    stub.advance(Duration::from_secs(30));
    assert_eq!((stub.deliveries.len(), delivered(&stub).len()), (1, 15), "all of them, in their order");
    stub.handle(Input::Delivered { id: first.id, result: Ok(StatusCode::OK) });
    assert_eq!(stub.deliveries.len(), 1, "an answer that nobody waits for any more changes nothing");
}

/// D16: servers that do not answer keep no others waiting, neither one of many subscriptions nor many of one owner.
#[test]
fn servers_that_do_not_answer_take_no_more_than_their_share() {
    let mut stub = StubCluster::new();
    let to = |host: &str| json!({ "Destination": format!("https://{host}/events") });
    for _ in 0..20 {
        subscribe(&mut stub, "all", &to("dead.example"));
    }
    subscribe(&mut stub, "all", &to("alive.example"));
    test_event(&mut stub);
    let under_way = |stub: &StubCluster, host: &str| {
        stub.deliveries.iter().filter(|delivery| delivery.destination.host() == Some(host)).count()
    };
    assert_eq!((under_way(&stub, "dead.example"), under_way(&stub, "alive.example")), (8, 1));

    let mut stub = StubCluster::new();
    for number in 0..60 {
        subscribe(&mut stub, "all", &to(&format!("dead-{number}.example")));
    }
    test_event(&mut stub);
    assert_eq!(stub.deliveries.len(), 16, "half of the places");
    // A tenant's own event, though sixty of another's were there first.
    subscribe(&mut stub, "tenant", &to("tenant.example"));
    stub.redefine("other.node-0", |machine| machine.asset_tag = Some("moved".into()));
    assert_eq!(under_way(&stub, "tenant.example"), 1);
}

#[test]
fn a_subscription_that_is_removed_leaves_its_place_to_others() {
    let mut stub = StubCluster::new();
    let subscriptions: Vec<_> = (0..20).map(|_| subscribe(&mut stub, "all", &json!({}))).collect();
    test_event(&mut stub);
    for left in (0..20_usize).rev() {
        assert_eq!(stub.deliveries.len(), (left + 1).min(8));
        let removed = request(&mut stub, "DELETE", &subscriptions[left], "all", "");
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    }
    assert!(stub.deliveries.is_empty(), "nothing is under way to who is subscribed no more");
    subscribe(&mut stub, "all", &json!({}));
    test_event(&mut stub);
    assert_eq!(stub.deliveries.len(), 1);
}

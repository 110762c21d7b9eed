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
use kubevirt_redfish_fixtures::desk::{Desk, config};
use serde_json::{Value, json};

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const TEST: &str = "/redfish/v1/EventService/Actions/EventService.TestEventSubscription";
const STREAM: &str = "/redfish/v1/EventService/SSE";

fn request(desk: &mut Desk, method: &str, uri: &str, user: &str, body: &str) -> Response<Bytes> {
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:secret"));
    let request = Request::builder().method(method).uri(uri).header("Authorization", format!("Basic {credentials}"));
    desk.request(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()).unwrap()
}

fn subscribe(desk: &mut Desk, user: &str, more: &Value) -> String {
    let mut body = json!({ "Destination": "https://listener.example/", "Protocol": "Redfish" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = request(desk, "POST", SUBSCRIPTIONS, user, &body.to_string());
    assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
    response.headers()["location"].to_str().unwrap().to_owned()
}

fn test_event(desk: &mut Desk) {
    assert_eq!(request(desk, "POST", TEST, "all", "").status(), StatusCode::NO_CONTENT);
}

/// The records of the delivery that is under way.
fn delivered(desk: &Desk) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&desk.deliveries.front().unwrap().body).unwrap();
    body["Events"].as_array().unwrap().clone()
}

fn message_ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["MessageId"].as_str().unwrap()).collect()
}

fn accept(desk: &mut Desk) {
    desk.delivered(Ok(StatusCode::OK));
}

#[test]
fn a_queue_is_bounded_and_says_what_is_missing() {
    let mut desk = Desk::new();
    subscribe(&mut desk, "all", &json!({}));
    for _ in 0..1_000 {
        test_event(&mut desk);
    }
    assert_eq!(desk.deliveries.len(), 1, "one delivery at a time");
    accept(&mut desk);
    let records = delivered(&desk);
    assert!(message_ids(&records)[0].ends_with("EventBufferExceeded"), "{records:?}");
    let mut received = records.len() - 1;
    let newest = loop {
        accept(&mut desk);
        if desk.deliveries.is_empty() {
            break received;
        }
        let records = delivered(&desk);
        assert!(message_ids(&records).iter().all(|id| id.ends_with("TestMessage")));
        received += records.len();
    };
    assert_eq!(newest, 256, "the newest are kept");
}

#[test]
fn one_that_does_not_answer_costs_the_others_nothing() {
    let mut desk = Desk::new();
    subscribe(&mut desk, "all", &json!({ "Context": "slow" }));
    subscribe(&mut desk, "all", &json!({ "Context": "fast" }));
    test_event(&mut desk);
    let slow = desk.deliveries.pop_front().unwrap();
    for _ in 0..10 {
        accept(&mut desk);
        test_event(&mut desk);
        assert_eq!(desk.deliveries.len(), 1);
        assert_eq!(serde_json::from_slice::<Value>(&desk.deliveries[0].body).unwrap()["Context"], "fast");
    }
    accept(&mut desk);
    // Of the slow one nothing is heard at all: it is tried again after a while, with everything since.
    desk.advance(Duration::from_mins(2));
    desk.advance(Duration::from_secs(30));
    assert_eq!(delivered(&desk).len(), 11);
    desk.handle(Input::Delivered { id: slow.id, result: Ok(StatusCode::OK) });
    assert_eq!(desk.deliveries.len(), 1, "an answer that nobody waits for any more changes nothing");
}

#[test]
fn backoff_grows_up_to_ten_minutes_and_ends_with_success() {
    let mut desk = Desk::new();
    subscribe(&mut desk, "all", &json!({ "DeliveryRetryPolicy": "RetryForeverWithBackoff" }));
    test_event(&mut desk);
    for rest in [30, 60, 120, 240, 480, 600, 600] {
        desk.delivered(Err(DeliveryError::TimedOut));
        desk.advance(Duration::from_secs(rest - 1));
        assert!(desk.deliveries.is_empty(), "not before {rest} seconds are over");
        desk.advance(Duration::from_secs(1));
        assert_eq!(delivered(&desk).len(), 1);
    }
    accept(&mut desk);
    test_event(&mut desk);
    desk.delivered(Err(DeliveryError::TimedOut));
    desk.advance(Duration::from_secs(30));
    assert_eq!(desk.deliveries.len(), 1);
}

#[test]
fn nobody_takes_all_the_subscriptions() {
    let mut desk = Desk::new();
    for _ in 0..64 {
        subscribe(&mut desk, "tenant", &json!({}));
    }
    let body = json!({ "Destination": "https://listener.example/", "Protocol": "Redfish" }).to_string();
    let refused = request(&mut desk, "POST", SUBSCRIPTIONS, "tenant", &body);
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(String::from_utf8_lossy(refused.body()).contains("EventSubscriptionLimitExceeded"));
    subscribe(&mut desk, "admin", &json!({}));
    for _ in 0..32 {
        assert_eq!(request(&mut desk, "GET", STREAM, "tenant", "").status(), StatusCode::OK);
    }
    assert_eq!(request(&mut desk, "GET", STREAM, "tenant", "").status(), StatusCode::CONFLICT);
    desk.hang_up(StreamId(1));
    assert_eq!(request(&mut desk, "GET", STREAM, "tenant", "").status(), StatusCode::OK);
}

#[test]
fn what_is_listed_first_is_no_news() {
    let mut desk = Desk::empty(config());
    // There is no way to subscribe before that, so it is a subscription that was kept.
    let kept = json!({ "subscriptions": [{
        "id": "00000000-1",
        "owner": "config:all",
        "chassis": ["lab", "rack", "other"],
        "kind": { "Push": { "destination": "https://listener.example/" } },
        "context": null,
    }] });
    desk.observe(Observation::Document(Arc::new(Document {
        name: DocumentName::Subscriptions,
        version: Version(7),
        content: kept.to_string().into(),
    })));
    for machine in kubevirt_redfish_fixtures::desk::machines() {
        desk.observe(Observation::Machine(machine.into()));
    }
    desk.handle(Input::Watching(Vec::new()));
    assert!(desk.deliveries.is_empty() && !desk.log.iter().any(|line| line.starts_with("stream")), "{:?}", desk.log);
    desk.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert_eq!(delivered(&desk).len(), 1, "it is there all the same");
}

#[test]
fn a_revoked_grant_ends_what_a_subscription_hears() {
    let mut desk = Desk::new();
    subscribe(&mut desk, "all", &json!({}));
    let mut narrower = config();
    narrower.accounts.iter_mut().find(|account| account.user_name == "all").unwrap().chassis.pop();
    desk.handle(Input::Configured(Box::new(narrower)));
    desk.run("other.db", "run-1", Phase::Running, false, false);
    assert!(desk.deliveries.is_empty(), "the chassis is not theirs any more");
    desk.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert_eq!(delivered(&desk).len(), 1);

    let mut without = config();
    without.accounts.retain(|account| account.user_name != "all");
    desk.handle(Input::Configured(Box::new(without)));
    accept(&mut desk);
    desk.run_gone("lab.node-0");
    assert!(desk.deliveries.is_empty(), "nobody is left who could see it");
}

#[test]
fn a_machine_that_comes_into_view_was_created_for_those_who_see_it_now() {
    let mut desk = Desk::new();
    for user in ["viewer", "operator"] {
        assert_eq!(request(&mut desk, "GET", STREAM, user, "").status(), StatusCode::OK);
    }
    desk.log.clear();
    // The label brings it into the chassis that the viewer sees; the operator sees it all along.
    desk.redefine("lab.node-0", |machine| machine.labels = [("team".into(), "rack".into())].into());
    let told: Vec<&String> = desk.log.iter().filter(|line| line.starts_with("stream")).collect();
    let [created] = told.as_slice() else { panic!("{told:#?}") };
    assert!(created.starts_with("stream 1\n") && created.contains("ResourceCreated"), "{created}");
    desk.log.clear();
    let version = desk.newer();
    desk.observe(Observation::MachineGone("lab.node-0".parse().unwrap(), version));
    let told: Vec<&String> = desk.log.iter().filter(|line| line.contains("ResourceRemoved")).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().all(|line| line.contains("\"OriginOfConditionUnavailable\":true")), "{told:#?}");
}

#[test]
fn ending_closes_streams_and_sends_nothing_more() {
    let mut desk = Desk::new();
    subscribe(&mut desk, "all", &json!({}));
    request(&mut desk, "GET", STREAM, "all", "");
    desk.log.clear();
    desk.handle(Input::Shutdown);
    assert_eq!(desk.log, ["close stream 1", "stopped"]);
    desk.run("lab.node-0", "run-1", Phase::Running, false, false);
    assert!(desk.deliveries.is_empty());
    assert_eq!(request(&mut desk, "GET", STREAM, "all", "").status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn a_stream_says_its_outcome_before_anything_else() {
    let mut desk = Desk::new();
    let mut outputs = Vec::new();
    test_event(&mut desk);
    let credentials = base64::prelude::BASE64_STANDARD.encode("all:secret");
    let head = Request::get(STREAM).header("Authorization", format!("Basic {credentials}"));
    let head = head.header("Last-Event-ID", "00000000-0").header("Host", "bmc.example").body(()).unwrap();
    let peer = kubevirt_redfish_core::Peer { address: [192, 0, 2, 1].into(), secure: true };
    let view = desk.view.clone();
    let (_, step) = view.begin(desk.now, &peer, head);
    let kubevirt_redfish_core::Step::Submit(intent) = step else { panic!("{step:?}") };
    let now = desk.now;
    let service = desk.service();
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
    let mut desk = Desk::new();
    subscribe(&mut desk, "all", &json!({}));
    test_event(&mut desk);
    let first = desk.deliveries[0].clone();
    assert_eq!(first.deadline, desk.now.mono + Duration::from_secs(10));
    for _ in 0..14 {
        desk.advance(Duration::from_secs(1));
        test_event(&mut desk);
        assert_eq!(desk.deliveries, std::slice::from_ref(&first));
    }
    desk.advance(Duration::from_secs(1));
    assert!(desk.deliveries.is_empty(), "it has been told to stop");
    desk.advance(Duration::from_secs(30));
    assert_eq!((desk.deliveries.len(), delivered(&desk).len()), (1, 15), "all of them, in their order");
    desk.handle(Input::Delivered { id: first.id, result: Ok(StatusCode::OK) });
    assert_eq!(desk.deliveries.len(), 1, "an answer that nobody waits for any more changes nothing");
}

/// D16: servers that do not answer keep no others waiting, neither one of many subscriptions nor many of one owner.
#[test]
fn servers_that_do_not_answer_take_no_more_than_their_share() {
    let mut desk = Desk::new();
    let to = |host: &str| json!({ "Destination": format!("https://{host}/events") });
    for _ in 0..20 {
        subscribe(&mut desk, "all", &to("dead.example"));
    }
    subscribe(&mut desk, "all", &to("alive.example"));
    test_event(&mut desk);
    let under_way = |desk: &Desk, host: &str| {
        desk.deliveries.iter().filter(|delivery| delivery.destination.host() == Some(host)).count()
    };
    assert_eq!((under_way(&desk, "dead.example"), under_way(&desk, "alive.example")), (8, 1));

    let mut desk = Desk::new();
    for number in 0..60 {
        subscribe(&mut desk, "all", &to(&format!("dead-{number}.example")));
    }
    test_event(&mut desk);
    assert_eq!(desk.deliveries.len(), 16, "half of the places");
    // A tenant's own event, though sixty of another's were there first.
    subscribe(&mut desk, "tenant", &to("tenant.example"));
    desk.redefine("other.node-0", |machine| machine.asset_tag = Some("moved".into()));
    assert_eq!(under_way(&desk, "tenant.example"), 1);
}

#[test]
fn a_subscription_that_is_removed_leaves_its_place_to_others() {
    let mut desk = Desk::new();
    let subscriptions: Vec<_> = (0..20).map(|_| subscribe(&mut desk, "all", &json!({}))).collect();
    test_event(&mut desk);
    for left in (0..20_usize).rev() {
        assert_eq!(desk.deliveries.len(), (left + 1).min(8));
        let removed = request(&mut desk, "DELETE", &subscriptions[left], "all", "");
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    }
    assert!(desk.deliveries.is_empty(), "nothing is under way to who is subscribed no more");
    subscribe(&mut desk, "all", &json!({}));
    test_event(&mut desk);
    assert_eq!(desk.deliveries.len(), 1);
}

//! Many who change the same system at the same time, and somebody who keeps changing it past the service.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kubevirt_redfish_core::model::{CommandError, Completion};
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::stub::StubCluster;
use kubevirt_redfish_fixtures::world::{ExchangeId, World};
use lab::{CD, NODE, get, lab, machine, redefine, reset};
use serde_json::{Value, json};

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or(Value::Null)
}

/// The ids of the messages of a refusal.
fn message_ids(response: &Response<Bytes>) -> Vec<String> {
    let body = json_of(response);
    let messages = body["error"]["@Message.ExtendedInfo"].as_array().expect("messages");
    messages.iter().map(|message| message["MessageId"].as_str().unwrap().to_owned()).collect()
}

/// Everything that is asked of the cluster takes so long.
fn slow(world: &mut World, time: Duration) {
    for method in [Method::GET, Method::PATCH, Method::PUT, Method::POST] {
        world.cluster.inject(Fault::new(FaultEffect::Latency(time)).method(method).path("node-0"));
    }
}

/// So many clients who each give the same system another asset tag, at the same moment; their answers.
fn in_parallel(world: &mut World, clients: usize) -> Vec<Response<Bytes>> {
    let exchanges: Vec<ExchangeId> = (0..clients)
        .map(|number| {
            let body = json!({ "AssetTag": format!("tag-{number}") });
            world.begin(0, laboratory::request(Method::PATCH, NODE, Some(&body)))
        })
        .collect();
    world.run_until(Duration::from_mins(5), |world| exchanges.iter().all(|exchange| world.is_answered(*exchange)));
    exchanges.into_iter().map(|exchange| world.response(exchange).expect("an answer")).collect()
}

/// How often the machine has been changed since this was last asked.
fn writes(world: &mut World) -> usize {
    let calls = world.take_calls().into_iter();
    let made = calls.filter(|call| call.answer.as_ref().is_some_and(|answer| answer.status().is_success()));
    let calls = made.map(|call| call.request);
    calls.filter(|request| *request.method() == Method::PATCH && request.uri().path().ends_with("/node-0")).count()
}

/// K5: a hundred at a time wait their turn, and none of their changes is lost.
#[test]
fn a_hundred_changes_at_a_time_are_all_made() {
    for latency in [0, 5, 25] {
        let mut world = lab(KubevirtVersion::V1_9);
        slow(&mut world, Duration::from_millis(latency));
        world.take_calls();
        let answers = in_parallel(&mut world, 100);
        for (number, answer) in answers.iter().enumerate() {
            let text = String::from_utf8_lossy(answer.body());
            assert_eq!(answer.status(), StatusCode::OK, "{latency} ms, {number}: {text}");
            assert_eq!(json_of(answer)["AssetTag"], format!("tag-{number}"), "everyone sees their own change");
        }
        let writes = writes(&mut world);
        assert_eq!(writes, 100, "each is made, and once");
        assert_eq!(get(&mut world, NODE)["AssetTag"], "tag-99", "in the order in which they came");
    }
}

/// K5: who cannot be served is told the truth, and when to come again; what is refused is not made.
#[test]
fn who_is_refused_is_told_why() {
    for (clients, latency) in [(200, 10), (100, 300), (300, 2_000)] {
        let mut world = lab(KubevirtVersion::V1_9);
        slow(&mut world, Duration::from_millis(latency));
        world.take_calls();
        let answers = in_parallel(&mut world, clients);
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        let mut made = 0;
        for answer in &answers {
            if answer.status() == StatusCode::OK {
                made += 1;
                continue;
            }
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key("retry-after"));
            let ids = message_ids(answer);
            *reasons.entry(ids[0].clone()).or_default() += 1;
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert!(!text.contains("reached") && !text.contains("Cluster"), "the cluster is there: {text}");
        }
        let known = ["KubeVirt.1.0.TooManyChanges", "KubeVirt.1.0.ChangeNotBegun"];
        assert!(reasons.keys().all(|reason| known.contains(&reason.as_str())), "{reasons:?}");
        assert!(made > 0 && made < clients, "{clients} {latency}: {made} {reasons:?}");
        let writes = writes(&mut world);
        assert_eq!(writes, made, "{clients} {latency}: {reasons:?}");
    }
}

/// Lets time pass while somebody keeps changing the machine past the service, until there is an answer.
fn while_edited(
    world: &mut World,
    exchange: ExchangeId,
    every: Duration,
    mut edit: impl FnMut(&mut Value, u32),
) -> (Response<Bytes>, u32) {
    for edits in 0..2_000 {
        if let Some(response) = world.response(exchange) {
            return (response, edits);
        }
        let mut object = machine(world);
        edit(&mut object, edits);
        let now = world.now();
        world.cluster.apply(now, object).expect("a definition that is accepted");
        world.advance(every);
    }
    unreachable!("no answer");
}

/// R5: somebody who edits the machine every 30 ms, while each request of the service takes 20, keeps nothing from being
/// done, as long as it is something else that they edit.
#[test]
fn who_edits_something_else_is_in_nobodys_way() {
    type Edit = fn(&mut Value, u32);
    let edits: [(&str, Edit); 5] = [
        ("a label", |object, number| object["metadata"]["labels"]["edited"] = json!(number.to_string())),
        ("an annotation", |object, number| object["metadata"]["annotations"]["edited"] = json!(number.to_string())),
        ("labels of the pod", |object, number| {
            object["spec"]["template"]["metadata"]["labels"]["edited"] = json!(number.to_string());
        }),
        ("the order of devices", |object, number| {
            object["spec"]["template"]["spec"]["domain"]["devices"]["disks"][0]["bootOrder"] = json!(number % 7 + 1);
        }),
        ("what else is specified", |object, number| {
            object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(100 + number);
        }),
    ];
    let insert = json!({ "Image": "http://images.example/a.iso" });
    let requests: [(&str, Method, String, Value); 6] = [
        ("asset tag", Method::PATCH, NODE.to_owned(), json!({ "AssetTag": "7", "IndicatorLED": "Lit" })),
        (
            "boot override",
            Method::PATCH,
            NODE.to_owned(),
            json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" } }),
        ),
        ("firmware", Method::PATCH, format!("{NODE}/Bios/Settings"), json!({ "Attributes": { "CpuCores": 4 } })),
        ("trust", Method::PATCH, CD.to_owned(), json!({ "VerifyCertificate": true })),
        ("eject", Method::POST, format!("{CD}/Actions/VirtualMedia.EjectMedia"), json!({})),
        ("insert", Method::POST, format!("{CD}/Actions/VirtualMedia.InsertMedia"), insert.clone()),
    ];
    for (what, edit) in edits {
        for (name, method, uri, body) in &requests {
            if what == "the order of devices" && !["asset tag", "trust"].contains(name) {
                continue;
            }
            let mut world = lab(KubevirtVersion::V1_9);
            redefine(&mut world, |object| {
                // The maps are there, as on any machine that somebody has touched.
                object["metadata"]["labels"]["edited"] = json!("");
                object["metadata"]["annotations"]["edited"] = json!("");
                object["spec"]["template"]["metadata"]["labels"]["edited"] = json!("");
            });
            if *name == "eject" {
                let uri = format!("{CD}/Actions/VirtualMedia.InsertMedia");
                assert_eq!(lab::post(&mut world, &uri, &insert), StatusCode::NO_CONTENT);
                world.advance(Duration::from_mins(1));
            }
            slow(&mut world, Duration::from_millis(20));
            let begin = world.now();
            let exchange = world.begin(0, laboratory::request(method.clone(), uri, Some(body)));
            let (answer, edits) = while_edited(&mut world, exchange, Duration::from_millis(30), edit);
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert!(answer.status().is_success(), "{name} against {what}: {text}");
            let took = world.now().saturating_sub(begin);
            assert!(took < Duration::from_secs(5), "{name} against {what}: {took:?}");
            assert!(edits > 0);
            // And nothing of theirs is lost.
            let object = machine(&world);
            let theirs = [
                &object["metadata"]["labels"]["edited"],
                &object["metadata"]["annotations"]["edited"],
                &object["spec"]["template"]["metadata"]["labels"]["edited"],
            ];
            let last = json!((edits - 1).to_string());
            let kept = theirs.contains(&&last)
                || object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == json!(99 + edits)
                || what == "the order of devices";
            assert!(kept, "{name} against {what}");
        }
    }
}

/// R5: the same with power, whatever the strategy: someone's labels are no reason not to turn a machine off.
#[test]
fn who_edits_something_else_is_not_in_the_way_of_power() {
    for strategy in ["Halted", "Always", "Manual", "RerunOnFailure"] {
        for reset_type in ["On", "ForceOff", "GracefulShutdown", "ForceRestart", "PowerCycle", "PushPowerButton"] {
            let mut world = lab(KubevirtVersion::V1_9);
            redefine(&mut world, |object| {
                object["metadata"]["labels"]["edited"] = json!("");
                object["spec"]["runStrategy"] = json!(strategy);
            });
            world.advance(Duration::from_mins(1));
            if reset_type != "On" && strategy != "Always" {
                assert!(reset(&mut world, "On").is_success());
                world.advance(Duration::from_mins(1));
            }
            slow(&mut world, Duration::from_millis(20));
            let begin = world.now();
            let uri = format!("{NODE}/Actions/ComputerSystem.Reset");
            let body = json!({ "ResetType": reset_type });
            let exchange = world.begin(0, laboratory::request(Method::POST, &uri, Some(&body)));
            let (answer, _) = while_edited(&mut world, exchange, Duration::from_millis(30), |object, number| {
                object["metadata"]["labels"]["edited"] = json!(number.to_string());
            });
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert!(answer.status().is_success(), "{strategy} {reset_type}: {text}");
            let took = world.now().saturating_sub(begin);
            assert!(took < Duration::from_secs(5), "{strategy} {reset_type}: {took:?}");
        }
    }
}

/// R5: a precondition is about settings, so it is none on what somebody else edits; and of two replicas that write at the
/// same moment upon the same settings one is refused also while that goes on.
#[test]
fn a_conditional_change_is_made_while_others_edit_something_else() {
    for first_tag in [false, true] {
        let mut world = lab(KubevirtVersion::V1_9);
        laboratory::start(&mut world);
        redefine(&mut world, |object| object["metadata"]["labels"]["edited"] = json!(""));
        if first_tag {
            assert_eq!(lab::patch(&mut world, &json!({ "AssetTag": "before <&>" })), StatusCode::OK);
        }
        slow(&mut world, Duration::from_millis(20));
        let read = world.send(1, laboratory::request(Method::GET, NODE, None)).expect("an answer");
        let tag = read.headers()["etag"].clone();
        let exchanges: Vec<_> = (0..2)
            .map(|replica| {
                let body = json!({ "AssetTag": format!("{replica}") });
                let mut request = laboratory::request(Method::PATCH, NODE, Some(&body));
                request.headers_mut().insert("if-match", tag.clone());
                world.begin(replica, request)
            })
            .collect();
        let mut statuses = Vec::new();
        for exchange in exchanges {
            let (answer, _) = while_edited(&mut world, exchange, Duration::from_millis(30), |object, number| {
                object["metadata"]["labels"]["edited"] = json!(number.to_string());
            });
            statuses.push(answer.status().as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{first_tag}");
    }
}

/// K5, R5: what two replicas are sent at the same moment, while somebody edits the machine, is all there in the end.
#[test]
fn what_two_replicas_are_sent_at_the_same_moment_is_all_made() {
    let mut world = lab(KubevirtVersion::V1_9);
    laboratory::start(&mut world);
    redefine(&mut world, |object| object["metadata"]["labels"]["edited"] = json!(""));
    slow(&mut world, Duration::from_millis(20));
    let bodies = [
        (NODE.to_owned(), json!({ "AssetTag": "7" })),
        (NODE.to_owned(), json!({ "IndicatorLED": "Lit" })),
        (
            NODE.to_owned(),
            json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" } }),
        ),
        (CD.to_owned(), json!({ "VerifyCertificate": true })),
        (format!("{NODE}/Bios/Settings"), json!({ "Attributes": { "CpuCores": 4 } })),
        (format!("{NODE}/Bios/Settings"), json!({ "Attributes": { "CpuThreads": 2 } })),
    ];
    let exchanges: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(number, (uri, body))| world.begin(number % 2, laboratory::request(Method::PATCH, uri, Some(body))))
        .collect();
    for exchange in exchanges {
        let (answer, _) = while_edited(&mut world, exchange, Duration::from_millis(30), |object, number| {
            object["metadata"]["labels"]["edited"] = json!(number.to_string());
        });
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(answer.status().is_success(), "{text}");
    }
    let system = get(&mut world, NODE);
    assert_eq!((&system["AssetTag"], &system["IndicatorLED"]), (&json!("7"), &json!("Lit")));
    assert_eq!(system["Boot"]["BootSourceOverrideTarget"], "Pxe");
    assert_eq!(get(&mut world, CD)["VerifyCertificate"], true);
    let cpu = machine(&world)["spec"]["template"]["spec"]["domain"]["cpu"].clone();
    assert_eq!((&cpu["cores"], &cpu["threads"]), (&json!(4), &json!(2)));
}

/// R5: who keeps editing the very same thing is in the way, and that is what is said.
#[test]
fn who_keeps_editing_the_same_thing_is_named_as_the_reason() {
    let mut world = lab(KubevirtVersion::V1_9);
    slow(&mut world, Duration::from_millis(20));
    let body = json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" } });
    let exchange = world.begin(0, laboratory::request(Method::PATCH, NODE, Some(&body)));
    let (answer, _) = while_edited(&mut world, exchange, Duration::from_millis(30), |object, number| {
        object["spec"]["template"]["spec"]["domain"]["devices"]["disks"][0]["bootOrder"] = json!(number % 7 + 1);
    });
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(message_ids(&answer)[0], "KubeVirt.1.0.ConcurrentChanges");
    assert!(machine(&world)["metadata"]["annotations"]["redfish.kubevirt.io/boot-override"].is_null());
}

/// K5, the kind: what each failure of a command is told as. Nothing is blamed on the cluster that is there, nor on the
/// client who has done nothing wrong, and whatever time mends says when.
#[test]
fn each_failure_is_told_as_what_it_is() {
    let text = || "because".to_owned();
    let again = Some(Duration::from_secs(7));
    let failures: [(CommandError, u16, &[&str], Option<&str>); 9] = [
        (CommandError::NotFound, 404, &["Base.1.22.ResourceNotFound"], None),
        (CommandError::Conflict(text()), 409, &["Base.1.22.ResourceInUse", "KubeVirt.1.0.StateConflict"], None),
        (
            CommandError::Contended,
            503,
            &["KubeVirt.1.0.ConcurrentChanges", "Base.1.22.ServiceTemporarilyUnavailable"],
            Some("1"),
        ),
        (CommandError::CalledOff(text()), 409, &["KubeVirt.1.0.CalledOff"], None),
        (CommandError::Refused(text()), 400, &["Base.1.22.OperationFailed", "KubeVirt.1.0.RefusedByCluster"], None),
        (
            CommandError::Forbidden("serviceaccount:secret-name".to_owned()),
            503,
            &["KubeVirt.1.0.ServiceNotPermitted"],
            Some("60"),
        ),
        (
            CommandError::Unsupported(text()),
            400,
            &["Base.1.22.OperationFailed", "KubeVirt.1.0.NotSupportedByCluster"],
            None,
        ),
        (
            CommandError::Unavailable { reason: "10.0.0.1: secret-name".to_owned(), retry_after: again },
            503,
            &["KubeVirt.1.0.ClusterUnavailable", "Base.1.22.ServiceTemporarilyUnavailable"],
            Some("7"),
        ),
        (CommandError::TimedOut, 503, &["Base.1.22.OperationTimeout"], Some("5")),
    ];
    for (failure, status, ids, retry_after) in failures {
        let mut stub = StubCluster::new();
        let body = json!({ "AssetTag": "7" });
        assert!(stub.request(laboratory::request(Method::PATCH, NODE, Some(&body))).is_none());
        let answer = stub.complete(Err(failure.clone())).pop().expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{failure:?}");
        assert_eq!(message_ids(&answer), ids, "{failure:?}");
        let said = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(said, retry_after, "{failure:?}");
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(!text.contains("secret-name"), "details are for the log: {text}");
        assert!(status != 404 || text.contains("'lab.node-0'"), "{text}");
    }
    // A service that has not seen the machines yet says that, and not that there is no cluster.
    let mut stub = StubCluster::empty(kubevirt_redfish_fixtures::stub::config());
    let answer = stub.request(laboratory::request(Method::GET, NODE, None)).expect("an answer");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(message_ids(&answer)[0], "KubeVirt.1.0.NotYetKnown");
    // And a change that was made is told as made.
    let mut stub = StubCluster::new();
    let body = json!({ "AssetTag": "7" });
    assert!(stub.request(laboratory::request(Method::PATCH, NODE, Some(&body))).is_none());
    let observation = stub.redefinition("lab.node-0", |machine| machine.asset_tag = Some("7".into()));
    let answer = stub.complete(Ok(Completion { observations: vec![observation] })).pop().expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

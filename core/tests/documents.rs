//! How a document gets into the cluster, request by request.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use kubevirt_redfish_core::kubevirt::{Operation, OperationStep, Settings, TransportError};
use kubevirt_redfish_core::model::{
    CommandError, CommandId, Document, DocumentName, DocumentWrite, Namespace, Observation, Version,
};
use kubevirt_redfish_core::time::Instant;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule, Simulation};
use serde_json::json;

const OWN: &str = "kubevirt-redfish";
const SECRET: &str = "kubevirt-redfish-accounts";

fn simulation() -> Simulation {
    Simulation::new(ClusterConfig::new(KubevirtVersion::V1_9))
}

/// Stores a text; what came of it, and the requests that it took.
fn store(
    sim: &mut Simulation,
    expected: Option<Version>,
    content: &str,
) -> (Result<Observation, CommandError>, Vec<String>) {
    let settings = Arc::new(Settings { own_namespace: Namespace::new(OWN), ..Settings::default() });
    let deadline = Instant::new(sim.now + Duration::from_secs(30));
    let write = DocumentWrite {
        id: CommandId(1),
        name: DocumentName::Accounts,
        expected,
        content: Bytes::copy_from_slice(content.as_bytes()),
        deadline,
    };
    assert!(!format!("{write:?}").contains(&format!("\"{content}\"")), "what is stored does not print");
    let mut operation = Operation::store(write, settings, 7);
    let mut sent = Vec::new();
    for _ in 0..200 {
        let now = Instant::new(sim.now);
        match operation.poll(now) {
            OperationStep::Send { request, .. } => {
                let body = String::from_utf8_lossy(request.body()).into_owned();
                sent.push(format!("{} {} {body}", request.method(), request.uri()).trim_end().to_owned());
                let answer = sim.try_send(request);
                let answer = answer.ok_or_else(|| TransportError::Broken("connection reset".to_owned()));
                operation.handle_response(Instant::new(sim.now), answer);
            }
            OperationStep::Ask(question) => panic!("{question:?}"),
            OperationStep::WaitUntil(time) => {
                assert!(time <= deadline, "nothing is waited for after the deadline");
                sim.advance(time.saturating_since(now));
            }
            OperationStep::Done(result) => {
                return (result.map(|mut completion| completion.observations.remove(0)), sent);
            }
        }
    }
    panic!("the operation does not end: {sent:?}");
}

fn shown(result: Result<Observation, CommandError>) -> Arc<Document> {
    match result.unwrap() {
        Observation::Document(document) => document,
        other => panic!("{other:?}"),
    }
}

fn edit(sim: &mut Simulation, content: &str) {
    let content = BASE64_STANDARD.encode(content);
    assert!(sim.cluster.edit("secrets", OWN, SECRET, |secret| secret["data"]["content"] = json!(content)));
}

#[test]
fn it_is_made_and_then_changed_under_its_version() {
    let sim = &mut simulation();
    let (made, sent) = store(sim, None, "one");
    insta::assert_snapshot!(sent.join("\n"), @r#"POST /api/v1/namespaces/kubevirt-redfish/secrets {"apiVersion":"v1","data":{"content":"b25l"},"kind":"Secret","metadata":{"labels":{"app.kubernetes.io/managed-by":"kubevirt-redfish"},"name":"kubevirt-redfish-accounts","namespace":"kubevirt-redfish"},"type":"Opaque"}"#);
    let made = shown(made);
    assert_eq!(&*made.content, b"one");
    let (changed, sent) = store(sim, Some(made.version), "two");
    let request = format!(
        r#"PATCH /api/v1/namespaces/kubevirt-redfish/secrets/kubevirt-redfish-accounts {{"data":{{"content":"dHdv"}},"metadata":{{"labels":{{"app.kubernetes.io/managed-by":"kubevirt-redfish"}},"resourceVersion":"{}"}}}}"#,
        made.version.0
    );
    assert_eq!(sent, [request]);
    let changed = shown(changed);
    assert_eq!(&*changed.content, b"two");
    assert!(changed.version > made.version);
}

#[test]
fn what_somebody_else_stored_meanwhile_is_shown_and_stays() {
    let sim = &mut simulation();
    let made = shown(store(sim, None, "one").0);
    edit(sim, "theirs");
    let (result, sent) = store(sim, Some(made.version), "two");
    assert_eq!(&*shown(result).content, b"theirs");
    assert_eq!(sent.len(), 2, "{sent:?}");
    let (result, _) = store(sim, None, "three");
    assert_eq!(&*shown(result).content, b"theirs", "also when there was to be none");
}

#[test]
fn what_was_removed_meanwhile_is_gone_and_can_be_made_anew() {
    let sim = &mut simulation();
    let made = shown(store(sim, None, "one").0);
    sim.cluster.delete("secrets", OWN, SECRET);
    let (result, _) = store(sim, Some(made.version), "two");
    assert_eq!(result, Ok(Observation::DocumentGone(DocumentName::Accounts, made.version)));
    assert_eq!(&*shown(store(sim, None, "two").0).content, b"two");
}

#[test]
fn a_lost_answer_is_looked_up_rather_than_written_twice() {
    for effect in [
        FaultEffect::CutBeforeEffect,
        FaultEffect::CutBeforeAnswer,
        FaultEffect::unavailable(),
        FaultEffect::too_many_requests(1),
    ] {
        let sim = &mut simulation();
        let made = shown(store(sim, None, "one").0);
        sim.cluster.inject(Fault::new(effect).path("/secrets").times(1));
        let (result, sent) = store(sim, Some(made.version), "two");
        assert_eq!(&*shown(result).content, b"two", "{sent:?}");
    }
}

#[test]
fn a_refusal_is_told_as_such() {
    let sim = &mut simulation();
    sim.cluster.forbid(vec![Rule::new("create", "", "secrets")]);
    let (result, sent) = store(sim, None, "one");
    assert!(matches!(result, Err(CommandError::Forbidden(_))), "{result:?}");
    assert_eq!(sent.len(), 1);
    let sim = &mut simulation();
    sim.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/secrets").times(u32::MAX));
    let (result, _) = store(sim, None, "one");
    assert!(matches!(result, Err(CommandError::Unavailable { .. })), "{result:?}");
}

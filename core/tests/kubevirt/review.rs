//! Whom a token stands for and what they may do: one review of the token, then one for each thing to know.

use std::time::Duration;

use kubevirt_redfish_core::kubevirt::{Operation, OperationStep, TransportError};
use kubevirt_redfish_core::model::{
    BearerToken, Caller, CallerReview, CommandError, CommandId, Observation, Permission, Reviewee,
};
use kubevirt_redfish_core::time::Instant;
use kubevirt_redfish_fixtures::cluster::{
    AccessRule, ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule, Simulation, User,
};
use serde_json::Value;

const JANE: &str = "system:serviceaccount:lab:jane";

/// A cluster that knows the token `jane` and these rules.
fn cluster(rules: Vec<Rule>) -> Simulation {
    let mut config = ClusterConfig::new(KubevirtVersion::V1_9);
    let groups = vec!["system:serviceaccounts".to_owned(), "system:serviceaccounts:lab".to_owned()];
    config.tokens.insert("jane".to_owned(), User { name: JANE.to_owned(), uid: "u-1".to_owned(), groups });
    let mut sim = Simulation::new(config);
    bind(&mut sim, rules);
    sim
}

fn bind(sim: &mut Simulation, rules: Vec<Rule>) {
    let bindings = rules.into_iter().map(|rule| AccessRule { subject: JANE.to_owned(), rule });
    sim.cluster.bind(bindings.collect());
}

/// What the namespaces `lab` and `vms` have to say to a token, and what was sent for it.
fn review(sim: &mut Simulation, token: &str) -> (Result<Option<Caller>, CommandError>, Vec<String>) {
    let review = CallerReview {
        id: CommandId(1),
        reviewee: Reviewee::Token(BearerToken::new(token).expect("a token")),
        namespaces: vec!["lab".into(), "vms".into()],
        deadline: Instant::new(sim.now) + Duration::from_secs(10),
    };
    let deadline = review.deadline;
    let mut operation = Operation::review(review, 7);
    let mut sent = Vec::new();
    for _ in 0..1_000 {
        let now = Instant::new(sim.now);
        match operation.poll(now) {
            OperationStep::Send { request, .. } => {
                let body: Value = serde_json::from_slice(request.body()).expect("JSON");
                sent.push(format!("{} {} {}", request.method(), request.uri().path(), body["spec"]));
                let answer = sim.try_send(request).ok_or_else(|| TransportError::Broken("reset".to_owned()));
                operation.handle_response(Instant::new(sim.now), answer);
            }
            OperationStep::Ask(question) => panic!("{question:?}"),
            OperationStep::WaitUntil(time) => {
                assert!(time <= deadline, "nothing is waited for after the deadline");
                sim.advance(time.saturating_since(now));
            }
            OperationStep::Done(result) => {
                let caller = result.map(|completion| match completion.observations.as_slice() {
                    [Observation::Caller(caller)] => caller.as_deref().cloned(),
                    other => panic!("{other:?}"),
                });
                return (caller, sent);
            }
        }
    }
    panic!("the review does not end");
}

fn permissions(sim: &mut Simulation) -> Vec<(String, Permission)> {
    let (caller, _) = review(sim, "jane");
    let caller = caller.expect("an answer").expect("jane is known");
    assert_eq!(&*caller.name, JANE);
    caller.permissions.into_iter().map(|(namespace, permission)| (namespace.to_string(), permission)).collect()
}

fn see() -> Rule {
    Rule::new("get", "kubevirt.io", "virtualmachines")
}

fn operate() -> Vec<Rule> {
    let verb = |verb: &str| Rule::new("update", "subresources.kubevirt.io", &format!("virtualmachines/{verb}"));
    vec![see(), Rule::new("patch", "kubevirt.io", "virtualmachines"), verb("start"), verb("stop"), verb("restart")]
}

fn import() -> Rule {
    Rule::new("create", "cdi.kubevirt.io", "datavolumes")
}

#[test]
fn requests_are_those_of_the_api() {
    let rules = operate().into_iter().chain([import()]).map(|rule| rule.in_namespace("lab"));
    let (caller, sent) = review(&mut cluster(rules.collect()), "jane");
    let caller = caller.expect("an answer").expect("jane is known");
    insta::assert_snapshot!(format!("{}\n\n{caller:#?}", sent.join("\n")));
}

#[test]
fn each_permission_takes_all_of_its_rights() {
    let lab = |permission| vec![("lab".to_owned(), permission)];
    let mut sim = cluster(vec![]);
    assert_eq!(permissions(&mut sim), []);
    bind(&mut sim, vec![see().in_namespace("lab")]);
    assert_eq!(permissions(&mut sim), lab(Permission::See));
    bind(&mut sim, vec![see().in_namespace("lab"), import()]);
    assert_eq!(permissions(&mut sim), lab(Permission::See), "images for machines that cannot be changed");
    for missing in 1..operate().len() {
        let mut rules = operate();
        rules.remove(missing);
        bind(&mut sim, rules.into_iter().chain([import()]).map(|rule| rule.in_namespace("lab")).collect());
        assert_eq!(permissions(&mut sim), lab(Permission::See), "without {:?}", operate()[missing]);
    }
    bind(&mut sim, operate());
    let everywhere = |permission| ["lab", "vms"].map(|namespace| (namespace.to_owned(), permission)).to_vec();
    assert_eq!(permissions(&mut sim), everywhere(Permission::Operate));
    bind(&mut sim, vec![Rule::new("*", "*", "*")]);
    assert_eq!(permissions(&mut sim), everywhere(Permission::Import));
    bind(&mut sim, vec![Rule::new("*", "*", "*").named("node-0")]);
    assert_eq!(permissions(&mut sim), [], "a right to one machine is none to all");
}

#[test]
fn rights_of_a_group_are_everyones_in_it() {
    let mut sim = cluster(vec![]);
    let rule = see().in_namespace("vms");
    sim.cluster.bind(vec![AccessRule { subject: "system:serviceaccounts:lab".to_owned(), rule }]);
    assert_eq!(permissions(&mut sim), [("vms".to_owned(), Permission::See)]);
}

#[test]
fn an_unknown_token_is_nobodys_and_no_more_is_asked() {
    let (caller, sent) = review(&mut cluster(vec![]), "joe");
    assert_eq!((caller, sent.len()), (Ok(None), 1));
}

#[test]
fn a_server_that_stumbles_is_asked_again_and_one_that_is_gone_is_not_taken_for_an_answer() {
    let mut sim = cluster(vec![see()]);
    for effect in [FaultEffect::unavailable(), FaultEffect::too_many_requests(1), FaultEffect::rejected_internally()] {
        sim.cluster.inject(Fault::new(effect).path("reviews").times(1));
    }
    assert_eq!(permissions(&mut sim).len(), 2);
    sim.cluster.inject(Fault::new(FaultEffect::unavailable()).path("subjectaccessreviews"));
    let (caller, _) = review(&mut sim, "jane");
    assert!(matches!(caller, Err(CommandError::Unavailable { .. })), "{caller:?}");
}

/// `evaluationError`: an authorizer did not get to say what it knows.
#[test]
fn rights_that_could_not_be_evaluated_are_not_denied() {
    let mut sim = cluster(vec![]);
    sim.cluster.fail_evaluation(Some("webhook: connection refused"));
    let (caller, _) = review(&mut sim, "jane");
    assert!(matches!(caller, Err(CommandError::Unavailable { .. })), "{caller:?}");
    bind(&mut sim, vec![Rule::new("*", "*", "*")]);
    assert_eq!(permissions(&mut sim).len(), 2, "what another one allows is allowed");
}

#[test]
fn a_service_that_may_not_ask_says_so() {
    let mut sim = cluster(vec![]);
    sim.cluster.forbid(vec![Rule::new("create", "authentication.k8s.io", "tokenreviews")]);
    let (caller, _) = review(&mut sim, "jane");
    assert!(matches!(&caller, Err(CommandError::Forbidden(message)) if message.contains("tokenreviews")), "{caller:?}");
}

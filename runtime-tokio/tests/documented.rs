//! What the documentation of the service's two predecessors has its readers do, done with the configurations that it has
//! them write: over sockets, to simulated clusters.
//!
//! The examples are in `documented/*.http`. Each is a request, the body if there is one, and what has to come back: a
//! status and, for a body, what it has to contain. A read is repeated until it comes back so.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base64::Engine as _;
use http::{Method, StatusCode};
use kubevirt_redfish_fixtures::cluster::{AccessRule, Cluster, KubevirtVersion, Rule, User};
use kubevirt_redfish_fixtures::sample;
use serde_json::{Value, json};
use support::api::{self, Api, TOKEN};
use support::client::Answer;
use support::{Client, Service, eventually};

const VERSIONS: [KubevirtVersion; 3] = [KubevirtVersion::V1_6, KubevirtVersion::V1_8, KubevirtVersion::V1_9];

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_chart() {
    for version in VERSIONS {
        let mut cluster = Cluster::new(api::cluster(version));
        for (namespace, name) in [("namespace-0", "node-0"), ("namespace-0", "node-1"), ("namespace-1", "node-0")] {
            cluster.add_virtual_machines([sample::small(namespace, name, "Halted")]);
        }
        let api = Api::start(&format!("chart-{version:?}"), cluster).await;
        let service = api.serve(include_str!("config/accepted/seed-helm.yaml"));
        play(&service, "changeme", include_str!("documented/chart.http")).await;
    }
}

/// The rights that the documentation gives are all that the service has: they do not suffice for the verbs of machines.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_platform() {
    for version in VERSIONS {
        let mut config = api::cluster(version);
        let account = "system:serviceaccount:kubevirt-redfish:documented";
        let groups = vec!["system:authenticated".to_owned()];
        config.tokens.insert(TOKEN.to_owned(), User { name: account.to_owned(), uid: String::new(), groups });
        let mut cluster = Cluster::new(config);
        cluster.bind(platform_role(account));
        let exposed = sample::small("vms", "node-0", "Halted");
        let mut hidden = sample::small("vms", "node-1", "Halted");
        hidden["metadata"]["labels"] = json!({});
        cluster.add_virtual_machines([exposed, hidden]);
        let api = Api::start(&format!("platform-{version:?}"), cluster).await;
        let service = api.serve(include_str!("config/accepted/seed-okd.yaml"));
        play(&service, "correct horse battery staple", include_str!("documented/platform.http")).await;

        let machine = api.object("virtualmachines", "vms", "node-0").await.unwrap();
        let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
        assert_eq!(volumes.len(), 1, "the image is gone from the machine: {machine}");
        // Off as soon as its guest has ended; then the instance goes.
        eventually(async || api.object("virtualmachineinstances", "vms", "node-0").await, Option::is_none).await;
    }
}

/// The `ClusterRole` of the platform's documentation.
fn platform_role(account: &str) -> Vec<AccessRule> {
    let role: [(&str, &str, &str); 9] = [
        ("kubevirt.io", "virtualmachines virtualmachineinstances", "get list watch update patch"),
        ("kubevirt.io", "virtualmachines/status virtualmachineinstances/status", "get list watch patch"),
        ("kubevirt.io", "virtualmachines/restart virtualmachines/start virtualmachines/stop", "create"),
        ("subresources.kubevirt.io", "virtualmachineinstances/pause virtualmachineinstances/unpause", "create update"),
        ("", "pods services configmaps secrets", "get list watch create update delete"),
        ("", "namespaces", "get list"),
        ("cdi.kubevirt.io", "datavolumes volumeimportsources", "get list watch create update patch delete"),
        ("", "persistentvolumeclaims", "get list create update patch delete watch"),
        ("storage.k8s.io", "storageclasses", "get list"),
    ];
    let mut rules = Vec::new();
    for (group, resources, verbs) in role {
        for resource in resources.split(' ') {
            let rule = |verb| AccessRule { subject: account.to_owned(), rule: Rule::new(verb, group, resource) };
            rules.extend(verbs.split(' ').map(rule));
        }
    }
    rules
}

/// Does what is written, one step after the other.
async fn play(service: &Service, password: &str, examples: &str) {
    let mut client = service.client().await.anonymous();
    for example in examples.split("\n\n") {
        let mut lines = example.lines().filter(|line| !line.starts_with('#'));
        let request = lines.next().unwrap().strip_prefix("> ").unwrap();
        let (request, user) = request.split_once(" as ").unwrap_or((request, ""));
        let (method, path) = request.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let (body, expected): (Vec<_>, Vec<_>) = lines.partition(|line| !line.starts_with("< "));
        let body = body.concat();
        let (status, says) = expected[0].trim_start_matches("< ").split_at(3);
        let status: StatusCode = status.parse().unwrap();
        let says: Value = if says.is_empty() { Value::Null } else { serde_json::from_str(says).unwrap() };
        let holds = |answer: &Answer| answer.status == status && (says.is_null() || contains(&answer.json(), &says));
        let answer = if method == Method::GET {
            eventually(async || ask(&mut client, &method, path, (user, password), "").await, holds).await
        } else {
            ask(&mut client, &method, path, (user, password), &body).await
        };
        assert!(holds(&answer), "{example}: {answer:?}");
        if !status.is_success() {
            assert!(
                answer.json()["error"]["@Message.ExtendedInfo"][0]["MessageId"].is_string(),
                "{example}: {answer:?}"
            );
        }
    }
}

async fn ask(client: &mut Client, method: &Method, path: &str, (user, password): (&str, &str), body: &str) -> Answer {
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let credentials = format!("Basic {credentials}");
    let mut headers = Vec::new();
    if !user.is_empty() {
        headers.push(("authorization", credentials.as_str()));
    }
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    client.send(method.clone(), path, &headers, body).await
}

/// Whether everything that is expected is in what was found. Lists are as long as expected.
fn contains(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| contains(found, value)))
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, value)| contains(found, value))
        }
        _ => found == expected,
    }
}

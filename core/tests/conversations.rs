//! Conversations with a whole service: every file below `fixtures/exchanges/cluster` is played against the service in
//! front of the simulated cluster, and what is kept beside this test is what clients send, what the service then asks of
//! the cluster, what that answers, and what clients get. It is to be read by a human eye before it is accepted.
//!
//! A file is a sequence of steps, each begun by a line with `>`; lines after it belong to it:
//!
//! ```text
//! > cluster 1.9                     everything begins anew: one machine, `node-0`, which is off, and one service
//! > cluster 1.9 with interrupt      … whose cluster has a verb for interrupts that cannot be masked
//! > owner                           the owner of the machine changes its definition: a merge patch follows
//! > verb virtualmachines start      the owner uses a verb of the cluster
//! > guest reboots                   … or shuts-down, crashes, ignores-the-power-button
//! > forbid update subresources.kubevirt.io *    the service has no such right
//! > service restarts
//! > wait 10                         seconds pass
//! > until /PowerState On            … until the system shows this
//! > show /spec/runStrategy          this part of the machine's definition
//! > show-run /spec/domain           this part of its run
//! > count datavolumes               how many there are
//! > object persistentvolumeclaims   the owner creates this object
//! > POST /redfish/v1/…              a request of the administrator; a body may follow
//! > in every state                  the next request is made in each state of a machine of each strategy
//! ```
//!
//! Of what is sent to the cluster only what changes something is told. Versions of objects and identifiers that are drawn
//! are replaced by names.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::{Call, World};
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";

#[test]
fn conversations_with_the_cluster_go_as_recorded() {
    insta::glob!("../../fixtures/exchanges/cluster", "**/*.http", |path| {
        let script = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(play(&script));
    });
}

fn play(script: &str) -> String {
    let mut stage = Stage { world: begin(&["1.9"]), names: BTreeMap::new(), matrix: false };
    let mut story = String::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(story, "{line}").unwrap();
        let Some(step) = line.strip_prefix("> ") else {
            assert!(line.is_empty() || line.starts_with('#'), "not a step: {line}");
            continue;
        };
        let mut body = String::new();
        while let Some(line) = lines.next_if(|line| !line.is_empty() && !line.starts_with(['>', '#'])) {
            writeln!(story, "{line}").unwrap();
            body.push_str(line);
        }
        let body = if body.is_empty() { None } else { Some(serde_json::from_str(&body).unwrap()) };
        stage.step(step, body.as_ref(), &mut story);
    }
    story
}

fn begin(words: &[&str]) -> World {
    let version = match words.first() {
        Some(&"1.6") => KubevirtVersion::V1_6,
        Some(&"1.8") => KubevirtVersion::V1_8,
        Some(&"1.9") => KubevirtVersion::V1_9,
        other => panic!("{other:?}"),
    };
    let config = ClusterConfig { interrupt: words.contains(&"interrupt"), ..ClusterConfig::new(version) };
    let mut world = laboratory::world(config, laboratory::config(), Settings::default(), &[0]);
    laboratory::start(&mut world);
    world.take_calls();
    world
}

struct Stage {
    world: World,
    /// What is drawn, and what it is called here.
    names: BTreeMap<String, String>,
    matrix: bool,
}

impl Stage {
    fn step(&mut self, step: &str, body: Option<&Value>, story: &mut String) {
        let words: Vec<&str> = step.split(' ').collect();
        match words.as_slice() {
            ["cluster", words @ ..] => {
                self.world = begin(words);
                self.names.clear();
            }
            ["owner"] => self.owner(body.expect("a patch")),
            ["object", resource] => {
                let object = body.expect("an object").clone();
                let now = self.world.now();
                self.world.cluster.apply(now, object).unwrap_or_else(|refusal| panic!("{resource}: {refusal:?}"));
                self.world.advance(Duration::from_secs(2));
            }
            ["verb", kind, verb] => self.verb(kind, verb),
            ["guest", does] => {
                match *does {
                    "reboots" => assert!(self.world.cluster.guest_reboot("lab", "node-0")),
                    "shuts-down" => assert!(self.world.cluster.guest_shutdown("lab", "node-0")),
                    "crashes" => assert!(self.world.cluster.guest_crash("lab", "node-0")),
                    "ignores-the-power-button" => self.world.cluster.guest_ignores_acpi("lab", "node-0", true),
                    other => panic!("{other}"),
                }
                self.world.advance(Duration::from_secs(10));
            }
            ["forbid", verb, group, resource] => self.world.cluster.forbid(vec![Rule::new(verb, group, resource)]),
            ["service", "restarts"] => {
                self.world.restart(0);
                laboratory::ready(&mut self.world, 0);
            }
            ["wait", seconds] => self.world.advance(Duration::from_secs(seconds.parse().unwrap())),
            ["until", pointer, value] => {
                let shows = |stage: &mut Self| stage.read(NODE).pointer(pointer).is_some_and(|found| found == *value);
                let shown = (0..3000).any(|_| {
                    let shown = shows(self);
                    if !shown {
                        self.world.advance(Duration::from_millis(200));
                    }
                    shown
                });
                assert!(shown, "{pointer} never becomes {value}");
            }
            ["show", pointer] => self.show("virtualmachines", pointer, story),
            ["show-run", pointer] => self.show("virtualmachineinstances", pointer, story),
            ["count", resource] => writeln!(story, "   {}", self.world.cluster.count(resource)).unwrap(),
            ["in", "every", "state"] => {
                self.matrix = true;
                return;
            }
            [_, _] if std::mem::take(&mut self.matrix) => return self.in_every_state(step, body, story),
            [method, path] => {
                let method: Method = method.parse().unwrap();
                let response = self.world.send(0, laboratory::request(method.clone(), path, body)).expect("an answer");
                let answer = self.answer(&response, &method);
                self.tell(story);
                story.push_str(&answer);
                return;
            }
            other => panic!("{other:?}"),
        }
        self.tell(story);
    }

    /// Makes a request in each state of a machine of each strategy, and says in a line what came of it.
    fn in_every_state(&mut self, step: &str, body: Option<&Value>, story: &mut String) {
        let (method, path) = step.split_once(' ').unwrap();
        for strategy in STRATEGIES {
            for state in STATES {
                self.world = begin(&["1.9", "interrupt"]);
                self.names.clear();
                if !self.prepare(strategy, state) {
                    continue;
                }
                let run = self.object("virtualmachineinstances")["metadata"]["uid"].clone();
                self.world.take_calls();
                let request = laboratory::request(method.parse().unwrap(), path, body);
                let response = self.world.send(0, request).expect("an answer");
                let power = self.read(NODE)["PowerState"].clone();
                self.world.advance(Duration::from_mins(1));
                let calls: Vec<String> = self.calls();
                let after = self.object("virtualmachineinstances")["metadata"]["uid"].clone();
                let same = match (run.is_null(), after.is_null()) {
                    (_, true) => "no run",
                    (false, false) if run == after => "same run",
                    _ => "new run",
                };
                let later = self.read(NODE)["PowerState"].clone();
                let spec = &self.object("virtualmachines")["spec"];
                let strategy_after =
                    spec["runStrategy"].as_str().map_or_else(|| format!("running={}", spec["running"]), Into::into);
                writeln!(
                    story,
                    "   {strategy:14} {state:10} {}  {:11} later {:11} {same:8} {strategy_after:15} {}",
                    response.status().as_u16(),
                    power.as_str().unwrap_or("-"),
                    later.as_str().unwrap_or("-"),
                    calls.join("; "),
                )
                .unwrap();
            }
        }
    }

    /// Brings the machine into a state; false if a machine of the strategy does not get there.
    fn prepare(&mut self, strategy: &str, state: &str) -> bool {
        self.owner(&match strategy {
            "running" => json!({ "spec": { "runStrategy": null, "running": false } }),
            strategy => json!({ "spec": { "runStrategy": strategy } }),
        });
        self.world.advance(Duration::from_secs(10));
        let phase = |stage: &Self| stage.object("virtualmachineinstances")["status"]["phase"].clone();
        let runs = phase(self) == "Running";
        if matches!(state, "off" | "starting") {
            if runs {
                self.verb("virtualmachines", "stop");
                self.world.advance(Duration::from_secs(5));
            }
        } else if !runs {
            self.verb("virtualmachines", "start");
            self.world.advance(Duration::from_secs(10));
        }
        match state {
            "starting" => {
                self.verb("virtualmachines", "start");
                self.world.advance(Duration::from_millis(300));
                return phase(self) == "Scheduling";
            }
            "paused" => {
                self.verb("virtualmachineinstances", "pause");
                self.world.advance(Duration::from_secs(1));
            }
            "stopping" => {
                self.verb("virtualmachines", "stop");
                self.world.advance(Duration::from_millis(200));
            }
            "restarting" => {
                if matches!(strategy, "Once") {
                    return false;
                }
                self.verb("virtualmachines", "restart");
                self.world.advance(Duration::from_millis(200));
            }
            "ended" => {
                self.world.cluster.guest_shutdown("lab", "node-0");
                self.world.advance(Duration::from_millis(2500));
            }
            _ => {}
        }
        true
    }

    fn owner(&mut self, patch: &Value) {
        let request = Request::patch("/apis/kubevirt.io/v1/namespaces/lab/virtualmachines/node-0")
            .header("content-type", "application/merge-patch+json")
            .body(Bytes::from(patch.to_string()))
            .unwrap();
        let now = self.world.now();
        self.world.cluster.handle_request(now, request);
        self.world.advance(Duration::from_millis(100));
    }

    fn verb(&mut self, kind: &str, verb: &str) {
        let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/lab/{kind}/node-0/{verb}");
        let now = self.world.now();
        self.world.cluster.handle_request(now, Request::put(path).body(Bytes::new()).unwrap());
        self.world.advance(Duration::ZERO);
    }

    fn object(&self, resource: &str) -> Value {
        self.world.cluster.object(resource, "lab", "node-0").unwrap_or_default()
    }

    fn read(&mut self, path: &str) -> Value {
        let response = self.world.send(0, laboratory::request(Method::GET, path, None)).expect("an answer");
        serde_json::from_slice(response.body()).unwrap()
    }

    fn show(&mut self, resource: &str, pointer: &str, story: &mut String) {
        let part = self.object(resource).pointer(pointer).cloned().unwrap_or_default();
        let part = self.name_what_is_drawn(&part.to_string());
        writeln!(story, "   {part}").unwrap();
    }

    /// What has been sent to the cluster meanwhile.
    fn tell(&mut self, story: &mut String) {
        for call in self.calls() {
            writeln!(story, "   {call}").unwrap();
        }
    }

    fn calls(&mut self) -> Vec<String> {
        let calls = self.world.take_calls();
        let writes = calls.iter().filter(|call| call.request.method() != Method::GET);
        writes.map(|call| self.call(call)).collect()
    }

    fn call(&mut self, Call { request, answer }: &Call) -> String {
        let path = request.uri().path();
        let path = path.rsplit("/namespaces/lab/").next().unwrap();
        let mut body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if let Some(metadata) = body.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        let body = if request.body().is_empty() { String::new() } else { self.name_what_is_drawn(&body.to_string()) };
        let answer = match answer {
            Some(answer) if answer.status().is_success() => answer.status().as_str().to_owned(),
            Some(answer) => {
                let status: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                format!("{} {}", answer.status().as_str(), status["message"].as_str().unwrap_or_default())
            }
            None => "no answer".to_owned(),
        };
        format!("{} {path} {body} => {}", request.method(), self.name_what_is_drawn(&answer))
    }

    fn answer(&mut self, response: &Response<Bytes>, method: &Method) -> String {
        let mut text = format!("<< {}\n", response.status());
        for name in ["location", "retry-after"] {
            if let Some(value) = response.headers().get(name) {
                writeln!(text, "<< {name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
        if let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) {
            if let Some(messages) = body.pointer("/error/@Message.ExtendedInfo") {
                for message in messages.as_array().into_iter().flatten() {
                    let text_of = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                    writeln!(text, "{}: {}", text_of("MessageId"), text_of("Message")).unwrap();
                }
            } else {
                if *method == Method::PATCH {
                    body.as_object_mut().unwrap().retain(|name, _| WRITTEN.contains(&name.as_str()));
                }
                without_annotations(&mut body);
                writeln!(text, "{body}").unwrap();
            }
        }
        self.name_what_is_drawn(&text)
    }

    /// Puts names in the place of identifiers and versions.
    fn name_what_is_drawn(&mut self, text: &str) -> String {
        let text = with_short_notes(text);
        let mut named = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.char_indices().map(|(at, _)| at).find(|at| is_uuid(&rest[*at..])) {
            let (before, drawn) = rest.split_at(at);
            let (drawn, after) = drawn.split_at(UUID);
            let number = self.names.len() + 1;
            let name = self.names.entry(drawn.to_owned()).or_insert_with(|| format!("<uid-{number}>"));
            named.push_str(before);
            named.push_str(name);
            rest = after;
        }
        named.push_str(rest);
        named
    }
}

/// Of a note about requests for power only what they want: `On, start`.
fn with_short_notes(text: &str) -> String {
    const NOTE: &str = r#""redfish.kubevirt.io/power-requests":"#;
    let mut short = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(NOTE) {
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<String>();
        let note: Value = serde_json::from_str(&values.next().unwrap().unwrap()).unwrap();
        let goal = note.pointer("/last/goal").and_then(Value::as_str);
        let verbs =
            note["unanswered"].as_object().into_iter().flat_map(|verbs| verbs.values()).filter_map(Value::as_str);
        let wanted: Vec<&str> = goal.into_iter().chain(verbs).collect();
        write!(short, r#"{before}"power-requests":"{}""#, wanted.join(", ")).unwrap();
        rest = &after[values.byte_offset()..];
    }
    short + rest
}

const STRATEGIES: [&str; 6] = ["Always", "RerunOnFailure", "Manual", "Once", "Halted", "running"];
const STATES: [&str; 7] = ["off", "starting", "running", "paused", "stopping", "restarting", "ended"];

/// What is shown of a resource that was written.
const WRITTEN: [&str; 6] =
    ["PowerState", "Boot", "Status", "VerifyCertificate", "SecureBootEnable", "SecureBootCurrentBoot"];

const UUID: usize = 36;

fn is_uuid(text: &str) -> bool {
    let Some(text) = text.get(..UUID) else { return false };
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
    })
}

/// Leaves only what is said of the resource itself.
fn without_annotations(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !name.contains('@') && name != "Actions" && name != "Links");
            members.values_mut().for_each(without_annotations);
        }
        Value::Array(items) => items.iter_mut().for_each(without_annotations),
        _ => {}
    }
}

//! Recorded conversations: every file below `fixtures/exchanges` is played against a service without a cluster, and
//! what comes of it is kept beside this test, to be read by a human eye before it is accepted.
//!
//! A file is a sequence of steps, each begun by a line with `>`:
//!
//! ```text
//! > PATCH /redfish/v1/Systems/lab.node-0 as admin     a request; headers, an empty line and a body may follow
//! > done                                              the oldest command has been carried out
//! > boot lab.node-0 Cd Once                           … and the machine's definition shows this override
//! > media lab.node-0 http://images.example/a.iso      … and the machine has this in its drive (`-` for nothing)
//! > fails conflict it is being removed                the oldest command has failed
//! > run lab.node-0 uid running                        a run shows: starting, running, paused, stopping, ended, gone
//! > wait 10                                           seconds pass
//! > client 10.0.0.9                                   requests come from there from now on
//! ```
//!
//! `as eve with Password1` gives another password than `secret`. In a request `{token}`, `{location}` and `{etag}` stand
//! for what the last response that had one gave; `{token-1}` is the first token, `{location-2}` the second location.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::model::{
    BootEnabled, BootOverride, BootTarget, CommandError, Completion, ImportId, Medium, Observation, Phase, Slot, Uid,
};
use kubevirt_redfish_fixtures::desk::Desk;

#[test]
fn conversations_go_as_recorded() {
    insta::glob!("../../fixtures/exchanges", "**/*.http", |path| {
        let script = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(play(&script));
    });
}

fn play(script: &str) -> String {
    let mut desk = Desk::new();
    let mut story = String::new();
    let mut given = Given::default();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(step) = line.strip_prefix("> ") else {
            assert!(line.is_empty() || line.starts_with('#'), "not a step: {line}");
            writeln!(story, "{line}").unwrap();
            continue;
        };
        writeln!(story, "{line}").unwrap();
        let mut block = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("> ") && !line.starts_with('#')) {
            block.push(line);
        }
        let words: Vec<&str> = step.split(' ').collect();
        let responses = match words.as_slice() {
            ["done"] => desk.complete(Ok(Completion::default())),
            ["boot", id, target, enabled] => {
                let observation = desk.redefinition(id, |machine| machine.boot = boot(target, enabled));
                desk.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["media", id, image] => {
                let medium = (*image != "-").then(|| medium(image));
                let observation = desk.redefinition(id, |machine| machine.media = medium.into_iter().collect());
                desk.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["fails", kind, reason @ ..] => desk.complete(Err(failure(kind, &reason.join(" ")))),
            ["run", id, "gone"] => {
                desk.run_gone(id);
                Vec::new()
            }
            ["run", id, uid, state] => {
                let (phase, stopping, paused) = match *state {
                    "starting" => (Phase::Starting, false, false),
                    "running" => (Phase::Running, false, false),
                    "paused" => (Phase::Running, false, true),
                    "stopping" => (Phase::Running, true, false),
                    "ended" => (Phase::Ended, false, false),
                    other => panic!("{other}"),
                };
                desk.run(id, uid, phase, stopping, paused);
                Vec::new()
            }
            ["wait", seconds] => desk.advance(Duration::from_secs(seconds.parse().unwrap())),
            ["client", address] => {
                desk.client = address.parse().unwrap();
                Vec::new()
            }
            [method, uri, user @ ..] => {
                for line in &block {
                    writeln!(story, "{line}").unwrap();
                }
                let block: Vec<String> = block.iter().map(|line| given.fill_in(line)).collect();
                let block: Vec<&str> = block.iter().map(String::as_str).collect();
                let user = user.get(1).map(|name| (*name, user.get(3).copied().unwrap_or("secret")));
                desk.request(request(method, &given.fill_in(uri), user, &block)).into_iter().collect()
            }
            other => panic!("{other:?}"),
        };
        for entry in desk.log.drain(..) {
            writeln!(story, ">> {entry}").unwrap();
        }
        for response in responses {
            given.take(&response);
            story.push_str(&print(&response));
        }
        story.push('\n');
    }
    story
}

fn request(method: &str, uri: &str, user: Option<(&str, &str)>, block: &[&str]) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some((user, password)) = user {
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
        request = request.header("Authorization", format!("Basic {credentials}"));
    }
    let mut parts = block.split(|line| line.is_empty());
    for header in parts.next().unwrap_or_default() {
        let (name, value) = header.split_once(": ").unwrap_or_else(|| panic!("not a header: {header}"));
        request = request.header(name, value);
    }
    let body: Vec<&str> = parts.flatten().copied().collect();
    request.body(Bytes::from(body.join("\n"))).unwrap()
}

/// What responses gave that later requests need.
#[derive(Default)]
struct Given(BTreeMap<String, String>);

impl Given {
    fn take(&mut self, response: &Response<Bytes>) {
        for (name, header) in [("token", "x-auth-token"), ("location", "location"), ("etag", "etag")] {
            if let Some(value) = response.headers().get(header) {
                let value = value.to_str().unwrap().to_owned();
                let number = (1..).find(|number| !self.0.contains_key(&format!("{{{name}-{number}}}"))).unwrap();
                self.0.insert(format!("{{{name}-{number}}}"), value.clone());
                self.0.insert(format!("{{{name}}}"), value);
            }
        }
    }

    fn fill_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn print(response: &Response<Bytes>) -> String {
    let mut text = format!("<< {}\n", response.status());
    for (name, value) in response.headers() {
        writeln!(text, "<< {name}: {}", value.to_str().unwrap()).unwrap();
    }
    if response.body().is_empty() {
        return text;
    }
    match serde_json::from_slice::<serde_json::Value>(response.body()) {
        Ok(json) => writeln!(text, "{}", serde_json::to_string_pretty(&json).unwrap()).unwrap(),
        Err(_) => writeln!(text, "{}", String::from_utf8_lossy(response.body())).unwrap(),
    }
    text
}

fn boot(target: &str, enabled: &str) -> BootOverride {
    BootOverride {
        target: match target {
            "None" => BootTarget::None,
            "Pxe" => BootTarget::Pxe,
            "Cd" => BootTarget::Cd,
            "Hdd" => BootTarget::Hdd,
            other => panic!("{other}"),
        },
        enabled: match enabled {
            "Disabled" => BootEnabled::Disabled,
            "Once" => BootEnabled::Once,
            "Continuous" => BootEnabled::Continuous,
            other => panic!("{other}"),
        },
        armed_for: (enabled == "Once").then(|| Uid::new("run-1")),
    }
}

fn medium(image: &str) -> Medium {
    Medium {
        slot: Slot::Cd,
        image: image.into(),
        drive: "cd".into(),
        import: ImportId { namespace: "lab".into(), name: "node-0-cd".into() },
    }
}

fn failure(kind: &str, reason: &str) -> CommandError {
    match kind {
        "not-found" => CommandError::NotFound,
        "conflict" => CommandError::Conflict(reason.to_owned()),
        "refused" => CommandError::Refused(reason.to_owned()),
        "forbidden" => CommandError::Forbidden(reason.to_owned()),
        "unsupported" => CommandError::Unsupported(reason.to_owned()),
        "unavailable" => {
            CommandError::Unavailable { reason: reason.to_owned(), retry_after: Some(Duration::from_secs(7)) }
        }
        "timed-out" => CommandError::TimedOut,
        other => panic!("{other}"),
    }
}

/// Observations can be written out in tests without a cluster: this is one.
#[test]
fn a_view_is_made_of_observations() {
    let mut desk = Desk::new();
    assert_eq!(desk.view.len(), 4);
    let version = desk.newer();
    desk.observe(Observation::MachineGone("lab.node-0".parse().unwrap(), version));
    assert_eq!(desk.view.len(), 3);
}

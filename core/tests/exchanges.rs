//! Recorded conversations: every file below `fixtures/exchanges` is played against a service without a cluster, and
//! what comes of it is kept beside this test, to be read by a human eye before it is accepted.
//!
//! A file is a sequence of steps, each begun by a line with `>`:
//!
//! ```text
//! > PATCH /redfish/v1/Systems/lab.node-0 as admin     a request; headers, an empty line and a body may follow
//! > done                                              the oldest command has been carried out
//! > boot lab.node-0 Cd Once                           … and the machine's definition shows this override
//! > indicator lab.node-0 Lit                         … and the machine's indicator is set to this
//! > restore lab.node-0 AlwaysOn                      … and this becomes of the machine when its host comes back
//! > order lab.node-0 Nic.lan Drive.root                … and this boot order (nothing for none)
//! > tag lab.node-0 Rack 3                            … and the machine has this asset tag (nothing for none)
//! > media lab.node-0 http://images.example/a.iso      … and the machine has this in its drive (`-` for nothing)
//! > media lab.node-0 Usb http://images.example/a.img  … and the machine has this in that slot
//! > pending-power-on lab.node-0                              … and the machine is going to be turned on later
//! > kept lab.node-0                                  … and it is about to come up
//! > broken lab.node-0                                … and it is not going to be turned on any more
//! > fails conflict it is being removed                the oldest command has failed
//! > run lab.node-0 uid running                        a run shows: starting, running, paused, stopping, ended, gone
//! > delivered 204                                     the server that events were sent to first answers so, or
//! > delivered not-connected                           … cannot be reached
//! > hang-up 1                                         the client of a stream goes away
//! > import lab.node-0 running 42                     the image in its drive is so far: pending, running, succeeded, gone,
//!                                                    or failed with an explanation
//! > interrupts by inject-nmi                        the cluster has this verb for interrupts that cannot be masked, or
//! > interrupts not                                  … none
//! > wait 10                                           seconds pass
//! > trust lab.node-0 Cd 1 2                           … and images of that slot may come from servers known by these
//! > client 10.0.0.9                                   requests come from there from now on
//! > bearer-tokens                                     the service takes bearer tokens from now on, and what was asked
//! > vouches jane lab=operate other=see                … about the first is answered: for whom it stands,
//! > vouches                                           … that it stands for nobody,
//! > unreviewed forbidden no such right                … or not at all
//! ```
//!
//! In a URI `$1` is the id of the first task that was accepted, `$2` of the second, and so on.
//! `as eve with Password1` gives another password than `secret`. In a request `{token}`, `{location}` and `{etag}` stand
//! for what the last response that had one gave; `{token-1}` is the first token, `{location-2}` the second location.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::model::{
    BootDevice, BootEnabled, BootOverride, BootTarget, Caller, CommandError, Completion, Deferral, Image,
    ImageCertificate, ImageTrust, ImportId, ImportState, Indicator, Machine, Medium, Next, Observation, Outlook,
    PendingPowerOn, Permission, Phase, PowerRestore, Slot, Uid, Verb,
};
use kubevirt_redfish_core::service::Input;
use kubevirt_redfish_core::{DeliveryError, StreamId};
use kubevirt_redfish_fixtures::stub::StubCluster;

#[test]
fn conversations_go_as_recorded() {
    insta::glob!("../../fixtures/exchanges", "**/*.http", |path| {
        // Those are played by `conversations.rs`.
        if path.components().any(|part| part.as_os_str() == "cluster") {
            return;
        }
        let script = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(play(&script));
    });
}

fn play(script: &str) -> String {
    let mut stub = StubCluster::new();
    let mut story = String::new();
    let mut tasks: Vec<String> = Vec::new();
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
            ["done"] => stub.complete(Ok(Completion::default())),
            ["boot", id, target, enabled, next @ ..] => {
                let next = next.first().map(|reference| device(reference));
                let boot = BootOverride { next, ..boot(target, enabled) };
                let observation = stub.redefinition(id, |machine| machine.boot = boot);
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["order", id, references @ ..] => {
                let order: Vec<BootDevice> = references.iter().map(|reference| device(reference)).collect();
                let place = |device| (1..).zip(&order).find(|(_, known)| **known == device).map(|(place, _)| place);
                let observation = stub.redefinition(id, |machine| {
                    for drive in &mut machine.drives {
                        drive.boot_order = place(BootDevice::Drive(drive.name.clone()));
                    }
                    for nic in &mut machine.nics {
                        nic.boot_order = place(BootDevice::Nic(nic.name.clone()));
                    }
                });
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["tag", id, words @ ..] => {
                let tag = words.join(" ");
                let tag = (!tag.is_empty()).then(|| tag.into());
                let observation = stub.redefinition(id, |machine| machine.asset_tag = tag);
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["indicator", id, set_to] => {
                let indicator = match *set_to {
                    "Lit" => Indicator::Lit,
                    "Blinking" => Indicator::Blinking,
                    _ => Indicator::Off,
                };
                let observation = stub.redefinition(id, |machine| machine.indicator = indicator);
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["restore", id, choice] => {
                let choice = match *choice {
                    "AlwaysOn" => PowerRestore::AlwaysOn,
                    "LastState" => PowerRestore::LastState,
                    _ => PowerRestore::AlwaysOff,
                };
                let observation = stub.redefinition(id, |machine| machine.power_restore = choice);
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["media", id, image] | ["media", id, "Cd", image] => {
                let observation = stub.redefinition(id, |machine| put(machine, Slot::Cd, image));
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["media", id, "Usb", image] => {
                let observation = stub.redefinition(id, |machine| put(machine, Slot::Usb, image));
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["pending-power-on", id] => {
                let deferral = stub.commands.front().and_then(|command| command.deferral.clone()).unwrap();
                let pending_power_on = PendingPowerOn {
                    name: deferral.name,
                    asked: deferral.asked,
                    until: deferral.until,
                    run: Some(Uid::new("run-1")),
                    superseded: false,
                };
                let observation =
                    stub.redefinition(id, |machine| machine.pending_power_on = Some(Box::new(pending_power_on)));
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["pending-power-on-with-media", id, image] => {
                let deferral = stub.commands.front().and_then(|command| command.deferral.clone()).unwrap();
                assert!(deferral.awaits_media);
                let Deferral { name, asked, until, .. } = deferral;
                let pending_power_on = PendingPowerOn { name, asked, until, run: None, superseded: false };
                let observation = stub.redefinition(id, |machine| {
                    machine.pending_power_on = Some(Box::new(pending_power_on));
                    put(machine, Slot::Cd, image);
                });
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["kept", id] => {
                let observation = stub.redefinition(id, |machine| {
                    machine.pending_power_on = None;
                    machine.outlook = Outlook { absent: Next::Start, ..Outlook::default() };
                });
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["broken", id] => {
                let observation = stub.redefinition(id, |machine| machine.pending_power_on = None);
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["trust", id, slot, numbers @ ..] => {
                let slot = slot.parse().unwrap();
                let certificates = numbers.iter().map(|number| pem(number)).collect();
                let observation = stub.redefinition(id, |machine| {
                    machine.trust = [ImageTrust { slot, verify: None, certificates }].into();
                });
                stub.complete(Ok(Completion { observations: vec![observation] }))
            }
            ["fails", kind, reason @ ..] => stub.complete(Err(failure(kind, &reason.join(" ")))),
            ["run", id, "gone"] => {
                stub.run_gone(id);
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
                stub.run(id, uid, phase, stopping, paused);
                Vec::new()
            }
            ["delivered", answer] => {
                stub.delivered(match *answer {
                    "not-connected" => Err(DeliveryError::NotConnected("nobody listens".to_owned())),
                    status => Ok(status.parse().unwrap()),
                });
                Vec::new()
            }
            ["hang-up", stream] => {
                stub.hang_up(StreamId(stream.parse().unwrap()));
                Vec::new()
            }
            ["import", id, state @ ..] => {
                stub.import(id, import_state(state));
                Vec::new()
            }
            ["interrupts", verb @ ..] => {
                stub.observe(Observation::Interrupt(verb.get(1).and_then(|verb| Verb::new(verb))));
                Vec::new()
            }
            ["wait", seconds] => stub.advance(Duration::from_secs(seconds.parse().unwrap())),
            ["client", address] => {
                stub.client = address.parse().unwrap();
                Vec::new()
            }
            ["bearer-tokens"] => {
                let config = Config { bearer_tokens: true, ..kubevirt_redfish_fixtures::stub::config() };
                stub.handle(Input::Configured(Box::new(config)))
            }
            ["vouches", words @ ..] => stub.vouch(Ok(caller(words))),
            ["unreviewed", kind, reason @ ..] => stub.vouch(Err(failure(kind, &reason.join(" ")))),
            [method, uri, user @ ..] => {
                for line in &block {
                    writeln!(story, "{line}").unwrap();
                }
                let uri = given.fill_in(&name_tasks(uri, &tasks));
                let block: Vec<String> = block.iter().map(|line| given.fill_in(line)).collect();
                let block: Vec<&str> = block.iter().map(String::as_str).collect();
                let user = user.get(1).map(|name| (*name, user.get(3).copied().unwrap_or("secret")));
                stub.request(request(method, &uri, user, &block)).into_iter().collect()
            }
            other => panic!("{other:?}"),
        };
        for entry in stub.log.drain(..) {
            for line in entry.lines() {
                writeln!(story, ">> {line}").unwrap();
            }
        }
        for response in responses {
            given.take(&response);
            story.push_str(&print(&response));
            if response.status() == StatusCode::ACCEPTED && !step.starts_with("GET") && !step.starts_with("HEAD") {
                let location = response.headers()["location"].to_str().unwrap();
                tasks.extend(location.rsplit('/').next().map(str::to_owned));
            }
        }
        story.push('\n');
    }
    story
}

/// Puts the ids of tasks into a URI.
fn name_tasks(uri: &str, tasks: &[String]) -> String {
    let Some((before, number)) = uri.split_once('$') else {
        return uri.to_owned();
    };
    match number.parse::<usize>() {
        Ok(number) => format!("{before}{}", tasks[number - 1]),
        // A query parameter.
        Err(_) => uri.to_owned(),
    }
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
                let number = (1..1_000).find(|number| !self.0.contains_key(&format!("{{{name}-{number}}}"))).unwrap();
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
    for (name, value) in response.headers().iter().filter(|(name, _)| !ON_ALL_RESPONSES.contains(&name.as_str())) {
        writeln!(text, "<< {name}: {}", value.to_str().unwrap()).unwrap();
    }
    if response.body().is_empty() {
        return text;
    }
    let body = if response.headers().get("content-encoding").is_some_and(|coding| coding == "gzip") {
        let mut body = Vec::new();
        flate2::read::GzDecoder::new(&**response.body()).read_to_end(&mut body).unwrap();
        Bytes::from(body)
    } else {
        response.body().clone()
    };
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(json) => writeln!(text, "{}", serde_json::to_string_pretty(&json).unwrap()).unwrap(),
        Err(_) => writeln!(text, "{}", String::from_utf8_lossy(&body)).unwrap(),
    }
    text
}

/// Headers that are the same on all responses, or all of a kind; `headers.rs` sees to them.
const ON_ALL_RESPONSES: [&str; 4] = ["content-security-policy", "referrer-policy", "strict-transport-security", "vary"];

fn boot(target: &str, enabled: &str) -> BootOverride {
    BootOverride {
        target: match target {
            "None" => BootTarget::None,
            "Pxe" => BootTarget::Pxe,
            "Cd" => BootTarget::Cd,
            "Hdd" => BootTarget::Hdd,
            "Usb" => BootTarget::Usb,
            "UefiHttp" => BootTarget::UefiHttp,
            "UefiBootNext" => BootTarget::UefiBootNext,
            other => panic!("{other}"),
        },
        enabled: match enabled {
            "Disabled" => BootEnabled::Disabled,
            "Once" => BootEnabled::Once,
            "Continuous" => BootEnabled::Continuous,
            other => panic!("{other}"),
        },
        armed_for: (enabled == "Once").then(|| Uid::new("run-1")),
        ..BootOverride::default()
    }
}

fn device(reference: &str) -> BootDevice {
    match reference.split_once('.') {
        Some(("Drive", name)) => BootDevice::Drive(name.into()),
        Some(("Nic", name)) => BootDevice::Nic(name.into()),
        _ => panic!("{reference}"),
    }
}

/// The certificate of that number.
fn pem(number: &str) -> ImageCertificate {
    ImageCertificate::parse(&kubevirt_redfish_fixtures::stub::certificate(number.parse().unwrap())).unwrap()
}

/// Puts an image into a slot, or nothing.
fn put(machine: &mut Machine, slot: Slot, image: &str) {
    let drive = match slot {
        Slot::Cd => "cd",
        Slot::Usb => "redfish-usb",
        Slot::Http => "redfish-http",
    };
    let fetched = Image::parse(image, &machine.id).is_ok_and(|image| image.is_fetched());
    let import = fetched.then(|| ImportId::of(&machine.id, &machine.uid, slot, image));
    let medium =
        Medium { slot, image: image.into(), drive: drive.into(), write_protected: true, import, of_others: false };
    let others = std::mem::take(&mut machine.media).into_vec().into_iter().filter(|other| other.slot != slot);
    machine.media = others.chain((image != "-").then_some(medium)).collect();
}

fn import_state(words: &[&str]) -> Option<ImportState> {
    match words {
        ["pending"] => Some(ImportState::Pending),
        ["running"] => Some(ImportState::Running { percent: None }),
        ["running", percent] => Some(ImportState::Running { percent: Some(percent.parse().unwrap()) }),
        ["succeeded"] => Some(ImportState::Succeeded),
        ["failed", message @ ..] => Some(ImportState::Failed { message: message.join(" ").into() }),
        ["gone"] => None,
        other => panic!("{other:?}"),
    }
}

fn caller(words: &[&str]) -> Option<Caller> {
    let (name, permissions) = words.split_first()?;
    let permissions = permissions.iter().map(|granted| match granted.split_once('=') {
        Some((namespace, "see")) => (namespace.into(), Permission::See),
        Some((namespace, "operate")) => (namespace.into(), Permission::Operate),
        Some((namespace, "import")) => (namespace.into(), Permission::Import),
        other => panic!("{other:?}"),
    });
    Some(Caller { name: (*name).into(), groups: Vec::new(), permissions: permissions.collect() })
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
    let mut stub = StubCluster::new();
    assert_eq!(stub.view.len(), 4);
    let version = stub.newer();
    stub.observe(Observation::MachineGone("lab.node-0".parse().unwrap(), version));
    assert_eq!(stub.view.len(), 3);
}

/// A command that was under way when a run ended may report it as it was before.
#[test]
fn a_late_reading_does_not_bring_back_what_is_gone() {
    let mut stub = StubCluster::new();
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    let gone = "lab.node-1".parse().unwrap();
    let late = stub.redefinition("lab.node-1", |_| ());
    let version = stub.newer();
    stub.observe(Observation::MachineGone(gone, version));
    stub.observe(late);
    assert_eq!(stub.view.len(), 3, "the definition is older than its removal");
    let powered_on = |stub: &StubCluster| {
        let body = stub.read("/redfish/v1/Systems/lab.node-0").into_body();
        String::from_utf8_lossy(&body).contains("\"PowerState\":\"On\"")
    };
    assert!(powered_on(&stub));
    let before = stub.newer();
    stub.run_gone("lab.node-0");
    stub.run_at("lab.node-0", "run-1", Phase::Running, before);
    assert!(!powered_on(&stub), "the run is older than its end");
}

//! A service without a cluster: its view is made of observations that a test writes, its commands are completed by
//! hand. Everything is driven as a runtime would drive it, without a socket or a clock.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::config::{
    Account, Chassis, ChassisName, Config, Credential, IdConvention, PasswordHash, Secret,
};
use kubevirt_redfish_core::model::{
    Architecture, Autostart, BootMode, BootOverride, Command, CommandError, CommandId, Completion, Drive, DriveBus,
    DriveKind, Firmware, Instance, Machine, Nic, Observation, Phase, Processors, Uid, Version, VmId,
};
use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
use kubevirt_redfish_core::{Exchange, Input, Output, Peer, Role, Service, Signal, Step, Ticket, View};

/// A service, its newest view, and what it has asked for.
pub struct Lab {
    pub now: Now,
    pub view: Arc<View>,
    /// Commands that have been sent and not completed, in order.
    pub commands: VecDeque<Command>,
    /// Everything that the service did besides publishing and answering, as text.
    pub log: Vec<String>,
    service: Service,
    open: Vec<(Ticket, Exchange)>,
    next_ticket: u64,
    version: u64,
}

impl Lab {
    /// Two namespaces, four machines, five accounts: see [`config`].
    pub fn new() -> Self {
        let mut lab = Self::empty(config());
        for machine in machines() {
            lab.observe(Observation::Machine(Arc::new(machine)));
        }
        lab.handle(Input::Watching(Vec::new()));
        lab
    }

    /// A service that has seen nothing.
    pub fn empty(config: Config) -> Self {
        let now = Now {
            mono: Instant::new(Duration::from_secs(1)),
            unix: UnixTime(1_792_540_800),
        };
        let service = Service::new(config, [7; 32], now);
        let view = service.view();
        Self {
            now,
            view,
            commands: VecDeque::new(),
            log: Vec::new(),
            service,
            open: Vec::new(),
            next_ticket: 1,
            version: 100,
        }
    }

    pub fn observe(&mut self, observation: Observation) {
        self.handle(Input::Observed(observation));
    }

    /// A version newer than all before.
    pub fn newer(&mut self) -> Version {
        self.version += 1;
        Version(self.version)
    }

    /// Shows a run of a machine.
    pub fn run(&mut self, id: &str, uid: &str, phase: Phase, stopping: bool, paused: bool) {
        let version = self.newer();
        self.observe(Observation::Instance(Arc::new(Instance {
            id: id.parse().expect("an id"),
            uid: Uid::new(uid),
            version,
            phase,
            stopping,
            paused,
            started: (phase == Phase::Running).then_some(UnixTime(1_792_540_000)),
            addresses: Box::default(),
            ready_media: Box::default(),
            host: None,
        })));
    }

    /// Shows that a machine's run is gone.
    pub fn run_gone(&mut self, id: &str) {
        let version = self.newer();
        self.observe(Observation::InstanceGone(id.parse().expect("an id"), version));
    }

    /// Shows a change of a machine's definition.
    pub fn redefine(&mut self, id: &str, change: impl FnOnce(&mut Machine)) {
        let observation = self.redefinition(id, change);
        self.observe(observation);
    }

    /// The observation of a change of a machine's definition.
    pub fn redefinition(&mut self, id: &str, change: impl FnOnce(&mut Machine)) -> Observation {
        let mut machine = machines()
            .into_iter()
            .find(|machine| machine.id.as_str() == id)
            .expect("a machine");
        machine.version = self.newer();
        change(&mut machine);
        Observation::Machine(Arc::new(machine))
    }

    /// Sends a request; its response if there is one already.
    pub fn request(&mut self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let (head, body) = request.into_parts();
        let peer = Peer {
            address: [127, 0, 0, 1].into(),
            secure: true,
        };
        let view = Arc::clone(&self.view);
        let (exchange, step) = view.begin(self.now, &peer, Request::from_parts(head, ()));
        self.drive(exchange, step, &body)
    }

    /// Completes the oldest command; the responses that this brings.
    pub fn complete(&mut self, result: Result<Completion, CommandError>) -> Vec<Response<Bytes>> {
        let id = self.commands.pop_front().expect("a command").id;
        self.complete_command(id, result)
    }

    pub fn complete_command(
        &mut self,
        id: CommandId,
        result: Result<Completion, CommandError>,
    ) -> Vec<Response<Bytes>> {
        self.commands.retain(|command| command.id != id);
        self.handle(Input::Completed { id, result })
    }

    /// Lets time pass; the responses that this brings.
    pub fn advance(&mut self, time: Duration) -> Vec<Response<Bytes>> {
        self.now.mono = self.now.mono + time;
        self.now.unix = UnixTime(self.now.unix.0 + i64::try_from(time.as_secs()).expect("a short time"));
        self.service.handle_timeout(self.now);
        self.drain()
    }

    pub fn handle(&mut self, input: Input) -> Vec<Response<Bytes>> {
        self.service.handle_input(self.now, input);
        self.drain()
    }

    fn drive(&mut self, mut exchange: Exchange, mut step: Step, body: &Bytes) -> Option<Response<Bytes>> {
        loop {
            let signal = match step {
                Step::Respond(response) => return Some(response),
                Step::ReadBody { limit } if body.len() > limit => Signal::BodyTooLarge,
                Step::ReadBody { .. } => Signal::Body(body.clone()),
                // In these tests a hash is the password with a mark before it.
                Step::Verify(check) => {
                    self.log.push("verify a hash".to_owned());
                    Signal::Verified(
                        check.hash.as_str().strip_prefix("hash:").map(str::as_bytes) == Some(check.password.expose()),
                    )
                }
                Step::Submit(intent) => {
                    let ticket = Ticket(self.next_ticket);
                    self.next_ticket += 1;
                    self.open.push((ticket, exchange));
                    return self.handle(Input::Submitted { ticket, intent }).pop();
                }
            };
            step = exchange.resume(&self.view, self.now, signal);
        }
    }

    fn drain(&mut self) -> Vec<Response<Bytes>> {
        let mut responses = Vec::new();
        let mut resumed = Vec::new();
        while let Some(output) = self.service.poll_output() {
            match output {
                Output::Publish(view) => self.view = view,
                Output::Command(command) => {
                    self.log.push(format!(
                        "command {:?} {} {:?}",
                        command.id.0, command.vm, command.action
                    ));
                    self.commands.push_back(command);
                }
                Output::Cancel(id) => {
                    self.log.push(format!("cancel {}", id.0));
                    self.commands.retain(|command| command.id != id);
                }
                Output::Outcome { ticket, outcome } => {
                    let index = self
                        .open
                        .iter()
                        .position(|(open, _)| *open == ticket)
                        .expect("an open ticket");
                    resumed.push((self.open.remove(index).1, outcome));
                }
                Output::Stopped => self.log.push("stopped".to_owned()),
            }
        }
        for (mut exchange, outcome) in resumed {
            let step = exchange.resume(&self.view, self.now, Signal::Outcome(outcome));
            // Bodies have been read by the time that something is submitted, unless a password was remembered; tests
            // with hashed passwords send none.
            responses.extend(self.drive(exchange, step, &Bytes::new()));
        }
        responses
    }
}

/// Chassis `lab` and `rack` slice the namespace `lab`, `other` is all of the namespace `other`.
pub fn config() -> Config {
    let chassis = |name: &str, namespace: &str, selector: &[(&str, &str)]| Chassis {
        name: ChassisName::new(name).expect("a name"),
        namespace: namespace.to_owned(),
        selector: selector
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        description: Some(format!("What is in {name}")),
    };
    let account = |user_name: &str, role, chassis: &[&str]| Account {
        user_name: user_name.to_owned(),
        credential: Credential::Plain(Secret::new(b"secret")),
        role,
        chassis: chassis.iter().filter_map(|name| ChassisName::new(name)).collect(),
    };
    let hashed = Credential::Hashed(PasswordHash::new("hash:secret"));
    Config {
        chassis: vec![
            chassis("lab", "lab", &[]),
            chassis("rack", "lab", &[("team", "rack")]),
            chassis("other", "other", &[]),
        ],
        accounts: vec![
            account("admin", Role::Administrator, &["lab", "rack"]),
            account("operator", Role::Operator, &["lab"]),
            account("viewer", Role::ReadOnly, &["rack"]),
            account("tenant", Role::Administrator, &["other"]),
            account("all", Role::Administrator, &["lab", "rack", "other"]),
            Account {
                credential: hashed,
                ..account("hashed", Role::Administrator, &["lab"])
            },
        ],
        id_convention: IdConvention::Enhanced,
        service_uuid: "0b5a1e6e-8a7c-4c0e-9a55-6f2d1c9b7e10".to_owned(),
        ..Config::default()
    }
}

/// `lab.node-0`, `lab.node-1` of team rack, `other.node-0` and `other.db`.
pub fn machines() -> Vec<Machine> {
    let machine = |namespace: &str, name: &str, number: u64| Machine {
        id: VmId::new(namespace, name).expect("an id"),
        uid: Uid::new(&format!("d18819ef-ef03-41ba-95bc-{number:012}")),
        version: Version(number),
        labels: Box::default(),
        description: None,
        created: Some(UnixTime(1_792_000_000)),
        deleting: false,
        autostart: Autostart::No,
        firmware: Firmware {
            uuid: Some(format!("1f4addc7-b0da-48c3-93ac-{number:012}").into()),
            serial: Some(format!("3c5f9420-1564-455a-9d83-{number:012}").into()),
            mode: BootMode::Uefi,
            secure_boot: false,
        },
        processors: Processors {
            architecture: Architecture::X86_64,
            sockets: 2,
            cores: 2,
            threads: 1,
            model: None,
        },
        memory: 4 << 30,
        drives: [
            Drive {
                name: "root".into(),
                kind: DriveKind::Disk,
                bus: DriveBus::Virtio,
                loaded: true,
                boot_order: Some(1),
                serial: None,
            },
            Drive {
                name: "cd".into(),
                kind: DriveKind::CdRom,
                bus: DriveBus::Sata,
                loaded: false,
                boot_order: None,
                serial: None,
            },
        ]
        .into(),
        nics: [Nic {
            name: "default".into(),
            mac: Some("02:00:00:00:00:01".into()),
            boot_order: None,
        }]
        .into(),
        boot: BootOverride::default(),
        media: Box::default(),
        restart_required: false,
        trouble: None,
        size: None,
        asset_tag: None,
    };
    let rack = Machine {
        labels: [("team".into(), "rack".into())].into(),
        description: Some("The second one".into()),
        ..machine("lab", "node-1", 2)
    };
    vec![
        machine("lab", "node-0", 1),
        rack,
        machine("other", "node-0", 3),
        machine("other", "db", 4),
    ]
}

//! A simulated cluster, and the runtime's part: carrying the requests of operations and watches to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use kubevirt_redfish_core::kubevirt::{Operation, OperationStep, Settings, TransportError};
use kubevirt_redfish_core::model::{
    Action, Command, CommandError, CommandId, Completion, Image, Instance, Machine, Observation, Platform,
    PowerRequest, PowerState, Uid, Verb, VmId,
};
use kubevirt_redfish_core::time::{Instant, UnixTime};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion, Simulation};
use kubevirt_redfish_fixtures::world::ask;
use serde_json::Value;

pub(crate) const NAMESPACE: &str = "lab";

/// An image for the machines of the namespace.
pub(crate) fn image_of(text: &str) -> Image {
    Image::parse(text, &VmId::new(NAMESPACE, "vm").expect("a valid name")).expect("an image")
}

/// What comes of a request.
pub(crate) type Answer = Result<Response<Bytes>, TransportError>;

/// What comes of one whose connection breaks.
pub(crate) fn cut() -> TransportError {
    TransportError::Broken("connection reset".to_owned())
}

/// A simulated cluster whose clock the operations share.
pub(crate) struct World {
    pub(crate) sim: Simulation,
    pub(crate) platform: Platform,
    pub(crate) settings: Arc<Settings>,
    /// What was sent, a line for each request.
    pub(crate) sent: Vec<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(ClusterConfig { interrupt: true, ..ClusterConfig::new(KubevirtVersion::V1_9) })
    }

    pub(crate) fn of(config: ClusterConfig) -> Self {
        let platform = Platform {
            version: Some(config.version.as_str().into()),
            live_media: config.declarative_hotplug,
            reboot_ends_run: config.reboot_policy,
            default_nic_is_masked: false,
            interrupt: Verb::new("inject-nmi").filter(|_| config.interrupt),
        };
        Self { sim: Simulation::new(config), platform, settings: Arc::new(Settings::default()), sent: Vec::new() }
    }

    /// Makes a machine and lets its first seconds pass.
    pub(crate) fn create(&mut self, machine: Value) {
        let now = self.sim.now;
        self.sim.cluster.apply(now, machine).expect("the sample is valid");
        self.rest(Duration::from_secs(10));
    }

    pub(crate) fn rest(&mut self, time: Duration) {
        self.sim.advance(time);
    }

    pub(crate) fn object(&self, resource: &str, name: &str) -> Option<Value> {
        self.sim.cluster.object(resource, NAMESPACE, name)
    }

    pub(crate) fn machine(&self, name: &str) -> Value {
        self.object("virtualmachines", name).expect("the machine is there")
    }

    pub(crate) fn strategy(&self, name: &str) -> String {
        let machine = self.machine(name);
        match machine.pointer("/spec/runStrategy").and_then(Value::as_str) {
            Some(strategy) => strategy.to_owned(),
            None => format!("running={}", machine["spec"]["running"]),
        }
    }

    pub(crate) fn annotation(&self, name: &str, key: &str) -> Option<Value> {
        let machine = self.machine(name);
        let text = machine["metadata"]["annotations"][format!("redfish.kubevirt.io/{key}")].as_str()?;
        Some(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
    }

    /// Patches a machine as a user would.
    pub(crate) fn patch(&mut self, name: &str, patch: &Value) {
        let path = format!("/apis/kubevirt.io/v1/namespaces/{NAMESPACE}/virtualmachines/{name}");
        let (code, body) = self.sim.call(Method::PATCH, &path, Some(patch));
        assert_eq!(code, 200, "{body}");
    }

    pub(crate) fn command(&self, name: &str, action: Action, time: Duration) -> Command {
        let uid = self.machine(name)["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        Command {
            id: CommandId(1),
            vm: VmId::new(NAMESPACE, name).expect("a valid name"),
            uid: Uid::new(&uid),
            action,
            only_if: None,
            request: None,
            deadline: Instant::new(self.sim.now) + time,
            deferral: None,
            begun: UnixTime(self.sim.cluster.config().epoch + i64::try_from(self.sim.now.as_secs()).unwrap_or(0)),
            orphaned_before: UnixTime(0),
            replica: 1,
            asked: UnixTime(0),
            known_last: None,
            unanswered: Vec::new(),
        }
    }

    /// Carries out a command within a minute.
    pub(crate) fn run(&mut self, name: &str, action: Action) -> Result<Completion, CommandError> {
        let command = self.command(name, action, Duration::from_mins(1));
        self.carry_out(command)
    }

    pub(crate) fn power(&mut self, name: &str, request: PowerRequest) -> Result<Completion, CommandError> {
        self.run(name, Action::Power(request))
    }

    pub(crate) fn carry_out(&mut self, command: Command) -> Result<Completion, CommandError> {
        self.carry_on(command, usize::MAX).expect("the operation ends")
    }

    /// Carries a command out until it has sent so many requests; then whoever does it ends.
    pub(crate) fn carry_on(&mut self, command: Command, requests: usize) -> Option<Result<Completion, CommandError>> {
        self.carry_through(command, requests, |sim, _, request| sim.try_send(request).ok_or_else(cut))
    }

    /// Carries a command out by a way to the cluster that is told the number of each request, from 0 on.
    pub(crate) fn carry_by(
        &mut self,
        command: Command,
        way: impl FnMut(&mut Simulation, usize, Request<Bytes>) -> Answer,
    ) -> Result<Completion, CommandError> {
        self.carry_through(command, usize::MAX, way).expect("the operation ends")
    }

    fn carry_through(
        &mut self,
        command: Command,
        requests: usize,
        mut way: impl FnMut(&mut Simulation, usize, Request<Bytes>) -> Answer,
    ) -> Option<Result<Completion, CommandError>> {
        let deadline = command.deadline;
        let mut sent = 0;
        let now = Instant::new(self.sim.now);
        let mut operation = Operation::new(command, self.platform.clone(), Arc::clone(&self.settings), 7, now);
        for _ in 0..1000 {
            let now = Instant::new(self.sim.now);
            match operation.poll(now) {
                OperationStep::Send { .. } if sent == requests => return None,
                OperationStep::Send { request, .. } => {
                    self.note(&request);
                    let answer = way(&mut self.sim, sent, request);
                    sent += 1;
                    operation.handle_response(Instant::new(self.sim.now), answer);
                }
                OperationStep::Ask(question) => {
                    let answer = ask(&mut self.sim.cluster, &question.request, &question.policy);
                    if let Some(answer) = answer {
                        operation.handle_image_answer(Instant::new(self.sim.now), answer);
                    }
                }
                OperationStep::WaitUntil(time) => {
                    assert!(time <= deadline, "nothing is waited for after the deadline");
                    self.sim.advance(time.saturating_since(now));
                }
                OperationStep::Done(result) => return Some(result),
            }
        }
        panic!("the operation does not end");
    }

    fn note(&mut self, request: &Request<Bytes>) {
        let body = String::from_utf8_lossy(request.body());
        let path = request.uri().path();
        let short = path.rsplit("/namespaces/lab/").next().unwrap_or(path);
        self.sent.push(format!("{} {short} {body}", request.method()).trim_end().to_owned());
    }

    /// What has been written since this was asked last, without notes about requests for power.
    pub(crate) fn writes(&mut self) -> Vec<String> {
        let is_note =
            |line: &str| line.contains(r#"{"metadata":{"annotations":{"redfish.kubevirt.io/power-requests":"#);
        let sent = std::mem::take(&mut self.sent);
        sent.into_iter().filter(|line| !line.starts_with("GET ") && !is_note(line)).collect()
    }

    pub(crate) fn run_uid(&self, name: &str) -> Option<String> {
        let instance = self.object("virtualmachineinstances", name)?;
        instance["metadata"]["uid"].as_str().map(ToOwned::to_owned)
    }

    /// The phase of the instance, `Paused` if it is, `Off` if there is none.
    pub(crate) fn phase(&self, name: &str) -> String {
        let Some(instance) = self.object("virtualmachineinstances", name) else { return "Off".to_owned() };
        let conditions = instance["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let paused = conditions.iter().any(|condition| condition["type"] == "Paused" && condition["status"] == "True");
        if paused { "Paused".to_owned() } else { instance["status"]["phase"].as_str().unwrap_or_default().to_owned() }
    }
}

/// What a completion says of the machine and its run.
pub(crate) fn seen(completion: &Completion) -> (Option<Arc<Machine>>, Option<Arc<Instance>>) {
    let mut seen = (None, None);
    for observation in &completion.observations {
        match observation {
            Observation::Machine(machine) => seen.0 = Some(Arc::clone(machine)),
            Observation::Instance(instance) => seen.1 = Some(Arc::clone(instance)),
            _ => {}
        }
    }
    seen
}

/// The power that a client reads right after a completion.
pub(crate) fn power_after(completion: &Completion) -> Option<PowerState> {
    let (machine, instance) = seen(completion);
    machine.map(|machine| PowerState::of(&machine, instance.as_deref()))
}

//! What all tasks have in common: read, decide, write, read again, until there is nothing left to do.
//!
//! A task never says "then": it looks at what the cluster shows and names the one next step. So a write that was lost,
//! repeated or overtaken needs no thought of its own, and a task that is begun anew goes on where it was.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{self, Effect, FIRST_REST, LONGEST_REST, Problem};
use super::doubts::Doubts;
use super::image_size::ImageRequest;
use super::json_patch::merged;
use super::power_notes::{AfterNote, PowerNotes};
use super::snapshot::{Lock, Looked, Reading, Snapshot};
use super::{OperationStep, Stage};
use crate::entropy::Entropy;
use crate::model::{
    Command, CommandError, Completion, ObjectName, Observation, Platform, PowerGoal, PowerRequest, Unanswered,
};
use crate::object::{Claim, DataVolume, Element, Metadata, Object, VirtualMachine, VirtualMachineInstance};
use crate::request::{Collection, Place as _, Unwatched, get};
use crate::time::Instant;
use crate::{Settings, TransportError, translate};

/// One kind of command being carried out.
pub(super) trait Task: fmt::Debug + Send + Sync {
    /// The import that a decision about this machine needs to see.
    fn import(&self, machine: &VirtualMachine) -> Option<ObjectName> {
        let _ = machine;
        None
    }

    /// Whether a decision can be made without that import where it may not be read.
    fn import_may_be_hidden(&self) -> bool {
        false
    }

    /// The cluster does not serve imports: decide without ([`Reaction::Replan`]), give up, or ask again, because it may have
    /// been a proxy that said so.
    fn imports_not_served(&self) -> Reaction {
        Reaction::Usual
    }

    /// Whether it decides by settings alone, and not by what the machine does as well.
    fn is_of_settings(&self) -> bool {
        false
    }

    /// The claim that a decision needs to see.
    fn claim(&self) -> Option<ObjectName> {
        None
    }

    /// The next step.
    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision;

    /// A step is being sent.
    fn sending(&mut self, purpose: Purpose) {
        let _ = purpose;
    }

    /// A step was accepted.
    fn accepted(&mut self, now: Instant, purpose: Purpose) {
        let _ = (now, purpose);
    }

    /// A step was not accepted. Busy servers never come here.
    fn rejected(&mut self, purpose: Purpose, problem: &Problem) -> Reaction {
        let _ = (purpose, problem);
        Reaction::Usual
    }

    /// An image's server has answered, or has not in time.
    fn image_answered(&mut self, answer: Result<Response<()>, TransportError>) {
        let _ = answer;
    }

    /// What was to be read has been, or cannot be.
    fn has_read(&mut self, answer: Result<Bytes, Problem>) {
        let _ = answer;
    }

    /// What is asked of the machine's power, as far as that has turned out by now.
    fn power(&self) -> Option<PowerRequest> {
        None
    }

    /// Whether it keeps the notes about requests for power, which are on the machine, up to date.
    fn keeps_power_notes(&self) -> bool {
        false
    }

    /// What the machine is to be in the end, if its power is changed because somebody asked for that.
    fn goal(&self) -> Option<PowerGoal> {
        None
    }

    /// Whether everything that was asked for has been accepted, though it has not been seen yet.
    fn complete(&self) -> bool {
        false
    }
}

/// The next step of a task.
#[derive(Debug)]
pub(super) enum Decision {
    Write(Write),
    /// Ask the server of an image.
    Ask(Box<ImageRequest>),
    /// Read something else of the cluster.
    Read(Box<Request<Bytes>>),
    /// Look again after that.
    Wait(Duration),
    Done,
    Fail(CommandError),
}

/// A request that changes something.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) purpose: Purpose,
    pub(super) request: Box<Request<Bytes>>,
}

impl Write {
    /// Whether it patches the strategy of a machine.
    fn sets_strategy(&self) -> bool {
        let patch = serde_json::from_slice::<Value>(self.request.body());
        patch.is_ok_and(|patch| merged(patch).pointer("/spec/runStrategy").is_some())
    }
}

/// What a write is for; tasks tell their own writes apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// What was asked for, as a patch or the making of an object.
    Main,
    /// What was asked for, as a verb of `subresources.kubevirt.io`.
    Verb,
    /// What has to come before.
    Prepare,
    /// The machine's entry among those that use an import.
    Join,
    /// The user name and password of an import: made before it, removed before it.
    Credentials,
    /// The removal of what an earlier attempt left behind.
    Outdated,
    /// A note of what is still to be done, made or taken away.
    PendingPowerOn,
    /// The certificates that an import waits for.
    Certificates,
    /// What may come after, and may fail.
    Tidy,
    /// A note about requests for the machine's power: see `power_notes`.
    Note,
}

/// What to do about a rejected step.
#[derive(Debug)]
pub(super) enum Reaction {
    /// A conflict or something missing: read again after a while. Anything else: give up.
    Usual,
    /// The task will do otherwise: read again and ask it.
    Replan,
    Fail(CommandError),
}

/// Carries out one task.
#[derive(Debug)]
pub(super) struct Engine {
    platform: Platform,
    settings: Arc<Settings>,
    task: Box<dyn Task>,
    state: State,
    reading: Reading,
    entropy: Entropy,
    /// How often the machine has been read.
    rounds: u32,
    failures: u32,
    /// How often others had changed the machine in between.
    outdated: u32,
    /// What stood in the way last, if nothing has gone well since.
    obstacle: Option<Problem>,
    /// Whether a write has had an effect or may have had one.
    written: Effect,
    doubts: Doubts,
    notes: PowerNotes,
}

/// ```text
///            +--------------------------- decided: wait ---------------------------+
///            |          +---------------- accepted, replan --------------------+   |
///            v          v                                                      |   |
///   Resting --> Ready{Machine} -> Ready{Instance} -> Ready{Import} -- decide --+---+--> Done
///      ^             |                  |                 |                    |          ^
///      +---- busy, conflict ------------+-----------------+------- Ready{Write}+          |
///                                                                                         |
///   every Ready becomes Awaiting when it is sent; whatever is not done at the deadline ---+
/// ```
#[derive(Debug)]
enum State {
    Ready(Call),
    Awaiting(Sent),
    Resting { until: Instant },
    Done(Result<Completion, CommandError>),
}

#[derive(Debug)]
enum Call {
    Machine,
    Instance,
    Import(ObjectName),
    Claim(ObjectName),
    Write(Write),
    Image(Box<ImageRequest>),
    Other(Box<Request<Bytes>>),
}

#[derive(Debug)]
enum Sent {
    Machine,
    Instance,
    Import(ObjectName),
    Claim,
    Write(Purpose),
    Image { until: Instant },
    Other,
}

impl Engine {
    pub(super) fn new(
        task: Box<dyn Task>,
        platform: Platform,
        settings: Arc<Settings>,
        seed: u64,
        command: &Command,
    ) -> Self {
        Self {
            platform,
            settings,
            task,
            state: State::Ready(Call::Machine),
            reading: Reading::default(),
            entropy: Entropy::new(seed),
            rounds: 0,
            failures: 0,
            outdated: 0,
            obstacle: None,
            written: Effect::None,
            doubts: Doubts::new(command.replica, command.unanswered.clone()),
            notes: PowerNotes::new(command),
        }
    }

    pub(super) const fn stage(&self) -> Stage {
        match self.state {
            State::Awaiting(Sent::Write(_)) => Stage::Writing,
            State::Ready(_) | State::Awaiting(_) | State::Resting { .. } => Stage::Between,
            State::Done(_) => Stage::Done,
        }
    }

    /// What has been sent, by this or earlier, of which it is not known what comes of it.
    pub(super) fn unanswered(&self) -> Vec<Unanswered> {
        self.doubts.remaining()
    }

    pub(super) fn poll(&mut self, now: Instant, command: &Command) -> OperationStep {
        if now >= command.deadline && !matches!(self.state, State::Done(_)) {
            self.state = State::Done(self.out_of_time(now));
        }
        match std::mem::replace(&mut self.state, State::Ready(Call::Machine)) {
            State::Done(result) => {
                self.state = State::Done(result.clone());
                OperationStep::Done(result)
            }
            State::Awaiting(Sent::Image { until }) if until <= now => {
                self.state = self.image_answered(now, command, Err(TransportError::TimedOut));
                self.poll(now, command)
            }
            State::Awaiting(Sent::Image { until }) => {
                self.state = State::Awaiting(Sent::Image { until });
                OperationStep::WaitUntil(until.min(command.deadline))
            }
            State::Awaiting(sent) => {
                self.state = State::Awaiting(sent);
                OperationStep::WaitUntil(command.deadline)
            }
            State::Resting { until } if now < until => {
                self.state = State::Resting { until };
                OperationStep::WaitUntil(until.min(command.deadline))
            }
            State::Resting { .. } => self.send(now, Call::Machine, command),
            State::Ready(call) => self.send(now, call, command),
        }
    }

    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        command: &Command,
        response: Result<Response<Bytes>, TransportError>,
    ) {
        let sent = match std::mem::replace(&mut self.state, State::Ready(Call::Machine)) {
            // An answer that nobody waits for, such as one that came after the deadline.
            other
            @ (State::Awaiting(Sent::Image { .. }) | State::Ready(_) | State::Resting { .. } | State::Done(_)) => {
                self.state = other;
                return;
            }
            State::Awaiting(sent) => sent,
        };
        let answer = answer::read(response);
        self.state = match sent {
            Sent::Machine => self.machine_read(now, command, answer),
            Sent::Instance => self.instance_read(now, command, answer),
            Sent::Import(name) => self.import_read(now, command, name, answer),
            Sent::Claim => self.claim_read(now, command, answer),
            Sent::Write(purpose) => self.write_answered(now, command, purpose, answer),
            Sent::Image { until } => State::Awaiting(Sent::Image { until }),
            Sent::Other => {
                self.task.has_read(answer);
                self.look_for_import(now, command)
            }
        };
    }

    pub(super) fn handle_image_answer(
        &mut self,
        now: Instant,
        command: &Command,
        answer: Result<Response<()>, TransportError>,
    ) {
        if let State::Awaiting(Sent::Image { .. }) = self.state {
            self.state = self.image_answered(now, command, answer);
        }
    }

    /// What was read of the cluster before is as good as it was: writes lock what they change.
    fn image_answered(
        &mut self,
        now: Instant,
        command: &Command,
        answer: Result<Response<()>, TransportError>,
    ) -> State {
        self.task.image_answered(answer);
        self.decide(now, command)
    }

    fn send(&mut self, now: Instant, call: Call, command: &Command) -> OperationStep {
        let vm = &command.vm;
        let patient = matches!(call, Call::Write(_));
        let (sent, request) = match call {
            Call::Machine => {
                self.rounds = self.rounds.saturating_add(1);
                (Sent::Machine, get(&Collection::VirtualMachines.of_machine(vm)))
            }
            Call::Instance => (Sent::Instance, get(&Collection::VirtualMachineInstances.of_machine(vm))),
            Call::Import(name) => {
                let request = get(&Collection::DataVolumes.beside(vm).object(&name));
                (Sent::Import(name), request)
            }
            Call::Claim(name) => (Sent::Claim, get(&Unwatched::Claims.beside(vm).object(&name))),
            Call::Write(write) => {
                let note = self.notes.take_sent_as();
                self.doubts.sending(now, &write.request, note);
                self.task.sending(write.purpose);
                (Sent::Write(write.purpose), *write.request)
            }
            Call::Other(request) => (Sent::Other, *request),
            Call::Image(request) => {
                self.state = State::Awaiting(Sent::Image { until: request.until });
                return OperationStep::Ask(*request);
            }
        };
        self.state = State::Awaiting(sent);
        let deadline = if patient { command.deadline } else { command.deadline.min(now + READ) };
        OperationStep::Send { request, deadline }
    }

    fn machine_read(&mut self, now: Instant, command: &Command, answer: Result<Bytes, Problem>) -> State {
        let body = match answer {
            Ok(body) => body,
            Err(Problem::Missing { .. }) => return self.fail(CommandError::NotFound),
            Err(problem) => return self.trouble(now, command, problem),
        };
        let Ok(raw) = serde_json::from_slice::<Value>(&body) else {
            return self.unreadable(now, command);
        };
        let Ok(machine) = Element::<Object<VirtualMachine>>::deserialize(&raw) else {
            return self.unreadable(now, command);
        };
        let machine = machine.0.0;
        match machine.metadata.uid.as_deref() {
            Some(_) if !is_of(&machine.metadata, command) => return self.unreadable(now, command),
            Some(uid) if uid == command.uid.as_str() => {}
            Some(_) => return self.fail(CommandError::NotFound),
            None => return self.unreadable(now, command),
        }
        // Once something has been written the settings are others in any case.
        if let Some(before) = command.only_if.as_ref().filter(|_| self.written == Effect::None)
            && let Some(now) = translate::machine(&machine).filter(|now| !now.has_settings_of(before))
        {
            return self.fail(CommandError::Superseded(vec![Observation::Machine(Arc::new(now))]));
        }
        self.reading.machine_read(raw, machine);
        State::Ready(Call::Instance)
    }

    fn instance_read(&mut self, now: Instant, command: &Command, answer: Result<Bytes, Problem>) -> State {
        let instance = match answer {
            Ok(body) => match serde_json::from_slice::<Element<Object<VirtualMachineInstance>>>(&body) {
                Ok(Element(Object(instance))) if is_of(&instance.metadata, command) => Some(instance),
                Ok(_) | Err(_) => return self.unreadable(now, command),
            },
            Err(Problem::Missing { .. }) => None,
            Err(problem) => return self.trouble(now, command, problem),
        };
        self.doubts.looked(now, &self.reading.machine, instance.as_ref());
        self.reading.instance_read(instance);
        self.look_for_import(now, command)
    }

    fn look_for_import(&mut self, now: Instant, command: &Command) -> State {
        match self.task.import(&self.reading.machine) {
            Some(import) => State::Ready(Call::Import(import)),
            None => self.look_for_claim(now, command),
        }
    }

    fn import_read(
        &mut self,
        now: Instant,
        command: &Command,
        name: ObjectName,
        answer: Result<Bytes, Problem>,
    ) -> State {
        let import = match answer {
            Ok(body) => match serde_json::from_slice::<Element<Object<DataVolume>>>(&body) {
                Ok(Element(Object(import))) if is_named(&import.metadata, command, &name) => Looked::There(import),
                Ok(_) | Err(_) => return self.unreadable(now, command),
            },
            Err(Problem::Missing { .. }) => Looked::Missing,
            Err(Problem::Forbidden(_)) if self.task.import_may_be_hidden() => Looked::Hidden,
            Err(problem @ Problem::NotServed(_)) => match self.task.imports_not_served() {
                Reaction::Usual => return self.trouble(now, command, problem),
                Reaction::Replan => Looked::Hidden,
                Reaction::Fail(error) => return self.fail(error),
            },
            Err(problem) => return self.trouble(now, command, problem),
        };
        self.reading.import_read(&command.vm, name, import);
        self.look_for_claim(now, command)
    }

    fn look_for_claim(&mut self, now: Instant, command: &Command) -> State {
        match self.task.claim() {
            Some(claim) => State::Ready(Call::Claim(claim)),
            None => self.decide(now, command),
        }
    }

    fn claim_read(&mut self, now: Instant, command: &Command, answer: Result<Bytes, Problem>) -> State {
        self.reading.claim = match answer {
            Ok(body) => match serde_json::from_slice::<Element<Object<Claim>>>(&body) {
                Ok(Element(Object(claim))) if claim.metadata.uid.is_some() => Looked::There(claim),
                Ok(_) | Err(_) => return self.unreadable(now, command),
            },
            Err(Problem::Missing { .. }) => Looked::Missing,
            Err(problem) => return self.trouble(now, command, problem),
        };
        self.decide(now, command)
    }

    fn decide(&mut self, now: Instant, command: &Command) -> State {
        let snapshot = Snapshot {
            now,
            command,
            platform: &self.platform,
            settings: &self.settings,
            raw: &self.reading.raw,
            machine: &self.reading.machine,
            instance: self.reading.instance.as_ref().there(),
            import: self.reading.import.as_ref(),
            claim: self.reading.claim.as_ref(),
            // By turns: should the one not be understood, there is still the other.
            lock: match self.outdated % 2 {
                0 => Lock::Version,
                _ => Lock::Parts { state: !self.task.is_of_settings() },
            },
        };
        if self.task.keeps_power_notes()
            && let Some(write) = self.notes.tidy(&snapshot, &self.doubts)
        {
            return State::Ready(Call::Write(write));
        }
        match self.task.decide(&snapshot) {
            Decision::Write(write) => {
                let unknown = self.reading.machine.unknown_strategy().filter(|_| write.sets_strategy());
                if let Some(strategy) = unknown {
                    // What nobody here knows can neither be noted down nor be put back.
                    let reason = format!("its runStrategy {strategy} is none that this service may replace");
                    self.fail(CommandError::Conflict(reason))
                } else {
                    let goal = self.task.goal();
                    State::Ready(Call::Write(self.notes.announce(&snapshot, &self.doubts, write, goal)))
                }
            }
            Decision::Ask(request) => State::Ready(Call::Image(request)),
            Decision::Read(request) => State::Ready(Call::Other(request)),
            Decision::Wait(time) => {
                self.obstacle = None;
                let least = if self.rounds < PROMPT_ROUNDS { Duration::ZERO } else { FIRST_REST };
                State::Resting { until: now + time.max(least) }
            }
            Decision::Done => match self.notes.mark(&snapshot, &self.doubts, self.task.goal()) {
                Some(note) => State::Ready(Call::Write(note)),
                None => self.done(now, command),
            },
            Decision::Fail(error) => self.fail(error),
        }
    }

    /// It is as was asked for. As long as an earlier request may undo that, whoever asked is not told so.
    fn done(&self, now: Instant, command: &Command) -> State {
        match self.opposed_until(now) {
            // Asked again, these do nothing that has been done.
            Some((PowerRequest::On | PowerRequest::ForceOff, over)) => {
                State::Resting { until: over.min(now + LONGEST_REST) }
            }
            Some((_, over)) => State::Done(Err(CommandError::Unsettled { retry_after: over.saturating_since(now) })),
            None => State::Done(Ok(Completion { observations: self.reading.observations(command) })),
        }
    }

    fn opposed_until(&self, now: Instant) -> Option<(PowerRequest, Instant)> {
        let request = self.task.power()?;
        self.doubts.opposed_until(request, now).map(|over| (request, over))
    }

    fn write_answered(
        &mut self,
        now: Instant,
        command: &Command,
        purpose: Purpose,
        answer: Result<Bytes, Problem>,
    ) -> State {
        match &answer {
            Ok(_) | Err(Problem::Busy { effect: Effect::Over, .. }) => self.doubts.answered(true),
            Err(Problem::Busy { effect: Effect::Possible, .. }) => self.doubts.lost(now),
            Err(_) => self.doubts.answered(false),
        }
        if purpose == Purpose::Note {
            return self.note_answered(now, command, answer);
        }
        let Err(problem) = answer else {
            self.written = Effect::Possible;
            self.obstacle = None;
            self.task.accepted(now, purpose);
            return self.again(now);
        };
        if let Problem::Busy { effect: Effect::Possible | Effect::Over, .. } = &problem {
            self.written = Effect::Possible;
        }
        if matches!(problem, Problem::Busy { .. }) {
            return self.trouble(now, command, problem);
        }
        self.outdated += u32::from(problem.is_outdated());
        match self.task.rejected(purpose, &problem) {
            Reaction::Usual => self.trouble(now, command, problem),
            Reaction::Replan => self.again(now),
            Reaction::Fail(error) => self.fail(error),
        }
    }

    /// A note has been written, or not. Without the right to do that, things are done without notes.
    fn note_answered(&mut self, now: Instant, command: &Command, answer: Result<Bytes, Problem>) -> State {
        let permitted = match answer {
            Ok(_) => true,
            Err(Problem::Forbidden(_) | Problem::Refused(_) | Problem::NotServed(_)) => false,
            Err(problem) => {
                self.outdated += u32::from(problem.is_outdated());
                return self.trouble(now, command, problem);
            }
        };
        self.obstacle = None;
        match self.notes.written(permitted) {
            AfterNote::Send(_, verb) => State::Ready(Call::Write(verb)),
            AfterNote::Read => self.again(now),
            AfterNote::Done => self.done(now, command),
        }
    }

    /// Reads everything anew; at once, unless that has happened suspiciously often.
    fn again(&self, now: Instant) -> State {
        if self.rounds < PROMPT_ROUNDS {
            State::Ready(Call::Machine)
        } else {
            State::Resting { until: now + LONGEST_REST }
        }
    }

    fn unreadable(&mut self, now: Instant, command: &Command) -> State {
        let reason = "the API server's answer makes no sense".to_owned();
        self.trouble(now, command, Problem::Busy { reason, retry_after: None, effect: Effect::None })
    }

    /// Something stands in the way: rest and read again, or give up.
    fn trouble(&mut self, now: Instant, command: &Command, problem: Problem) -> State {
        self.failures = self.failures.saturating_add(1);
        match &problem {
            Problem::Forbidden(message) => return self.fail(CommandError::Forbidden(message.clone())),
            Problem::Refused(message) => return self.fail(CommandError::Refused(message.clone())),
            Problem::Busy { retry_after: Some(asked), .. }
                if now + *asked >= command.deadline && self.written == Effect::None =>
            {
                return self.fail(give_up(&problem));
            }
            Problem::Conflict(_) | Problem::Missing { .. } | Problem::NotServed(_) | Problem::Busy { .. } => {}
        }
        let rest = problem.rest(&mut self.entropy, self.failures);
        self.obstacle = Some(problem);
        State::Resting { until: now + rest }
    }

    fn fail(&self, error: CommandError) -> State {
        let _ = self;
        State::Done(Err(error))
    }

    fn out_of_time(&self, now: Instant) -> Result<Completion, CommandError> {
        if let Some((_, over)) = self.opposed_until(now) {
            return Err(CommandError::Unsettled { retry_after: over.saturating_since(now) });
        }
        if self.task.complete() {
            // The watches will show it.
            return Ok(Completion::default());
        }
        Err(match (&self.obstacle, &self.state, self.written) {
            (_, State::Awaiting(Sent::Write(_)), _) | (_, _, Effect::Possible | Effect::Over) => CommandError::TimedOut,
            // The cluster is in the middle of another change of the power, which ends.
            (Some(problem @ Problem::Conflict(_)), _, Effect::None)
                if self.task.power().is_some() && !problem.is_outdated() =>
            {
                CommandError::TimedOut
            }
            (Some(problem), _, Effect::None) => give_up(problem),
            (None, State::Awaiting(_), Effect::None) => {
                CommandError::Unavailable { reason: "no answer in time".to_owned(), retry_after: None }
            }
            (None, _, Effect::None) => CommandError::TimedOut,
        })
    }
}

/// Whether an object is the one of its kind that a command is about: garbage from in between looks like an answer.
fn is_of(metadata: &Metadata, command: &Command) -> bool {
    metadata.uid.is_some() && translate::vm_id(metadata).is_some_and(|id| id == command.vm)
}

/// The same of one that was asked for by its name.
fn is_named(metadata: &Metadata, command: &Command, name: &ObjectName) -> bool {
    let beside = metadata.namespace.as_deref() == Some(command.vm.namespace());
    metadata.uid.is_some() && beside && metadata.name.as_ref() == Some(name)
}

/// What a problem that did not go away means for the command.
fn give_up(problem: &Problem) -> CommandError {
    match problem {
        Problem::Conflict(_) if problem.is_outdated() => CommandError::Contended,
        Problem::Conflict(message) => CommandError::Conflict(message.clone()),
        Problem::Missing { message, .. } => CommandError::Unsupported(message.clone()),
        Problem::Forbidden(message) => CommandError::Forbidden(message.clone()),
        Problem::Refused(message) => CommandError::Refused(message.clone()),
        Problem::NotServed(reason) => CommandError::Unavailable { reason: reason.clone(), retry_after: None },
        Problem::Busy { reason, retry_after, .. } => {
            CommandError::Unavailable { reason: reason.clone(), retry_after: *retry_after }
        }
    }
}

/// How long the answer to a question is waited for before it is asked again. A request that changes something is waited for
/// as long as its command has time.
const READ: Duration = Duration::from_secs(30);

/// No task needs that many readings unless somebody works against it.
const PROMPT_ROUNDS: u32 = 20;

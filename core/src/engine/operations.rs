//! Operations that are being carried out: whose turn it is to send, how long an answer is waited for, and how one is called
//! off.
//!
//! ```text
//!             Send                its turn            answer, failure or deadline
//!   between ───────▶ in line ──────────────▶ sent ──────────────────────────────▶ between
//!      │                                                                             ▲
//!      └── Ask ────▶ in line ──────────────▶ asking ─────────────────────────────────┘
//! ```

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use super::{Answer, Core, Due, LogEvent, Outside, Owner, RequestId, Target};
use crate::fairness::{Bounds, IMAGE_QUESTIONS, Turns};
use crate::kubevirt::{ImageRequest, Operation, OperationStep, Share, TransportError};
use crate::model::{Action, CommandError, CommandId, Completion, Unanswered};
use crate::time::Instant;

/// The longest answer that is taken, in bytes: objects of the cluster have at most a few megabytes.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// What came of an operation, and what it leaves behind without an answer.
pub(super) struct Ended {
    pub(super) id: CommandId,
    pub(super) result: Result<Completion, CommandError>,
    pub(super) unanswered: Vec<Unanswered>,
}

#[derive(Debug)]
pub(super) struct Operations {
    running: BTreeMap<CommandId, Running>,
    /// Whose turn it is to send to the API server. No namespace keeps others waiting for a server that is slow to answer.
    requests: Turns<Share, CommandId>,
    /// A request for the lease and a sign of life wait for no command: late, they are of no use.
    lease_requests: Turns<Share, CommandId>,
    /// Whose turn it is to ask a server of images.
    questions: Turns<Share, CommandId>,
    /// What may be able to go on.
    ready: VecDeque<CommandId>,
}

#[derive(Debug)]
struct Running {
    operation: Operation,
    share: Share,
    state: State,
}

#[derive(Debug)]
enum State {
    Between,
    InLine { request: Request<Bytes>, deadline: Instant },
    Sent { id: RequestId, head: Option<Response<()>>, body: BytesMut },
    InLineToAsk(ImageRequest),
    Asking(RequestId),
}

impl Operations {
    pub(super) fn new(requests: Bounds) -> Self {
        Self {
            running: BTreeMap::new(),
            requests: Turns::new(requests),
            lease_requests: Turns::new(requests),
            questions: Turns::new(IMAGE_QUESTIONS),
            ready: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// How many requests wait for their turn.
    pub(super) fn depths(&self) -> [(&'static str, usize); 2] {
        let to_cluster = self.requests.waiting() + self.lease_requests.waiting();
        [("cluster requests", to_cluster), ("image questions", self.questions.waiting())]
    }

    pub(super) fn start(&mut self, id: CommandId, operation: Operation) {
        let share = operation.share();
        self.running.insert(id, Running { operation, share, state: State::Between });
        self.ready.push_back(id);
    }

    /// Sends nothing more for an operation. What waits is not sent; what asks for something only is not waited for; the
    /// answer to what may have changed something is, because whoever comes next must not overtake it.
    pub(super) fn call_off(&mut self, now: Instant, id: CommandId, core: &mut Core) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.operation.call_off();
        if !matches!(running.state, State::Sent { .. }) || !running.operation.awaits_answer() {
            self.interrupt(now, id, core, || TransportError::NotSent("it was called off".to_owned()));
        }
    }

    /// The time that an operation named has come.
    pub(super) fn due(&mut self, now: Instant, id: CommandId, core: &mut Core) {
        self.interrupt(now, id, core, || TransportError::NotSent("it was not its turn in time".to_owned()));
    }

    /// Takes in a part of an answer.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        id: CommandId,
        request: RequestId,
        answer: Answer,
        core: &mut Core,
    ) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let (sent, head, body) = match &mut running.state {
            State::Sent { id, head, body } => (*id, head, body),
            State::Asking(asked) if *asked == request => {
                return match answer {
                    Answer::Head(head) => {
                        core.abort(Some(request));
                        self.asked(now, id, Ok(head), core);
                    }
                    Answer::Failed(error) => self.asked(now, id, Err(error), core),
                    Answer::Data(_) | Answer::End | Answer::Datagram { .. } => {}
                };
            }
            _ => return,
        };
        if sent != request {
            return;
        }
        let result = match answer {
            Answer::Head(response) => {
                *head = Some(response);
                return;
            }
            Answer::Data(data) if body.len().saturating_add(data.len()) > LARGEST_ANSWER => {
                core.abort(Some(request));
                Err(TransportError::Broken(format!("the answer has more than {LARGEST_ANSWER} bytes")))
            }
            Answer::Data(data) => {
                if body.is_empty() {
                    // The only piece, most of the time: it is not copied.
                    *body = BytesMut::from(data);
                } else {
                    body.extend_from_slice(&data);
                }
                return;
            }
            Answer::End => {
                let body = std::mem::take(body).freeze();
                let head = head.take();
                head.map(|head| head.map(|()| body)).ok_or_else(|| TransportError::Broken("it has no head".to_owned()))
            }
            Answer::Failed(error) => Err(error),
            Answer::Datagram { .. } => return,
        };
        self.handle_response(now, id, result, core);
    }

    /// Has every operation go on as far as it can; those that have ended.
    pub(super) fn step(&mut self, now: Instant, core: &mut Core) -> Vec<Ended> {
        let mut ended = Vec::new();
        loop {
            while let Some(id) = self.ready.pop_front() {
                ended.extend(self.step_one(now, id, core));
            }
            if !self.send_admitted(now, core) && self.ready.is_empty() {
                return ended;
            }
        }
    }

    fn step_one(&mut self, now: Instant, id: CommandId, core: &mut Core) -> Option<Ended> {
        let Running { operation, share, state } = self.running.get_mut(&id)?;
        while matches!(state, State::Between) {
            match operation.poll(now) {
                OperationStep::Send { request, deadline } => {
                    let turns = if *share == Share::Lease { &mut self.lease_requests } else { &mut self.requests };
                    if turns.wait(share, id).is_err() {
                        operation.handle_response(now, Err(too_many()));
                        continue;
                    }
                    core.timers.set(Due::Operation(id), deadline);
                    *state = State::InLine { request, deadline };
                }
                OperationStep::Ask(question) => {
                    if self.questions.wait(share, id).is_err() {
                        operation.handle_image_answer(now, Err(too_many()));
                        continue;
                    }
                    core.timers.set(Due::Operation(id), question.until);
                    *state = State::InLineToAsk(question);
                }
                OperationStep::WaitUntil(until) => {
                    core.timers.set(Due::Operation(id), until);
                    return None;
                }
                OperationStep::Done(result) => {
                    core.timers.cancel(Due::Operation(id));
                    let operation = self.running.remove(&id)?.operation;
                    core.log(ended(&operation, &result));
                    return Some(Ended { id, unanswered: operation.unanswered(), result });
                }
            }
        }
        None
    }

    /// Sends what has its turn; whether there was anything.
    fn send_admitted(&mut self, now: Instant, core: &mut Core) -> bool {
        let mut any = false;
        while let Some((_, id)) = self.requests.admit().or_else(|| self.lease_requests.admit()) {
            any = true;
            // Who ends leaves the line first, so it is there, and waits.
            let Some(running) = self.running.get_mut(&id) else { continue };
            match std::mem::replace(&mut running.state, State::Between) {
                State::InLine { request, deadline } if now < deadline => {
                    let target = Target::ApiServer { watch: false };
                    let correlation = running.operation.correlation().cloned();
                    let sent = core.send(Owner::Operation(id), target, request, Some(deadline), correlation);
                    running.state = State::Sent { id: sent, head: None, body: BytesMut::new() };
                }
                state @ State::InLine { .. } => {
                    running.state = state;
                    self.due(now, id, core);
                }
                state => running.state = state,
            }
        }
        while let Some((_, id)) = self.questions.admit() {
            any = true;
            let Some(running) = self.running.get_mut(&id) else { continue };
            match std::mem::replace(&mut running.state, State::Between) {
                State::InLineToAsk(ImageRequest { request, verification, policy, until }) => {
                    let target = Target::ImageServer(Outside { policy, verification });
                    let request = request.map(|()| Bytes::new());
                    let correlation = running.operation.correlation().cloned();
                    let asked = core.send(Owner::Operation(id), target, request, Some(until), correlation);
                    running.state = State::Asking(asked);
                }
                state => running.state = state,
            }
        }
        any
    }

    /// Ends what an operation waits for: a turn, an answer, or a time.
    fn interrupt(&mut self, now: Instant, id: CommandId, core: &mut Core, not_sent: impl Fn() -> TransportError) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let called_off = || TransportError::Broken("it was called off".to_owned());
        match &running.state {
            State::Between => self.ready.push_back(id),
            State::InLine { .. } => {
                let turns = if running.share == Share::Lease { &mut self.lease_requests } else { &mut self.requests };
                turns.withdraw(&running.share, |waiting| *waiting == id);
                running.state = State::Between;
                running.operation.handle_response(now, Err(not_sent()));
                core.timers.cancel(Due::Operation(id));
                self.ready.push_back(id);
            }
            State::Sent { id: request, .. } => {
                core.abort(Some(*request));
                let is_called_off = running.operation.is_called_off() && !running.operation.awaits_answer();
                let error = if is_called_off { called_off() } else { TransportError::TimedOut };
                self.handle_response(now, id, Err(error), core);
            }
            State::InLineToAsk(_) => {
                self.questions.withdraw(&running.share, |waiting| *waiting == id);
                running.state = State::Between;
                running.operation.handle_image_answer(now, Err(not_sent()));
                core.timers.cancel(Due::Operation(id));
                self.ready.push_back(id);
            }
            State::Asking(request) => {
                core.abort(Some(*request));
                self.asked(now, id, Err(TransportError::TimedOut), core);
            }
        }
    }

    fn handle_response(
        &mut self,
        now: Instant,
        id: CommandId,
        result: Result<Response<Bytes>, TransportError>,
        core: &mut Core,
    ) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let turns = if running.share == Share::Lease { &mut self.lease_requests } else { &mut self.requests };
        turns.give_back(&running.share);
        core.timers.cancel(Due::Operation(id));
        running.state = State::Between;
        running.operation.handle_response(now, result);
        self.ready.push_back(id);
    }

    fn asked(&mut self, now: Instant, id: CommandId, answer: Result<Response<()>, TransportError>, core: &mut Core) {
        let Some(running) = self.running.get_mut(&id) else { return };
        self.questions.give_back(&running.share);
        core.timers.cancel(Due::Operation(id));
        running.state = State::Between;
        // Of one that was called off nobody has waited for an answer.
        if !running.operation.is_called_off() {
            core.log(LogEvent::ImageSize {
                subject: running.operation.subject(),
                correlation: running.operation.correlation().cloned(),
                result: answer.as_ref().map(Response::status).map_err(Clone::clone),
            });
        }
        running.operation.handle_image_answer(now, answer);
        self.ready.push_back(id);
    }
}

fn too_many() -> TransportError {
    TransportError::NotSent("too many wait already".to_owned())
}

fn ended(operation: &Operation, result: &Result<Completion, CommandError>) -> LogEvent {
    LogEvent::Command {
        subject: operation.subject(),
        action: operation.command().map_or("request", |command| name(&command.action)),
        correlation: operation.correlation().cloned(),
        // Documents are stored whenever somebody logs in, and callers reviewed every minute.
        routine: operation.is_routine() || (result.is_ok() && operation.command().is_none()),
        result: result.as_ref().map(drop).map_err(Clone::clone),
    }
}

/// What the log calls an action. Not what it says: an image's URL may have a password in it.
const fn name(action: &Action) -> &'static str {
    match action {
        Action::Power(_) => "power",
        Action::ExecutePendingPowerOn(_) => "execute pending power-on",
        Action::CancelPendingPowerOn(_) => "cancel pending power-on",
        Action::Change(_) => "change",
        Action::ResetFirmware => "reset firmware",
        Action::RestoreBoot { .. } => "restore boot",
        Action::InsertMedia(_) => "insert media",
        Action::SetImageTrust { .. } => "set image trust",
        Action::EjectMedia(_) => "eject media",
        Action::RemoveOrphan { .. } => "remove orphaned import",
        Action::LeaveOutMedia { .. } => "leave out media",
        Action::LeaveOutLostMedia { .. } => "leave out lost media",
        Action::ReplaceRun(_) => "replace run",
        Action::DropStaleNotes => "follow owner",
    }
}

//! Power: walks the table of `power_table` until it says that there is nothing left to do.
//!
//! It turns plans into requests, first into verbs of `subresources.kubevirt.io`; where those are not granted or not
//! there, into patches of `spec.runStrategy`. It never leaves a strategy replaced without a note on the machine.
//!
//! A power-off is done when nothing runs and nothing follows, by the same rule by which reads say `Off`. Whatever
//! virt-controller may still do is waited for, or prevented by a strategy that keeps the machine off.
//!
//! A power-on that has to wait for longer than a client would is pending: noted down on the machine, for any replica
//! to carry out. The note goes in the patch that starts the machine, so that nobody starts it twice for it.

use std::time::Duration;

use bytes::Bytes;

use serde_json::{Value, json};

use super::answer::Problem;
use super::awaited_media::AwaitedMedia;
use super::boot;
use super::engine::{Decision, Purpose, Reaction, Task, Write};
use super::pending::needs_new_instance;
use super::power_hold::{FIRST_RUN, Hold, hold, remove_ended, replace, shows};
use super::power_state::{end_is_certain, is_off, refusal, run_state};
use super::power_table::{Grace, Plan, RunState, cold, plan};
use super::snapshot::Snapshot;
use super::strategy_past::StrategyPast;
use crate::TransportError;
use crate::annotation::{Key, PENDING_POWER_ON, PowerOnRecord, PowerRequestsRecord, RUN_STRATEGY, StrategyNote};
use crate::model::{CommandError, ObjectName, PowerGoal, PowerRequest, Verb};
use crate::object::{RunStrategy, VirtualMachine};
use crate::request::{Collection, put_verb};
use crate::time::Instant;

/// A power request on its way.
#[derive(Debug)]
pub(super) struct Power {
    request: PowerRequest,
    /// What to do when `request` is done: the second half of a stop and start.
    then: Option<PowerRequest>,
    /// What was there at the beginning, once that is known.
    beginning: Option<Beginning>,
    /// The plan whose request is being sent or was accepted.
    step: Option<Step>,
    /// Whether the stop of a stop and start has been accepted and seen.
    stopped: bool,
    /// The verbs that turned out not to work here.
    without: Without,
    /// When the command was given.
    since: Instant,
    /// The pending power-on that this keeps; nothing else is asked for then.
    keeps: Option<Box<str>>,
    /// A pending power-on of the power-on has been noted down.
    pending_power_on: bool,
    /// Images that a start waits for.
    media: AwaitedMedia,
    /// A strategy has been replaced, so that what it is now says nothing about the owner's.
    replaced: bool,
    past: StrategyPast,
    /// When a strategy was replaced of which the cluster will not show that it has seen that.
    unproven: Option<Instant>,
    /// Why the cluster makes no instance, once that is certain.
    refused: Option<Box<str>>,
}

#[derive(Debug)]
struct Beginning {
    /// The run that was there, if there was one.
    run: Option<Box<str>>,
    /// The strategy in force.
    strategy: RunStrategy,
    /// The strategy that the owner had chosen.
    chosen: RunStrategy,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    plan: Plan,
    /// When it was accepted, if it has been.
    accepted: Option<Instant>,
}

/// What does not work here, or is not granted.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set; each of them stands for itself")]
struct Without {
    /// start, stop, restart.
    lifecycle: bool,
    /// softreboot.
    soft_reboot: bool,
    /// reset.
    reset: bool,
    /// unpause.
    unpause: bool,
    /// Notes on the machine.
    notes: bool,
    /// Putting a replaced strategy back after the start.
    tidying: bool,
    /// Promises of power-ons on the machine.
    pending_power_ons: bool,
}

impl Power {
    pub(super) fn new(request: PowerRequest, now: Instant) -> Self {
        Self {
            request,
            then: None,
            beginning: None,
            step: None,
            stopped: false,
            without: Without::default(),
            since: now,
            keeps: None,
            pending_power_on: false,
            media: AwaitedMedia::default(),
            replaced: false,
            past: StrategyPast::default(),
            unproven: None,
            refused: None,
        }
    }

    /// Carries out the pending power-on of that name.
    pub(super) fn execute_pending_power_on(name: Box<str>, now: Instant) -> Self {
        Self { keeps: Some(name), ..Self::new(PowerRequest::On, now) }
    }

    /// What the accepted step makes of what is seen: `None` to ask the table again.
    fn settle(&mut self, snapshot: &Snapshot<'_>, state: RunState) -> Option<Decision> {
        let Step { plan, accepted: Some(accepted) } = self.step? else {
            return None;
        };
        let waited = snapshot.now.saturating_since(accepted);
        let visible = match plan {
            Plan::Start => snapshot.live_uid().is_some(),
            Plan::Restart(_) => !matches!(state, RunState::Running | RunState::Paused) || self.another_run(snapshot),
            Plan::Pause => state != RunState::Running,
            Plan::Unpause => state != RunState::Paused,
            // Of what stops there is more to be said than that it was accepted: that it came true, and that nothing follows.
            Plan::SoftReboot | Plan::Reset | Plan::Interrupt | Plan::Stop(_) | Plan::Halt | Plan::Hold => true,
            Plan::Done | Plan::Wait | Plan::Refuse(_) | Plan::Cycle(_) => return None,
        };
        if plan == Plan::Start && waited >= REFUSAL && refusal(snapshot).is_some() {
            return Some(self.refused(snapshot));
        }
        if !visible && waited < SETTLING {
            return Some(Decision::Wait(SOON.max(waited / 4)));
        }
        self.step = None;
        match (plan, self.request) {
            (Plan::Start, _) => Some(self.started(snapshot)),
            (Plan::Stop(_) | Plan::Halt | Plan::Hold, _) => {
                self.stopped = self.then.is_some();
                None
            }
            (Plan::Unpause, request) if asks_the_guest(request) => None,
            // A reset leaves the processors stopped; who asked for it wants them to run.
            (Plan::Reset, _) if state == RunState::Paused => Some(self.carry_out(snapshot, Plan::Unpause)),
            _ => Some(Decision::Done),
        }
    }

    /// The cluster makes no instance: the power-on ends, and what can be taken back of it is.
    fn refused(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let reason: Box<str> = refusal(snapshot).unwrap_or_default().into();
        self.refused = Some(reason.clone());
        let was_halted = self.beginning.as_ref().filter(|beginning| beginning.strategy == RunStrategy::Halted);
        if let Some(beginning) = was_halted
            && snapshot.machine.run_strategy() != RunStrategy::Halted
            && !snapshot.machine.start_requested()
            && !self.without.notes
            && let Some(patch) = replace(snapshot, beginning.chosen, RunStrategy::Halted)
        {
            return Decision::Write(patch.into_write(Purpose::Tidy, snapshot.command));
        }
        Decision::Fail(CommandError::Refused(reason.into()))
    }

    /// Whether the run that was there at the beginning has been replaced by another.
    fn another_run(&self, snapshot: &Snapshot<'_>) -> bool {
        let before = self.beginning.as_ref().and_then(|beginning| beginning.run.as_ref());
        before.is_some_and(|before| snapshot.live_uid().is_some_and(|now| now != *before))
    }

    /// The machine is on its way up: what is left is to put back a strategy that had to be replaced for that.
    fn started(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        if refusal(snapshot).is_some() {
            let early = snapshot.now.saturating_since(self.since) < REFUSAL;
            return if early { Decision::Wait(SOON) } else { self.refused(snapshot) };
        }
        let note = StrategyNote::read(snapshot.machine);
        if note.is_none() && !has_pending_power_on(snapshot) || self.without.tidying || self.without.notes {
            return Decision::Done;
        }
        let mut patch = snapshot.patch();
        if let Some(note) = note {
            let stays = note.now == RunStrategy::Always && boot::reboot_ends_run(snapshot);
            if note.now == snapshot.machine.run_strategy() && !stays {
                // Strategies leave a running instance alone (facts, section 5), but not all of them make one.
                if snapshot.instance.is_none() {
                    self.step = Some(Step { plan: Plan::Start, accepted: Some(snapshot.now) });
                    return Decision::Wait(SOON);
                }
                // A start makes `Halted` `Always`.
                let was = if note.was == RunStrategy::Halted { RunStrategy::Always } else { note.was };
                patch = patch.set(&["spec", "runStrategy"], json!(was.name()));
            }
            if !stays {
                patch = patch.annotate(RUN_STRATEGY, None);
            } else if !has_pending_power_on(snapshot) {
                // What the run comes back by after its guest's reboot.
                return Decision::Done;
            }
        }
        if has_pending_power_on(snapshot) {
            patch = patch.annotate(PENDING_POWER_ON, None);
        }
        Decision::Write(patch.into_write(Purpose::Tidy, snapshot.command))
    }

    /// What a pending power-on on the machine means for this: `None` to go on.
    fn heed_pending_power_on(&self, snapshot: &Snapshot<'_>) -> Option<Decision> {
        let clear = || {
            Decision::Write(
                snapshot.patch().annotate(PENDING_POWER_ON, None).into_write(Purpose::PendingPowerOn, snapshot.command),
            )
        };
        let Some(name) = &self.keeps else {
            // Whoever turns it off wants nothing of what was asked before.
            let ends = matches!(self.request, PowerRequest::ForceOff | PowerRequest::GracefulShutdown);
            let ends = ends && self.then.is_none();
            return (ends && has_pending_power_on(snapshot) && !self.without.pending_power_ons).then(clear);
        };
        let record = PowerOnRecord::read(snapshot.machine).filter(|record| record.name == *name);
        let Some(record) = record else {
            // Kept by somebody else, or taken back.
            return Some(Decision::Done);
        };
        let another_run = snapshot.live_uid().is_some_and(|uid| record.instance.as_ref() != Some(&uid));
        if record.superseded(snapshot.machine) || another_run {
            // A note that may not be cleared is a failure: what is taken for kept would be due again at once.
            return Some(clear());
        }
        // It has not ended yet.
        snapshot.live_uid().is_some().then_some(Decision::Done)
    }

    /// Notes down that the machine is to be started when it can be, and leaves it at that; `None` to wait for it.
    fn pending(&self, snapshot: &Snapshot<'_>) -> Option<Decision> {
        let deferral = snapshot.command.deferral.as_ref().filter(|_| !self.without.pending_power_ons)?;
        let instance = snapshot.instance.and_then(|instance| instance.metadata.uid.clone());
        let strategy = snapshot.machine.run_strategy();
        let known = PowerOnRecord::read(snapshot.machine);
        if known.is_some_and(|known| !known.superseded(snapshot.machine) && known.instance == instance) {
            return Some(Decision::Done);
        }
        let record = PowerOnRecord::new(deferral, snapshot.machine, strategy, instance).text()?;
        let patch = snapshot.patch().annotate(PENDING_POWER_ON, Some(&record));
        Some(Decision::Write(patch.into_write(Purpose::PendingPowerOn, snapshot.command)))
    }

    /// Whether it waits for an image that is not there yet.
    fn awaits_media(&self, snapshot: &Snapshot<'_>) -> bool {
        let seen = snapshot.command.deferral.as_ref().is_some_and(|deferral| deferral.awaits_media);
        (seen || self.media.awaited()) && !self.without.pending_power_ons
    }

    fn carry_out(&mut self, snapshot: &Snapshot<'_>, plan: Plan) -> Decision {
        self.step = Some(Step { plan, accepted: None });
        let machine = Collection::VirtualMachines;
        let instance = Collection::VirtualMachineInstances;
        match plan {
            Plan::Done => Decision::Done,
            Plan::Wait => Decision::Wait(self.pace(snapshot.now)),
            Plan::Refuse(reason) => Decision::Fail(CommandError::Conflict(reason.to_owned())),
            Plan::Start => self.start(snapshot),
            Plan::Stop(_) | Plan::Halt | Plan::Hold
                if self.replaced
                    && let Some(read) = self.past.look_behind_always(snapshot) =>
            {
                read
            }
            Plan::Stop(grace) => self.stop(snapshot, grace),
            Plan::Halt => match replace(snapshot, self.chosen(snapshot), RunStrategy::Halted) {
                Some(patch) => Decision::Write(patch.into_write(Purpose::Main, snapshot.command)),
                None => Decision::Wait(self.pace(snapshot.now)),
            },
            Plan::Hold => self.hold(snapshot),
            Plan::Restart(_) if self.without.lifecycle || self.awaits_media(snapshot) => self.cycle(snapshot, plan),
            Plan::Restart(Grace::Own) => verb(snapshot, machine, "restart", &json!({})),
            Plan::Restart(Grace::Zero) => verb(snapshot, machine, "restart", &json!({ "gracePeriodSeconds": 0 })),
            Plan::Cycle(_) => self.cycle(snapshot, plan),
            Plan::SoftReboot => verb(snapshot, instance, "softreboot", &json!({})),
            Plan::Reset => verb(snapshot, instance, "reset", &json!({})),
            Plan::Pause => verb(snapshot, instance, "pause", &json!({})),
            Plan::Unpause => verb(snapshot, instance, "unpause", &json!({})),
            Plan::Interrupt => match &snapshot.platform.interrupt {
                Some(name) => interrupt(snapshot, name),
                // There was one when this was asked for.
                None => Decision::Fail(CommandError::Conflict("the cluster cannot interrupt guests".to_owned())),
            },
        }
    }

    /// Stop, then start. From here on the request is its first half.
    fn cycle(&mut self, snapshot: &Snapshot<'_>, plan: Plan) -> Decision {
        self.then = Some(PowerRequest::On);
        self.request = match plan {
            Plan::Restart(Grace::Own) | Plan::Cycle(Grace::Own) => PowerRequest::GracefulShutdown,
            _ => PowerRequest::ForceOff,
        };
        self.step = None;
        self.decide(snapshot)
    }

    fn start(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let machine = snapshot.machine;
        let strategy = machine.run_strategy();
        let chosen = StrategyNote::chosen(machine);
        let patch = |strategy: RunStrategy| snapshot.patch().set(&["spec", "runStrategy"], json!(strategy.name()));
        let legacy = machine.spec.running.is_some();
        let replaced = strategy == RunStrategy::Halted && !legacy && !self.without.notes;
        let pending_power_on = has_pending_power_on(snapshot) && !self.without.notes;
        if pending_power_on && !legacy && strategy == RunStrategy::Manual && snapshot.instance.is_some() {
            return Decision::Write(remove_ended(snapshot).into_write(Purpose::Prepare, snapshot.command));
        }
        let patch = match chosen {
            // Coming from another strategy, this one starts the machine by itself.
            RunStrategy::Once if replaced => patch(chosen).annotate(RUN_STRATEGY, None),
            RunStrategy::Manual | RunStrategy::RerunOnFailure
                if replaced && !pending_power_on && !self.without.lifecycle =>
            {
                // Then `start` is another step. The second would try it once by itself, and no more if that fails.
                let patch = patch(chosen).annotate(RUN_STRATEGY, None);
                return Decision::Write(patch.into_write(Purpose::Prepare, snapshot.command));
            }
            _ if !self.without.lifecycle && !pending_power_on => {
                return verb(snapshot, Collection::VirtualMachines, "start", &json!({}));
            }
            _ if legacy => snapshot.patch().set(&["spec", "running"], json!(true)),
            // No right to `start`, or a pending power-on that has to go at the same time: through another strategy, and back when
            // there is an instance. `Once` starts the machine no second time should nobody be there to put it back.
            RunStrategy::Manual | RunStrategy::RerunOnFailure => {
                let now = if pending_power_on { RunStrategy::Once } else { RunStrategy::Always };
                patch(now).annotate(RUN_STRATEGY, Some(&StrategyNote { was: chosen, now }.text()))
            }
            RunStrategy::Always | RunStrategy::Once | RunStrategy::Halted => {
                patch(RunStrategy::Always).annotate(RUN_STRATEGY, None)
            }
        };
        let patch = if pending_power_on { patch.annotate(PENDING_POWER_ON, None) } else { patch };
        Decision::Write(patch.into_write(Purpose::Main, snapshot.command))
    }

    /// The strategy that the owner has chosen, whatever the cluster has made of what this has replaced it by.
    fn chosen(&self, snapshot: &Snapshot<'_>) -> RunStrategy {
        // It makes `Always` of it; any other is of its owner, if it is not noted down.
        let is_always = self.replaced && snapshot.machine.run_strategy() == RunStrategy::Always;
        let before = self.beginning.as_ref().filter(|_| is_always && !self.past.always_is_chosen(snapshot));
        before.map_or_else(|| StrategyNote::chosen(snapshot.machine), |beginning| beginning.chosen)
    }

    /// Replaces a strategy by which another instance follows.
    fn hold(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let state = run_state(snapshot.machine, snapshot.instance);
        let Hold::By(by) = hold(snapshot, state, self.since) else { return Decision::Wait(SOON) };
        // The deprecated field knows no third way: it is stopped as often as it comes back.
        let by = if snapshot.machine.spec.running.is_some() { RunStrategy::Halted } else { by };
        if self.without.notes {
            // A strategy that cannot be noted down is not replaced, but by `stop`, which replaces two of them.
            let flips = matches!(snapshot.machine.run_strategy(), RunStrategy::Always | RunStrategy::Once);
            let stops = flips && !self.without.lifecycle;
            return if stops { self.ask_to_stop(snapshot, Grace::Zero) } else { Decision::Wait(LATER) };
        }
        match replace(snapshot, self.chosen(snapshot), by) {
            Some(patch) => {
                if !shows(snapshot, by) && !snapshot.machine.start_requested() {
                    self.unproven = Some(snapshot.now);
                }
                Decision::Write(patch.into_write(Purpose::Prepare, snapshot.command))
            }
            None => Decision::Wait(self.pace(snapshot.now)),
        }
    }

    /// Whether the cluster says that the machine is off, and can be believed.
    fn is_certainly_off(&self, snapshot: &Snapshot<'_>) -> bool {
        let proven = self.unproven.is_none_or(|since| snapshot.now.saturating_since(since) >= FIRST_RUN);
        proven && is_off(snapshot)
    }

    fn stop(&mut self, snapshot: &Snapshot<'_>, grace: Grace) -> Decision {
        let machine = snapshot.machine;
        // These two `stop` replaces by `Halted`, whichever it finds. A patch replaces the one that was read, or none.
        let flips = matches!(machine.run_strategy(), RunStrategy::Always | RunStrategy::Once);
        if !(self.without.lifecycle || flips && !self.without.notes) {
            return self.ask_to_stop(snapshot, grace);
        }
        // That `Halted` was replaced has not been seen yet, so nothing would show that it is back.
        let unseen = flips && machine.seen_strategy() == Some(RunStrategy::Halted) && machine.spec.running.is_none();
        // By a request for a start `Halted` would become `Always`.
        if machine.start_requested() || unseen {
            return self.hold(snapshot);
        }
        // What is `Halted` can be told to hurry, by who may.
        let hurry = grace == Grace::Zero && !self.without.lifecycle;
        match replace(snapshot, self.chosen(snapshot), RunStrategy::Halted) {
            Some(patch) if hurry => Decision::Write(patch.into_write(Purpose::Prepare, snapshot.command)),
            Some(patch) => Decision::Write(patch.into_write(Purpose::Main, snapshot.command)),
            None => Decision::Wait(self.pace(snapshot.now)),
        }
    }

    fn ask_to_stop(&mut self, snapshot: &Snapshot<'_>, grace: Grace) -> Decision {
        self.step = Some(Step { plan: Plan::Stop(grace), accepted: None });
        let body = match grace {
            Grace::Own => json!({}),
            Grace::Zero => json!({ "gracePeriod": 0 }),
        };
        verb(snapshot, Collection::VirtualMachines, "stop", &body)
    }

    /// Why it is not carried out any more, if another replica has carried out something else that was asked for later.
    /// What was not known when this was asked for came later, unless it is older by its clock.
    fn called_off(&self, snapshot: &Snapshot<'_>) -> Option<&'static str> {
        let command = snapshot.command;
        let last = PowerRequestsRecord::read(snapshot.machine)?.last?;
        let ordered = last.request.replica == command.replica || Some(last.request) == command.known_last;
        let earlier = last.asked.0.saturating_add(1) < command.asked.0;
        let alike = self.goal() == Some(last.goal) || self.request == PowerRequest::Interrupt || self.keeps.is_some();
        if ordered || earlier || alike {
            return None;
        }
        Some(match last.goal {
            PowerGoal::Off => "a later request turned the machine off",
            PowerGoal::On => "a later request turned the machine on",
            PowerGoal::Paused => "a later request paused the machine",
        })
    }

    /// Waits for a run to end before the machine is started again; after a moment by way of a pending power-on.
    fn wait_for_the_stop(&self, snapshot: &Snapshot<'_>, state: RunState) -> Decision {
        let ending = matches!(state, RunState::Stopping | RunState::Dying | RunState::Ending | RunState::Ended);
        let patient = ending && (self.awaits_media(snapshot) || snapshot.now.saturating_since(self.since) >= PATIENCE);
        let pending = if patient { self.pending(snapshot) } else { None };
        let waits = pending.is_none() && self.then.is_none() && snapshot.command.deferral.is_some();
        if waits && self.without.pending_power_ons && state == RunState::Stopping {
            // It may take minutes, and nobody could see to it then.
            return Decision::Fail(CommandError::Conflict(NO_PROMISE.to_owned()));
        }
        pending.unwrap_or_else(|| Decision::Wait(self.pace(snapshot.now)))
    }

    fn may_do_without_unpausing(&self) -> bool {
        matches!(self.request, PowerRequest::GracefulShutdown | PowerRequest::PushPowerButton)
    }

    /// How long to wait for the cluster: less at the beginning, when most waits end.
    fn pace(&self, now: Instant) -> Duration {
        if now.saturating_since(self.since) < SETTLING { SOON } else { LATER }
    }
}

impl Task for Power {
    fn import(&self, machine: &VirtualMachine) -> Option<ObjectName> {
        self.media.import(machine)
    }

    fn import_may_be_hidden(&self) -> bool {
        !self.media.inserting()
    }

    fn imports_not_served(&self) -> Reaction {
        self.media.imports_not_served()
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        self.beginning.get_or_insert_with(|| Beginning {
            run: snapshot.live_uid(),
            strategy: snapshot.machine.run_strategy(),
            chosen: StrategyNote::chosen(snapshot.machine),
        });
        if !self.without.notes {
            if let Some(read) = self.past.look(snapshot) {
                return read;
            }
            if let Some(was) = self.past.lost(snapshot) {
                let note = StrategyNote { was, now: RunStrategy::Halted };
                let patch = snapshot.patch().annotate(RUN_STRATEGY, Some(&note.text()));
                return Decision::Write(patch.into_write(Purpose::Prepare, snapshot.command));
            }
        }
        if let Some(reason) = self.called_off(snapshot) {
            return Decision::Fail(CommandError::CalledOff(reason.to_owned()));
        }
        if let Some(reason) = self.refused.take() {
            return Decision::Fail(CommandError::Refused(reason.into()));
        }
        let restarting = matches!(
            self.request,
            PowerRequest::GracefulRestart | PowerRequest::ForceRestart | PowerRequest::PowerCycle
        );
        let state = run_state(snapshot.machine, snapshot.instance);
        // Somebody, perhaps we in a request whose answer was lost, has restarted it since.
        if restarting && self.another_run(snapshot) {
            return Decision::Done;
        }
        if let Some(decision) = self.settle(snapshot, state).or_else(|| self.heed_pending_power_on(snapshot)) {
            return decision;
        }
        let strategy = snapshot.machine.run_strategy();
        let mut next = plan(self.request, strategy, state);
        let ends = matches!(self.request, PowerRequest::ForceOff | PowerRequest::GracefulShutdown);
        if snapshot.machine.metadata.deleting() {
            if !ends {
                return Decision::Fail(CommandError::Conflict("the machine is being removed".to_owned()));
            }
            if is_off(snapshot) {
                return Decision::Done;
            }
        }
        next = match next {
            Plan::SoftReboot if self.without.soft_reboot || needs_new_instance(snapshot) => cold(next, strategy),
            Plan::Reset if self.without.reset || needs_new_instance(snapshot) => cold(next, strategy),
            // Then it has to be done without its guest.
            Plan::Unpause if self.without.unpause && self.may_do_without_unpausing() => Plan::Stop(Grace::Own),
            // It boots just now, and with everything that it is to have.
            Plan::SoftReboot | Plan::Reset if state == RunState::Starting => Plan::Done,
            other => other,
        };
        let starts = matches!(next, Plan::Start | Plan::Restart(_) | Plan::Cycle(_));
        let reboots = matches!(next, Plan::SoftReboot | Plan::Reset) && AwaitedMedia::lacks_http_image(snapshot);
        if starts || reboots {
            self.step = None;
            if let Some(decision) = self.media.find_out(snapshot, self.keeps.is_some()) {
                return decision;
            }
        }
        // What a request has turned out to mean it goes on meaning, even if an answer is lost: a button that was
        // pressed once must not be taken for pressed twice, nor a machine be reset that was just started.
        match (self.request, next) {
            (PowerRequest::PushPowerButton, Plan::Stop(_)) => self.request = PowerRequest::GracefulShutdown,
            (
                PowerRequest::PushPowerButton
                | PowerRequest::GracefulRestart
                | PowerRequest::ForceRestart
                | PowerRequest::PowerCycle,
                Plan::Start | Plan::Halt | Plan::Wait,
            ) => self.request = PowerRequest::On,
            _ => {}
        }
        let off = self.request == PowerRequest::ForceOff && self.then.is_none();
        if next == Plan::Done && (off && !self.is_certainly_off(snapshot) || ends && !end_is_certain(snapshot)) {
            next = Plan::Wait;
        }
        if let Some(then) = self.then {
            if matches!(state, RunState::Off | RunState::Ended) {
                self.then = None;
                self.request = then;
                next = plan(then, strategy, state);
            } else if matches!(next, Plan::Done | Plan::Wait)
                || (self.stopped && matches!(state, RunState::Stopping | RunState::Dying))
            {
                return self.wait_for_the_stop(snapshot, state);
            }
        }
        if next == Plan::Done && self.request == PowerRequest::On && strategy != RunStrategy::Halted {
            return self.started(snapshot);
        }
        match next {
            // Whoever gave the command has not seen it yet.
            Plan::Start if self.awaits_media(snapshot) && self.keeps.is_some() => Decision::Done,
            Plan::Start if self.awaits_media(snapshot) => {
                let pending = self.pending(snapshot);
                pending.unwrap_or_else(|| self.carry_out(snapshot, next))
            }
            Plan::Wait if self.request == PowerRequest::On => self.wait_for_the_stop(snapshot, state),
            _ => self.carry_out(snapshot, next),
        }
    }

    fn image_answered(&mut self, answer: Result<http::Response<()>, TransportError>) {
        self.media.image_answered(answer);
    }

    fn has_read(&mut self, answer: Result<Bytes, Problem>) {
        if !self.past.has_read(&answer) {
            self.media.has_read(answer);
        }
    }

    fn accepted(&mut self, now: Instant, purpose: Purpose) {
        if self.media.inserting() {
            return self.media.accepted(now, purpose);
        }
        if matches!(purpose, Purpose::Main | Purpose::Verb)
            && let Some(step) = &mut self.step
        {
            step.accepted = Some(now);
            if purpose == Purpose::Verb && matches!(step.plan, Plan::Stop(_)) {
                self.past.stop_answered();
            }
        }
        match purpose {
            Purpose::Tidy => self.step = None,
            Purpose::PendingPowerOn => self.pending_power_on = true,
            Purpose::Main | Purpose::Prepare => self.replaced = true,
            Purpose::Verb
            | Purpose::Join
            | Purpose::Credentials
            | Purpose::Certificates
            | Purpose::Outdated
            | Purpose::Note => {}
        }
    }

    fn rejected(&mut self, purpose: Purpose, problem: &Problem) -> Reaction {
        if self.media.inserting() {
            return self.media.rejected(purpose, problem, self.keeps.is_some());
        }
        let denied = matches!(problem, Problem::Forbidden(_) | Problem::Refused(_));
        if purpose == Purpose::PendingPowerOn && self.keeps.is_none() && denied {
            self.without.pending_power_ons = true;
            return Reaction::Replan;
        }
        let Some(Step { plan, .. }) = self.step else {
            // Tidying up, which is not worth a failure; a conflict is worth another try.
            if purpose == Purpose::Tidy && !matches!(problem, Problem::Conflict(_)) {
                self.without.tidying = true;
                return Reaction::Replan;
            }
            if purpose == Purpose::Prepare && denied {
                self.without.notes = true;
                return Reaction::Replan;
            }
            return Reaction::Usual;
        };
        // Nothing of the sort is known to this API server, or to this release of virt-api.
        let unknown = match problem {
            Problem::Missing { kind, .. } => kind.as_deref() != Some("virtualmachineinstance"),
            Problem::NotServed(_) => true,
            _ => false,
        };
        let denied = matches!(problem, Problem::Forbidden(_)) || unknown;
        let refused = denied || matches!(problem, Problem::Refused(_));
        match (purpose, plan) {
            // May use verbs and not patch: then a replaced strategy is not put back.
            (Purpose::Prepare, _) if refused => self.without.notes = true,
            (Purpose::Main, Plan::Start | Plan::Stop(_)) if refused && !self.without.lifecycle => {
                self.without.notes = true;
            }
            (Purpose::Verb, Plan::Start | Plan::Stop(_) | Plan::Restart(_)) if denied => self.without.lifecycle = true,
            // 409 for a guest with neither agent nor ACPI: it has to be done without asking it.
            (Purpose::Verb, Plan::SoftReboot) if refused || speechless(problem) => self.without.soft_reboot = true,
            (Purpose::Verb, Plan::Reset) if refused => self.without.reset = true,
            (Purpose::Verb, Plan::Unpause) if denied && self.may_do_without_unpausing() => self.without.unpause = true,
            _ => return Reaction::Usual,
        }
        self.step = None;
        Reaction::Replan
    }

    fn sending(&mut self, purpose: Purpose) {
        if purpose == Purpose::Verb && self.step.is_some_and(|step| matches!(step.plan, Plan::Stop(_))) {
            self.past.stop_sent();
        }
    }

    fn keeps_power_notes(&self) -> bool {
        true
    }

    fn goal(&self) -> Option<PowerGoal> {
        if self.keeps.is_some() {
            return None;
        }
        match self.then.unwrap_or(self.request) {
            PowerRequest::ForceOff | PowerRequest::GracefulShutdown => Some(PowerGoal::Off),
            PowerRequest::On
            | PowerRequest::GracefulRestart
            | PowerRequest::ForceRestart
            | PowerRequest::PowerCycle
            | PowerRequest::Resume => Some(PowerGoal::On),
            PowerRequest::Pause => Some(PowerGoal::Paused),
            // Pressed on the way, it changes nothing.
            PowerRequest::PushPowerButton | PowerRequest::Interrupt => None,
        }
    }

    fn power(&self) -> Option<PowerRequest> {
        // Whether a pending power-on is kept nobody waits to be told.
        self.keeps.is_none().then(|| self.then.unwrap_or(self.request))
    }

    fn complete(&self) -> bool {
        let last = |step: Step| match step.plan {
            Plan::Halt => self.request != PowerRequest::On,
            Plan::Unpause => !asks_the_guest(self.request),
            // Of these the end counts, not the beginning.
            Plan::Stop(_) => self.request != PowerRequest::ForceOff,
            Plan::Hold => false,
            _ => true,
        };
        let ends = matches!(self.request, PowerRequest::ForceOff | PowerRequest::GracefulShutdown);
        if self.pending_power_on && (self.then.is_some() || !ends) {
            return true;
        }
        self.then.is_none() && self.step.is_some_and(|step| step.accepted.is_some() && last(step))
    }
}

/// Whether a guest has a part in what is asked for, so that its processors have to run.
fn asks_the_guest(request: PowerRequest) -> bool {
    matches!(request, PowerRequest::GracefulRestart | PowerRequest::GracefulShutdown | PowerRequest::PushPowerButton)
}

/// Whether a power-on has been pending, or was once.
fn has_pending_power_on(snapshot: &Snapshot<'_>) -> bool {
    snapshot.machine.metadata.annotations.has(Key::PendingPowerOn)
}

fn verb(snapshot: &Snapshot<'_>, collection: Collection, verb: &'static str, body: &Value) -> Decision {
    let path = collection.verb(&snapshot.command.vm, &Verb::known(verb));
    Decision::Write(Write { purpose: Purpose::Verb, request: Box::new(put_verb(&path, body)) })
}

/// Has the guest interrupted, by what the cluster calls that.
fn interrupt(snapshot: &Snapshot<'_>, verb: &Verb) -> Decision {
    let path = Collection::VirtualMachineInstances.verb(&snapshot.command.vm, verb);
    Decision::Write(Write { purpose: Purpose::Verb, request: Box::new(put_verb(&path, &json!({}))) })
}

fn speechless(problem: &Problem) -> bool {
    matches!(problem, Problem::Conflict(message) if message.contains("ACPI"))
}

/// Meant for the client.
const NO_PROMISE: &str = "the machine is still shutting down, and the service is not permitted to write on it that it is \
                          to be turned on when it is off";
/// How long the end of a run is waited for before a power-on is pending: longer than one that is forced takes.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long the cluster is given to take back that it refuses what it has accepted: what it says may be about an earlier
/// attempt.
const REFUSAL: Duration = Duration::from_millis(2_500);
/// How long the cluster may take to show what it has accepted.
const SETTLING: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(1);

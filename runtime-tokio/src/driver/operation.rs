//! Carries one command's operation: sends its requests, waits as long as it wants to.

use std::pin::pin;

use kubevirt_redfish_core::kubevirt::{Operation, OperationStep, Share, TransportError};
use kubevirt_redfish_core::model::{Action, CommandError, Completion, Unanswered};
use kubevirt_redfish_core::time::Instant;
use tokio::sync::watch;

use super::image_server;
use crate::clock::Clock;
use crate::permits::{Full, Permits};
use crate::server::stopped;
use crate::transport::Transport;

/// The longest answer that is taken; objects of the cluster have at most a few megabytes.
const ANSWER: usize = 64 * 1024 * 1024;

/// What came of an operation, and what it leaves behind without an answer.
pub(super) type End = (Result<Completion, CommandError>, Vec<Unanswered>);

/// Runs an operation to its end, or until `stop` becomes true; each of its requests when it is their turn.
///
/// A request that may change something is waited for in any case: whoever comes next must not overtake it.
pub(super) async fn run(
    mut operation: Operation,
    clock: Clock,
    transport: Transport,
    permits: Permits<Share>,
    questions: Permits<Share>,
    mut stop: watch::Receiver<bool>,
) -> End {
    loop {
        if *stop.borrow() {
            operation.call_off();
        }
        match operation.poll(clock.mono()) {
            OperationStep::Send { request, deadline } => {
                let correlation_id = operation.correlation_id();
                tracing::debug!(correlation_id, vm = operation.subject(), method = %request.method(), path = request.uri().path(), "command");
                // For the request alone: an operation may wait for an hour until its machine has stopped.
                let share = operation.share();
                let response = match turn(permits.acquire(&share), clock, deadline, &mut stop).await {
                    Ok(_permit) => {
                        let exchange = async { transport.send(request).await?.collect(ANSWER).await };
                        answer(exchange, &mut operation, clock, deadline, &mut stop).await
                    }
                    Err(reason) => Err(TransportError::NotSent(reason)),
                };
                operation.handle_response(clock.mono(), response);
            }
            OperationStep::Ask(question) => {
                let (share, asked_by) = (operation.share(), operation.correlation_id());
                let answer = tokio::select! {
                    answer = image_server::ask(question, asked_by, &share, &questions, clock, &transport) => Some(answer),
                    () = stopped(&mut stop) => None,
                };
                if let Some(answer) = answer {
                    operation.handle_image_answer(clock.mono(), answer);
                }
            }
            OperationStep::WaitUntil(instant) => tokio::select! {
                () = tokio::time::sleep_until(clock.timer(instant)) => {}
                () = stopped(&mut stop) => {}
            },
            OperationStep::Done(result) => {
                let vm = operation.subject();
                let command = operation.command();
                let action = command.map_or("request", |command| name(&command.action));
                let correlation_id = operation.correlation_id();
                match &result {
                    // Documents are stored whenever somebody logs in, and callers reviewed every minute.
                    Ok(_) if operation.command().is_none() => tracing::debug!(vm, action, "command done"),
                    Ok(_) => tracing::info!(correlation_id, vm, action, "command done"),
                    Err(error) if operation.is_routine() => {
                        tracing::debug!(correlation_id, vm, action, %error, "command failed");
                    }
                    Err(error) => tracing::warn!(correlation_id, vm, action, %error, "command failed"),
                }
                return (result, operation.unanswered());
            }
        }
    }
}

/// Waits for a turn; it is of no use to what has been called off by then, or has no time left.
async fn turn<P>(
    permit: impl Future<Output = Result<P, Full>>,
    clock: Clock,
    deadline: Instant,
    stop: &mut watch::Receiver<bool>,
) -> Result<P, String> {
    let permit = tokio::select! {
        biased;
        () = stopped(stop) => Err("it was called off".to_owned()),
        () = tokio::time::sleep_until(clock.timer(deadline)) => Err("it was not its turn in time".to_owned()),
        permit = permit => permit.map_err(|full| full.to_string()),
    };
    // While this task was being woken, time has gone on.
    let late = *stop.borrow() || clock.mono() >= deadline;
    permit.and_then(|permit| if late { Err("its turn came too late".to_owned()) } else { Ok(permit) })
}

/// Waits for the answer to what has been sent.
async fn answer<T>(
    exchange: impl Future<Output = Result<T, TransportError>>,
    operation: &mut Operation,
    clock: Clock,
    deadline: Instant,
    stop: &mut watch::Receiver<bool>,
) -> Result<T, TransportError> {
    let late = tokio::time::sleep_until(clock.timer(deadline));
    let (mut exchange, mut late) = (pin!(exchange), pin!(late));
    tokio::select! {
        response = &mut exchange => return response,
        () = &mut late => return Err(TransportError::TimedOut),
        () = stopped(stop) => operation.call_off(),
    }
    if !operation.awaits_answer() {
        return Err(TransportError::Broken("it was called off".to_owned()));
    }
    tokio::select! {
        response = exchange => response,
        () = late => Err(TransportError::TimedOut),
    }
}

/// What the log calls an action. Not what it says: an image's URL may have a password in it.
const fn name(action: &Action) -> &'static str {
    match action {
        Action::Power(_) => "power",
        Action::KeepPromise(_) => "keep power-on promise",
        Action::BreakPromise(_) => "break power-on promise",
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
        Action::FollowOwner => "follow owner",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kubevirt_redfish_core::fairness::Bounds;

    use super::*;

    /// D9: whether it was called off and how late it is are looked at after the wait for a turn.
    #[tokio::test]
    async fn a_turn_that_comes_too_late_is_none() {
        let (clock, permits, share) = (Clock::start(), Permits::new(Bounds::of(1, 8)), Share::Documents);
        let held = permits.acquire(&share).await.expect("nobody else has one");
        let (stop, mut stops) = watch::channel(false);
        let (soon, later) = (clock.mono() + Duration::from_millis(20), clock.mono() + Duration::from_mins(1));
        assert!(turn(permits.acquire(&share), clock, soon, &mut stops).await.is_err(), "its deadline has come");
        let call_off = async {
            tokio::task::yield_now().await;
            stop.send(true)
        };
        let (turned, _) = tokio::join!(turn(permits.acquire(&share), clock, later, &mut stops), call_off);
        assert!(turned.is_err(), "it was called off while it waited");
        drop(held);
        assert!(turn(permits.acquire(&share), clock, later, &mut stops).await.is_err(), "it was called off before");
        let (_stop, mut stops) = watch::channel(false);
        assert!(turn(permits.acquire(&share), clock, soon, &mut stops).await.is_err(), "it is free, and too late");
        assert!(turn(permits.acquire(&share), clock, later, &mut stops).await.is_ok());
    }
}

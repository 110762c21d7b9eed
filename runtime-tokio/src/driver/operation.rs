//! Carries one command's operation: sends its requests, waits as long as it wants to.

use std::time::Duration;

use kubevirt_redfish_core::kubevirt::{Operation, OperationStep, Share, TransportError};
use kubevirt_redfish_core::model::{Action, CommandError, Completion};
use tokio::sync::watch;

use super::{image_server, timed_out};
use crate::clock::Clock;
use crate::permits::Permits;
use crate::server::stopped;
use crate::transport::Transport;

/// The time for one request and its answer.
const REQUEST: Duration = Duration::from_secs(30);

/// The longest answer that is taken; objects of the cluster have at most a few megabytes.
const ANSWER: usize = 64 * 1024 * 1024;

/// Runs an operation to its end, or until `stop` becomes true; each of its requests when it is their turn.
///
/// A request that has been sent is waited for in any case: whoever comes next must not overtake it.
pub(super) async fn run(
    mut operation: Operation,
    clock: Clock,
    transport: Transport,
    permits: Permits<Share>,
    questions: Permits<Share>,
    mut stop: watch::Receiver<bool>,
) -> Result<Completion, CommandError> {
    loop {
        if *stop.borrow() {
            return Err(CommandError::Conflict("it was called off".to_owned()));
        }
        match operation.poll(clock.mono()) {
            OperationStep::Send(request) => {
                let correlation_id = operation.correlation_id();
                tracing::debug!(correlation_id, vm = operation.subject(), method = %request.method(), path = request.uri().path(), "command");
                // For the request alone: an operation may wait for an hour until its machine has stopped.
                let response = match permits.acquire(&operation.share()).await {
                    Ok(_permit) => {
                        let exchange = async { transport.send(request).await?.collect(ANSWER).await };
                        tokio::time::timeout(REQUEST, exchange).await.map_err(timed_out).flatten()
                    }
                    Err(full) => Err(TransportError::NotSent(full.to_string())),
                };
                operation.handle_response(clock.mono(), response);
            }
            OperationStep::Ask(question) => {
                let asked_by = operation.correlation_id();
                let answer =
                    image_server::ask(question, asked_by, &operation.share(), &questions, clock, &transport).await;
                operation.handle_image_answer(clock.mono(), answer);
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
                return result;
            }
        }
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
